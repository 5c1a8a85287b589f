// The tests that stand beside the rules.
#include "rules/parser_impl.h"

namespace tocsin::rules {
tree::Test Parser::test() {
  tree::Test made;
  begin(made);
  take();
  made.rule = name("the name of a rule");
  if (auto title = string("a title in quotes")) made.title = std::move(*title);
  if (panic_ && !resume_brace()) return made;
  const std::size_t outside = brackets();
  if (!open(TokenKind::kBraceOpen)) return made;
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
    if (at("expect") || now().is(TokenKind::kBraceClose) || now().is(TokenKind::kEnd) ||
        at_declaration())
      break;
    if (accept_semicolon()) continue;
    test_line(made);
  }
  if (panic_) return made;
  if (now().is("expect")) {
    made.expect_span = here();
    expectations(made);
    if (panic_) resume_test_line(base);
  } else if (now().is(TokenKind::kBraceClose)) {
    remark(Code::kE0101, here(), "a test expects something", "", std::nullopt,
           {"end it with `expect alert at 60s` or `expect no alert`"});
    broken_ = true;
  }
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
  if (accept("until")) {
    line.until = true;
    if (auto offset = duration()) line.offset = std::move(*offset);
  } else if (now().is(TokenKind::kDuration) || now().is(TokenKind::kInt)) {
    if (auto offset = duration()) line.offset = std::move(*offset);
    line.event = name("an event type");
    line.values = record(true);
  } else if (now().is("starting")) {
    fail(Code::kE0101, "`starting` stands once and first in a test");
  } else {
    note("an event such as `10s payment { … }`");
    fail_expected();
  }
  line.span = since(begin);
  if (!panic_) test.lines.push_back(std::move(line));
}

void Parser::expectations(tree::Test& test) {
  bool none = false;
  while (accept("expect")) {
    const SourceSpan begin = last();
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
    if (!expect("alert")) return;
    if (now().is(TokenKind::kInt)) {
      expected.times = integer("a count");
      expect("times");
    }
    if (accept("at")) expected.at = duration();
    if (now().is(TokenKind::kBraceOpen)) {
      expected.fields = record(true);
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
