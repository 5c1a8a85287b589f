#include "api/rules/key_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "cep/plan/feature.h"
#include "cep/plan/pattern.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/plan/shown_name.h"
#include "rules/explain/expression_text.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
namespace {
using Json = nlohmann::ordered_json;

// A time on the day of `now` without the day.
std::string time_text(cep::EventTime time, cep::EventTime now) {
  constexpr std::size_t kDayChars = 10;  // "2026-03-02"
  std::string text = cep::format_time(time);
  const std::string day = cep::format_time(now).substr(0, kDayChars);
  if (text.size() <= kDayChars + 1 || !text.starts_with(day)) return text;
  std::string clock = text.substr(kDayChars + 1);
  if (clock.ends_with('Z')) clock.pop_back();
  return clock;
}

std::string match_text(const std::string& rule, const cep::ReportedMatch& match,
                       cep::EventTime now) {
  std::string text = match.is_complete
                         ? fmt::format("{} is complete", rule)
                         : fmt::format("step {} of {} of {}", match.step, match.steps, rule);
  for (const cep::ReportedEvents& events : match.events) {
    text += fmt::format(", {} {}", rules::format_count(events.count), events.name);
  }
  text += fmt::format(" since {}", time_text(match.since, now));
  if (!match.waits_for.empty()) text += ", waits for " + match.waits_for;
  if (match.expires) text += ", expires " + time_text(*match.expires, now);
  if (match.deadline) text += ", alerts at " + time_text(*match.deadline, now);
  return text;
}

std::string window_text(const std::string& rule, const cep::ReportedWindow& window,
                        cep::EventTime now) {
  std::string text =
      fmt::format("{} has a window open since {}, {} {}", rule, time_text(window.begin, now),
                  rules::format_count(window.events.count), window.events.name);
  if (window.end) text += ", which ends " + time_text(*window.end, now);
  return text;
}

std::string suppression_text(const std::string& rule, const cep::ReportedSuppression& held) {
  std::string text = rule + (held.is_quiet ? " is quiet" : " is not quiet");
  if (held.quiet_until) text += " until " + cep::format_time(*held.quiet_until);
  if (held.held_back != 0) {
    text += fmt::format(", {} held back", rules::format_count(held.held_back, "alert"));
  }
  return text;
}

std::string value_text(const cep::OwnedValue& value) {
  return value.view().is_missing() ? "nothing" : cep::to_text(value.view());
}

Json time_json(const std::optional<cep::EventTime>& time) {
  return time ? Json(cep::format_time(*time)) : Json(nullptr);
}
Json events_json(const cep::ReportedEvents& events) {
  return {{"name", events.name},
          {"count", events.count},
          {"first", cep::format_time(events.first)},
          {"last", cep::format_time(events.last)}};
}
// A group around a step.
struct Around {
  const cep::Element* group;  // null: the whole pattern
  std::uint32_t first;        // the steps in it, by their numbers
  std::uint32_t last;
  bool may_begin = true;  // whether the step may take the first event in it

  bool has(std::uint32_t number) const { return first <= number && number <= last; }
  bool has_any_order() const {
    return group != nullptr && group->kind() == cep::ElementKind::kAllOf;
  }
  bool is_choice() const {
    return has_any_order() || (group != nullptr && group->kind() == cep::ElementKind::kOneOf);
  }
  bool has_rounds() const { return group != nullptr && group->quantifier().max != 1; }
};
struct WrittenStep {
  const cep::Element* element;
  std::uint32_t number;        // in the order written, from 1, as ReportedMatch::step
  std::vector<Around> around;  // from the outermost

