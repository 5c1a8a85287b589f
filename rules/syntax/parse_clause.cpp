// The clauses of a rule but `when`, `alert` and tests, one function each.
#include <fmt/format.h>

#include <utility>

#include "rules/syntax/parser_impl.h"

namespace tocsin::rules {
void Parser::by(tree::ByClause& clause) {
  const auto accept_separator = [&] {
    if (now().is("and") && !panic_) {
      remark(Code::kE0117, here(), "the parts of a key are not joined by `and`", "write `,`",
             Edit{here(), ","});
      take();
      return true;
    }
    const bool name_follows = now().is(TokenKind::kName) && !now().line_start &&
                              !is_keyword(now().text) && ahead().kind == TokenKind::kName &&
                              is_keyword(ahead().text);
    if (name_follows && !panic_ && !clause.parts.empty() && !begins_clause()) {
      const SourceSpan place{last().file, last().end, last().end};
      remark(Code::kE0125, place, "a comma is missing",
             "the parts of a key are separated by commas", Edit{place, ","});
      return true;
    }
    return accept(TokenKind::kComma) && !comma_before_clause();
  };
  const bool paren = now().is(TokenKind::kParenOpen) && !panic_;
  if (paren) {
    remark(Code::kE0117, here(), "a key stands in no parentheses", "leave them out");
    take();
  }
  if (now().is("the") && ahead().is(TokenKind::kName) && !is_keyword(ahead().text)) {
    const SourceSpan word{here().file, here().begin, lexer_.span(ahead()).begin};
    remark(Code::kE0117, here(), "expected the name of a field, found `the`", "leave it out",
           Edit{word, ""});
    take();
  }
  if (now().is("when") && now().line_start && !panic_ && ahead().is(TokenKind::kName) &&
      !is_clause_keyword(ahead().text)) {
    fail_expected("the name of a field");
    if (!abandoned_) panic_ = false;
    broken_ = true;
    return;
  }
  do {
    clause.parts.push_back(key_part());
  } while (accept_separator());
  if (paren && now().is(TokenKind::kParenClose)) take();
}

tree::KeyPart Parser::key_part() {
  tree::KeyPart part;
  const SourceSpan begin = here();
  part.name = declared_name("the name of a field", true);
  if (now().is(TokenKind::kDot) && ahead().is(TokenKind::kName) && !panic_) {
    const std::string field = ahead().text;
    const SourceSpan whole{begin.file, begin.begin, lexer_.span(ahead()).end};
    remark(Code::kE0101, whole, "a key is a field that all events of the rule have",
           fmt::format("write `{}`", field), Edit{whole, field});
    take();
    part.name = name("the name of a field");
  }
  if (accept(TokenKind::kEqual)) key_members(part);
  part.span = since(begin);
  return part;
}

void Parser::key_members(tree::KeyPart& part) {
  do {
    tree::KeyMember member;
    const SourceSpan from = here();
    member.kind = kindref();
    expect(TokenKind::kDot);
    member.field = name("the name of a field");
    if (accept("as")) member.role = name("a name for the role");
    member.span = since(from);
    part.members.push_back(std::move(member));
    if (now().is("or") && !panic_) {
      remark(Code::kE0101, here(), "expected `|`, found `or`",
             "the members of a key are joined by `|`", Edit{here(), "|"});
      take();
      continue;
    }
    if (!accept(TokenKind::kBar)) break;
  } while (!panic_);
}

void Parser::without(tree::WithoutClause& clause) {
  clause.kinds = kinds();
  clause.where = where(&clause.where_span);
  if (accept("for")) {
    clause.for_span = last();
    clause.absent_for = duration(true);
  }
}

void Parser::after(tree::AfterClause& clause) {
  using tree::AfterMatch;
  if (!expect("match")) return;
  clause.keyword_span = since(clause.keyword_span);
  const SourceSpan begin = here();
  if (accept("no")) {
    clause.strategy = AfterMatch::kNoSkip;
    expect("skip");
  } else if (accept("consume")) {
    clause.strategy = AfterMatch::kConsume;
  } else if (accept("skip")) {
    if (accept("past")) {
      clause.strategy = AfterMatch::kSkipPastLast;
      expect("last");
      if (is_foreign_row()) take();
    } else if (accept("to")) {
      if (accept("next")) {
        clause.strategy = AfterMatch::kSkipToNext;
        if (is_foreign_row()) take();
      } else if (accept("first")) {
        clause.strategy = AfterMatch::kSkipToFirst;
        clause.var = name("the name of a step");
      } else if (accept("last")) {
        clause.strategy = AfterMatch::kSkipToLast;
        clause.var = name("the name of a step");
      } else {
        fail_expected();
      }
    } else {
      fail_expected();
    }
  } else {
    fail_expected();
  }
  clause.strategy_span = since(begin);
  if (accept("in")) {
    const SourceSpan in = last();
    expect("order");
    clause.in_order = since(in);
  }
}

// SQL says `skip past last row`.
bool Parser::is_foreign_row() {
  if (!now().is(TokenKind::kName) || lowered(now().text) != "row") return false;
  remark(Code::kE0117, here(), "events are no rows", "leave it out", Edit{here(), ""});
  return true;
}

void Parser::except(tree::ExceptClause& clause) {
  if (auto reason = string("the reason in quotes")) clause.reason = std::move(*reason);
  expect("where");
  clause.where_span = last();
  clause.where = expr();
  if (!accept("expires")) return;
  if (!now().is(TokenKind::kDate)) {
    fail_expected("a date such as `2027-01-01`");
    return;
  }
  clause.expires_span = here();
  const Token token = take();
  if (!token.bad) clause.expires = static_cast<std::int64_t>(token.value.number);
}

void Parser::once(tree::OnceClause& clause) {
  using tree::OnceForm;
  const SourceSpan begin = clause.keyword_span;
  if (accept("while")) {
    clause.keyword_span = since(begin);
    clause.form = OnceForm::kWhile;
    clause.condition = expr();
  } else if (foreign_once() || accept("per")) {
    clause.keyword_span = since(begin);
    if (calendar_once(clause)) {
      // It is all read.
    } else if (now().is(TokenKind::kDuration) || now().is(TokenKind::kInt)) {
      clause.duration = duration(true);
      zone_of_duration();
    } else if (begins_anew() || now().is(TokenKind::kBraceClose)) {
      note("a duration such as `1h`");
      fail_expected("the name of a step");
    } else {
      note("a duration such as `1h`");
      clause.form = OnceForm::kPerVariable;
      clause.var = name("the name of a step");
    }
  } else {
    fail_expected();
  }
  each(clause.for_each, clause.for_each_span);
}

void Parser::at_most(tree::AtMostClause& clause) {
  expect("most");
  clause.keyword_span = since(clause.keyword_span);
  if (auto count = integer("a whole number")) clause.count = std::move(*count);
  if (!foreign_once()) expect("per");
  if (auto literal = duration()) clause.duration = std::move(*literal);
  each(clause.for_each, clause.for_each_span);
}

void Parser::each(std::vector<tree::ExprPtr>& exprs, SourceSpan& span) {
  if (!accept("for")) return;
  span = last();
  if (!expect("each")) return;
  span = since(span);
  do {
    exprs.push_back(expr());
  } while (accept(TokenKind::kComma) && !comma_before_clause());
}
}  // namespace tocsin::rules
