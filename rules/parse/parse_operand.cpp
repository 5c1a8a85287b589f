// Operands of expressions: reads, literals, lists and records.
#include <fmt/format.h>

#include <utility>

#include "cep/value/value.h"
#include "rules/parse/construct_start.h"
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
ExprPtr missing_operand(ParseContext& p) {
  const SourceSpan span = p.here();
  const TokenKind kind = p.now().kind;
  const bool goes_on = kind == TokenKind::kName || kind == TokenKind::kComma ||
                       kind == TokenKind::kParenClose || kind == TokenKind::kBracketClose ||
                       kind == TokenKind::kBraceClose || kind == TokenKind::kEnd;
  p.fail_expected("an expression");
  if (goes_on && !p.abandoned) p.calm();
  return error_expr(p, span);
}

ExprPtr parse_regex(ParseContext& p) {
  const SourceSpan begin = p.here();
  if (p.now().is(TokenKind::kSlash)) p.read_regex();
  const Token token = p.take();
  if (token.bad) return error_expr(p, p.since(begin));
  ExprPtr made = make_expr(p, ExprKind::kRegex, begin, begin);
  made->text = token.text;
  made->ignore_case = token.ignore_case;
  return made;
}

ExprPtr parse_parenthesized(ParseContext& p) {
  const NestingLevel level(p);
  const SourceSpan begin = p.here();
  if (!level.ok) return error_expr(p, begin);
  const bool after_in =
      p.last_kind() == TokenKind::kName &&
      (p.last_word() == "in" || p.last_word() == "of" || lowered(p.last_word()) == "in");
  p.take();
  ExprPtr inner = parse_expr(p);
  if (p.now().is(TokenKind::kComma) && !comma_ends_entry(p) && after_in) {
    // SQL's list of values
    ExprPtr values = make_expr(p, ExprKind::kList, begin, begin);
    adopt(p, *values, std::move(inner));
    while (accept_comma(p)) adopt(p, *values, parse_expr(p));
    close_bracket(p, TokenKind::kParenClose);
    values->span = p.since(begin);
    if (p.panicking()) return values;
    const std::string_view text = p.text();
    std::optional<Edit> edit;
    if (!p.in_message() && text[values->span.end - 1] == ')') {
      const std::string_view items = text.substr(begin.end, values->span.end - 1 - begin.end);
      edit = Edit{values->span, fmt::format("[{}]", items)};
    }
    p.remark(Code::kE0117, begin, "a list of values is written in square brackets", "write `[…]`",
             std::move(edit));
    return values;
  }
  close_bracket(p, TokenKind::kParenClose);
  inner->parenthesized = true;
  inner->span = p.since(begin);
  return inner;
}

ExprPtr parse_list(ParseContext& p) {
  const NestingLevel level(p);
  const SourceSpan begin = p.here();
  if (!level.ok) return error_expr(p, begin);
  p.take();
  ExprPtr made = make_expr(p, ExprKind::kList, begin, begin);
  comma_list(
      p, TokenKind::kBracketClose, [&] { adopt(p, *made, parse_expr(p)); },
      [&] { return at_operand(p); });
  made->span = p.since(begin);
  return made;
}
}  // namespace

bool at_operand(ParseContext& p) {
  const Token& token = p.now();
  switch (token.kind) {
    case TokenKind::kQuotedName:
    case TokenKind::kRegex:
    case TokenKind::kSlash:
    case TokenKind::kParenOpen:
    case TokenKind::kBracketOpen:
    case TokenKind::kMinus:
      return true;
    case TokenKind::kName: {
      if (begins_declaration(p)) return false;
      const bool word = is_keyword(token.text) && !token.is("if") && !token.is("prev") &&
                        !token.is("true") && !token.is("false");
      if (!word) return true;
      const Token& second = p.ahead();
      return !is_literal(second.kind) && !second.is(TokenKind::kQuotedName) &&
             !(second.is(TokenKind::kName) && !is_keyword(second.text)) && !begins_clause(p);
    }
    default:
      return is_literal(token.kind);
  }
}

bool at_aggregate(ParseContext& p) {
  const bool doubled = p.now().is(TokenKind::kName) && aggregate_named(p.now().text) &&
                       p.ahead().is(p.now().text) && !p.ahead().line_start &&
                       p.ahead(2).is(TokenKind::kParenOpen);
  if (doubled) {
    p.remark(Code::kE0101, p.here(), fmt::format("{} appears twice", p.found(p.now())),
             "leave one out", Edit{p.here(), ""});
    p.drop();
  }
  return p.now().is(TokenKind::kName) && aggregate_named(p.now().text) &&
         p.ahead().is(TokenKind::kParenOpen);
}

