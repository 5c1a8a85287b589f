#include "tests/runtime/event_plan.h"

#include <memory>
#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/event_type.h"

namespace tocsin::tests {
namespace {
using cep::TypeKind;

cep::Field field(std::string name, TypeKind kind, bool optional = false) {
  cep::Field result;
  result.name = name;
  result.path = {std::move(name)};
  result.type.kind = kind;
  result.optional = optional;
  return result;
}
cep::Field nested(std::string name, TypeKind kind, std::vector<std::string> path, bool optional) {
  cep::Field result = field(std::move(name), kind, optional);
  result.path = std::move(path);
  return result;
}
}  // namespace

cep::Plan event_plan() {
  cep::Plan plan;
  cep::EventType payment;
  payment.name = payment.json_type = "payment";
  cep::Field amount = field("amount", TypeKind::kDecimal);
  amount.type.scale = 2;
  cep::Field channel = field("channel", TypeKind::kEnum, true);
  channel.type.words = std::make_shared<const std::vector<std::string>>(
      std::vector<std::string>{"pos", "ecom", "atm"});
  payment.fields = {field("id", TypeKind::kString),
                    field("ts", TypeKind::kTime),
                    field("card", TypeKind::kString),
                    amount,
                    field("count", TypeKind::kInt, true),
                    field("rate", TypeKind::kFloat, true),
                    field("ok", TypeKind::kBool, true),
                    field("seen", TypeKind::kTime, true),
                    field("day", TypeKind::kDate, true),
                    field("wait", TypeKind::kDuration, true),
                    channel,
                    nested("lat", TypeKind::kFloat, {"geo", "lat"}, true),
                    nested("city", TypeKind::kString, {"geo", "city"}, true)};
  payment.time_field = cep::FieldIndex(std::size_t{1});
  payment.id_field = cep::FieldIndex(std::size_t{0});
  cep::EventType login;
  login.name = login.json_type = "login";
  login.fields = {field("ts", TypeKind::kTime), field("user", TypeKind::kString),
                  field("ok", TypeKind::kBool, true)};
  login.time_field = cep::FieldIndex(std::size_t{0});
  cep::EventType ping;
  ping.name = "ping";
  ping.json_type = "PNG";
  ping.fields = {nested("at", TypeKind::kTime, {"when", "us"}, false),
                 field("id", TypeKind::kInt, true)};
  ping.time_field = cep::FieldIndex(std::size_t{0});
  ping.id_field = cep::FieldIndex(std::size_t{1});
  plan.event_types = {payment, login, ping};
  return plan;
}

std::vector<std::vector<bool>> all_fields(const cep::Plan& plan) {
  std::vector<std::vector<bool>> fields;
  for (const cep::EventType& type : plan.event_types) fields.emplace_back(type.fields.size(), true);
  return fields;
}

std::vector<bool> all_types(const cep::Plan& plan) {
  return std::vector<bool>(plan.event_types.size(), true);
}

cep::EventTypeIndex type_index(const cep::Plan& plan, const std::string& name) {
  for (std::size_t t = 0; t < plan.event_types.size(); ++t) {
    if (plan.event_types[t].name == name) return cep::EventTypeIndex(t);
  }
  TOCSIN_ASSERT(false, "tests name types that are there");
}

cep::FieldIndex field_index(const cep::Plan& plan, const std::string& type,
                            const std::string& name) {
  const std::vector<cep::Field>& fields = plan.event_types[type_index(plan, type).value].fields;
  for (std::size_t f = 0; f < fields.size(); ++f) {
    if (fields[f].name == name) return cep::FieldIndex(f);
  }
  TOCSIN_ASSERT(false, "tests name fields that are there");
}
}  // namespace tocsin::tests