  bool is_with(std::uint32_t other, bool (Around::*in)() const) const {
    return std::ranges::any_of(
        around, [&](const Around& group) { return (group.*in)() && group.has(other); });
  }
};
std::uint32_t steps_in(const std::vector<cep::Element>& elements) {
  std::uint32_t count = 0;
  for (const cep::Element& element : elements) {
    count += element.is_step() ? 1 : steps_in(element.children());
  }
  return count;
}
// All steps of a group or pattern, the innermost of `around`, in the order written.
void add_steps(const std::vector<cep::Element>& elements, const std::vector<Around>& around,
               std::vector<WrittenStep>& to) {
  bool may_begin = true;
  for (const cep::Element& element : elements) {
    if (element.is_absence()) continue;
    std::vector<Around> within = around;
    for (Around& group : within) group.may_begin = group.may_begin && may_begin;
    const auto number = static_cast<std::uint32_t>(to.size()) + 1;
    if (element.is_step()) {
      to.push_back({&element, number, std::move(within)});
    } else {
      within.push_back({&element, number, number + steps_in(element.children()) - 1});
      add_steps(element.children(), within, to);
    }
    may_begin = may_begin && (around.back().is_choice() || element.is_optional());
  }
}
std::vector<WrittenStep> steps_of(const cep::Rule& rule) {
  std::vector<WrittenStep> steps;
  add_steps(rule.pattern, {{nullptr, 1, steps_in(rule.pattern)}}, steps);
  return steps;
}
// What alerts call its events, and whether the rule says so.
std::pair<std::string, bool> name_of(const cep::Rule& rule, const cep::Element& step) {
  const std::string* const name = cep::shown_name(rule, step.var());
  return name != nullptr ? std::pair(*name, true) : std::pair(step.events().front().name, false);
}
// Those that a match waits for: by the names that the report has, or, where steps without a name
// share one, by their number.
std::vector<WrittenStep> awaited(const cep::Rule& rule, const std::vector<WrittenStep>& steps,
                                 const cep::ReportedMatch& match) {
  const std::string names = " or " + match.waits_for + " or ";
  std::vector<WrittenStep> found;
  for (const WrittenStep& step : steps) {
    const auto [name, is_own] = name_of(rule, *step.element);
    if (names.find(" or " + name + " or ") == std::string::npos) continue;
    const bool is_passed = !is_own && step.number < match.step &&
                           !step.is_with(match.step, &Around::has_any_order) &&
                           !step.is_with(match.step, &Around::has_rounds);
    if (!is_passed) found.push_back(step);
  }
  const bool is_one = match.waits_for.find(" or ") == std::string::npos;
  if (!is_one || found.size() < 2) return found;
  // The next of its name, unless the one that it stands at goes on, and those that may come in its
  // place.
  const auto stands = [&](const WrittenStep& step) {
    return step.number == match.step && !step.element->quantifier().loop;
  };
  const WrittenStep next = found[stands(found.front()) ? 1 : 0];
  std::erase_if(found, [&](const WrittenStep& step) {
    return step.number != next.number &&
           (stands(step) || !next.is_with(step.number, &Around::is_choice));
  });
  return found;
}
// By when the event of a step has to come: where it, or a group that it begins, has a `within` of
// its own, which is from the event before to the first one.
std::optional<cep::EventTime> until_of(const WrittenStep& step,
                                       const std::vector<WrittenStep>& steps,
                                       const cep::ReportedMatch& match) {
  if (step.number == match.step || match.events.empty()) return std::nullopt;
  std::optional<cep::Duration> gap = step.element->gap;
  for (const Around& around : step.around) {
    if (around.group == nullptr || !around.group->gap || !around.may_begin) continue;
    if (around.has(match.step)) continue;  // it has begun
    if (!gap || *around.group->gap < *gap) gap = around.group->gap;
  }
  if (!gap) return std::nullopt;
  // Of a busy key only the first event is known, however far it came.
  const bool is_one = match.events.size() == 1 && match.events.front().count == 1;
  const bool is_first = steps[match.step - 1].around.front().may_begin;
  if (is_one && !is_first) return std::nullopt;
  return std::ranges::max(match.events, {}, &cep::ReportedEvents::last).last + *gap;
}
// The first of the conditions that `and` joins.
const cep::Expr& first_of(const cep::Expr& expr) {
  return expr.op == cep::Op::kAnd ? first_of(*expr.args.front()) : expr;
}
Json awaited_json(const cep::Plan& plan, const cep::Rule& rule, const cep::ReportedMatch& match,
                  const PlaceOfCondition& place) {
  Json list = Json::array();
  if (match.is_complete || match.waits_for.empty()) return list;
  const std::vector<WrittenStep> steps = steps_of(rule);
  for (const WrittenStep& step : awaited(rule, steps, match)) {
    const cep::Element& element = *step.element;
    std::string text = rules::kinds_text(element.events());
    if (element.where()) text += " where " + rules::expression_text(plan, &rule, *element.where());
    Json one = {{"text", std::move(text)}};
    if (element.where() && place) {
      if (const std::optional<WrittenPlace> at = place(first_of(*element.where()))) {
        one["file"] = at->file;
        one["line"] = at->line;
      }
    }
    if (const std::optional<cep::EventTime> until = until_of(step, steps, match)) {
      one["until"] = cep::format_time(*until);
    }
    list.push_back(std::move(one));
  }
  return list;
}
Json match_json(const cep::Plan& plan, const cep::Rule& rule, const cep::ReportedMatch& match,
                const PlaceOfCondition& place) {
  Json json = {{"step", match.step},
               {"steps", match.steps},
               {"complete", match.is_complete},
               {"since", cep::format_time(match.since)},
               {"expires", time_json(match.expires)},
               {"deadline", time_json(match.deadline)},
               {"waits_for", match.waits_for},
               {"awaited", awaited_json(plan, rule, match, place)},
               {"events", Json::array()}};
  for (const cep::ReportedEvents& events : match.events) {
    json["events"].push_back(events_json(events));
  }
  return json;
}
// A window and a suppression, of a ReportedRule or a ScannedRule.
void add_rest(Json& json, const auto& rule) {
  if (rule.window) {
    json["window"] = {{"begin", cep::format_time(rule.window->begin)},
                      {"end", time_json(rule.window->end)},
                      {"events", events_json(rule.window->events)}};
  }
  if (rule.suppression) {
    json["suppression"] = {{"quiet", rule.suppression->is_quiet},
                           {"until", time_json(rule.suppression->quiet_until)},
                           {"held_back", rule.suppression->held_back}};
  }
}
Json rule_json(const cep::Plan& plan, const cep::ReportedRule& rule,
               const PlaceOfCondition& place) {
  const cep::Rule& of = plan.rules[rule.rule.value];
  Json json = {{"rule", of.id}, {"matches", Json::array()}, {"more_matches", rule.more_matches}};
  for (const cep::ReportedMatch& match : rule.matches) {
    json["matches"].push_back(match_json(plan, of, match, place));
  }
  add_rest(json, rule);
  if (rule.lost_runs != 0) json["lost_runs"] = rule.lost_runs;
  return json;
}
}  // namespace

