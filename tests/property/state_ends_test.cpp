// State ends: once time has passed all windows and waits, tables are empty and their memory is
// back, for every construct of the language; and what is forgotten changes no alert.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cep/aggregate/feature_window.h"
#include "cep/compile/program.h"
#include "cep/compile/suppression_life.h"
#include "cep/engine/engine.h"
#include "cep/plan/calendar.h"
#include "cep/plan/feature.h"
#include "cep/plan/rule.h"
#include "cep/record/suppressed_count.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/language_constructs.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
constexpr std::int64_t kSecondUs = 1'000'000;
constexpr const char* kSchema = R"(
event pay { ts: time, id: string id, card: string, device: string, amount: int, big: decimal(2), zone: string }
event login { ts: time, id: string id, card: string, device: string, ok: bool, other: string }
list known : string = ["c1", "c2"]
kind small = pay where amount < 3
)";

// One rule or feature for each construct; a feature stands as `feature f = TEXT`, and a rule reads
// it.
struct Construct {
  std::string name;
  std::string text;
  bool stays = false;  // by its meaning: a key never ends
};

std::string rule(const std::string& clauses) {
  return "rule r \"A rule\" {\n" + clauses + "\nalert \"x\"\n}\n";
}
std::string feature(const std::string& text) {
  return "feature f = " + text + "\n" + rule("by card\nwhen pay where f is known and amount > 5");
}

// Every aggregate over values of a type that it takes, sums over ints and decimals; {} stands
// behind the kind.
std::vector<std::string> all_aggregates() {
  std::vector<std::string> all;
  for (const cep::Aggregate aggregate : cep::kAggregates) {
    const cep::AggregateTraits& traits = traits_of(aggregate);
    std::vector<std::string> arguments = {"amount of pay{}"};
    switch (traits.takes) {
      case cep::AggregateInput::kNothing:
        arguments = {"pay{}"};
        break;
      case cep::AggregateInput::kAnything:
        arguments = {"device of pay{}"};
        break;
      case cep::AggregateInput::kNumbersOrDurations:
        arguments.emplace_back("big of pay{}");
        break;
      case cep::AggregateInput::kOrdered:
      case cep::AggregateInput::kNumbers:
        if (static_cast<int>(aggregate) % 2 != 0) arguments = {"big of pay{}"};
        break;
    }
    std::vector<std::string> parameters = {""};
    if (traits.parameter == cep::AggregateParameter::kDecay) {
      parameters = {", half life 7s", ", weight 0.3"};
    }
    if (traits.parameter == cep::AggregateParameter::kPercentage) parameters = {", 95"};
    for (const std::string& argument : arguments) {
      for (const std::string& parameter : parameters) {
        all.push_back(fmt::format("{}({}{})", traits.name, argument, parameter));
      }
    }
  }
  return all;
}

