#include "cep/record/timers.h"

#include <algorithm>
#include <tuple>

#include "cep/base/assert.h"

namespace tocsin::cep {
namespace {
// For std's heaps, whose top is the greatest.
bool falls_due_later(const Timer& a, const Timer& b) {
  if (a.deadline_us != b.deadline_us) return a.deadline_us > b.deadline_us;
  return a.arrival() > b.arrival();
}
bool comes_before(const Timer& a, const Timer& b) {
  return std::tuple(a.deadline_us, a.arrival(), a.hash) <
         std::tuple(b.deadline_us, b.arrival(), b.hash);
}
}  // namespace

void TimerQueue::push(const Timer& timer) {
  if (in_order_) {
    TOCSIN_ASSERT(empty() || timers_.back().deadline_us <= timer.deadline_us,
                  "rows ascend by time, and the delay is fixed");
    if (head_ > 64 && head_ * 2 > timers_.size()) {
      timers_.erase(timers_.begin(), timers_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
    timers_.push_back(timer);
    return;
  }
  timers_.push_back(timer);
  std::push_heap(timers_.begin(), timers_.end(), falls_due_later);
}

void TimerQueue::merge(const std::vector<Timer>& timers) {
  if (timers.empty()) return;
  if (!in_order_) {
    const auto is_same = [](const Timer& a, const Timer& b) {
      return !comes_before(a, b) && !comes_before(b, a);
    };
    for (std::size_t i = 0; i < timers.size(); ++i) {
      if (i == 0 || !is_same(timers[i - 1], timers[i])) push(timers[i]);
    }
    return;
  }
  // What comes later than the first of them, most often little.
  const auto begin = std::lower_bound(timers_.begin() + static_cast<std::ptrdiff_t>(head_),
                                      timers_.end(), timers.front(), comes_before);
  const std::vector<Timer> later(begin, timers_.end());
  timers_.erase(begin, timers_.end());
  const auto add = [&](const Timer& timer) {
    if (empty() || comes_before(timers_.back(), timer)) timers_.push_back(timer);
  };
  auto next = later.begin();
  for (const Timer& timer : timers) {
    for (; next != later.end() && comes_before(*next, timer); ++next) add(*next);
    add(timer);
  }
  for (; next != later.end(); ++next) add(*next);
}

void TimerQueue::pop() {
  if (in_order_) {
    ++head_;
  } else {
    std::pop_heap(timers_.begin(), timers_.end(), falls_due_later);
    timers_.pop_back();
  }
  if (empty()) {
    head_ = 0;
    timers_.clear();
    if (timers_.capacity() > 64) timers_.shrink_to_fit();
  }
}

void ShardTimers::push_head(std::uint32_t queue) {
  heads_.push_back({queue_at(queue).front().deadline_us, queue});
  std::push_heap(heads_.begin(), heads_.end(),
                 [](const Head& a, const Head& b) { return a.deadline_us > b.deadline_us; });
}

void ShardTimers::push(std::uint32_t queue, const Timer& timer) {
  TimerQueue& of = queue_at(queue);
  const bool was_empty = of.empty();
  const std::int64_t front_before = was_empty ? 0 : of.front().deadline_us;
  of.push(timer);
  if (was_empty || of.front().deadline_us != front_before) push_head(queue);
}

void ShardTimers::merge(std::uint32_t queue, const std::vector<Timer>& timers) {
  if (timers.empty()) return;
  TimerQueue& of = queue_at(queue);
  const bool was_empty = of.empty();
  const std::int64_t front_before = was_empty ? 0 : of.front().deadline_us;
  of.merge(timers);
  if (was_empty || of.front().deadline_us != front_before) push_head(queue);
}

bool ShardTimers::take_due(std::int64_t now_us, Timer& out) {
  while (!heads_.empty() && heads_.front().deadline_us <= now_us) {
    const Head head = heads_.front();
    std::pop_heap(heads_.begin(), heads_.end(),
                  [](const Head& a, const Head& b) { return a.deadline_us > b.deadline_us; });
    heads_.pop_back();
    TimerQueue& queue = queue_at(head.queue);
    if (queue.empty() || queue.front().deadline_us != head.deadline_us) continue;
    out = queue.front();
    queue.pop();
    if (!queue.empty()) push_head(head.queue);
    return true;
  }
  return false;
}

std::size_t ShardTimers::size() const {
  std::size_t sum = 0;
  queues_.for_each([&](const TimerQueue& queue) { sum += queue.size(); });
  return sum;
}
std::size_t ShardTimers::bytes() const {
  std::size_t sum = heads_.capacity() * sizeof(Head) + queues_.bytes();
  queues_.for_each([&](const TimerQueue& queue) { sum += queue.bytes(); });
  return sum;
}
}  // namespace tocsin::cep
