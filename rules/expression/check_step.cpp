// Other steps of the pattern: their fields, the events of loops, `prev`, `since`.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rules/context/build_expr.h"
#include "rules/context/occurrences.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/expression_parts.h"

namespace tocsin::rules {
using cep::Op;
using cep::TypeKind;
using tree::ExprKind;

namespace {
bool sees_steps(Place place) {
  return place == Place::kStep || place == Place::kAbsence || place == Place::kMatch ||
         place == Place::kElement || place == Place::kWhile;
}

std::optional<std::size_t> look_up_step(const ExprContext& c, const tree::Expr& expr) {
  if (expr.kind != ExprKind::kName || !c.scope.rule) return std::nullopt;
  const auto found = c.scope.rule->step_by_name.find(expr.name.text);
  if (found == c.scope.rule->step_by_name.end()) return std::nullopt;
  return found->second;
}

Checked check_prev(const ExprContext& c, const tree::Expr& expr) {
  const bool in_loop = c.scope.place == Place::kStep && c.scope.rule->steps[*c.scope.own_step].loop;
  if (!in_loop) {
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0405, expr.args[0]->span, "`prev` outside the condition of a loop");
    diagnostic.helps.push_back(
        "it is the event before in the same loop: `3 payment where amount > prev.amount`");
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  return field_of(c, expr, c.scope.types, c.scope.types_broken, Op::kPrev);
}

Checked error_of_feature(const ExprContext& c, const tree::Expr& expr, const StepSymbol& step,
                         SourceSpan at) {
  Diagnostic diagnostic = make_diagnostic(
      Code::kE0204, at,
      fmt::format("the step {} is not known inside this aggregate", in_code(step.name)),
      "a feature is the same for every match");
  diagnostic.helps.push_back("compare outside of it");
  c.context.sink.report(std::move(diagnostic));
  return error_type(c, expr);
}

Checked check_step_field(const ExprContext& c, const tree::Expr& expr, std::size_t index) {
  const StepSymbol& step = c.scope.rule->steps[index];
  if (step.broken) return error_type(c, expr);
  const SourceSpan at = expr.args[0]->span;
  if (!sees_steps(c.scope.place)) return error_of_feature(c, expr, step, at);
  if (std::optional<Checked> key = find_key(c, expr.name, expr.span)) return std::move(*key);
  const bool own = c.scope.own_step == index;
  ValueSymbol* const feature = feature_of_step(c, expr, step);
  if (own && feature != nullptr) return read_feature(c, expr, *feature);
  if (own) return field_of(c, expr, step.types, step.broken, Op::kField);
  if (report_if_later(c, index, at)) return error_type(c, expr);
  constexpr std::string_view kTotals[] = {"count", "sum", "avg", "min", "max", "distinct"};
  if (step.loop && std::ranges::find(kTotals, expr.name.text) != std::end(kTotals) &&
      look_up_field(c.context, step.types, step.broken, expr.name.text).presence ==
          FieldPresence::kNowhere) {
    const bool count = expr.name.text == "count";
    const std::string meant = count ? fmt::format("count({})", step.name)
                                    : fmt::format("{}({}.FIELD)", expr.name.text, step.name);
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0406, expr.span,
                        fmt::format("{} is an aggregate, no field of the loop {}",
                                    in_code(expr.name.text), in_code(step.name)),
                        fmt::format("write `{}`", meant));
    if (count) diagnostic.edit = Edit{expr.span, meant};
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  if (step.loop) {
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0406, expr.span,
                        fmt::format("the loop {} has several events: which one's {}?",
                                    in_code(step.name), in_code(expr.name.text)));
    diagnostic.helps.push_back(
        fmt::format("write `{0}.first.{1}` or `{0}.last.{1}`, or an aggregate: `sum({0}.{1})`",
                    step.name, expr.name.text));
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  if (feature != nullptr) {
    return read_feature_of_step(c, expr, *feature, step, cep::Which::kOnly);
  }
  const Checked field = field_of(c, expr, step.types, step.broken, Op::kBound);
  if (!field) return error_type(c, expr);
  auto bound = std::make_shared<cep::Expr>(*field.expr);
  bound->as<cep::BoundField>().var = step.var;
  return {std::move(bound), expr.span, field.declared};
}

Checked check_loop_event(const ExprContext& c, const tree::Expr& expr, std::size_t index,
                         cep::Which which) {
  const StepSymbol& step = c.scope.rule->steps[index];
  if (step.broken) return error_type(c, expr);
  const SourceSpan at = expr.args[0]->args[0]->span;
  const std::string& word = expr.args[0]->name.text;
  if (c.scope.place == Place::kComputed) {
    report_not_computed(c, expr.span, "a feature");
    return error_type(c, expr);
  }
  if (!sees_steps(c.scope.place)) return error_of_feature(c, expr, step, at);
  if (report_if_later(c, index, at)) return error_type(c, expr);
  if (!step.loop) {
    Diagnostic diagnostic = make_diagnostic(Code::kE0409, expr.args[0]->name.span,
                                            fmt::format("the step {} takes one event: it has no {}",
                                                        in_code(step.name), in_code(word)));
    diagnostic.helps.push_back(fmt::format("write `{}.{}`", step.name, expr.name.text));
    diagnostic.edit = Edit{expr.span, fmt::format("{}.{}", step.name, expr.name.text)};
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  if (ValueSymbol* const feature = feature_of_step(c, expr, step)) {
    return read_feature_of_step(c, expr, *feature, step, which);
  }
  const Checked field = field_of(c, expr, step.types, step.broken, Op::kBound);
  if (!field) return error_type(c, expr);
  auto bound = std::make_shared<cep::Expr>(*field.expr);
  bound->as<cep::BoundField>().var = step.var;
  bound->as<cep::BoundField>().which = which;
  return {std::move(bound), expr.span, field.declared};
}
}  // namespace

std::optional<std::size_t> find_step(const ExprContext& c, const tree::Expr& expr) {
  const std::optional<std::size_t> step = look_up_step(c, expr);
  if (step) note_use(c.context, expr.name.span, c.scope.rule->steps[*step].span);
  return step;
}

std::optional<std::size_t> find_step_alone(const ExprContext& c, const tree::Expr& expr) {
  const std::optional<std::size_t> step = look_up_step(c, expr);
  if (!step || !sees_steps(c.scope.place)) return std::nullopt;
  const std::string& name = expr.name.text;
  if (find_key(c, expr.name, expr.span) || c.context.names.values.contains(name))
    return std::nullopt;
  const FieldLookup field = look_up_field(c.context, c.scope.types, c.scope.types_broken, name);
  const bool is_field =
      field.presence != FieldPresence::kNowhere && field.presence != FieldPresence::kUnknown;
  return is_field ? std::nullopt : find_step(c, expr);
}

// `raise is known`: whether the step took an event.
Checked check_step_presence(const ExprContext& c, const tree::Expr& expr, std::size_t index,
                            bool known) {
  const StepSymbol& step = c.scope.rule->steps[index];
  if (step.broken) return error_type(c, expr);
  if (report_if_later(c, index, expr.args[0]->span)) return error_type(c, expr);
  auto bound = std::make_shared<cep::Expr>();
  bound->op = Op::kIsBound;
  bound->type = plain_type(TypeKind::kBool);
  bound->payload = cep::VariableTest{step.var};
  if (known) return checked(expr, std::move(bound));
  return checked(expr, operator_expr(Op::kNot, plain_type(TypeKind::kBool), {std::move(bound)}));
}

bool report_if_later(const ExprContext& c, std::size_t step, SourceSpan span) {
  const StepSymbol& taken = c.scope.rule->steps[step];
  if (c.scope.place == Place::kWhile) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0434, span, fmt::format("the step {} in `once while`", in_code(taken.name)),
        "it is evaluated for every event, without a match");
    diagnostic.labels.push_back({taken.span, "taken here"});
    diagnostic.helps.push_back("name fields of the event, the key and features");
    c.context.sink.report(std::move(diagnostic));
    return true;
  }
  Sight sight = step < c.scope.steps_visible ? Sight::kSeen : Sight::kLater;
  if (c.scope.pattern_place != nullptr) sight = sight_of(*c.scope.pattern_place, taken);
  if (sight == Sight::kSeen) return false;
  if (sight != Sight::kLater) {
    const bool alternative = sight == Sight::kOtherAlternative;
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0424, span,
        alternative
            ? fmt::format("the step {} is of another alternative", in_code(taken.name))
            : fmt::format("the step {} may be done before or after this one", in_code(taken.name)),
        alternative ? "a match has one of them" : "it may not have an event here");
    diagnostic.labels.push_back({taken.span, "taken here"});
    diagnostic.helps.push_back("write the condition in `having`, or in a step after the braces");
    c.context.sink.report(std::move(diagnostic));
    return true;
  }
  Diagnostic diagnostic = make_diagnostic(
      Code::kE0209, span, fmt::format("the step {} comes later", in_code(taken.name)),
      "it has no event here yet");
  diagnostic.labels.push_back({taken.span, "taken here"});
  diagnostic.helps.push_back("write this in the condition of the later step, or in `having`");
  c.context.sink.report(std::move(diagnostic));
  return true;
}

