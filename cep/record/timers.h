/// Deadlines of one shard. Those of a rule with one fixed delay come in the order in which they
/// fall due, so that a queue suffices; a rule whose deadline counts from the match's first event
/// needs a heap. A small heap stands over the queues' heads. Nothing is cancelled: a timer whose
/// partial match has gone finds nothing when it fires.
#pragma once
#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "cep/base/sparse_array.h"
#include "cep/value/order.h"

namespace tocsin::cep {
struct Timer {
  std::int64_t deadline_us = 0;
  std::uint64_t arrival_record = 0;  // of the event that set it
  std::uint64_t hash = 0;            // of the key
  std::uint32_t arrival_index = 0;
  std::uint32_t rule = 0;
  std::uint32_t arrival_after = 0;

  ArrivalNumber arrival() const { return {arrival_record, arrival_index, arrival_after}; }
  void set_arrival(ArrivalNumber arrival) {
    arrival_record = arrival.record;
    arrival_index = arrival.index;
    arrival_after = arrival.after;
  }
};

class TimerQueue {
 public:
  explicit TimerQueue(bool in_order) : in_order_(in_order) {}
  bool empty() const { return head_ == timers_.size(); }
  std::size_t size() const { return timers_.size() - head_; }
  const Timer& front() const { return timers_[head_]; }
  /// With `in_order`, requires that no timer before it falls due later.
  void push(const Timer& timer);
  void pop();
  /// Adds timers that ascend by deadline, arrival and hash, as those of a queue do that has only
  /// had timers from merge(). A queue takes those that it has not yet, in their places.
  void merge(const std::vector<Timer>& timers);
  /// Calls `visit(hash)` for the keys of some timers due at or before `until_us`: the first ones of
  /// a queue, the first one of a heap.
  template <typename Visit>
  void peek(std::int64_t until_us, Visit&& visit) const {
    constexpr std::size_t kMost = 8;
    const std::size_t end = in_order_ ? std::min(timers_.size(), head_ + kMost)
                                      : std::min<std::size_t>(timers_.size(), 1);
    for (std::size_t i = head_; i < end && timers_[i].deadline_us <= until_us; ++i) {
      visit(timers_[i].hash);
    }
  }
  std::size_t bytes() const { return timers_.capacity() * sizeof(Timer); }

 private:
  bool in_order_;
  std::size_t head_ = 0;  // of a queue; heaps keep 0
  std::vector<Timer> timers_;
};

class ShardTimers {
 public:
  static constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();
  /// `queues_in_order[i]`: whether queue i is one of a fixed delay. A queue takes memory once a
  /// timer has been in it.
  explicit ShardTimers(const std::vector<bool>& queues_in_order) : in_order_(queues_in_order) {}
  void push(std::uint32_t queue, const Timer& timer);
  /// TimerQueue::merge().
  void merge(std::uint32_t queue, const std::vector<Timer>& timers);
  /// No timer falls due before; kNone when there is none.
  std::int64_t next_due_us() const { return heads_.empty() ? kNone : heads_.front().deadline_us; }
  /// Takes the first timer due at or before `now_us`, in the order of deadline, and within a rule
  /// of arrival.
  bool take_due(std::int64_t now_us, Timer& out);
  /// Calls `visit(hash)` for keys whose timers will soon be due, to fetch their memory.
  template <typename Visit>
  void peek(std::int64_t until_us, Visit&& visit) const {
    peek_from(0, until_us, visit);
  }
  std::size_t size() const;
  std::size_t bytes() const;
  /// Gives the memory of queues back where there is no timer.
  void let_go_if_empty() {
    if (!heads_.empty()) return;
    queues_ = {};
    heads_ = {};
  }

 private:
  struct Head {
    std::int64_t deadline_us = 0;
    std::uint32_t queue = 0;
  };
  TimerQueue& queue_at(std::uint32_t queue) {
    return queues_.at(queue, [&](std::size_t place) {
      return TimerQueue(place < in_order_.size() && in_order_[place]);
    });
  }
  void push_head(std::uint32_t queue);
  // Of the heads from this place of the heap down.
  template <typename Visit>
  void peek_from(std::size_t place, std::int64_t until_us, Visit& visit) const {
    if (place >= heads_.size() || heads_[place].deadline_us > until_us) return;
    if (const TimerQueue* const queue = queues_.find(heads_[place].queue)) {
      queue->peek(until_us, visit);
    }
    peek_from(2 * place + 1, until_us, visit);
    peek_from(2 * place + 2, until_us, visit);
  }

  std::vector<bool> in_order_;
  SparseArray<TimerQueue> queues_;
  std::vector<Head> heads_;  // heap; an entry that is not its queue's front is void
};
}  // namespace tocsin::cep
