#include "carry/carrier.h"

#include "absl/strings/match.h"

namespace shop {
namespace {

constexpr char kInProcess[] = "in_process";
constexpr char kJsonl[] = "jsonl:";

bool IsAmqp(const std::string& transport) {
  return absl::StartsWith(transport, "amqp://") || absl::StartsWith(transport, "amqps://");
}

}  // namespace

absl::Status CheckTransport(const std::string& transport) {
  if (transport == kInProcess || IsAmqp(transport)) return absl::OkStatus();
  if (transport == kJsonl) return absl::InvalidArgumentError("jsonl: names no file; - is stdout");
  if (absl::StartsWith(transport, kJsonl)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "a transport is in_process, jsonl:FILE or amqp://user:password@host:port/vhost");
}

absl::StatusOr<std::unique_ptr<Carrier>> MakeCarrier(const std::string& transport,
                                                     const std::string& db) {
  if (transport == kInProcess) return MakeInProcessCarrier(db);
  if (IsAmqp(transport)) return MakeRabbitMqCarrier(transport);
  return MakeJsonlCarrier(transport.substr(sizeof kJsonl - 1));
}

}  // namespace shop
