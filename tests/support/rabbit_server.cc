#include "support/rabbit_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

#include "support/loopback.h"

namespace daybook::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr char kScripts[] = "/usr/lib/rabbitmq/bin/";
constexpr int kPorts = 5;  // AMQP, distribution, names, streams, TLS
constexpr seconds kBootsWithin(120);

bool IsFree(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  const sockaddr_in address = Loopback(port);
  const bool free = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return free;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& s : strings) pointers.push_back(s.data());
  pointers.push_back(nullptr);
  return pointers;
}

// A child that does not outlive this thread.
pid_t Spawn(std::vector<std::string> command, std::vector<std::string> environment,
            const std::string& output, const std::string& folder) {
  const std::vector<char*> argv = Pointers(command);
  const std::vector<char*> envp = Pointers(environment);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child != 0) return child;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(126);
  setsid();
  const int in = open("/dev/null", O_RDONLY);
  const int out = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (in < 0 || out < 0 || chdir(folder.c_str()) != 0) _exit(126);
  dup2(in, 0);
  dup2(out, 1);
  dup2(out, 2);
  execve(argv[0], argv.data(), envp.data());
  _exit(127);
}

// The exit status.
int Reap(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

bool HasEnded(pid_t child) {
  siginfo_t info = {};
  return waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
         info.si_pid == child;
}

std::string Contents(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

RabbitServer::RabbitServer(std::string settings, std::optional<Tls> tls)
    : settings_(std::move(settings)), tls_(std::move(tls)) {
  for (const char* folder : {"mnesia", "log", "gen", "schema"}) {
    std::filesystem::create_directory(dir_.File(folder));
  }
  // Another program may take the ports between the look at them and their use.
  for (int attempt = 1; attempt <= 3; ++attempt) {
    ChoosePorts();
    WriteConfiguration();
    if (TryStart()) return;
    Stop();
  }
  Die("does not start");
}

RabbitServer::~RabbitServer() { Stop(); }

std::string RabbitServer::uri() const {
  return "amqp://guest:guest@127.0.0.1:" + std::to_string(port_);
}

void RabbitServer::ChoosePorts() {
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<int> bases(10000, 32000);
  while (true) {
    port_ = bases(random);
    bool free = true;
    for (int i = 0; i < kPorts; ++i) free = free && IsFree(port_ + i);
    if (free) return;
  }
}

void RabbitServer::WriteConfiguration() const {
  std::ofstream(dir_.File("enabled_plugins")) << "[].\n";
  std::ofstream conf(dir_.File("rabbitmq.conf"));
  conf << "listeners.tcp.1 = 127.0.0.1:" << port_ << "\n"
       << "disk_free_limit.absolute = 50MB\n"
       << "vm_memory_high_watermark.absolute = 2GB\n"
       << settings_ << "\n";
  if (!tls_) return;
  conf << "listeners.ssl.1 = 127.0.0.1:" << tls_port() << "\n"
       << "ssl_options.cacertfile = " << tls_->ca_file << "\n"
       << "ssl_options.certfile = " << tls_->certificate_file << "\n"
       << "ssl_options.keyfile = " << tls_->key_file << "\n"
       << "ssl_options.verify = verify_peer\n"
       << "ssl_options.fail_if_no_peer_cert = false\n";
}

std::vector<std::string> RabbitServer::Environment() const {
  const std::string names = std::to_string(port_ + 2);
  return {
      "HOME=" + dir_.path(),
      "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
      "LC_ALL=C.UTF-8",
      "ERL_CRASH_DUMP=" + dir_.File("log/erl_crash.dump"),
      "ERL_EPMD_PORT=" + names,
      "ERL_EPMD_ADDRESS=127.0.0.1",
      // The script then becomes the Erlang VM, instead of waiting for it.
      "RUNNING_UNDER_SYSTEMD=true",
      "RABBITMQ_CONF_ENV_FILE=/dev/null",
      "RABBITMQ_NODENAME=t" + std::to_string(port_) + "@localhost",
      "RABBITMQ_NODE_IP_ADDRESS=127.0.0.1",
      "RABBITMQ_NODE_PORT=" + std::to_string(port_),
      "RABBITMQ_DIST_PORT=" + std::to_string(port_ + 1),
      "RABBITMQ_MNESIA_BASE=" + dir_.File("mnesia"),
      "RABBITMQ_LOG_BASE=" + dir_.File("log"),
      "RABBITMQ_GENERATED_CONFIG_DIR=" + dir_.File("gen"),
      "RABBITMQ_SCHEMA_DIR=" + dir_.File("schema"),
      "RABBITMQ_CONFIG_FILE=" + dir_.File("rabbitmq.conf"),
      "RABBITMQ_ADVANCED_CONFIG_FILE=" + dir_.File("advanced.config"),
      "RABBITMQ_ENABLED_PLUGINS_FILE=" + dir_.File("enabled_plugins"),
      "RABBITMQ_PID_FILE=" + dir_.File("rmq.pid"),
      "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none "
      "-kernel inet_dist_use_interface {127,0,0,1}",
  };
}

void RabbitServer::Start() {
  if (!TryStart()) Die("does not start");
}

bool RabbitServer::TryStart() {
  if (name_server_ < 0) {
    // Otherwise the VM starts one, as a daemon, on all interfaces.
    name_server_ =
        Spawn({"/usr/bin/epmd", "-port", std::to_string(port_ + 2), "-address", "127.0.0.1"},
              Environment(), dir_.File("log/epmd"), dir_.path());
  }
  vm_ = Spawn({std::string(kScripts) + "rabbitmq-server"}, Environment(), dir_.File("log/out"),
              dir_.path());
  const Clock::time_point deadline = Clock::now() + kBootsWithin;
  while (!Answers()) {
    if (HasEnded(vm_) || HasEnded(name_server_) || Clock::now() > deadline) return false;
    std::this_thread::sleep_for(milliseconds(20));
  }
  return true;
}

// Whether a client would be asked to log in.
bool RabbitServer::Answers() const {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience = {.tv_sec = 1, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  const sockaddr_in address = Loopback(port_);
  char answer = 0;
  const bool answers =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      send(fd, "AMQP\0\0\x09\x01", 8, MSG_NOSIGNAL) == 8 && recv(fd, &answer, 1, 0) == 1 &&
      answer == 1;
  close(fd);
  return answers;
}

void RabbitServer::Kill() {
  kill(vm_, SIGKILL);
  Reap(vm_);
  vm_ = -1;
}

void RabbitServer::Stop() {
  if (vm_ > 0) {
    kill(vm_, SIGCONT);
    kill(vm_, SIGTERM);
    const Clock::time_point deadline = Clock::now() + seconds(20);
    while (!HasEnded(vm_) && Clock::now() < deadline) std::this_thread::sleep_for(milliseconds(5));
    kill(vm_, SIGKILL);
    Reap(vm_);
    vm_ = -1;
  }
  if (name_server_ > 0) {
    kill(name_server_, SIGKILL);
    Reap(name_server_);
    name_server_ = -1;
  }
}

void RabbitServer::Freeze() { kill(vm_, SIGSTOP); }

void RabbitServer::Thaw() { kill(vm_, SIGCONT); }

void RabbitServer::Control(const std::vector<std::string>& arguments) const {
  std::vector<std::string> command = {std::string(kScripts) + "rabbitmqctl"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const int status =
      Reap(Spawn(std::move(command), Environment(), dir_.File("log/control"), dir_.path()));
  if (status != 0) Die("rabbitmqctl failed: " + Contents(dir_.File("log/control")));
}

void RabbitServer::Die(const std::string& why) const {
  std::fprintf(stderr, "RabbitMQ %s\n%s\n", why.c_str(), Contents(dir_.File("log/out")).c_str());
  std::abort();
}

}  // namespace daybook::test
