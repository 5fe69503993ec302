# shellcheck shell=bash
# Sourced: a RabbitMQ of its own, in a folder, on free ports of 127.0.0.1.
#
#   start_broker "$folder"     returns when clients can log in; sets $broker_uri
#   kill_broker                SIGKILL; start_broker "$folder" brings it back, with what it had
#   messages_queued            in all queues, those not acknowledged included
#   stop_broker                and what belongs to it

# shellcheck disable=SC2034 # broker_uri is for whoever sources this
broker_pid="" broker_names_pid="" broker_port="" broker_uri="" in_broker=()

is_free_port() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# For the server, its distribution and its names.
choose_broker_ports() {
  while true; do
    broker_port=$((20000 + RANDOM % 12000))
    if is_free_port "$broker_port" && is_free_port $((broker_port + 1)) &&
      is_free_port $((broker_port + 2)); then
      return
    fi
  done
}

# Nothing of a RabbitMQ that the machine may have is touched. As under systemd, the script becomes
# the server, instead of waiting for it.
set_broker_environment() {
  local folder=$1
  in_broker=(env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$folder" LC_ALL=C.UTF-8
    RUNNING_UNDER_SYSTEMD=true ERL_CRASH_DUMP="$folder/log/erl_crash.dump"
    ERL_EPMD_PORT=$((broker_port + 2)) ERL_EPMD_ADDRESS=127.0.0.1
    RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_NODENAME="t$broker_port@localhost"
    RABBITMQ_NODE_IP_ADDRESS=127.0.0.1 RABBITMQ_NODE_PORT="$broker_port"
    RABBITMQ_DIST_PORT=$((broker_port + 1)) RABBITMQ_PID_FILE="$folder/rmq.pid"
    RABBITMQ_MNESIA_BASE="$folder/mnesia" RABBITMQ_LOG_BASE="$folder/log"
    RABBITMQ_GENERATED_CONFIG_DIR="$folder/gen" RABBITMQ_SCHEMA_DIR="$folder/schema"
    RABBITMQ_CONFIG_FILE="$folder/rabbitmq.conf"
    RABBITMQ_ADVANCED_CONFIG_FILE="$folder/advanced.config"
    RABBITMQ_ENABLED_PLUGINS_FILE="$folder/enabled_plugins"
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none \
-kernel inet_dist_use_interface {127,0,0,1}")
}

prepare_broker() {
  local folder=$1
  mkdir -p "$folder"/{mnesia,log,gen,schema}
  choose_broker_ports
  set_broker_environment "$folder"
  echo '[].' >"$folder/enabled_plugins"
  printf '%s\n' "listeners.tcp.1 = 127.0.0.1:$broker_port" "disk_free_limit.absolute = 50MB" \
    "vm_memory_high_watermark.absolute = 2GB" >"$folder/rabbitmq.conf"
  # Otherwise the server starts one, as a daemon, on all interfaces.
  "${in_broker[@]}" epmd -port $((broker_port + 2)) -address 127.0.0.1 >/dev/null 2>&1 &
  broker_names_pid=$!
}

broker_answers() {
  local answer
  {
    exec 3<>"/dev/tcp/127.0.0.1/$broker_port" && printf 'AMQP\0\0\x09\x01' >&3 &&
      IFS= read -r -N 1 -t 1 -u 3 answer && [[ $answer == $'\x01' ]]
  } 2>/dev/null
}

start_broker() {
  local folder=$1 deadline=$((SECONDS + 90))
  [[ -n $broker_names_pid ]] || prepare_broker "$folder"
  "${in_broker[@]}" setsid /usr/lib/rabbitmq/bin/rabbitmq-server \
    </dev/null >>"$folder/log/out" 2>&1 &
  broker_pid=$!
  until (broker_answers); do
    if ((SECONDS > deadline)) || ! kill -0 "$broker_pid" 2>/dev/null; then
      cat "$folder/log/out" >&2
      echo "error: RabbitMQ does not start (see above)" >&2
      return 1
    fi
    sleep 0.1
  done
  broker_uri="amqp://guest:guest@127.0.0.1:$broker_port"
}

messages_queued() {
  "${in_broker[@]}" /usr/lib/rabbitmq/bin/rabbitmqctl -q list_queues --no-table-headers messages |
    awk '{ sum += $1 } END { print sum + 0 }'
}

# end SIGNAL PID: and wait for its end. Nothing, where there is no pid.
end() {
  [[ -n $2 ]] || return 0
  kill "-$1" "$2" 2>/dev/null || true
  wait "$2" 2>/dev/null || true
}

kill_broker() {
  end KILL "$broker_pid"
  broker_pid=""
}

stop_broker() {
  end TERM "$broker_pid"
  end KILL "$broker_names_pid"
  broker_pid="" broker_names_pid=""
}
