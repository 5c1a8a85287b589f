/// The answer to a condition that does not check.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "api/alerts/alert_conditions.h"
#include "api/net/http_server.h"

namespace tocsin::api {
/// Looks at the condition of `settings.filter`: the problem with its diagnostics where it does not
/// fit the rules that hold; nothing where it does, or where something else is wrong with it.
std::optional<HttpResponse> refused_condition(const nlohmann::ordered_json& settings,
                                              const AlertConditions& conditions);
}  // namespace tocsin::api
