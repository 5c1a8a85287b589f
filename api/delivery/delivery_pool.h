/// Sends what the alert store owes to many endpoints: a queue, circuit, rate and bound of
/// concurrency for each, and sending slots shared by all.
///
/// Endpoints whose last attempt succeeded have slots of their own, so that those that hang cannot
/// hold up those that answer. Of the others each has one attempt at a time; an attempt that takes
/// long is one of theirs from then on. What is owed stays in the store and is read a part at a
/// time; how attempts went is noted there, and goes on after a crash.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/delivery/delivery_figures.h"
#include "api/delivery/delivery_log.h"
#include "api/delivery/delivery_queue.h"
#include "api/delivery/subscription.h"
#include "api/delivery/webhook_message.h"
#include "api/net/http_client.h"
#include "cep/base/result.h"
#include "runtime/effects/effect_store.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
class Clock;
class Privacy;
class StoredMessages;

struct DeliveryPoolOptions {
  std::size_t slots = 16;           // attempts at once, to endpoints whose last one succeeded
  std::size_t unproven_slots = 64;  // and to others
  std::chrono::milliseconds slow_after{
      1'000};  // an attempt that takes so long is one of the others
  /// Before the second, third, … attempt at an alert, each varied by up to a quarter.
  std::vector<std::chrono::milliseconds> retry_delays = default_retry_delays();
  CircuitOptions circuit = {};
  std::size_t queue_max = 256;  // in memory, of one endpoint
  std::size_t queue_bytes_max = std::size_t{8} << 20;
  std::uint64_t jitter_seed = 0;
  const Privacy* privacy = nullptr;  // masks what subscriptions may not have; null: nothing
  /// 5 s, 1 min, 5 min, 30 min, 2 h, 5 h, 10 h, 20 h.
  static std::vector<std::chrono::milliseconds> default_retry_delays();
};
/// Something that people should know of.
struct DeliveryEvent {
  enum class Kind : std::uint8_t {
    kExhausted,  // an alert's schedule is used up: it is among the dead
    kGone,       // the endpoint answered 410
    kStore,      // the alert store failed: `error` says how
  };
  Kind kind = Kind::kExhausted;
  std::string subscription;
  std::string alert_id;
  std::string error;
};

/// Threading: any.
class DeliveryPool {
 public:
  using MakeClient = std::function<Result<std::shared_ptr<HttpClient>>(const Subscription&)>;
  using Listener = std::function<void(const DeliveryEvent&)>;
  /// Begins to send once subscriptions are put. Borrows all; the listener is called without a lock,
  /// on sending threads.
  DeliveryPool(runtime::EffectStore& effects, StoredMessages& messages, DeliveryLog& log,
               runtime::Clock& wall, Clock& clock, DeliveryPoolOptions options,
               MakeClient make_client, Listener listener);
  /// As stop().
  ~DeliveryPool();
  DeliveryPool(const DeliveryPool&) = delete;
  DeliveryPool& operator=(const DeliveryPool&) = delete;

  /// Sends to a subscription, new or changed, from now on. Errors: those of making its client.
  Result<void> put(std::shared_ptr<const Subscription> subscription);
  /// Sends nothing more to it; waits for attempts under way, which are cut off.
  void remove(const std::string& id);
  /// The store may owe more.
  void wake();
  /// Reads again from the begin what is owed to it: deliveries were owed anew.
  void reread(const std::string& id);
  /// Cuts attempts under way off, as if they had not been made, and ends the threads.
  void stop();

  DeliveryFigures figures(const std::string& id) const;
  DeliveryTotals totals() const;
  /// Sends one message now, in the calling thread, whatever its endpoint's state.
  HttpReply send(const Subscription& subscription, const WebhookMessage& message) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};
}  // namespace tocsin::api