std::string format_key_report(const cep::Plan& plan, const cep::KeyReport& report) {
  std::string text;
  const auto add = [&](const std::string& line) { text += "  " + line + "\n"; };
  for (const cep::ReportedRule& rule : report.rules) {
    const std::string& id = plan.rules[rule.rule.value].id;
    for (const cep::ReportedMatch& match : rule.matches) add(match_text(id, match, report.at));
    if (rule.more_matches != 0) {
      add(fmt::format("and {} more of {}", rules::format_count(rule.more_matches, "partial match"),
                      id));
    }
    if (rule.window) add(window_text(id, *rule.window, report.at));
    if (rule.suppression) add(suppression_text(id, *rule.suppression));
    if (rule.lost_runs != 0) {
      add(fmt::format("{} lost {} to a budget", id,
                      rules::format_count(rule.lost_runs, "partial match")));
    }
  }
  for (const cep::ReportedFeature& feature : report.features) {
    const std::string& name = plan.features[feature.feature.value].name;
    if (!name.empty()) add(fmt::format("{} = {}", name, value_text(feature.value)));
  }
  if (text.empty()) add("nothing is remembered of it");
  return text;
}

PlaceOfCondition places_in(const rules::Loaded& loaded) {
  return [&loaded](const cep::Expr& expr) -> std::optional<WrittenPlace> {
    if (!loaded.rules) return std::nullopt;
    const auto written = loaded.rules->written.find(&expr);
    if (written == loaded.rules->written.end()) return std::nullopt;
    const rules::SourceSpan span = written->second.span;
    return WrittenPlace{
        loaded.sources.path(span.file),
        static_cast<std::uint32_t>(loaded.sources.place(span.file, span.begin).line)};
  };
}

Json scanned_rule_json(const cep::Plan& plan, const cep::ScannedRule& rule,
                       const PlaceOfCondition& place) {
  const cep::Rule& of = plan.rules[rule.rule.value];
  Json json = {
      {"rule", of.id},
      {"matches", rule.matches},
      {"furthest", rule.furthest ? match_json(plan, of, *rule.furthest, place) : Json(nullptr)}};
  add_rest(json, rule);
  return json;
}

std::string key_report_json(const cep::Plan& plan, const cep::KeyReport& report,
                            const PlaceOfCondition& place) {
  const bool is_time = report.at != cep::kEventTimeMin && report.at != cep::kEventTimeMax;
  Json json = {{"at", is_time ? Json(cep::format_time(report.at)) : Json(nullptr)},
               {"known", report.is_known},
               {"rules", Json::array()}};
  for (const cep::ReportedRule& rule : report.rules) {
    json["rules"].push_back(rule_json(plan, rule, place));
  }
  std::string text = json.dump();
  text.pop_back();
  text += R"(,"features":{)";
  for (const cep::ReportedFeature& feature : report.features) {
    const std::string& name = plan.features[feature.feature.value].name;
    if (name.empty()) continue;
    if (text.back() != '{') text += ',';
    cep::append_json_string(text, name);
    text += ':';
    if (feature.value.view().is_missing()) {
      text += "null";
    } else {
      cep::append_json(text, feature.value.view());
    }
  }
  return text + "}}";
}
}  // namespace tocsin::api
