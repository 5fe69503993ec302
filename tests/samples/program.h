// Running the real order_service and shipping_service.

#ifndef DAYBOOK_TESTS_SAMPLES_PROGRAM_H_
#define DAYBOOK_TESTS_SAMPLES_PROGRAM_H_

#include <httplib.h>
#include <sys/types.h>

#include <string>
#include <vector>

namespace shop::test {

struct Ended {
  int exit_code = 0;
  std::string output = {};
  std::string errors = {};
};

// Runs it with these arguments to its end. `folder` is its TMPDIR. Its output goes to `output`,
// where given.
Ended RunProgram(const std::vector<std::string>& arguments, const std::string& folder,
                 const std::string& output = "");

// The same with shipping_service.
Ended RunShipping(const std::vector<std::string>& arguments, const std::string& folder);

// `order_service serve` on a free port, with these further arguments, ready to answer once it is
// made. The destructor kills it.
class Service {
 public:
  explicit Service(const std::string& db, const std::vector<std::string>& more = {});
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  const std::string& url() const { return url_; }
  int port() const;
  httplib::Client Connect() const;

  void Signal(int signal);
  // Waits for its end. Its exit code; minus the signal's number if one ended it.
  int Wait();

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::string url_;
};

}  // namespace shop::test

#endif  // DAYBOOK_TESTS_SAMPLES_PROGRAM_H_
