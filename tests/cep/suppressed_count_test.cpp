// What is suppressed is counted for a while after the quiet is over; then it is forgotten, and the
// key with it. The oracle says the same.
#include "cep/record/suppressed_count.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cep/plan/rule.h"
#include "cep/plan/zone.h"
#include "tests/cep/plan_builder.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
constexpr std::int64_t kDayMs = cep::kDayUs / 1'000;
constexpr std::int64_t kKeptMs = cep::kSuppressedKept.us / 1'000;

cep::Program compiled(const cep::Plan& plan) {
  auto program = cep::compile(std::make_shared<const cep::Plan>(plan), {});
  REQUIRE_MESSAGE(program.has_value(), (program ? "" : program.error().message));
  return std::move(*program);
}

// A rule for each way to hold back, and from when on the count of what it held back lives so long:
// the end of the quiet after an alert at 0, else the last match that was suppressed, at 2.
struct Way {
  const char* name;
  std::int64_t quiet_ms;
};
constexpr Way kWays[] = {{"duration", 20'000}, {"general", 20'000},  {"day", 3 * kDayMs},
                         {"most", 60'000},     {"both", 60'000},     {"each", 20'000},
                         {"variable", 2},      {"while", 2},         {"most each", 2},
                         {"both each", 2},     {"each most", 2},     {"while each", 2},
                         {"variable each", 2}, {"variable most", 2}, {"month", 33 * kDayMs}};

cep::Plan plan_of(const std::string& way) {
  PlanBuilder b;
  const auto amount = [&](cep::Op op, std::int64_t than) {
    return condition(op, {b.field("amount", {"pay"}), int_literal(than)});
  };
  const auto has = [&](const char* part) { return way.find(part) != std::string::npos; };
  // An event of nothing starts a match, so that several have one first event.
  const std::vector<cep::Subset> pay = {b.kind("pay")};
  const cep::KeySpec card = b.key("card", {{"pay", "card", ""}});
  std::vector<std::vector<cep::Subset>> steps = {pay};
  if (has("variable")) steps.push_back(pay);
  cep::Rule& rule = b.rule("r", card, steps);
  rule.pattern.back().test()->where = amount(cep::Op::kGreaterEqual, 1);
  cep::Suppression& held = rule.suppression;
  if (has("variable")) {
    rule.pattern[0].test()->where = amount(cep::Op::kEqual, 0);
    rule.within = cep::Duration{1'000'000};
    held.once = cep::OncePerVariable{rule.pattern[0].var()};
  }
  if (has("while")) {
    held.once = cep::OnceWhile{amount(cep::Op::kGreaterEqual, 1)};
  }
  if (way.ends_with("each") && !way.starts_with("most")) {
    held.for_each = {b.field("device", {"pay"})};
  }
  if (way == "duration" || way == "general" || has("both") || way == "each" || way == "each most") {
    held.once = cep::OncePerDuration{cep::Duration{20'000'000}};
  }
  if (way == "general") {
    cep::Exception never;
    never.reason = "never";
    never.condition = condition(cep::Op::kEqual, {int_literal(1), int_literal(2)});
    rule.exceptions.push_back(never);
  }
  if (way == "day" || way == "month") {
    held.once =
        cep::OncePerUnit{way == "month" ? cep::CalendarUnit::kMonth : cep::CalendarUnit::kDay,
                         literal(type_of(cep::TypeKind::kString), cep::Value::string("UTC"))};
    b.plan.zones = {{"UTC", {{cep::kEventTimeMin, 0}}}};
  }
  if (way == "each most") held.for_each = {b.field("device", {"pay"})};
  if (has("most") || has("both")) {
    held.at_most.emplace();
    held.at_most->duration = cep::Duration{60'000'000};
  }
  if (way == "most each") held.at_most->for_each = {b.field("device", {"pay"})};
  return b.plan;
}
std::vector<oracle::PlacedEvent> events_of(const cep::Plan& plan, std::int64_t later_ms) {
  PlanBuilder b;
  std::vector<std::string> lines;
  // What is of no amount begins a match, and ends what is quiet while there is one.
  const auto begin = [&](std::int64_t ms) {
    lines.push_back(fmt::format("pay {} card=c1 device=d1 amount=0", ms));
  };
  const auto pay = [&](std::int64_t ms) {
    lines.push_back(fmt::format("pay {} card=c1 device=d1 amount=1", ms));
  };
  begin(0);
  for (const std::int64_t ms : {0, 1, 2}) pay(ms);
  begin(later_ms > 3 ? later_ms : 3);
  if (later_ms > 3) pay(later_ms);
  return oracle::place_events(plan, b.events(lines), {});
}
}  // namespace

