// What is held back is counted for a while after the quiet is over; then it is forgotten, and the
// key with it. The oracle says the same.
#include "cep/held_back.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/cep/plan_builder.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/plan_parts.h"

namespace tocsin::tests {
namespace {
constexpr std::int64_t kDayMs = cep::kDayUs / 1'000;
constexpr std::int64_t kKeptMs = cep::kHeldBackKept.us / 1'000;

cep::Program compiled(const cep::Plan& plan) {
  auto program = cep::compile(std::make_shared<const cep::Plan>(plan), {});
  REQUIRE_MESSAGE(program.has_value(), (program ? "" : program.error().message));
  return std::move(*program);
}

// A rule for each way to hold back, and when its quiet after an alert at 0 is over.
struct Way {
  const char* name;
  std::int64_t quiet_ms;
};
constexpr Way kWays[] = {{"duration", 20'000},
                         {"general", 20'000},
                         {"day", 3 * kDayMs},
                         {"most", 60'000},
                         {"both", 60'000}};

cep::Plan plan_of(const std::string& way) {
  PlanBuilder b;
  cep::Rule& rule = b.rule("r", b.key("card", {{"pay", "card", ""}}), {{b.kind("pay")}});
  cep::Suppression& held = rule.suppression;
  if (way == "duration" || way == "general" || way == "both") {
    held.once = cep::Once::kPerDuration;
    held.duration = cep::Duration{20'000'000};
  }
  if (way == "general") {
    cep::Exception never;
    never.reason = "never";
    never.condition = condition(cep::Op::kEqual, {int_literal(1), int_literal(2)});
    rule.exceptions.push_back(never);
  }
  if (way == "day") {
    held.once = cep::Once::kPerDay;
    held.zone = literal(type_of(cep::TypeKind::kString), cep::Value::string("UTC"));
    b.plan.zones = {{"UTC", {{cep::kEventTimeMin, 0}}}};
  }
  if (way == "most" || way == "both") held.at_most = {1, cep::Duration{60'000'000}, {}};
  return b.plan;
}
std::vector<oracle::PlacedEvent> events_of(const cep::Plan& plan, std::int64_t later_ms) {
  PlanBuilder b;
  std::vector<std::string> lines;
  for (const std::int64_t ms : {std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, later_ms}) {
    lines.push_back(fmt::format("pay {} card=c1 amount=1", ms));
  }
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
      take_step(program, engine, placed, {0, 3, {2'000}}, alerts);
      auto restored = restored_engine(program, 2, whole_snapshot(engine));
      REQUIRE(restored.has_value());
      take_step(program, *restored, placed, {3, 4, end}, alerts);
      CHECK(alert_lines(plan, alerts) == alert_lines(plan, outcome->alerts));
    }
  }
}

TEST_CASE("held back: a key that remembers nothing else is dead once the count is forgotten") {
  for (const Way& way : kWays) {
    CAPTURE(way.name);
    const cep::Plan plan = plan_of(way.name);
    const cep::Program program = compiled(plan);
    const auto placed = events_of(plan, 3);
    cep::Engine engine(program, 1);
    std::vector<cep::Alert> alerts;
    take_step(program, engine, placed, {0, placed.size(), {3'000}}, alerts);
    const auto pass = [&](std::int64_t from_ms, std::int64_t to_ms) {
      for (std::int64_t ms = from_ms; ms <= to_ms; ms += 60'000) {
        engine.advance(cep::Batch(plan), {ms * 1'000}, alerts);
      }
    };
    pass(60'000, way.quiet_ms + kKeptMs - 60'000);
    CHECK(engine.stats().keys == 1);
    pass(way.quiet_ms + kKeptMs, way.quiet_ms + kKeptMs + 10 * kDayMs);
    CHECK(engine.stats().keys == 0);
    CHECK(alerts.size() == 1);
  }
}
}  // namespace tocsin::tests
