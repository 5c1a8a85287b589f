#include "tests/support/random_expr.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "cep/plan/feature.h"
#include "cep/plan/reference.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random_comparison.h"
#include "tests/support/random_data.h"
#include "tests/support/random_feature.h"

namespace tocsin::tests {
using cep::Aggregate;
using cep::ExprPtr;
using cep::Op;
using cep::Type;
using cep::TypeKind;
using cep::Value;

namespace {
constexpr std::array<Op, 6> kComparisons = {Op::kEqual,     Op::kNotEqual, Op::kLess,
                                            Op::kLessEqual, Op::kGreater,  Op::kGreaterEqual};

class Maker {
 public:
  Maker(Random& random, const cep::Plan& plan, const ExprScope& scope)
      : random_(random), plan_(plan), scope_(scope) {}

  ExprPtr condition_of_depth(int depth) {
    for (int tries = 0; tries < 20; ++tries) {
      if (ExprPtr made = try_condition(depth)) return made;
    }
    return is_known();
  }

  ExprPtr number(int depth) {
    if (depth > 0 && random_.chance(25)) {
      if (ExprPtr made = arithmetic(depth - 1)) return made;
    }
    for (int tries = 0; tries < 8; ++tries) {
      ExprPtr made;
      switch (random_.weighted({50, 20, 15, 15})) {
        case 0:
          made = field(number_name());
          break;
        case 1:
          made = bound(number_name());
          break;
        case 2:
          made = loop_aggregate();
          break;
        default:
          made = feature();
          break;
      }
      if (made && is_exact(made->type)) return made;
    }
    return nullptr;
  }

  ExprPtr value() {
    for (int tries = 0; tries < 10; ++tries) {
      ExprPtr made;
      switch (random_.weighted({30, 20, 20, 10, 10, 10})) {
        case 0:
          made = number(1);
          break;
        case 1:
          made = field(random_.pick({"card", "device", "channel", "ok", "note", "ts", "id"}));
          break;
        case 2:
          if (random_.chance(30)) made = random_step_feature(random_, plan_, scope_.steps);
          if (!made)
            made = bound(random_.pick({"card", "device", "channel", "ok", "ts", "amount"}));
          break;
        case 3:
          made = time_difference();
          break;
        case 4:
          made = choice();
          break;
        default:
          made = random_.chance(50) ? key() : loop_aggregate();
          break;
      }
      if (made) return made;
    }
    return field("ts");
  }

 private:
  const char* number_name() { return random_.pick({"amount", "amount", "n", "rate"}); }

  ExprPtr try_condition(int depth) {
    if (!plan_.tables.empty() && !scope_.types.empty() && random_.chance(30)) {
      return random_data_condition(random_, plan_, scope_.types);
    }
    if (depth > 0 && random_.chance(25)) return combination(depth - 1);
    switch (random_.weighted({22, 6, 10, 12, 12, 15, 10, 8, 4, 4, 5, 5, 4, 5, 3})) {
      case 0:
        return compare_with_literal(random_, number(depth));
      case 1:
        return field("ok");
      case 2:
        return channel_condition();
      case 3:
        return text_condition();
      case 4:
        return compare_with_bound();
      case 5:
        return own_loop_condition();
      case 6:
        return compare_feature();
      case 7:
        return compare_aggregate(random_, loop_aggregate());
      case 8:
        return is_known();
      case 9:
        return between();
      case 10:
        return in_list();
      case 11:
        return in_loop();
      case 12:
        return compare_with_duration(random_, time_difference());
      case 13:
        return compare_numbers(depth);
      default:
        return compare_as_floats();
    }
  }