void report_unknown_step(const ExprContext& c, const tree::Name& name) {
  std::vector<std::string> candidates;
  const StepSymbol* unnamed = nullptr;
  if (c.scope.rule && sees_steps(c.scope.place)) {
    for (const StepSymbol& step : c.scope.rule->steps) {
      if (!step.name.empty()) candidates.emplace_back(step.name);
      if (step.name.empty() && step.kind == name.text) unnamed = &step;
    }
  }
  Diagnostic diagnostic = make_diagnostic(Code::kE0204, name.span,
                                          fmt::format("no step is named {}", in_code(name.text)));
  const auto value = c.context.names.values.find(name.text);
  const StepSymbol* of_kind = nullptr;
  if (c.scope.rule && sees_steps(c.scope.place)) {
    for (const StepSymbol& step : c.scope.rule->steps) {
      const bool one = step.types.size() == 1;
      if (!step.name.empty() && one && c.context.event_type(step.types.front()).name == name.text)
        of_kind = &step;
    }
  }
  constexpr std::string_view kThis[] = {"event", "this", "self", "e", "it", "row", "current"};
  const bool is_this = std::ranges::find(kThis, name.text) != std::end(kThis);
  if (unnamed) {
    diagnostic.labels.push_back({unnamed->span, "this step has no name"});
    diagnostic.helps.push_back(
        fmt::format("give it one: `{} as {}`", name.text, name.text.substr(0, 1)));
  } else if (of_kind != nullptr) {
    diagnostic.primary.text = fmt::format("write `{}`", of_kind->name);
    diagnostic.labels.push_back({of_kind->span, "its events have this name here"});
    diagnostic.edit = Edit{name.span, std::string(of_kind->name)};
  } else if (value != c.context.names.values.end()) {
    const ValueForm form = value->second.form;
    diagnostic.message = fmt::format("{} is a {}, no step", in_code(name.text),
                                     form == ValueForm::kFeature ? "feature"
                                     : form == ValueForm::kTable ? "table"
                                     : form == ValueForm::kList  ? "list"
                                                                 : "constant");
    diagnostic.labels.push_back({value->second.name->span, "declared here"});
    diagnostic.helps.push_back(
        form == ValueForm::kFeature
            ? fmt::format("its value for this event's key is `{0}`, for another "
                          "key `{0}(FIELD)`",
                          name.text)
        : form == ValueForm::kTable
            ? fmt::format("a cell is read by its key: `{}[FIELD].COLUMN`", name.text)
        : form == ValueForm::kList
            ? fmt::format("a list is written after `in`: `… in {}`", name.text)
            : fmt::format("its value is `{}`", name.text));
  } else if (is_this) {
    diagnostic.helps.emplace_back(
        "the fields of a step's own event are written alone: `amount`, not `event.amount`");
  } else if (!suggest(c.context, diagnostic, name.text, candidates)) {
    if (c.scope.rule && c.scope.rule->steps_incomplete) return;
    if (candidates.empty()) {
      const bool known =
          c.scope.rule && !c.scope.rule->steps.empty() && !c.scope.rule->steps.front().kind.empty();
      const std::string kind(known ? c.scope.rule->steps.front().kind : "payment");
      diagnostic.helps.push_back(
          fmt::format("a step gets a name by `as`: `{} as {}`", kind, kind.substr(0, 1)));
    } else {
      diagnostic.helps.push_back("the steps here are " + one_of(candidates));
    }
  }
  c.context.sink.report(std::move(diagnostic));
}

