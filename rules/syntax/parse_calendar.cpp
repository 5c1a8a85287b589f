// Units of the calendar: `today in ZONE`, `this month in ZONE`, `once per month in ZONE`,
// `tumbling month in ZONE`; and what people write instead of them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "rules/syntax/parser_impl.h"

namespace tocsin::rules {
using cep::CalendarUnit;

namespace {
struct UnitWord {
  std::string_view text, adverb;
  CalendarUnit unit;
};
constexpr UnitWord kUnitWords[] = {{"day", "daily", CalendarUnit::kDay},
                                   {"week", "weekly", CalendarUnit::kWeek},
                                   {"month", "monthly", CalendarUnit::kMonth},
                                   {"year", "yearly", CalendarUnit::kYear}};

std::optional<CalendarUnit> unit_of(const Token& token) {
  if (!token.is(TokenKind::kName)) return std::nullopt;
  const auto* found = std::ranges::find(kUnitWords, token.text, &UnitWord::text);
  return found == std::end(kUnitWords) ? std::nullopt : std::optional(found->unit);
}
// `month`, `Months`, `monthly`.
std::optional<CalendarUnit> foreign_unit_of(const Token& token) {
  if (!token.is(TokenKind::kName)) return std::nullopt;
  const std::string word = lowered(token.text);
  for (const UnitWord& unit : kUnitWords) {
    if (word == unit.text || word == unit.adverb || word == std::string(unit.text) + "s") {
      return unit.unit;
    }
  }
  return std::nullopt;
}
// What stands before a unit in other sentences: `over the calendar month`.
bool is_before_unit(const Token& token) {
  constexpr std::array<std::string_view, 6> kWords = {"calendar", "current", "the",
                                                      "this",     "each",    "whole"};
  return token.is(TokenKind::kName) &&
         std::ranges::find(kWords, lowered(token.text)) != kWords.end();
}
std::string window_text(CalendarUnit unit) {
  return unit == CalendarUnit::kDay ? "today" : fmt::format("this {}", cep::unit_name(unit));
}
}  // namespace

// The unit of the calendar that begins here, with what leads to it: `month`, `the calendar month`.
std::optional<Parser::UnitAhead> Parser::unit_ahead() {
  constexpr std::size_t kLeadingMax = 2;
  std::size_t leading = 0;
  const auto token = [&](std::size_t count) -> const Token& {
    return count == 0 ? now() : ahead(count);
  };
  while (leading < kLeadingMax && is_before_unit(token(leading))) ++leading;
  const auto unit = foreign_unit_of(token(leading));
  if (!unit) return std::nullopt;
  UnitAhead found;
  found.unit = *unit;
  found.words = leading + 1;
  found.is_exact = unit_of(token(leading)).has_value();
  const Token& behind = ahead(found.words);
  found.has_zone = behind.is("in") || behind.is(TokenKind::kString);
  found.span = here();
  if (leading > 0) found.span.end = lexer_.span(ahead(leading)).end;
  return found;
}
void Parser::take_unit(const UnitAhead& unit) {
  for (std::size_t i = 0; i < unit.words; ++i) take();
}

// `in ZONE` behind a unit; `form` is what stands before it, as it is written here.
tree::Zone Parser::calendar_zone(std::string_view form) {
  if (accept("in")) return zone();
  if (now().is(TokenKind::kString)) {
    const SourceSpan place{here().file, here().begin, here().begin};
    remark(Code::kE0101, here(), "expected `in` before the time zone", "", Edit{place, "in "});
    return zone();
  }
  remark(Code::kE0101, last(), fmt::format("`{}` without a time zone", form),
         fmt::format("write `{} in \"Europe/Berlin\"`", form), std::nullopt,
         {"it begins at midnight of a place; `in \"UTC\"` is midnight in UTC"});
  return made_up_zone();
}

// What is read on with after a mistake.
tree::Zone Parser::made_up_zone() {
  broken_ = true;
  tree::Zone made;
  made.literal.emplace();
  made.literal->text = "UTC";
  made.literal->span = made.span = last();
  return made;
}

// `today in ZONE`, `this month in ZONE`, and what is meant by `over month in ZONE`.
bool Parser::calendar_window(tree::Window& window) {
  if (accept("today")) {
    window.form = tree::RangeForm::kCalendar;
    window.zone = calendar_zone("today");
    return true;
  }
  const bool is_this = at("this");
  if (panic_) return false;
  const SourceSpan begin = here();
  const bool is_over = (now().is("last") || now().is("previous")) && unit_of(ahead()) &&
                       (ahead(2).is("in") || ahead(2).is(TokenKind::kString));
  const bool is_tumbling = now().is("tumbling") && unit_of(ahead());
  if (is_over || is_tumbling) take();
  const auto found = unit_ahead();
  if (!found) return false;
  const bool is_written = is_this && found->words == 2 && found->is_exact &&
                          found->unit != CalendarUnit::kDay && !is_over && !is_tumbling;
  window.form = tree::RangeForm::kCalendar;
  window.unit = found->unit;
  take_unit(*found);
  const std::string meant = window_text(window.unit);
  const SourceSpan whole = since(begin);
  if (is_over) {
    constexpr std::array kLengths = {"1d", "7d", "30d", "365d"};
    remark(
        Code::kE0101, whole,
        fmt::format("there is no window of the {} before this one", cep::unit_name(window.unit)),
        "", std::nullopt,
        {fmt::format("`{} in \"Europe/Berlin\"` is the {} so far; `last {}` goes back so far from "
                     "the event",
                     meant, cep::unit_name(window.unit),
                     kLengths[static_cast<std::size_t>(window.unit)])});
    broken_ = true;
  } else if (!is_written && !found->has_zone) {
    remark(Code::kE0101, whole,
           fmt::format("a window of the calendar is `{} in` a time zone", meant),
           fmt::format("write `{} in \"Europe/Berlin\"`", meant), std::nullopt,
           {"it begins at midnight of a place; `in \"UTC\"` is midnight in UTC"});
    window.zone = made_up_zone();
    return true;
  } else if (!is_written) {
    remark(Code::kE0117, whole,
           fmt::format("a window of the calendar is `{} in` a time zone", meant),
           fmt::format("write `{}`", meant), Edit{whole, meant});
  }
  window.zone = calendar_zone(meant);
  return true;
}

// `once per month in ZONE`, behind `per`. Without `in` a unit's word may be the name of a step.
bool Parser::calendar_once(tree::OnceClause& clause) {
  if (panic_) return false;
  const auto found = unit_ahead();
  const bool is_written = found && found->words == 1 && found->is_exact;
  if (found && (found->has_zone || found->words > 1)) {
    take_unit(*found);
    clause.form = tree::OnceForm::kPerUnit;
    clause.unit = found->unit;
    const std::string meant = cep::unit_name(found->unit);
    if (!found->has_zone) {
      remark(Code::kE0101, found->span, fmt::format("`once per {}` without a time zone", meant),
             fmt::format("write `{} in \"Europe/Berlin\"`", meant), std::nullopt,
             {fmt::format("a {} begins at midnight of a place; `in \"UTC\"` is midnight in UTC",
                          meant)});
      clause.zone = made_up_zone();
      return true;
    }
    if (!is_written) {
      remark(Code::kE0117, found->span,
             fmt::format("a unit of the calendar is written `{}`", meant),
             fmt::format("write `{}`", meant), Edit{found->span, meant});
    }
    clause.zone = calendar_zone(fmt::format("once per {}", meant));
    return true;
  }
  if (!now().is(TokenKind::kName) || !ahead().is("in")) return false;
  clause.form = tree::OnceForm::kPerUnit;
  no_unit();
  clause.zone = calendar_zone("");
  return true;
}

// `once per 1d in "UTC"`.
void Parser::zone_of_duration() {
  if (panic_ || !now().is("in") || !ahead().is(TokenKind::kString)) return;
  const SourceSpan whole{here().file, last().end, lexer_.span(ahead()).end};
  remark(Code::kE0117, whole, "a duration is as long in every time zone", "leave it out",
         Edit{whole, ""},
         {fmt::format("a day of the calendar is `once per day in \"{}\"`", ahead().text)});
  take();
  take();
}

// `quarter`, where a unit of the calendar is needed.
void Parser::no_unit() {
  remark(Code::kE0101, here(), fmt::format("`{}` is no unit of the calendar", now().text), "",
         std::nullopt, {"the units are `day`, `week`, `month` and `year`"});
  broken_ = true;
  take();
}

bool Parser::at_calendar_tumbling() {
  if (!now().is("tumbling") || !ahead().is(TokenKind::kName)) return false;
  if (is_before_unit(ahead()) || foreign_unit_of(ahead())) return true;
  return ahead(2).is("in") && ahead(3).is(TokenKind::kString);
}

// `month in "Europe/Berlin"`, behind `tumbling`.
void Parser::calendar_tumbling(tree::EventWindow& window) {
  const auto found = unit_ahead();
  window.unit = found ? found->unit : CalendarUnit::kMonth;
  if (!found) {
    while (is_before_unit(now()) && ahead().is(TokenKind::kName)) take();
    no_unit();
  } else {
    take_unit(*found);
    const std::string meant = cep::unit_name(found->unit);
    if (found->words > 1 || !found->is_exact) {
      remark(Code::kE0117, found->span,
             fmt::format("a unit of the calendar is written `{}`", meant),
             fmt::format("write `{}`", meant), Edit{found->span, meant});
    }
  }
  window.zone = calendar_zone(fmt::format("tumbling {}", cep::unit_name(*window.unit)));
  if (window.zone->literal || panic_) return;
  remark(Code::kE0101, window.zone->span, "the time zone of `tumbling` stands in quotes",
         "a field has no value before the first event", std::nullopt,
         {"write it out: `in \"Europe/Berlin\"`"});
  window.zone = made_up_zone();
}
}  // namespace tocsin::rules
