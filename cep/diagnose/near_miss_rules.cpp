#include "cep/diagnose/near_miss_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "cep/diagnose/derived_parts.h"
#include "cep/plan/expr_walk.h"

namespace tocsin::cep {
namespace {
constexpr std::size_t kValuesShown = 8;  // of one condition
constexpr Duration kMoment{1};

bool is_arithmetic(Op op) {
  switch (op) {
    case Op::kAdd:
    case Op::kSubtract:
    case Op::kMultiply:
    case Op::kDivide:
    case Op::kModulo:
    case Op::kIf:
    case Op::kCoalesce:
      return true;
    default:
      return false;
  }
}

// The values in an expression, in order, followed by what is computed of them.
void collect_values(const ExprPtr& expr, std::vector<ExprPtr>& out) {
  if (!expr || out.size() >= kValuesShown) return;
  const bool enters = expr->op != Op::kAggregate && expr->op != Op::kFeature;
  if (enters) {
    for (const ExprPtr& arg : expr->args) {
      collect_values(arg, out);
      if (expr->op == Op::kInLoop) break;  // the other is about an element
    }
  }
  const bool is_shown = reads_value(expr->op) || is_arithmetic(expr->op);
  const bool has_values = any_expr(*expr, [](const Expr& e) { return reads_value(e.op); });
  if (is_shown && has_values && out.size() < kValuesShown) out.push_back(expr);
}

std::size_t add_field(Rule& rule, const ExprPtr& expr) {
  rule.fields.push_back({fmt::format("f{}", rule.fields.size()), expr});
  return rule.fields.size() - 1;
}

AskedCondition ask(DerivedRule& derived, const ExprPtr& condition, Hindrance::Kind kind) {
  AskedCondition asked;
  asked.kind = kind;
  asked.condition = condition;
  asked.truth = add_field(derived.rule, condition);
  std::vector<ExprPtr> values;
  collect_values(condition, values);
  for (const ExprPtr& value : values) {
    if (value != condition) asked.values.push_back({value, add_field(derived.rule, value)});
  }
  return asked;
}

ExprPtr any_of(const std::vector<ExprPtr>& conditions) {
  auto expr = std::make_shared<Expr>();
  expr->op = Op::kOr;
  expr->type.kind = TypeKind::kBool;
  expr->args = conditions;
  return expr;
}

ExprPtr key_to_field(const ExprPtr& expr, const KeySpec& key) {
  if (!expr) return expr;
  Expr copy = *expr;
  if (copy.op == Op::kKey) {
    const KeyPart& part = key.parts[copy.as<KeyRead>().part];
    FieldRead read{{part.name, {}}};
    for (const KeyMember& member : part.members) {
      read.field.by_type.emplace_back(member.type, member.field);
    }
    std::sort(read.field.by_type.begin(), read.field.by_type.end());
    copy.op = Op::kField;
    copy.payload = std::move(read);
  }
  for (ExprPtr& arg : copy.args) arg = key_to_field(arg, key);
  return std::make_shared<const Expr>(std::move(copy));
}
void keys_to_fields(std::vector<Element>& elements, const KeySpec& key) {
  for (Element& element : elements) {
    if (EventTest* const test = element.test()) test->where = key_to_field(test->where, key);
    if (Step* const step = element.step()) {
      step->until_where = key_to_field(step->until_where, key);
    } else if (Group* const group = element.group()) {
      keys_to_fields(group->children, key);
    }
  }
}

// The pattern of a stage with a further step, in which only the step's condition is new.
Rule with_tail(const Rule& of, const PatternStage& stage, const Element& tail) {
  Rule rule = bare(of);
  add_extra_variables(rule, &stage);
  rule.pattern = without_strictness(stage.pattern({tail}));
  rule.within.reset();
  rule.without.reset();
  consider(rule, tail.events());
  return rule;
}
}  // namespace

void wait_a_moment(DerivedRule& derived) {
  Rule& rule = derived.rule;
  if (rule.pattern.empty() || rule.pattern.back().is_optional()) return;
  auto never = std::make_shared<Expr>();
  never->type.kind = TypeKind::kBool;
  never->payload = LiteralValue{OwnedValue(Value::boolean(false))};
  Absence absence;
  absence.events = {rule.considered.front()};
  absence.events.front().condition = never;
  absence.absent_for = kMoment;
  rule.pattern.push_back(std::move(absence));
  derived.waits_a_moment = true;
}

void ask_kinds(DerivedRule& derived, const std::vector<Subset>& kinds) {
  std::vector<EventTypeIndex> done;
  for (const Subset& subset : kinds) {
    if (std::find(done.begin(), done.end(), subset.type) != done.end()) continue;
    done.push_back(subset.type);
    std::vector<ExprPtr> conditions;
    bool is_free = false;
    for (const Subset& other : kinds) {
      if (other.type != subset.type) continue;
      is_free = is_free || !other.condition;
      if (other.condition) conditions.push_back(other.condition);
    }
    if (is_free) continue;
    const std::size_t before = derived.asked.size();
    if (conditions.size() == 1) {
      ask_conjuncts(derived, conditions.front(), Hindrance::Kind::kKind);
    } else {
      derived.asked.push_back(ask(derived, any_of(conditions), Hindrance::Kind::kNoKind));
      derived.asked.back().condition = nullptr;
    }
    for (std::size_t i = before; i < derived.asked.size(); ++i) {
      derived.asked[i].type = subset.type;
      derived.asked[i].name = subset.name;
      derived.asked[i].kinds = &kinds;
    }
  }
}

void ask_conjuncts(DerivedRule& derived, const ExprPtr& condition, Hindrance::Kind kind) {
  std::vector<ExprPtr> conjuncts;
  split_conjuncts(condition, conjuncts);
  for (const ExprPtr& conjunct : conjuncts) {
    derived.asked.push_back(ask(derived, conjunct, kind));
  }
}

void ask_step(DerivedRule& derived, const Rule& rule, const PatternStage& stage) {
  ask_kinds(derived, stage.next->events());
  std::vector<ExprPtr> conjuncts;
  split_conjuncts(stage.next->where(), conjuncts);
  const bool is_first =
      stage.waits == PatternStage::Waits::kStep && rule.variables[stage.next->var().value].loop;
  for (const ExprPtr& conjunct : conjuncts) {
    if (is_first && mentions_own_past(*conjunct, stage.next->var())) continue;
    derived.asked.push_back(ask(derived, conjunct, Hindrance::Kind::kWhere));
  }
}

DerivedRule prefix_rule(const Rule& rule, const PatternStage& stage) {
  DerivedRule derived{bare(rule), {}, false};
  let_without_not_wait(derived.rule);
  derived.rule.pattern = stage.pattern({});
  leave_last_absences_out(derived.rule.pattern);
  wait_a_moment(derived);
  settle_variables(derived.rule, std::nullopt);
  return derived;
}

DerivedRule extension_rule(const Rule& rule, const PatternStage& stage) {
  DerivedRule derived{with_tail(rule, stage, any_event_for(rule, stage)), {}, false};
  ask_step(derived, rule, stage);
  settle_variables(derived.rule, prev_of(rule, stage));
  return derived;
}

DerivedRule insertion_rule(const Rule& rule, const PatternStage& stage,
                           const std::vector<Subset>& kinds, const ExprPtr& where) {
  DerivedRule derived{with_tail(rule, stage, inside_step(rule, kinds, where)), {}, false};
  settle_variables(derived.rule, std::nullopt);
  return derived;
}

DerivedRule steps_rule(const Rule& rule) {
  DerivedRule derived{bare(rule), {}, false};
  let_without_not_wait(derived.rule);
  std::vector<const Element*> last;
  derived.rule.pattern = without_last_absences(rule, last);
  const bool waits = !last.empty() || (rule.without && rule.without->absent_for);
  if (waits) wait_a_moment(derived);
  settle_variables(derived.rule, std::nullopt);
  return derived;
}

DerivedRule after_steps_rule(const Rule& rule, const std::vector<Subset>& kinds,
                             const ExprPtr& where) {
  DerivedRule derived{bare(rule), {}, false};
  add_extra_variables(derived.rule, nullptr);
  std::vector<const Element*> last;
  std::vector<Element> pattern = without_last_absences(rule, last);
  pattern.push_back(inside_step(rule, kinds, where));
  derived.rule.pattern = without_strictness(std::move(pattern));
  derived.rule.within.reset();
  derived.rule.without.reset();
  consider(derived.rule, kinds);
  settle_variables(derived.rule, std::nullopt);
  return derived;
}

DerivedRule complete_rule(const Rule& rule) {
  DerivedRule derived{bare(rule), {}, false};
  if (derived.rule.window) {
    derived.rule.selection = {};
    derived.rule.window->where = nullptr;
    ask_conjuncts(derived, rule.window->where, Hindrance::Kind::kWhere);
  }
  const std::size_t of_where = derived.asked.size();
  ask_conjuncts(derived, rule.having, Hindrance::Kind::kWhere);
  for (std::size_t i = of_where; i < derived.asked.size(); ++i) derived.asked[i].name = "having";
  for (std::size_t i = 0; i < rule.exceptions.size(); ++i) {
    derived.asked.push_back(ask(derived, rule.exceptions[i].condition, Hindrance::Kind::kWhere));
    derived.asked.back().name = fmt::format("except {}", i);
  }
  settle_variables(derived.rule, std::nullopt);
  return derived;
}

DerivedRule rule_up_to(const Rule& rule, Clauses last) {
  DerivedRule derived{bare(rule), {}, false};
  derived.rule.having = rule.having;
  if (rule.window) derived.rule.selection = rule.selection;
  if (last >= Clauses::kSelection) derived.rule.selection = rule.selection;
  if (last >= Clauses::kExcept) derived.rule.exceptions = rule.exceptions;
  return derived;
}

std::optional<DerivedRule> keyless_rule(const Rule& rule) {
  if (rule.key.parts.empty() || rule.window) return std::nullopt;
  DerivedRule derived{bare(rule), {}, false};
  derived.rule.having = key_to_field(rule.having, rule.key);
  keys_to_fields(derived.rule.pattern, rule.key);
  if (derived.rule.without) {
    derived.rule.without->where = key_to_field(rule.without->where, rule.key);
  }
  std::vector<Captured>& captured = derived.rule.captured;
  for (const KeyPart& part : rule.key.parts) {
    for (const KeyMember& member : part.members) {
      if (!member.role.empty()) return std::nullopt;
      auto place = std::find_if(captured.begin(), captured.end(),
                                [&](const Captured& other) { return other.type == member.type; });
      if (place == captured.end()) place = captured.insert(place, {member.type, {}});
      const auto at = std::lower_bound(place->fields.begin(), place->fields.end(), member.field);
      if (at == place->fields.end() || *at != member.field) place->fields.insert(at, member.field);
    }
  }
  std::sort(captured.begin(), captured.end(),
            [](const Captured& a, const Captured& b) { return a.type < b.type; });
  derived.rule.key.parts.clear();
  settle_variables(derived.rule, std::nullopt);
  return derived;
}

DerivedMatch read_match(const Rule& rule, const PatternStage* stage, const Alert& alert,
                        bool waits_a_moment, std::size_t events_max) {
  DerivedMatch match;
  const ExtraVariables extra(rule);
  const std::size_t count = alert.events.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (i + 2 >= events_max && i + 2 < count) {
      ++match.events_more;
      continue;
    }
    const BoundEvent& bound = alert.events[i];
    TakenEvent taken;
    std::uint32_t number = 0;
    if (bound.as.starts_with('$')) {
      std::from_chars(bound.as.data() + 1, bound.as.data() + bound.as.size(), number);
    }
    taken.var = VarIndex(number);
    if (stage != nullptr && (taken.var == extra.taken || taken.var == extra.next)) {
      taken.var = stage->next->var();
    }
    taken.event = {bound.type, bound.ts, std::string(bound.identity), std::string(bound.id)};
    match.events.push_back(std::move(taken));
    std::vector<OwnedValue>& captured = match.captured.emplace_back();
    for (const Value& field : bound.fields) captured.emplace_back(field);
  }
  match.events_more += alert.events_omitted;
  match.key = alert.key;
  match.fields = alert.fields;
  match.moment = {alert.order.time, alert.order.phase, alert.order.arrival, alert.order.after};
  if (waits_a_moment) {
    match.moment.time = match.moment.time - kMoment;
    ArrivalNumber last = alert.order.arrival;
    last.after = alert.order.after;
    match.moment.phase = last.phase();
  }
  match.cut = alert.truncated != 0 || alert.lost_runs != 0;
  return match;
}

std::vector<Hindrance> unmet(const DerivedRule& derived, const DerivedMatch& match,
                             EventTypeIndex type) {
  std::vector<Hindrance> hindrances;
  for (const AskedCondition& asked : derived.asked) {
    if (asked.type && *asked.type != type) continue;
    const Value truth = match.fields[asked.truth].view();
    if (truth.is_true()) continue;
    Hindrance hindrance;
    hindrance.kind = asked.kind;
    hindrance.condition = asked.condition;
    hindrance.unknown = truth.is_missing();
    hindrance.name = asked.name;
    hindrance.kinds = asked.kinds;
    for (const AskedCondition::Shown& shown : asked.values) {
      hindrance.values.push_back({shown.expr, match.fields[shown.field]});
    }
    hindrances.push_back(std::move(hindrance));
  }
  return hindrances;
}
}  // namespace tocsin::cep