  ExprPtr combination(int depth) {
    switch (random_.below(4)) {
      case 0:
      case 1: {
        std::vector<ExprPtr> args;
        while (args.size() < 2) {
          const ExprPtr arg = condition_of_depth(depth);
          if (arg->op == Op::kOr) {
            args.insert(args.end(), arg->args.begin(), arg->args.end());
          } else {
            args.push_back(arg);
          }
        }
        return condition(Op::kOr, args);
      }
      case 2:
        return condition(Op::kNot, {condition_of_depth(depth)});
      default: {
        // An `and` below something else; the join at the top is the caller's.
        const ExprPtr both = all_of({condition_of_depth(depth), condition_of_depth(depth)});
        return condition(Op::kNot, {both});
      }
    }
  }

  // ---- operands
  ExprPtr field(std::string_view name) { return field_of(scope_.types, name, Op::kField); }
  ExprPtr field_of(const std::vector<cep::EventTypeIndex>& types, std::string_view name, Op op) {
    auto found = find_field(plan_, types, name);
    if (!found) return nullptr;
    auto expr = std::make_shared<cep::Expr>();
    expr->op = op;
    if (op == Op::kBound) {
      expr->payload = cep::BoundField{{}, cep::Which::kOnly, std::move(found->first)};
    } else {
      expr->payload = cep::FieldRead{std::move(found->first)};
    }
    expr->type = std::move(found->second);
    return expr;
  }
  ExprPtr bound(std::string_view name) {
    if (scope_.steps.empty()) return nullptr;
    return bound_of(random_.pick(scope_.steps), name);
  }
  ExprPtr bound_of(const SeenStep& step, std::string_view name) {
    ExprPtr found = field_of(step.types, name, Op::kBound);
    if (!found) return nullptr;
    auto expr = std::make_shared<cep::Expr>(*found);
    auto& read = expr->as<cep::BoundField>();
    read.var = step.var;
    if (step.loop) read.which = random_.pick({cep::Which::kFirst, cep::Which::kLast});
    return expr;
  }
  ExprPtr key() {
    if (scope_.union_key == nullptr) return nullptr;
    auto expr = std::make_shared<cep::Expr>();
    expr->op = Op::kKey;
    expr->payload = cep::KeyRead();
    expr->type = scope_.union_key->parts.front().type;
    return expr;
  }
  ExprPtr feature() {
    if (scope_.features.empty()) return nullptr;
    const cep::FeatureIndex index = random_.pick(scope_.features);
    auto expr = std::make_shared<cep::Expr>();
    expr->op = Op::kFeature;
    expr->payload = cep::FeatureRead{index};
    expr->type = plan_.features[index.value].type;
    return expr;
  }
  // A feature by another field of the event than its own key.
  ExprPtr feature_by_argument() {
    for (int tries = 0; tries < 3 && !plan_.features.empty(); ++tries) {
      const std::size_t index = random_.below(plan_.features.size());
      const cep::Feature& read = plan_.features[index];
      if (read.key.parts.size() != 1 || read.name.starts_with('$')) continue;
      const ExprPtr argument = field(random_.pick({"card", "device", "note", "n"}));
      if (!argument || !(argument->type == read.key.parts.front().type)) continue;
      auto expr = std::make_shared<cep::Expr>();
      expr->op = Op::kFeature;
      expr->payload = cep::FeatureRead{cep::FeatureIndex(index)};
      expr->type = read.type;
      expr->args = {argument};
      return expr;
    }
    return nullptr;
  }
  ExprPtr compare_feature() {
    if (random_.chance(25)) {
      if (const ExprPtr read = random_step_feature(random_, plan_, scope_.steps))
        return random_comparison(random_, read);
    }
    ExprPtr read = scope_.by_argument && random_.chance(30) ? feature_by_argument() : nullptr;
    if (!read) read = feature();
    return read ? random_comparison(random_, read) : nullptr;
  }
  std::optional<SeenStep> some_loop() {
    std::vector<SeenStep> loops;
    for (const SeenStep& step : scope_.steps) {
      if (step.loop) loops.push_back(step);
    }
    if (scope_.own_loop && scope_.own_loop_named) loops.push_back(*scope_.own_loop);
    if (loops.empty()) return std::nullopt;
    return random_.pick(loops);
  }
  ExprPtr loop_aggregate() {
    const auto loop = some_loop();
    return loop ? aggregate_of(*loop) : nullptr;
  }
  // Those that a loop has, the most used twice.
  static const std::vector<Aggregate>& loop_aggregates() {
    static const std::vector<Aggregate> kOfLoops = [] {
      std::vector<Aggregate> found;
      for (const Aggregate aggregate : cep::kAggregates) {
        if (!traits_of(aggregate).of_loops) continue;
        const bool is_usual = aggregate == Aggregate::kCount || aggregate == Aggregate::kSum;
        found.insert(found.end(), is_usual ? 2 : 1, aggregate);
      }
      return found;
    }();
    return kOfLoops;
  }
  ExprPtr aggregate_of(const SeenStep& loop) {
    auto expr = std::make_shared<cep::Expr>();
    expr->op = Op::kAggregate;
    const Aggregate aggregate = random_.pick(loop_aggregates());
    expr->payload = cep::VariableAggregate{loop.var, aggregate};
    const cep::AggregateTraits& traits = traits_of(aggregate);
    // Of one kind among the loop's events.
    std::vector<cep::EventTypeIndex> types = loop.types;
    std::vector<ExprPtr> asked;
    if (types.size() > 1 && random_.chance(25)) {
      types = {random_.pick(loop.types)};
      auto kind = std::make_shared<cep::Expr>();
      kind->op = Op::kInKinds;
      kind->type = type_of(TypeKind::kBool);
      kind->payload = cep::KindTest{types};
      kind->args = {nullptr};
      asked.push_back(kind);
    }
    if (random_.chance(15)) {
      ExprScope elements;
      elements.types = types;
      asked.push_back(random_condition(random_, plan_, elements, 0));
    }
    ExprPtr argument;
    if (traits.takes != cep::AggregateInput::kNothing) {
      const bool takes_all = traits.takes == cep::AggregateInput::kAnything;
      const char* name = !takes_all ? number_name()
                         : traits.gives == cep::AggregateResult::kArgument
                             ? random_.pick({"amount", "n", "device", "channel", "ts"})
                             : random_.pick({"device", "n", "channel", "card"});
      argument = field_of(types, name, Op::kField);
      if (!argument) return nullptr;
    }
    expr->type = type_given(aggregate, argument ? argument->type : type_of(TypeKind::kInt));
    const ExprPtr where = all_of(asked);
    if (argument || where) expr->args.push_back(argument);
    if (where) expr->args.push_back(where);
    return expr;
  }
  ExprPtr time_difference() {
    ExprPtr now = field("ts");
    ExprPtr then = bound("ts");
    if (!then && scope_.own_loop) then = field_of(scope_.own_loop->types, "ts", Op::kPrev);
    if (!now || !then) return nullptr;
    return operation(Op::kSubtract, type_of(TypeKind::kDuration), {now, then});
  }
  ExprPtr arithmetic(int depth) {
    const ExprPtr a = number(depth);
    if (!a) return nullptr;
    ExprPtr b = random_.chance(50) ? number(depth) : nullptr;
    if (!b)
      b = random_.chance(50) ? int_literal(random_.between(1, 3)) : number_literal(random_, 2);
    Op op = random_.pick(
        {Op::kAdd, Op::kSubtract, Op::kMultiply, Op::kDivide, Op::kModulo, Op::kNegate});
    const bool ints = a->type.kind == TypeKind::kInt && b->type.kind == TypeKind::kInt;
    const bool fraction =
        a->type.kind == TypeKind::kFraction || b->type.kind == TypeKind::kFraction;
    if (op == Op::kNegate) return operation(op, a->type, {a});
    if (op == Op::kModulo && !ints) op = Op::kAdd;
    if (op == Op::kMultiply && a->type.scale + b->type.scale > cep::kScaleMax) op = Op::kSubtract;
    if (op == Op::kDivide || fraction) return operation(op, type_of(TypeKind::kFraction), {a, b});
    if (ints) return operation(op, type_of(TypeKind::kInt), {a, b});
    const int scale = op == Op::kMultiply ? a->type.scale + b->type.scale
                                          : std::max(a->type.scale, b->type.scale);
    return operation(op, decimal_of(scale), {a, b});
  }
  ExprPtr choice() {
    const ExprPtr a = random_.chance(50) ? field("amount") : field("n");
    const ExprPtr b = a ? bound(cep::field_of(*a)->name) : nullptr;
    if (!b || !(a->type == b->type)) return nullptr;
    if (random_.chance(50)) return operation(Op::kCoalesce, a->type, {a, b});
    return operation(Op::kIf, a->type, {condition_of_depth(0), a, b});
  }

