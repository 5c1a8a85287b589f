// A profile says at how many events a step's own conditions hold: as many as a plain count gives.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "tests/support/random.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
constexpr const char* kSchema =
    "event payment { ts: time, id: int id, card: string, merchant: string, amount: int }\n"
    "event login { ts: time, id: int id, card: string, ok: bool }\n";

struct Event {
  bool is_login = false;
  std::string merchant;
  std::int64_t amount = 0;
  bool ok = false;
};
using Fits = std::function<bool(const Event&)>;
struct Case {
  const char* pattern;
  std::vector<Fits> steps;
};
bool is_payment(const Event& event) { return !event.is_login; }
Fits above(std::int64_t amount) {
  return [=](const Event& event) { return is_payment(event) && event.amount > amount; };
}
Fits at(const char* merchant) {
  return [=](const Event& event) { return is_payment(event) && event.merchant == merchant; };
}
bool is_failed(const Event& event) { return event.is_login && !event.ok; }

// One for each way in which rules are matched, and keys and features that add nothing.
const std::vector<Case>& cases() {
  static const std::vector<Case> kAll = {
      {"when payment where amount > 90", {above(90)}},
      {"by card when payment where merchant = \"m3\" then next payment where amount > 50 within 1m",
       {at("m3"), above(50)}},
      {"by card when payment as a where merchant = \"m5\" then payment where amount > a.amount and "
       "amount > 70 within 1m",
       {at("m5"), above(70)}},
      {"by card when payment where merchant = \"m3\" and count(payment) over last 1m > 2",
       {at("m3")}},
      {"by card when 3+ login where not ok then optional payment where merchant = \"m1\" then "
       "payment where amount > 80 within 1m",
       {is_failed, at("m1"), above(80)}},
      {"by card when one of { payment where merchant = \"m2\", login where not ok } then payment "
       "within 1m",
       {at("m2"), is_failed, is_payment}},
      {"by card when all of { payment where amount > 95, login where not ok } within 1m",
       {above(95), is_failed}},
  };
  return kAll;
}

std::string rules_text() {
  std::string text = kSchema;
  for (std::size_t i = 0; i < cases().size(); ++i) {
    text += fmt::format("rule r{} \"Rule\" {{\n  {}\n  alert \"x\"\n}}\n", i, cases()[i].pattern);
  }
  return text;
}

void append(const Event& event, std::uint64_t number, const std::string& card, cep::Batch& batch,
            const cep::Plan& plan) {
  const cep::EventTime ts{static_cast<std::int64_t>(number) * 500'000};
  const cep::Value id = cep::Value::integer(static_cast<std::int64_t>(number));
  if (event.is_login) {
    batch.append(
        plan, cep::EventTypeIndex(1), ts, ts, {number, 0},
        {cep::Value::time(ts), id, cep::Value::string(card), cep::Value::boolean(event.ok)});
  } else {
    batch.append(plan, cep::EventTypeIndex(0), ts, ts, {number, 0},
                 {cep::Value::time(ts), id, cep::Value::string(card),
                  cep::Value::string(event.merchant), cep::Value::integer(event.amount)});
  }
}

// Gives slices of events, of which the first of each eight are counted; adds those to `counted`.
void run(cep::Engine& engine, const cep::Plan& plan, std::vector<Event>& counted) {
  constexpr std::uint64_t kSlices = 20;
  constexpr std::uint64_t kRows = 200;
  Random random(11);
  std::vector<cep::Alert> alerts;
  for (std::uint64_t slice = 0; slice < kSlices; ++slice) {
    cep::Batch batch(plan);
    for (std::uint64_t i = 0; i < kRows; ++i) {
      Event event{random.chance(30), fmt::format("m{}", random.below(8)), random.between(0, 100),
                  random.chance(50)};
      append(event, slice * kRows + i + 1, fmt::format("c{}", random.below(9)), batch, plan);
      if (slice % 8 == 0) counted.push_back(event);
    }
    engine.advance(batch, batch.rows.back().engine_time, alerts);
  }
}
}  // namespace

TEST_CASE("profile: steps are counted at the events that their own conditions fit") {
  const auto plan = plan_of(rules_text());
  for (const bool is_indexed : {false, true}) {
    CAPTURE(is_indexed);
    const auto program = is_indexed ? cep::compile_indexed(plan, {}) : cep::compile(plan);
    REQUIRE(program.has_value());
    cep::Engine engine(*program, 1);
    engine.begin_profile();
    std::vector<Event> counted;
    run(engine, *plan, counted);
    const cep::EngineProfile profile = engine.profile();
    CHECK(profile.rows == 20 * 200);
    CHECK(profile.counted_rows == counted.size());
    std::size_t next = 0;
    for (std::size_t rule = 0; rule < cases().size(); ++rule) {
      CAPTURE(cases()[rule].pattern);
      for (const Fits& fits : cases()[rule].steps) {
        REQUIRE(next < profile.steps.size());
        const cep::EngineProfile::StepFit& step = profile.steps[next++];
        CHECK(step.rule.value == rule);
        CHECK(step.rows ==
              static_cast<std::uint64_t>(std::count_if(counted.begin(), counted.end(), fits)));
      }
    }
    CHECK(next == profile.steps.size());
  }
}

TEST_CASE("profile: what was measured before its end is forgotten") {
  const auto plan = plan_of(rules_text());
  const auto program = cep::compile(plan);
  REQUIRE(program.has_value());
  cep::Engine engine(*program, 1);
  engine.begin_profile();
  std::vector<Event> counted;
  run(engine, *plan, counted);
  engine.end_profile();
  const cep::EngineProfile none = engine.profile();
  CHECK(none.rows == 0);
  CHECK(none.steps.empty());
  CHECK(none.rules.size() == cases().size());
  engine.begin_profile();
  CHECK(engine.profile().rows == 0);
  for (const auto& step : engine.profile().steps) CHECK(step.rows == 0);
}
}  // namespace tocsin::tests
