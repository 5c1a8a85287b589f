#include "api/privacy/alert_mask.h"

#include <algorithm>
#include <array>

#include "api/alerts/alert_line.h"
#include "cep/data/alert.h"

namespace tocsin::api {
namespace {
// Members that are of the rule's text, of time, or counts.
constexpr std::array<std::string_view, 16> kOpen = {
    "format",    "id",      "revision",  "phase",    "rule",     "title",
    "version",   "ts",      "time",      "tags",     "severity", "events_omitted",
    "held_back", "late_us", "truncated", "lost_runs"};
constexpr std::array<std::string_view, 3> kOpenOfEvent = {"as", "type", "ts"};

bool is_one_of(const auto& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// Writes one alert; `rule` null: all is personal.
class Writer {
 public:
  Writer(const AlertMask& mask, const AlertSources* rule, bool is_budget)
      : mask_(mask), rule_(rule), is_budget_(is_budget) {}

  std::string alert(std::string_view line) const {
    std::string text = "{";
    for (const auto& [name, value] : json_members(line)) {
      put_name(text, name);
      put_member(text, name, value);
    }
    return text + "}";
  }

 private:
  static void put_name(std::string& text, std::string_view name) {
    if (text.back() != '{') text += ',';
    text.append(1, '"').append(name).append("\":");
  }
  void put(std::string& text, std::string_view value, bool is_personal) const {
    text += is_personal ? mask_.mark(value) : std::string(value);
  }
  bool is_personal(const SourcesByName AlertSources::*members, std::string_view name) const {
    return rule_ == nullptr || mask_.is_personal(rule_->*members, name);
  }

  void put_member(std::string& text, std::string_view name, std::string_view value) const {
    if (name == "key") {
      put_object(text, value, [&](auto one) { return is_personal(&AlertSources::key, one); });
    } else if (name == "fields" && is_budget_) {
      text += value;  // the rule, and which budget
    } else if (name == "fields") {
      put_object(text, value, [&](auto one) { return is_personal(&AlertSources::fields, one); });
    } else if (name == "events") {
      put_events(text, value);
    } else if (name == "score") {
      put(text, value, rule_ == nullptr ? value != "0" : mask_.is_personal(rule_->score));
    } else if (name == "message") {
      put(text, value, rule_ == nullptr || is_message_personal());
    } else {
      put(text, value, !is_one_of(kOpen, name));
    }
  }
  bool is_message_personal() const {
    if (!is_budget_) return mask_.is_personal(rule_->message);
    // That of a budget names the key.
    return std::ranges::any_of(rule_->key,
                               [&](const auto& part) { return mask_.is_personal(part.second); });
  }
  void put_object(std::string& text, std::string_view object, const auto& is_personal) const {
    std::string members = "{";
    for (const auto& [name, value] : json_members(object)) {
      put_name(members, name);
      put(members, value, is_personal(name));
    }
    text += members + "}";
  }
  void put_events(std::string& text, std::string_view events) const {
    text += '[';
    for (const std::string_view event : json_elements(events)) {
      if (text.back() != '[') text += ',';
      put_event(text, event);
    }
    text += ']';
  }
  void put_event(std::string& text, std::string_view event) const {
    const auto type = mask_.sources.types.find(json_characters(json_member(event, "type")));
    const bool is_known = rule_ != nullptr && type != mask_.sources.types.end();
    const auto is_personal = [&](std::string_view field) {
      return !is_known || mask_.is_personal(type->second, field);
    };
    std::string members = "{";
    for (const auto& [name, value] : json_members(event)) {
      put_name(members, name);
      if (name == "fields") {
        put_object(members, value, is_personal);
      } else {
        const bool is_open = is_one_of(kOpenOfEvent, name);
        put(members, value, name == "id" ? is_personal(kEventId) : !is_open);
      }
    }
    text += members + "}";
  }

  const AlertMask& mask_;
  const AlertSources* rule_;
  bool is_budget_;
};
}  // namespace

bool AlertMask::is_personal(const FieldNames& made_of) const {
  return std::ranges::any_of(made_of,
                             [&](const std::string& field) { return personal.contains(field); });
}
bool AlertMask::is_personal(const SourcesByName& members, std::string_view name) const {
  const auto found = members.find(name);
  return found == members.end() || is_personal(found->second);
}

std::string mask_alert(const AlertMask& mask, std::string_view line, bool all) {
  std::string id = json_characters(json_member(line, "rule"));
  const bool is_budget = id == cep::kBudgetRule;
  if (is_budget) id = json_characters(json_member(json_member(line, "fields"), "rule"));
  const auto rule = mask.sources.rules.find(id);
  const bool is_known = !all && rule != mask.sources.rules.end();
  return Writer(mask, is_known ? &rule->second : nullptr, is_budget).alert(line);
}
}  // namespace tocsin::api
