// Names in expressions: words of enums, fields, the rule's key, constants, features, and the events
// of other steps.
#include <fmt/format.h>

#include <algorithm>

#include "rules/context/build_expr.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/check_expression.h"
#include "rules/syntax/foreign_names.h"

namespace tocsin::rules {
using cep::Op;
using cep::Type;
using cep::TypeKind;
using tree::ExprKind;

namespace {
bool sees_steps(Place place) {
  return place == Place::kStep || place == Place::kAbsence || place == Place::kMatch ||
         place == Place::kElement || place == Place::kWhile;
}
}  // namespace

// ---- literals and words

Checked ExpressionChecker::check_literal(const tree::Expr& expr, const Type* words) {
  const cep::Value value = expr.literal.view();
  if (words && value.kind == cep::ValueKind::kString) {
    const std::string text(value.text);
    if (word_of(*words, text)) return checked(expr, word_expr(*words, text));
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0305, expr.span, fmt::format("{} has no word `\"{}\"`", type_text(*words), text));
    suggest(context_, diagnostic, text, *words->words);
    if (diagnostic.edit) diagnostic.edit->text = fmt::format("\"{}\"", diagnostic.edit->text);
    context_.sink.report(std::move(diagnostic));
    return error(expr);
  }
  if (value.is_missing()) return error(expr);
  return checked(expr, literal_expr(type_of_value(value), value));
}

std::optional<Checked> ExpressionChecker::find_word(const tree::Expr& expr, const std::string& text,
                                                    const Type& words) {
  if (!word_of(words, text)) return std::nullopt;
  const FieldLookup field = look_up_field(context_, scope_.types, scope_.types_broken, text);
  if (field.presence == FieldPresence::kEverywhere && expr.kind == ExprKind::kName) {
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0001, expr.span,
                        fmt::format("{} is a word and a field: the word is taken", in_code(text)),
                        "the word of " + type_text(words));
    diagnostic.labels.push_back({field.declared, "the field"});
    diagnostic.helps.push_back("a field is meant by its step's name too: `p." + text + "`");
    context_.sink.report(std::move(diagnostic));
  }
  return checked(expr, word_expr(words, text));
}

// ---- bare names

std::optional<Checked> ExpressionChecker::find_key(const tree::Name& name, SourceSpan span) const {
  if (!scope_.rule || !sees_steps(scope_.place) || !scope_.rule->key) return std::nullopt;
  const std::vector<cep::KeyPart>& parts = scope_.rule->key->parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!scope_.rule->key_part_is_union[i] || parts[i].name != name.text) continue;
    if (scope_.rule->key_broken) return Checked{nullptr, span, std::nullopt};
    auto key = std::make_shared<cep::Expr>();
    key->op = Op::kKey;
    key->type = parts[i].type;
    key->payload = cep::KeyRead{static_cast<std::uint32_t>(i)};
    return Checked{std::move(key), span, std::nullopt};
  }
  return std::nullopt;
}

void ExpressionChecker::warn_hidden(const tree::Name& name, const FieldLookup& field) {
  const auto hidden = context_.names.values.find(name.text);
  if (hidden == context_.names.values.end()) return;
  if (!context_.hidden_names.insert(name.text).second) return;
  Diagnostic diagnostic = make_diagnostic(
      Code::kW0002, name.span, fmt::format("the field {} hides another name", in_code(name.text)),
      "the field is taken");
  diagnostic.labels.push_back({hidden->second.name->span, "hidden"});
  diagnostic.labels.push_back({field.declared, "the field"});
  diagnostic.helps.push_back("rename one of them");
  context_.sink.report(std::move(diagnostic));
}

Checked ExpressionChecker::check_name(const tree::Expr& expr, const Type* words) {
  const std::string& name = expr.name.text;
  if (words) {
    if (std::optional<Checked> word = find_word(expr, name, *words)) return std::move(*word);
  }
  if (std::optional<Checked> key = find_key(expr.name, expr.span)) return std::move(*key);
  const FieldLookup field = look_up_field(context_, scope_.types, scope_.types_broken, name);
  const bool nowhere =
      field.presence == FieldPresence::kNowhere || field.presence == FieldPresence::kUnknown;
  if (!nowhere) {
    if (field.presence == FieldPresence::kEverywhere) warn_hidden(expr.name, field);
    return field_of(expr, scope_.types, scope_.types_broken, Op::kField);
  }
  const auto symbol = context_.names.values.find(name);
  if (symbol != context_.names.values.end()) return check_value_symbol(expr, symbol->second, words);
  if (field.presence == FieldPresence::kUnknown) return error(expr);
  if (const auto step = find_step(expr)) {
    const StepSymbol& taken = scope_.rule->steps[*step];
    if (taken.broken) return error(expr);
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0406, expr.span, fmt::format("{} is a step's event, not a value", in_code(name)));
    diagnostic.helps.push_back(
        taken.loop ? fmt::format("say what of the loop: `count({0})`, `{0}.first.FIELD`", name)
                   : fmt::format("name one of its fields: `{}.FIELD`", name));
    context_.sink.report(std::move(diagnostic));
    return error(expr);
  }
  report_unknown_name(expr, words);
  return error(expr);
}

