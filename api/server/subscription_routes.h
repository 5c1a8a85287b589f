/// The API's operations on subscriptions, their deliveries, and operational alerts.
#pragma once
#include "api/live/filter_names.h"
#include "api/outbox/subscription_service.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// The service must outlive the router.
/// `privacy` says who sees personal data, and `names` which rules and tags filters may name; null:
/// everybody, and all.
void add_subscription_routes(Router& router, SubscriptionService& service, const Privacy* privacy,
                             const FilterNames* names = nullptr);
}  // namespace tocsin::api
