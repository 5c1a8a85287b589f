/// Schemas of what operations on subscriptions take and give, for the OpenAPI document.
#pragma once
#include "api/rest/router.h"

namespace tocsin::api {
void add_subscription_schemas(Router& router);
}  // namespace tocsin::api
