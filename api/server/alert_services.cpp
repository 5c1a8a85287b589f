#include "api/server/alert_services.h"

#include <mutex>
#include <utility>

#include "api/server/silence_routes.h"
#include "api/server/subscription_routes.h"

namespace tocsin::api {
namespace {
AlertFeedOptions masking(AlertFeedOptions options, const Privacy* privacy) {
  if (privacy != nullptr)
    options.mask = [privacy](const runtime::StoredAlert& alert) { return privacy->masked(alert); };
  return options;
}
}  // namespace

AlertServices::AlertServices(runtime::Store& store, runtime::EffectStore& effects,
                             runtime::Clock& clock, const AlertServicesOptions& options)
    : streams_(SIZE_MAX, options.streams_each),
      triage_(store, options.triage),
      feed_(effects.reader(), masking(options.feed, options.privacy)),
      services_{effects, triage_, feed_, clock, options.query, {}} {
  services_.privacy = options.privacy;
  services_.streams = &streams_;
  services_.deliveries = [this](const runtime::StoredAlert& alert) {
    return subscriptions_->deliveries_of(alert);
  };
}
AlertServices::~AlertServices() { stop(); }

Result<std::unique_ptr<AlertServices>> AlertServices::open(runtime::Store& store,
                                                           runtime::EffectStore& effects,
                                                           runtime::Clock& clock,
                                                           AlertServicesOptions options,
                                                           SubscriptionService::Listener listener,
                                                           AlertConditions::PlanPtr plan) {
  std::unique_ptr<AlertServices> alert_services(new AlertServices(store, effects, clock, options));
  options.subscriptions.privacy = options.privacy;
  auto subscriptions =
      SubscriptionService::open(store, effects, clock, std::move(options.subscriptions),
                                std::move(listener), std::move(plan));
  if (!subscriptions) return tl::unexpected(subscriptions.error());
  alert_services->subscriptions_ = *std::move(subscriptions);
  alert_services->feed_.start();
  return alert_services;
}

void AlertServices::add_routes(Router& router, AlertRoutePorts ports) {
  services_.is_known = std::move(ports.is_known);
  services_.await_stored = std::move(ports.await_stored);
  services_.conditions = &subscriptions_->conditions();
  names_.emplace(FilterNamesSources{services_.effects, *services_.conditions, services_.privacy,
                                    std::move(ports.rules), services_.limits.rows_max,
                                    ports.has_others});
  services_.names = &*names_;
  services_.reads = ports.reads;
  add_alert_routes(router, services_);
  add_subscription_routes(router, *subscriptions_, services_.privacy, services_.names);
  add_silence_routes(router, subscriptions_->silences(), services_.privacy, services_.names);
}

void AlertServices::effects_changed() {
  feed_.notify();
  subscriptions_->wake();
}

void AlertServices::rules_changed(AlertConditions::PlanPtr plan) {
  subscriptions_->rules_changed(std::move(plan));
}

void AlertServices::stop() {
  feed_.stop();
  if (subscriptions_) subscriptions_->stop();
}

void AlertServicesLink::set(AlertServices* services) {
  const std::lock_guard lock(mutex_);
  services_ = services;
}

void AlertServicesLink::effects_changed() {
  const std::lock_guard lock(mutex_);
  if (services_ != nullptr) services_->effects_changed();
}

void AlertServicesLink::rules_changed(const AlertConditions::PlanPtr& plan) {
  const std::lock_guard lock(mutex_);
  if (services_ != nullptr) services_->rules_changed(plan);
}
}  // namespace tocsin::api