  // ---- conditions
  ExprPtr channel_condition() {
    const ExprPtr channel = field("channel");
    if (!channel) return nullptr;
    const auto word = [&] {
      const auto ordinal = random_.below(channel->type.words->size());
      return literal(channel->type, Value::enumerated(static_cast<std::int64_t>(ordinal),
                                                      (*channel->type.words)[ordinal]));
    };
    switch (random_.below(4)) {
      case 0:
        return condition(Op::kEqual, {channel, word()});
      case 1:
        return condition(Op::kNotEqual, {channel, word()});
      case 2:
        return condition(Op::kLessEqual, {channel, word()});
      default:
        return condition(Op::kInValues, {channel, word(), word()});
    }
  }
  ExprPtr text_condition() {
    const char* name = random_.pick({"device", "device", "card", "note"});
    ExprPtr mine = random_.chance(30) ? key() : nullptr;
    if (!mine) mine = field(name);
    if (!mine) return nullptr;
    const Op op = random_.pick({Op::kEqual, Op::kNotEqual});
    if (random_.chance(60)) {
      const ExprPtr other = bound(name);
      if (other && other->type == mine->type) return condition(op, {mine, other});
    }
    const char* text = std::string_view(name) == "card"   ? "c1"
                       : std::string_view(name) == "note" ? "x"
                                                          : "d1";
    return condition(op, {mine, literal(mine->type, Value::string(text))});
  }
  ExprPtr compare_with_bound() {
    const char* name = random_.pick({"amount", "n", "rate", "channel", "ok", "ts"});
    const ExprPtr mine = field(name);
    ExprPtr other = bound(name);
    if (!mine || !other || !(mine->type == other->type)) return nullptr;
    if (mine->type.kind == TypeKind::kBool) {
      return condition(random_.pick({Op::kEqual, Op::kNotEqual}), {mine, other});
    }
    if (is_exact(mine->type) && random_.chance(30)) {
      other = mine->type.kind == TypeKind::kInt
                  ? operation(Op::kMultiply, other->type, {other, int_literal(2)})
                  : operation(Op::kMultiply, decimal_of(other->type.scale + 1),
                              {other, number_literal(random_, 1)});
    }
    return condition(kComparisons[random_.below(kComparisons.size())], {mine, other});
  }
  ExprPtr own_loop_condition() {
    if (!scope_.own_loop) return nullptr;
    const SeenStep& loop = *scope_.own_loop;
    const char* name = random_.pick({"amount", "n", "device", "channel", "ts", "ok"});
    const ExprPtr mine = field(name);
    if (!mine) return nullptr;
    ExprPtr other;
    if (!scope_.own_loop_named || random_.chance(45)) {
      other = field_of(loop.types, name, Op::kPrev);
    } else if (random_.chance(60)) {
      other = bound_of(loop, name);
    } else {
      return compare_aggregate(random_, aggregate_of(loop));
    }
    if (!other) return nullptr;
    const bool ordered = mine->type.kind != TypeKind::kBool && mine->type.kind != TypeKind::kString;
    const Op op = ordered ? random_.pick({Op::kGreaterEqual, Op::kLessEqual, Op::kGreater,
                                          Op::kNotEqual, Op::kEqual})
                          : random_.pick({Op::kEqual, Op::kEqual, Op::kNotEqual});
    return condition(op, {mine, other});
  }
  ExprPtr is_known() {
    if (!scope_.steps.empty() && random_.chance(40)) {
      auto taken = std::make_shared<cep::Expr>();
      taken->op = Op::kIsBound;
      taken->type = type_of(TypeKind::kBool);
      taken->payload = cep::VariableTest{random_.pick(scope_.steps).var};
      return taken;
    }
    ExprPtr operand = field(random_.pick({"device", "note", "amount", "n"}));
    if (!operand) operand = field("ts");
    return condition(random_.chance(25) ? Op::kIsMissing : Op::kIsKnown, {operand});
  }
  ExprPtr between() {
    const ExprPtr operand = field(number_name());
    if (!operand) return nullptr;
    return condition(Op::kBetween, {operand, number_literal(random_, random_.pick({1, 2})),
                                    number_literal(random_, 2)});
  }
  ExprPtr in_list() {
    for (int tries = 0; tries < 4 && !plan_.lists.empty(); ++tries) {
      const std::size_t list = random_.below(plan_.lists.size());
      if (plan_.lists[list].kind != cep::ListKind::kValues ||
          plan_.lists[list].element.kind == TypeKind::kDate) {
        continue;
      }
      const ExprPtr operand = field(plan_.lists[list].element.kind == TypeKind::kString
                                        ? random_.pick({"card", "device"})
                                        : random_.pick({"n", "amount"}));
      if (!operand) continue;
      auto expr = std::make_shared<cep::Expr>();
      expr->op = Op::kIn;
      expr->type = type_of(TypeKind::kBool);
      expr->payload = cep::ListLookup{cep::ListIndex(list)};
      expr->args = {operand};
      if (random_.chance(30)) return condition(Op::kNot, {expr});
      return expr;
    }
    const ExprPtr operand = field("n");
    if (!operand) return nullptr;
    return condition(Op::kInValues,
                     {operand, int_literal(random_.between(0, 5)), int_literal(2), int_literal(1)});
  }
  ExprPtr in_loop() {
    const auto loop = some_loop();
    if (!loop) return nullptr;
    const char* name = random_.pick({"device", "n", "amount", "channel"});
    const ExprPtr mine = field(name);
    const ExprPtr element = field_of(loop->types, name, Op::kField);
    if (!mine || !element || !(mine->type == element->type)) return nullptr;
    auto expr = std::make_shared<cep::Expr>();
    expr->op = Op::kInLoop;
    expr->type = type_of(TypeKind::kBool);
    expr->payload = cep::VariableTest{loop->var};
    expr->args = {mine, element};
    if (random_.chance(40)) return condition(Op::kNot, {expr});
    return expr;
  }
  ExprPtr compare_numbers(int depth) {
    const ExprPtr a = number(depth);
    const ExprPtr b = number(depth);
    if (!a || !b) return nullptr;
    return condition(kComparisons[random_.below(kComparisons.size())], {a, b});
  }
  ExprPtr compare_as_floats() {
    const ExprPtr operand = field(number_name());
    if (!operand) return nullptr;
    const Type real = type_of(TypeKind::kFloat);
    return condition(random_.pick({Op::kLess, Op::kGreaterEqual}),
                     {operation(Op::kToFloat, real, {operand}),
                      literal(real, Value::floating(random_.pick({0.5, 1.5, 2.0, 5.0})))});
  }

  Random& random_;
  const cep::Plan& plan_;
  const ExprScope& scope_;
};
}  // namespace

ExprPtr random_condition(Random& random, const cep::Plan& plan, const ExprScope& scope, int depth) {
  return Maker(random, plan, scope).condition_of_depth(depth);
}
ExprPtr random_number(Random& random, const cep::Plan& plan, const ExprScope& scope, int depth) {
  return Maker(random, plan, scope).number(depth);
}
ExprPtr random_value(Random& random, const cep::Plan& plan, const ExprScope& scope) {
  return Maker(random, plan, scope).value();
}
}  // namespace tocsin::tests
