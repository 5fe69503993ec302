#include "samples/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "api/api.pb.h"
#include "api/json.h"

namespace shop::test {
namespace {

// Starts it with these as its standard output and error. It dies with the thread that started it.
pid_t Start(const char* program, const std::vector<std::string>& arguments,
            const std::string& folder, int output, int errors) {
  std::vector<char*> argv = {const_cast<char*>(program)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::string tmpdir = "TMPDIR=" + folder;
  std::vector<char*> environment = {tmpdir.data()};
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (std::string(*variable).rfind("TMPDIR=", 0) != 0) environment.push_back(*variable);
  }
  environment.push_back(nullptr);
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("cannot fork");
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  dup2(output, STDOUT_FILENO);
  dup2(errors, STDERR_FILENO);
  execve(program, argv.data(), environment.data());
  _exit(127);
}

int ExitCode(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string ReadLine(int descriptor) {
  std::string line;
  for (char c = 0; read(descriptor, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

Ended Run(const char* program, const std::vector<std::string>& arguments, const std::string& folder,
          const std::string& given_output) {
  const std::string output = given_output.empty() ? folder + "/stdout" : given_output;
  const std::string errors = folder + "/stderr";
  const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  const int output_file = open(output.c_str(), flags, 0600);
  const int errors_file = open(errors.c_str(), flags, 0600);
  const int exit_code = ExitCode(Start(program, arguments, folder, output_file, errors_file));
  close(output_file);
  close(errors_file);
  return {.exit_code = exit_code,
          .output = given_output.empty() ? Contents(output) : "",
          .errors = Contents(errors)};
}

}  // namespace

Ended RunProgram(const std::vector<std::string>& arguments, const std::string& folder,
                 const std::string& output) {
  return Run(ORDER_SERVICE, arguments, folder, output);
}

Ended RunShipping(const std::vector<std::string>& arguments, const std::string& folder) {
  return Run(SHIPPING_SERVICE, arguments, folder, "");
}

Service::Service(const std::string& db, const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"serve", "--port", "0", "--json", "--db", db};
  arguments.insert(arguments.end(), more.begin(), more.end());
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  pid_ = Start(ORDER_SERVICE, arguments, std::filesystem::temp_directory_path(), ends[1],
               STDERR_FILENO);
  close(ends[1]);
  output_ = ends[0];
  api::v1::Listening listening;
  const std::string line = ReadLine(output_);
  if (line.empty() || !FromJson(line, &listening).ok()) {
    throw std::runtime_error("the service said '" + line + "'");
  }
  url_ = listening.url();
}

Service::~Service() {
  if (pid_ > 0) {
    Signal(SIGKILL);
    Wait();
  }
  close(output_);
}

int Service::port() const { return std::stoi(url_.substr(url_.rfind(':') + 1)); }

httplib::Client Service::Connect() const {
  httplib::Client client(url_);
  client.set_keep_alive(true);
  client.set_tcp_nodelay(true);
  client.set_read_timeout(60);
  return client;
}

void Service::Signal(int signal) { kill(pid_, signal); }

int Service::Wait() {
  const int exit_code = ExitCode(pid_);
  pid_ = -1;
  return exit_code;
}

}  // namespace shop::test