void ExpressionChecker::report_unknown_name(const tree::Expr& expr, const Type* words) {
  const std::string& name = expr.name.text;
  std::vector<std::string> candidates;
  if (words) candidates = *words->words;
  std::vector<std::string> fields = field_names(context_, scope_.types);
  candidates.insert(candidates.end(), fields.begin(), fields.end());
  const std::vector<std::string> others =
      value_names(context_, {ValueForm::kConst, ValueForm::kFeature});
  candidates.insert(candidates.end(), others.begin(), others.end());

  const std::string has_no = fmt::format("{} {} no field {}", types_text(context_, scope_.types),
                                         scope_.types.size() == 1 ? "has" : "have", in_code(name));
  Diagnostic diagnostic =
      words ? make_diagnostic(Code::kE0305, expr.span,
                              fmt::format("{} has no word {}", type_text(*words), in_code(name)))
            : make_diagnostic(Code::kE0201, expr.span, has_no);
  if (std::optional<Diagnostic> foreign = foreign_name(name, expr.span)) {
    context_.sink.report(std::move(*foreign));
    return;
  }
  const bool near = suggest(context_, diagnostic, name, candidates);
  // Perhaps a step that could not be read, or the key, which has been complained of.
  const bool may_be_step =
      scope_.rule && (scope_.rule->steps_incomplete || scope_.rule->key_broken);
  if (!near && (context_.names.incomplete || may_be_step)) return;
  const bool capital = std::ranges::any_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!near && !words && capital) {
    diagnostic.helps.push_back(fmt::format("text stands in quotes: `\"{}\"`", name));
  }
  if (words) {
    diagnostic.notes.push_back(has_no);
  } else if (!scope_.types.empty()) {
    diagnostic.notes.push_back(declared_text(context_, scope_.types.front()));
  }
  context_.sink.report(std::move(diagnostic));
}

Checked ExpressionChecker::check_value_symbol(const tree::Expr& expr, ValueSymbol& symbol,
                                              const Type* words) {
  const std::string& name = expr.name.text;
  switch (symbol.form) {
    case ValueForm::kConst: {
      if (symbol.broken) return error(expr);
      const ConstSymbol& constant = symbol.constant;
      if (constant.is_list) break;
      if (constant.regex) {
        context_.sink.report(make_diagnostic(Code::kE0315, expr.span,
                                             "a regular expression where a value is needed",
                                             "it stands after `matches`"));
        return error(expr);
      }
      if (!constant.word) {
        const cep::Value value = constant.values.front().view();
        if (words && value.kind == cep::ValueKind::kString) {
          const std::string text(value.text);
          if (word_of(*words, text)) return checked(expr, word_expr(*words, text));
        }
        Checked result = checked(expr, literal_expr(type_of_value(value), value));
        result.declared = symbol.name->span;
        return result;
      }
      if (words) {
        if (std::optional<Checked> word = find_word(expr, constant.word->text, *words)) {
          return std::move(*word);
        }
      }
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0305, expr.span,
          words ? fmt::format("{} has no word {}", type_text(*words), in_code(constant.word->text))
                : fmt::format("the constant {} is a word, and no enum stands beside it",
                              in_code(name)));
      diagnostic.labels.push_back({constant.word->span, "the word"});
      context_.sink.report(std::move(diagnostic));
      return error(expr);
    }
    case ValueForm::kList:
      symbol.list_used = true;
      break;
    case ValueForm::kTable:
      symbol.list_used = true;
      context_.sink.report(make_diagnostic(Code::kE0310, expr.span,
                                           "a table where a value is needed",
                                           "ask for a cell: `" + name + "[key].column`"));
      return error(expr);
    case ValueForm::kFeature:
      return read_feature(expr, symbol);
  }
  Diagnostic diagnostic = make_diagnostic(Code::kE0310, expr.span, "a list where a value is needed",
                                          "a list stands after `in`");
  context_.sink.report(std::move(diagnostic));
  return error(expr);
}

