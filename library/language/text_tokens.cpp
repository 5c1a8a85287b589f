#include "library/language/text_tokens.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "rules/syntax/lexer.h"
#include "rules/text/diagnostics.h"

namespace tocsin::library {
using rules::Token;
using rules::TokenKind;

namespace {
// Whether an operand may come after this token.
bool wants_operand(const Token& token) {
  switch (token.kind) {
    case TokenKind::kName:
      return token.text == "matches" || token.text == "of";
    case TokenKind::kEqual:
    case TokenKind::kComma:
    case TokenKind::kParenOpen:
    case TokenKind::kBracketOpen:
      return true;
    default:
      return false;
  }
}

void add_comments(std::string_view text, std::uint32_t begin, std::uint32_t end,
                  std::vector<CommentPlace>& out) {
  for (std::uint32_t at = begin; at < end; ++at) {
    if (text[at] != '#') continue;
    std::size_t line_end = text.find('\n', at);
    if (line_end == std::string_view::npos) line_end = text.size();
    const std::uint32_t stop = std::min(end, static_cast<std::uint32_t>(line_end));
    out.push_back({at, stop});
    at = stop;
  }
}
}  // namespace

std::vector<Token> tokens_of(std::string_view text) {
  rules::DiagnosticSink sink;
  rules::MistakeCounter mistakes(sink, std::numeric_limits<std::uint32_t>::max());
  const rules::MistakeCounter::Quiet quiet(mistakes);
  rules::Lexer lexer({0, text, nullptr}, 0, mistakes);
  std::vector<Token> tokens;
  for (Token token = lexer.next(); !token.is(TokenKind::kEnd); token = lexer.next()) {
    const bool may_be_regex =
        token.is(TokenKind::kSlash) && !tokens.empty() && wants_operand(tokens.back());
    if (may_be_regex && lexer.regex_ends(token)) token = lexer.regex_from(token);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

std::vector<CommentPlace> comments_of(std::string_view text, const std::vector<Token>& tokens) {
  std::vector<CommentPlace> comments;
  std::uint32_t at = 0;
  for (const Token& token : tokens) {
    add_comments(text, at, token.begin, comments);
    at = std::max(at, token.end);
  }
  add_comments(text, at, static_cast<std::uint32_t>(text.size()), comments);
  return comments;
}
}  // namespace tocsin::library
