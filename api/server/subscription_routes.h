/// The API's operations on subscriptions, their deliveries, and operational alerts.
#pragma once
#include "api/outbox/subscription_service.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// The service must outlive the router.
/// `privacy`, which may be null, says who sees personal data.
void add_subscription_routes(Router& router, SubscriptionService& service, const Privacy* privacy);
}  // namespace tocsin::api
