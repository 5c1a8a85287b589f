#include "rules/check_features.h"

#include <fmt/format.h>

#include <algorithm>

#include "rules/check_expression.h"
#include "rules/check_kinds.h"
#include "rules/contradiction.h"
#include "rules/report.h"
#include "rules/types.h"

namespace tocsin::rules {
using cep::Type;
using cep::TypeKind;

namespace {
// Reports what this version's windows cannot do; false where there is any of it.
bool window_is_available(CheckContext& context, const tree::Window& window) {
  const auto refuse = [&](SourceSpan span, const char* what) {
    report_unavailable(context, span, what,
                       "this version has `over last D`, such as `over last 10m`");
    return false;
  };
  switch (window.form) {
    case tree::RangeForm::kLast:
      break;
    case tree::RangeForm::kLastEvents:
      return refuse(window.span, "last N events");
    case tree::RangeForm::kPrevious:
    case tree::RangeForm::kPreviousEvents:
    case tree::RangeForm::kPreviousEver:
      return refuse(window.form_span, "previous");
    case tree::RangeForm::kTumbling:
      return refuse(window.form_span, "tumbling");
    case tree::RangeForm::kToday:
      return refuse(window.form_span, "today");
    case tree::RangeForm::kSession:
      return refuse(window.form_span, "session");
    case tree::RangeForm::kEver:
      return refuse(window.form_span, "ever");
  }
  if (window.excluding) return refuse(window.excluding->span, "excluding last");
  if (window.every) return refuse(window.every->span, "every");
  if (window.needs) return refuse(window.needs->span, "needs N events");
  return true;
}

// The type of the aggregate over an argument of this type; nothing, with a report, where it has
// none.
std::optional<Type> type_of_aggregate(CheckContext& context, cep::Aggregate aggregate,
                                      const Checked& argument) {
  const Type& type = argument.type();
  if (type.kind == TypeKind::kFraction) {
    report_unavailable(context, argument.span, "an aggregate over a quotient",
                       "divide what the aggregate gives");
    return std::nullopt;
  }
  if (!is_number(type)) {
    context.sink.report(make_diagnostic(
        Code::kE0308, argument.span,
        fmt::format("{} needs numbers", aggregate == cep::Aggregate::kSum ? "`sum`" : "`avg`"),
        type_label(context, argument)));
    return std::nullopt;
  }
  if (aggregate == cep::Aggregate::kSum) return type;
  return plain_type(type.kind == TypeKind::kFloat ? TypeKind::kFloat : TypeKind::kFraction);
}

tree::Kinds kinds_of_subjects(const tree::AggregateCall& call) {
  tree::Kinds kinds;
  kinds.refs = call.subjects;
  if (!call.subjects.empty()) {
    kinds.span = call.subjects.front().span;
    kinds.span.end = call.subjects.back().span.end;
  }
  return kinds;
}

void check_feature(CheckContext& context, const tree::Feature& tree, ValueSymbol& symbol) {
  symbol.broken = true;  // until it is known to be right
  if (!tree.aggregate || tree.aggregate->kind != tree::ExprKind::kAggregate) return;
  const tree::AggregateCall& call = *tree.aggregate->aggregate;
  std::optional<FeatureBody> body = check_feature_body(context, call, tree.window, nullptr);
  if (!body) return;
  cep::Feature& feature = body->feature;
  feature.name = tree.name.text;
  for (const tree::Name& name : tree.by) {
    const bool repeated = std::ranges::any_of(
        feature.key.parts, [&](const cep::KeyPart& part) { return part.name == name.text; });
    if (repeated) {
      context.sink.report(make_diagnostic(
          Code::kE0215, name.span, fmt::format("{} stands twice in the key", in_code(name.text))));
      return;
    }
    const FieldLookup field = look_up_field(context, body->types, false, name.text);
    if (field.presence == FieldPresence::kUnknown) return;
    if (field.presence != FieldPresence::kEverywhere) {
      const bool nowhere = field.presence == FieldPresence::kNowhere;
      const cep::EventTypeIndex without = nowhere ? body->types.front() : field.without;
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0220, name.span,
                          field.presence == FieldPresence::kMixed
                              ? fmt::format("{} has different types in {}", in_code(name.text),
                                            types_text(context, body->types))
                              : fmt::format("{} has no field {}", context.event_type(without).name,
                                            in_code(name.text)));
      suggest(context, diagnostic, name.text, field_names(context, body->types));
      diagnostic.labels.push_back({body->kinds_span, "the feature takes these"});
      diagnostic.notes.push_back(declared_text(context, without));
      context.sink.report(std::move(diagnostic));
      return;
    }
    cep::KeyPart part{.name = name.text, .type = field.type, .members = {}};
    for (const auto& [type, index] : field.field.by_type) {
      part.members.push_back({.type = type, .field = index, .role = {}});
    }
    feature.key.parts.push_back(std::move(part));
  }
  if (tree.broken) return;
  symbol.feature = context.features.add_named(std::move(feature));
  symbol.broken = false;
}
}  // namespace

