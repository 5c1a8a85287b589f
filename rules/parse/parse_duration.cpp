// Durations, and what other languages write for them.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/value/calendar_unit.h"
#include "cep/value/time.h"
#include "rules/parse/lexemes.h"
#include "rules/text/characters.h"

namespace tocsin::rules {
namespace {
struct Unit {
  std::string_view written, meant;
};
// A unit where a duration is needed.
constexpr Unit kAlone[] = {{"second", "1s"}, {"minute", "1m"}, {"hour", "1h"},  {"day", "1d"},
                           {"week", "1w"},   {"month", "30d"}, {"year", "365d"}};
// A unit behind a number and a blank.
constexpr Unit kUnits[] = {{"ms", "ms"},
                           {"s", "s"},
                           {"m", "m"},
                           {"h", "h"},
                           {"d", "d"},
                           {"w", "w"},
                           {"second", "s"},
                           {"seconds", "s"},
                           {"sec", "s"},
                           {"minute", "m"},
                           {"minutes", "m"},
                           {"min", "m"},
                           {"hour", "h"},
                           {"hours", "h"},
                           {"day", "d"},
                           {"days", "d"},
                           {"week", "w"},
                           {"weeks", "w"},
                           {"millisecond", "ms"},
                           {"milliseconds", "ms"}};
constexpr const char* kNoUnit = "a duration is a number followed by its unit";

// A month is no length of time.
std::vector<std::string> calendar_helps(std::string_view word) {
  std::vector<std::string> helps;
  for (const auto unit : {cep::CalendarUnit::kMonth, cep::CalendarUnit::kYear}) {
    const std::string_view text = cep::unit_name(unit);
    if (!word.starts_with(text)) continue;
    helps.push_back(
        fmt::format("{0}s differ in length; of the calendar are `over this {0} in "
                    "\"Europe/Berlin\"` and `once per {0} in \"Europe/Berlin\"`",
                    text));
  }
  return helps;
}

// `"10m"`, `day`.
std::optional<tree::DurationLiteral> quoted_or_alone(ParseContext& p) {
  const Token& token = p.now();
  const std::string alone = token.is(TokenKind::kName) ? lowered(token.text) : std::string();
  const auto* unit_alone = std::ranges::find(kAlone, alone, &Unit::written);
  const bool quoted = token.is(TokenKind::kString) && cep::parse_duration(token.text);
  if (!quoted && unit_alone == std::end(kAlone)) return std::nullopt;
  const std::string meant = quoted ? token.text : std::string(unit_alone->meant);
  const SourceSpan span = p.here();
  p.remark(Code::kE0117, span, quoted ? "a duration is written without quotes" : kNoUnit,
           fmt::format("write `{}`", meant), Edit{span, meant}, calendar_helps(alone));
  p.take();
  return tree::DurationLiteral{*cep::parse_duration(meant), span, meant};
}

// `10 minutes`, `10 m`, and `0`; the current token is a number.
std::optional<tree::DurationLiteral> apart_from_unit(ParseContext& p, bool positive) {
  const Token& token = p.now();
  const std::string digits = token.text;
  const SourceSpan begin = p.here();
  std::string_view meant;
  SourceSpan whole = begin;
  std::string small;
  if (p.ahead().is(TokenKind::kName)) {
    small = lowered(p.ahead().text);
    const auto* unit = std::ranges::find(kUnits, small, &Unit::written);
    if (unit != std::end(kUnits)) meant = unit->meant;
    whole.end = p.span(p.ahead()).end;
  }
  // `3 months`
  if (const std::vector<std::string> helps = calendar_helps(small);
      !helps.empty() && token.value.number > 0 && token.value.number < 1'000) {
    const int days = static_cast<int>(token.value.number) * (small.starts_with("m") ? 30 : 365);
    const std::string fixed = fmt::format("{}d", days);
    p.remark(Code::kE0117, whole, kNoUnit, fmt::format("write `{}`", fixed), Edit{whole, fixed},
             helps);
    p.take();
    p.take();
    return tree::DurationLiteral{*cep::parse_duration(fixed), whole, fixed};
  }
  const bool zero = meant.empty() && token.value.number == 0;
  if (zero) whole = begin;
  if (!zero && meant.empty()) return std::nullopt;
  const std::string fixed = digits + std::string(zero ? "s" : meant);
  const auto value = cep::parse_duration(fixed);
  if (!value) return std::nullopt;
  // That it is too short is told once the clause is checked.
  if (!zero || !positive) {
    p.remark(Code::kE0117, whole, kNoUnit, fmt::format("write `{}`", fixed), Edit{whole, fixed});
  }
  p.take();
  if (!zero) p.take();
  return tree::DurationLiteral{*value, whole, fixed};
}
}  // namespace

std::optional<tree::DurationLiteral> parse_duration(ParseContext& p, bool positive) {
  const Token& token = p.now();
  if (token.is(TokenKind::kDuration)) {
    constexpr cep::Duration kUnread{60'000'000};
    const cep::Duration value =
        token.bad ? kUnread : cep::Duration{static_cast<std::int64_t>(token.value.number)};
    tree::DurationLiteral literal{value, p.here(), token.text};
    p.take();
    return literal;
  }
  if (auto meant = quoted_or_alone(p)) return meant;
  if (token.is(TokenKind::kInt) && !token.bad) {
    if (auto meant = apart_from_unit(p, positive)) return meant;
  }
  if (token.is(TokenKind::kName) && lowered(token.text) == "interval") {
    p.fail(Code::kE0117, fmt::format("the language has no `{}`", token.text), "",
           {"a duration is a number followed by its unit: `5m`"});
    return std::nullopt;
  }
  std::vector<std::string> helps;
  if (token.is(TokenKind::kInt))
    helps.emplace_back(
        "a unit is written directly after the number: `ms`, `s`, `m`, `h`, `d`, `w`");
  p.fail_expected("a duration such as `10m`", std::move(helps));
  return std::nullopt;
}
}  // namespace tocsin::rules
