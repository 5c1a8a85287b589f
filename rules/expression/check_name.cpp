// Literals and bare names: words of enums, fields, the rule's key, constants, features.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rules/context/build_expr.h"
#include "rules/context/occurrences.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/expression_parts.h"
#include "rules/syntax/foreign_names.h"

namespace tocsin::rules {
using cep::Op;
using cep::Type;
using tree::ExprKind;

namespace {
bool sees_steps(Place place) {
  return place == Place::kStep || place == Place::kAbsence || place == Place::kMatch ||
         place == Place::kElement || place == Place::kWhile;
}

std::optional<Checked> find_word(const ExprContext& c, const tree::Expr& expr,
                                 const std::string& text, const Type& words) {
  if (!word_of(words, text)) return std::nullopt;
  const FieldLookup field = look_up_field(c.context, c.scope.types, c.scope.types_broken, text);
  if (field.presence == FieldPresence::kEverywhere && expr.kind == ExprKind::kName) {
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0001, expr.span,
                        fmt::format("{} is a word and a field: the word is used", in_code(text)),
                        "the word of " + type_text(words));
    diagnostic.labels.push_back({field.declared, "the field"});
    diagnostic.helps.push_back("a field is meant by its step's name too: `p." + text + "`");
    c.context.sink.report(std::move(diagnostic));
  }
  return checked(expr, word_expr(words, text));
}

void warn_hidden(const ExprContext& c, const tree::Name& name, const FieldLookup& field) {
  const auto hidden = c.context.names.values.find(name.text);
  if (hidden == c.context.names.values.end()) return;
  if (!c.context.hidden_names.insert(name.text).second) return;
  Diagnostic diagnostic = make_diagnostic(
      Code::kW0002, name.span, fmt::format("the field {} hides another name", in_code(name.text)),
      "the field is used");
  diagnostic.labels.push_back({hidden->second.name->span, "hidden"});
  diagnostic.labels.push_back({field.declared, "the field"});
  diagnostic.helps.push_back("rename one of them");
  c.context.sink.report(std::move(diagnostic));
}

void report_unknown_name(const ExprContext& c, const tree::Expr& expr, const Type* words) {
  const std::string& name = expr.name.text;
  std::vector<std::string> candidates;
  if (words) candidates = *words->words;
  std::vector<std::string> fields = field_names(c.context, c.scope.types);
  candidates.insert(candidates.end(), fields.begin(), fields.end());
  const std::vector<std::string> others =
      value_names(c.context, {ValueForm::kConst, ValueForm::kFeature});
  candidates.insert(candidates.end(), others.begin(), others.end());

  const std::string has_no = fmt::format("{} {} no field {}", types_text(c.context, c.scope.types),
                                         c.scope.types.size() == 1 ? "has" : "have", in_code(name));
  Diagnostic diagnostic =
      words ? make_diagnostic(Code::kE0305, expr.span,
                              fmt::format("{} has no word {}", type_text(*words), in_code(name)))
            : make_diagnostic(Code::kE0201, expr.span, has_no);
  if (std::optional<Diagnostic> foreign = foreign_name(name, expr.span)) {
    c.context.sink.report(std::move(*foreign));
    return;
  }
  const bool near = suggest(c.context, diagnostic, name, candidates);
  // Perhaps a step that could not be read, or the key, which has been complained of.
  const bool may_be_step =
      c.scope.rule && (c.scope.rule->steps_incomplete || c.scope.rule->key_broken);
  if (!near && (c.context.names.incomplete || may_be_step)) return;
  const bool capital =
      std::ranges::any_of(name, [](char letter) { return letter >= 'A' && letter <= 'Z'; });
  if (!near && !words && capital) {
    diagnostic.helps.push_back(fmt::format("text is written in quotes: `\"{}\"`", name));
  }
  if (words) {
    diagnostic.notes.push_back(has_no);
  } else if (!c.scope.types.empty()) {
    diagnostic.notes.push_back(declared_text(c.context, c.scope.types.front()));
  }
  c.context.sink.report(std::move(diagnostic));
}

Checked check_value_symbol(const ExprContext& c, const tree::Expr& expr, ValueSymbol& symbol,
                           const Type* words) {
  const std::string& name = expr.name.text;
  note_use(c.context, expr.name.span, symbol.name->span);
  switch (symbol.form) {
    case ValueForm::kConst: {
      if (symbol.broken) return error_type(c, expr);
      const ConstSymbol& constant = symbol.constant;
      if (constant.is_list) break;
      if (constant.regex) {
        c.context.sink.report(make_diagnostic(Code::kE0315, expr.span,
                                              "a regular expression where a value is needed",
                                              "it is written after `matches`"));
        return error_type(c, expr);
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
        if (std::optional<Checked> word = find_word(c, expr, constant.word->text, *words)) {
          return std::move(*word);
        }
      }
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0305, expr.span,
          words ? fmt::format("{} has no word {}", type_text(*words), in_code(constant.word->text))
                : fmt::format("the constant {} is a word, and no enum stands beside it",
                              in_code(name)));
      diagnostic.labels.push_back({constant.word->span, "the word"});
      c.context.sink.report(std::move(diagnostic));
      return error_type(c, expr);
    }
    case ValueForm::kList:
      symbol.list_used = true;
      break;
    case ValueForm::kTable:
      symbol.list_used = true;
      c.context.sink.report(make_diagnostic(Code::kE0310, expr.span,
                                            "a table where a value is needed",
                                            "ask for a cell: `" + name + "[key].column`"));
      return error_type(c, expr);
    case ValueForm::kFeature:
      return read_feature(c, expr, symbol);
  }
  Diagnostic diagnostic = make_diagnostic(Code::kE0310, expr.span, "a list where a value is needed",
                                          "a list is written after `in`");
  c.context.sink.report(std::move(diagnostic));
  return error_type(c, expr);
}

