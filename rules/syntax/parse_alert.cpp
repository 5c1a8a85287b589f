// The alert clause and its message: text, and expressions in braces.
#include <fmt/format.h>

#include "rules/syntax/parser_impl.h"

namespace tocsin::rules {
namespace {
// Whether a message ends inside a placeholder.
bool ends_open(std::string_view text) {
  bool open = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '{' && text[i] != '}') continue;
    const bool twice = i + 1 < text.size() && text[i + 1] == text[i];
    if (twice && !open) {
      ++i;
    } else {
      open = text[i] == '{';
    }
  }
  return open;
}
}  // namespace

// `alert "{if a = "x" then 1 else 2}"`: the quote inside ends the message. Passes over the rest.
bool Parser::quote_inside(const Token& token, SourceSpan span) {
  if (!ends_open(decode_string(lexer_.text(), token).text)) return false;
  if (now().is(TokenKind::kEnd) || here().begin != span.end) return false;
  const SourceSpan quote{span.file, span.end - 1, span.end};
  remark(Code::kE0122, quote, "a quote ends the message inside `{…}`", "", Edit{quote, "\\\""},
         {"inside a message a quote is written `\\\"`"});
  broken_ = true;
  const std::string_view text = lexer_.text().text;
  while (!now().is(TokenKind::kEnd)) {
    const std::uint32_t begin = now().begin;
    if (text.substr(token.end, begin - token.end).find('\n') != std::string_view::npos) break;
    const bool closes = now().is(TokenKind::kString) && now().text.find('}') != std::string::npos;
    take();
    if (closes) break;
  }
  return true;
}

void Parser::alert(tree::AlertClause& clause) {
  const bool paren = now().is(TokenKind::kParenOpen) && ahead().is(TokenKind::kString);
  const bool prefix = now().is(TokenKind::kName) && now().text.size() == 1 &&
                      ahead().is(TokenKind::kString) && ahead().begin == now().end;
  if (paren && !panic_) {
    remark(Code::kE0117, here(), "a message stands in no parentheses", "leave them out");
    take();
  } else if (prefix && !panic_) {
    remark(Code::kE0117, here(), fmt::format("no {} stands before a message", found(now())),
           "leave it out", Edit{here(), ""}, {"values stand in braces in every message"});
    take();
  }
  if (!now().is(TokenKind::kString)) {
    fail_expected("the message in quotes",
                  {"say what whoever reads the alert should know: `alert \"Three payments, then a "
                   "large one\"`"});
    return;
  }
  const SourceSpan span = here();
  const Token token = take();
  clause.message = {token.text, span};
  if (!token.bad && !quote_inside(token, span)) message(token, clause);
  if (paren && now().is(TokenKind::kParenClose)) take();
  if (now().is(TokenKind::kPlus)) {
    fail(Code::kE0117, "messages are not joined by `+`", "",
         {"values stand in braces inside the message: `alert \"Card {card}\"`"});
    return;
  }
  const bool lacks_brace = !panic_ && now().is(TokenKind::kName) && ahead().is(TokenKind::kColon) &&
                           !is_clause_keyword(now().text);
  if (now().is(TokenKind::kBraceOpen) || lacks_brace) {
    clause.fields = record(false);
  } else {
    at(TokenKind::kBraceOpen);
  }
}

// Takes a message apart: text, and `{expression}`.
void Parser::message(const Token& token, tree::AlertClause& clause) {
  const DecodedString decoded = decode_string(lexer_.text(), token);
  const LexedText text{lexer_.text().file, decoded.text, &decoded.places};
  const auto size = static_cast<std::uint32_t>(decoded.text.size());
  std::string plain;
  std::uint32_t plain_begin = 0;
  const auto end_plain = [&](std::uint32_t end) {
    if (!plain.empty())
      clause.parts.push_back({std::move(plain), nullptr, text.span(plain_begin, end)});
    plain.clear();
  };
  for (std::uint32_t i = 0; i < size;) {
    const char c = decoded.text[i];
    const bool twice = i + 1 < size && decoded.text[i + 1] == c;
    if (c != '{' && c != '}') {
      plain += c;
      ++i;
    } else if (twice) {
      plain += c;
      i += 2;
    } else if (c == '}') {
      remark(Code::kE0122, text.span(i, i + 1), "a `}` without its `{` in the message",
             "a brace itself is written `}}`", Edit{text.span(i, i + 1), "}}"});
      ++i;
    } else {
      end_plain(i);
      Parser inner(text, i + 1, mistakes_, nesting_);
      Placeholder hole = inner.placeholder();
      broken_ = broken_ || hole.broken;
      poisoned_.merge(inner.poisoned_);
      SourceSpan span = hole.expr->span;
      clause.parts.push_back({{}, std::move(hole.expr), span});
      i = hole.end;
      plain_begin = i;
    }
  }
  end_plain(size);
}

Parser::Placeholder Parser::placeholder() {
  Placeholder hole;
  const std::string_view text = lexer_.text().text;
  const std::uint32_t begin = current().begin;
  const SourceSpan brace = last_;
  const auto resume = [&](std::uint32_t from) {
    const std::size_t close = text.find('}', from);
    hole.end =
        static_cast<std::uint32_t>(close == std::string_view::npos ? text.size() : close + 1);
    hole.broken = true;
  };
  if (current().is(TokenKind::kBraceClose)) {
    remark(Code::kE0122, {brace.file, brace.begin, here().end},
           "an empty placeholder in the message", "an expression stands in the braces",
           std::nullopt, {"braces themselves are written `{{` and `}}`"});
    hole.expr = error_expr(brace);
    resume(begin);
    return hole;
  }
  if (current().is(TokenKind::kEnd)) {
    remark(Code::kE0122, brace, "a `{` that is never closed in the message",
           "a brace itself is written `{{`");
    hole.expr = error_expr(brace);
    resume(begin);
    return hole;
  }
  hole.expr = expr();
  if (!panic_ && now().is(TokenKind::kBraceClose)) {
    hole.end = now().end;
    hole.broken = broken_;
    return hole;
  }
  if (!panic_) {
    if (now().is(TokenKind::kEnd)) {
      remark(Code::kE0122, brace, "a `{` that is never closed in the message",
             "a brace itself is written `{{`");
    } else if (now().is(TokenKind::kColon)) {
      fail(Code::kE0122, "a placeholder has no format", "",
           {"values are shown as they are: `round(x, 2)` gives two digits after the point"});
    } else {
      fail(Code::kE0122, fmt::format("expected an operator or `}}`, found {}", found(current())));
    }
  }
  hole.expr = error_expr(hole.expr->span);
  resume(current().begin);
  return hole;
}

}  // namespace tocsin::rules
