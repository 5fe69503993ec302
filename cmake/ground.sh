# shellcheck shell=bash
# Sourced by the scripts that people run (samples/run, tests/run, bench/run), which set $root to the
# tree's folder: installs what is missing, builds quietly.
#
#   need g++ g++ "compiles"            the command g++; Debian's package g++ brings it
#   need - libsqlite3-dev "the log"    a library: the package itself is looked for
#   install_missing
#   build build/dev order_service      shows progress; the whole log only on failure

missing_packages=()
missing_reasons=()

have_package() {
  [[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

need() {
  local command=$1 package=$2 why=$3
  if [[ $command != - ]] && command -v "$command" >/dev/null; then return; fi
  if [[ $command == - ]]; then
    # Where there is no dpkg, CMake finds the libraries or says which one is not there.
    if ! command -v dpkg-query >/dev/null || have_package "$package"; then return; fi
  fi
  missing_packages+=("$package")
  missing_reasons+=("$package: $why")
}

cannot_install() {
  echo "error: $1. Install these first, then run this again:" >&2
  printf '  %s\n' "${missing_reasons[@]}" >&2
  echo "On Debian or Ubuntu, as root: apt-get install ${missing_packages[*]}" >&2
  exit 1
}

install_missing() {
  if ((${#missing_packages[@]} == 0)); then return; fi
  command -v apt-get >/dev/null || cannot_install "packages are missing, and there is no apt-get"
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      cannot_install "packages are missing, and installing them needs root or sudo"
    as_root=(sudo)
    if [[ ! -t 0 ]]; then as_root=(sudo -n); fi
  fi
  echo "Installing with ${as_root[*]:+sudo }apt-get what is missing here:"
  printf '  %s\n' "${missing_reasons[@]}"
  local log
  log=$(mktemp)
  if ! apt_install >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    rm -f "$log"
    cannot_install "apt-get failed (see above)"
  fi
  rm -f "$log"
  missing_packages=()
}

apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 "$@"
}

# The lists may be missing (a fresh container) or old.
apt_install() {
  local install=(install -y --no-install-recommends "${missing_packages[@]}")
  if apt-cache show "${missing_packages[@]}" >/dev/null 2>&1 && apt_get "${install[@]}"; then
    return
  fi
  apt_get update && apt_get "${install[@]}"
}

need_build_tools() {
  need cmake cmake "configures the build"
  need ninja ninja-build "runs the build"
  need g++ g++ "compiles"
  need pkg-config pkg-config "finds libraries"
  need protoc protobuf-compiler "turns .proto files into C++"
  need - libprotobuf-dev "events are Protobuf messages"
  need - libsqlite3-dev "the log is a SQLite file"
  need - libabsl-dev "absl::Status"
  need - libboost-dev "Boost.Signals2"
}

need_sample_libraries() {
  need - libcpp-httplib-dev "the order service speaks HTTP"
  need - libcli11-dev "the order service's command line"
  need - libcsv-dev "the order service imports CSV"
}

need_rabbitmq() {
  need - librabbitmq-dev "daybook::rabbitmq speaks AMQP"
  need - rabbitmq-server "a real RabbitMQ; Debian may start its service"
}

need_test_libraries() {
  need - libgtest-dev "the tests"
  need - libgmock-dev "the tests"
  need curl curl "the order service's README is tried as written"
}

# One job per core, as far as the memory goes: a compiler takes up to 0.7 GB.
jobs_here() {
  local cores memory_mb
  cores=$(nproc)
  memory_mb=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
  local jobs=$((memory_mb / 700))
  if ((jobs > cores)); then jobs=$cores; fi
  echo $((jobs > 1 ? jobs : 1))
}

# Only a new build folder takes these; an old one keeps what it was made with. With the other
# variables a compiler cache finds again what another clone, or one of the tests' own builds, has
# compiled.
choose_tools() {
  if command -v ninja >/dev/null; then export CMAKE_GENERATOR="${CMAKE_GENERATOR:-Ninja}"; fi
  if command -v ccache >/dev/null; then
    export CMAKE_CXX_COMPILER_LAUNCHER="${CMAKE_CXX_COMPILER_LAUNCHER:-ccache}"
    export CCACHE_NOHASHDIR=1 CCACHE_IGNOREOPTIONS="-Werror -fmacro-prefix-map=*"
  fi
}

# Several files at once: the first build takes half as long. What is measured, installed or used by
# another project is not built so.
quick_build=(-DCMAKE_UNITY_BUILD=ON)

# configure <folder> <cmake arguments…>
configure() {
  local folder=$1
  shift
  choose_tools
  mkdir -p "$folder"
  if ! cmake -B "$folder" "$@" >"$folder/configure.log" 2>&1; then
    cat "$folder/configure.log" >&2
    echo "error: CMake could not configure $folder (see above)" >&2
    exit 1
  fi
}

# build <folder> <targets…>
build() {
  local folder=$1 started=$SECONDS
  shift
  printf 'Building in %s ' "$folder"
  if ! CCACHE_BASEDIR=$root cmake --build "$folder" -j "$(jobs_here)" ${1:+--target "$@"} 2>&1 |
    tee "$folder/build.log" | show_progress; then
    printf '\n'
    cat "$folder/build.log" >&2
    echo "error: the build failed (see above)" >&2
    exit 1
  fi
  printf 'done (%d s)\n' $((SECONDS - started))
}

# Ninja's "[12/80] …" and make's "[ 15%] …", on a terminal in place, elsewhere as dots.
show_progress() {
  local line shown="" dotted=$SECONDS
  while IFS= read -r line; do
    [[ $line =~ ^\[\ *([0-9]+/[0-9]+|[0-9]+%)\] ]] || continue
    if [[ -t 1 ]]; then
      printf '%s%s' "${shown//?/$'\b'}" "${BASH_REMATCH[1]} "
      shown="${BASH_REMATCH[1]} "
    elif ((SECONDS >= dotted + 5)); then
      printf '.'
      dotted=$SECONDS
    fi
  done
  if [[ -t 1 ]]; then printf '%s' "${shown//?/$'\b'}"; else printf ' '; fi
}