// `back.limit`, where `limit` is a constant or a list, `prev.last_seen` of a feature.
bool report_value_of_step(const ExprContext& c, const tree::Expr& expr, Diagnostic& diagnostic) {
  const std::string& name = expr.name.text;
  const auto symbol = c.context.names.values.find(name);
  if (symbol == c.context.names.values.end() || expr.kind != ExprKind::kMember) return false;
  diagnostic.labels.push_back({symbol->second.name->span, "declared here"});
  if (symbol->second.form != ValueForm::kFeature) {
    const bool list = symbol->second.form == ValueForm::kList;
    diagnostic.helps.push_back(list ? fmt::format("a list is written after `in`: `… in {}`", name)
                                    : fmt::format("it is written alone: `{}`", name));
    c.context.sink.report(std::move(diagnostic));
    return true;
  }
  diagnostic.message = fmt::format("{} is a feature, no field", in_code(name));
  diagnostic.primary.text = "`prev` has its fields alone";
  diagnostic.helps.push_back(fmt::format(
      "of an earlier step it is `STEP.{0}`, of a loop `LOOP.first.{0}` and `LOOP.last.{0}`", name));
  c.context.sink.report(std::move(diagnostic));
  return true;
}
}  // namespace

Checked check_literal(const ExprContext& c, const tree::Expr& expr, const Type* words) {
  const cep::Value value = expr.literal.view();
  if (words && value.kind == cep::ValueKind::kString) {
    const std::string text(value.text);
    if (word_of(*words, text)) return checked(expr, word_expr(*words, text));
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0305, expr.span, fmt::format("{} has no word `\"{}\"`", type_text(*words), text));
    suggest(c.context, diagnostic, text, *words->words);
    if (diagnostic.edit) diagnostic.edit->text = fmt::format("\"{}\"", diagnostic.edit->text);
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  if (value.is_missing()) return error_type(c, expr);
  return checked(expr, literal_expr(type_of_value(value), value));
}

std::optional<Checked> find_key(const ExprContext& c, const tree::Name& name, SourceSpan span) {
  if (!c.scope.rule || !sees_steps(c.scope.place) || !c.scope.rule->key) return std::nullopt;
  const std::vector<cep::KeyPart>& parts = c.scope.rule->key->parts;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!c.scope.rule->key_part_is_union[i] || parts[i].name != name.text) continue;
    note_use(c.context, name.span, c.scope.rule->key_part_names[i]);
    if (c.scope.rule->key_broken) return Checked{nullptr, span, std::nullopt};
    auto key = std::make_shared<cep::Expr>();
    key->op = Op::kKey;
    key->type = parts[i].type;
    key->payload = cep::KeyRead{static_cast<std::uint32_t>(i)};
    return Checked{std::move(key), span, std::nullopt};
  }
  return std::nullopt;
}

