// Aggregates in expressions: over the events of a loop, and features without a name.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rules/context/build_expr.h"
#include "rules/context/occurrences.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/aggregate_typing.h"
#include "rules/expression/check_expression.h"
#include "rules/expression/check_features.h"
#include "rules/expression/check_key.h"
#include "rules/expression/check_kinds.h"
#include "rules/expression/expression_parts.h"

namespace tocsin::rules {
using cep::TypeKind;
using tree::ExprKind;

namespace {
bool has_roles(const cep::KeySpec& key, cep::EventTypeIndex type) {
  return std::ranges::any_of(key.parts, [&](const cep::KeyPart& part) {
    return std::ranges::any_of(part.members, [&](const cep::KeyMember& member) {
      return member.type == type && !member.role.empty();
    });
  });
}

// The role in which a feature takes the events of a type; nothing where it takes them in several.
std::optional<std::string> role_taken(const cep::Feature& feature, cep::EventTypeIndex type) {
  std::optional<std::string> role;
  for (const cep::Subset& subset : feature.events) {
    if (subset.type != type) continue;
    if (role && *role != subset.role) return std::nullopt;
    role = subset.role;
  }
  return role;
}

// The step's name that an expression mentions first; nothing where it mentions none.
const tree::Expr* first_step_name(const tree::Expr& expr, const RuleScope& rule) {
  if (expr.kind == ExprKind::kMember) {
    const tree::Expr& base = *expr.args[0];
    if (base.kind == ExprKind::kName && rule.step_by_name.contains(base.name.text)) return &base;
  }
  for (const tree::ExprPtr& arg : expr.args) {
    if (const tree::Expr* found = first_step_name(*arg, rule)) return found;
  }
  return nullptr;
}
// That an element is of a kind: by event type what the kind asks, absent where it asks nothing.
cep::ExprPtr in_kind_expr(const KindSymbol& kind, EventTypes& types) {
  auto test = std::make_shared<cep::Expr>();
  test->op = cep::Op::kInKinds;
  test->type = plain_type(TypeKind::kBool);
  EventTypes narrowed;
  for (const cep::EventTypeIndex type : types) {
    std::vector<cep::ExprPtr> conditions;
    bool is_all = false;
    bool is_any = false;
    for (const KindAlternative& alternative : kind.alternatives) {
      if (alternative.type != type) continue;
      is_any = true;
      is_all = is_all || !alternative.condition;
      conditions.push_back(alternative.condition);
    }
    if (!is_any) continue;
    narrowed.push_back(type);
    if (is_all) {
      test->args.push_back(nullptr);
    } else if (conditions.size() == 1) {
      test->args.push_back(conditions.front());
    } else {
      test->args.push_back(
          operator_expr(cep::Op::kOr, plain_type(TypeKind::kBool), std::move(conditions)));
    }
  }
  test->payload = cep::KindTest{narrowed};
  types = std::move(narrowed);
  return test;
}

std::optional<std::size_t> find_loop(const ExprContext& c, const tree::AggregateCall& call) {
  if (!c.scope.rule || call.of) return std::nullopt;
  const RuleScope& rule = *c.scope.rule;
  if (call.subjects.size() == 1 && call.subjects.front().form == tree::KindForm::kNamed) {
    const auto found = rule.step_by_name.find(call.subjects.front().name.text);
    if (found != rule.step_by_name.end()) {
      note_use(c.context, call.subjects.front().name.span, rule.steps[found->second].span);
      return found->second;
    }
  }
  if (!call.argument) return std::nullopt;
  const tree::Expr* name = first_step_name(*call.argument, rule);
  if (!name) return std::nullopt;
  return rule.step_by_name.find(name->name.text)->second;
}

void report_without_window(const ExprContext& c, const tree::Expr& expr) {
  const tree::AggregateCall& call = *expr.aggregate;
  const std::string name = cep::aggregate_name(call.name);
  if (!call.of && call.argument && call.argument->kind == ExprKind::kMember &&
      call.argument->args[0]->kind == ExprKind::kName) {
    report_unknown_step(c, call.argument->args[0]->name);  // `sum(prbes.amount)`
    return;
  }
  const bool kinds_known =
      call.of || std::ranges::all_of(call.subjects, [&](const tree::KindRef& ref) {
        return ref.form != tree::KindForm::kNamed || c.context.names.kinds.contains(ref.name.text);
      });
  if (!call.of && !call.subjects.empty() && !kinds_known) {
    std::vector<std::string> candidates;
    for (const StepSymbol& step : c.scope.rule->steps) {
      if (!step.name.empty()) candidates.emplace_back(step.name);
    }
    if (c.context.suggestions_left > 0) {
      const std::size_t steps = candidates.size();
      for (const auto& [kind, symbol] : c.context.names.kinds) candidates.emplace_back(kind);
      std::sort(candidates.begin() + static_cast<std::ptrdiff_t>(steps), candidates.end());
    }
    for (const tree::KindRef& ref : call.subjects) {
      if (c.context.names.kinds.contains(ref.name.text)) continue;
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0204, ref.span,
                          fmt::format("{} is neither a step of this rule nor a kind of event",
                                      in_code(ref.name.text)));
      const bool near = suggest(c.context, diagnostic, ref.name.text, candidates);
      const bool unknown = c.context.names.incomplete || c.scope.rule->steps_incomplete;
      if (near || !unknown) c.context.sink.report(std::move(diagnostic));
      return;
    }
  }
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0411, expr.span, fmt::format("{} over which events?", in_code(name)));
  if (call.of || (!call.subjects.empty() && call.name == cep::Aggregate::kCount)) {
    diagnostic.message = fmt::format("{} over kinds of events needs a window", in_code(name));
    diagnostic.helps.push_back("give the length of the window: `over last 1h`");
  } else {
    diagnostic.helps.push_back(
        fmt::format("of a loop: `{0}(probes{1})`; of kinds: `{0}({2}payment) over last 1h`", name,
                    call.name == cep::Aggregate::kCount ? "" : ".amount",
                    call.name == cep::Aggregate::kCount ? "" : "amount of "));
  }
  c.context.sink.report(std::move(diagnostic));
}