// `expr` is a kName or kMember: its name is the field's.
Checked ExpressionChecker::field_of(const tree::Expr& expr, const EventTypes& types,
                                    bool types_broken, Op op) {
  const std::string& name = expr.name.text;
  FieldLookup field = look_up_field(context_, types, types_broken, name);
  switch (field.presence) {
    case FieldPresence::kEverywhere: {
      auto result = std::make_shared<cep::Expr>();
      result->op = op;
      result->type = field.type;
      if (op == Op::kBound) {
        result->payload = cep::BoundField{{}, cep::Which::kOnly, std::move(field.field)};
      } else {
        result->payload = cep::FieldRead{std::move(field.field)};
      }
      return {std::move(result), expr.span, field.declared};
    }
    case FieldPresence::kUnknown:
      break;
    case FieldPresence::kNowhere: {
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0201, expr.name.span,
                          fmt::format("{} {} no field {}", types_text(context_, types),
                                      types.size() == 1 ? "has" : "have", in_code(name)));
      if (report_value_of_step(expr, diagnostic)) break;
      const bool near = suggest(context_, diagnostic, name, field_names(context_, types));
      if (!near && types.empty()) break;
      diagnostic.notes.push_back(declared_text(context_, types.front()));
      context_.sink.report(std::move(diagnostic));
      break;
    }
    case FieldPresence::kSomewhere: {
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0203, expr.name.span,
          fmt::format("{} has no field {}", context_.event_type(field.without).name, in_code(name)),
          fmt::format("the event may be {}", types_text(context_, types)));
      diagnostic.notes.push_back(declared_text(context_, field.without));
      diagnostic.helps.push_back("name only what all of them have, or make a step for each");
      context_.sink.report(std::move(diagnostic));
      break;
    }
    case FieldPresence::kMixed: {
      const FieldSymbol& other = context_.event_symbol(field.without).fields.find(name)->second;
      const Type& type = context_.event_type(field.without).fields[other.index.value].type;
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0306, expr.name.span,
                          fmt::format("{} is {} in {} and {} in {}", in_code(name),
                                      type_text(field.type), context_.event_type(field.first).name,
                                      type_text(type), context_.event_type(field.without).name));
      diagnostic.labels.push_back({field.declared, type_text(field.type)});
      diagnostic.labels.push_back({other.tree->name.span, type_text(type)});
      context_.sink.report(std::move(diagnostic));
      break;
    }
  }
  return error(expr);
}

// `back.limit`, where `limit` is a constant or a list, `prev.last_seen` of a feature.
bool ExpressionChecker::report_value_of_step(const tree::Expr& expr, Diagnostic& diagnostic) {
  const std::string& name = expr.name.text;
  const auto symbol = context_.names.values.find(name);
  if (symbol == context_.names.values.end() || expr.kind != ExprKind::kMember) return false;
  diagnostic.labels.push_back({symbol->second.name->span, "declared here"});
  if (symbol->second.form != ValueForm::kFeature) {
    const bool list = symbol->second.form == ValueForm::kList;
    diagnostic.helps.push_back(list ? fmt::format("a list stands after `in`: `… in {}`", name)
                                    : fmt::format("it stands alone: `{}`", name));
    context_.sink.report(std::move(diagnostic));
    return true;
  }
  diagnostic.message = fmt::format("{} is a feature, no field", in_code(name));
  diagnostic.primary.text = "`prev` has its fields alone";
  diagnostic.helps.push_back(fmt::format(
      "of an earlier step it is `STEP.{0}`, of a loop `LOOP.first.{0}` and `LOOP.last.{0}`", name));
  context_.sink.report(std::move(diagnostic));
  return true;
}

// ---- features

void ExpressionChecker::report_not_computed(SourceSpan span, const char* what) {
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0229, span, fmt::format("{} in a computed field", what),
                      "a computed field is known before any rule or feature sees the event");
  diagnostic.helps.push_back("it may read the event's other fields, lists and tables");
  context_.sink.report(std::move(diagnostic));
}

