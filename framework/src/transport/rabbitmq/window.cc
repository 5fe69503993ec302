#include "transport/rabbitmq/window.h"

#include <algorithm>
#include <utility>

namespace daybook::internal::rabbitmq {

void Window::Add(Sent sent) {
  entries_.emplace_back(std::move(sent));
  ++size_;
}

void Window::TakeOne(size_t index, std::vector<Sent>& taken) {
  if (!entries_[index]) return;
  taken.push_back(*std::exchange(entries_[index], std::nullopt));
  --size_;
}

std::vector<Sent> Window::Take(uint64_t tag, bool multiple) {
  std::vector<Sent> taken;
  const uint64_t end = first_tag_ + entries_.size();
  if (multiple) {
    // A tag of 0 means all.
    const uint64_t last = tag == 0 ? end - 1 : std::min(tag, end - 1);
    for (uint64_t i = first_tag_; i <= last; ++i) TakeOne(i - first_tag_, taken);
  } else if (tag >= first_tag_ && tag < end) {
    TakeOne(tag - first_tag_, taken);
  }
  while (!entries_.empty() && !entries_.front()) {
    entries_.pop_front();
    ++first_tag_;
  }
  return taken;
}

void Window::MarkReturned(std::string_view message_id, std::string_view why) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return entry && entry->returned.empty() && entry->message.event->id == message_id;
  });
  if (found != entries_.end()) (*found)->returned = why;
}

std::optional<std::chrono::steady_clock::time_point> Window::Oldest() const {
  if (entries_.empty()) return std::nullopt;
  return entries_.front()->at;
}

std::vector<Sent> Window::Reset() {
  std::vector<Sent> all;
  for (std::optional<Sent>& entry : entries_) {
    if (entry) all.push_back(*std::move(entry));
  }
  entries_.clear();
  first_tag_ = 1;
  size_ = 0;
  return all;
}

}  // namespace daybook::internal::rabbitmq
