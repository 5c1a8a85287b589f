#include "api/delivery/delivery_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "api/base/clock.h"
#include "api/delivery/attempt_outcome.h"
#include "api/delivery/delivery_lane.h"
#include "api/delivery/stored_messages.h"
#include "api/net/worker_pool.h"
#include "api/privacy/privacy.h"
#include "runtime/io/background_thread.h"

namespace tocsin::api {
namespace {
using std::chrono::milliseconds;
using namespace std::chrono_literals;
using Moment = Clock::Moment;

constexpr std::size_t kRowsAtOnce = 64;
constexpr std::size_t kErrorBytesMax = 1024;
constexpr std::size_t kSettlersMax = 4;  // threads that note how attempts went
// A clock that was set back must not hold a delivery for years.
constexpr milliseconds kWaitMax = std::chrono::hours(24);
}  // namespace

std::vector<milliseconds> DeliveryPoolOptions::default_retry_delays() {
  return {5s, 1min, 5min, 30min, 2h, 5h, 10h, 20h};
}

struct DeliveryPool::Impl {
  using Lane = DeliveryLane;
  using LanePtr = std::shared_ptr<Lane>;

  Impl(runtime::EffectStore& effects_in, StoredMessages& messages_in, DeliveryLog& log_in,
       runtime::Clock& wall_in, Clock& clock_in, DeliveryPoolOptions options_in,
       MakeClient make_client_in, Listener listener_in)
      : effects(effects_in),
        messages(messages_in),
        log(log_in),
        wall(wall_in),
        clock(clock_in),
        options(std::move(options_in)),
        make_client(std::move(make_client_in)),
        listener(std::move(listener_in)),
        settlers({.threads_max = kSettlersMax,
                  .queue_max = options.slots + options.unproven_slots,
                  .name = "webhook"}) {}
  ~Impl() { stop(); }

  // Apart from the constructor, whose end comes before any thread.
  void start() { picker = std::thread(&Impl::begin_attempts, this); }
  void stop() {
    std::unique_lock lock(mutex);
    if (stopping) return;
    stopping = true;
    for (const LanePtr& lane : lanes) lane->client->stop();
    work.notify_all();
    lock.unlock();
    picker.join();
    lock.lock();
    settled.wait(lock, [&] { return attempts_begun == 0; });
    lock.unlock();
    settlers.end();
  }

  // An attempt that holds a slot.
  struct UnderWay {
    LanePtr lane;
    Moment began;
    bool is_proven = false;
  };
  struct Job {
    LanePtr lane;
    DeliveryQueue::Ticket ticket = 0;
    Delivery delivery;
    std::shared_ptr<const Subscription> subscription;
    std::shared_ptr<HttpClient> client;
    std::uint32_t attempt = 0;
    std::list<UnderWay>::iterator under_way;
    cep::EventTime at = {};                            // when it was begun
    std::chrono::steady_clock::time_point began = {};  // the same
    std::chrono::microseconds took{0};
  };

  // A thread: picks what is due and begins to send it. A client waits on threads of its own.
  void begin_attempts() {
    runtime::begin_background_thread("webhook");
    std::unique_lock lock(mutex);
    while (!stopping) {
      std::optional<Moment> next;
      if (std::optional<Job> job = pick(next)) {
        ++attempts_begun;
        lock.unlock();
        begin(std::make_shared<Job>(*std::move(job)));
        lock.lock();
      } else if (next) {
        clock.wait_until(lock, work, *next);
      } else {
        work.wait(lock);
      }
    }
  }

  void begin(const std::shared_ptr<Job>& job) {
    job->at = wall.now();
    job->began = std::chrono::steady_clock::now();
    Result<void> filled;
    if (runtime::is_message(job->delivery.row))
      filled = messages.fill(*job->subscription, job->delivery);
    const Result<WebhookMessage> message =
        filled ? make_webhook(*job->subscription, job->delivery, job->at)
               : Result<WebhookMessage>(tl::unexpected(filled.error()));
    if (!message) return end(job, {.error = message.error().message});
    job->client->begin(message->headers, message->body,
                       [this, job](HttpReply reply) { end(job, std::move(reply)); });
  }

