// Event types, their fields, and types.
#include <fmt/format.h>

#include <algorithm>

#include "rules/syntax/parser_impl.h"
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
}  // namespace

tree::Event Parser::event() {
  tree::Event made;
  begin(made);
  made.name = declared_name("the name of the event type", true);
  if (accept("from")) made.from = string("the event's `type` in quotes");
  if (panic_ && !resume_brace()) return made;
  if (!open(TokenKind::kBraceOpen)) return made;
  comma_list(
      TokenKind::kBraceClose, [&] { made.fields.push_back(field()); },
      [this] {
        return at_entry() || (now().is(TokenKind::kString) && ahead().is(TokenKind::kColon));
      });
  return made;
}

// `time ts`, `user?: string`, `"user": "string"`: the name of a field, up to its `:`.
bool Parser::foreign_field(tree::Field& field) {
  if (panic_) return false;
  const SourceSpan begin = here();
  foreign_entry();
  const bool is_type =
      now().is(TokenKind::kName) &&
      (std::ranges::find(kTypes, now().text, &TypeWord::text) != std::end(kTypes) ||
       std::ranges::find(kForeignTypes, lowered(now().text), &ForeignWord::written) !=
           std::end(kForeignTypes));
  if (is_type && ahead().is(TokenKind::kName) && !ahead().line_start && !is_keyword(ahead().text)) {
    const std::string type = now().text;
    take();
    field.name = name("the name of a field");
    const SourceSpan whole = since(begin);
    remark(Code::kE0117, whole, "the type of a field stands behind it",
           fmt::format("write `{}: {}`", field.name.text, type),
           Edit{whole, fmt::format("{}: {}", field.name.text, type)});
    field.type.span = whole;
    field.type.broken = true;
    return true;
  }
  return false;
}

tree::Field Parser::field() {
  tree::Field made;
  const SourceSpan begin = here();
  if (foreign_field(made)) {
    made.span = since(begin);
    broken_ = true;
    return made;
  }
  made.name = declared_name("the name of a field", true);
  bool optional = false;
  if (now().is(TokenKind::kQuestion) && ahead().is(TokenKind::kColon) && !panic_) {
    remark(Code::kE0117, here(), "the `?` of a field that may be missing stands behind its type",
           fmt::format("write `{}: TYPE?`", made.name.text));
    optional = true;
    take();
  }
  if (now().is(TokenKind::kName) &&
      std::ranges::find(kTypes, now().text, &TypeWord::text) != std::end(kTypes)) {
    const SourceSpan place{last().file, last().end, last().end};
    remark(Code::kE0101, here(), fmt::format("expected `:`, found {}", found(now())),
           "a `:` stands between a field and its type", Edit{place, ":"});
  } else {
    expect(TokenKind::kColon);
  }
  if (now().is(TokenKind::kString) && !panic_) {
    remark(Code::kE0117, here(), "the type of a field stands without quotes",
           fmt::format("write `{}`", now().text), Edit{here(), now().text});
    now_->kind = TokenKind::kName;
  }
  if ((now().is("optional") || now().is("nullable")) && ahead().is(TokenKind::kName) && !panic_) {
    remark(Code::kE0117, here(), fmt::format("a field is not marked `{}`", now().text),
           fmt::format("write `{}?`", ahead().text));
    optional = true;
    take();
  }
  made.type = type();
  made.type.optional = made.type.optional || optional;
  while (modifier(made)) {
  }
  if (accept(TokenKind::kEqual)) made.computed = expr();
  made.span = since(begin);
  return made;
}

