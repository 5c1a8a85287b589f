#include "api/privacy/masked_filter.h"

#include <nlohmann/json.hpp>
#include <string>

#include "api/privacy/privacy.h"
#include "api/rest/problem.h"

namespace tocsin::api {
using nlohmann::ordered_json;

void mask_filter(const Privacy& privacy, ordered_json& filter) {
  if (!filter.is_object()) return;
  const auto mark = [&](ordered_json& value) {
    constexpr auto kReplace = ordered_json::error_handler_t::replace;
    value = ordered_json::parse(privacy.mark(value.dump(-1, ' ', false, kReplace)));
  };
  if (const auto key = filter.find("key"); key != filter.end()) {
    for (auto& [name, value] : key->items()) mark(value);
  }
  if (const auto condition = filter.find("condition"); condition != filter.end()) mark(*condition);
}

std::optional<HttpResponse> refused_filter(const ordered_json& settings) {
  const auto filter = settings.find("filter");
  if (filter == settings.end() || !filter->is_object()) return std::nullopt;
  // With one after the other a value can be found out.
  if (filter->contains("condition")) {
    return problem_response(ProblemKind::kForbidden,
                            "a condition may read personal data, which your role does not see "
                            "(privacy.roles): use rules, tags, least_severity and key");
  }
  const auto key = filter->find("key");
  if (key == filter->end() || !key->is_object()) return std::nullopt;
  for (const auto& [name, value] : key->items()) {
    if (!value.is_string() || !value.get_ref<const std::string&>().starts_with("•••")) continue;
    return problem_response(ProblemKind::kBadBody,
                            "filter.key takes values, and this is a mark in place of one that your "
                            "role does not see (privacy.roles)");
  }
  return std::nullopt;
}
}  // namespace tocsin::api
