/// The tokens of a file and the comments between them, for the formatter.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "rules/syntax/token.h"

namespace tocsin::rules {
struct Comment {
  std::string_view text;      // from its `#`, without blanks at its end
  bool own_line = false;      // nothing but blanks stands before it on its line
  bool blank_before = false;  // an empty line stands before it
};
/// One token with the comments between the one before it and itself.
struct SourceToken {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;  // as written
  std::uint32_t begin = 0;
  bool line_start = false;
  bool blank_before = false;  // an empty line stands between it and what is before it
  std::uint32_t comments_begin = 0;
  std::uint32_t comments_end = 0;
};
/// All of a file that a formatter may not lose. Invariant: the last token is the end of the file;
/// `text` outlives it.
class SourceTokens {
 public:
  /// `places`: those of parse() for `text`, a file without errors.
  SourceTokens(std::string_view text, const std::vector<TokenPlace>& places);
  const std::vector<SourceToken>& tokens() const { return tokens_; }
  const std::vector<Comment>& comments() const { return comments_; }
  /// True when the token that begins at byte `begin` is the first of its line.
  bool starts_line(std::uint32_t begin) const;

 private:
  void add_gap(std::string_view gap, bool at_line_start, SourceToken& next);

  std::vector<SourceToken> tokens_;
  std::vector<Comment> comments_;
};
}  // namespace tocsin::rules
