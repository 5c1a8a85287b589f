/// Subscriptions at work: kept in the alert store's family `subscriptions`, asked at each commit to
/// whom an alert is owed, and sent to.
///
///   subscription's id     JSON: the subscription, with its secrets, encrypted where there are keys
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/alerts/alert_conditions.h"
#include "api/alerts/notices.h"
#include "api/delivery/delivery_log.h"
#include "api/delivery/delivery_planner.h"
#include "api/delivery/delivery_pool.h"
#include "api/delivery/stored_messages.h"
#include "api/delivery/subscription.h"
#include "api/outbound/address_policy.h"
#include "api/outbound/webhook_client.h"
#include "api/outbox/message_releaser.h"
#include "api/outbox/silence_service.h"
#include "api/secrets/secret_keys.h"
#include "cep/base/result.h"
#include "runtime/effects/effect_store.h"
#include "runtime/io/clock.h"
#include "runtime/store/store.h"

namespace tocsin::api {
struct SubscriptionOptions {
  SubscriptionLimits limits;
  DeliveryPoolOptions pool;
  PlannerOptions planner;
  MessageLimits messages;
  SilenceOptions silences;
  WebhookClientTimeouts timeouts;
  AddressPolicy addresses;       // that webhooks may go to
  std::uint64_t log_max = 1000;  // attempts kept of each subscription
  std::uint64_t notices_max = 1000;
  std::size_t redeliver_max = 100'000;    // alerts looked at by one request
  cep::Duration overlap{86'400'000'000};  // of an old secret, where none is said
  SecretKeys keys;                        // none: secrets are kept as they are
  const Privacy* privacy = nullptr;       // null: nothing is masked
};
/// Which alerts are to be sent once more.
struct Redelivery {
  std::optional<std::string> alert_id;
  std::optional<cep::EventTime> from, to;      // alerts of these times, within the filter
  std::optional<cep::EventTime> failed_since;  // dead deliveries, found dead at or after
};
/// A delivery that was given up.
struct DeadDelivery {
  runtime::OutboxRow row;
  std::string alert_id;
  std::string rule;
};

/// Threading: any.
class SubscriptionService {
 public:
  using SubscriptionPtr = std::shared_ptr<const Subscription>;
  using Condition = std::function<Result<void>(const Subscription&)>;
  /// Told of what people should know of, on any thread, after it was put among the notices.
  using Listener = std::function<void(const DeliveryEvent&)>;
  /// Over a store that was opened with runtime::effect_families(), and the effects in it; both and
  /// the clock must outlive this. Sends what is owed at once. `plan`: of the rules that hold.
  /// Errors: kCorrupt, kIo; kDenied where a key is missing.
  static Result<std::unique_ptr<SubscriptionService>> open(
      runtime::Store& store, runtime::EffectStore& effects, runtime::Clock& clock,
      SubscriptionOptions options, Listener listener = {}, AlertConditions::PlanPtr plan = {});
  /// As stop().
  ~SubscriptionService();
  SubscriptionService(const SubscriptionService&) = delete;
  SubscriptionService& operator=(const SubscriptionService&) = delete;
  /// To whom alerts are owed by what is stored: for a node, which stores alerts while it recovers,
  /// before there is a service. Errors: as open().
  static Result<std::shared_ptr<runtime::Addressees>> addressees(
      runtime::Store& store, const SubscriptionOptions& options,
      const AlertConditions::PlanPtr& plan);
  /// Alerts were stored.
  void wake();
  /// Other rules hold: conditions are checked anew. Of one that no longer fits a notice tells.
  void rules_changed(AlertConditions::PlanPtr plan);
  /// Ends sending; alerts go on being owed.
  void stop();

  std::vector<SubscriptionPtr> list() const;
  SubscriptionPtr find(const std::string& id) const;
  /// What is changed is durable when these return. Errors of all: kInvalidArgument for settings
  /// that cannot be, kNotFound, kConflict for one too many, what the condition says, those of the
  /// store.
  Result<SubscriptionPtr> create(std::string_view settings, const std::string& who);
  Result<SubscriptionPtr> replace(const std::string& id, std::string_view settings,
                                  const Condition& condition);
  Result<void> remove(const std::string& id, const Condition& condition);
  /// A new secret; the one before signs too for the overlap (Subscription::rotate()).
  Result<SubscriptionPtr> rotate(const std::string& id, std::optional<cep::Duration> overlap);
  Result<SubscriptionPtr> set_status(const std::string& id, SubscriptionStatus status,
                                     const std::string& reason);
  /// Sends a test message now and logs it. Errors: kNotFound.
  Result<LoggedAttempt> test(const std::string& id);
  /// Owes alerts once more; gives how many. kConflict where more are meant than one request may
  /// look at.
  Result<std::uint64_t> redeliver(const std::string& id, const Redelivery& wanted);
  /// Errors: kNotFound.
  Result<std::vector<DeadDelivery>> dead(const std::string& id, std::uint64_t from,
                                         std::size_t most) const;
  std::uint64_t owed(const Subscription& subscription) const;
  DeliveryFigures figures(const std::string& id) const { return pool_->figures(id); }
  const DeliveryLog& log() const { return log_; }
  const Notices& notices() const { return notices_; }
  /// Puts something that people should know among the notices.
  void add_notice(std::string_view kind, const std::string& subject, std::string_view text);
  SilenceService& silences() { return silences_; }
  const AlertConditions& conditions() const { return conditions_; }
  PlannerFigures planned() const { return planner_->figures(); }
  DeliveryTotals totals() const { return pool_->totals(); }
  /// When the oldest alert was stored that waits to be sent to somebody; nothing where none does.
  Result<std::optional<cep::EventTime>> oldest_waiting() const;
  /// The same of those that wait for one of them; what stands in a summary or a group is not seen.
  Result<std::optional<cep::EventTime>> oldest_waiting(const Subscription& subscription) const;
  /// What became of an alert at each subscription, a JSON array.
  Result<std::string> deliveries_of(const runtime::StoredAlert& alert) const;
  const SubscriptionOptions& options() const { return options_; }

 private:
  SubscriptionService(runtime::Store& store, runtime::EffectStore& effects, runtime::Clock& clock,
                      SubscriptionOptions options, Listener listener,
                      AlertConditions::PlanPtr plan);
  Result<void> load();
  void looked_at_messages();
  Result<void> keep(const Subscription& subscription);
  void publish();
  Result<SubscriptionPtr> change(const std::string& id, const Condition& condition,
                                 const std::function<Result<void>(Subscription&)>& make);
  Result<void> check_address(const Subscription& subscription) const;
  Result<void> fit_condition(Subscription& subscription) const;
  void happened(const DeliveryEvent& event);

  runtime::Store& store_;
  runtime::EffectStore& effects_;
  runtime::Clock& clock_;
  SubscriptionOptions options_;
  Listener listener_;
  DeliveryLog log_;
  Notices notices_;
  std::mutex changing_;       // held by one change at a time
  mutable std::mutex mutex_;  // guards the map
  std::map<std::string, SubscriptionPtr> subscriptions_;
  AlertConditions conditions_;
  std::shared_ptr<DeliveryPlanner> planner_;
  SilenceService silences_;
  StoredMessages messages_;
  std::unique_ptr<DeliveryPool> pool_;
  std::unique_ptr<MessageReleaser> releaser_;
};
}  // namespace tocsin::api