bool Parser::modifier(tree::Field& field) {
  using tree::ModifierKind;
  tree::Modifier made;
  const SourceSpan begin = here();
  if (accept("up")) {
    made.kind = ModifierKind::kUpToLate;
    expect("to");
    made.duration = duration();
    expect("late");
  } else if (accept("unique")) {
    made.kind = ModifierKind::kUnique;
    if (accept("within")) made.duration = duration();
  } else if (accept("id")) {
    made.kind = ModifierKind::kId;
  } else if (accept("key")) {
    made.kind = ModifierKind::kKey;
  } else if (now().is("from") && ahead().is(TokenKind::kInt)) {
    take();
    made.kind = ModifierKind::kAnyYear;
    const std::optional<tree::IntLiteral> year = integer("`1970`");
    if (year && year->value != 1970) {
      remark(Code::kE0101, year->span, "times are counted from 1970", "write `from 1970`",
             Edit{year->span, "1970"}, {"it says that numbers of any year are times"});
    }
  } else if (accept("from")) {
    made.kind = ModifierKind::kFrom;
    made.path = string("a path in quotes");
  } else if (accept("in")) {
    made.kind = ModifierKind::kUnit;
    made.unit = time_unit();
    if (now().is(TokenKind::kQuestion) && !now().line_start) {
      remark(Code::kE0101, here(), "the `?` stands directly behind the type",
             fmt::format("write `time? in {}`", cep::time_unit_name(made.unit)), std::nullopt);
      field.type.optional = true;
      take();
    }
  } else if (accept("pii")) {
    made.kind = ModifierKind::kPii;
  } else if (accept("evidence")) {
    made.kind = ModifierKind::kEvidence;
  } else {
    const std::string small = now().is(TokenKind::kName) ? lowered(now().text) : std::string();
    if (now().is("not") && lowered(ahead().text) == "null" && !panic_) {
      const SourceSpan both{begin.file, begin.begin, lexer_.span(ahead()).end};
      remark(Code::kE0117, both, "a field is always there unless it is marked `?`", "leave it out",
             Edit{both, ""});
      take();
      take();
      return !panic_;
    }
    if (small == "optional" || small == "nullable" || small == "null") {
      remark(Code::kE0117, begin, fmt::format("a field is not marked `{}`", now().text),
             "a `?` behind the type says that it may be missing");
      take();
      return !panic_;
    }
    return false;
  }
  made.span = since(begin);
  if (!panic_) field.modifiers.push_back(std::move(made));
  return !panic_;
}

// What a number counts: `s`, `ms`, `us`, `ns`.
cep::TimeUnit Parser::time_unit() {
  if (!now().is(TokenKind::kName)) {
    fail_expected("a unit: `s`, `ms`, `us` or `ns`");
    return cep::TimeUnit::kMicroseconds;
  }
  const std::string written = now().text;
  const auto* known = std::ranges::find(kUnits, std::string_view(written), &UnitWord::text);
  if (known == std::end(kUnits)) {
    const std::string small = lowered(written);
    const auto* foreign = std::ranges::find(kForeignUnits, small, &ForeignWord::written);
    const std::string_view meant =
        foreign == std::end(kForeignUnits) ? std::string_view(small) : foreign->meant;
    known = std::ranges::find(kUnits, meant, &UnitWord::text);
    if (known == std::end(kUnits)) {
      fail(Code::kE0101, fmt::format("there is no unit `{}` of times", written), "",
           {"the units are `s`, `ms`, `us` and `ns`"});
      return cep::TimeUnit::kMicroseconds;
    }
    remark(Code::kE0117, here(), fmt::format("there is no unit `{}` of times", written),
           fmt::format("write `{}`", known->text), Edit{here(), std::string(known->text)});
  }
  take();
  return known->unit;
}

void Parser::skip_doubled_type(std::string_view word) {
  if (panic_ || !now().is(word) || now().line_start) return;
  remark(Code::kE0101, here(), fmt::format("`{}` stands twice", word), "leave one out",
         Edit{here(), ""});
  take();
}

