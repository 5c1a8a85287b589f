#include "rules/syntax/token.h"

namespace tocsin::rules {
std::string_view token_text(TokenKind kind) {
  switch (kind) {
    case TokenKind::kEnd:
      return "the end of the file";
    case TokenKind::kName:
    case TokenKind::kQuotedName:
      return "a name";
    case TokenKind::kInt:
      return "a whole number";
    case TokenKind::kDecimal:
    case TokenKind::kFloat:
      return "a number";
    case TokenKind::kDuration:
      return "a duration such as `10m`";
    case TokenKind::kDate:
      return "a date such as `2027-01-01`";
    case TokenKind::kTime:
      return "a time such as `2026-11-20T10:00:00Z`";
    case TokenKind::kString:
      return "a string";
    case TokenKind::kRegex:
      return "a regular expression";
    case TokenKind::kBraceOpen:
      return "`{`";
    case TokenKind::kBraceClose:
      return "`}`";
    case TokenKind::kParenOpen:
      return "`(`";
    case TokenKind::kParenClose:
      return "`)`";
    case TokenKind::kBracketOpen:
      return "`[`";
    case TokenKind::kBracketClose:
      return "`]`";
    case TokenKind::kComma:
      return "`,`";
    case TokenKind::kColon:
      return "`:`";
    case TokenKind::kDot:
      return "`.`";
    case TokenKind::kDotDot:
      return "`..`";
    case TokenKind::kQuestion:
      return "`?`";
    case TokenKind::kBar:
      return "`|`";
    case TokenKind::kBang:
      return "`!`";
    case TokenKind::kSemicolon:
      return "`;`";
    case TokenKind::kEqual:
      return "`=`";
    case TokenKind::kNotEqual:
      return "`!=`";
    case TokenKind::kLess:
      return "`<`";
    case TokenKind::kLessEqual:
      return "`<=`";
    case TokenKind::kGreater:
      return "`>`";
    case TokenKind::kGreaterEqual:
      return "`>=`";
    case TokenKind::kPlus:
      return "`+`";
    case TokenKind::kMinus:
      return "`-`";
    case TokenKind::kStar:
      return "`*`";
    case TokenKind::kSlash:
      return "`/`";
    case TokenKind::kPercent:
      return "`%`";
  }
  return "";
}
TokenKind opening_of(TokenKind closing) {
  switch (closing) {
    case TokenKind::kBraceClose:
      return TokenKind::kBraceOpen;
    case TokenKind::kParenClose:
      return TokenKind::kParenOpen;
    case TokenKind::kBracketClose:
      return TokenKind::kBracketOpen;
    default:
      return TokenKind::kEnd;
  }
}
bool is_opening(TokenKind kind) {
  return kind == TokenKind::kBraceOpen || kind == TokenKind::kParenOpen ||
         kind == TokenKind::kBracketOpen;
}
bool is_number(TokenKind kind) {
  return kind == TokenKind::kInt || kind == TokenKind::kDecimal || kind == TokenKind::kFloat;
}
bool is_literal(TokenKind kind) {
  return is_number(kind) || kind == TokenKind::kDuration || kind == TokenKind::kDate ||
         kind == TokenKind::kTime || kind == TokenKind::kString;
}
}  // namespace tocsin::rules
