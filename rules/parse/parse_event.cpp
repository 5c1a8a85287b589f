// Event types, their fields, and types.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/value/time_unit.h"
#include "rules/parse/construct_start.h"
#include "rules/parse/grammar.h"
#include "rules/parse/lexemes.h"
#include "rules/parse/parse_foreign.h"
#include "rules/parse/recovery.h"
#include "rules/syntax/keywords.h"
#include "rules/text/characters.h"
#include "rules/text/suggest.h"

namespace tocsin::rules {
namespace {
struct TypeWord {
  std::string_view text;
  tree::TypeForm form;
};
constexpr TypeWord kTypes[] = {
    {"bool", tree::TypeForm::kBool},     {"int", tree::TypeForm::kInt},
    {"float", tree::TypeForm::kFloat},   {"decimal", tree::TypeForm::kDecimal},
    {"string", tree::TypeForm::kString}, {"time", tree::TypeForm::kTime},
    {"date", tree::TypeForm::kDate},     {"duration", tree::TypeForm::kDuration},
    {"enum", tree::TypeForm::kEnum},
};
// Types of other languages.
constexpr ForeignWord kForeignTypes[] = {
    {"text", "string"},   {"varchar", "string"},    {"char", "string"},
    {"str", "string"},    {"integer", "int"},       {"long", "int"},
    {"bigint", "int"},    {"int64", "int"},         {"int32", "int"},
    {"smallint", "int"},  {"double", "float"},      {"real", "float"},
    {"float64", "float"}, {"boolean", "bool"},      {"timestamp", "time"},
    {"datetime", "time"}, {"interval", "duration"}, {"timestamptz", "time"},
    {"uuid", "string"},   {"numeric", "decimal"},   {"inet", "string"},
    {"ip", "string"},     {"cidr", "string"},       {"network", "string"},
};
// Units of numbers, and how others write them.
struct UnitWord {
  std::string_view text;
  cep::TimeUnit unit;
};
constexpr UnitWord kUnits[] = {
    {"s", cep::TimeUnit::kSeconds},
    {"ms", cep::TimeUnit::kMilliseconds},
    {"us", cep::TimeUnit::kMicroseconds},
    {"ns", cep::TimeUnit::kNanoseconds},
};
constexpr ForeignWord kForeignUnits[] = {
    {"second", "s"},       {"seconds", "s"},       {"sec", "s"},     {"secs", "s"},
    {"millisecond", "ms"}, {"milliseconds", "ms"}, {"millis", "ms"}, {"msec", "ms"},
    {"microsecond", "us"}, {"microseconds", "us"}, {"micros", "us"}, {"usec", "us"},
    {"nanosecond", "ns"},  {"nanoseconds", "ns"},  {"nanos", "ns"},  {"nsec", "ns"},
};
// `time ts`, `user?: string`, `"user": "string"`: the name of a field, up to its `:`.
bool foreign_field(ParseContext& p, tree::Field& field) {
  if (p.panicking()) return false;
  const SourceSpan begin = p.here();
  foreign_entry(p);
  const bool is_type =
      p.now().is(TokenKind::kName) &&
      (std::ranges::find(kTypes, p.now().text, &TypeWord::text) != std::end(kTypes) ||
       std::ranges::find(kForeignTypes, lowered(p.now().text), &ForeignWord::written) !=
           std::end(kForeignTypes));
  if (is_type && p.ahead().is(TokenKind::kName) && !p.ahead().line_start &&
      !is_keyword(p.ahead().text)) {
    const std::string type = p.now().text;
    p.take();
    field.name = parse_name(p, "the name of a field");
    const SourceSpan whole = p.since(begin);
    p.remark(Code::kE0117, whole, "the type of a field is written after it",
             fmt::format("write `{}: {}`", field.name.text, type),
             Edit{whole, fmt::format("{}: {}", field.name.text, type)});
    field.type.span = whole;
    field.type.broken = true;
    return true;
  }
  return false;
}

// What a number counts: `s`, `ms`, `us`, `ns`.
cep::TimeUnit parse_time_unit(ParseContext& p) {
  if (!p.now().is(TokenKind::kName)) {
    p.fail_expected("a unit: `s`, `ms`, `us` or `ns`");
    return cep::TimeUnit::kMicroseconds;
  }
  const std::string written = p.now().text;
  const auto* known = std::ranges::find(kUnits, std::string_view(written), &UnitWord::text);
  if (known == std::end(kUnits)) {
    const std::string small = lowered(written);
    const auto* foreign = std::ranges::find(kForeignUnits, small, &ForeignWord::written);
    const std::string_view meant =
        foreign == std::end(kForeignUnits) ? std::string_view(small) : foreign->meant;
    known = std::ranges::find(kUnits, meant, &UnitWord::text);
    if (known == std::end(kUnits)) {
      p.fail(Code::kE0101, fmt::format("there is no unit `{}` of times", written), "",
             {"the units are `s`, `ms`, `us` and `ns`"});
      return cep::TimeUnit::kMicroseconds;
    }
    p.remark(Code::kE0117, p.here(), fmt::format("there is no unit `{}` of times", written),
             fmt::format("write `{}`", known->text), Edit{p.here(), std::string(known->text)});
  }
  p.take();
  return known->unit;
}

bool parse_modifier(ParseContext& p, tree::Field& field) {
  using tree::ModifierKind;
  tree::Modifier made;
  const SourceSpan begin = p.here();
  if (p.accept("up")) {
    made.kind = ModifierKind::kUpToLate;
    p.expect("to");
    made.duration = parse_duration(p);
    p.expect("late");
  } else if (p.accept("unique")) {
    made.kind = ModifierKind::kUnique;
    if (p.accept("within")) made.duration = parse_duration(p);
  } else if (p.accept("id")) {
    made.kind = ModifierKind::kId;
  } else if (p.accept("key")) {
    made.kind = ModifierKind::kKey;
  } else if (p.now().is("from") && p.ahead().is(TokenKind::kInt)) {
    p.take();
    made.kind = ModifierKind::kAnyYear;
    const std::optional<tree::IntLiteral> year = parse_integer(p, "`1970`");
    if (year && year->value != 1970) {
      p.remark(Code::kE0101, year->span, "times are counted from 1970", "write `from 1970`",
               Edit{year->span, "1970"}, {"it allows times of any year"});
    }
  } else if (p.accept("from")) {
    made.kind = ModifierKind::kFrom;
    made.path = parse_string(p, "a path in quotes");
  } else if (p.accept("in")) {
    made.kind = ModifierKind::kUnit;
    made.unit = parse_time_unit(p);
    if (p.now().is(TokenKind::kQuestion) && !p.now().line_start) {
      p.remark(Code::kE0101, p.here(), "the `?` is written directly after the type",
               fmt::format("write `time? in {}`", cep::time_unit_name(made.unit)), std::nullopt);
      field.type.optional = true;
      p.take();
    }
  } else if (p.accept("pii")) {
    made.kind = ModifierKind::kPii;
  } else if (p.accept("evidence")) {
    made.kind = ModifierKind::kEvidence;
  } else {
    const std::string small = p.now().is(TokenKind::kName) ? lowered(p.now().text) : std::string();
    if (p.now().is("not") && lowered(p.ahead().text) == "null" && !p.panicking()) {
      const SourceSpan both{begin.file, begin.begin, p.span(p.ahead()).end};
      p.remark(Code::kE0117, both, "a field is always there unless it is marked `?`",
               "leave it out", Edit{both, ""});
      p.take();
      p.take();
      return !p.panicking();
    }
    if (small == "optional" || small == "nullable" || small == "null") {
      p.remark(Code::kE0117, begin, fmt::format("a field is not marked `{}`", p.now().text),
               "a `?` after the type means that it may be missing");
      p.take();
      return !p.panicking();
    }
    return false;
  }
  made.span = p.since(begin);
  if (!p.panicking()) field.modifiers.push_back(std::move(made));
  return !p.panicking();
}

tree::Field parse_field(ParseContext& p) {
  tree::Field made;
  const SourceSpan begin = p.here();
  if (foreign_field(p, made)) {
    made.span = p.since(begin);
    p.broken = true;
    return made;
  }
  made.name = parse_declared_name(p, "the name of a field", true);
  bool optional = false;
  if (p.now().is(TokenKind::kQuestion) && p.ahead().is(TokenKind::kColon) && !p.panicking()) {
    p.remark(Code::kE0117, p.here(),
             "the `?` of a field that may be missing is written after its type",
             fmt::format("write `{}: TYPE?`", made.name.text));
    optional = true;
    p.take();
  }
  if (p.now().is(TokenKind::kName) &&
      std::ranges::find(kTypes, p.now().text, &TypeWord::text) != std::end(kTypes)) {
    const SourceSpan place{p.last().file, p.last().end, p.last().end};
    p.remark(Code::kE0101, p.here(), fmt::format("expected `:`, found {}", p.found(p.now())),
             "a `:` is written between a field and its type", Edit{place, ":"});
  } else {
    p.expect(TokenKind::kColon);
  }
  if (p.now().is(TokenKind::kString) && !p.panicking()) {
    p.remark(Code::kE0117, p.here(), "the type of a field is written without quotes",
             fmt::format("write `{}`", p.now().text), Edit{p.here(), p.now().text});
    p.read_as(TokenKind::kName);
  }
  if ((p.now().is("optional") || p.now().is("nullable")) && p.ahead().is(TokenKind::kName) &&
      !p.panicking()) {
    p.remark(Code::kE0117, p.here(), fmt::format("a field is not marked `{}`", p.now().text),
             fmt::format("write `{}?`", p.ahead().text));
    optional = true;
    p.take();
  }
  made.type = parse_type(p);
  made.type.optional = made.type.optional || optional;
  while (parse_modifier(p, made)) {
  }
  if (p.accept(TokenKind::kEqual)) made.computed = parse_expr(p);
  made.span = p.since(begin);
  return made;
}

void skip_doubled_type(ParseContext& p, std::string_view word) {
  if (p.panicking() || !p.now().is(word) || p.now().line_start) return;
  p.remark(Code::kE0101, p.here(), fmt::format("`{}` appears twice", word), "leave one out",
           Edit{p.here(), ""});
  p.take();
}

// A type of another language, `varchar(20)`, `numeric(12, 2)`: what is meant. Null if all of the
// type has been read into `made`, or nothing is meant.
const TypeWord* foreign_type(ParseContext& p, tree::TypeRef& made) {
  const SourceSpan begin = p.here();
  const Token& token = p.now();
  const std::string small = lowered(token.text);
  const auto* foreign = std::ranges::find(kForeignTypes, small, &ForeignWord::written);
  std::vector<std::string> names;
  for (const TypeWord& word : kTypes) names.emplace_back(word.text);
  std::optional<std::string> meant = nearest(token.text, names);
  if (foreign != std::end(kForeignTypes)) meant = foreign->meant;
  const bool scaled = small == "numeric" && p.ahead().is(TokenKind::kParenOpen) &&
                      p.ahead(2).is(TokenKind::kInt) && p.ahead(3).is(TokenKind::kComma) &&
                      p.ahead(4).is(TokenKind::kInt) && p.ahead(5).is(TokenKind::kParenClose);
  if (scaled) {
    const SourceSpan whole{begin.file, begin.begin, p.span(p.ahead(5)).end};
    const std::string fixed = fmt::format("decimal({})", p.ahead(4).text);
    p.remark(Code::kE0117, whole, fmt::format("there is no type `{}`", token.text),
             fmt::format("write `{}`", fixed), Edit{whole, fixed});
    for (int i = 0; i < 4; ++i) p.take();
    made.form = tree::TypeForm::kDecimal;
    made.scale = parse_integer(p, "the digits after the point");
    close_bracket(p, TokenKind::kParenClose);
    made.optional = p.accept(TokenKind::kQuestion);
    made.span = p.since(begin);
    return nullptr;
  }
  if (small.starts_with("decimal") && small.size() > 7) meant.reset();
  if (!meant) {
    p.fail(Code::kE0101, fmt::format("there is no type `{}`", token.text), "",
           {"the types are `bool`, `int`, `float`, `decimal(2)`, `string`, `time`, `date`, "
            "`duration`, `enum(a, b)`"});
    made.broken = true;
    return nullptr;
  }
  p.remark(foreign != std::end(kForeignTypes) || small == *meant ? Code::kE0117 : Code::kE0101,
           begin, fmt::format("there is no type `{}`", token.text),
           fmt::format("write `{}`", *meant), Edit{begin, *meant});
  const auto* known = std::ranges::find(kTypes, std::string_view(*meant), &TypeWord::text);
  if (!p.ahead().is(TokenKind::kParenOpen) || known->form == tree::TypeForm::kDecimal ||
      known->form == tree::TypeForm::kEnum) {
    return known;
  }
  p.take();  // `varchar(20)`
  while (p.now().is(TokenKind::kParenOpen) || p.now().is(TokenKind::kInt)) p.take();
  close_bracket(p, TokenKind::kParenClose);
  made.form = known->form;
  made.optional = p.accept(TokenKind::kQuestion);
  made.span = p.since(begin);
  return nullptr;
}

// `(2)`, behind `decimal`.
void parse_scale(ParseContext& p, tree::TypeRef& made) {
  if (!p.now().is(TokenKind::kParenOpen)) {
    p.remark(Code::kE0101, p.since(made.span), "a decimal declares its digits after the point",
             "write `decimal(2)`");
    p.broken = made.broken = true;
    return;
  }
  p.take();
  made.scale = parse_integer(p, "the digits after the point");
  if (p.now().is(TokenKind::kComma) && p.ahead().is(TokenKind::kInt)) {
    // SQL's precision and scale
    const SourceSpan comma = p.here();
    p.take();
    const std::string scale = p.now().text;
    const SourceSpan both{comma.file, made.scale->span.begin, p.here().end};
    p.remark(Code::kE0117, both, "a decimal has no precision",
             fmt::format("write `decimal({})`", scale), Edit{both, scale});
    made.scale = parse_integer(p, "the digits after the point");
  }
  close_bracket(p, TokenKind::kParenClose);
}

// `(pos, ecom)`, behind `enum`.
void parse_enum_words(ParseContext& p, tree::TypeRef& made) {
  if (!open_bracket(p, TokenKind::kParenOpen)) return;
  const auto begins = [&] {
    return p.now().is(TokenKind::kString) || p.now().is(TokenKind::kName) ||
           p.now().is(TokenKind::kQuotedName);
  };
  comma_list(
      p, TokenKind::kParenClose, [&] { made.words.push_back(parse_word(p, "a word of the enum")); },
      begins);
  if (made.words.empty() && !p.panicking()) {
    p.remark(Code::kE0101, p.since(made.span), "an enum without words", "", std::nullopt,
             {"list them: `enum(pos, ecom)`"});
    p.broken = made.broken = true;
  }
}
}  // namespace

tree::Event parse_event(ParseContext& p) {
  tree::Event made;
  begin_declaration(p, made);
  made.name = parse_declared_name(p, "the name of the event type", true);
  if (p.accept("from")) made.from = parse_string(p, "the event's `type` in quotes");
  if (p.panicking() && !resume_brace(p)) return made;
  if (!open_bracket(p, TokenKind::kBraceOpen)) return made;
  comma_list(
      p, TokenKind::kBraceClose, [&] { made.fields.push_back(parse_field(p)); },
      [&] {
        return at_entry(p) || (p.now().is(TokenKind::kString) && p.ahead().is(TokenKind::kColon));
      });
  return made;
}

tree::TypeRef parse_type(ParseContext& p) {
  tree::TypeRef made;
  const SourceSpan begin = p.here();
  made.span = begin;
  const Token& token = p.now();
  if (!token.is(TokenKind::kName)) {
    p.fail_expected("a type");
    made.broken = true;
    return made;
  }
  const auto* known = std::ranges::find(kTypes, token.text, &TypeWord::text);
  if (known == std::end(kTypes)) {
    known = foreign_type(p, made);
    if (known == nullptr) return made;
  }
  made.form = known->form;
  const std::string written = p.take().text;
  skip_doubled_type(p, written);
  if (made.form == tree::TypeForm::kDecimal) {
    parse_scale(p, made);
  } else if (made.form == tree::TypeForm::kEnum) {
    parse_enum_words(p, made);
  }
  made.optional = p.accept(TokenKind::kQuestion);
  made.broken = made.broken || p.panicking();
  made.span = p.since(begin);
  return made;
}
}  // namespace tocsin::rules
