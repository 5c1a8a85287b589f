// The tests that stand beside the rules.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

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
// A `}` too many behind the values of a line.
void skip_second_brace(ParseContext& p) {
  if (p.panicking() || !p.now().is(TokenKind::kBraceClose) || p.now().line_start) return;
  const Token& next = p.ahead();
  const bool goes_on = next.line_start && (next.is(TokenKind::kDuration) || next.is("expect") ||
                                           next.is("until") || next.is(TokenKind::kBraceClose));
  if (!goes_on) return;
  p.remark(Code::kE0114, p.here(), "this `}` closes nothing", "", Edit{p.here(), ""});
  const OpenBrackets open = p.brackets;
  p.take();
  p.brackets = open;
}

void parse_test_line(ParseContext& p, tree::Test& test) {
  tree::TestLine line;
  const SourceSpan begin = p.here();
  foreign_offset(p);
  if (p.now().is(TokenKind::kName) && !is_keyword(p.now().text) &&
      p.ahead().is(TokenKind::kBraceOpen) && !p.panicking()) {
    line.event = parse_name(p, "an event type");
    line.values = parse_record(p, true);
    skip_second_brace(p);
    p.broken = true;
    line.span = p.since(begin);
    if (!p.panicking()) test.lines.push_back(std::move(line));
    return;
  }
  if (p.accept("until")) {
    line.until = true;
    if (auto offset = parse_duration(p)) line.offset = std::move(*offset);
  } else if (p.now().is(TokenKind::kDuration) || p.now().is(TokenKind::kInt)) {
    if (auto offset = parse_duration(p)) line.offset = std::move(*offset);
    line.event = parse_name(p, "an event type");
    line.values = parse_record(p, true);
    skip_second_brace(p);
  } else if (p.now().is("starting")) {
    p.fail(Code::kE0101, "`starting` stands once and first in a test");
  } else {
    p.note("an event such as `10s payment { … }`");
    p.fail_expected();
  }
  line.span = p.since(begin);
  if (!p.panicking()) test.lines.push_back(std::move(line));
}

// `alert at 3s`, `no alert` where `expect` is missing or misspelt before it.
bool begins_expectation(ParseContext& p) {
  if (p.panicking() || !p.now().is(TokenKind::kName) || !p.now().line_start) return false;
  const auto begins = [](const Token& first, const Token& second) {
    return first.is("alert") || (first.is("no") && second.is("alert"));
  };
  if (begins(p.now(), p.ahead())) return true;
  return begins(p.ahead(), p.ahead(2)) && edit_distance(p.now().text, "expect", 2) <= 2;
}

bool accept_missing_expect(ParseContext& p) {
  if (!begins_expectation(p)) return false;
  const bool misspelt = !p.now().is("alert") && !p.now().is("no");
  if (misspelt) {
    p.remark(Code::kE0101, p.here(), fmt::format("expected `expect`, found {}", p.found(p.now())),
             "did you mean `expect`?", Edit{p.here(), "expect"});
    p.take();
    return true;
  }
  const SourceSpan place{p.here().file, p.here().begin, p.here().begin};
  p.remark(Code::kE0101, p.here(), fmt::format("expected `expect` before {}", p.found(p.now())), "",
           Edit{place, "expect "});
  return true;
}

