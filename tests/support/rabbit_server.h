#ifndef DAYBOOK_TESTS_SUPPORT_RABBIT_SERVER_H_
#define DAYBOOK_TESTS_SUPPORT_RABBIT_SERVER_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "support/temp_dir.h"

namespace daybook::test {

// A RabbitMQ of its own, in a temporary folder, on free ports of 127.0.0.1. What cannot be started
// ends the program with what the server has said. Goes with all of its processes.
class RabbitServer {
 public:
  struct Tls {
    std::string ca_file = {};
    std::string certificate_file = {};
    std::string key_file = {};
  };

  // `settings` are further lines of rabbitmq.conf. With `tls` it also listens on tls_port().
  explicit RabbitServer(std::string settings = {}, std::optional<Tls> tls = {});
  // Stop().
  ~RabbitServer();
  RabbitServer(const RabbitServer&) = delete;
  RabbitServer& operator=(const RabbitServer&) = delete;

  // Returns when clients can log in; again on the same ports, with the same data.
  void Start();
  // SIGKILL to the Erlang VM.
  void Kill();
  void Stop();

  // SIGSTOP and SIGCONT to the Erlang VM.
  void Freeze();
  void Thaw();

  int port() const { return port_; }
  int tls_port() const { return port_ + 4; }
  // amqp://guest:guest@127.0.0.1:port
  std::string uri() const;
  // Runs rabbitmqctl, which takes a second or two.
  void Control(const std::vector<std::string>& arguments) const;

 private:
  std::vector<std::string> Environment() const;
  void WriteConfiguration() const;
  void ChoosePorts();
  bool TryStart();
  bool Answers() const;
  [[noreturn]] void Die(const std::string& why) const;

  const TempDir dir_;
  const std::string settings_;
  const std::optional<Tls> tls_;
  int port_ = 0;
  pid_t name_server_ = -1;
  pid_t vm_ = -1;
};

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_SUPPORT_RABBIT_SERVER_H_
