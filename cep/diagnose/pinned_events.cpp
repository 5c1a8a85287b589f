#include "cep/diagnose/pinned_events.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "cep/plan/plan.h"

namespace tocsin::cep {
namespace {
ExprPtr literal(const Type& type, const Value& value) {
  auto expr = std::make_shared<Expr>();
  expr->type = type;
  expr->payload = LiteralValue{OwnedValue(value)};
  return expr;
}
std::shared_ptr<Expr> bool_expr(Op op) {
  auto expr = std::make_shared<Expr>();
  expr->op = op;
  expr->type.kind = TypeKind::kBool;
  return expr;
}
ExprPtr read(const Plan& plan, std::vector<std::pair<EventTypeIndex, FieldIndex>> by_type) {
  std::ranges::sort(by_type);
  const auto& [type, field] = by_type.front();
  const Field& declared = plan.event_types[type.value].fields[field.value];
  auto expr = std::make_shared<Expr>();
  expr->op = Op::kField;
  expr->type = declared.type;
  expr->payload = FieldRead{{declared.name, std::move(by_type)}};
  return expr;
}
}  // namespace

std::vector<Subset> any_of_types(const std::vector<Subset>& kinds) {
  std::vector<Subset> types;
  for (const Subset& kind : kinds) {
    const bool is_known = std::ranges::any_of(types, [&](const Subset& other) {
      return other.type == kind.type && other.role == kind.role;
    });
    if (is_known) continue;
    types.push_back(kind);
    types.back().condition = nullptr;
  }
  return types;
}

ExprPtr pinned(const Plan& plan, const std::vector<Subset>& types,
               const std::vector<MatchEvent>& events, const std::vector<std::size_t>& places) {
  std::vector<std::pair<EventTypeIndex, FieldIndex>> times, ids;
  // An event without its id is known by its time alone.
  bool has_ids =
      std::ranges::none_of(places, [&](std::size_t place) { return events[place].id.empty(); });
  for (const Subset& subset : types) {
    const EventType& type = plan.event_types[subset.type.value];
    const std::pair time(subset.type, type.time_field);
    if (std::ranges::find(times, time) != times.end()) continue;
    times.push_back(time);
    has_ids = has_ids && type.id_field &&
              type.fields[type.id_field->value].type.kind == TypeKind::kString;
    if (has_ids) ids.emplace_back(subset.type, *type.id_field);
  }
  auto at_a_time = bool_expr(Op::kInValues);
  at_a_time->args.push_back(read(plan, std::move(times)));
  for (const std::size_t place : places) {
    at_a_time->args.push_back(
        literal(at_a_time->args.front()->type, Value::time(events[place].ts)));
  }
  if (!has_ids) return at_a_time;
  auto of_an_id = bool_expr(Op::kInValues);
  of_an_id->args.push_back(read(plan, std::move(ids)));
  for (const std::size_t place : places) {
    of_an_id->args.push_back(
        literal(of_an_id->args.front()->type, Value::string(events[place].id)));
  }
  auto both = bool_expr(Op::kAnd);
  both->args = {std::move(at_a_time), std::move(of_an_id)};
  return both;
}
}  // namespace tocsin::cep
