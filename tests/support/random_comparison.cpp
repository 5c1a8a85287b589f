#include "tests/support/random_comparison.h"

#include <algorithm>
#include <memory>

#include "cep/plan/feature.h"
#include "tests/support/plan_parts.h"

namespace tocsin::tests {
using cep::ExprPtr;
using cep::Op;
using cep::Type;
using cep::TypeKind;
using cep::Value;

bool is_exact(const Type& type) {
  return type.kind == TypeKind::kInt || type.kind == TypeKind::kDecimal ||
         type.kind == TypeKind::kFraction;
}

ExprPtr number_literal(Random& random, int scale) {
  const std::int64_t cents = random.pick({0, 50, 100, 100, 150, 200, 250, 500, 1000, -50});
  return literal(decimal_of(scale), Value::decimal(cents * cep::power_of_ten(scale) / 100, scale));
}

ExprPtr compare_aggregate(Random& random, const ExprPtr& aggregate) {
  if (!aggregate) return nullptr;
  return is_exact(aggregate->type) ? compare_with_literal(random, aggregate)
                                   : random_comparison(random, aggregate);
}

ExprPtr compare_with_literal(Random& random, const ExprPtr& operand) {
  if (!operand || !is_exact(operand->type)) return nullptr;
  const Op op = random.pick({Op::kLess, Op::kLessEqual, Op::kGreater, Op::kGreaterEqual,
                             Op::kGreaterEqual, Op::kNotEqual, Op::kEqual});
  const bool counts = operand->type.kind == TypeKind::kInt;
  ExprPtr other = counts ? int_literal(random.between(0, 5))
                         : number_literal(random, random.pick({1, 2, 2, 3}));
  if (random.chance(20)) {
    // The other way round.
    return condition(op, {other, operand});
  }
  return condition(op, {operand, other});
}

ExprPtr compare_with_duration(Random& random, const ExprPtr& operand) {
  if (!operand) return nullptr;
  return condition(random.pick({Op::kLess, Op::kLessEqual, Op::kGreater, Op::kEqual}),
                   {operand, literal(type_of(TypeKind::kDuration),
                                     Value::duration({1'000'000 * random.between(1, 6)}))});
}

ExprPtr random_comparison(Random& random, const ExprPtr& value) {
  const Op op = random.pick({Op::kGreaterEqual, Op::kGreaterEqual, Op::kLess});
  const Type& type = value->type;
  switch (type.kind) {
    case TypeKind::kInt:
      return condition(op, {value, int_literal(random.between(0, 5))});
    case TypeKind::kFloat:
      return condition(op,
                       {value, literal(type, Value::floating(random.pick({0.0, 0.5, 1.0, 2.25})))});
    case TypeKind::kDecimal:
    case TypeKind::kFraction: {
      const int scale = random.pick({1, 2, 2, 3});
      return condition(
          op, {value, literal(decimal_of(scale), Value::decimal(random.pick({50, 100, 200, 500}) *
                                                                    cep::power_of_ten(scale) / 100,
                                                                scale))});
    }
    case TypeKind::kString:
      return condition(random.pick({Op::kEqual, Op::kNotEqual, Op::kLess}),
                       {value, literal(type, Value::string(random.pick({"d1", "c1", "x"})))});
    case TypeKind::kEnum: {
      const auto ordinal = random.below(type.words->size());
      return condition(op,
                       {value, literal(type, Value::enumerated(static_cast<std::int64_t>(ordinal),
                                                               (*type.words)[ordinal]))});
    }
    default:
      return condition(Op::kIsKnown, {value});
  }
}

ExprPtr random_step_feature(Random& random, const cep::Plan& plan,
                            const std::vector<SeenStep>& steps) {
  if (steps.empty()) return nullptr;
  const SeenStep& step = random.pick(steps);
  for (int tries = 0; tries < 4 && !plan.features.empty(); ++tries) {
    const std::size_t index = random.below(plan.features.size());
    const cep::Feature& read = plan.features[index];
    if (read.name.starts_with('$')) continue;
    const bool fits = std::ranges::all_of(read.key.parts, [&](const cep::KeyPart& part) {
      return std::ranges::all_of(step.types, [&](cep::EventTypeIndex type) {
        return std::ranges::count(part.members, type, &cep::KeyMember::type) == 1;
      });
    });
    // At alerts only features of alerts have a value.
    const bool of_alerts = std::ranges::any_of(step.types, [&](cep::EventTypeIndex type) {
      return plan.event_types[type.value].is_alert();
    });
    if (!fits || of_alerts) continue;
    auto feature = std::make_shared<cep::Expr>();
    feature->op = Op::kFeature;
    feature->payload = cep::FeatureRead{cep::FeatureIndex(index)};
    feature->type = read.type;
    auto expr = std::make_shared<cep::Expr>();
    expr->op = Op::kBound;
    expr->type = read.type;
    cep::Which which = cep::Which::kOnly;
    if (step.loop) which = random.pick({cep::Which::kFirst, cep::Which::kLast});
    expr->payload = cep::BoundField{step.var, which, {}};
    expr->args = {feature};
    return expr;
  }
  return nullptr;
}
}  // namespace tocsin::tests