// Long because it is one table.
std::vector<Construct> constructs() {
  const std::string pay = "by card\nwhen pay as p where amount > 0\n";
  const std::string two = "by card\nwhen login as l then pay as p where amount > 0\nwithin 20s\n";
  std::vector<Construct> all = {
      {"no within", rule("by card\nwhen login then pay where amount > 90"), true},
      {"then", rule(two)},
      {"then first", rule("by card\nwhen login then first pay within 20s")},
      {"then next",
       rule("by card\nwhen login then next pay then next pay where amount = 9 within 20s")},
      {"then within", rule("by card\nwhen login then within 5s pay where amount = 9 within 20s")},
      {"a condition on both",
       rule("by card\nwhen pay as a then pay as b where b.amount > 5 * a.amount within 20s")},
      {"2+", rule("by card\nwhen 2+ pay then login within 20s")},
      {"2..3", rule("by card\nwhen 2..3 pay then login where ok within 20s")},
      {"1+ next", rule("by card\nwhen 1+ next pay then login within 20s")},
      {"1+ each", rule("by card\nwhen 1+ each pay then login within 20s")},
      {"1+ greedy", rule("by card\nwhen 1+ greedy pay then login within 20s")},
      {"until",
       rule("by card\nwhen 1+ pay until login where ok then pay where amount = 9 within 20s")},
      {"aggregates of a loop", rule("by card\nwhen 1+ pay as p then login where count(p) > 1 and "
                                    "sum(p.amount) > 2 within 20s")},
      {"prev", rule("by card\nwhen 2+ pay as p where amount > prev.amount then login within 20s")},
      {"optional", rule("by card\nwhen login then optional pay then login within 20s")},
      {"a group", rule("by card\nwhen login then 2..3 (pay then login) within 20s")},
      {"one of", rule("by card\nwhen login then one of { pay where amount > 2, login then pay } as "
                      "w within 20s")},
      {"all of", rule("by card\nwhen login then all of { pay, login } within 20s")},
      {"no in between",
       rule("by card\nwhen login then no pay where amount = 2 then pay within 20s")},
      {"no for", rule("by card\nwhen pay as p then no login for 10s")},
      {"no to the end of within",
       rule("by card\nwhen pay as p then no login where not ok within 10s")},
      {"no next", rule("by card\nwhen login then no next login within 20s considering pay")},
      {"without", rule(two + "without login where not ok")},
      {"without for", rule("by card\nwhen pay as p then pay\nwithout login for 10s")},
      {"considering", rule("by card\nwhen pay then next pay within 20s considering login")},
      {"no skip", rule(two + "after match no skip")},
      {"skip past last", rule(two + "after match skip past last")},
      {"skip to next", rule(two + "after match skip to next")},
      {"skip to first", rule(two + "after match skip to first p")},
      {"skip to last", rule(two + "after match skip to last p")},
      {"consume", rule(two + "after match consume")},
      {"in order", rule(two + "after match no skip in order")},
      {"prefer latest", rule(two + "prefer latest")},
      {"having", rule(two + "having amount > 1")},
      {"except", rule(two + "except \"known\" where card in known")},
      {"except that expires",
       rule(two + "except \"known\" where card in known expires 2027-01-01")},
      {"a list", rule("by card\nwhen pay where card in known then login within 20s")},
      {"several keys", rule("by card, device\nwhen login then pay within 20s")},
      {"a union as key", rule("by who = pay.card | login.other\nwhen login then pay within 20s")},
      {"roles",
       rule("by who = login.card as sent | login.other as got\nwhen sent as a then got as b "
            "within 20s")},
      {"no key", rule("when login where not ok then pay where amount = 9 within 20s")},
      {"a kind", rule("by card\nwhen small then pay within 20s")},
      {"session", rule("by card\nwhen session of pay gap 10s as s where count(s) >= 2")},
      {"session, considering",
       rule("by card\nwhen session of pay gap 10s as s where count(s.pay) >= 2 considering login")},
      {"tumbling", rule("by card\nwhen tumbling 10s of pay as s where count(s) >= 2")},
      {"tumbling month",
       rule("by card\nwhen tumbling month in \"UTC\" of pay as s where count(s) >= 2")},
      {"tumbling, held back", rule("by card\nwhen tumbling 10s of pay as s\nonce per 1h")},
      {"alerts", rule(pay) + "rule after \"After\" {\nby card\nwhen alert r then pay where amount "
                             "= 9 within 20s\nalert \"y\"\n}\n"},
      {"any alert", rule(pay) + "rule after \"After\" {\nby card\nwhen alert r as a then login "
                                "within 20s\nonce per a\nalert \"y\"\n}\n"},
      // What is suppressed.
      {"once per D", rule(pay + "once per 10s")},
      {"once per D for each", rule(pay + "once per 10s for each device")},
      {"once per day", rule(pay + "once per day in \"UTC\"")},
      {"once per week", rule(pay + "once per week in \"Asia/Tokyo\"")},
      {"once per month", rule(pay + "once per month in \"UTC\"")},
      {"once per month in a field", rule(pay + "once per month in zone")},
      {"once per month for each", rule(pay + "once per month in \"UTC\" for each device")},
      {"once per day for each", rule(pay + "once per day in \"UTC\" for each device")},
      {"once per variable", rule(two + "once per l")},
      {"once per variable for each", rule(two + "once per l for each device")},
      {"once per the one event, for each", rule(pay + "once per p for each device")},
      {"once while a count", rule(pay + "once while count(pay) over last 10s >= 2")},
      {"once while a count and more",
       rule(two + "once while card != \"c0\" and 1 < count(pay) over last 10s")},
      {"once while, over", rule("by card\nwhen pay where amount > 1\nonce while amount > 1")},
      {"once while, for ever", rule(pay + "once while amount > 0"), true},
      {"once while a count of others",
       rule("by card\nwhen login where ok\nonce while count(pay) over last 10s >= 0"), true},
      {"once while for each, over",
       rule("by card\nwhen pay where amount > 1\nonce while amount > 1 for each device")},
      {"once while for each, for ever", rule(pay + "once while amount > 0 for each device"), true},
      {"at most", rule(pay + "at most 2 per 10s")},
      {"at most for each", rule(pay + "at most 2 per 10s for each device")},
      {"once and at most", rule(pay + "once per 3s\nat most 2 per 10s")},
      {"once for each and at most", rule(pay + "once per 3s for each device\nat most 2 per 10s")},
      {"once and at most for each", rule(pay + "once per 3s\nat most 2 per 10s for each device")},
      {"once per variable and at most", rule(two + "once per l\nat most 1 per 10s")},
      {"once per variable and at most for each",
       rule(two + "once per l\nat most 1 per 10s for each device")},
      {"once per variable after an absence", rule("by card\nwhen login as l then pay then no login "
                                                  "for 30s within 5s\nonce per l for each device")},
  };
  struct Window {
    const char* text;
    bool stays = false;
  };
  const std::vector<Window> windows = {{"over last 10s"},
                                       {"over previous 10s"},
                                       {"over last 20s every 5s"},
                                       {"over last 20s excluding last 5s"},
                                       {"over tumbling 10s"},
                                       {"over today in \"UTC\""},
                                       {"over today in zone"},
                                       {"over this week in \"UTC\""},
                                       {"over this month in \"Europe/Berlin\""},
                                       {"over this month in zone"},
                                       {"over session gap 5s"},
                                       {"over previous 3 events within 10s"},
                                       {"over last 10s needs 2 events"},
                                       {"over last 3 events", true},
                                       {"over previous 3 events", true},
                                       {"over ever", true},
                                       {"over previous ever", true}};
  for (const std::string& aggregate : all_aggregates()) {
    for (const Window& window : windows) {
      const bool has_panes = !aggregate.starts_with("ewma");
      if (!has_panes && std::string(window.text).find("every") != std::string::npos) continue;
      const std::string text = fmt::format(fmt::runtime(aggregate), "") + " by card " + window.text;
      all.push_back({text, feature(text), window.stays});
    }
    const std::string text =
        fmt::format(fmt::runtime(aggregate), " where amount > 1") + " by device over last 10s";
    all.push_back({text, feature(text)});
    const std::string unless =
        fmt::format(fmt::runtime(aggregate), " unless alerted by r") + " by card over previous 10s";
    all.push_back({unless, feature(unless)});
  }
  return all;
}

