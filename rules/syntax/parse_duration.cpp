// Durations, and what other languages write for them.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "rules/syntax/lexemes.h"
#include "rules/text/characters.h"

namespace tocsin::rules {
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
  struct Unit {
    std::string_view written, meant;
  };
  // `"10m"`, `day`
  constexpr Unit kAlone[] = {{"second", "1s"}, {"minute", "1m"}, {"hour", "1h"},  {"day", "1d"},
                             {"week", "1w"},   {"month", "30d"}, {"year", "365d"}};
  // A month is no length of time.
  const auto calendar_helps = [](std::string_view word) {
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
  };
  const std::string alone = token.is(TokenKind::kName) ? lowered(token.text) : std::string();
  const auto* unit_alone = std::ranges::find(kAlone, alone, &Unit::written);
  const bool quoted = token.is(TokenKind::kString) && cep::parse_duration(token.text);
  if (quoted || unit_alone != std::end(kAlone)) {
    const std::string meant = quoted ? token.text : std::string(unit_alone->meant);
    const SourceSpan span = p.here();
    p.remark(Code::kE0117, span,
             quoted ? "a duration stands without quotes"
                    : "a duration is a number with its unit behind it",
             fmt::format("write `{}`", meant), Edit{span, meant}, calendar_helps(alone));
    p.take();
    return tree::DurationLiteral{*cep::parse_duration(meant), span, meant};
  }
  // `10 minutes`, `10 m`, and `0`.
  if (token.is(TokenKind::kInt) && !token.bad) {
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
      p.remark(Code::kE0117, whole, "a duration is a number with its unit behind it",
               fmt::format("write `{}`", fixed), Edit{whole, fixed}, helps);
      p.take();
      p.take();
      return tree::DurationLiteral{*cep::parse_duration(fixed), whole, fixed};
    }
    const bool zero = meant.empty() && token.value.number == 0;
    if (zero) whole = begin;
    if (zero || !meant.empty()) {
      const std::string fixed = digits + std::string(zero ? "s" : meant);
      if (const auto value = cep::parse_duration(fixed)) {
        // That it is too short is told once the clause is checked.
        if (!zero || !positive) {
          p.remark(Code::kE0117, whole, "a duration is a number with its unit behind it",
                   fmt::format("write `{}`", fixed), Edit{whole, fixed});
        }
        p.take();
        if (!zero) p.take();
        return tree::DurationLiteral{*value, whole, fixed};
      }
    }
  }
  std::vector<std::string> helps;
  if (token.is(TokenKind::kName) && lowered(token.text) == "interval") {
    p.fail(Code::kE0117, fmt::format("the language has no `{}`", token.text), "",
           {"a duration is a number with its unit behind it: `5m`"});
    return std::nullopt;
  }
  if (token.is(TokenKind::kInt))
    helps.emplace_back("a unit stands directly behind the number: `ms`, `s`, `m`, `h`, `d`, `w`");
  p.fail_expected("a duration such as `10m`", std::move(helps));
  return std::nullopt;
}
}  // namespace tocsin::rules
