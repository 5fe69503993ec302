#include "daybook/jsonl.h"

#include <utility>

#include "carry/carrier.h"

namespace shop {
namespace {

// Nobody answers to a file.
class JsonlCarrier : public Carrier {
 public:
  explicit JsonlCarrier(std::unique_ptr<daybook::JsonlTransport> transport)
      : transport_(std::move(transport)) {}

  std::string kind() const override { return "jsonl"; }
  daybook::Transport& transport() override { return *transport_; }
  daybook::TranslatorOptions::Data data() const override {
    return daybook::TranslatorOptions::kJson;
  }
  absl::Status Listen(daybook::Inbox&) override { return absl::OkStatus(); }
  void Hush() override {}
  void Describe(api::v1::Consumer* view) const override { view->set_endpoint("none"); }

 private:
  const std::unique_ptr<daybook::JsonlTransport> transport_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Carrier>> MakeJsonlCarrier(const std::string& path) {
  auto transport = daybook::JsonlTransport::Open(path);
  if (!transport.ok()) return transport.status();
  return std::make_unique<JsonlCarrier>(*std::move(transport));
}

}  // namespace shop
