#include "api/alerts/condition_problem.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "api/alerts/alert_filter_json.h"
#include "api/rest/problem.h"

namespace tocsin::api {
using nlohmann::ordered_json;

namespace {
HttpResponse does_not_check(const ConditionRefusal& refusal) {
  return problem_response(ProblemKind::kConditionDoesNotCheck, refusal.detail,
                          {{"diagnostics", diagnostics_of_lines(refusal.diagnostics)}});
}
}  // namespace

std::optional<HttpResponse> refused_condition(const ordered_json& settings,
                                              const AlertConditions& conditions) {
  if (!settings.is_object() || !settings.contains("filter")) return std::nullopt;
  AlertFilter filter;
  if (!read_alert_filter(settings.at("filter"), SIZE_MAX, filter)) return std::nullopt;
  const auto made = conditions.make(filter);
  if (made) return std::nullopt;
  return does_not_check(made.error());
}

std::optional<HttpResponse> refused_condition(AlertFilter& filter,
                                              const AlertConditions* conditions) {
  if (filter.condition_text.empty()) return std::nullopt;
  // With one after the other a value can be found out.
  if (filter.mask) {
    return problem_response(ProblemKind::kForbidden,
                            "a condition may read personal data, which your role does not see "
                            "(privacy.roles): leave `condition` out");
  }
  auto made = conditions != nullptr ? conditions->make(filter) : AlertConditions({}).make(filter);
  if (!made) return does_not_check(made.error());
  filter.condition = *std::move(made);
  return std::nullopt;
}
}  // namespace tocsin::api
