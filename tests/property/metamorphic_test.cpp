// What must change no alert: other slices, other orders of arrival within the bound, other names of
// fields, rules added that nothing depends on, a rule said twice.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cep/data/alert.h"
#include "cep/engine/engine.h"
#include "cep/plan/feature.h"
#include "cep/plan/renumber.h"
#include "tests/support/engine_run.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_merge.h"
#include "tests/support/plan_walk.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"

namespace tocsin::tests {
namespace {
constexpr std::size_t kEventsMost = 400;

// The alerts of the rules but those whose name begins with `left_out`, in their order.
std::vector<std::string> alerts_of(const cep::Plan& plan,
                                   const std::vector<oracle::PlacedEvent>& events, const Cut& cut,
                                   const std::string& left_out = "") {
  const auto shared = std::make_shared<const cep::Plan>(plan);
  const auto program = cep::compile(shared, kOutOfReach);
  REQUIRE_MESSAGE(program.has_value(), program.error().message);
  std::vector<cep::Alert> alerts = run_engine(*program, events, cep::kEventTimeMax, cut);
  std::erase_if(alerts, [&](const cep::Alert& alert) {
    return !left_out.empty() && plan.rules[alert.rule.value].name.starts_with(left_out);
  });
  return alert_lines(plan, alerts);
}

// All names of fields with something before them.
void rename_fields(cep::Plan& plan) {
  const ExprChange change = [](cep::Expr& expr) {
    cep::FieldRef* const field = field_of(expr);
    if (field != nullptr && !field->name.empty()) field->name = "x_" + field->name;
  };
  for (cep::EventType& type : plan.event_types) {
    for (cep::Field& field : type.fields) {
      field.computed = rewritten(field.computed, change);
      if (!type.is_alert()) field.name = "x_" + field.name;
    }
  }
  KindRewrite rename_in_kinds(change);
  for (cep::Feature& feature : plan.features) {
    rename_in_kinds(feature.events);
    feature.argument = rewritten(feature.argument, change);
    feature.where = rewritten(feature.where, change);
    if (auto* const calendar = feature.window.as<cep::CalendarUnitWindow>()) {
      calendar->zone = rewritten(calendar->zone, change);
    }
  }
  for (cep::Rule& rule : plan.rules) {
    rewrite(rule, change);
    cep::for_each_kinds(rule, [&](std::vector<cep::Subset>& subsets) { rename_in_kinds(subsets); });
  }
}
std::vector<std::string> without_names(std::vector<std::string> lines) {
  for (std::string& line : lines) {
    for (std::size_t at = 0; (at = line.find("\"x_", at)) != std::string::npos; ++at) {
      line.erase(at + 1, 2);
    }
  }
  return lines;
}

// Another order of arrival: each event up to the bound later than its time, equal times in order.
std::vector<oracle::Event> delayed(Random& random, std::vector<oracle::Event> events,
                                   cep::Duration bound) {
  std::stable_sort(events.begin(), events.end(),
                   [](const oracle::Event& a, const oracle::Event& b) { return a.ts < b.ts; });
  std::vector<std::pair<cep::EventTime, std::size_t>> arrivals;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const bool equal = i > 0 && events[i].ts == events[i - 1].ts;
    const cep::EventTime at =
        equal ? arrivals.back().first : events[i].ts + cep::Duration{random.between(0, bound.us)};
    arrivals.emplace_back(at, i);
  }
  std::sort(arrivals.begin(), arrivals.end());
  std::vector<oracle::Event> out;
  for (const auto& [at, i] : arrivals) out.push_back(events[i]);
  return out;
}

// Whether it shows in which order things that fall due at one time under several keys are done.
bool ties_matter(const cep::Plan& plan) {
  return std::any_of(plan.event_types.begin(), plan.event_types.end(),
                     [](const cep::EventType& type) { return type.is_alert(); }) ||
         std::any_of(plan.rules.begin(), plan.rules.end(), [](const cep::Rule& rule) {
           const cep::Suppression& suppression = rule.suppression;
           return !suppression.for_each.empty() ||
                  (suppression.at_most && !suppression.at_most->for_each.empty());
         });
}
bool has_tumbling(const cep::Plan& plan) {
  return std::any_of(plan.rules.begin(), plan.rules.end(), [](const cep::Rule& rule) {
    return rule.window && !rule.window->is_session();
  });
}

// Moves different times by different parts of a second: what they set falls due at different times.
void spread(const cep::Plan& plan, std::vector<oracle::Event>& events) {
  std::stable_sort(events.begin(), events.end(),
                   [](const oracle::Event& a, const oracle::Event& b) { return a.ts < b.ts; });
  std::int64_t shift_us = 0;
  cep::EventTime before = cep::kEventTimeMin;
  for (oracle::Event& event : events) {
    if (event.ts != before) ++shift_us;
    before = event.ts;
    event.ts = event.ts + cep::Duration{shift_us};
    const cep::FieldIndex field = plan.event_types[event.type.value].time_field;
    event.fields[field.value] = cep::OwnedValue(cep::Value::time(event.ts));
  }
}
std::vector<std::string> sorted(std::vector<std::string> lines) {
  std::sort(lines.begin(), lines.end());
  return lines;
}

void compare(const std::string& what, const std::vector<std::string>& expected,
             const std::vector<std::string>& found) {
  if (found == expected) return;
  const auto [a, b] = std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
  FAIL(what << " changes the alerts:\n  before: " << (a == expected.end() ? "(no more)" : *a)
            << "\n  after:  " << (b == found.end() ? "(no more)" : *b));
}
}  // namespace