// The kind that `s.KIND` or `s.KIND.field` selects among a loop's or window's events; null where
// the expression does not mention the step so, or mentions it otherwise first.
const tree::Expr* find_selected_kind(const ExprContext& c, const tree::Expr& expr, bool is_count) {
  if (expr.kind == ExprKind::kMember) {
    const tree::Expr& base = *expr.args[0];
    const bool names_kind = expr.name.text != "first" && expr.name.text != "last" &&
                            c.context.names.kinds.contains(expr.name.text);
    if (is_count) return names_kind && find_step(c, base) ? &expr : nullptr;
    if (base.kind == ExprKind::kMember) return find_selected_kind(c, base, true);
  }
  for (const tree::ExprPtr& arg : expr.args) {
    if (const tree::Expr* found = find_selected_kind(c, *arg, is_count)) return found;
  }
  return nullptr;
}

const KindSymbol& selected_kind(const ExprContext& c, const tree::Expr& selected) {
  const KindSymbol& kind = c.context.names.kinds.find(selected.name.text)->second;
  note_use(c.context, selected.name.span, kind.name->span);
  return kind;
}

// Reports an aggregate that a loop does not have.
bool loop_has_aggregate(const ExprContext& c, const tree::AggregateCall& call) {
  const std::string name = cep::aggregate_name(call.name);
  if (call.unless) {
    c.context.sink.report(make_diagnostic(Code::kE0454, call.unless->span,
                                          "`unless alerted by` in an aggregate of a match",
                                          "its events are those that the match took"));
    return false;
  }
  const cep::AggregateTraits& traits = traits_of(call.name);
  if (traits.of_loops) {
    if (call.params.empty()) return true;
    c.context.sink.report(make_diagnostic(Code::kE0311, call.params.front().span,
                                          fmt::format("{} takes nothing more", in_code(name))));
    return false;
  }
  Diagnostic diagnostic = make_diagnostic(Code::kE0412, call.name_span,
                                          fmt::format("{} is of a window's events", in_code(name)),
                                          "of a match's there are too few");
  diagnostic.helps.push_back(
      fmt::format("name the events: `{}(amount of payment, {}) over last 7d`", name,
                  traits.parameter == cep::AggregateParameter::kDecay ? "half life 1d" : "95"));
  c.context.sink.report(std::move(diagnostic));
  return false;
}