bool ExpressionChecker::may_read_feature(const tree::Expr& expr, const ValueSymbol& symbol) {
  if (scope_.place == Place::kComputed) {
    report_not_computed(expr.span, "a feature");
    return false;
  }
  if (scope_.place != Place::kKind && scope_.place != Place::kElement) return true;
  const bool in_kind = scope_.place == Place::kKind;
  Diagnostic diagnostic = make_diagnostic(
      Code::kE0456, expr.span,
      in_kind ? "a feature in a kind's condition" : "a feature inside an aggregate of a match",
      in_kind ? "a kind is known from the event alone"
              : "its value at those events is no longer known");
  diagnostic.labels.push_back({symbol.name->span, "the feature"});
  diagnostic.helps.emplace_back(in_kind ? "read it in the condition of a rule's step"
                                        : "read it in the step's own condition");
  context_.sink.report(std::move(diagnostic));
  return false;
}

// ---- members

std::optional<std::size_t> ExpressionChecker::find_step(const tree::Expr& expr) const {
  if (expr.kind != ExprKind::kName || !scope_.rule) return std::nullopt;
  const auto found = scope_.rule->step_by_name.find(expr.name.text);
  if (found == scope_.rule->step_by_name.end()) return std::nullopt;
  return found->second;
}

std::optional<std::size_t> ExpressionChecker::find_step_alone(const tree::Expr& expr) const {
  const std::optional<std::size_t> step = find_step(expr);
  if (!step || !sees_steps(scope_.place)) return std::nullopt;
  const std::string& name = expr.name.text;
  if (find_key(expr.name, expr.span) || context_.names.values.contains(name)) return std::nullopt;
  const FieldLookup field = look_up_field(context_, scope_.types, scope_.types_broken, name);
  const bool is_field =
      field.presence != FieldPresence::kNowhere && field.presence != FieldPresence::kUnknown;
  return is_field ? std::nullopt : step;
}

// `raise is known`: whether the step took an event.
Checked ExpressionChecker::check_step_presence(const tree::Expr& expr, std::size_t index,
                                               bool known) {
  const StepSymbol& step = scope_.rule->steps[index];
  if (step.broken) return error(expr);
  if (report_if_later(index, expr.args[0]->span)) return error(expr);
  auto bound = std::make_shared<cep::Expr>();
  bound->op = Op::kIsBound;
  bound->type = plain_type(TypeKind::kBool);
  bound->payload = cep::VariableTest{step.var};
  if (known) return checked(expr, std::move(bound));
  return checked(expr, operator_expr(Op::kNot, plain_type(TypeKind::kBool), {std::move(bound)}));
}

bool ExpressionChecker::report_if_later(std::size_t step, SourceSpan span) {
  const StepSymbol& taken = scope_.rule->steps[step];
  if (scope_.place == Place::kWhile) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0434, span, fmt::format("the step {} in `once while`", in_code(taken.name)),
        "asked of every event, with no match");
    diagnostic.labels.push_back({taken.span, "taken here"});
    diagnostic.helps.push_back("name fields of the event, the key and features");
    context_.sink.report(std::move(diagnostic));
    return true;
  }
  Sight sight = step < scope_.steps_visible ? Sight::kSeen : Sight::kLater;
  if (scope_.pattern_place != nullptr) sight = sight_of(*scope_.pattern_place, taken);
  if (sight == Sight::kSeen) return false;
  if (sight != Sight::kLater) {
    const bool alternative = sight == Sight::kOtherAlternative;
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0424, span,
        alternative
            ? fmt::format("the step {} is of another alternative", in_code(taken.name))
            : fmt::format("the step {} may be done before or after this one", in_code(taken.name)),
        alternative ? "a match has one of them" : "nothing sure is known of it here");
    diagnostic.labels.push_back({taken.span, "taken here"});
    diagnostic.helps.push_back("ask in `having`, or in a step that comes after the braces");
    context_.sink.report(std::move(diagnostic));
    return true;
  }
  Diagnostic diagnostic = make_diagnostic(
      Code::kE0209, span, fmt::format("the step {} comes later", in_code(taken.name)),
      "nothing is known of it here");
  diagnostic.labels.push_back({taken.span, "taken here"});
  diagnostic.helps.push_back("ask in the condition of the later step, or in `having`");
  context_.sink.report(std::move(diagnostic));
  return true;
}

