#include "daybook/jsonl.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "make_status.h"
#include "mutex.h"
#include "to_absl.h"

namespace daybook {
namespace {

using internal::MakeStatus;
using internal::MutexLock;

absl::Status FromErrno(const std::string& endpoint) {
  const int error = errno;
  const absl::StatusCode code = error == ENOSPC || error == EDQUOT || error == EFBIG
                                    ? absl::StatusCode::kResourceExhausted
                                    : absl::ErrnoToStatusCode(error);
  return MakeStatus(code, absl::StrCat(endpoint, ": ", std::strerror(error)));
}

// Opening and closing one would drop the locks of whoever has it open in this process.
bool IsOfADatabase(const std::string& path) {
  for (const char* suffix : {"-wal", "-shm", "-turn", "-journal"}) {
    std::error_code ignored;
    if (std::filesystem::exists(path + suffix, ignored) || path.ends_with(suffix)) return true;
  }
  return false;
}

}  // namespace

class JsonlTransport::Impl {
 public:
  Impl(int file, bool is_ours, std::string endpoint) : file_(file), is_ours_(is_ours) {
    health_.endpoint = std::move(endpoint);
    health_.connected = true;
    health_.connections = 1;
    // Whatever cut it off: the line that begins here shall be whole.
    char last = '\n';
    const off_t end = is_ours ? lseek(file_, 0, SEEK_END) : 0;
    if (end > 0 && pread(file_, &last, 1, end - 1) != 1) last = '\n';
    torn_ = last != '\n';
  }

  ~Impl() {
    if (is_ours_) close(file_);
  }

  DeliveryResult Send(const IntegrationEvent& event) {
    absl::StatusOr<std::string> line = ToCloudEventJson(event);
    if (!line.ok()) return {Delivery::kFailed, line.status()};
    MutexLock lock(mutex_);
    absl::Status written = Write((torn_ ? "\n" : "") + *line + "\n");
    health_.connected = written.ok();
    if (written.ok()) {
      ++health_.confirmed;
      return {};
    }
    health_.last_error = written;
    return {Delivery::kDown, std::move(written)};
  }

  TransportHealth Health() const {
    MutexLock lock(mutex_);
    return health_;
  }

 private:
  absl::Status Write(std::string_view bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    while (!bytes.empty()) {
      const ssize_t written = write(file_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return FromErrno(health_.endpoint);
      bytes.remove_prefix(static_cast<size_t>(written));
      torn_ = !bytes.empty();
    }
    return absl::OkStatus();
  }

  const int file_;
  const bool is_ours_;
  mutable internal::Mutex mutex_;
  bool torn_ ABSL_GUARDED_BY(mutex_) = false;
  TransportHealth health_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::unique_ptr<JsonlTransport>> JsonlTransport::Open(const std::string& path) {
  std::unique_ptr<Impl> impl;
  if (path == "-") {
    impl = std::make_unique<Impl>(STDOUT_FILENO, false, "standard output");
  } else if (path.empty() || IsOfADatabase(path)) {
    return MakeStatus(absl::StatusCode::kInvalidArgument,
                      path.empty() ? "the path is empty; name a file"
                                   : path + " belongs to a SQLite database; name another file");
  } else {
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file < 0) return FromErrno(path);
    impl = std::make_unique<Impl>(file, true, path);
  }
  return std::unique_ptr<JsonlTransport>(new JsonlTransport(std::move(impl)));
}

JsonlTransport::JsonlTransport(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
JsonlTransport::~JsonlTransport() = default;
void JsonlTransport::Send(std::shared_ptr<const IntegrationEvent> event, Done done) {
  done(impl_->Send(*event));
}
TransportHealth JsonlTransport::Health() const { return impl_->Health(); }

}  // namespace daybook