// Of each key: a login, and payments of 1, 2, 3 and 0, seconds apart, from a device that two keys
// share.
std::vector<oracle::PlacedEvent> events_of(const cep::Plan& plan) {
  const std::int64_t keys = is_quick() ? 100 : 400;
  std::vector<oracle::Event> events;
  const auto type_of = [&](const std::string& name) {
    return cep::EventTypeIndex(
        static_cast<std::size_t>(std::ranges::find(plan.event_types, name, &cep::EventType::name) -
                                 plan.event_types.begin()));
  };
  const auto add = [&](const std::string& name, std::int64_t second, std::int64_t key,
                       std::int64_t amount) {
    oracle::Event event;
    event.type = type_of(name);
    event.ts.us = second * kSecondUs;
    const cep::EventType& type = plan.event_types[event.type.value];
    for (const cep::Field& field : type.fields) {
      const std::string& is = field.name;
      cep::Value value;
      const std::string text = is == "card"     ? fmt::format("c{}", key)
                               : is == "device" ? fmt::format("d{}", key / 2)
                               : is == "other"  ? fmt::format("c{}", (key + 1) % keys)
                               : is == "zone"   ? "UTC"
                                                : fmt::format("{}", events.size());
      switch (field.type.kind) {
        case cep::TypeKind::kTime:
          value = cep::Value::time(event.ts);
          break;
        case cep::TypeKind::kInt:
          value = cep::Value::integer(amount);
          break;
        case cep::TypeKind::kDecimal:
          value = cep::Value::decimal(amount * 100, 2);
          break;
        case cep::TypeKind::kBool:
          value = cep::Value::boolean(amount > 0);
          break;
        default:
          value = cep::Value::string(text);
          break;
      }
      event.fields.emplace_back(value);
    }
    events.push_back(std::move(event));
  };
  for (std::int64_t key = 0; key < keys; ++key) add("login", 0, key, key % 2);
  for (std::int64_t key = 0; key < keys; ++key) add("pay", 1, key, 1);
  for (std::int64_t key = 0; key < keys; ++key) add("pay", 2, key, 2);
  for (std::int64_t key = 0; key < keys; ++key) add("pay", 3, key, 3);
  for (std::int64_t key = 0; key < keys; ++key) add("login", 4, key, key % 2);
  for (std::int64_t key = 0; key < keys; ++key) add("pay", 5, key, 1);
  for (std::int64_t key = 0; key < keys; ++key) add("pay", 6, key, 1);
  return oracle::place_events(plan, events, {});
}