Checked check_member(const ExprContext& c, const tree::Expr& expr) {
  const tree::Expr& base = *expr.args[0];
  switch (base.kind) {
    case ExprKind::kError:
      return error_type(c, expr);
    case ExprKind::kPrev:
      return check_prev(c, expr);
    case ExprKind::kName: {
      if (const auto step = find_step(c, base)) return check_step_field(c, expr, *step);
      if (c.context.names.incomplete && !c.scope.rule) return error_type(c, expr);
      report_unknown_step(c, base.name);
      return error_type(c, expr);
    }
    case ExprKind::kMember: {
      const std::string& which = base.name.text;
      const tree::Expr& inner = *base.args[0];
      if (inner.kind == ExprKind::kName && (which == "first" || which == "last")) {
        if (const auto step = find_step(c, inner)) {
          return check_loop_event(c, expr, *step,
                                  which == "first" ? cep::Which::kFirst : cep::Which::kLast);
        }
        report_unknown_step(c, inner.name);
        return error_type(c, expr);
      }
      // `s.KIND.field`, in an aggregate over the events of that kind.
      const bool is_element = c.scope.place == Place::kElement && which == c.scope.own_kind;
      if (is_element && find_step(c, inner) == c.scope.own_step) {
        return field_of(c, expr, c.scope.types, c.scope.types_broken, Op::kField);
      }
      break;
    }
    case ExprKind::kIndex:
      return check_cell(c, expr);
    default:
      break;
  }
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0204, base.span, "only a step's event has fields");
  diagnostic.labels.push_back({expr.name.span, "read as a field here"});
  if (base.kind == ExprKind::kCall && c.context.names.values.contains(base.name.text) &&
      c.context.names.values.find(base.name.text)->second.form == ValueForm::kTable) {
    const std::string arguments =
        base.args.empty()
            ? std::string()
            : written_at(c.context.sources, {base.span.file, base.args.front()->span.begin,
                                             base.args.back()->span.end});
    diagnostic.message = fmt::format("{} is a table, not a function", in_code(base.name.text));
    diagnostic.labels.clear();
    diagnostic.helps.push_back(fmt::format("a cell is read by its key: `{}[{}].{}`", base.name.text,
                                           arguments.empty() ? "FIELD" : arguments,
                                           expr.name.text));
  }
  c.context.sink.report(std::move(diagnostic));
  return error_type(c, expr);
}

