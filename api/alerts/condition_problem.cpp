#include "api/alerts/condition_problem.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "api/alerts/alert_filter_json.h"
#include "api/rest/problem.h"

namespace tocsin::api {
using nlohmann::ordered_json;

std::optional<HttpResponse> refused_condition(const ordered_json& settings,
                                              const AlertConditions& conditions) {
  if (!settings.is_object() || !settings.contains("filter")) return std::nullopt;
  AlertFilter filter;
  if (!read_alert_filter(settings.at("filter"), SIZE_MAX, filter)) return std::nullopt;
  const auto made = conditions.make(filter);
  if (made) return std::nullopt;
  ordered_json list = ordered_json::array();
  std::string_view lines = made.error().diagnostics;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    list.push_back(ordered_json::parse(lines.substr(0, end)));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return problem_response(ProblemKind::kConditionDoesNotCheck, made.error().detail,
                          {{"diagnostics", std::move(list)}});
}
}  // namespace tocsin::api