void ExpressionChecker::report_unknown_step(const tree::Name& name) {
  std::vector<std::string> candidates;
  const StepSymbol* unnamed = nullptr;
  if (scope_.rule && sees_steps(scope_.place)) {
    for (const StepSymbol& step : scope_.rule->steps) {
      if (!step.name.empty()) candidates.emplace_back(step.name);
      if (step.name.empty() && step.kind == name.text) unnamed = &step;
    }
  }
  Diagnostic diagnostic = make_diagnostic(Code::kE0204, name.span,
                                          fmt::format("no step is named {}", in_code(name.text)));
  const auto value = context_.names.values.find(name.text);
  const StepSymbol* of_kind = nullptr;
  if (scope_.rule && sees_steps(scope_.place)) {
    for (const StepSymbol& step : scope_.rule->steps) {
      const bool one = step.types.size() == 1;
      if (!step.name.empty() && one && context_.event_type(step.types.front()).name == name.text)
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
  } else if (value != context_.names.values.end()) {
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
            ? fmt::format("a cell is asked for by its key: `{}[FIELD].COLUMN`", name.text)
        : form == ValueForm::kList ? fmt::format("a list stands after `in`: `… in {}`", name.text)
                                   : fmt::format("its value is `{}`", name.text));
  } else if (is_this) {
    diagnostic.helps.emplace_back(
        "the fields of a step's own event stand alone: `amount`, not `event.amount`");
  } else if (!suggest(context_, diagnostic, name.text, candidates)) {
    if (scope_.rule && scope_.rule->steps_incomplete) return;
    if (candidates.empty()) {
      const bool known =
          scope_.rule && !scope_.rule->steps.empty() && !scope_.rule->steps.front().kind.empty();
      const std::string kind(known ? scope_.rule->steps.front().kind : "payment");
      diagnostic.helps.push_back(
          fmt::format("a step gets a name by `as`: `{} as {}`", kind, kind.substr(0, 1)));
    } else {
      diagnostic.helps.push_back("the steps here are " + one_of(candidates));
    }
  }
  context_.sink.report(std::move(diagnostic));
}

Checked ExpressionChecker::check_member(const tree::Expr& expr) {
  const tree::Expr& base = *expr.args[0];
  switch (base.kind) {
    case ExprKind::kError:
      return error(expr);
    case ExprKind::kPrev:
      return check_prev(expr);
    case ExprKind::kName: {
      if (const auto step = find_step(base)) return check_step_field(expr, *step);
      if (context_.names.incomplete && !scope_.rule) return error(expr);
      report_unknown_step(base.name);
      return error(expr);
    }
    case ExprKind::kMember: {
      const std::string& which = base.name.text;
      const tree::Expr& inner = *base.args[0];
      if (inner.kind == ExprKind::kName && (which == "first" || which == "last")) {
        if (const auto step = find_step(inner)) {
          return check_loop_event(expr, *step,
                                  which == "first" ? cep::Which::kFirst : cep::Which::kLast);
        }
        report_unknown_step(inner.name);
        return error(expr);
      }
      // `s.KIND.field`, in an aggregate over the events of that kind.
      const bool is_element = scope_.place == Place::kElement && which == scope_.own_kind;
      if (is_element && find_step(inner) == scope_.own_step) {
        return field_of(expr, scope_.types, scope_.types_broken, Op::kField);
      }
      break;
    }
    case ExprKind::kIndex:
      return check_cell(expr);
    default:
      break;
  }
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0204, base.span, "only a step's event has fields");
  diagnostic.labels.push_back({expr.name.span, "asked of it here"});
  if (base.kind == ExprKind::kCall && context_.names.values.contains(base.name.text) &&
      context_.names.values.find(base.name.text)->second.form == ValueForm::kTable) {
    const std::string arguments =
        base.args.empty()
            ? std::string()
            : written_at(context_.sources, {base.span.file, base.args.front()->span.begin,
                                            base.args.back()->span.end});
    diagnostic.message = fmt::format("{} is a table, no function", in_code(base.name.text));
    diagnostic.labels.clear();
    diagnostic.helps.push_back(fmt::format("a cell is asked for by its key: `{}[{}].{}`",
                                           base.name.text, arguments.empty() ? "FIELD" : arguments,
                                           expr.name.text));
  }
  context_.sink.report(std::move(diagnostic));
  return error(expr);
}