tree::TypeRef Parser::type() {
  tree::TypeRef made;
  const SourceSpan begin = here();
  made.span = begin;
  const Token& token = now();
  if (!token.is(TokenKind::kName)) {
    fail_expected("a type");
    made.broken = true;
    return made;
  }
  const auto* known = std::ranges::find(kTypes, token.text, &TypeWord::text);
  if (known == std::end(kTypes)) {
    const std::string small = lowered(token.text);
    const auto* foreign = std::ranges::find(kForeignTypes, small, &ForeignWord::written);
    std::vector<std::string> names;
    for (const TypeWord& word : kTypes) names.emplace_back(word.text);
    std::optional<std::string> meant = nearest(token.text, names);
    if (foreign != std::end(kForeignTypes)) meant = foreign->meant;
    const bool scaled = small == "numeric" && ahead().is(TokenKind::kParenOpen) &&
                        ahead(2).is(TokenKind::kInt) && ahead(3).is(TokenKind::kComma) &&
                        ahead(4).is(TokenKind::kInt) && ahead(5).is(TokenKind::kParenClose);
    if (scaled) {
      const SourceSpan whole{begin.file, begin.begin, lexer_.span(ahead(5)).end};
      const std::string fixed = fmt::format("decimal({})", ahead(4).text);
      remark(Code::kE0117, whole, fmt::format("there is no type `{}`", token.text),
             fmt::format("write `{}`", fixed), Edit{whole, fixed});
      for (int i = 0; i < 4; ++i) take();
      made.form = tree::TypeForm::kDecimal;
      made.scale = integer("the digits after the point");
      close(TokenKind::kParenClose);
      made.optional = accept(TokenKind::kQuestion);
      made.span = since(begin);
      return made;
    }
    if (small.starts_with("decimal") && small.size() > 7) meant.reset();
    if (!meant) {
      fail(Code::kE0101, fmt::format("there is no type `{}`", token.text), "",
           {"the types are `bool`, `int`, `float`, `decimal(2)`, `string`, `time`, `date`, "
            "`duration`, `enum(a, b)`"});
      made.broken = true;
      return made;
    }
    remark(foreign != std::end(kForeignTypes) || small == *meant ? Code::kE0117 : Code::kE0101,
           begin, fmt::format("there is no type `{}`", token.text),
           fmt::format("write `{}`", *meant), Edit{begin, *meant});
    known = std::ranges::find(kTypes, std::string_view(*meant), &TypeWord::text);
    if (ahead().is(TokenKind::kParenOpen) && known->form != tree::TypeForm::kDecimal &&
        known->form != tree::TypeForm::kEnum) {
      take();  // `varchar(20)`
      while (now().is(TokenKind::kParenOpen) || now().is(TokenKind::kInt)) take();
      close(TokenKind::kParenClose);
      made.form = known->form;
      made.optional = accept(TokenKind::kQuestion);
      made.span = since(begin);
      return made;
    }
  }
  made.form = known->form;
  const std::string written = take().text;
  skip_doubled_type(written);
  if (made.form == tree::TypeForm::kDecimal) {
    if (!now().is(TokenKind::kParenOpen)) {
      remark(Code::kE0101, since(begin), "a decimal says how many digits stand after its point",
             "write `decimal(2)`");
      broken_ = made.broken = true;
    } else {
      take();
      made.scale = integer("the digits after the point");
      if (now().is(TokenKind::kComma) && ahead().is(TokenKind::kInt)) {
        // SQL's precision and scale
        const SourceSpan comma = here();
        take();
        const std::string scale = now().text;
        const SourceSpan both{comma.file, made.scale->span.begin, here().end};
        remark(Code::kE0117, both, "a decimal has no precision",
               fmt::format("write `decimal({})`", scale), Edit{both, scale});
        made.scale = integer("the digits after the point");
      }
      close(TokenKind::kParenClose);
    }
  } else if (made.form == tree::TypeForm::kEnum && open(TokenKind::kParenOpen)) {
    const auto begins = [this] {
      return now().is(TokenKind::kString) || now().is(TokenKind::kName) ||
             now().is(TokenKind::kQuotedName);
    };
    comma_list(
        TokenKind::kParenClose, [&] { made.words.push_back(word("a word of the enum")); }, begins);
    if (made.words.empty() && !panic_) {
      remark(Code::kE0101, since(begin), "an enum without words", "", std::nullopt,
             {"list them: `enum(pos, ecom)`"});
      broken_ = made.broken = true;
    }
  }
  made.optional = accept(TokenKind::kQuestion);
  made.broken = made.broken || panic_;
  made.span = since(begin);
  return made;
}
}  // namespace tocsin::rules