  // On whatever thread: what is noted in the store waits for it elsewhere.
  void end(const std::shared_ptr<Job>& job, HttpReply reply) {
    job->took = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - job->began);
    const auto settle_it = [this, job, reply = std::move(reply)](bool) { finish(*job, reply); };
    if (!settlers.submit(settle_it)) settle_it(true);
  }

  void finish(Job& job, const HttpReply& reply) {
    AttemptOutcome outcome = attempt_outcome(reply, job.at.us / 1'000'000);
    std::vector<DeliveryEvent> events;
    std::unique_lock lock(mutex);
    leave(job.under_way);
    if (is_wanted(job)) {
      totals.count_attempt(outcome, job.attempt, job.took);
      lock.unlock();
      LoggedAttempt logged{.number = job.delivery.row,
                           .alert_id = job.delivery.alert_id,
                           .webhook_id = job.delivery.webhook_id,
                           .attempt = job.attempt,
                           .at = job.at,
                           .status = reply.status,
                           .latency = {job.took.count()},
                           .error = outcome.error.substr(0, kErrorBytesMax),
                           .answer = reply.body};
      const Result<void> kept = log.add(job.subscription->endpoint(), std::move(logged));
      if (!kept) events.push_back(store_event(job, kept.error()));
      lock.lock();
    }
    if (is_wanted(job)) {
      settle(job, std::move(outcome), events);
    } else {
      // It is as it was noted before: cut off, not failed.
      static_cast<void>(
          job.lane->queue->settle(job.ticket, {.status = 0, .error = "given up"}, clock.now()));
    }
    work.notify_all();
    settled.notify_all();
    lock.unlock();
    if (listener) {
      for (const DeliveryEvent& event : events) listener(event);
    }
    lock.lock();
    --attempts_begun;
    settled.notify_all();
  }

  static DeliveryEvent store_event(const Job& job, const Error& error) {
    return {DeliveryEvent::Kind::kStore, job.subscription->id, job.delivery.alert_id,
            error.message};
  }

  // The rest is called with `mutex` held.

  bool is_wanted(const Job& job) const { return !stopping && !job.lane->is_removed; }

  void settle(Job& job, AttemptOutcome outcome, std::vector<DeliveryEvent>& events) {
    Lane& lane = *job.lane;
    const runtime::EndpointId endpoint = lane.subscription->endpoint();
    lane.figures.last_succeeded = outcome.is_success();
    ++(outcome.is_success() ? lane.figures.delivered : lane.figures.failed);
    const bool is_gone = outcome.is_gone();
    const Settlement settlement = lane.queue->settle(job.ticket, std::move(outcome), clock.now());
    Result<void> noted;
    if (settlement.delivered) {
      lane.held.erase(settlement.delivered->row);
      if (const Delivery& arrived = *settlement.delivered; arrived.stored_at != cep::EventTime{}) {
        totals.count_arrival(std::chrono::microseconds(
            std::max<std::int64_t>((wall.now() - arrived.stored_at).us, 0)));
      }
      const std::uint64_t row = settlement.delivered->row;
      noted = runtime::is_message(row) ? messages.delivered(endpoint, row)
                                       : effects.settle_delivery(endpoint, row);
    }
    if (settlement.failed) {
      const FailedAttempt& failed = *settlement.failed;
      runtime::OutboxRow row;
      row.number = failed.row;
      row.attempts = failed.attempts;
      row.due = wall.now() + cep::Duration{failed.wait.count() * 1000};
      row.last_status = failed.status;
      row.last_error = failed.error.substr(0, kErrorBytesMax);
      noted = effects.note_delivery(endpoint, row);
    }
    if (settlement.dead) {
      const Undelivered& dead = *settlement.dead;
      lane.held.erase(dead.delivery.row);
      ++lane.figures.dead;
      ++totals.exhausted;
      runtime::OutboxRow row;
      row.number = dead.delivery.row;
      row.attempts = dead.attempts;
      row.due = wall.now();
      row.last_status = dead.last_status;
      row.last_error = dead.last_error.substr(0, kErrorBytesMax);
      row.is_dead = true;
      noted = effects.note_delivery(endpoint, row);
      if (!is_gone) {
        events.push_back({DeliveryEvent::Kind::kExhausted, lane.subscription->id,
                          dead.delivery.alert_id, dead.last_error});
      }
    }
    if (is_gone) {
      events.push_back({DeliveryEvent::Kind::kGone, lane.subscription->id, job.delivery.alert_id,
                        "answered 410"});
    }
    if (!noted) events.push_back(store_event(job, noted.error()));
  }

