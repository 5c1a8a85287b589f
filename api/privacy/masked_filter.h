/// Filters of alerts, of silences and subscriptions, before those who do not see personal data.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "api/net/http_exchange.h"

namespace tocsin::api {
class Privacy;
/// Puts marks for the values of a filter's key, and for its condition, which may have some.
void mask_filter(const Privacy& privacy, nlohmann::ordered_json& filter);
/// Why somebody who sees marks may not have such settings: 403 for a condition, 400 for a mark as a
/// key, which no alert has; nothing where they may.
std::optional<HttpResponse> refused_filter(const nlohmann::ordered_json& settings);
}  // namespace tocsin::api