Checked check_since(const ExprContext& c, const tree::Expr& expr) {
  if (!check_count(c, expr, 1, 1, "since(login)")) return error_type(c, expr);
  const tree::Expr* name = expr.args[0].get();
  std::optional<cep::Which> which;
  if (name->kind == ExprKind::kMember && name->args[0]->kind == ExprKind::kName &&
      (name->name.text == "first" || name->name.text == "last") && find_step(c, *name->args[0])) {
    which = name->name.text == "first" ? cep::Which::kFirst : cep::Which::kLast;
    name = name->args[0].get();
  }
  const auto index = find_step(c, *name);
  if (!index) {
    if (name->kind == ExprKind::kError) return error_type(c, expr);
    if (name->kind == ExprKind::kName) {
      report_unknown_step(c, name->name);
      return error_type(c, expr);
    }
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0204, name->span, "`since` asks for a step's event");
    diagnostic.helps.push_back("write `since(login)`; times are subtracted: `ts - login.ts`");
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  const StepSymbol& step = c.scope.rule->steps[*index];
  if (step.broken || c.scope.types_broken) return error_type(c, expr);
  if (c.scope.place == Place::kKind || c.scope.place == Place::kComputed ||
      c.scope.place == Place::kAggregate || c.scope.place == Place::kElement) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0204, name->span,
        fmt::format("the step {} is not known inside this aggregate", in_code(step.name)));
    diagnostic.helps.push_back("compare outside of it");
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  const bool own = c.scope.own_step == *index;
  if (!own && report_if_later(c, *index, name->span)) return error_type(c, expr);
  if (step.loop != which.has_value() && !(own && !which)) {
    Diagnostic diagnostic = make_diagnostic(
        step.loop ? Code::kE0406 : Code::kE0409, expr.args[0]->span,
        step.loop
            ? fmt::format("the loop {} has several events: since which one?", in_code(step.name))
            : fmt::format("the step {} takes one event", in_code(step.name)));
    diagnostic.helps.push_back(
        step.loop ? fmt::format("write `since({0}.first)` or `since({0}.last)`", step.name)
                  : fmt::format("write `since({})`", step.name));
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  const auto time_of = [&](const EventTypes& types) {
    cep::FieldRef time;
    for (const cep::EventTypeIndex type : types) {
      const cep::EventType& event = c.context.event_type(type);
      if (time.name.empty()) time.name = event.fields[event.time_field.value].name;
      time.by_type.emplace_back(type, event.time_field);
    }
    return time;
  };
  const cep::Type type = plain_type(TypeKind::kTime);
  cep::ExprPtr then = field_expr(type, time_of(step.types));
  if (!own || which == cep::Which::kFirst) {
    auto bound = std::make_shared<cep::Expr>();
    bound->op = Op::kBound;
    bound->type = type;
    bound->payload =
        cep::BoundField{step.var, which.value_or(cep::Which::kOnly), time_of(step.types)};
    then = std::move(bound);
  }
  return checked(expr, operator_expr(Op::kSubtract, plain_type(TypeKind::kDuration),
                                     {field_expr(type, time_of(c.scope.types)), then}));
}
}  // namespace tocsin::rules