TEST_CASE("metamorphic: slices, arrivals, names and other rules change no alert") {
  std::size_t compared = 0;
  std::size_t alerting = 0;
  std::size_t moved_cases = 0;
  std::size_t added = 0;
  const std::size_t cases = for_all_seeds("PROPERTY", 500, [&](Random& random) {
    const cep::Plan plan = random_language_plan(random);
    std::vector<oracle::Event> events = random_events(random, plan, {.disorder = false});
    if (events.size() > kEventsMost) events.resize(kEventsMost);
    // Where it would show in which order what falls due at one time is done, nothing does.
    const bool spreads = ties_matter(plan) && !has_tumbling(plan);
    if (spreads) spread(plan, events);
    oracle::Options options;
    options.bound = {1'000'000 * random.between(1, 5)};
    const std::vector<oracle::PlacedEvent> placed =
        oracle::place_events(plan, delayed(random, events, {0}), options);
    options.work_max = 20'000;
    if (!oracle::evaluate(plan, placed, options)) return;  // too large
    const std::vector<std::string> expected = alerts_of(plan, placed, {100'000, 1, false});
    ++compared;
    if (!expected.empty()) ++alerting;

    const Cut cut{1 + random.below(20), random.next(), random.chance(50)};
    compare("other slices and another hash seed", expected, alerts_of(plan, placed, cut));

    const std::vector<oracle::Event> later = delayed(random, events, options.bound);
    const std::vector<oracle::PlacedEvent> moved = oracle::place_events(plan, later, options);
    // What falls due at one time under several keys comes in the order of arrival: those alerts,
    // and what reads them or is suppressed over several keys, may change places.
    if (spreads || !ties_matter(plan)) {
      ++moved_cases;
      compare("another order of arrival", sorted(expected), sorted(alerts_of(plan, moved, cut)));
    }

    cep::Plan renamed = plan;
    rename_fields(renamed);
    const std::vector<std::string> misnamed = cep::validate(renamed);
    REQUIRE_MESSAGE(misnamed.empty(), fmt::format("{}", fmt::join(misnamed, "\n")));
    compare("other names of fields", expected, without_names(alerts_of(renamed, placed, cut)));

    cep::Plan twice = plan;
    twice.rules.push_back(random.pick(plan.rules));
    twice.rules.back().name = twice.rules.back().id = "again";
    compare("a rule said again", expected, alerts_of(twice, placed, cut, "again"));

    const auto more =
        merged(plan, random_language_plan(random, &plan), "other_", random.chance(50));
    if (!more) return;
    const std::vector<std::string> problems = cep::validate(*more);
    REQUIRE_MESSAGE(problems.empty(), fmt::format("{}", fmt::join(problems, "\n")));
    options.work_max = 40'000;
    if (!oracle::evaluate(*more, placed, options)) return;  // the other rules are too large
    ++added;
    compare("other rules", expected, alerts_of(*more, placed, cut, "other_"));
  });
  MESSAGE(cases << " cases, " << compared << " compared, " << alerting << " with alerts, "
                << moved_cases << " in other orders, " << added << " with other rules");
  if (cases < 100) return;
  CHECK(2 * alerting > cases);
  CHECK(4 * moved_cases > 3 * cases);
  CHECK(4 * added > 3 * cases);
}
}  // namespace tocsin::tests