Checked ExpressionChecker::check_prev(const tree::Expr& expr) {
  const bool in_loop = scope_.place == Place::kStep && scope_.rule->steps[*scope_.own_step].loop;
  if (!in_loop) {
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0405, expr.args[0]->span, "`prev` outside the condition of a loop");
    diagnostic.helps.push_back(
        "it is the event before in the same loop: `3 payment where amount > prev.amount`");
    context_.sink.report(std::move(diagnostic));
    return error(expr);
  }
  return field_of(expr, scope_.types, scope_.types_broken, Op::kPrev);
}

Checked ExpressionChecker::error_of_feature(const tree::Expr& expr, const StepSymbol& step,
                                            SourceSpan at) {
  Diagnostic diagnostic = make_diagnostic(
      Code::kE0204, at,
      fmt::format("the step {} is not known inside this aggregate", in_code(step.name)),
      "a feature is the same for every match");
  diagnostic.helps.push_back("compare outside of it");
  context_.sink.report(std::move(diagnostic));
  return error(expr);
}

Checked ExpressionChecker::check_step_field(const tree::Expr& expr, std::size_t index) {
  const StepSymbol& step = scope_.rule->steps[index];
  if (step.broken) return error(expr);
  const SourceSpan at = expr.args[0]->span;
  if (!sees_steps(scope_.place)) return error_of_feature(expr, step, at);
  if (std::optional<Checked> key = find_key(expr.name, expr.span)) return std::move(*key);
  const bool own = scope_.own_step == index;
  ValueSymbol* const feature = feature_of_step(expr, step);
  if (own && feature != nullptr) return read_feature(expr, *feature);
  if (own) return field_of(expr, step.types, step.broken, Op::kField);
  if (report_if_later(index, at)) return error(expr);
  constexpr std::string_view kTotals[] = {"count", "sum", "avg", "min", "max", "distinct"};
  if (step.loop && std::ranges::find(kTotals, expr.name.text) != std::end(kTotals) &&
      look_up_field(context_, step.types, step.broken, expr.name.text).presence ==
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
    context_.sink.report(std::move(diagnostic));
    return error(expr);
  }
  if (step.loop) {
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0406, expr.span,
                        fmt::format("the loop {} has several events: which one's {}?",
                                    in_code(step.name), in_code(expr.name.text)));
    diagnostic.helps.push_back(
        fmt::format("write `{0}.first.{1}` or `{0}.last.{1}`, or an aggregate: `sum({0}.{1})`",
                    step.name, expr.name.text));
    context_.sink.report(std::move(diagnostic));
    return error(expr);
  }
  if (feature != nullptr) {
    return read_feature_of_step(expr, *feature, step, cep::Which::kOnly);
  }
  const Checked field = field_of(expr, step.types, step.broken, Op::kBound);
  if (!field) return error(expr);
  auto bound = std::make_shared<cep::Expr>(*field.expr);
  bound->as<cep::BoundField>().var = step.var;
  return {std::move(bound), expr.span, field.declared};
}

Checked ExpressionChecker::check_loop_event(const tree::Expr& expr, std::size_t index,
                                            cep::Which which) {
  const StepSymbol& step = scope_.rule->steps[index];
  if (step.broken) return error(expr);
  const SourceSpan at = expr.args[0]->args[0]->span;
  const std::string& word = expr.args[0]->name.text;
  if (scope_.place == Place::kComputed) {
    report_not_computed(expr.span, "a feature");
    return error(expr);
  }
  if (!sees_steps(scope_.place)) return error_of_feature(expr, step, at);
  if (report_if_later(index, at)) return error(expr);
  if (!step.loop) {
    Diagnostic diagnostic = make_diagnostic(Code::kE0409, expr.args[0]->name.span,
                                            fmt::format("the step {} takes one event: it has no {}",
                                                        in_code(step.name), in_code(word)));
    diagnostic.helps.push_back(fmt::format("write `{}.{}`", step.name, expr.name.text));
    diagnostic.edit = Edit{expr.span, fmt::format("{}.{}", step.name, expr.name.text)};
    context_.sink.report(std::move(diagnostic));
    return error(expr);
  }
  if (ValueSymbol* const feature = feature_of_step(expr, step)) {
    return read_feature_of_step(expr, *feature, step, which);
  }
  const Checked field = field_of(expr, step.types, step.broken, Op::kBound);
  if (!field) return error(expr);
  auto bound = std::make_shared<cep::Expr>(*field.expr);
  bound->as<cep::BoundField>().var = step.var;
  bound->as<cep::BoundField>().which = which;
  return {std::move(bound), expr.span, field.declared};
}
}  // namespace tocsin::rules