ExprPtr parse_literal_token(ParseContext& p) {
  const SourceSpan begin = p.here();
  const Token token = p.take();
  if (token.bad) return error_expr(p, begin);
  ExprPtr made = make_expr(p, ExprKind::kLiteral, begin, begin);
  if (token.is(TokenKind::kString)) {
    made->literal = cep::OwnedValue(cep::Value::string(token.text));
  } else {
    made->literal = cep::OwnedValue(token.value);
    made->text = token.text;
  }
  return made;
}

ExprPtr parse_primary(ParseContext& p) {
  stray_closers(p);
  if (p.panicking()) return error_expr(p, p.here());
  if (ExprPtr values = foreign_list(p)) return values;
  if (!at_operand(p)) return missing_operand(p);
  const SourceSpan begin = p.here();
  const Token& token = p.now();
  if (is_literal(token.kind)) return parse_literal_token(p);
  if (token.is(TokenKind::kSlash) || token.is(TokenKind::kRegex)) return parse_regex(p);
  if (token.is(TokenKind::kParenOpen)) return parse_parenthesized(p);
  if (token.is(TokenKind::kBracketOpen)) return parse_list(p);
  if (token.is(TokenKind::kMinus)) return parse_unary(p);
  if (token.is("true") || token.is("false")) {
    ExprPtr made = make_expr(p, ExprKind::kLiteral, begin, begin);
    made->literal = cep::OwnedValue(cep::Value::boolean(token.is("true")));
    p.take();
    made->span = p.since(begin);
    return made;
  }
  if (token.is("prev")) {
    p.take();
    return make_expr(p, ExprKind::kPrev, begin, begin);
  }
  if (token.is("if") || token.is("not")) {
    const bool negation = token.is("not");
    p.remark(Code::kE0101, begin,
             fmt::format("`{}` as an operand is written in parentheses", token.text), "");
    const NestingLevel level(p);
    if (!level.ok) return error_expr(p, begin);
    return negation ? parse_negation(p) : parse_choice(p);
  }
  if (at_aggregate(p)) return parse_aggregate(p, true);
  if (ExprPtr foreign = foreign_operand(p)) return foreign;

  tree::Name word = parse_name(p, "an expression");
  if (!p.now().is(TokenKind::kParenOpen) || p.panicking()) {
    ExprPtr made = make_expr(p, ExprKind::kName, begin, begin);
    made->name = std::move(word);
    return made;
  }
  const NestingLevel level(p);
  if (!level.ok) return error_expr(p, begin);
  p.take();
  ExprPtr made = make_expr(p, ExprKind::kCall, begin, word.span);
  made->name = std::move(word);
  if (!p.at(TokenKind::kParenClose)) {
    do {
      adopt(p, *made, parse_expr(p));
    } while (accept_comma(p));
  }
  close_bracket(p, TokenKind::kParenClose);
  if (p.last_kind() != TokenKind::kParenClose) return error_expr(p, p.since(begin));
  made->span = p.since(begin);
  return made;
}

