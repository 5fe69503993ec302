// The command `inbox`: the messages that could not be handled, and what an operator does with them.

#ifndef SHIPPING_INBOX_COMMAND_H_
#define SHIPPING_INBOX_COMMAND_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "daybook/inbox.h"

namespace shipping {

class InboxCommand {
 public:
  // `add_common` adds the options that every command has.
  InboxCommand(CLI::App& app, const std::function<void(CLI::App*)>& add_common);

  bool parsed() const { return command_->parsed(); }

  // REQUIRES: parsed().
  absl::Status Run(daybook::Inbox& inbox, bool json) const;

 private:
  struct Arguments {
    std::string lane;
    int64_t number = 0;
  };

  CLI::App* const command_;
  const std::shared_ptr<Arguments> arguments_;
};

}  // namespace shipping

#endif  // SHIPPING_INBOX_COMMAND_H_
