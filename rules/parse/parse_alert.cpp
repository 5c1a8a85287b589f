// The alert clause and its message: text, and expressions in braces.
#include <fmt/format.h>

#include <utility>

#include "rules/parse/grammar.h"
#include "rules/parse/make_expr.h"
#include "rules/syntax/keywords.h"

namespace tocsin::rules {
namespace {
// The expression of a placeholder of a message, and the byte behind its `}`; the text before it is
// `{`.
struct Placeholder {
  tree::ExprPtr expr;
  std::uint32_t end = 0;
  bool broken = false;
};
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
// `alert "{if a = "x" then 1 else 2}"`: the quote inside ends the message. Passes over the rest.
bool quote_inside(ParseContext& p, const Token& token, SourceSpan span) {
  if (!ends_open(decode_string(p.lexed(), token).text)) return false;
  if (p.now().is(TokenKind::kEnd) || p.here().begin != span.end) return false;
  const SourceSpan quote{span.file, span.end - 1, span.end};
  p.remark(Code::kE0122, quote, "a quote ends the message inside `{…}`", "", Edit{quote, "\\\""},
           {"inside a message a quote is written `\\\"`"});
  p.broken = true;
  const std::string_view text = p.text();
  while (!p.now().is(TokenKind::kEnd)) {
    const std::uint32_t begin = p.now().begin;
    if (text.substr(token.end, begin - token.end).find('\n') != std::string_view::npos) break;
    const bool closes =
        p.now().is(TokenKind::kString) && p.now().text.find('}') != std::string::npos;
    p.take();
    if (closes) break;
  }
  return true;
}

Placeholder parse_placeholder(ParseContext& p) {
  Placeholder hole;
  const std::string_view text = p.text();
  const std::uint32_t begin = p.current().begin;
  const SourceSpan brace = p.last();
  const auto resume = [&](std::uint32_t from) {
    const std::size_t close = text.find('}', from);
    hole.end =
        static_cast<std::uint32_t>(close == std::string_view::npos ? text.size() : close + 1);
    hole.broken = true;
  };
  if (p.current().is(TokenKind::kBraceClose)) {
    p.remark(Code::kE0122, {brace.file, brace.begin, p.here().end},
             "an empty placeholder in the message", "an expression is written in the braces",
             std::nullopt, {"braces themselves are written `{{` and `}}`"});
    hole.expr = error_expr(p, brace);
    resume(begin);
    return hole;
  }
  if (p.current().is(TokenKind::kEnd)) {
    p.remark(Code::kE0122, brace, "a `{` that is never closed in the message",
             "a brace itself is written `{{`");
    hole.expr = error_expr(p, brace);
    resume(begin);
    return hole;
  }
  hole.expr = parse_expr(p);
  if (!p.panicking() && p.now().is(TokenKind::kBraceClose)) {
    hole.end = p.now().end;
    hole.broken = p.broken;
    return hole;
  }
  if (!p.panicking()) {
    if (p.now().is(TokenKind::kEnd)) {
      p.remark(Code::kE0122, brace, "a `{` that is never closed in the message",
               "a brace itself is written `{{`");
    } else if (p.now().is(TokenKind::kColon)) {
      p.fail(Code::kE0122, "a placeholder has no format", "",
             {"values are shown as they are: `round(x, 2)` gives two digits after the point"});
    } else {
      p.fail(Code::kE0122,
             fmt::format("expected an operator or `}}`, found {}", p.found(p.current())));
    }
  }
  hole.expr = error_expr(p, hole.expr->span);
  resume(p.current().begin);
  return hole;
}

// Takes a message apart: text, and `{expression}`.
void parse_message(ParseContext& p, const Token& token, tree::AlertClause& clause) {
  const DecodedString decoded = decode_string(p.lexed(), token);
  const LexedText text{p.lexed().file, decoded.text, &decoded.places};
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
      p.remark(Code::kE0122, text.span(i, i + 1), "a `}` without its `{` in the message",
               "a brace itself is written `}}`", Edit{text.span(i, i + 1), "}}"});
      ++i;
    } else {
      end_plain(i);
      ParseContext inner(text, i + 1, p.mistakes(), p.nesting());
      Placeholder hole = parse_placeholder(inner);
      p.broken = p.broken || hole.broken;
      p.poisoned.merge(inner.poisoned);
      SourceSpan span = hole.expr->span;
      clause.parts.push_back({{}, std::move(hole.expr), span});
      i = hole.end;
      plain_begin = i;
    }
  }
  end_plain(size);
}

}  // namespace

void parse_alert(ParseContext& p, tree::AlertClause& clause) {
  const bool paren = p.now().is(TokenKind::kParenOpen) && p.ahead().is(TokenKind::kString);
  const bool prefix = p.now().is(TokenKind::kName) && p.now().text.size() == 1 &&
                      p.ahead().is(TokenKind::kString) && p.ahead().begin == p.now().end;
  if (paren && !p.panicking()) {
    p.remark(Code::kE0117, p.here(), "a message is written without parentheses", "leave them out");
    p.take();
  } else if (prefix && !p.panicking()) {
    p.remark(Code::kE0117, p.here(),
             fmt::format("no {} is written before a message", p.found(p.now())), "leave it out",
             Edit{p.here(), ""}, {"values are written in braces in every message"});
    p.take();
  }
  if (!p.now().is(TokenKind::kString)) {
    p.fail_expected("the message in quotes", {"write what the reader of the alert should know: "
                                              "`alert \"Three payments, then a large one\"`"});
    return;
  }
  const SourceSpan span = p.here();
  const Token token = p.take();
  clause.message = {token.text, span};
  if (!token.bad && !quote_inside(p, token, span)) parse_message(p, token, clause);
  if (paren && p.now().is(TokenKind::kParenClose)) p.take();
  if (p.now().is(TokenKind::kPlus)) {
    p.fail(Code::kE0117, "messages are not joined by `+`", "",
           {"values are written in braces inside the message: `alert \"Card {card}\"`"});
    return;
  }
  const bool lacks_brace = !p.panicking() && p.now().is(TokenKind::kName) &&
                           p.ahead().is(TokenKind::kColon) && !is_clause_keyword(p.now().text);
  if (p.now().is(TokenKind::kBraceOpen) || lacks_brace) {
    clause.fields = parse_record(p, false);
  } else {
    p.at(TokenKind::kBraceOpen);
  }
}
}  // namespace tocsin::rules