// Nothing comes any more for `days` from `from_us` on.
void pass(const cep::Plan& plan, cep::Engine& engine, std::int64_t from_us, std::int64_t days,
          std::vector<cep::Alert>& alerts) {
  const cep::Batch none(plan);
  // The first minutes step by step, as all windows of these rules are short.
  std::int64_t us = from_us;
  const std::int64_t end = from_us + days * cep::kDayUs;
  for (std::int64_t step = kSecondUs; us < end; step = std::min(2 * step, cep::kDayUs / 8)) {
    us += step;
    engine.advance(none, {us}, alerts);
  }
}

// `days`, and further days where units of the calendar are longer than any window here: until the
// unit is over, and a sweep that follows the longest window has gone round.
std::int64_t days_with_units(const cep::Plan& plan, std::int64_t days) {
  std::int64_t longest = 0;
  const auto add = [&](cep::CalendarUnit unit) {
    if (unit != cep::CalendarUnit::kDay) {
      longest = std::max(longest, cep::longest_unit(unit).us / cep::kDayUs + 3);
    }
  };
  for (const cep::Feature& feature : plan.features) {
    if (feature.window.kind() == cep::WindowKind::kCalendar) add(feature.window.unit());
  }
  for (const cep::Rule& rule : plan.rules) {
    if (rule.suppression.kind() == cep::Once::kPerUnit) add(rule.suppression.unit());
    if (rule.window && rule.window->calendar() != nullptr) add(rule.window->calendar()->unit);
  }
  return days + 2 * longest;
}

bool is_bounded(const cep::Plan& plan) {
  const auto ends = [&](const cep::Rule& rule) {
    const bool is_one_event = rule.pattern.size() == 1 && rule.pattern[0].is_step() &&
                              !rule.pattern[0].quantifier().loop && !rule.without;
    const bool in_time =
        rule.within || rule.window || is_one_event || (rule.without && rule.without->absent_for);
    return in_time && (rule.suppression.kind() != cep::Once::kWhile ||
                       cep::quiet_ends_after(plan, rule).has_value());
  };
  return std::ranges::all_of(plan.rules, ends) &&
         std::ranges::all_of(plan.features, [](const cep::Feature& feature) {
           return cep::longest_look_back(feature.window).has_value();
         });
}
}  // namespace

TEST_CASE("state: of every construct nothing is left once its time has passed") {
  std::size_t number = 0;
  for (const Construct& construct : constructs()) {
    if (number++ % 4 != 0 && is_quick()) continue;
    CAPTURE(construct.name);
    const auto plan = plan_of(kSchema + construct.text);
    const auto program = cep::compile(plan);
    REQUIRE_MESSAGE(program.has_value(), (program ? std::string() : program.error().message));
    const auto placed = events_of(*plan);
    std::vector<cep::Alert> alerts;
    cep::Engine engine(*program, 1);
    // Memory of what is found out once, like that of a slice in work, is no state.
    cep::Engine idle(*program, 1);
    const std::int64_t days = days_with_units(*plan, 40);
    pass(*plan, idle, 7 * kSecondUs, days, alerts);
    std::uint64_t keys = 0;
    std::size_t bytes = 0;
    for (const EngineStep& step : steps_of(placed, {7 * kSecondUs}, {100, 1})) {
      take_step(*program, engine, placed, step, alerts);
      const cep::EngineStats stats = engine.stats();
      keys = std::max(keys, stats.keys + stats.values);
      bytes = std::max(bytes, stats.state_bytes);
    }
    CHECK(keys > 0);
    pass(*plan, engine, 7 * kSecondUs, days, alerts);
    const cep::EngineStats stats = engine.stats();
    if (construct.stays) {
      CHECK(stats.keys + stats.values > 0);
      continue;
    }
    CHECK(stats.keys == 0);
    CHECK(stats.values == 0);
    CHECK(stats.runs == 0);
    CHECK(stats.timers == 0);
    CAPTURE(bytes);
    CAPTURE(idle.stats().state_bytes);
    CHECK(stats.state_bytes <= idle.stats().state_bytes + (bytes - idle.stats().state_bytes) / 10);
  }
}

