// Expressions: operators, from loosest to tightest.
#include <fmt/format.h>

#include <utility>

#include "rules/parse/grammar.h"
#include "rules/parse/lexemes.h"
#include "rules/parse/make_expr.h"
#include "rules/parse/parse_foreign.h"
#include "rules/parse/recovery.h"
#include "rules/syntax/keywords.h"
#include "rules/text/characters.h"

namespace tocsin::rules {
using tree::ExprKind;
using tree::ExprPtr;
namespace {
// `NOT x`, where `NOT` cannot be a name.
bool at_foreign_not(ParseContext& p) {
  if (!p.now().is(TokenKind::kName) || lowered(p.now().text) != "not" || p.now().is("not"))
    return false;
  const Token& second = p.ahead();
  return second.is(TokenKind::kParenOpen) || is_literal(second.kind) ||
         second.is(TokenKind::kQuotedName) ||
         (second.is(TokenKind::kName) && !is_keyword(second.text));
}

ExprPtr parse_product(ParseContext& p) {
  ExprPtr left = parse_unary(p);
  for (;;) {
    ExprKind kind = ExprKind::kMultiply;
    if (p.now().is(TokenKind::kSlash)) {
      kind = ExprKind::kDivide;
    } else if (p.now().is(TokenKind::kPercent)) {
      kind = ExprKind::kModulo;
    } else if (!p.now().is(TokenKind::kStar)) {
      return left;
    }
    const SourceSpan op = p.here();
    p.take();
    if (kind == ExprKind::kModulo && foreign_percent(p, *left, op)) {
      left = error_expr(p, left->span);
      continue;
    }
    ExprPtr right = parse_unary(p);
    left = make_binary(p, kind, op, std::move(left), std::move(right));
  }
}

ExprPtr parse_postfix(ParseContext& p) {
  ExprPtr left = parse_primary(p);
  for (;;) {
    stray_closers(p);
    const SourceSpan op = p.here();
    if (p.now().is(TokenKind::kDot)) {
      p.take();
      tree::Name member = parse_name(p, "a name");
      ExprPtr made = make_expr(p, ExprKind::kMember, left->span, op);
      made->name = std::move(member);
      adopt(p, *made, std::move(left));
      if (p.now().is(TokenKind::kParenOpen) && !p.panicking()) {
        left = foreign_method(p, *made);
        continue;
      }
      left = p.panicking() ? error_expr(p, made->span) : std::move(made);
    } else if (p.now().is(TokenKind::kBracketOpen)) {
      const NestingLevel level(p);
      if (!level.ok) return left;
      p.take();
      ExprPtr made = make_expr(p, ExprKind::kIndex, left->span, op);
      adopt(p, *made, std::move(left));
      do {
        adopt(p, *made, parse_expr(p));
      } while (accept_comma(p));
      close_bracket(p, TokenKind::kBracketClose);
      made->span = p.since(made->span);
      if (p.last_kind() != TokenKind::kBracketClose) made = error_expr(p, made->span);
      left = std::move(made);
    } else {
      return left;
    }
  }
}
}  // namespace

// ---- from loosest to tightest
ExprPtr parse_expr(ParseContext& p) {
  const NestingLevel level(p);
  if (!level.ok) return error_expr(p, p.here());
  if (p.now().is("if")) return parse_choice(p);
  ExprPtr any = parse_conjunction(p);
  bool is_chain = false;
  while (p.accept_operator("or")) {
    const SourceSpan op = p.last();
    skip_where(p);
    ExprPtr right = parse_conjunction(p);
    if (!is_chain) {
      ExprPtr first = std::exchange(any, make_expr(p, ExprKind::kOr, any->span, op));
      adopt(p, *any, std::move(first));
      is_chain = true;
    }
    adopt(p, *any, std::move(right));
    any->span = p.since(any->span);
  }
  if (p.now().is(TokenKind::kQuestion)) {
    const std::string condition = p.source(any->span);
    p.fail(Code::kE0117, "the language has no `?` for a choice", "",
           {fmt::format("write `(if {} then … else …)`", condition.empty() ? "ok" : condition)});
    return error_expr(p, any->span);
  }
  p.note("an operator");
  p.last_root = PoisonedExpr{any->kind, any->op_span.begin};
  return any;
}

ExprPtr parse_choice(ParseContext& p) {
  const SourceSpan begin = p.here();
  p.take();
  ExprPtr made = make_expr(p, ExprKind::kIf, begin, begin);
  adopt(p, *made, parse_expr(p));
  if (p.expect("then")) {
    adopt(p, *made, parse_expr(p));
    if (p.expect("else")) adopt(p, *made, parse_expr(p));
  }
  if (p.panicking() || made->args.size() != 3) return error_expr(p, p.since(begin));
  made->span = p.since(begin);
  return made;
}

ExprPtr parse_conjunction(ParseContext& p) {
  ExprPtr all = parse_negation(p);
  bool is_chain = false;
  while (p.accept_operator("and")) {
    const SourceSpan op = p.last();
    skip_where(p);
    ExprPtr right = parse_negation(p);
    if (!is_chain) {
      ExprPtr first = std::exchange(all, make_expr(p, ExprKind::kAnd, all->span, op));
      adopt(p, *all, std::move(first));
      is_chain = true;
    }
    adopt(p, *all, std::move(right));
    all->span = p.since(all->span);
  }
  return all;
}

ExprPtr parse_negation(ParseContext& p) {
  const SourceSpan begin = p.here();
  if (p.now().is(TokenKind::kBang) || at_foreign_not(p)) {
    p.remark(Code::kE0117, begin, fmt::format("the language has no {}", p.found(p.now())),
             "the word is `not`", Edit{begin, p.now().is(TokenKind::kBang) ? "not " : "not"});
  } else if (!p.now().is("not")) {
    return parse_comparison(p);
  }
  const NestingLevel level(p);
  if (!level.ok) return error_expr(p, begin);
  p.take();
  ExprPtr operand = parse_negation(p);
  ExprPtr made = make_expr(p, ExprKind::kNot, begin, begin);
  adopt(p, *made, std::move(operand));
  return made;
}

ExprPtr parse_sum(ParseContext& p) {
  ExprPtr left = parse_product(p);
  for (;;) {
    const bool plus = p.now().is(TokenKind::kPlus);
    if (!plus && !p.now().is(TokenKind::kMinus)) return left;
    const SourceSpan op = p.here();
    p.take();
    ExprPtr right = parse_product(p);
    left = make_binary(p, plus ? ExprKind::kAdd : ExprKind::kSubtract, op, std::move(left),
                       std::move(right));
  }
}

ExprPtr parse_unary(ParseContext& p) {
  if (!p.now().is(TokenKind::kMinus)) return parse_postfix(p);
  const NestingLevel level(p);
  const SourceSpan begin = p.here();
  if (!level.ok) return error_expr(p, begin);
  p.take();
  ExprPtr operand = parse_unary(p);
  ExprPtr made = make_expr(p, ExprKind::kNegate, begin, begin);
  adopt(p, *made, std::move(operand));
  return made;
}

void stray_closers(ParseContext& p) {
  for (;;) {
    const bool round = p.now().is(TokenKind::kParenClose);
    if (!round && !p.now().is(TokenKind::kBracketClose)) return;
    if (p.brackets.is_open(round ? TokenKind::kParenOpen : TokenKind::kBracketOpen)) return;
    const SourceSpan span = p.here();
    p.remark(Code::kE0114, span, fmt::format("this `{}` closes nothing", round ? ')' : ']'), "",
             Edit{span, ""});
    p.take();
  }
}
}  // namespace tocsin::rules
