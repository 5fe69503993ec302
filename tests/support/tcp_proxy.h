#ifndef DAYBOOK_TESTS_SUPPORT_TCP_PROXY_H_
#define DAYBOOK_TESTS_SUPPORT_TCP_PROXY_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace daybook::test {

// Stands between a client and a server on 127.0.0.1, and passes bytes on. Thread-safe.
class TcpProxy {
 public:
  // Listens on a free port.
  explicit TcpProxy(int server_port);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  int port() const { return port_; }

  // What the server says goes through this first; empty passes it on. It may keep bytes back, and
  // hand them on later. Called on the proxy's thread.
  using Filter = std::function<std::string(std::string_view bytes)>;
  void FilterAnswers(Filter filter);

  // Holds back what the server says, until released; then it comes at once.
  void HoldAnswers();
  void ReleaseAnswers();

  // Reads nothing more from clients, while answers go on.
  void StopReading();

  // Passes on so many more bytes of what the server says, then closes all connections.
  void CutAfter(int64_t bytes);
  // Closes all connections.
  void Cut();
  // The same, and those that come too, until it is back.
  void GoAway();
  void ComeBack();

  int64_t connections() const { return connections_; }
  // Bytes from the server, also those held back.
  int64_t answered() const { return answered_; }

 private:
  struct Link;

  void Run();
  void Accept();
  void Pump(Link& link, bool client_ready, bool server_ready);
  void TakeAnswer(Link& link);
  void Wake();

  const int server_port_;
  int port_ = 0;
  int listener_ = -1;
  int wake_ = -1;
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> connections_ = 0;
  std::atomic<int64_t> answered_ = 0;

  std::mutex mutex_;
  Filter filter_;
  bool hold_ = false;
  bool stop_reading_ = false;
  bool cut_ = false;
  bool away_ = false;
  int64_t left_ = -1;  // of CutAfter

  std::vector<std::unique_ptr<Link>> links_;  // of the thread
  std::thread thread_;
};

}  // namespace daybook::test

#endif  // DAYBOOK_TESTS_SUPPORT_TCP_PROXY_H_