Checked check_loop_aggregate(const ExprContext& c, const tree::Expr& expr, std::size_t index) {
  const tree::AggregateCall& call = *expr.aggregate;
  const StepSymbol& step = c.scope.rule->steps[index];
  const std::string name = cep::aggregate_name(call.name);
  const bool is_count = call.name == cep::Aggregate::kCount;
  const SourceSpan at = call.argument ? call.argument->span : expr.span;
  if (step.broken || report_if_later(c, index, at)) return error_type(c, expr);
  if (!step.loop) {
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0408, at,
                        fmt::format("the step {} takes one event: there is nothing to aggregate",
                                    in_code(step.name)));
    diagnostic.labels.push_back({step.span, "no count is written before it"});
    if (!is_count) diagnostic.helps.push_back(fmt::format("write `{}.FIELD`", step.name));
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  if (!loop_has_aggregate(c, call)) return error_type(c, expr);
  const tree::Expr* selected =
      call.argument ? find_selected_kind(c, *call.argument, is_count) : nullptr;
  const bool counts_kind = is_count && selected != nullptr && selected == call.argument.get();
  if (is_count == call.subjects.empty() && !counts_kind) {
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0412, at,
                        is_count ? "`count` takes the loop itself"
                                 : fmt::format("{} of which field?", in_code(name)));
    diagnostic.helps.push_back(is_count
                                   ? fmt::format("write `count({})`", step.name)
                                   : fmt::format("name a field: `{}({}.FIELD)`", name, step.name));
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }

  ExprScope scope;
  scope.place = Place::kElement;
  scope.types = step.types;
  scope.rule = c.scope.rule;
  scope.steps_visible = c.scope.steps_visible;
  scope.pattern_place = c.scope.pattern_place;
  scope.own_step = index;
  std::vector<cep::ExprPtr> conditions;
  if (selected != nullptr) {
    const KindSymbol& kind = selected_kind(c, *selected);
    if (kind.broken) return error_type(c, expr);
    conditions.push_back(in_kind_expr(kind, scope.types));
    scope.own_kind = selected->name.text;
    if (scope.types.empty()) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0412, selected->name.span,
                          fmt::format("{} has no events of the kind {}", in_code(step.name),
                                      in_code(selected->name.text)));
      diagnostic.labels.push_back({step.span, "takes " + types_text(c.context, step.types)});
      c.context.sink.report(std::move(diagnostic));
      return error_type(c, expr);
    }
  }
  const ExprContext inner{c.context, scope};
  auto result = std::make_shared<cep::Expr>();
  result->op = cep::Op::kAggregate;
  result->payload = cep::VariableAggregate{step.var, call.name};
  result->type = plain_type(TypeKind::kInt);
  if (!is_count) {
    const Checked argument = check_expr(inner, *call.argument);
    if (!argument) return error_type(c, expr);
    const std::optional<TypedArgument> typed = type_argument(c.context, call.name, argument);
    if (!typed) return error_type(c, expr);
    result->type = typed->type;
    result->args.push_back(typed->expr);
  }
  if (call.where) {
    const Condition where = check_condition(inner, *call.where);
    if (where.broken) return error_type(c, expr);
    conditions.push_back(where.expr());
  }
  if (cep::ExprPtr condition = conjunction(std::move(conditions))) {
    if (is_count) result->args.push_back(nullptr);
    result->args.push_back(std::move(condition));
  }
  return checked(expr, std::move(result));
}

void report_several_roles(const ExprContext& c, cep::EventTypeIndex type, SourceSpan span) {
  Diagnostic diagnostic = make_diagnostic(
      Code::kE0435, span, fmt::format("in which role is {} counted?", type_name(c.context, type)),
      "an aggregate here is by the rule's key");
  diagnostic.helps.push_back("name one of its roles, as in a step");
  c.context.sink.report(std::move(diagnostic));
}

// Part `i` of the rule's key as the feature's: which field it is in each type that is aggregated.
// Reports where a type has no such field, or several.
std::optional<cep::KeyPart> own_key_part(const ExprContext& c, const FeatureBody& body,
                                         std::size_t i) {
  const RuleScope& rule = *c.scope.rule;
  const cep::KeyPart& part = rule.key->parts[i];
  cep::KeyPart own{.name = part.name, .type = part.type, .members = {}};
  for (const cep::EventTypeIndex type : body.types) {
    const std::optional<std::string> role = role_taken(body.feature, type);
    std::size_t members = 0;
    const KeySymbol* declared = rule.declared_keys[i];
    for (const cep::KeyMember& member :
         declared != nullptr ? members_of(c.context, *declared, type) : rule.union_members[i]) {
      const bool other = role && !role->empty() && !member.role.empty() && member.role != *role;
      if (member.type != type || other) continue;
      ++members;
      // Taken in one role, it has one key.
      own.members.push_back({.type = type, .field = member.field, .role = {}});
    }
    if (members > 1) {
      report_several_roles(c, type, body.kinds_span);
      return std::nullopt;
    }
    if (members == 1) continue;
    if (declared != nullptr) {
      Diagnostic diagnostic =
          outside_of_key(c.context, Code::kE0220, body.kinds_span, *declared, type);
      diagnostic.notes.emplace_back("an aggregate here is by the rule's key");
      c.context.sink.report(std::move(diagnostic));
      return std::nullopt;
    }
    FieldLookup field;
    if (!rule.key_part_is_union[i]) field = look_up_field(c.context, {type}, false, part.name);
    if (field.presence == FieldPresence::kUnknown) return std::nullopt;
    if (field.presence != FieldPresence::kEverywhere || !(field.type == part.type)) {
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0220, body.kinds_span,
          fmt::format("{} has no {} to count by", c.context.event_type(type).name,
                      rule.key_part_is_union[i] ? "part in the key " + in_code(part.name)
                                                : "field " + in_code(part.name)),
          "an aggregate here is by the rule's key");
      diagnostic.notes.push_back(declared_text(c.context, type));
      diagnostic.helps.push_back(
          "declare a `feature` with a key of its own, or add the type to the rule's `by`");
      c.context.sink.report(std::move(diagnostic));
      return std::nullopt;
    }
    own.members.push_back({.type = type, .field = field.field.by_type.front().second, .role = {}});
  }
  return own;
}