TEST_CASE("held back: the count is kept for thirty days after the quiet, and then forgotten") {
  for (const Way& way : kWays) {
    CAPTURE(way.name);
    const cep::Plan plan = plan_of(way.name);
    const cep::Program program = compiled(plan);
    for (const bool is_late : {false, true}) {
      CAPTURE(is_late);
      const std::int64_t later_ms = way.quiet_ms + kKeptMs - (is_late ? 0 : 1);
      const auto placed = events_of(plan, later_ms);
      const cep::EventTime end{(later_ms + 1) * 1'000};
      oracle::Options options;
      options.end = end;
      const auto outcome = oracle::evaluate(plan, placed, options);
      REQUIRE(outcome.has_value());
      for (const Cut& cut : {Cut{100, 1}, Cut{1, 2}, Cut{1, 3, true}}) {
        const auto alerts = run_engine(program, placed, end, cut);
        REQUIRE(alerts.size() == 2);
        CHECK(alerts[1].held_back == (is_late ? 0 : 2));
        CHECK(alert_lines(plan, alerts) == alert_lines(plan, outcome->alerts));
      }
      // Stopped in between.
      cep::Engine engine(program, 1);
      engine.track_changes();
      std::vector<cep::Alert> alerts;
      take_step(program, engine, placed, {0, 4, {2'000}}, alerts);
      auto restored = restored_engine(program, 2, whole_snapshot(engine));
      REQUIRE(restored.has_value());
      take_step(program, *restored, placed, {4, placed.size(), end}, alerts);
      CHECK(alert_lines(plan, alerts) == alert_lines(plan, outcome->alerts));
    }
  }
}

TEST_CASE("held back: what comes after the count has ended is counted anew") {
  for (const char* way : {"while", "while each"}) {
    const cep::Plan plan = plan_of(way);
    const cep::Program program = compiled(plan);
    for (const std::int64_t beyond_ms : {-1, 0}) {
      CAPTURE(std::string(way));
      CAPTURE(beyond_ms);
      // An alert at 0, held back at 1 and 2, and when that is forgotten; then it is heard again.
      const std::int64_t again_ms = 2 + kKeptMs + beyond_ms;
      std::vector<std::string> lines;
      for (const std::int64_t ms : {std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, again_ms,
                                    again_ms + 1, again_ms + 2}) {
        lines.push_back(
            fmt::format("pay {} card=c1 device=d1 amount={}", ms, ms == again_ms + 1 ? 0 : 1));
      }
      PlanBuilder b;
      const auto placed = oracle::place_events(plan, b.events(lines), {});
      const cep::EventTime end{(again_ms + 3) * 1'000};
      oracle::Options options;
      options.end = end;
      const auto outcome = oracle::evaluate(plan, placed, options);
      REQUIRE(outcome.has_value());
      REQUIRE(outcome->alerts.size() == 2);
      CHECK(outcome->alerts[1].held_back == (beyond_ms < 0 ? 3 : 1));
      for (const Cut& cut : {Cut{1'000, 1}, Cut{1, 2, true}}) {
        CHECK(alert_lines(plan, run_engine(program, placed, end, cut)) ==
              alert_lines(plan, outcome->alerts));
      }
    }
  }
}

TEST_CASE("held back: a key that remembers nothing else is dead once the count is forgotten" *
          doctest::skip(is_quick())) {
  for (const Way& way : kWays) {
    CAPTURE(way.name);
    const cep::Plan plan = plan_of(way.name);
    const cep::Program program = compiled(plan);
    const auto placed = events_of(plan, 3);
    cep::Engine engine(program, 1);
    std::vector<cep::Alert> alerts;
    take_step(program, engine, placed, {0, placed.size(), {3'000}}, alerts);
    const auto pass = [&](std::int64_t from_ms, std::int64_t to_ms) {
      for (std::int64_t ms = from_ms; ms <= to_ms; ms += is_quick() ? 600'000 : 60'000) {
        engine.advance(cep::Batch(plan), {ms * 1'000}, alerts);
      }
    };
    pass(60'000, way.quiet_ms + kKeptMs - 60'000);
    CHECK(engine.stats().keys + engine.stats().values > 0);
    pass(way.quiet_ms + kKeptMs, way.quiet_ms + kKeptMs + 10 * kDayMs);
    CHECK(engine.stats().keys == 0);
    CHECK(engine.stats().values == 0);
    CHECK(alerts.size() == 1);
  }
}
}  // namespace tocsin::tests
