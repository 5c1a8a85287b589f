/// All that a server does with stored alerts: queries, live streams, triage, subscriptions.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/alerts/alert_feed.h"
#include "api/alerts/triage_store.h"
#include "api/live/filter_names.h"
#include "api/outbox/subscription_service.h"
#include "api/rest/check_slots.h"
#include "api/rest/router.h"
#include "api/server/alert_routes.h"
#include "cep/base/result.h"
#include "runtime/effects/effect_store.h"
#include "runtime/io/clock.h"
#include "runtime/store/store.h"

namespace tocsin::api {
struct AlertServicesOptions {
  AlertQueryLimits query;
  AlertFeedOptions feed;
  std::size_t streams_each = SIZE_MAX;  // live streams of one asker
  TriageLimits triage;
  SubscriptionOptions subscriptions;
  const Privacy* privacy = nullptr;  // null: nothing is masked; it outlives the services
};
/// As AlertRouteServices and FilterNamesSources have them.
struct AlertRoutePorts {
  IsKnown is_known;
  std::function<bool()> await_stored;
  std::function<std::vector<std::string>()> rules;
  bool has_others = false;
  ReadSlots* reads = nullptr;
};
/// Threading: any, save that routes are added by one thread and stop() comes before the end.
class AlertServices {
 public:
  /// Over a store that was opened with runtime::effect_families(), and the effects in it; both and
  /// the clock must outlive this. `plan`: of the rules that hold. Begins to send what is owed.
  /// Errors: kCorrupt, kIo.
  static Result<std::unique_ptr<AlertServices>> open(runtime::Store& store,
                                                     runtime::EffectStore& effects,
                                                     runtime::Clock& clock,
                                                     AlertServicesOptions options,
                                                     SubscriptionService::Listener listener = {},
                                                     AlertConditions::PlanPtr plan = {});
  AlertServices(const AlertServices&) = delete;
  AlertServices& operator=(const AlertServices&) = delete;
  ~AlertServices();
  /// The router must not be asked once this is gone.
  void add_routes(Router& router, AlertRoutePorts ports);
  /// Effects were stored. Waits for nothing but a lock.
  void effects_changed();
  /// Other rules hold.
  void rules_changed(AlertConditions::PlanPtr plan);
  /// Ends live streams and sending: before the HTTP server is stopped, which waits for streams.
  void stop();
  SubscriptionService& subscriptions() { return *subscriptions_; }
  const AlertFeed& feed() const { return feed_; }
  const TriageStore& triage() const { return triage_; }
  /// Once routes were added.
  LiveAlerts live() const { return live_alerts(services_); }

 private:
  AlertServices(runtime::Store& store, runtime::EffectStore& effects, runtime::Clock& clock,
                const AlertServicesOptions& options);
  SharedPlaces streams_;
  TriageStore triage_;
  AlertFeed feed_;
  AlertRouteServices services_;
  std::unique_ptr<SubscriptionService> subscriptions_;
  std::optional<FilterNames> names_;  // once routes were added
};
/// Tells services that may not be there yet, or no longer: those who tell them live longer.
/// Threading: any.
class AlertServicesLink {
 public:
  /// From now on these are told; null: nobody. Once this returns nobody tells the ones before.
  void set(AlertServices* services);
  /// As AlertServices has them; nothing where there are none.
  void effects_changed();
  void rules_changed(const AlertConditions::PlanPtr& plan);

 private:
  std::mutex mutex_;  // held while they are told
  AlertServices* services_ = nullptr;
};
}  // namespace tocsin::api