TEST_CASE("state: of random rules nothing is left once their time has passed") {
  Coverage coverage;
  std::size_t bounded = 0;
  const std::size_t cases = for_all_seeds("PROPERTY", 2000, [&](Random& random) {
    const auto plan = std::make_shared<const cep::Plan>(random_language_plan(random));
    if (!is_bounded(*plan)) return;
    ++bounded;
    coverage.add(*plan);
    const auto placed = oracle::place_events(*plan, random_events(random, *plan), {});
    const auto program = cep::compile(plan, kOutOfReach);
    REQUIRE(program.has_value());
    cep::Engine engine(*program, random.next());
    std::vector<cep::Alert> alerts;
    cep::EventTime last = cep::kEventTimeMin;
    for (const oracle::PlacedEvent& event : placed) last = std::max(last, event.engine_time);
    for (const EngineStep& step : steps_of(placed, last, {7, 1, random.chance(50)})) {
      take_step(*program, engine, placed, step, alerts);
    }
    pass(*plan, engine, last.us, days_with_units(*plan, 60), alerts);
    const cep::EngineStats stats = engine.stats();
    if (stats.keys + stats.values + stats.runs + stats.timers != 0) {
      FAIL(fmt::format("{} keys, {} values, {} partial matches, {} timers are left of\n{}\n{}",
                       stats.keys, stats.values, stats.runs, stats.timers, cep::describe(*plan),
                       events_text(*plan, placed)));
    }
  });
  MESSAGE(cases << " cases, " << bounded << " of them bounded in time");
  MESSAGE("constructs by rule:" << coverage.table());
  if (cases >= 2000) CHECK(4 * bounded > cases);
}

TEST_CASE("state: what is held back is forgotten as the oracle says, in any slices and restarts") {
  std::size_t held = 0;
  const std::size_t cases = for_all_seeds("PROPERTY", 2000, [&](Random& random) {
    const auto plan = std::make_shared<const cep::Plan>(random_language_plan(random));
    const bool holds_back = std::ranges::any_of(plan->rules, [](const cep::Rule& rule) {
      return rule.suppression.kind() != cep::Once::kNone || rule.suppression.at_most;
    });
    if (!holds_back) return;
    std::vector<oracle::Event> events = random_events(random, *plan);
    // Time goes on by about as long as counts are kept, to the second.
    const std::size_t at = random.below(events.size());
    const std::int64_t near = 1 << random.below(8);
    const std::int64_t gap = cep::kSuppressedKept.us + kSecondUs * random.between(-near, near);
    for (std::size_t i = at; i < events.size(); ++i) {
      oracle::Event& event = events[i];
      event.ts.us += gap;
      const auto time = plan->event_types[event.type.value].time_field;
      event.fields[time.value] = cep::OwnedValue(cep::Value::time(event.ts));
    }
    oracle::Options options;
    options.work_max = 100'000;
    const auto placed = oracle::place_events(*plan, events, options);
    const auto outcome = oracle::evaluate(*plan, placed, options);
    if (!outcome) return;
    const std::vector<std::string> expected = alert_lines(*plan, outcome->alerts);
    for (const bool general : {false, true}) {
      const auto program =
          general ? cep::compile_general(plan, kOutOfReach) : cep::compile(plan, kOutOfReach);
      REQUIRE(program.has_value());
      for (const Cut& cut : {Cut{1, 1}, Cut{7, 2, true}, Cut{10'000, 3}}) {
        CAPTURE(cut.rows);
        // Stopped after each step, or never.
        for (const bool restarts : {false, true}) {
          if (restarts && cut.rows != 7) continue;
          auto engine = std::make_unique<cep::Engine>(*program, cut.hash_seed);
          if (restarts) engine->track_changes();
          std::vector<cep::Alert> alerts;
          for (const EngineStep& step : steps_of(placed, options.end, cut)) {
            take_step(*program, *engine, placed, step, alerts);
            if (!restarts || step.begin == step.end) continue;
            auto restored = restored_engine(*program, random.next(), whole_snapshot(*engine));
            REQUIRE(restored.has_value());
            engine = std::make_unique<cep::Engine>(std::move(*restored));
          }
          const std::vector<std::string> found = alert_lines(*plan, alerts);
          if (found == expected) continue;
          const auto [a, b] =
              std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
          FAIL(fmt::format("{}{}\n  oracle: {}\n  engine: {}\n{}\n{}", general ? "general " : "",
                           restarts ? "restarts" : "", a == expected.end() ? "(no more)" : *a,
                           b == found.end() ? "(no more)" : *b, cep::describe(*plan),
                           events_text(*plan, placed)));
        }
      }
    }
    std::size_t of_case = 0;
    for (const cep::Alert& alert : outcome->alerts) of_case += alert.held_back;
    held += of_case;
  });
  MESSAGE(cases << " cases, " << held << " matches held back");
  if (cases >= 2000) CHECK(5 * held > 2 * cases);
}
}  // namespace tocsin::tests
