#include "subscription/window.h"

#include <algorithm>
#include <cassert>

namespace daybook::internal {

void Window::Add(EngineRecord record) {
  const uint64_t number = first_number_ + entries_.size();
  const auto [at, is_new] = lanes_.try_emplace(std::move(record.lane));
  Lane& lane = at->second;
  if (is_new) {
    lane.key = at->first;
  } else {
    At(lane.last).behind = number;
  }
  lane.last = number;
  Entry& entry = entries_.emplace_back();
  entry.record = std::move(record.record);
  entry.position = record.position;
  entry.lane = &lane;
  if (!is_new) return;
  entry.state = Entry::kReady;
  ready_.push(number);
}

void Window::AddFinished(Position position) {
  assert(!entries_.empty());
  Entry& entry = entries_.emplace_back();
  entry.position = position;
  entry.state = Entry::kFinished;
}

uint64_t Window::NumberOf(Position position) const {
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), position,
                       [](const Entry& entry, Position wanted) { return entry.position < wanted; });
  assert(found != entries_.end() && found->position == position);
  return first_number_ + static_cast<uint64_t>(found - entries_.begin());
}

Window::Entry& Window::At(Position position) { return At(NumberOf(position)); }

Window::Entry& Window::TakeReady(EngineTime now) {
  Entry& entry = At(ready_.top());
  ready_.pop();
  entry.state = Entry::kInFlight;
  entry.time = now;
  return entry;
}

void Window::MakeReady(Entry& entry) {
  entry.state = Entry::kReady;
  ready_.push(NumberOf(entry.position));
}

void Window::BackOff(Entry& entry, EngineTime until) {
  entry.state = Entry::kBackingOff;
  entry.time = until;
  backing_off_.emplace(until, NumberOf(entry.position));
}

void Window::EndBackOff(EngineTime now) {
  while (!backing_off_.empty() && next_retry() <= now) {
    const uint64_t number = backing_off_.begin()->second;
    backing_off_.erase(backing_off_.begin());
    At(number).state = Entry::kReady;
    ready_.push(number);
  }
}

int64_t Window::Finish(Entry& entry) {
  assert(entry.state == Entry::kInFlight);
  if (entry.behind != kNone) {
    At(entry.behind).state = Entry::kReady;
    ready_.push(entry.behind);
  } else {
    lanes_.erase(lanes_.find(entry.lane->key));
  }
  Drop(entry);
  return PopFinished();
}

int64_t Window::FinishLane(Entry& first, const std::function<void(const Entry&)>& each) {
  assert(first.state == Entry::kInFlight);
  const auto lane = lanes_.find(first.lane->key);
  for (Entry* entry = &first;;) {
    const uint64_t behind = entry->behind;
    each(*entry);
    Drop(*entry);
    if (behind == kNone) break;
    entry = &At(behind);
  }
  lanes_.erase(lane);
  return PopFinished();
}

int64_t Window::LaneSize(const Entry& first) const {
  int64_t size = 1;
  for (const Entry* entry = &first; entry->behind != kNone; entry = &At(entry->behind)) ++size;
  return size;
}

void Window::Drop(Entry& entry) {
  entry.state = Entry::kFinished;
  entry.record.reset();
  entry.lane = nullptr;
}

int64_t Window::PopFinished() {
  int64_t popped = 0;
  for (; !entries_.empty() && entries_.front().state == Entry::kFinished; ++popped) {
    entries_.pop_front();
  }
  first_number_ += static_cast<uint64_t>(popped);
  return popped;
}

void Window::ForgetAttempts() {
  for (Entry& entry : entries_) entry.attempts = 0;
}

void Window::Clear() {
  first_number_ += entries_.size();
  entries_.clear();
  lanes_.clear();
  ready_ = {};
  backing_off_.clear();
}

}  // namespace daybook::internal
