// What a new key costs by the number of features that see its first event.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cep/engine/engine.h"
#include "cep/plan/feature.h"
#include "cep/plan/limits.h"
#include "cep/plan/rule.h"
#include "tests/cep/plan_builder.h"
#include "tests/support/plan_parts.h"

namespace tocsin::tests {
namespace {
using cep::Value;

enum class Shape { kCounts, kSumsByWhere, kSumsOfBefore, kMaxima };

// So many features of one key, over a `pay` each, and a rule that reads the last one.
cep::Program features_of_one_key(Shape shape, std::size_t count) {
  PlanBuilder builder;
  const cep::KeySpec key = builder.key("card", {{"pay", "card", ""}});
  const cep::ExprPtr amount = builder.field("amount", {"pay"});
  for (std::size_t i = 0; i < count; ++i) {
    cep::ExprPtr where;
    if (shape == Shape::kSumsByWhere) {
      where = condition(cep::Op::kGreater, {amount, int_literal(static_cast<std::int64_t>(i))});
    }
    const auto last_ms = static_cast<std::int64_t>(600'000 + i);
    cep::Feature& feature =
        builder.count(fmt::format("f{}", i), {builder.kind("pay")}, key, last_ms, where);
    if (shape == Shape::kCounts) continue;
    feature.aggregate = shape == Shape::kMaxima ? cep::Aggregate::kMax : cep::Aggregate::kSum;
    feature.argument = amount;
    feature.type = amount->type;
    if (shape == Shape::kSumsOfBefore) {
      feature.window.range = cep::PreviousWindow{cep::Duration{last_ms * 1'000}};
    }
  }
  cep::Rule& rule = builder.rule("r", key, {{builder.kind("pay")}});
  PlanBuilder::show(rule, "", builder.read(fmt::format("f{}", count - 1)));
  auto program = cep::compile(std::make_shared<const cep::Plan>(builder.plan));
  REQUIRE_MESSAGE(program.has_value(), (program ? "" : program.error().message));
  return std::move(*program);
}

// So many events of each of so many keys, one key after the other.
cep::EngineStats stats_of(const cep::Program& program, std::size_t keys, std::size_t events) {
  const cep::Plan& plan = program.plan();
  cep::Engine engine(program, 1);
  std::vector<cep::Alert> alerts;
  cep::Batch batch(plan);
  std::int64_t us = 0;
  for (std::size_t event = 0; event < events; ++event) {
    for (std::size_t k = 0; k < keys; ++k) {
      ++us;
      const std::string card = fmt::format("{:09}", k);
      batch.append(plan, cep::EventTypeIndex(0), {us}, {us}, {static_cast<std::uint64_t>(us), 0},
                   {Value::time({us}), Value::integer(us), Value::string(card), Value::string("d"),
                    Value::integer(1'000'000)});
    }
    engine.advance(batch, {us}, alerts);
    batch.clear();
  }
  CHECK(alerts.size() == keys * events);
  return engine.stats();
}
}  // namespace

TEST_CASE("engine: a new key costs what its features take, however many they are") {
  constexpr std::size_t kKeys = 64;
  const std::pair<Shape, const char*> shapes[] = {{Shape::kCounts, "counts"},
                                                  {Shape::kSumsByWhere, "sums by where"},
                                                  {Shape::kSumsOfBefore, "sums of before"},
                                                  {Shape::kMaxima, "maxima"}};
  for (const auto& shape : shapes) {
    CAPTURE(std::string(shape.second));
    for (const std::size_t features : {100, 1'000}) {
      CAPTURE(features);
      const cep::Program program = features_of_one_key(shape.first, features);
      // A record is laid out once for all that its first event brings.
      const std::uint64_t at_first = stats_of(program, kKeys, 1).layout_work;
      CHECK(at_first <= kKeys * features);
      // Then windows grow, and records with them: some copies of each of their events.
      CHECK(stats_of(program, kKeys, 9).layout_work <= kKeys * features * 250);
    }
  }
}

TEST_CASE("engine: 1,000 sums of one key share its ring, and take little more") {
  constexpr std::size_t kKeys = 64;
  constexpr std::size_t kFeatures = 1'000;
  const cep::Program program = features_of_one_key(Shape::kSumsByWhere, kFeatures);
  const std::size_t empty = cep::Engine(program, 1).stats().state_bytes;
  const std::size_t bytes = stats_of(program, kKeys, 1).state_bytes - empty;
  // A sum by a condition of its own: a group of events, a sum, and an operator: 48 bytes.
  CHECK(bytes <= kKeys * kFeatures * 56);
}
}  // namespace tocsin::tests