void parse_expectations(ParseContext& p, tree::Test& test) {
  bool none = false;
  while (p.accept("expect") || accept_missing_expect(p)) {
    const SourceSpan begin = p.last();
    p.guessed = false;
    constexpr std::string_view kNone[] = {"nothing", "none", "not", "zero"};
    if (p.now().is(TokenKind::kName) && !p.panicking() &&
        std::ranges::find(kNone, lowered(p.now().text)) != std::end(kNone)) {
      const bool alert = p.ahead().is("alert") && !p.ahead().line_start;
      const SourceSpan whole{p.here().file, p.here().begin,
                             alert ? p.span(p.ahead()).end : p.here().end};
      p.remark(Code::kE0117, whole, "to expect no alert, write `expect no alert`",
               "write `no alert`", Edit{whole, "no alert"});
      p.take();
      if (alert) p.take();
      none = true;
      continue;
    }
    if (p.accept("no")) {
      p.expect("alert");
      if (!p.panicking() && !test.expected.empty()) {
        p.remark(Code::kE0101, p.since(begin), "`expect no alert` beside an expected alert", "",
                 std::nullopt,
                 {"all alerts are listed: an alert that is not listed must not be raised"});
        p.broken = true;
      }
      none = true;
      continue;
    }
    tree::Expected expected;
    std::optional<tree::IntLiteral> counted;  // `expect 2 alerts`
    if (p.now().is(TokenKind::kInt) && !p.panicking() &&
        (p.ahead().is("alert") || p.ahead().is("alerts"))) {
      const SourceSpan whole{p.here().file, p.here().begin, p.span(p.ahead()).end};
      const std::string meant = fmt::format("alert {} times", p.now().text);
      p.remark(Code::kE0117, whole, "the number of alerts is written after `alert`",
               fmt::format("write `{}`", meant), Edit{whole, meant});
      counted = parse_integer(p, "a count");
      p.read_as("alert");
    }
    // Each round takes a token: an `alert` that is taken for a missing `expect` is one.
    if (p.now().is("at") || p.now().is(TokenKind::kBraceOpen) ||
        (at_entry(p) && !p.now().is("alert"))) {
      const SourceSpan place{p.here().file, p.last().end, p.last().end};
      p.remark(Code::kE0101, place, "expected `alert` after `expect`", "", Edit{place, " alert"});
    } else if (!p.expect("alert")) {
      return;
    }
    expected.times = std::move(counted);
    if (p.now().is(TokenKind::kInt)) {
      expected.times = parse_integer(p, "a count");
      p.expect("times");
    }
    if (p.accept("at")) expected.at = parse_duration(p);
    if (p.now().is(TokenKind::kBraceOpen) || (at_entry(p) && !p.now().line_start)) {
      expected.fields = parse_record(p, true);
      skip_second_brace(p);
    } else {
      p.at(TokenKind::kBraceOpen);
    }
    expected.span = p.since(begin);
    if (p.panicking()) return;
    if (none) {
      p.remark(Code::kE0101, expected.span, "an expected alert beside `expect no alert`", "",
               std::nullopt,
               {"all alerts are listed: an alert that is not listed must not be raised"});
      p.broken = true;
    }
    test.expected.push_back(std::move(expected));
  }
}

// At the next line of a test, or its end.
bool resume_test_line(ParseContext& p, std::size_t base) {
  p.calm();
  for (;;) {
    const Token& token = p.current();
    if (token.is(TokenKind::kEnd) || at_declaration(p)) break;
    if (token.is(TokenKind::kBraceClose) && !p.brackets.is_open(TokenKind::kBraceOpen, base)) break;
    if (token.line_start &&
        (token.is(TokenKind::kDuration) || token.is("until") || token.is("expect")))
      break;
    if (p.brackets.count() <= base && token.is("expect")) break;
    skip_one(p);
  }
  p.brackets.forget(base);
  return true;
}

