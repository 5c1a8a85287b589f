// Budgets against a naive count, and the same for any cut, hash seed and restart; state that goes
// when its time is over.
#include "cep/record/budget.h"
#include "cep/data/alert_format.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/plan/feature.h"
#include "cep/plan/rule.h"
#include "cep/value/key.h"
#include "tests/cep/naive_budget.h"
#include "tests/cep/plan_builder.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/random_plan.h"

namespace tocsin::tests {
namespace {
using cep::BudgetCause;

cep::Program compiled(const cep::Plan& plan, const cep::Limits& limits) {
  auto program = cep::compile(std::make_shared<const cep::Plan>(plan), limits);
  REQUIRE_MESSAGE(program.has_value(), (program ? "" : program.error().message));
  return std::move(*program);
}

// Alerts of an engine that is stopped before step `stop` (kEachStep: each), and goes on from its
// state as bytes with another hash seed.
constexpr std::size_t kEachStep = ~std::size_t{0};
std::vector<cep::Alert> run_stopped(const cep::Program& program,
                                    const std::vector<oracle::PlacedEvent>& events,
                                    cep::EventTime end, const Cut& cut, std::size_t stop) {
  cep::Engine engine(program, cut.hash_seed);
  engine.track_changes();
  std::vector<cep::Alert> alerts;
  std::size_t number = 0;
  for (const EngineStep& step : steps_of(events, end, cut)) {
    if (number++ == stop || stop == kEachStep) {
      auto restored = restored_engine(program, cut.hash_seed + 1, whole_snapshot(engine));
      REQUIRE(restored.has_value());
      engine = std::move(*restored);
    }
    take_step(program, engine, events, step, alerts);
  }
  return alerts;
}

std::size_t lines_with(const std::vector<std::string>& lines, std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      lines, [&](const std::string& line) { return line.find(text) != std::string::npos; }));
}

// An exception that excepts nothing.
cep::Exception never() {
  cep::Exception exception;
  exception.reason = "never";
  exception.condition = condition(cep::Op::kEqual, {int_literal(1), int_literal(2)});
  return exception;
}

constexpr std::int64_t kMinuteUs = 60'000'000;

// Names whose keys are all in one group.
std::vector<std::string> names_of_one_group(std::size_t count) {
  std::vector<std::string> names;
  for (int i = 0; names.size() < count; ++i) {
    std::string name = fmt::format("k{}", i);
    const cep::Value part[] = {cep::Value::string(name)};
    if (cep::key_group(cep::key_bytes(part)).value == 17) names.push_back(std::move(name));
  }
  return names;
}

std::vector<std::string> shown(const cep::Plan& plan, const std::vector<cep::Alert>& alerts) {
  std::vector<std::string> out;
  for (const cep::Alert& alert : alerts) {
    const std::string key = alert.key.empty() ? "" : cep::to_text(alert.key[0].view());
    if (alert.budget) {
      out.push_back(fmt::format("{} budget {} {}", alert.ts.us / 1'000,
                                cep::budget_name(alert.budget->cause), key));
      CHECK(cep::status_of(plan, alert) == cep::Status::kLive);
    } else {
      out.push_back(fmt::format("{} {} {}-{} lost {}", alert.ts.us / 1'000, key, alert.events[0].id,
                                alert.events[1].id, alert.lost_runs));
    }
  }
  return out;
}