std::optional<cep::Aggregate> available_aggregate(CheckContext& context, tree::AggregateName name,
                                                  SourceSpan span) {
  switch (name) {
    case tree::AggregateName::kCount:
      return cep::Aggregate::kCount;
    case tree::AggregateName::kSum:
      return cep::Aggregate::kSum;
    case tree::AggregateName::kAvg:
      return cep::Aggregate::kAvg;
    default:
      report_unavailable(context, span, tree::aggregate_text(name),
                         "features of this version are `count`, `sum` and `avg`");
      return std::nullopt;
  }
}

std::optional<FeatureBody> check_feature_body(CheckContext& context,
                                              const tree::AggregateCall& call,
                                              const tree::Window& window, const RuleScope* rule) {
  const auto aggregate = available_aggregate(context, call.name, call.name_span);
  if (!aggregate || !window_is_available(context, window)) return std::nullopt;
  if (!window.duration) return std::nullopt;
  if (!require_positive(context, *window.duration, "last")) return std::nullopt;
  if (call.unless) {
    report_unavailable(context, call.unless->span, "unless alerted by");
    return std::nullopt;
  }
  const bool is_count = *aggregate == cep::Aggregate::kCount;
  const std::string name = tree::aggregate_text(call.name);
  if (is_count ? call.of.has_value() || call.subjects.empty() : !call.of || !call.argument) {
    if (call.argument && call.argument->kind == tree::ExprKind::kError) return std::nullopt;
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0412, call.argument ? call.argument->span : call.name_span,
                        is_count ? "`count` takes kinds of events"
                                 : fmt::format("{} of which events?", in_code(name)));
    diagnostic.helps.push_back(is_count
                                   ? "write `count(payment)` or `count(payment where amount > 5)`"
                                   : fmt::format("write `{}(amount of payment)`", name));
    context.sink.report(std::move(diagnostic));
    return std::nullopt;
  }
  if (!call.params.empty()) {
    context.sink.report(make_diagnostic(Code::kE0311, call.params.front().span,
                                        fmt::format("{} takes nothing more", in_code(name))));
    return std::nullopt;
  }

  FeatureBody body;
  const tree::Kinds kinds = call.of ? *call.of : kinds_of_subjects(call);
  body.kinds_span = kinds.span;
  ResolvedKinds resolved = resolve_kinds(context, kinds, rule);
  body.types = resolved.types;
  ExprScope scope;
  scope.place = Place::kAggregate;
  scope.types = resolved.types;
  scope.types_broken = resolved.broken;
  scope.rule = rule;
  ExpressionChecker checker(context, scope);
  bool broken = resolved.broken;
  cep::Feature& feature = body.feature;
  feature.aggregate = *aggregate;
  feature.type = plain_type(TypeKind::kInt);
  if (!is_count) {
    const Checked argument = checker.check(*call.argument);
    const std::optional<Type> type =
        argument ? type_of_aggregate(context, *aggregate, argument) : std::nullopt;
    broken = broken || !type;
    if (type) feature.type = *type;
    feature.argument = argument.expr;
  }
  if (call.where) {
    const Condition where = checker.check_condition(*call.where);
    broken = broken || where.broken;
    if (!where.broken) {
      for (const KindAlternative* alternative : resolved.alternatives) {
        std::vector<Conjunct> all = alternative->conjuncts;
        all.insert(all.end(), where.conjuncts.begin(), where.conjuncts.end());
        if (warn_of_contradiction(context, all, alternative->conjuncts.size())) break;
      }
    }
    feature.where = where.expr();
  }
  if (broken) return std::nullopt;
  feature.events = std::move(resolved.subsets);
  feature.window.kind = cep::WindowKind::kLast;
  feature.window.duration = window.duration->value;
  return body;
}

std::string feature_meaning(const CheckContext& context, const cep::Feature& feature) {
  const auto text = [&](const cep::ExprPtr& expr) {
    return expr ? cep::describe(context.plan, *expr) : std::string("-");
  };
  std::string meaning =
      fmt::format("{} {} where {} over {}", static_cast<int>(feature.aggregate),
                  text(feature.argument), text(feature.where), feature.window.duration->us);
  for (const cep::Subset& subset : feature.events) {
    meaning += fmt::format(" of {} {}", subset.type.value, text(subset.condition));
  }
  for (const cep::KeyPart& part : feature.key.parts) {
    meaning += " by " + part.name;
    for (const cep::KeyMember& member : part.members) {
      meaning += fmt::format(" {}.{}", member.type.value, member.field.value);
    }
  }
  return meaning;
}

void check_features(CheckContext& context, const std::vector<const tree::Feature*>& features) {
  for (const tree::Feature* feature : features) {
    const auto found = context.names.values.find(feature->name.text);
    const bool own = found != context.names.values.end() && found->second.name == &feature->name;
    if (own) {
      check_feature(context, *feature, found->second);
    } else {
      ValueSymbol repeated;  // declared twice: its own mistakes are still told
      repeated.name = &feature->name;
      repeated.form = ValueForm::kFeature;
      check_feature(context, *feature, repeated);
    }
  }
}
}  // namespace tocsin::rules