  // What to send now; else when to look again.
  std::optional<Job> pick(std::optional<Moment>& next) {
    const Moment now = clock.now();
    find_slow(now);
    bool lacks_slot = false;
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      const LanePtr& lane = lanes[(turn + i) % lanes.size()];
      reset_if_due(*lane);
      if (!lane->is_sending_allowed()) continue;
      refill(*lane);
      if (lane->queue->sending_count() >= lane->subscription->concurrency) continue;
      const std::optional<Moment> due = lane->queue->next_at();
      if (!due) continue;
      lane->rate.refill(now);
      const Moment at = std::max(*due, lane->rate.next_at());
      if (at > now) {
        next = next ? std::min(*next, at) : at;
        continue;
      }
      const bool is_proven = lane->figures.last_succeeded;
      // One that has yet to show that it answers is asked with one delivery.
      if (!is_proven && lane->queue->sending_count() > 0) continue;
      const std::size_t taken = is_proven ? under_way.size() - unproven_sending : unproven_sending;
      if (taken >= (is_proven ? options.slots : options.unproven_slots)) {
        lacks_slot = true;
        continue;
      }
      const std::optional<DeliveryQueue::Sending> sending = lane->queue->take(now);
      if (!sending) continue;
      lane->rate.take();
      turn = (turn + i + 1) % lanes.size();
      unproven_sending += is_proven ? 0 : 1;
      return Job{lane,
                 sending->ticket,
                 *sending->delivery,
                 lane->subscription,
                 lane->client,
                 sending->attempt,
                 under_way.insert(under_way.end(), {lane, now, is_proven})};
    }
    // A slot becomes free also where an attempt turns out to be slow.
    const auto proven = std::ranges::find(under_way, true, &UnderWay::is_proven);
    if (lacks_slot && proven != under_way.end()) {
      const Moment at = proven->began + options.slow_after;
      next = next ? std::min(*next, at) : at;
    }
    return std::nullopt;
  }

  // Attempts that take long give their slots back, and their endpoints have to show themselves.
  void find_slow(Moment now) {
    for (UnderWay& one : under_way) {
      if (one.began + options.slow_after > now) break;
      if (!one.is_proven) continue;
      one.is_proven = false;
      one.lane->figures.last_succeeded = false;
      ++unproven_sending;
    }
  }
  void leave(std::list<UnderWay>::iterator place) {
    unproven_sending -= place->is_proven ? 0 : 1;
    under_way.erase(place);
  }

  void reset_if_due(Lane& lane) {
    if (!lane.must_reset || lane.is_removed || lane.queue->sending_count() > 0) return;
    lane.must_reset = false;
    lane.queue = make_queue();
    lane.held.clear();
    lane.read_again();
    lane.figures.last_succeeded = false;
  }

  std::unique_ptr<DeliveryQueue> make_queue() {
    return std::make_unique<DeliveryQueue>(
        DeliveryPolicy{.retry_delays = options.retry_delays,
                       .circuit = options.circuit,
                       .jitter_seed = options.jitter_seed + ++queues_made});
  }

  bool has_room(const Lane& lane) const {
    return lane.queue->size() == 0 || (lane.queue->size() < options.queue_max &&
                                       lane.queue->payload_bytes() < options.queue_bytes_max);
  }

  // Brings in what the store owes beyond what was read.
  void refill(Lane& lane) {
    const runtime::EndpointId endpoint = lane.subscription->endpoint();
    const std::uint64_t times_owed = effects.times_owed(endpoint);
    if (lane.times_owed == times_owed) return;
    // Not for each place that becomes free, but for half of them.
    if (lane.queue->size() > options.queue_max / 2 || !has_room(lane)) return;
    // Messages have a place of their own: there are more alerts before them later.
    const bool has_alerts = read_rows(lane, lane.next_number, runtime::kMessageBit);
    const bool has_messages = read_rows(lane, lane.next_message, UINT64_MAX);
    // They are released by when they are due, so that one before these may be owed later.
    if (has_messages) lane.next_message = runtime::kMessageBit;
    if (has_alerts && has_messages) lane.times_owed = times_owed;
  }

  // Some rows from `next` on, to before `end`; true: all.
  bool read_rows(Lane& lane, std::uint64_t& next, std::uint64_t end) {
    std::vector<runtime::OutboxRow> rows;
    bool is_all = true;
    const Result<void> read = effects.reader().outbox(
        lane.subscription->endpoint(), next, [&](const runtime::OutboxRow& row) {
          if (row.number >= end) return false;
          if (rows.size() == kRowsAtOnce) {
            is_all = false;
            return false;
          }
          const bool is_sent = !row.is_dead && row.part_of == 0;
          if (is_sent && !lane.held.contains(row.number)) rows.push_back(row);
          next = row.number + 1;
          return true;
        });
    for (const runtime::OutboxRow& row : rows) {
      if (add(lane, row)) continue;
      next = row.number;  // the store failed
      return false;
    }
    return read && is_all;
  }

  bool add(Lane& lane, const runtime::OutboxRow& row) {
    Delivery delivery;
    if (runtime::is_message(row.number)) {
      delivery = StoredMessages::delivery_of(*lane.subscription, row.number);
      // Each is about many keys: they have one order of their own.
      if (lane.subscription->in_order) delivery.order = "messages";
    } else {
      Result<std::optional<runtime::StoredAlert>> alert = effects.reader().alert(row.number);
      if (!alert || !*alert) return alert.has_value();
      Result<std::string> trace = effects.reader().trace_of(row.number);
      if (!trace) return false;
      delivery.trace_parent = *std::move(trace);
      delivery.alert_id = std::move((*alert)->id);
      delivery.stored_at = (*alert)->stored_at;
      delivery.revision = (*alert)->revision;
      delivery.webhook_id = webhook_id_of(*lane.subscription, delivery.alert_id, delivery.revision);
      const bool is_masked = options.privacy != nullptr && !lane.subscription->pii;
      delivery.payload = is_masked ? options.privacy->masked(**alert) : std::move((*alert)->line);
      delivery.row = row.number;
      if (lane.subscription->in_order) delivery.order = "key " + (*alert)->order.key;
    }
    const milliseconds left{(row.due - wall.now()).us / 1000};
    lane.queue->add(std::move(delivery), clock.now() + std::clamp(left, 0ms, kWaitMax),
                    row.attempts);
    lane.held.insert(row.number);
    return true;
  }

  LanePtr find(const std::string& id) const {
    const auto found = std::ranges::find_if(
        lanes, [&](const LanePtr& lane) { return lane->subscription->id == id; });
    return found == lanes.end() ? nullptr : *found;
  }

  runtime::EffectStore& effects;
  StoredMessages& messages;
  DeliveryLog& log;
  runtime::Clock& wall;
  Clock& clock;
  const DeliveryPoolOptions options;
  const MakeClient make_client;
  const Listener listener;

  mutable std::mutex mutex;         // guards everything below
  std::condition_variable work;     // for the picker: something may be due, or the end
  std::condition_variable settled;  // an attempt has ended
  std::vector<LanePtr> lanes;
  std::size_t turn = 0;              // the lane that is asked first
  std::list<UnderWay> under_way;     // in the order in which they began
  std::size_t unproven_sending = 0;  // of them, not proven
  std::size_t attempts_begun = 0;    // and not settled
  std::uint64_t queues_made = 0;
  DeliveryTotals totals;
  bool stopping = false;
  std::thread picker;
  WorkerPool settlers;  // its own lock
};

