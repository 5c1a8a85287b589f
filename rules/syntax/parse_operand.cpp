// Operands of expressions: reads, aggregates and their windows, literals and records.
#include <fmt/format.h>

#include <utility>

#include "cep/base/assert.h"
#include "rules/syntax/parser_impl.h"

namespace tocsin::rules {
using tree::ExprKind;
using tree::ExprPtr;

// True when an operand begins here. A word that the grammar knows, with something behind it that no
// operand has behind it, belongs to what follows: the operand is missing.
bool Parser::at_operand() {
  const Token& token = now();
  switch (token.kind) {
    case TokenKind::kQuotedName:
    case TokenKind::kRegex:
    case TokenKind::kSlash:
    case TokenKind::kParenOpen:
    case TokenKind::kBracketOpen:
    case TokenKind::kMinus:
      return true;
    case TokenKind::kName: {
      if (begins_declaration()) return false;
      const bool word = is_keyword(token.text) && !token.is("if") && !token.is("prev") &&
                        !token.is("true") && !token.is("false");
      if (!word) return true;
      const Token& second = ahead();
      return !is_literal(second.kind) && !second.is(TokenKind::kQuotedName) &&
             !(second.is(TokenKind::kName) && !is_keyword(second.text)) && !begins_clause();
    }
    default:
      return is_literal(token.kind);
  }
}

ExprPtr Parser::missing_operand() {
  const SourceSpan span = here();
  const TokenKind kind = now().kind;
  const bool goes_on = kind == TokenKind::kName || kind == TokenKind::kComma ||
                       kind == TokenKind::kParenClose || kind == TokenKind::kBracketClose ||
                       kind == TokenKind::kBraceClose || kind == TokenKind::kEnd;
  fail_expected("an expression");
  if (goes_on && !abandoned_) panic_ = false;
  return error_expr(span);
}

bool Parser::at_aggregate() {
  const bool doubled = now().is(TokenKind::kName) && aggregate_named(now().text) &&
                       ahead().is(now().text) && !ahead().line_start &&
                       ahead(2).is(TokenKind::kParenOpen);
  if (doubled) {
    remark(Code::kE0101, here(), fmt::format("{} stands twice", found(now())), "leave one out",
           Edit{here(), ""});
    now_ = std::move(ahead_.front());
    ahead_.pop_front();
  }
  return now().is(TokenKind::kName) && aggregate_named(now().text) &&
         ahead().is(TokenKind::kParenOpen);
}

ExprPtr Parser::literal_token() {
  const SourceSpan begin = here();
  const Token token = take();
  if (token.bad) return error_expr(begin);
  ExprPtr made = make(ExprKind::kLiteral, begin, begin);
  if (token.is(TokenKind::kString)) {
    made->literal = cep::OwnedValue(cep::Value::string(token.text));
  } else {
    made->literal = cep::OwnedValue(token.value);
    made->text = token.text;
  }
  return made;
}

ExprPtr Parser::regex() {
  const SourceSpan begin = here();
  if (now().is(TokenKind::kSlash)) {
    TOCSIN_ASSERT(ahead_.empty(), "nothing is read behind a `/`");
    now_ = lexer_.regex_from(*now_);
  }
  const Token token = take();
  if (token.bad) return error_expr(since(begin));
  ExprPtr made = make(ExprKind::kRegex, begin, begin);
  made->text = token.text;
  made->ignore_case = token.ignore_case;
  return made;
}

ExprPtr Parser::primary() {
  stray_closers();
  if (panic_) return error_expr(here());
  if (ExprPtr values = foreign_list()) return values;
  if (!at_operand()) return missing_operand();
  const SourceSpan begin = here();
  const Token& token = now();
  if (is_literal(token.kind)) return literal_token();
  if (token.is(TokenKind::kSlash) || token.is(TokenKind::kRegex)) return regex();
  if (token.is(TokenKind::kParenOpen)) return parenthesized();
  if (token.is(TokenKind::kBracketOpen)) return list();
  if (token.is(TokenKind::kMinus)) return unary();
  if (token.is("true") || token.is("false")) {
    ExprPtr made = make(ExprKind::kLiteral, begin, begin);
    made->literal = cep::OwnedValue(cep::Value::boolean(token.is("true")));
    take();
    made->span = since(begin);
    return made;
  }
  if (token.is("prev")) {
    take();
    return make(ExprKind::kPrev, begin, begin);
  }
  if (token.is("if") || token.is("not")) {
    const bool negation = token.is("not");
    remark(Code::kE0101, begin, fmt::format("`{}` as an operand stands in parentheses", token.text),
           "");
    const Level level(*this);
    if (!level.ok) return error_expr(begin);
    return negation ? neg() : choice();
  }
  if (at_aggregate()) return aggregate(true);
  if (ExprPtr foreign = foreign_operand()) return foreign;

  tree::Name word = name("an expression");
  if (!now().is(TokenKind::kParenOpen) || panic_) {
    ExprPtr made = make(ExprKind::kName, begin, begin);
    made->name = std::move(word);
    return made;
  }
  const Level level(*this);
  if (!level.ok) return error_expr(begin);
  take();
  ExprPtr made = make(ExprKind::kCall, begin, word.span);
  made->name = std::move(word);
  if (!at(TokenKind::kParenClose)) {
    do {
      adopt(*made, expr());
    } while (accept_comma());
  }
  close(TokenKind::kParenClose);
  if (last_kind_ != TokenKind::kParenClose) return error_expr(since(begin));
  made->span = since(begin);
  return made;
}

ExprPtr Parser::parenthesized() {
  const Level level(*this);
  const SourceSpan begin = here();
  if (!level.ok) return error_expr(begin);
  const bool after_in = last_kind_ == TokenKind::kName &&
                        (last_word_ == "in" || last_word_ == "of" || lowered(last_word_) == "in");
  take();
  ExprPtr inner = expr();
  if (now().is(TokenKind::kComma) && !comma_ends_entry() && after_in) {
    // SQL's list of values
    ExprPtr values = make(ExprKind::kList, begin, begin);
    adopt(*values, std::move(inner));
    while (accept_comma()) adopt(*values, expr());
    close(TokenKind::kParenClose);
    values->span = since(begin);
    if (panic_) return values;
    const std::string_view text = lexer_.text().text;
    std::optional<Edit> edit;
    if (!in_message_ && text[values->span.end - 1] == ')') {
      const std::string_view items = text.substr(begin.end, values->span.end - 1 - begin.end);
      edit = Edit{values->span, fmt::format("[{}]", items)};
    }
    remark(Code::kE0117, begin, "a list of values stands in square brackets", "write `[…]`",
           std::move(edit));
    return values;
  }
  close(TokenKind::kParenClose);
  inner->parenthesized = true;
  inner->span = since(begin);
  return inner;
}

ExprPtr Parser::list() {
  const Level level(*this);
  const SourceSpan begin = here();
  if (!level.ok) return error_expr(begin);
  take();
  ExprPtr made = make(ExprKind::kList, begin, begin);
  comma_list(
      TokenKind::kBracketClose, [&] { adopt(*made, expr()); }, [this] { return at_operand(); });
  made->span = since(begin);
  return made;
}

// ---- literals and records
ExprPtr Parser::literal() {
  const SourceSpan begin = here();
  const Token& token = now();
  if (panic_) return error_expr(begin);
  if (token.is(TokenKind::kMinus)) {
    take();
    if (!is_number(now().kind)) {
      fail_expected("a number");
      return error_expr(since(begin));
    }
    ExprPtr made = literal_token();
    if (made->kind == ExprKind::kError) return made;
    made->literal = cep::OwnedValue(cep::negate(made->literal.view()));
    made->text.insert(0, "-");
    made->span = since(begin);
    return made;
  }
  if (is_literal(token.kind)) return literal_token();
  if (token.is(TokenKind::kSlash) || token.is(TokenKind::kRegex)) return regex();
  if (token.is("true") || token.is("false")) return primary();
  if (token.is(TokenKind::kBracketOpen)) {
    const Level level(*this);
    if (!level.ok) return error_expr(begin);
    take();
    ExprPtr made = make(ExprKind::kList, begin, begin);
    const auto begins = [this] {
      return is_literal(now().kind) || now().is(TokenKind::kMinus) ||
             now().is(TokenKind::kBracketOpen) || now().is(TokenKind::kQuotedName) ||
             (now().is(TokenKind::kName) && !begins_declaration());
    };
    comma_list(
        TokenKind::kBracketClose, [&] { adopt(*made, literal()); }, begins);
    made->span = since(begin);
    return made;
  }
  if (token.is(TokenKind::kQuotedName) || (token.is(TokenKind::kName) && !begins_anew())) {
    ExprPtr made = make(ExprKind::kName, begin, begin);
    made->name = name("a value");
    made->span = since(begin);
    return made;
  }
  const bool goes_on = token.is(TokenKind::kComma) || token.is(TokenKind::kBraceClose) ||
                       token.is(TokenKind::kBracketClose) || token.is(TokenKind::kName);
  fail_expected("a value");
  if (goes_on && !abandoned_) panic_ = false;
  return error_expr(begin);
}

tree::Record Parser::record(bool literals) {
  tree::Record record;
  const SourceSpan begin = here();
  TokenKind closing = TokenKind::kBraceClose;
  if (at_entry() && (!now().line_start || !literals)) {
    const SourceSpan place{begin.file, begin.begin, begin.begin};
    remark(Code::kE0101, begin, fmt::format("expected `{{`, found {}", found(now())),
           "the values stand in braces", Edit{place, "{ "});
    open_.push_back({TokenKind::kBraceOpen, now().begin});
  } else if (in_test_ && now().is(TokenKind::kBraceClose) && !now().line_start) {
    remark(Code::kE0101, begin, "expected `{`, found `}`", "the values stand in braces",
           Edit{{begin.file, begin.begin, begin.begin}, "{"});
    open_.push_back({TokenKind::kBraceOpen, now().begin});
  } else if (in_test_ && now().is(TokenKind::kParenOpen)) {
    remark(Code::kE0117, begin, "the values of an event stand in braces", "write `{ … }`");
    closing = TokenKind::kParenClose;
    take();
  } else if (!open(TokenKind::kBraceOpen)) {
    return record;
  }
  const auto entry = [&] {
    tree::Record::Entry made;
    foreign_entry();
    made.name = name("a name");
    if (!literals && !panic_ && !now().is(TokenKind::kColon) && !now().is(TokenKind::kEqual) &&
        (now().is(TokenKind::kDot) || now().is(TokenKind::kComma) ||
         now().is(TokenKind::kBraceClose))) {
      // `{ card, p.amount }`: a value without its name
      const SourceSpan from = made.name.span;
      made.value = make(ExprKind::kName, from, from);
      made.value->name = made.name;
      while (accept(TokenKind::kDot)) {
        ExprPtr member = make(ExprKind::kMember, from, last());
        member->name = made.name = name("the name of a field");
        adopt(*member, std::move(made.value));
        made.value = std::move(member);
      }
      const std::string written = source(since(from));
      if (!panic_) {
        remark(Code::kE0101, since(from), "a value of an alert has a name before it",
               fmt::format("write `{}: {}`", made.name.text, written),
               Edit{{from.file, from.begin, from.begin}, made.name.text + ": "});
        made.value->span = since(from);
        record.entries.push_back(std::move(made));
      }
      return;
    }
    if (now().is(TokenKind::kEqual)) {
      remark(Code::kE0101, here(), "expected `:`, found `=`",
             "a name and its value are joined by `:`", Edit{here(), ":"});
      take();
    } else {
      expect(TokenKind::kColon);
    }
    if (panic_) return;
    made.value = literals ? literal() : expr();
    record.entries.push_back(std::move(made));
  };
  comma_list(closing, entry, [this] {
    return at_entry() || (now().is(TokenKind::kString) && ahead().is(TokenKind::kColon));
  });
  record.span = since(begin);
  return record;
}
}  // namespace tocsin::rules