// The name of the rule and the title.
void parse_test_head(ParseContext& p, tree::Test& made) {
  if (p.now().is(TokenKind::kString) && !p.panicking()) {
    const SourceSpan span = p.here();
    const bool quoted = p.ahead().is(TokenKind::kString);
    const std::string meant = quoted && is_plain_name(p.now().text) ? p.now().text : p.last_rule;
    p.remark(
        Code::kE0101, span,
        quoted ? "the name of a rule is written without quotes" : "a test names its rule first",
        meant.empty() ? std::string() : fmt::format("write `{}{}`", meant, quoted ? "" : " \"…\""),
        meant.empty() ? std::nullopt
        : quoted      ? std::optional(Edit{span, meant})
                      : std::optional(Edit{{span.file, span.begin, span.begin}, meant + " "}));
    if (quoted) p.take();
    made.rule = {meant, span, false};
    p.broken = p.broken || meant.empty();
  } else {
    made.rule = parse_declared_name(p, "the name of a rule");
  }
  if (p.now().is(TokenKind::kBraceOpen) && !p.panicking()) {
    p.remark(Code::kE0101, p.here(), "expected the test's title in quotes, found `{`", "",
             std::nullopt,
             {fmt::format("write in a few words what it shows: `test {} \"a large payment\" {{`",
                          made.rule.text.empty() ? "large" : made.rule.text)});
    p.broken = true;
  } else if (auto title = parse_string(p, "the test's title in quotes"))
    made.title = std::move(*title);
}

// `starting 2026-11-20T10:00:00Z`, if it is there.
void parse_starting(ParseContext& p, tree::Test& made) {
  if (!p.accept("starting")) return;
  made.starting_span = p.here();
  if (p.now().is(TokenKind::kTime)) {
    const Token token = p.take();
    if (!token.bad) made.starting = cep::EventTime{static_cast<std::int64_t>(token.value.number)};
    made.starting_text = token.text;
  } else {
    p.fail_expected("a time such as `2026-11-20T10:00:00Z`");
  }
}

// What is behind the expectations and does not belong there. `base`: the brackets of the test.
void skip_rest(ParseContext& p, std::size_t base) {
  while (!p.panicking() && !p.now().is(TokenKind::kBraceClose) && !p.now().is(TokenKind::kEnd) &&
         !at_declaration(p)) {
    if (p.now().is(TokenKind::kDuration) || p.now().is("until")) {
      p.fail(Code::kE0101, "events are written before the expected alerts", "",
             {"move the `expect` lines to the end of the test"});
    } else {
      p.fail_expected();
    }
    p.calm();
    while (
        !p.now().is(TokenKind::kEnd) && !at_declaration(p) &&
        (!p.now().is(TokenKind::kBraceClose) || p.brackets.is_open(TokenKind::kBraceOpen, base))) {
      skip_one(p);
    }
  }
}
}  // namespace

tree::Test parse_test(ParseContext& p) {
  tree::Test made;
  begin_declaration(p, made);
  parse_test_head(p, made);
  if (p.panicking() && !resume_brace(p)) return made;
  const std::size_t outside = p.brackets.count();
  if (!open_bracket(p, TokenKind::kBraceOpen)) return made;
  p.inside.test = true;
  const std::size_t base = p.brackets.count();
  parse_starting(p, made);
  for (;;) {
    if (p.panicking() && !resume_test_line(p, base)) break;
    p.guessed = false;
    if (p.at("expect") || begins_expectation(p) || p.now().is(TokenKind::kBraceClose) ||
        p.now().is(TokenKind::kEnd) || at_declaration(p))
      break;
    if (accept_semicolon(p) || skip_foreign_comment(p)) continue;
    parse_test_line(p, made);
  }
  p.inside.test = false;
  if (p.panicking()) return made;
  p.inside.test = true;
  if (p.now().is("expect") || begins_expectation(p)) {
    made.expect_span = p.here();
    parse_expectations(p, made);
    if (p.panicking()) resume_test_line(p, base);
  } else if (p.now().is(TokenKind::kBraceClose) && !p.broken) {
    p.remark(Code::kE0101, p.here(), "a test expects something", "", std::nullopt,
             {"end it with `expect alert at 60s` or `expect no alert`"});
    p.broken = true;
  }
  p.inside.test = false;
  skip_rest(p, base);
  if (!p.accept(TokenKind::kBraceClose)) report_unclosed(p, p.here());
  p.brackets.forget(outside);
  finish_declaration(p, made);
  return made;
}
}  // namespace tocsin::rules