DeliveryPool::DeliveryPool(runtime::EffectStore& effects, StoredMessages& messages,
                           DeliveryLog& log, runtime::Clock& wall, Clock& clock,
                           DeliveryPoolOptions options, MakeClient make_client, Listener listener)
    : impl_(std::make_unique<Impl>(effects, messages, log, wall, clock, std::move(options),
                                   std::move(make_client), std::move(listener))) {
  impl_->start();
}
DeliveryPool::~DeliveryPool() = default;

Result<void> DeliveryPool::put(std::shared_ptr<const Subscription> subscription) {
  Result<std::shared_ptr<HttpClient>> client = impl_->make_client(*subscription);
  if (!client) return tl::unexpected(client.error());
  const std::lock_guard lock(impl_->mutex);
  Impl::LanePtr lane = impl_->find(subscription->id);
  if (!lane) {
    lane = std::make_shared<Impl::Lane>();
    lane->queue = impl_->make_queue();
    lane->client = std::move(*client);
    lane->rate.set(subscription->per_second, impl_->clock.now());
    lane->subscription = std::move(subscription);
    impl_->lanes.push_back(std::move(lane));
  } else {
    const Subscription& before = *lane->subscription;
    // Another address, or one that was given up, begins with a clean slate.
    const bool is_resumed = before.status == SubscriptionStatus::kDisabled &&
                            subscription->status != SubscriptionStatus::kDisabled;
    if (before.url != subscription->url || before.in_order != subscription->in_order || is_resumed)
      lane->must_reset = true;
    if (before.url != subscription->url) lane->client = std::move(*client);
    if (before.per_second != subscription->per_second)
      lane->rate.set(subscription->per_second, impl_->clock.now());
    lane->subscription = std::move(subscription);
  }
  impl_->work.notify_all();
  return {};
}

