#include "api/delivery/delivery_queue.h"

#include <algorithm>

#include "cep/base/assert.h"

namespace tocsin::api {
using std::chrono::milliseconds;

DeliveryQueue::DeliveryQueue(DeliveryPolicy policy)
    : policy_(std::move(policy)),
      circuit_(policy_.circuit, [this](milliseconds pause) { return vary(pause); }),
      random_state_(policy_.jitter_seed) {}

void DeliveryQueue::add(Delivery delivery, Moment due, std::uint32_t attempts) {
  const auto attempts_max = static_cast<std::uint32_t>(policy_.retry_delays.size()) + 1;
  // One that had more, in a hurry or under another schedule, has one more.
  DeliveryMachine machine(attempts_max, std::min(attempts, attempts_max - 1));
  if (wait_max_) machine.lift_attempt_limit();
  payload_bytes_ += delivery.payload.size();
  const Ticket ticket = next_ticket_++;
  bool is_first = true;
  if (!delivery.order.empty()) {
    std::deque<Ticket>& order = orders_[delivery.order];
    is_first = order.empty();
    order.push_back(ticket);
  }
  entries_.emplace(ticket, Entry{std::move(delivery), std::move(machine), 0, {}, due});
  if (is_first) due_.emplace(due, ticket);
}

std::optional<DeliveryQueue::Sending> DeliveryQueue::take(Moment now) {
  const std::optional<Moment> at = next_at();
  if (!at || *at > now) return std::nullopt;
  auto first = due_.begin();
  if (circuit_.state() == CircuitState::kOpen) {
    circuit_.probe();
    // Of all that is due what was owed first: one that failed is due later than what came since.
    for (auto one = due_.begin(); one != due_.end() && one->first <= now; ++one) {
      if (one->second < first->second) first = one;
    }
  }
  const Ticket ticket = first->second;
  due_.erase(first);
  Entry& entry = entries_.at(ticket);
  entry.machine.begin_attempt();
  ++sending_count_;
  return Sending{ticket, &entry.delivery, entry.machine.attempts()};
}

std::optional<DeliveryQueue::Moment> DeliveryQueue::next_at() const {
  if (due_.empty()) return std::nullopt;
  const Moment at = std::max(due_.begin()->first, hold_until_);
  switch (circuit_.state()) {
    case CircuitState::kClosed:
      return at;
    case CircuitState::kOpen:
      return std::max(at, circuit_.open_until());
    case CircuitState::kHalfOpen:
      return sending_count_ == 0 ? std::optional(at) : std::nullopt;
    case CircuitState::kDisabled:
      return std::nullopt;
  }
  TOCSIN_ASSERT(false, "the switch names every state");
}

Settlement DeliveryQueue::settle(Ticket ticket, AttemptOutcome outcome, Moment now) {
  const auto found = entries_.find(ticket);
  TOCSIN_ASSERT(found != entries_.end(), "only a taken delivery is settled, once");
  Entry& entry = found->second;
  --sending_count_;
  if (outcome.is_success()) {
    entry.machine.accepted();
    Settlement settlement{.delivered = remove(found, true).delivery, .dead = {}, .failed = {}};
    const bool was_closed = circuit_.state() == CircuitState::kClosed;
    circuit_.succeeded();
    if (!was_closed) make_all_due(now);
    return settlement;
  }
  entry.last_status = outcome.status;
  entry.last_error = std::move(outcome.error);
  if (outcome.is_gone()) {
    circuit_.gone();
    entry.machine.abandon();
    return {.delivered = {}, .dead = remove(found, true), .failed = {}};
  }
  circuit_.failed(now);
  milliseconds asked{0};
  if (outcome.retry_after) {
    asked = *outcome.retry_after;
    hold_until_ = std::max(hold_until_, now + asked);
  }
  entry.machine.failed();
  if (entry.machine.state() == DeliveryState::kDead)
    return {.delivered = {}, .dead = remove(found, true), .failed = {}};
  const std::uint32_t attempts = entry.machine.attempts();
  const milliseconds wait = std::max(vary(retry_delay(attempts)), asked);
  due_.emplace(now + wait, ticket);
  return {.delivered = {},
          .dead = {},
          .failed = FailedAttempt{entry.delivery.row, attempts, entry.last_status, entry.last_error,
                                  wait}};
}

void DeliveryQueue::hurry(milliseconds wait_max, Moment now) {
  wait_max_ = wait_max;
  for (auto& [ticket, entry] : entries_) entry.machine.lift_attempt_limit();
  circuit_.limit_pause(wait_max, now);
  make_all_due(now);
}

std::vector<Undelivered> DeliveryQueue::abandon_all() {
  TOCSIN_ASSERT(sending_count_ == 0, "the senders have ended");
  std::vector<Undelivered> abandoned;
  abandoned.reserve(entries_.size());
  while (!entries_.empty()) {
    entries_.begin()->second.machine.abandon();
    abandoned.push_back(remove(entries_.begin(), false));
  }
  due_.clear();
  return abandoned;
}

// A wait changed by up to a quarter, either way.
milliseconds DeliveryQueue::vary(milliseconds wait) {
  // splitmix64 (Steele, Lea, Flood 2014).
  std::uint64_t bits = random_state_ += 0x9e3779b97f4a7c15;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
  bits ^= bits >> 31;
  const milliseconds::rep quarter = wait.count() / 4;
  const auto offset =
      static_cast<milliseconds::rep>(bits % static_cast<std::uint64_t>(2 * quarter + 1));
  return milliseconds(wait.count() - quarter + offset);
}

// Before the attempt after `attempts`.
milliseconds DeliveryQueue::retry_delay(std::uint32_t attempts) const {
  milliseconds delay{0};
  if (!policy_.retry_delays.empty())
    delay = policy_.retry_delays[std::min<std::size_t>(attempts, policy_.retry_delays.size()) - 1];
  return wait_max_ ? std::min(delay, *wait_max_) : delay;
}

// What waits is due; of those, first the one that was added first.
void DeliveryQueue::make_all_due(Moment now) {
  std::set<std::pair<Moment, Ticket>> due;
  for (const auto& [at, ticket] : due_) due.emplace(now, ticket);
  due_ = std::move(due);
}

// The one behind `entry`, the first of its order, may be sent.
void DeliveryQueue::next_of_order(const Entry& entry) {
  if (entry.delivery.order.empty()) return;
  const auto order = orders_.find(entry.delivery.order);
  order->second.pop_front();
  if (order->second.empty()) {
    orders_.erase(order);
  } else {
    const Ticket ticket = order->second.front();
    due_.emplace(entries_.at(ticket).due, ticket);
  }
}

Undelivered DeliveryQueue::remove(Entries::iterator entry, bool is_final) {
  next_of_order(entry->second);
  payload_bytes_ -= entry->second.delivery.payload.size();
  Undelivered removed{std::move(entry->second.delivery), entry->second.machine.attempts(),
                      entry->second.last_status, std::move(entry->second.last_error), is_final};
  entries_.erase(entry);
  return removed;
}
}  // namespace tocsin::api
