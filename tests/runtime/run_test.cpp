#include "runtime/event_time/run.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>

#include "cep/data/alert.h"
#include "cep/plan/rule.h"
#include "tests/runtime/event_plan.h"
#include "tests/support/plan_parts.h"
#include "tests/support/printing.h"

namespace tocsin::runtime {
namespace {
using cep::EventTime;

// One rule: two payments of a card within 10 us, of which the second is over 100.
cep::Program two_payments() {
  auto plan = std::make_shared<cep::Plan>(tests::event_plan());
  const cep::EventTypeIndex payment = tests::type_index(*plan, "payment");
  const cep::FieldIndex card = tests::field_index(*plan, "payment", "card");
  const cep::FieldIndex amount = tests::field_index(*plan, "payment", "amount");
  const auto field = [&](cep::FieldIndex index) {
    cep::Expr expr;
    expr.op = cep::Op::kField;
    expr.type = plan->event_types[payment.value].fields[index.value].type;
    expr.payload = cep::FieldRead{
        {plan->event_types[payment.value].fields[index.value].name, {{payment, index}}}};
    return std::make_shared<const cep::Expr>(expr);
  };
  const cep::Subset payments{payment, nullptr, "payment"};
  cep::Rule rule;
  rule.name = rule.id = "two_payments";
  rule.title = "Two payments";
  rule.key.parts = {{"card", tests::type_of(cep::TypeKind::kString), {{payment, card, ""}}}};
  rule.variables = {{"first", false}, {"second", false}};
  for (std::size_t step = 0; step < 2; ++step) {
    cep::Step taken;
    taken.events = {payments};
    taken.var = cep::VarIndex(step);
    if (step == 1) {
      taken.where = tests::condition(
          cep::Op::kGreater,
          {field(amount), tests::literal(tests::decimal_of(2), cep::Value::decimal(10'000, 2))});
    }
    rule.pattern.push_back(taken);
  }
  rule.considered = {payments};
  rule.within = cep::Duration{10};
  rule.message = {{"two payments", nullptr}};
  rule.captured = {{payment, {card, amount}}};
  plan->rules = {rule};
  Result<cep::Program> program = cep::compile(plan);
  REQUIRE_MESSAGE(program, program.error().message);
  return *program;
}

std::string payment(std::int64_t ts, const std::string& card, const std::string& amount) {
  return fmt::format(R"({{"type":"payment","id":"{}-{}","ts":{},"card":"{}","amount":{}}})", card,
                     ts, ts, card, amount) +
         "\n";
}
}  // namespace

TEST_CASE("run: alerts are handed out in order and counted by rule") {
  const cep::Program program = two_payments();
  const std::string contents = payment(1, "a", "5") + payment(2, "b", "5.00") +
                               payment(3, "a", "100.01") + payment(12, "b", "500") +
                               payment(4, "b", "1e3") + payment(13, "a", "200");
  for (const std::size_t slice_rows_max : {1, 2, 4096}) {
    CAPTURE(slice_rows_max);
    std::vector<std::string> alerts;
    Sinks sinks;
    sinks.alert = [&](const cep::Alert& alert) -> Result<void> {
      alerts.push_back(
          fmt::format("{} {} {}", alert.ts.us, alert.events.front().id, alert.events.back().id));
      return {};
    };
    RunOptions options;
    options.slice_rows_max = slice_rows_max;
    options.out_of_orderness = cep::Duration{8};
    const Result<RunSummary> done = run(program, {{"in", contents}}, options, sinks);
    REQUIRE(done);
    // The event at 12 comes 10 after the one at 2, which is outside; the one at 4 is the first of
    // its pair there.
    CHECK(alerts == std::vector<std::string>{"3 a-1 a-3", "4 b-2 b-4", "12 b-4 b-12"});
    CHECK(done->alerts == 3);
    CHECK(done->alerts_by_rule == std::vector<std::uint64_t>{3});
    CHECK(done->events == 6);
    CHECK(done->engine.rows == 6);
    CHECK(done->late == 0);
    CHECK(done->first_event == EventTime{1});
    CHECK(done->last_event == EventTime{13});
    CHECK(done->seconds >= 0);
  }
}

TEST_CASE("run: a receiver's error ends it, and the summary so far is there") {
  const cep::Program program = two_payments();
  const std::string contents =
      payment(1, "a", "500") + payment(2, "a", "500") + payment(3, "a", "500");
  Sinks sinks;
  sinks.alert = [](const cep::Alert&) -> Result<void> { return fail(Errc::kIo, "no space"); };
  RunSummary partial;
  const Result<RunSummary> done = run(program, {{"in", contents}}, {}, sinks, &partial);
  REQUIRE_FALSE(done);
  CHECK(done.error().message == "no space");
  CHECK(partial.alerts == 1);
  CHECK(partial.events == 3);
}

TEST_CASE("run: an input that fails is an error with a summary; alerts before it are out") {
  const cep::Program program = two_payments();
  RunSummary partial;
  const Result<RunSummary> done =
      run(program, {{"/nowhere/at/all", std::nullopt}}, {}, {}, &partial);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::kNotFound);
  CHECK(partial.alerts_by_rule.size() == 1);
}

TEST_CASE("run: without final watermark and without inputs nothing happens") {
  const cep::Program program = two_payments();
  RunOptions options;
  options.final_watermark = false;
  const Result<RunSummary> done = run(program, {}, options, {});
  REQUIRE(done);
  CHECK(done->lines == 0);
  CHECK(done->first_event == cep::kEventTimeMax);
  CHECK(done->last_event == cep::kEventTimeMin);
}
}  // namespace tocsin::runtime
