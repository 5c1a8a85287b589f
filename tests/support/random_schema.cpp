#include "tests/support/random_schema.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "cep/plan/event_type.h"
#include "cep/plan/reference.h"
#include "tests/support/plan_parts.h"

namespace tocsin::tests {
using cep::TypeKind;
using cep::Value;

namespace {
void add_field(Random& random, cep::EventType& type, const char* name, cep::Type field_type,
               bool optional = false) {
  cep::Field field;
  field.name = name;
  field.path = {name};
  const std::string place = fmt::format("[{}]", type.fields.size());
  if (random.chance(5)) field.path = {"data", name};
  if (random.chance(4)) field.path = {"values", place};
  if (random.chance(4)) field.path = {"data", "rows", place, "of", "[1]"};
  field.type = std::move(field_type);
  if (field.type.kind == TypeKind::kTime || field.type.kind == TypeKind::kDuration) {
    field.unit = random.pick({cep::TimeUnit::kMicroseconds, cep::TimeUnit::kMicroseconds,
                              cep::TimeUnit::kMilliseconds, cep::TimeUnit::kSeconds,
                              cep::TimeUnit::kNanoseconds});
  }
  if (field.type.kind == TypeKind::kTime) field.any_year = random.chance(50);
  field.optional = optional;
  field.evidence = random.chance(10);
  field.pii = random.chance(5);
  type.fields.push_back(std::move(field));
}
}  // namespace

void add_event_types(Random& random, cep::Plan& plan) {
  const cep::Type channel = enum_of({"pos", "ecom", "atm"});
  const std::size_t count = random.chance(50) ? 2 : 3;
  for (std::size_t i = 0; i < count; ++i) {
    cep::EventType type;
    constexpr const char* kNames[] = {"payment", "login", "transfer"};
    type.name = kNames[i];
    type.json_type = random.chance(20) ? fmt::format("T{}", i) : type.name;
    add_field(random, type, "card", type_of(TypeKind::kString));
    if (i != 2 || random.chance(50))
      add_field(random, type, "device", type_of(TypeKind::kString), true);
    if (i != 1) add_field(random, type, "amount", decimal_of(2), random.chance(20));
    add_field(random, type, "n", type_of(TypeKind::kInt), random.chance(20));
    add_field(random, type, "ok", type_of(TypeKind::kBool));
    if (random.chance(80)) add_field(random, type, "channel", channel);
    if (random.chance(40)) add_field(random, type, "rate", decimal_of(3));
    if (random.chance(30)) add_field(random, type, "note", type_of(TypeKind::kString), true);
    if (random.chance(60)) {
      add_field(random, type, "id", type_of(TypeKind::kString));
      type.fields.back().path = {"id"};
    }
    add_field(random, type, "ts", type_of(TypeKind::kTime));
    // The place of a field differs from type to type.
    for (std::size_t j = type.fields.size(); j > 1; --j) {
      std::swap(type.fields[j - 1], type.fields[random.below(j)]);
    }
    for (std::size_t j = 0; j < type.fields.size(); ++j) {
      if (type.fields[j].name == "ts") type.time_field = cep::FieldIndex(j);
      if (type.fields[j].name == "id") type.id_field = cep::FieldIndex(j);
    }
    if (random.chance(30)) type.bound = {1'000'000 * random.between(1, 5)};
    plan.event_types.push_back(std::move(type));
  }
}

void add_lists(Random& random, cep::Plan& plan) {
  if (random.chance(30)) {
    plan.lists.push_back(
        {"cards",
         type_of(TypeKind::kString),
         {cep::OwnedValue(Value::string("c1")), cep::OwnedValue(Value::string("d2"))}});
  }
  if (random.chance(30)) {
    plan.lists.push_back(
        {"counts",
         type_of(TypeKind::kInt),
         {cep::OwnedValue(Value::integer(1)), cep::OwnedValue(Value::integer(3))}});
  }
  if (random.chance(20)) {
    plan.lists.push_back(
        {"amounts",
         decimal_of(2),
         {cep::OwnedValue(Value::decimal(100, 2)), cep::OwnedValue(Value::decimal(-100, 2)),
          cep::OwnedValue(Value::decimal(200, 2))}});
  }
}
}  // namespace tocsin::tests
