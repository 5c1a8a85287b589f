#include "api/alerts/alert_scope.h"

#include <string>
#include <vector>

#include "api/alerts/alert_line.h"

namespace tocsin::api {
bool is_alert_in(const TokenScope& scope, std::string_view line) {
  if (!scope.tags.empty()) {
    std::vector<std::string> tags;
    for (const std::string_view tag : json_elements(json_member(line, "tags")))
      tags.push_back(json_characters(tag));
    if (!scope.has_tag_of(tags)) return false;
  }
  if (scope.types.empty()) return true;
  const std::vector<std::string_view> events = json_elements(json_member(line, "events"));
  for (const std::string_view event : events) {
    if (!scope.types.contains(json_characters(json_member(event, "type")))) return false;
  }
  return !events.empty();
}
}  // namespace tocsin::api
