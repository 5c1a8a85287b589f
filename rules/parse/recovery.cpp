#include "rules/parse/recovery.h"

#include <fmt/format.h>

#include <utility>

namespace tocsin::rules {
bool comma_before_clause(ParseContext& p) {
  const bool more = !begins_construct(p) && !p.now().is(TokenKind::kBraceClose);
  if (more) return false;
  p.remark(Code::kE0125, p.last(), "a comma too many", "nothing follows it", Edit{p.last(), ""});
  return true;
}

bool open_bracket(ParseContext& p, TokenKind kind) {
  if (!p.expect(kind)) return false;
  if (kind == TokenKind::kBraceOpen && p.now().is(kind)) {
    p.remark(Code::kE0101, p.here(), "this `{` appears twice", "leave one out", Edit{p.here(), ""});
    p.take();
    p.brackets.forget(p.brackets.count() - 1);
  }
  return true;
}

void close_bracket(ParseContext& p, TokenKind kind) {
  if (p.panicking() || p.accept(kind)) return;
  const TokenKind opening = opening_of(p.now().kind);
  const bool closes_another = opening != TokenKind::kEnd && p.brackets.is_open(opening);
  if (closes_another || ends_block(p) || comma_ends_entry(p) || begins_test_line(p)) {
    report_unclosed(p, p.here());
  } else {
    poison_last(p);
    p.fail_expected();
  }
}

void report_unclosed(ParseContext& p, SourceSpan where) {
  if (p.panicking() || p.brackets.empty()) return;
  const Bracket bracket = p.brackets.innermost();
  p.brackets.forget(p.brackets.count() - 1);
  p.broken = true;
  if (bracket.kind != TokenKind::kBraceOpen) poison_last(p);
  if (p.too_deep) return;
  Diagnostic diagnostic;
  diagnostic.code = Code::kE0113;
  const std::string_view mark = token_text(bracket.kind);
  diagnostic.message = fmt::format("this {} is never closed", mark);
  diagnostic.primary.span = p.lexed().span(bracket.begin, bracket.begin + 1);
  const std::string_view closing = bracket.kind == TokenKind::kBraceOpen   ? "`}`"
                                   : bracket.kind == TokenKind::kParenOpen ? "`)`"
                                                                           : "`]`";
  if (p.current().is(TokenKind::kEnd)) {
    diagnostic.helps.push_back(fmt::format("{} ends without its {}",
                                           p.in_message() ? "the message" : "the file", closing));
  } else {
    diagnostic.labels.push_back({where, fmt::format("its {} is missing before this", closing)});
  }
  p.report(std::move(diagnostic));
}

void take_mistaken(ParseContext& p) {
  p.calm();
  p.take();
  p.panic();
}

void skip_one(ParseContext& p) {
  if (p.current().is(TokenKind::kSlash)) {
    const bool operand =
        p.last_kind() == TokenKind::kParenOpen || p.last_kind() == TokenKind::kBracketOpen ||
        p.last_kind() == TokenKind::kComma || p.last_kind() == TokenKind::kEqual ||
        p.last_kind() == TokenKind::kColon || p.last_word() == "matches" || p.last_word() == "of";
    if (operand && p.regex_ends()) p.read_regex();
  }
  p.take();
}

bool resume_clause(ParseContext& p, std::size_t base) {
  const MistakeCounter::Quiet quiet(p.mistakes());
  p.calm();
  for (;;) {
    if (p.current().is(TokenKind::kEnd)) return false;
    const bool closes =
        p.current().is(TokenKind::kBraceClose) && !p.brackets.is_open(TokenKind::kBraceOpen, base);
    // Inside brackets only a line's first word begins a clause.
    const bool outside = p.brackets.count() <= base || p.current().line_start;
    if (closes || (outside && resumes_here(p))) {
      p.brackets.forget(base);
      p.abandoned = false;
      return true;
    }
    skip_one(p);
  }
}

bool resume_entry(ParseContext& p, std::size_t base, TokenKind closing) {
  const MistakeCounter::Quiet quiet(p.mistakes());
  p.calm();
  for (;;) {
    const Token& token = p.current();
    const bool outside = p.brackets.count() <= base;
    if (outside && (token.is(TokenKind::kComma) || token.is(closing))) return true;
    const TokenKind opening = opening_of(token.kind);
    const bool closes_another = opening != TokenKind::kEnd && !p.brackets.is_open(opening, base);
    if (closes_another || token.is(TokenKind::kEnd) || resumes_here(p)) {
      if (token.is(closing)) {  // brackets inside were left open
        p.brackets.forget(base);
        return true;
      }
      p.panic();
      return false;
    }
    skip_one(p);
  }
}

bool resume_then(ParseContext& p, std::size_t base) {
  const MistakeCounter::Quiet quiet(p.mistakes());
  p.calm();
  for (;;) {
    const Token& token = p.current();
    if (p.brackets.count() <= base && token.is("then")) return true;
    const TokenKind opening = opening_of(token.kind);
    if ((opening != TokenKind::kEnd && !p.brackets.is_open(opening, base)) ||
        token.is(TokenKind::kEnd) || resumes_here(p) ||
        (p.brackets.count() <= base && token.is(TokenKind::kComma))) {
      p.panic();
      return false;
    }
    skip_one(p);
  }
}

bool resume_brace(ParseContext& p) {
  const MistakeCounter::Quiet quiet(p.mistakes());
  p.calm();
  for (;;) {
    const Token& token = p.current();
    if (token.is(TokenKind::kBraceOpen)) return true;
    if (token.is(TokenKind::kEnd) || token.is(TokenKind::kBraceClose) || resumes_here(p)) {
      p.panic();
      return false;
    }
    skip_one(p);
  }
}

void resume_declaration(ParseContext& p) {
  const MistakeCounter::Quiet quiet(p.mistakes());
  p.calm();
  p.inside.rule = false;
  while (!p.current().is(TokenKind::kEnd) && !(resumes_here(p) && p.current().line_start))
    skip_one(p);
  p.brackets.forget(0);
  p.abandoned = false;
}

void poison_last(ParseContext& p) {
  if (!p.last_root) return;
  p.poisoned.insert(*p.last_root);
  p.last_root.reset();
  p.broken = true;
}

bool accept_comma(ParseContext& p) { return !comma_ends_entry(p) && p.accept(TokenKind::kComma); }

bool accept_semicolon(ParseContext& p) {
  if (!p.now().is(TokenKind::kSemicolon)) return false;
  p.remark(Code::kE0117, p.here(), "no `;` ends a clause or a declaration", "leave it out",
           Edit{p.here(), ""});
  p.take();
  return true;
}

bool skip_foreign_comment(ParseContext& p) {
  if (p.panicking() || !p.now().is(TokenKind::kMinus) || !p.ahead().is(TokenKind::kMinus))
    return false;
  const SourceSpan both{p.here().file, p.here().begin, p.span(p.ahead()).end};
  p.remark(Code::kE0117, both, "`--` begins no comment", "a comment begins with `#`",
           Edit{both, "#"});
  const MistakeCounter::Quiet quiet(p.mistakes());
  const OpenBrackets open = p.brackets;
  p.take();
  p.take();
  while (!p.current().is(TokenKind::kEnd) && !p.current().line_start) skip_one(p);
  p.brackets = open;
  return true;
}
}  // namespace tocsin::rules