// The field of each part of the rule's key in the types that read the feature; nothing where a type
// lacks one.
std::optional<std::vector<FeatureReader>> readers_of(const ExprContext& c, std::size_t parts) {
  std::vector<FeatureReader> readers;
  for (const cep::EventTypeIndex type : c.scope.types) {
    FeatureReader reader{type, {}};
    for (std::size_t i = 0; i < parts; ++i) {
      const cep::KeyPart& part = c.scope.rule->key->parts[i];
      const auto member = std::ranges::find(part.members, type, &cep::KeyMember::type);
      if (member == part.members.end()) return std::nullopt;
      reader.fields.push_back(member->field);
    }
    readers.push_back(std::move(reader));
  }
  return readers;
}

Checked check_unnamed_feature(const ExprContext& c, const tree::Expr& expr) {
  const tree::AggregateCall& call = *expr.aggregate;
  std::optional<FeatureBody> body = check_feature_body(c.context, call, *call.over, c.scope.rule);
  const RuleScope& rule = *c.scope.rule;
  if (!body || rule.key_broken || c.scope.types_broken) return error_type(c, expr);
  cep::Feature& feature = body->feature;
  const bool of_all = call.over->all.has_value();
  const std::size_t parts = of_all ? 0 : rule.key->parts.size();
  for (std::size_t i = 0; i < parts; ++i) {
    std::optional<cep::KeyPart> own = own_key_part(c, *body, i);
    if (!own) return error_type(c, expr);
    feature.key.parts.push_back(*std::move(own));
  }
  for (cep::Subset& subset : feature.events) subset.role.clear();
  const bool by_roles =
      !of_all && std::ranges::any_of(c.scope.types, [&](cep::EventTypeIndex type) {
        return has_roles(*rule.key, type);
      });
  std::vector<FeatureReader> readers;
  if (!by_roles) {
    std::optional<std::vector<FeatureReader>> found = readers_of(c, parts);
    if (!found) return error_type(c, expr);
    readers = *std::move(found);
  }
  if (call.argument) warn_of_distinct_key(c.context, feature, call.argument->span);
  auto read = std::make_shared<cep::Expr>();
  read->op = cep::Op::kFeature;
  read->type = feature.type;
  const std::string meaning = feature_meaning(c.context, *body);
  read->payload = cep::FeatureRead{
      c.context.features.add_unnamed(std::move(feature), meaning, readers, body->unless)};
  if (by_roles) {
    // An event of several keys: the one that the rule is looking at.
    for (std::size_t i = 0; i < rule.key->parts.size(); ++i) {
      auto key = std::make_shared<cep::Expr>();
      key->op = cep::Op::kKey;
      key->type = rule.key->parts[i].type;
      key->payload = cep::KeyRead{static_cast<std::uint32_t>(i)};
      read->args.push_back(std::move(key));
    }
  }
  return checked(expr, std::move(read));
}
}  // namespace

Checked check_aggregate(const ExprContext& c, const tree::Expr& expr) {
  const tree::AggregateCall& call = *expr.aggregate;
  if (c.scope.place == Place::kComputed) {
    report_not_computed(c, call.name_span, "an aggregate");
    return error_type(c, expr);
  }
  if (c.scope.place == Place::kKind || c.scope.place == Place::kAggregate ||
      c.scope.place == Place::kElement) {
    const bool in_kind = c.scope.place == Place::kKind;
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0456, call.name_span,
        in_kind ? "an aggregate in a kind's condition" : "an aggregate inside an aggregate",
        in_kind ? "a kind is known from the event alone" : "");
    diagnostic.helps.emplace_back(in_kind
                                      ? "ask in the condition of a rule's step"
                                      : "declare the inner one as a `feature` and name it here");
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  if (call.over) return check_unnamed_feature(c, expr);
  if (const auto step = find_loop(c, call)) return check_loop_aggregate(c, expr, *step);
  if (call.argument && call.argument->kind == ExprKind::kError) return error_type(c, expr);
  report_without_window(c, expr);
  return error_type(c, expr);
}
}  // namespace tocsin::rules
