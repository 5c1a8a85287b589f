// The tests that stand beside the rules.
#include <fmt/format.h>

#include <algorithm>

#include "rules/syntax/parser_impl.h"
#include "rules/text/suggest.h"

namespace tocsin::rules {
tree::Test Parser::test() {
  tree::Test made;
  begin(made);
  if (now().is(TokenKind::kString) && !panic_) {
    const SourceSpan span = here();
    const bool quoted = ahead().is(TokenKind::kString);
    const std::string meant = quoted && is_plain_name(now().text) ? now().text : last_rule_;
    remark(
        Code::kE0101, span,
        quoted ? "the name of a rule stands without quotes" : "a test names its rule first",
        meant.empty() ? std::string() : fmt::format("write `{}{}`", meant, quoted ? "" : " \"…\""),
        meant.empty() ? std::nullopt
        : quoted      ? std::optional(Edit{span, meant})
                      : std::optional(Edit{{span.file, span.begin, span.begin}, meant + " "}));
    if (quoted) take();
    made.rule = {meant, span, false};
    broken_ = broken_ || meant.empty();
  } else {
    made.rule = declared_name("the name of a rule");
  }
  if (now().is(TokenKind::kBraceOpen) && !panic_) {
    remark(Code::kE0101, here(), "expected a title in quotes, found `{`", "", std::nullopt,
           {fmt::format("say in a few words what it shows: `test {} \"a large payment\" {{`",
                        made.rule.text.empty() ? "large" : made.rule.text)});
    broken_ = true;
  } else if (auto title = string("a title in quotes"))
    made.title = std::move(*title);
  if (panic_ && !resume_brace()) return made;
  const std::size_t outside = brackets();
  if (!open(TokenKind::kBraceOpen)) return made;
  in_test_ = true;
  const std::size_t base = brackets();
  if (accept("starting")) {
    made.starting_span = here();
    if (now().is(TokenKind::kTime)) {
      const Token token = take();
      if (!token.bad) made.starting = cep::EventTime{static_cast<std::int64_t>(token.value.number)};
      made.starting_text = token.text;
    } else {
      fail_expected("a time such as `2026-11-20T10:00:00Z`");
    }
  }
  for (;;) {
    if (panic_ && !resume_test_line(base)) break;
    guessed_ = false;
    if (at("expect") || begins_expectation() || now().is(TokenKind::kBraceClose) ||
        now().is(TokenKind::kEnd) || at_declaration())
      break;
    if (accept_semicolon() || skip_foreign_comment()) continue;
    test_line(made);
  }
  in_test_ = false;
  if (panic_) return made;
  in_test_ = true;
  if (now().is("expect") || begins_expectation()) {
    made.expect_span = here();
    expectations(made);
    if (panic_) resume_test_line(base);
  } else if (now().is(TokenKind::kBraceClose) && !broken_) {
    remark(Code::kE0101, here(), "a test expects something", "", std::nullopt,
           {"end it with `expect alert at 60s` or `expect no alert`"});
    broken_ = true;
  }
  in_test_ = false;
  while (!panic_ && !now().is(TokenKind::kBraceClose) && !now().is(TokenKind::kEnd) &&
         !at_declaration()) {
    if (now().is(TokenKind::kDuration) || now().is("until")) {
      fail(Code::kE0101, "events stand before what is expected", "",
           {"move the `expect` lines to the end of the test"});
    } else {
      fail_expected();
    }
    panic_ = false;
    while (!now().is(TokenKind::kEnd) && !at_declaration() &&
           (!now().is(TokenKind::kBraceClose) || is_open(TokenKind::kBraceOpen, base))) {
      skip_one();
    }
  }
  if (!accept(TokenKind::kBraceClose)) unclosed(here());
  forget_brackets(outside);
  finish(made);
  return made;
}

void Parser::test_line(tree::Test& test) {
  tree::TestLine line;
  const SourceSpan begin = here();
  foreign_offset();
  if (now().is(TokenKind::kName) && !is_keyword(now().text) && ahead().is(TokenKind::kBraceOpen) &&
      !panic_) {
    line.event = name("an event type");
    line.values = record(true);
    skip_second_brace();
    broken_ = true;
    line.span = since(begin);
    if (!panic_) test.lines.push_back(std::move(line));
    return;
  }
  if (accept("until")) {
    line.until = true;
    if (auto offset = duration()) line.offset = std::move(*offset);
  } else if (now().is(TokenKind::kDuration) || now().is(TokenKind::kInt)) {
    if (auto offset = duration()) line.offset = std::move(*offset);
    line.event = name("an event type");
    line.values = record(true);
    skip_second_brace();
  } else if (now().is("starting")) {
    fail(Code::kE0101, "`starting` stands once and first in a test");
  } else {
    note("an event such as `10s payment { … }`");
    fail_expected();
  }
  line.span = since(begin);
  if (!panic_) test.lines.push_back(std::move(line));
}

// `alert at 3s`, `no alert` where `expect` is missing or misspelt before it.
bool Parser::begins_expectation() {
  if (panic_ || !now().is(TokenKind::kName) || !now().line_start) return false;
  const auto begins = [](const Token& first, const Token& second) {
    return first.is("alert") || (first.is("no") && second.is("alert"));
  };
  if (begins(now(), ahead())) return true;
  return begins(ahead(), ahead(2)) && edit_distance(now().text, "expect", 2) <= 2;
}

bool Parser::accept_missing_expect() {
  if (!begins_expectation()) return false;
  const bool misspelt = !now().is("alert") && !now().is("no");
  if (misspelt) {
    remark(Code::kE0101, here(), fmt::format("expected `expect`, found {}", found(now())),
           "did you mean `expect`?", Edit{here(), "expect"});
    take();
    return true;
  }
  const SourceSpan place{here().file, here().begin, here().begin};
  remark(Code::kE0101, here(), fmt::format("expected `expect` before {}", found(now())), "",
         Edit{place, "expect "});
  return true;
}

// A `}` too many behind the values of a line.
void Parser::skip_second_brace() {
  if (panic_ || !now().is(TokenKind::kBraceClose) || now().line_start) return;
  const Token& next = ahead();
  const bool goes_on = next.line_start && (next.is(TokenKind::kDuration) || next.is("expect") ||
                                           next.is("until") || next.is(TokenKind::kBraceClose));
  if (!goes_on) return;
  remark(Code::kE0114, here(), "this `}` closes nothing", "", Edit{here(), ""});
  const std::vector<Bracket> open = open_;
  take();
  open_ = open;
}

void Parser::expectations(tree::Test& test) {
  bool none = false;
  while (accept("expect") || accept_missing_expect()) {
    const SourceSpan begin = last();
    guessed_ = false;
    constexpr std::string_view kNone[] = {"nothing", "none", "not", "zero"};
    if (now().is(TokenKind::kName) && !panic_ &&
        std::ranges::find(kNone, lowered(now().text)) != std::end(kNone)) {
      const bool alert = ahead().is("alert") && !ahead().line_start;
      const SourceSpan whole{here().file, here().begin,
                             alert ? lexer_.span(ahead()).end : here().end};
      remark(Code::kE0117, whole, "that nothing comes is expected by `expect no alert`",
             "write `no alert`", Edit{whole, "no alert"});
      take();
      if (alert) take();
      none = true;
      continue;
    }
    if (accept("no")) {
      expect("alert");
      if (!panic_ && !test.expected.empty()) {
        remark(Code::kE0101, since(begin), "`expect no alert` beside an expected alert", "",
               std::nullopt, {"all alerts are listed: what is not expected must not come"});
        broken_ = true;
      }
      none = true;
      continue;
    }
    tree::Expected expected;
    std::optional<tree::IntLiteral> counted;  // `expect 2 alerts`
    if (now().is(TokenKind::kInt) && !panic_ && (ahead().is("alert") || ahead().is("alerts"))) {
      const SourceSpan whole{here().file, here().begin, lexer_.span(ahead()).end};
      const std::string meant = fmt::format("alert {} times", now().text);
      remark(Code::kE0117, whole, "how many alerts are expected stands behind `alert`",
             fmt::format("write `{}`", meant), Edit{whole, meant});
      counted = integer("a count");
      now_->text = "alert";
    }
    // Each round takes a token: an `alert` that is taken for a missing `expect` is one.
    if (now().is("at") || now().is(TokenKind::kBraceOpen) || (at_entry() && !now().is("alert"))) {
      const SourceSpan place{here().file, last().end, last().end};
      remark(Code::kE0101, place, "expected `alert` behind `expect`", "", Edit{place, " alert"});
    } else if (!expect("alert")) {
      return;
    }
    expected.times = std::move(counted);
    if (now().is(TokenKind::kInt)) {
      expected.times = integer("a count");
      expect("times");
    }
    if (accept("at")) expected.at = duration();
    if (now().is(TokenKind::kBraceOpen) || (at_entry() && !now().line_start)) {
      expected.fields = record(true);
      skip_second_brace();
    } else {
      at(TokenKind::kBraceOpen);
    }
    expected.span = since(begin);
    if (panic_) return;
    if (none) {
      remark(Code::kE0101, expected.span, "an expected alert beside `expect no alert`", "",
             std::nullopt, {"all alerts are listed: what is not expected must not come"});
      broken_ = true;
    }
    test.expected.push_back(std::move(expected));
  }
}

// At the next line of a test, or its end.
bool Parser::resume_test_line(std::size_t base) {
  panic_ = false;
  for (;;) {
    const Token& token = current();
    if (token.is(TokenKind::kEnd) || at_declaration()) break;
    if (token.is(TokenKind::kBraceClose) && !is_open(TokenKind::kBraceOpen, base)) break;
    if (token.line_start &&
        (token.is(TokenKind::kDuration) || token.is("until") || token.is("expect")))
      break;
    if (brackets() <= base && token.is("expect")) break;
    skip_one();
  }
  forget_brackets(base);
  return true;
}
}  // namespace tocsin::rules
