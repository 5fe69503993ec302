// What the demo's customers were told, to be compared with the log afterwards.

#ifndef SHOP_DEMO_LEDGER_H_
#define SHOP_DEMO_LEDGER_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "api/api.pb.h"

namespace shop {

// Thread-safe.
class Ledger {
 public:
  struct Seen {
    int64_t version = 0;
    int64_t total_minor = 0;
    std::string status = {};
  };

  template <typename View>
  void SawOrder(const View& order) {
    Saw(order, &orders_);
  }
  template <typename View>
  void SawCreditNote(const View& note) {
    Saw(note, &credit_notes_);
  }

  // REQUIRES: no other thread is at work any more.
  const std::map<std::string, Seen>& orders() const { return orders_; }
  const std::map<std::string, Seen>& credit_notes() const { return credit_notes_; }

  std::atomic<int64_t> paid_minor = 0;
  std::atomic<int64_t> repeats = 0;
  std::atomic<int64_t> refusals = 0;
  std::atomic<int64_t> stale_writes = 0;

 private:
  // Answers to several customers may come in any order; the newest version counts.
  template <typename View>
  void Saw(const View& view, std::map<std::string, Seen>* all) {
    const std::lock_guard lock(mutex_);
    Seen& seen = (*all)[view.id()];
    if (view.version() > seen.version) seen = {view.version(), view.total_minor(), view.status()};
  }

  std::mutex mutex_;
  std::map<std::string, Seen> orders_;
  std::map<std::string, Seen> credit_notes_;
};

}  // namespace shop

#endif  // SHOP_DEMO_LEDGER_H_
