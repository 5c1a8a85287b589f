#include "api/alerts/alert_filter_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "api/alerts/alert_filter_query.h"
#include "api/base/member_error.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::size_t kTextBytesMax = 1000;

Result<void> read_texts(const ordered_json& value, std::string_view member, std::size_t most,
                        std::set<std::string, std::less<>>& into) {
  if (!value.is_array() || value.size() > most)
    return bad_member(member, fmt::format("a list of at most {} texts", most));
  for (const ordered_json& one : value) {
    if (!one.is_string() || one.get_ref<const std::string&>().empty() ||
        one.get_ref<const std::string&>().size() > kTextBytesMax) {
      return bad_member(member, fmt::format("a list of texts of 1 to {} bytes", kTextBytesMax));
    }
    into.insert(one.get<std::string>());
  }
  return {};
}

}  // namespace

Result<void> read_alert_filter(const ordered_json& value, std::size_t list_max,
                               AlertFilter& filter) {
  if (!value.is_object()) return bad_member("filter", "an object");
  for (const auto& [name, part] : value.items()) {
    Result<void> read;
    if (name == "rules") {
      read = read_texts(part, "filter.rules", list_max, filter.rules);
    } else if (name == "tags") {
      read = read_texts(part, "filter.tags", list_max, filter.tags);
    } else if (name == "least_severity") {
      const auto least = part.is_string() ? severity_named(part.get<std::string>()) : std::nullopt;
      if (!least) return bad_member("filter.least_severity", "info, low, medium, high or critical");
      filter.severities = severities_from(*least);
    } else if (name == "key") {
      if (!part.is_object() || part.size() > list_max)
        return bad_member("filter.key", "an object of the key's parts");
      for (const auto& [part_name, wanted] : part.items()) {
        if (wanted.is_structured() || wanted.is_null())
          return bad_member("filter.key", "an object of texts, numbers or booleans");
        filter.key[part_name] = wanted.is_string() ? wanted.get<std::string>() : wanted.dump();
      }
    } else if (name == "condition") {
      if (!part.is_string() || part.get_ref<const std::string&>().empty() ||
          part.get_ref<const std::string&>().size() > kConditionBytesMax) {
        return bad_member("filter.condition",
                          fmt::format("a condition of at most {} bytes such as amount > 100",
                                      kConditionBytesMax));
      }
      filter.condition_text = part.get<std::string>();
    } else {
      return bad_member(
          "filter",
          fmt::format("made of rules, tags, least_severity, key and condition, not of {}", name));
    }
    if (!read) return read;
  }
  return {};
}

ordered_json alert_filter_json(const AlertFilter& filter) {
  ordered_json document = ordered_json::object();
  if (!filter.rules.empty()) document["rules"] = filter.rules;
  if (!filter.tags.empty()) document["tags"] = filter.tags;
  if (!filter.severities.empty())
    document["least_severity"] = cep::severity_name(*filter.severities.begin());
  for (const auto& [name, value] : filter.key) document["key"][name] = value;
  if (!filter.condition_text.empty()) document["condition"] = filter.condition_text;
  return document;
}
}  // namespace tocsin::api
