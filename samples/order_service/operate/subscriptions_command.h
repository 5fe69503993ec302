// order_service subscriptions: how they are, and what an operator does with them.

#ifndef SHOP_OPERATE_SUBSCRIPTIONS_COMMAND_H_
#define SHOP_OPERATE_SUBSCRIPTIONS_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "daybook/sqlite_event_store.h"

namespace shop {

class SubscriptionsCommand {
 public:
  // `add_common` adds the options that every command has.
  SubscriptionsCommand(CLI::App& app, const std::function<void(CLI::App*)>& add_common);

  bool parsed() const { return command_->parsed(); }

  // REQUIRES: parsed().
  absl::Status Run(daybook::SqliteEventStore& store, bool json) const;

 private:
  struct Arguments;

  CLI::App* const command_;
  const std::shared_ptr<Arguments> arguments_;
};

}  // namespace shop

#endif  // SHOP_OPERATE_SUBSCRIPTIONS_COMMAND_H_
