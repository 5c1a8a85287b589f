/// A token: a word, a literal or a mark, and where it stands.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "cep/value/value.h"

namespace tocsin::rules {
enum class TokenKind : std::uint8_t {
  kEnd,
  kName,        // `text`
  kQuotedName,  // `text` without back-quotes; never a keyword
  kInt,         // this and the next five: `value`, and `text` as written
  kDecimal,
  kFloat,
  kDuration,
  kDate,
  kTime,
  kString,  // `text` decoded
  kRegex,   // `text` between the slashes, `ignore_case`
  kBraceOpen,
  kBraceClose,
  kParenOpen,
  kParenClose,
  kBracketOpen,
  kBracketClose,
  kComma,
  kColon,
  kDot,
  kDotDot,
  kQuestion,
  kBar,
  kBang,  // of other languages: `!`, and the next
  kSemicolon,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kPlus,
  kMinus,
  kStar,
  kSlash,
  kPercent,
};
struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::uint32_t begin = 0;  // in the lexer's text
  std::uint32_t end = 0;
  bool line_start = false;  // the first token of its line
  bool bad = false;         // a mistake in it has been reported
  bool doubtful = false;    // behind a mistake of unknown extent: may be part of it
  bool ignore_case = false;
  std::string text;
  cep::Value value;  // never text

  bool is(TokenKind k) const { return kind == k; }
  /// The keyword `word`, which a back-quoted name never is.
  bool is(std::string_view word) const { return kind == TokenKind::kName && text == word; }
};

/// Where a token of a file stands.
struct TokenPlace {
  TokenKind kind = TokenKind::kEnd;
  std::uint32_t begin = 0;  // bytes of the file
  std::uint32_t end = 0;
  bool line_start = false;
};

/// As "expected …" names it: "a name", "`{`".
std::string_view token_text(TokenKind kind);
bool is_number(TokenKind kind);
/// A number, a string, a duration, a date or a time.
bool is_literal(TokenKind kind);
bool is_opening(TokenKind kind);
/// The bracket that `closing` closes; kEnd for what is none.
TokenKind opening_of(TokenKind closing);
}  // namespace tocsin::rules