ExprPtr parse_literal(ParseContext& p) {
  const SourceSpan begin = p.here();
  const Token& token = p.now();
  if (p.panicking()) return error_expr(p, begin);
  if (token.is(TokenKind::kMinus)) {
    p.take();
    if (!is_number(p.now().kind)) {
      p.fail_expected("a number");
      return error_expr(p, p.since(begin));
    }
    ExprPtr made = parse_literal_token(p);
    if (made->kind == ExprKind::kError) return made;
    made->literal = cep::OwnedValue(cep::negate(made->literal.view()));
    made->text.insert(0, "-");
    made->span = p.since(begin);
    return made;
  }
  if (is_literal(token.kind)) return parse_literal_token(p);
  if (token.is(TokenKind::kSlash) || token.is(TokenKind::kRegex)) return parse_regex(p);
  if (token.is("true") || token.is("false")) return parse_primary(p);
  if (token.is(TokenKind::kBracketOpen)) {
    const NestingLevel level(p);
    if (!level.ok) return error_expr(p, begin);
    p.take();
    ExprPtr made = make_expr(p, ExprKind::kList, begin, begin);
    const auto begins = [&] {
      return is_literal(p.now().kind) || p.now().is(TokenKind::kMinus) ||
             p.now().is(TokenKind::kBracketOpen) || p.now().is(TokenKind::kQuotedName) ||
             (p.now().is(TokenKind::kName) && !begins_declaration(p));
    };
    comma_list(
        p, TokenKind::kBracketClose, [&] { adopt(p, *made, parse_literal(p)); }, begins);
    made->span = p.since(begin);
    return made;
  }
  if (token.is(TokenKind::kQuotedName) || (token.is(TokenKind::kName) && !begins_construct(p))) {
    ExprPtr made = make_expr(p, ExprKind::kName, begin, begin);
    made->name = parse_name(p, "a value");
    made->span = p.since(begin);
    return made;
  }
  const bool goes_on = token.is(TokenKind::kComma) || token.is(TokenKind::kBraceClose) ||
                       token.is(TokenKind::kBracketClose) || token.is(TokenKind::kName);
  p.fail_expected("a value");
  if (goes_on && !p.abandoned) p.calm();
  return error_expr(p, begin);
}

tree::Record parse_record(ParseContext& p, bool literals) {
  tree::Record record;
  const SourceSpan begin = p.here();
  TokenKind closing = TokenKind::kBraceClose;
  if (at_entry(p) && (!p.now().line_start || !literals)) {
    const SourceSpan place{begin.file, begin.begin, begin.begin};
    p.remark(Code::kE0101, begin, fmt::format("expected `{{`, found {}", p.found(p.now())),
             "the values are written in braces", Edit{place, "{ "});
    p.brackets.open({TokenKind::kBraceOpen, p.now().begin});
  } else if (p.inside.test && p.now().is(TokenKind::kBraceClose) && !p.now().line_start) {
    p.remark(Code::kE0101, begin, "expected `{`, found `}`", "the values are written in braces",
             Edit{{begin.file, begin.begin, begin.begin}, "{"});
    p.brackets.open({TokenKind::kBraceOpen, p.now().begin});
  } else if (p.inside.test && p.now().is(TokenKind::kParenOpen)) {
    p.remark(Code::kE0117, begin, "the values of an event are written in braces", "write `{ … }`");
    closing = TokenKind::kParenClose;
    p.take();
  } else if (!open_bracket(p, TokenKind::kBraceOpen)) {
    return record;
  }
  const auto entry = [&] {
    tree::Record::Entry made;
    foreign_entry(p);
    made.name = parse_name(p, "a name");
    if (!literals && !p.panicking() && !p.now().is(TokenKind::kColon) &&
        !p.now().is(TokenKind::kEqual) &&
        (p.now().is(TokenKind::kDot) || p.now().is(TokenKind::kComma) ||
         p.now().is(TokenKind::kBraceClose))) {
      // `{ card, p.amount }`: a value without its name
      const SourceSpan from = made.name.span;
      made.value = make_expr(p, ExprKind::kName, from, from);
      made.value->name = made.name;
      while (p.accept(TokenKind::kDot)) {
        ExprPtr member = make_expr(p, ExprKind::kMember, from, p.last());
        member->name = made.name = parse_name(p, "the name of a field");
        adopt(p, *member, std::move(made.value));
        made.value = std::move(member);
      }
      const std::string written = p.source(p.since(from));
      if (!p.panicking()) {
        p.remark(Code::kE0101, p.since(from), "a value of an alert has a name before it",
                 fmt::format("write `{}: {}`", made.name.text, written),
                 Edit{{from.file, from.begin, from.begin}, made.name.text + ": "});
        made.value->span = p.since(from);
        record.entries.push_back(std::move(made));
      }
      return;
    }
    if (p.now().is(TokenKind::kEqual)) {
      p.remark(Code::kE0101, p.here(), "expected `:`, found `=`",
               "a name and its value are joined by `:`", Edit{p.here(), ":"});
      p.take();
    } else {
      p.expect(TokenKind::kColon);
    }
    if (p.panicking()) return;
    made.value = literals ? parse_literal(p) : parse_expr(p);
    record.entries.push_back(std::move(made));
  };
  comma_list(p, closing, entry, [&] {
    return at_entry(p) || (p.now().is(TokenKind::kString) && p.ahead().is(TokenKind::kColon));
  });
  record.span = p.since(begin);
  return record;
}
}  // namespace tocsin::rules
