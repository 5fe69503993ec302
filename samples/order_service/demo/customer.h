// One customer of the demo, who behaves as customers do: orders, hesitates, clicks twice, tries
// what is not allowed, pays, and sometimes brings things back.

#ifndef SHOP_DEMO_CUSTOMER_H_
#define SHOP_DEMO_CUSTOMER_H_

#include <random>
#include <string>

#include "absl/status/status.h"
#include "api/api.pb.h"
#include "demo/client.h"
#include "demo/ledger.h"

namespace shop {

class Customer {
 public:
  // A visit's randomness comes from `random` alone.
  Customer(std::string name, Client& client, Ledger& ledger, std::mt19937& random);

  // Orders something and sees it through. An error: the service did not answer as it should.
  absl::Status Shop();

  // Adds a line to an order that others are changing, too.
  absl::Status JoinGroupOrder(const std::string& order_id);

  // Pays an order whole.
  absl::Status Pay(const api::v1::Order& order);

  absl::StatusOr<api::v1::Order> Place(int lines);

  // Looks at the order until shipping has sent it.
  absl::Status AwaitParcel(const std::string& order_id);

 private:
  bool Chance(int percent);
  std::string NewKey();
  api::v1::NewLine PickItem();
  absl::Status ChangeMind();
  absl::Status TryWhatIsNotAllowed();
  absl::Status Receive();
  absl::Status BringBack();

  // One command on order_, with an Idempotency-Key; now and then sent twice.
  absl::Status Do(const std::string& step, const google::protobuf::Message& body);
  absl::Status ExpectRefusal(const std::string& step, const google::protobuf::Message& body);
  // Sends it twice now and then: the second answer must be the first.
  absl::StatusOr<Answer> Send(const std::string& path, const google::protobuf::Message& body);

  const std::string name_;
  Client& client_;
  Ledger& ledger_;
  std::mt19937& random_;
  api::v1::Order order_;
};

}  // namespace shop

#endif  // SHOP_DEMO_CUSTOMER_H_