void DeliveryPool::remove(const std::string& id) {
  std::unique_lock lock(impl_->mutex);
  const Impl::LanePtr lane = impl_->find(id);
  if (!lane) return;
  lane->is_removed = true;
  lane->client->stop();
  impl_->settled.wait(lock, [&] { return lane->queue->sending_count() == 0; });
  std::erase(impl_->lanes, lane);
}

void DeliveryPool::wake() {
  const std::lock_guard lock(impl_->mutex);
  impl_->work.notify_all();
}

void DeliveryPool::reread(const std::string& id) {
  const std::lock_guard lock(impl_->mutex);
  if (const Impl::LanePtr lane = impl_->find(id)) {
    lane->read_again();
  }
  impl_->work.notify_all();
}

void DeliveryPool::stop() { impl_->stop(); }

DeliveryFigures DeliveryPool::figures(const std::string& id) const {
  const std::lock_guard lock(impl_->mutex);
  const Impl::LanePtr lane = impl_->find(id);
  if (!lane) return {};
  DeliveryFigures figures = lane->figures;
  figures.sending = lane->queue->sending_count();
  figures.circuit = lane->queue->circuit_state();
  return figures;
}

DeliveryTotals DeliveryPool::totals() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->totals;
}

HttpReply DeliveryPool::send(const Subscription& subscription,
                             const WebhookMessage& message) const {
  const Result<std::shared_ptr<HttpClient>> client = impl_->make_client(subscription);
  if (!client) return {.error = client.error().message};
  return (*client)->post(message.headers, message.body);
}
}  // namespace tocsin::api
