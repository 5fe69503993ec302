// Being told when the log has grown. The one header of the event store that includes
// Boost.Signals2.
//
//   daybook::CommitSignal commits(store);
//   boost::signals2::scoped_connection c = commits.Connect([&](daybook::Position head) { ... });

#ifndef DAYBOOK_COMMIT_SIGNAL_H_
#define DAYBOOK_COMMIT_SIGNAL_H_

#include <boost/signals2/connection.hpp>
#include <functional>
#include <memory>

#include "daybook/event.h"
#include "daybook/event_store.h"

namespace daybook {

// Emits the log's newest head after commits that moved it, whoever made them, in this process or
// another. Thread-safe. The store must outlive it.
//
// Slots run one after another on one thread of the signal's own, which exists while a slot is
// connected. Heads only rise; commits that follow fast on each other share one call. A slot may
// append, connect and disconnect (itself too). A slot that throws harms nobody else: `on_problem`
// is told, as kInternal.
class CommitSignal {
 public:
  explicit CommitSignal(EventStore& store,
                        std::function<void(const absl::Status&)> on_problem = {});

  // Stops and joins the thread. REQUIRES: not called from a slot.
  ~CommitSignal();

  CommitSignal(const CommitSignal&) = delete;
  CommitSignal& operator=(const CommitSignal&) = delete;

  // Calls `slot` for commits from now on. Keep the result in a boost::signals2::scoped_connection:
  // once disconnect() returns, the slot is not called again, but a call under way on the signal's
  // thread may still be running.
  [[nodiscard]] boost::signals2::connection Connect(std::function<void(Position head)> slot);

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace daybook

#endif  // DAYBOOK_COMMIT_SIGNAL_H_
