#include "api/alerts/alert_filter_query.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/rest/problem.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using Type = RouteParameter::Type;

std::vector<std::string> words_of(std::string_view list) {
  std::vector<std::string> words;
  while (!list.empty()) {
    const std::string_view word = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), word.size() + 1));
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}
tl::unexpected<HttpResponse> bad_parameter(std::string_view name, const std::string& detail) {
  return tl::unexpected(bad_parameter_response(name, detail));
}

constexpr const char* kKeyPattern = "^([^={][^=]*=|\\{)";  // NAME=VALUE, or JSON

constexpr std::size_t kWordsMax = 10;
constexpr const char* kTextPattern = "^ *([^ ]+( +|$)){0,10}$";

std::vector<std::string> searched_words(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char letter : text) {
    if (letter == ' ') {
      if (!words.back().empty()) words.emplace_back();
    } else {
      words.back() +=
          letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

// `card=c1`, or a JSON object of several parts.
tl::expected<void, HttpResponse> read_key(std::string_view text, AlertFilter& filter) {
  if (!text.starts_with('{')) {
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return bad_parameter("key", "key takes NAME=VALUE or a JSON object");
    filter.key.emplace(text.substr(0, equals), text.substr(equals + 1));
    return {};
  }
  const ordered_json parts = ordered_json::parse(text, nullptr, false);
  if (!parts.is_object() || parts.empty())
    return bad_parameter("key", "key takes NAME=VALUE or a JSON object");
  for (const auto& [name, value] : parts.items()) {
    if (value.is_structured() || value.is_null())
      return bad_parameter("key", "the parts of a key are texts, numbers or booleans");
    filter.key.emplace(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return {};
}

}  // namespace

std::vector<RouteParameter> alert_filter_parameters() {
  std::vector<std::string> severities;
  for (const cep::Severity severity : severities_from(cep::Severity::kInfo))
    severities.emplace_back(cep::severity_name(severity));
  std::vector<std::string> states;
  for (const TriageState state : kTriageStates) states.emplace_back(name_of(state));
  return {
      {"from", Type::kTime, "Alerts of this time and later"},
      {"to", Type::kTime, "Alerts before this time"},
      {"rule", Type::kText, "Ids of rules, with commas between them"},
      {.name = "severity",
       .description = "Severities, with commas between them; not beside least_severity",
       .pattern = fmt::format("^({0})?(,({0})?)*$", fmt::join(severities, "|"))},
      {"least_severity", Type::kWord, "This severity and more; not beside severity", severities},
      {"tag", Type::kText, "Alerts with one of these tags, with commas between them"},
      {.name = "key",
       .description = "NAME=VALUE, or a JSON object of several parts of the key",
       .pattern = kKeyPattern},
      {.name = "status",
       .description = "States of their triage, with commas between them",
       .pattern = fmt::format("^({0})?(,({0})?)*$", fmt::join(states, "|"))},
      {"assignee", Type::kText, "To whom they are assigned; empty: to nobody"},
      {.name = "text",
       .description = "Words with blanks between them, 10 at most: each stands in the message, the "
                      "title, the rule, the id, a tag, or a value of the key or the fields; ASCII "
                      "letters match in any case",
       .pattern = kTextPattern},
      {"condition", Type::kText,
       "A condition of the rule language on the alert's fields, such as amount > 100; for who is "
       "shown personal data"},
      {"shadow", Type::kBoolean, "Those of shadow rules too"}};
}

tl::expected<AlertFilter, HttpResponse> read_alert_filter(const ApiRequest& request) {
  AlertFilter filter;
  if (const auto from = request.text("from")) filter.from = cep::parse_time(*from);
  if (const auto to = request.text("to")) filter.to = cep::parse_time(*to);
  for (std::string& rule : words_of(request.text("rule").value_or("")))
    filter.rules.insert(std::move(rule));
  for (std::string& tag : words_of(request.text("tag").value_or("")))
    filter.tags.insert(std::move(tag));
  if (const auto least = request.text("least_severity"))
    filter.severities = severities_from(*severity_named(*least));
  if (const auto list = request.text("severity")) {
    if (!filter.severities.empty())
      return bad_parameter("severity", "severity and least_severity exclude each other");
    for (const std::string& word : words_of(*list)) {
      const auto severity = severity_named(word);
      if (!severity) {
        return bad_parameter(
            "severity",
            fmt::format("severity takes info, low, medium, high and critical, not {}", word));
      }
      filter.severities.insert(*severity);
    }
  }
  if (const auto key = request.text("key")) {
    if (auto read = read_key(*key, filter); !read) return tl::unexpected(read.error());
  }
  for (const std::string& word : words_of(request.text("status").value_or(""))) {
    const auto state = triage_state_named(word);
    if (!state) {
      return bad_parameter("status", fmt::format("status takes open, assigned, confirmed, "
                                                 "dismissed and closed, not {}",
                                                 word));
    }
    filter.statuses.insert(*state);
  }
  if (const auto assignee = request.text("assignee")) filter.assignee = std::string(*assignee);
  filter.words = searched_words(request.text("text").value_or(""));
  if (filter.words.size() > kWordsMax)
    return bad_parameter("text", fmt::format("text has {} words at most", kWordsMax));
  filter.condition_text = request.text("condition").value_or("");
  if (filter.condition_text.size() > kConditionBytesMax) {
    return bad_parameter("condition",
                         fmt::format("condition has {} bytes at most", kConditionBytesMax));
  }
  filter.has_shadow = request.text("shadow") == "true";
  filter.scope = request.grant.scope;
  return filter;
}
}  // namespace tocsin::api
