#include "rules/expression/coerce_literal.h"

#include <fmt/format.h>

#include <unordered_map>

#include "rules/context/build_expr.h"
#include "rules/context/occurrences.h"
#include "rules/context/report.h"
#include "rules/context/scope.h"
#include "rules/context/types.h"
#include "rules/expression/check_expression.h"

namespace tocsin::rules {
using cep::TypeKind;
using cep::Value;
using cep::ValueKind;
using tree::ExprKind;

namespace {
// An int or decimal at `scale`; missing where digits would be lost or the mantissa leaves 64 bits.
Value at_scale(const Value& value, int scale) {
  const int from = value.kind == ValueKind::kDecimal ? value.scale : 0;
  if (from <= scale) return cep::add(value, Value::decimal(0, scale));
  const std::int64_t factor = cep::power_of_ten(from - scale);
  if (value.number % factor != 0) return Value::missing();
  return Value::decimal(value.number / factor, scale);
}

// Missing where the value is not one of the type.
Value converted(const Value& value, const cep::Type& type) {
  const bool exact = value.kind == ValueKind::kInt || value.kind == ValueKind::kDecimal;
  switch (type.kind) {
    case TypeKind::kBool:
      return value.kind == ValueKind::kBool ? value : Value::missing();
    case TypeKind::kInt:
      return value.kind == ValueKind::kInt ? value : Value::missing();
    case TypeKind::kDecimal:
      return exact ? at_scale(value, type.scale) : Value::missing();
    case TypeKind::kFloat:
      return exact || value.kind == ValueKind::kFloat ? cep::to_float(value) : Value::missing();
    case TypeKind::kString:
      return value.kind == ValueKind::kString ? value : Value::missing();
    case TypeKind::kTime:
      return value.kind == ValueKind::kTime ? value : Value::missing();
    case TypeKind::kDate:
      return value.kind == ValueKind::kDate ? value : Value::missing();
    case TypeKind::kDuration:
      return value.kind == ValueKind::kDuration ? value : Value::missing();
    case TypeKind::kEnum: {
      if (value.kind != ValueKind::kString) return Value::missing();
      const auto ordinal = word_of(type, value.text);
      return ordinal ? Value::enumerated(*ordinal, value.text) : Value::missing();
    }
    case TypeKind::kFraction:
      return exact ? value : Value::missing();
  }
  return Value::missing();
}

std::string written(const Value& value) {
  if (value.kind != ValueKind::kString) return cep::to_text(value);
  std::string text;
  cep::append_json_string(text, value.text);
  return text;
}
}  // namespace

Value plain_literal(const tree::Expr& literal) {
  if (literal.kind == ExprKind::kNegate) return cep::negate(plain_literal(*literal.args[0]));
  return literal.kind == ExprKind::kLiteral ? literal.literal.view() : Value::missing();
}

std::optional<cep::OwnedValue> coerce_literal(CheckContext& context, const tree::Expr& literal,
                                              const cep::Type& type, std::string_view what,
                                              std::optional<SourceSpan> declared) {
  if (literal.kind == ExprKind::kError) return std::nullopt;
  const bool is_word = literal.kind == ExprKind::kName;
  const Value value = is_word ? Value::string(literal.name.text) : plain_literal(literal);
  if (!is_word || type.kind == TypeKind::kEnum) {
    const Value fitted = converted(value, type);
    if (!fitted.is_missing()) return cep::OwnedValue(fitted);
  }

  Diagnostic diagnostic;
  if (type.kind == TypeKind::kEnum && value.kind == ValueKind::kString) {
    diagnostic =
        make_diagnostic(Code::kE0305, literal.span,
                        fmt::format("{} has no word {}", type_text(type),
                                    in_code(is_word ? literal.name.text : written(value))));
    if (suggest(context, diagnostic, value.text, *type.words) && !is_word) {
      diagnostic.edit->text = fmt::format("\"{}\"", diagnostic.edit->text);
    }
  } else {
    const std::string got = is_word                            ? in_code(literal.name.text)
                            : literal.kind == ExprKind::kList  ? std::string("a list")
                            : literal.kind == ExprKind::kRegex ? std::string("a regular expression")
                            : value.is_missing()               ? std::string("this")
                                                               : in_code(written(value));
    diagnostic =
        make_diagnostic(Code::kE0309, literal.span,
                        fmt::format("{} is {}: {} does not fit", what, type_text(type), got));
    if (is_word && type.kind == TypeKind::kString) {
      diagnostic.helps.push_back(
          fmt::format("text is written in quotes: `\"{}\"`", literal.name.text));
      diagnostic.edit = Edit{literal.span, fmt::format("\"{}\"", literal.name.text)};
    } else if (type.kind == TypeKind::kDecimal && value.kind == ValueKind::kDecimal) {
      diagnostic.helps.push_back(
          fmt::format("write at most {} digits after the point", static_cast<int>(type.scale)));
    } else if (type.kind == TypeKind::kDecimal && value.kind == ValueKind::kFloat) {
      diagnostic.helps.push_back("a decimal is written without an exponent");
    }
  }
  if (declared) diagnostic.labels.push_back({*declared, "its type is declared here"});
  context.sink.report(std::move(diagnostic));
  return std::nullopt;
}

void fill_record(CheckContext& context, const tree::Record& record, cep::EventTypeIndex type,
                 std::vector<cep::OwnedValue>& fields) {
  const EventSymbol& event = context.event_symbol(type);
  const cep::EventType& event_type = context.event_type(type);
  std::unordered_map<std::string_view, const tree::Name*> seen;
  for (const tree::Record::Entry& entry : record.entries) {
    if (entry.name.text.empty()) continue;
    const auto [earlier, is_new] = seen.emplace(entry.name.text, &entry.name);
    if (!is_new) {
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0215, entry.name.span, fmt::format("{} appears twice", in_code(entry.name.text)));
      diagnostic.labels.push_back({earlier->second->span, "the first"});
      context.sink.report(std::move(diagnostic));
      continue;
    }
    const auto field = event.fields.find(entry.name.text);
    if (field == event.fields.end()) {
      if (event.may_have(entry.name.text)) continue;
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0201, entry.name.span,
          fmt::format("{} has no field {}", event_type.name, in_code(entry.name.text)));
      suggest(context, diagnostic, entry.name.text, field_names(context, {type}));
      diagnostic.notes.push_back(declared_text(context, type));
      context.sink.report(std::move(diagnostic));
      continue;
    }
    note_use(context, entry.name.span, field->second.tree->name.span);
    if (field->second.broken || !entry.value) continue;
    const cep::FieldIndex index = field->second.index;
    if (index == event_type.time_field &&
        event_type.fields[index.value].type.kind == TypeKind::kTime) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0501, entry.name.span,
                          fmt::format("the event time {} is given by the event's offset",
                                      in_code(entry.name.text)));
      diagnostic.helps.push_back("leave it out");
      context.sink.report(std::move(diagnostic));
      continue;
    }
    if (event_type.fields[index.value].computed) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0309, entry.name.span,
                          fmt::format("the field {} is computed", in_code(entry.name.text)),
                          "events do not contain it");
      diagnostic.labels.push_back({field->second.tree->name.span, "declared here"});
      context.sink.report(std::move(diagnostic));
      continue;
    }
    const std::optional<cep::OwnedValue> value =
        coerce_literal(context, *entry.value, event_type.fields[index.value].type,
                       in_code(entry.name.text), field->second.tree->type.span);
    if (value) fields[index.value] = *value;
  }
}
}  // namespace tocsin::rules
