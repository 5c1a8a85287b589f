/// The OpenAPI document of a table of routes.
#pragma once
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/rest/route.h"

namespace tocsin::api {
/// OpenAPI 3.1, with `schemas` by name. `takes_key`: whether a request of a route is done once by
/// its idempotency key.
nlohmann::ordered_json openapi_document(const std::string& title, const std::string& version,
                                        const std::vector<Route>& routes,
                                        nlohmann::ordered_json schemas,
                                        const std::function<bool(const Route&)>& takes_key);
}  // namespace tocsin::api