TEST_CASE("budgets: what a naive count drops, at the event that exceeds it") {
  const std::vector<std::string> names = names_of_one_group(5);
  std::map<BudgetCause, std::size_t> seen;
  for_all_seeds("budgets", 300, [&](Random& random) {
    PlanBuilder b;
    cep::Rule& rule =
        b.rule("r", b.key("card", {{"pay", "card", ""}, {"transfer", "from_account", ""}}),
               {{b.kind("pay")}, {b.kind("transfer")}});
    rule.selection.kind = cep::SelectionKind::kNoSkip;
    rule.within = cep::Duration{random.between(5, 200) * kMinuteUs};
    rule.captured = {{b.type("pay"), {cep::FieldIndex(2), cep::FieldIndex(3)}}};
    if (random.chance(50)) rule.exceptions.push_back(never());  // the general matcher
    cep::Limits limits;
    const std::uint64_t one = cep::kPartialMatchBytes + cep::kPlaceBytes + cep::kEventBytes;
    if (random.chance(40))
      limits.runs_per_key_max = static_cast<std::uint32_t>(random.below(8) + 1);
    if (random.chance(40)) limits.events_per_key_max = random.below(8) + 1;
    if (random.chance(40)) limits.bytes_per_key_max = one * (random.below(8) + 2);
    if (random.chance(40)) limits.runs_per_group_max = random.below(20) + 1;
    if (random.chance(40)) limits.bytes_per_group_max = one * (random.below(20) + 2);

    std::vector<std::string> lines;
    std::int64_t ms = 0;
    for (int i = 0; i < 80; ++i) {
      ms += random.chance(20) ? 0 : random.between(0, 10) * 60'000;
      const bool is_start = random.chance(75);
      lines.push_back(fmt::format("{} {} {}={} {}={} amount=1", is_start ? "pay" : "transfer", ms,
                                  is_start ? "card" : "from_account", random.pick(names),
                                  is_start ? "device" : "to_account",
                                  std::string(random.below(30) + 1, 'd')));
    }
    const auto placed = oracle::place_events(b.plan, b.events(lines), {});
    NaiveBudget naive;
    naive.limits = limits;
    naive.within_us = rule.within->us;
    for (const oracle::PlacedEvent& event : placed) {
      const bool is_start = event.type == b.type("pay");
      const std::string key(event.fields[2].view().text);
      naive.take(event, is_start, key,
                 cep::kEventBytes + key.size() + event.fields[3].view().text.size());
    }
    const cep::Program program = compiled(b.plan, limits);
    const cep::EventTime end{10'000'000'000'000};
    for (const Cut& cut : {Cut{1'000, 1}, Cut{7, 2}, Cut{1, 3, true}}) {
      const auto alerts = run_engine(program, placed, end, cut);
      REQUIRE(fmt::format("{}", fmt::join(shown(b.plan, alerts), "\n")) ==
              fmt::format("{}", fmt::join(naive.out, "\n")));
      for (const cep::Alert& alert : alerts) {
        if (alert.budget) ++seen[alert.budget->cause];
      }
      const auto stopped =
          run_stopped(program, placed, end, cut, random.below(placed.size() / cut.rows + 1));
      REQUIRE(shown(b.plan, stopped) == shown(b.plan, alerts));
    }
  });
  CHECK(seen.size() == 5);
}

TEST_CASE("budgets: complete matches that wait for their turn take of their group's too") {
  std::size_t bitten = 0;
  for_all_seeds("budgets_waiting", 60, [&](Random& random) {
    PlanBuilder b;
    cep::Rule& rule =
        b.rule("r", b.key("card", {{"pay", "card", ""}, {"transfer", "from_account", ""}}),
               {{b.kind("pay")}, {b.kind("transfer")}});
    rule.selection.kind = cep::SelectionKind::kNoSkip;
    rule.selection.in_order = true;
    rule.within = cep::Duration{200 * kMinuteUs};
    cep::Limits limits;
    limits.bytes_per_group_max = 200 + random.below(3'000);
    std::vector<std::string> lines;
    std::int64_t ms = 0;
    for (int i = 0; i < 40; ++i) {
      ms += random.between(0, 2) * 60'000;
      const bool is_start = random.chance(30);
      lines.push_back(fmt::format("{} {} {}=c1 amount=1", is_start ? "pay" : "transfer", ms,
                                  is_start ? "card" : "from_account"));
    }
    const auto placed = oracle::place_events(b.plan, b.events(lines), {});
    const cep::Program program = compiled(b.plan, limits);
    const auto run = [&](const Cut& cut, std::size_t stop) {
      return alert_lines(b.plan, run_stopped(program, placed, cep::kEventTimeMax, cut, stop));
    };
    const std::vector<std::string> wanted =
        alert_lines(b.plan, run_engine(program, placed, cep::kEventTimeMax, {1'000, 1}));
    for (const Cut& cut : {Cut{1, 2}, Cut{5, 1, true}}) {
      REQUIRE(run(cut, random.below(placed.size() / cut.rows + 1)) == wanted);
    }
    REQUIRE(run({1, 1}, kEachStep) == wanted);
    bitten += lines_with(wanted, cep::kBudgetRule);
  });
  CHECK(bitten > (tests::is_quick() ? 5 : 50));
}

// What the engine takes a group to hold at most is never less than what it holds, for any way of
// matching: else it would be counted too late.
TEST_CASE("budgets: a group that exceeds its budget is counted at that event") {
  std::size_t bitten = 0;
  for_all_seeds("budgets_group", 500, [&](Random& random) {
    PlanOptions options;
    options.rules_max = 1;
    const bool is_rich = random.chance(50);
    const cep::Plan plan = is_rich ? random_language_plan(random) : random_plan(random, options);
    cep::Limits limits;
    if (random.chance(50)) limits.runs_per_group_max = random.below(12) + 1;
    if (random.chance(80)) limits.bytes_per_group_max = 50 * random.between(2, 60);
    if (random.chance(70)) limits.busy_key_runs = static_cast<std::uint32_t>(random.below(4));
    if (random.chance(30)) limits.events_per_key_max = random.below(30) + 1;
    const auto placed = oracle::place_events(plan, random_events(random, plan), {});
    const auto shared = std::make_shared<const cep::Plan>(plan);
    const bool is_general = random.chance(30);
    const auto compile = [&] {
      return is_general ? cep::compile_general(shared, limits) : cep::compile(shared, limits);
    };
    const auto program = compile();
    limits.groups_counted_always = true;
    const auto counting = compile();
    REQUIRE(program.has_value());
    REQUIRE(counting.has_value());
    const auto run = [&](const cep::Program& of, const Cut& cut) {
      return alert_lines(plan, run_engine(of, placed, cep::kEventTimeMax, cut));
    };
    const std::vector<std::string> wanted = run(*counting, {1, 1});
    REQUIRE(run(*counting, {7, 2, true}) == wanted);
    REQUIRE(run(*program, {1, 2}) == wanted);
    REQUIRE(run(*program, {1'000, 1}) == wanted);
    const std::size_t stop = random.below(placed.size() + 1);
    REQUIRE(alert_lines(plan, run_stopped(*program, placed, cep::kEventTimeMax, {1, 1}, stop)) ==
            wanted);
    bitten += lines_with(wanted, cep::kBudgetRule);
  });
  CHECK(bitten > (tests::is_quick() ? 5 : 100));
}

TEST_CASE("budgets: the same for any cut, hash seed and restart, of any rule") {
  std::size_t bitten = 0;
  std::size_t by_steps = 0;
  for_all_seeds("budgets_any", 150, [&](Random& random) {
    PlanOptions options;
    options.rules_max = 2;
    const bool is_rich = random.chance(50);
    const cep::Plan plan = is_rich ? random_language_plan(random) : random_plan(random, options);
    cep::Limits limits;
    // Wide ones let partial matches come and go before they chunk.
    const std::size_t wide = random.chance(50) ? 1 : 6;
    if (wide == 1 && random.chance(50))
      limits.runs_per_key_max = static_cast<std::uint32_t>(random.below(4) + 1);
    if (random.chance(50)) limits.events_per_key_max = random.below(5 * wide) + 1;
    if (random.chance(50)) limits.bytes_per_key_max = 25 * (random.below(24 * wide) + 4);
    if (random.chance(50)) limits.runs_per_group_max = random.below(6) + 1;
    if (random.chance(50)) limits.bytes_per_group_max = 200 * (random.below(6) + 1);
    if (random.chance(50)) limits.steps_per_event_max = random.below(40) + 1;
    if (random.chance(30)) limits.busy_key_runs = static_cast<std::uint32_t>(random.below(4));
    if (wide == 1) limits.ordered_runs_min = 1;
    const auto shared = std::make_shared<const cep::Plan>(plan);
    const auto program =
        random.chance(30) ? cep::compile_general(shared, limits) : cep::compile(shared, limits);
    REQUIRE(program.has_value());
    const auto placed = oracle::place_events(plan, random_events(random, plan), {});
    const std::vector<std::string> wanted =
        alert_lines(plan, run_engine(*program, placed, cep::kEventTimeMax, {1'000, 1}));
    bitten += lines_with(wanted, cep::kBudgetRule);
    by_steps += lines_with(wanted, "steps_per_event");
    for (const Cut& cut : {Cut{1, 2}, Cut{5, 1, true}, Cut{1, 4, true}}) {
      REQUIRE(alert_lines(plan, run_engine(*program, placed, cep::kEventTimeMax, cut)) == wanted);
      const std::size_t stop = random.below(placed.size() / cut.rows + 1);
      REQUIRE(alert_lines(plan, run_stopped(*program, placed, cep::kEventTimeMax, cut, stop)) ==
              wanted);
    }
    // One that starts anew at each step knows no earlier count.
    REQUIRE(alert_lines(plan, run_stopped(*program, placed, cep::kEventTimeMax, {1, 1},
                                          kEachStep)) == wanted);
  });
  MESSAGE(bitten << " budgets exceeded, " << by_steps << " of them of steps");
  CHECK(bitten > (tests::is_quick() ? 5 : 50));
  CHECK(by_steps > (tests::is_quick() ? 1 : 20));
}

TEST_CASE("budgets: a key that stays near its budget is not counted afresh at each event" *
          doctest::skip(is_quick())) {
  struct Row {
    const char* name;
    bool is_loop;  // one partial match that grows until it goes; else one for each event
    bool is_general;
    bool by_bytes;
  };
  const Row rows[] = {
      {"a loop", true, false, false},         {"pairs", false, false, false},
      {"a loop, general", true, true, false}, {"pairs, general", false, true, false},
      {"a loop, bytes", true, false, true},   {"pairs, bytes", false, true, true}};
  constexpr std::size_t kBudget = 500;
  constexpr std::size_t kEvents = 10'000;
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < kEvents; ++i) {
    lines.push_back(fmt::format("pay {} card=c1 amount=1", 1'000 * i));
  }
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    PlanBuilder b;
    cep::Rule& rule =
        b.rule("r", b.key("card", {{"pay", "card", ""}, {"transfer", "from_account", ""}}),
               {{b.kind("pay")}, {b.kind("transfer")}});
    if (row.is_loop) {
      rule.pattern[0].repetition()->quantifier = {1, std::nullopt, cep::LoopMode::kRelaxed, false,
                                                  true};
      rule.variables[0].loop = true;
    } else {
      rule.selection.kind = cep::SelectionKind::kNoSkip;
    }
    if (row.is_general) rule.exceptions.push_back(never());
    cep::Limits limits;
    constexpr std::uint64_t kOne = cep::kPlaceBytes + cep::kEventBytes;
    if (row.by_bytes) {
      limits.bytes_per_key_max = kBudget * kOne;
    } else {
      limits.events_per_key_max = kBudget;
    }
    const cep::Program program = compiled(b.plan, limits);
    const auto placed = oracle::place_events(b.plan, b.events(lines), {});
    cep::Engine engine(program, 1);
    std::vector<cep::Alert> alerts;
    for (const EngineStep& step : steps_of(placed, placed.back().engine_time, {100, 1})) {
      take_step(program, engine, placed, step, alerts);
    }
    const cep::EngineStats stats = engine.stats();
    CHECK(stats.runs_lost > 0);
    MESSAGE(std::string(row.name) << ": " << stats.budget_work << " places counted, "
                                  << stats.runs_lost << " lost");
    // Counted afresh at each event it would be some hundred places for each.
    CHECK(stats.budget_work < kEvents * kBudget / 50);
  }
}

TEST_CASE("budgets: what nothing but an event makes heard again is bounded, the oldest first") {
  const std::vector<std::string> names = names_of_one_group(20);
  std::vector<std::string> lines;
  const auto pay = [&](const std::string& card) {
    lines.push_back(fmt::format("pay {} card={} device=d1 amount=1", 1'000 * lines.size(), card));
  };
  for (const std::string& name : names) pay(name);
  // Of these the newest are still quiet, the oldest are not.
  for (std::size_t i = names.size(); i-- > 0;) pay(names[i]);
  for (const bool by_values : {false, true}) {
    CAPTURE(by_values);
    PlanBuilder b;
    const auto is_large = [&] {
      return condition(cep::Op::kGreaterEqual, {b.field("amount", {"pay"}), int_literal(1)});
    };
    cep::Rule& rule =
        b.rule("r", b.key("card", {{"pay", "card", ""}}), {{b.kind("pay")}}, is_large());
    rule.suppression.once = cep::OnceWhile{is_large()};
    // Beside values both clauses remember by values, `once` by the key.
    if (by_values) {
      rule.suppression.at_most = {100, cep::Duration{1'000'000}, {b.field("device", {"pay"})}};
    }
    cep::Limits limits;
    limits.runs_per_group_max = 8;
    const cep::Program program = compiled(b.plan, limits);
    const auto placed = oracle::place_events(b.plan, b.events(lines), {});
    const cep::EventTime end = placed.back().engine_time;
    std::vector<std::string> wanted;
    for (const Cut& cut : {Cut{1'000, 1}, Cut{7, 2}, Cut{1, 3, true}}) {
      std::size_t again = 0;
      bool any_budget = false;
      const auto alerts = run_engine(program, placed, end, cut);
      for (const cep::Alert& alert : alerts) {
        any_budget = any_budget || alert.budget.has_value();
        if (!alert.budget && alert.ts.us >= 20'000'000) ++again;
      }
      CHECK(any_budget);
      CHECK(again >= names.size() - 8);
      CHECK(again < names.size());
      if (wanted.empty()) wanted = alert_lines(b.plan, alerts);
      CHECK(alert_lines(b.plan, alerts) == wanted);
      CHECK(alert_lines(b.plan, run_stopped(program, placed, end, {1, 1}, kEachStep)) == wanted);
    }
    cep::Engine engine(program, 1);
    std::vector<cep::Alert> alerts;
    take_step(program, engine, placed, {0, placed.size(), end}, alerts);
    for (int hours = 1; hours <= 24 * 40; ++hours) {
      engine.advance(cep::Batch(b.plan), {end.us + hours * 60 * kMinuteUs}, alerts);
    }
    const cep::EngineStats stats = engine.stats();
    CHECK(stats.keys + stats.values > 0);
    CHECK(stats.keys + stats.values <= 8);
  }
}

TEST_CASE("budgets: the engine's own alert names the rule, the budget and the key, once an hour") {
  PlanBuilder b;
  cep::Rule& rule =
      b.rule("r", b.key("card", {{"pay", "card", ""}, {"transfer", "from_account", ""}}),
             {{b.kind("pay")}, {b.kind("transfer")}});
  rule.selection.kind = cep::SelectionKind::kNoSkip;
  rule.within = cep::Duration{500 * kMinuteUs};
  cep::Limits limits;
  limits.runs_per_key_max = 1;
  const cep::Program program = compiled(b.plan, limits);
  std::vector<std::string> lines;
  for (const int minute : {0, 1, 2, 59, 60, 61, 125}) {
    lines.push_back(fmt::format("pay {} card=c1 amount=1", minute * 60'000));
  }
  const auto placed = oracle::place_events(b.plan, b.events(lines), {});
  const auto alerts = run_engine(program, placed, cep::EventTime{10'000'000'000}, {3, 1});
  REQUIRE(alerts.size() == 3);
  CHECK(
      cep::format_alert(b.plan, alerts[0]) ==
      R"({"format":1,"id":")" + cep::alert_id(alerts[0].digest) +
          R"(","revision":0,"phase":"final","rule":"tocsin.budget","title":"A rule exceeded a budget",)"
          R"("version":1,"key":{"card":"c1"},"ts":60000000,"time":"1970-01-01T00:01:00Z",)"
          R"("severity":"medium","score":0,"tags":[],"message":"r remembered more than 1 partial )"
          R"(matches of one key: the oldest were dropped","fields":{"rule":"r",)"
          R"("budget":"runs_per_key","limit":1},"events":[],"held_back":0})");
  CHECK(alerts[1].ts == cep::EventTime{60 * kMinuteUs});
  CHECK(alerts[2].ts == cep::EventTime{125 * kMinuteUs});
  CHECK(alerts[0].digest != alerts[1].digest);
}

TEST_CASE("budgets: the state of dead keys goes, and its memory comes back" *
          doctest::skip(is_quick())) {
  PlanBuilder b;
  const cep::KeySpec card = b.key("card", {{"pay", "card", ""}, {"transfer", "from_account", ""}});
  const auto add = [&](const std::string& name) -> cep::Rule& {
    cep::Rule& rule = b.rule(name, card, {{b.kind("pay")}, {b.kind("transfer")}});
    rule.within = cep::Duration{10 * kMinuteUs};
    return rule;
  };
  add("runs").selection.kind = cep::SelectionKind::kNoSkip;
  add("strict").pattern[1].contiguity = cep::Contiguity::kNext;
  add("general").exceptions.push_back(never());
  cep::Rule& quiet = add("quiet");
  quiet.suppression.once = cep::OncePerDuration{cep::Duration{20 * kMinuteUs}};
  b.window("session", card, true, 60'000, {b.kind("pay")});
  b.count("recently", {b.kind("pay")}, card, 600'000);
  cep::Feature& names = b.count("names", {b.kind("pay")}, card, 600'000);
  names.aggregate = cep::Aggregate::kDistinct;
  names.argument = b.field("device", {"pay"});
  cep::Rule& reads = b.rule("reads", card, {{b.kind("pay")}},
                            condition(cep::Op::kGreater, {b.read("recently"), int_literal(100)}));
  reads.having = condition(cep::Op::kGreater, {b.read("names"), int_literal(100)});
  cep::Limits limits;
  limits.runs_per_key_max = 2;  // so that keys have lost some too
  limits.runs_per_group_max = 8;
  const cep::Program program = compiled(b.plan, limits);
  cep::Engine engine(program, 3);
  std::vector<cep::Alert> alerts;
  std::vector<std::string> lines;
  for (int i = 0; i < 20'000; ++i) {
    const int key = i / 4;
    lines.push_back(fmt::format("{} {} {}=card{} device=d{} amount=1",
                                i % 4 == 3 && key % 2 == 0 ? "transfer" : "pay", i * 10,
                                i % 4 == 3 && key % 2 == 0 ? "from_account" : "card", key, i)
                        .erase(0, 0));
  }
  for (std::string& line : lines) {
    if (line.starts_with("transfer"))
      line.erase(line.find(" device="), line.find(" amount") - line.find(" device="));
  }
  const auto placed = oracle::place_events(b.plan, b.events(lines), {});
  take_step(program, engine, placed, {0, placed.size(), placed.back().engine_time}, alerts);
  const cep::EngineStats full = engine.stats();
  CHECK(full.keys == 5'000);
  CHECK(full.runs > 1'000);
  CHECK(full.runs_lost > 1'000);
  CHECK(alerts.size() > 1'000);
  // All windows have passed: nothing is left but what the tables cost empty.
  const cep::EngineStats empty = cep::Engine(program, 3).stats();
  const cep::EventTime last = placed.back().engine_time;
  for (int minutes = 1; minutes <= 240; ++minutes) {
    engine.advance(cep::Batch(b.plan), {last.us + minutes * kMinuteUs}, alerts);
  }
  const cep::EngineStats gone = engine.stats();
  CHECK(gone.keys == 0);
  CHECK(gone.runs == 0);
  CHECK(gone.timers == 0);
  CHECK(gone.state_bytes < empty.state_bytes + full.state_bytes / 20);
}
}  // namespace
}  // namespace tocsin::tests
