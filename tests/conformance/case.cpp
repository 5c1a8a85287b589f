#include "tests/conformance/case.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>

namespace tocsin::conformance {
namespace {
using Json = nlohmann::json;

// Thrown inside this file alone; parse_case turns it into a Result.
[[noreturn]] void refuse(const std::string& what) { throw std::runtime_error(what); }

const Json* member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

void only(const Json& object, std::initializer_list<std::string_view> names, const char* where) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      refuse(std::string("unknown member of ") + where + ": " + name);
    }
  }
}

Contiguity contiguity_of(const std::string& text) {
  if (text == "strict") return Contiguity::kStrict;
  if (text == "relaxed") return Contiguity::kRelaxed;
  if (text == "any") return Contiguity::kAny;
  if (text == "not_next") return Contiguity::kNotNext;
  if (text == "not_followed_by") return Contiguity::kNotFollowedBy;
  refuse("unknown contiguity: " + text);
}

Within within_of(const Json& json) {
  only(json, {"ms", "type"}, "a window");
  Within within;
  within.ms = json.at("ms").get<std::int64_t>();
  const std::string type = json.value("type", "first_last");
  if (type != "first_last" && type != "previous_current") refuse("unknown window: " + type);
  within.previous_current = type == "previous_current";
  return within;
}

Times times_of(const Json& json) {
  only(json, {"min", "max", "greedy", "consecutive", "until", "window_ms"}, "`times`");
  Times times;
  times.min = json.at("min").get<std::int64_t>();
  if (const Json* max = member(json, "max")) times.max = max->get<std::int64_t>();
  times.greedy = json.value("greedy", false);
  if (const Json* inside = member(json, "consecutive")) {
    times.consecutive = contiguity_of(inside->get<std::string>());
  }
  if (const Json* until = member(json, "until")) times.until = until->get<std::string>();
  if (const Json* window = member(json, "window_ms")) times.window_ms = window->get<std::int64_t>();
  return times;
}

Step step_of(const Json& json) {
  only(json, {"var", "group", "contiguity", "where", "times", "optional", "within"}, "a step");
  Step step;
  if (const Json* group = member(json, "group")) {
    for (const Json& inner : *group) step.group.push_back(step_of(inner));
    if (step.group.empty()) refuse("a group without steps");
  } else {
    step.var = json.at("var").get<std::string>();
  }
  if (const Json* contiguity = member(json, "contiguity")) {
    step.contiguity = contiguity_of(contiguity->get<std::string>());
  }
  if (const Json* where = member(json, "where")) step.where = where->get<std::string>();
  if (const Json* times = member(json, "times")) step.times = times_of(*times);
  step.optional = json.value("optional", false);
  if (const Json* within = member(json, "within")) step.within = within_of(*within);
  return step;
}

Event event_of(const Json& json) {
  Event event;
  event.index = json.at("i").get<std::int64_t>();
  event.ts_ms = json.at("ts").get<std::int64_t>();
  for (const auto& [name, value] : json.items()) {
    if (name == "i" || name == "ts" || value.is_null()) continue;
    if (value.is_structured()) refuse("an attribute that is no single value: " + name);
    event.attributes.emplace(name, value);
  }
  return event;
}

void read_skip(const std::string& text, Case& test) {
  const std::size_t colon = text.find(':');
  const std::string strategy = text.substr(0, colon);
  if (colon != std::string::npos) test.skip_target = text.substr(colon + 1);
  if (strategy == "no_skip") {
    test.skip = Skip::kNoSkip;
  } else if (strategy == "to_next") {
    test.skip = Skip::kToNext;
  } else if (strategy == "past_last") {
    test.skip = Skip::kPastLast;
  } else if (strategy == "to_first") {
    test.skip = Skip::kToFirst;
  } else if (strategy == "to_last") {
    test.skip = Skip::kToLast;
  } else {
    refuse("unknown skip strategy: " + text);
  }
  const bool targeted = test.skip == Skip::kToFirst || test.skip == Skip::kToLast;
  if (targeted == test.skip_target.empty()) refuse("unknown skip strategy: " + text);
}

Case case_of(const Json& json) {
  only(json,
       {"id", "theme", "title", "source", "note", "events", "pattern", "within", "skip",
        "skip_miss", "end_time", "matches", "tocsin_matches", "timeouts", "error", "quirk"},
       "a case");
  Case test;
  test.id = json.at("id").get<std::string>();
  test.title = json.value("title", "");
  for (const Json& event : json.at("events")) test.events.push_back(event_of(event));
  const Json& pattern = json.at("pattern");
  only(pattern, {"steps"}, "a pattern");
  for (const Json& step : pattern.at("steps")) test.steps.push_back(step_of(step));
  if (test.steps.empty()) refuse("a pattern without steps");
  if (const Json* within = member(json, "within")) test.within = within_of(*within);
  read_skip(json.value("skip", "no_skip"), test);
  const std::string skip_miss = json.value("skip_miss", "ignore");
  if (skip_miss != "ignore" && skip_miss != "error") refuse("unknown skip_miss: " + skip_miss);
  test.skip_miss_fails = skip_miss == "error";
  if (const Json* end = member(json, "end_time")) test.end_time_ms = end->get<std::int64_t>();
  const Json* const own = member(json, "tocsin_matches");
  for (const Json& match : own != nullptr ? *own : json.at("matches")) {
    test.matches.push_back(match.get<Match>());
  }
  const std::string error = json.value("error", "");
  if (error == "invalid_pattern") {
    test.error = ExpectedError::kInvalidPattern;
  } else if (error == "runtime") {
    test.error = ExpectedError::kRuntime;
  } else if (!error.empty()) {
    refuse("unknown error: " + error);
  }
  test.quirk = json.value("quirk", false);
  return test;
}

bool has_loop_window(const std::vector<Step>& steps) {
  return std::any_of(steps.begin(), steps.end(), [](const Step& step) {
    return (step.times && step.times->window_ms) || has_loop_window(step.group);
  });
}
}  // namespace

Result<Case> parse_case(const std::string& line) {
  try {
    return case_of(Json::parse(line));
  } catch (const std::exception& error) {
    return fail(Errc::kInvalidArgument, error.what());
  }
}

bool may_stand_apart(const Case& test) {
  return test.quirk || test.error == ExpectedError::kRuntime || test.skip_miss_fails ||
         has_loop_window(test.steps);
}
}  // namespace tocsin::conformance
