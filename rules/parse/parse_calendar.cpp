// Units of the calendar: `today in ZONE`, `this month in ZONE`, `once per month in ZONE`,
// `tumbling month in ZONE`; and what people write instead of them.
#include "rules/parse/parse_calendar.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cep/value/calendar_unit.h"
#include "rules/parse/grammar.h"
#include "rules/text/characters.h"

namespace tocsin::rules {
using cep::CalendarUnit;
namespace {
struct UnitAhead {
  CalendarUnit unit = CalendarUnit::kDay;
  std::size_t words = 1;  // with what leads to the unit
  bool is_exact = false;  // `month`, not `months`
  bool has_zone = false;  // `in` or a string stands behind it
  SourceSpan span;
};
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
// The unit of the calendar that begins here, with what leads to it: `month`, `the calendar month`.
std::optional<UnitAhead> unit_ahead(ParseContext& p) {
  constexpr std::size_t kLeadingMax = 2;
  std::size_t leading = 0;
  const auto token = [&](std::size_t count) -> const Token& {
    return count == 0 ? p.now() : p.ahead(count);
  };
  while (leading < kLeadingMax && is_before_unit(token(leading))) ++leading;
  const auto unit = foreign_unit_of(token(leading));
  if (!unit) return std::nullopt;
  UnitAhead found;
  found.unit = *unit;
  found.words = leading + 1;
  found.is_exact = unit_of(token(leading)).has_value();
  const Token& behind = p.ahead(found.words);
  found.has_zone = behind.is("in") || behind.is(TokenKind::kString);
  found.span = p.here();
  if (leading > 0) found.span.end = p.span(p.ahead(leading)).end;
  return found;
}

void take_unit(ParseContext& p, const UnitAhead& unit) {
  for (std::size_t i = 0; i < unit.words; ++i) p.take();
}

// What is read on with after a mistake.
tree::Zone made_up_zone(ParseContext& p) {
  p.broken = true;
  tree::Zone made;
  made.literal.emplace();
  made.literal->text = "UTC";
  made.literal->span = made.span = p.last();
  return made;
}

// `in ZONE` behind a unit; `form` is what stands before it, as it is written here.
tree::Zone calendar_zone(ParseContext& p, std::string_view form) {
  if (p.accept("in")) return parse_zone(p);
  if (p.now().is(TokenKind::kString)) {
    const SourceSpan place{p.here().file, p.here().begin, p.here().begin};
    p.remark(Code::kE0101, p.here(), "expected `in` before the time zone", "", Edit{place, "in "});
    return parse_zone(p);
  }
  p.remark(Code::kE0101, p.last(), fmt::format("`{}` without a time zone", form),
           fmt::format("write `{} in \"Europe/Berlin\"`", form), std::nullopt,
           {"it begins at midnight of a place; `in \"UTC\"` is midnight in UTC"});
  return made_up_zone(p);
}

// `quarter`, where a unit of the calendar is needed.
void no_unit(ParseContext& p) {
  p.remark(Code::kE0101, p.here(), fmt::format("`{}` is not a unit of the calendar", p.now().text),
           "", std::nullopt, {"the units are `day`, `week`, `month` and `year`"});
  p.broken = true;
  p.take();
}
}  // namespace

bool calendar_window(ParseContext& p, tree::Window& window) {
  if (p.accept("today")) {
    window.form = tree::RangeForm::kCalendar;
    window.zone = calendar_zone(p, "today");
    return true;
  }
  const bool is_this = p.at("this");
  if (p.panicking()) return false;
  const SourceSpan begin = p.here();
  const bool is_over = (p.now().is("last") || p.now().is("previous")) && unit_of(p.ahead()) &&
                       (p.ahead(2).is("in") || p.ahead(2).is(TokenKind::kString));
  const bool is_tumbling = p.now().is("tumbling") && unit_of(p.ahead());
  if (is_over || is_tumbling) p.take();
  const auto found = unit_ahead(p);
  if (!found) return false;
  const bool is_written = is_this && found->words == 2 && found->is_exact &&
                          found->unit != CalendarUnit::kDay && !is_over && !is_tumbling;
  window.form = tree::RangeForm::kCalendar;
  window.unit = found->unit;
  take_unit(p, *found);
  const std::string meant = window_text(window.unit);
  const SourceSpan whole = p.since(begin);
  if (is_over) {
    constexpr std::array kLengths = {"1d", "7d", "30d", "365d"};
    p.remark(
        Code::kE0101, whole,
        fmt::format("there is no window of the {} before this one", cep::unit_name(window.unit)),
        "", std::nullopt,
        {fmt::format("`{} in \"Europe/Berlin\"` is the {} so far; `last {}` goes back so far from "
                     "the event",
                     meant, cep::unit_name(window.unit),
                     kLengths[static_cast<std::size_t>(window.unit)])});
    p.broken = true;
  } else if (!is_written && !found->has_zone) {
    p.remark(Code::kE0101, whole,
             fmt::format("a window of the calendar is `{} in` a time zone", meant),
             fmt::format("write `{} in \"Europe/Berlin\"`", meant), std::nullopt,
             {"it begins at midnight of a place; `in \"UTC\"` is midnight in UTC"});
    window.zone = made_up_zone(p);
    return true;
  } else if (!is_written) {
    p.remark(Code::kE0117, whole,
             fmt::format("a window of the calendar is `{} in` a time zone", meant),
             fmt::format("write `{}`", meant), Edit{whole, meant});
  }
  window.zone = calendar_zone(p, meant);
  return true;
}

bool calendar_once(ParseContext& p, tree::OnceClause& clause) {
  if (p.panicking()) return false;
  const auto found = unit_ahead(p);
  const bool is_written = found && found->words == 1 && found->is_exact;
  if (found && (found->has_zone || found->words > 1)) {
    take_unit(p, *found);
    clause.form = tree::OnceForm::kPerUnit;
    clause.unit = found->unit;
    const std::string meant = cep::unit_name(found->unit);
    if (!found->has_zone) {
      p.remark(Code::kE0101, found->span, fmt::format("`once per {}` without a time zone", meant),
               fmt::format("write `{} in \"Europe/Berlin\"`", meant), std::nullopt,
               {fmt::format("a {} begins at midnight of a place; `in \"UTC\"` is midnight in UTC",
                            meant)});
      clause.zone = made_up_zone(p);
      return true;
    }
    if (!is_written) {
      p.remark(Code::kE0117, found->span,
               fmt::format("a unit of the calendar is written `{}`", meant),
               fmt::format("write `{}`", meant), Edit{found->span, meant});
    }
    clause.zone = calendar_zone(p, fmt::format("once per {}", meant));
    return true;
  }
  if (!p.now().is(TokenKind::kName) || !p.ahead().is("in")) return false;
  clause.form = tree::OnceForm::kPerUnit;
  no_unit(p);
  clause.zone = calendar_zone(p, "");
  return true;
}

void zone_of_duration(ParseContext& p) {
  if (p.panicking() || !p.now().is("in") || !p.ahead().is(TokenKind::kString)) return;
  const SourceSpan whole{p.here().file, p.last().end, p.span(p.ahead()).end};
  p.remark(Code::kE0117, whole, "a duration is as long in every time zone", "leave it out",
           Edit{whole, ""},
           {fmt::format("a day of the calendar is `once per day in \"{}\"`", p.ahead().text)});
  p.take();
  p.take();
}

bool at_calendar_tumbling(ParseContext& p) {
  if (!p.now().is("tumbling") || !p.ahead().is(TokenKind::kName)) return false;
  if (is_before_unit(p.ahead()) || foreign_unit_of(p.ahead())) return true;
  return p.ahead(2).is("in") && p.ahead(3).is(TokenKind::kString);
}

void calendar_tumbling(ParseContext& p, tree::EventWindow& window) {
  const auto found = unit_ahead(p);
  window.unit = found ? found->unit : CalendarUnit::kMonth;
  if (!found) {
    while (is_before_unit(p.now()) && p.ahead().is(TokenKind::kName)) p.take();
    no_unit(p);
  } else {
    take_unit(p, *found);
    const std::string meant = cep::unit_name(found->unit);
    if (found->words > 1 || !found->is_exact) {
      p.remark(Code::kE0117, found->span,
               fmt::format("a unit of the calendar is written `{}`", meant),
               fmt::format("write `{}`", meant), Edit{found->span, meant});
    }
  }
  window.zone = calendar_zone(p, fmt::format("tumbling {}", cep::unit_name(*window.unit)));
  if (window.zone->literal || p.panicking()) return;
  p.remark(Code::kE0101, window.zone->span, "the time zone of `tumbling` is written in quotes",
           "a field has no value before the first event", std::nullopt,
           {"write it out: `in \"Europe/Berlin\"`"});
  window.zone = made_up_zone(p);
}
}  // namespace tocsin::rules
