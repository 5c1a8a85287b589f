/// The API's operations on subscriptions, their deliveries, and operational alerts.
#pragma once
#include "api/outbox/subscription_service.h"
#include "api/rest/router.h"

namespace tocsin::api {
/// The service must outlive the router.
void add_subscription_routes(Router& router, SubscriptionService& service);
}  // namespace tocsin::api
