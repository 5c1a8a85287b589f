#include "cep/data/batch.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "tests/support/printing.h"

namespace tocsin::cep {
namespace {
Plan plan_of_all_types() {
  Plan plan;
  EventType type;
  type.name = "sample";
  const auto words =
      std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"pos", "ecom"});
  const std::vector<std::pair<const char*, Type>> fields = {
      {"b", {TypeKind::kBool, 0, nullptr}},   {"i", {TypeKind::kInt, 0, nullptr}},
      {"f", {TypeKind::kFloat, 0, nullptr}},  {"d", {TypeKind::kDecimal, 2, nullptr}},
      {"s", {TypeKind::kString, 0, nullptr}}, {"t", {TypeKind::kTime, 0, nullptr}},
      {"day", {TypeKind::kDate, 0, nullptr}}, {"u", {TypeKind::kDuration, 0, nullptr}},
      {"e", {TypeKind::kEnum, 0, words}},
  };
  for (const auto& [name, field_type] : fields) {
    Field field;
    field.name = name;
    field.path = {name};
    field.type = field_type;
    type.fields.push_back(field);
  }
  type.time_field = FieldIndex(5);
  plan.event_types.push_back(type);
  type.name = "other";
  plan.event_types.push_back(type);
  return plan;
}
}  // namespace

TEST_CASE("batch: every type of value comes back, missing ones as missing") {
  const Plan plan = plan_of_all_types();
  Batch batch(plan);
  const std::vector<Value> values = {
      Value::boolean(true),   Value::integer(-7),   Value::floating(-1.5),
      Value::decimal(349, 2), Value::string("x"),   Value::time({5}),
      Value::date(-1),        Value::duration({8}), Value::enumerated(1, "ecom")};
  std::vector<Value> some = values;
  some[1] = some[4] = some[8] = Value::missing();
  batch.append(plan, EventTypeIndex(0), {5}, {5}, {0, 0}, values);
  batch.append(plan, EventTypeIndex(1), {6}, {5}, {0, 1}, values);
  batch.append(plan, EventTypeIndex(0), {7}, {5}, {0, 2}, some);
  batch.append(plan, EventTypeIndex(0), {8}, {5}, {0, 3}, {Value::boolean(false)});
  const std::vector<std::vector<Value>> expected = {values, values, some, {Value::boolean(false)}};
  REQUIRE(batch.rows.size() == expected.size());
  for (std::size_t row = 0; row < expected.size(); ++row) {
    for (std::size_t field = 0; field < values.size(); ++field) {
      CAPTURE(row);
      CAPTURE(field);
      const Value wanted = field < expected[row].size() ? expected[row][field] : Value::missing();
      CHECK(batch.value(plan, batch.rows[row], FieldIndex(field)) == wanted);
    }
  }
  CHECK(batch.rows[2].index == 1);
  CHECK(batch.rows[1].index == 0);
  batch.clear();
  CHECK(batch.rows.empty());
  CHECK(batch.texts.bytes() == 0);
  batch.append(plan, EventTypeIndex(0), {5}, {5}, {0, 0}, values);
  CHECK(batch.value(plan, batch.rows[0], FieldIndex(4)) == Value::string("x"));
}

TEST_CASE("batch: a field without a column is missing") {
  const Plan plan = plan_of_all_types();
  Batch batch(plan);
  batch.rows.push_back({});
  CHECK(batch.value(plan, batch.rows[0], FieldIndex(1)).is_missing());
}

TEST_CASE("batch: a value that its column has no room for is missing") {
  const Type decimal{TypeKind::kDecimal, 9, nullptr};
  const Type whole{TypeKind::kInt, 0, nullptr};
  CHECK(to_text(value_as(decimal, Value::integer(9'223'372'036))) == "9223372036.000000000");
  CHECK(value_as(decimal, Value::integer(9'223'372'037)).is_missing());
  CHECK(value_as(decimal, Value::integer(std::int64_t{1} << 62)).is_missing());
  CHECK(value_as(decimal, divide(Value::integer(INT64_MIN), Value::integer(2))).is_missing());
  CHECK(to_text(value_as(decimal, divide(Value::integer(2), Value::integer(3)))) == "0.666666667");
  CHECK(value_as(whole, Value::integer(Int128{1} << 63)).is_missing());
  CHECK(value_as(whole, Value::integer(INT64_MIN)).number == INT64_MIN);
}

TEST_CASE("text arena: addresses stay valid while it grows and moves") {
  TextArena arena;
  std::vector<std::string> texts;
  std::vector<std::string_view> views;
  for (std::size_t i = 0; i < 2'000; ++i) {
    // The largest is larger than any chunk.
    texts.push_back(std::string(i == 1'000 ? 200'000 : i % 97, static_cast<char>('a' + i % 26)));
    views.push_back(arena.store(texts.back()));
  }
  const TextArena moved = std::move(arena);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (views[i] != texts[i]) FAIL("text " << i << " changed");
    bytes += texts[i].size();
  }
  CHECK(moved.bytes() == bytes);
}

TEST_CASE("text arena: clear keeps room and forgets texts") {
  TextArena arena;
  arena.store(std::string(100'000, 'x'));
  arena.store("y");
  arena.clear();
  CHECK(arena.bytes() == 0);
  CHECK(arena.store("z") == "z");
  CHECK(arena.store("").empty());
}
}  // namespace tocsin::cep