Checked check_name(const ExprContext& c, const tree::Expr& expr, const Type* words) {
  const std::string& name = expr.name.text;
  if (words) {
    if (std::optional<Checked> word = find_word(c, expr, name, *words)) return std::move(*word);
  }
  if (std::optional<Checked> key = find_key(c, expr.name, expr.span)) return std::move(*key);
  const FieldLookup field = look_up_field(c.context, c.scope.types, c.scope.types_broken, name);
  const bool nowhere =
      field.presence == FieldPresence::kNowhere || field.presence == FieldPresence::kUnknown;
  if (!nowhere) {
    if (field.presence == FieldPresence::kEverywhere) warn_hidden(c, expr.name, field);
    return field_of(c, expr, c.scope.types, c.scope.types_broken, Op::kField);
  }
  const auto symbol = c.context.names.values.find(name);
  if (symbol != c.context.names.values.end())
    return check_value_symbol(c, expr, symbol->second, words);
  if (field.presence == FieldPresence::kUnknown) return error_type(c, expr);
  if (const auto step = find_step(c, expr)) {
    const StepSymbol& taken = c.scope.rule->steps[*step];
    if (taken.broken) return error_type(c, expr);
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0406, expr.span, fmt::format("{} is a step's event, not a value", in_code(name)));
    diagnostic.helps.push_back(
        taken.loop
            ? fmt::format("choose a value of the loop: `count({0})`, `{0}.first.FIELD`", name)
            : fmt::format("name one of its fields: `{}.FIELD`", name));
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  report_unknown_name(c, expr, words);
  return error_type(c, expr);
}

Checked field_of(const ExprContext& c, const tree::Expr& expr, const EventTypes& types,
                 bool types_broken, Op op) {
  const std::string& name = expr.name.text;
  FieldLookup field = look_up_field(c.context, types, types_broken, name);
  switch (field.presence) {
    case FieldPresence::kEverywhere: {
      note_field(c.context, expr.name.span, types, name);
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
                          fmt::format("{} {} no field {}", types_text(c.context, types),
                                      types.size() == 1 ? "has" : "have", in_code(name)));
      if (report_value_of_step(c, expr, diagnostic)) break;
      const bool near = suggest(c.context, diagnostic, name, field_names(c.context, types));
      if (!near && types.empty()) break;
      diagnostic.notes.push_back(declared_text(c.context, types.front()));
      c.context.sink.report(std::move(diagnostic));
      break;
    }
    case FieldPresence::kSomewhere: {
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0203, expr.name.span,
                          fmt::format("{} has no field {}",
                                      c.context.event_type(field.without).name, in_code(name)),
                          fmt::format("the event may be {}", types_text(c.context, types)));
      diagnostic.notes.push_back(declared_text(c.context, field.without));
      diagnostic.helps.push_back("name only what all of them have, or make a step for each");
      c.context.sink.report(std::move(diagnostic));
      break;
    }
    case FieldPresence::kMixed: {
      const FieldSymbol& other = c.context.event_symbol(field.without).fields.find(name)->second;
      const Type& type = c.context.event_type(field.without).fields[other.index.value].type;
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0306, expr.name.span,
                          fmt::format("{} is {} in {} and {} in {}", in_code(name),
                                      type_text(field.type), c.context.event_type(field.first).name,
                                      type_text(type), c.context.event_type(field.without).name));
      diagnostic.labels.push_back({field.declared, type_text(field.type)});
      diagnostic.labels.push_back({other.tree->name.span, type_text(type)});
      c.context.sink.report(std::move(diagnostic));
      break;
    }
  }
  return error_type(c, expr);
}

void report_not_computed(const ExprContext& c, SourceSpan span, const char* what) {
  Diagnostic diagnostic =
      make_diagnostic(Code::kE0229, span, fmt::format("{} in a computed field", what),
                      "a computed field is known before any rule or feature sees the event");
  diagnostic.helps.push_back("it may read the event's other fields, lists and tables");
  c.context.sink.report(std::move(diagnostic));
}

bool may_read_feature(const ExprContext& c, const tree::Expr& expr, const ValueSymbol& symbol) {
  if (c.scope.place == Place::kComputed) {
    report_not_computed(c, expr.span, "a feature");
    return false;
  }
  if (c.scope.place != Place::kKind && c.scope.place != Place::kElement) return true;
  const bool in_kind = c.scope.place == Place::kKind;
  Diagnostic diagnostic = make_diagnostic(
      Code::kE0456, expr.span,
      in_kind ? "a feature in a kind's condition" : "a feature inside an aggregate of a match",
      in_kind ? "a kind is known from the event alone"
              : "its value at those events is no longer known");
  diagnostic.labels.push_back({symbol.name->span, "the feature"});
  diagnostic.helps.emplace_back(in_kind ? "read it in the condition of a rule's step"
                                        : "read it in the step's own condition");
  c.context.sink.report(std::move(diagnostic));
  return false;
}
}  // namespace tocsin::rules
