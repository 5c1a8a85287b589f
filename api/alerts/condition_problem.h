/// The answers to conditions that are not asked.
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
/// Makes the condition of a filter ready to be asked: the same problem where it does not fit; 403
/// for who sees marks in place of personal data. `conditions`: null where there are no rules.
std::optional<HttpResponse> refused_condition(AlertFilter& filter,
                                              const AlertConditions* conditions);
}  // namespace tocsin::api
