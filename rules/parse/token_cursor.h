/// Where the parser is in its text.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/parse/open_brackets.h"
#include "rules/syntax/lexer.h"
#include "rules/syntax/token.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules {
/// What was looked for at a token: the keyword `text`, or what `text` says.
struct ExpectedToken {
  std::string_view text;  // of a literal
  bool word = false;
};
/// The blocks around the current token.
struct Inside {
  bool rule = false;  // clauses may begin
  bool test = false;
  int groups = 0;  // of steps
};

/// The current token, those behind it, the token before it, and what was looked for here.
///
/// A cursor that panics, after a mistake whose end is unknown, shows a token that fits nothing and
/// does not move, so that every function of the grammar returns by itself until one that knows
/// where to continue calms it.
class TokenCursor {
 public:
  /// Begins at byte `begin` of `text`.
  TokenCursor(LexedText text, std::uint32_t begin, MistakeCounter& mistakes);
  /// The current token.
  const Token& current();
  /// The current token; one that fits nothing while the cursor panics.
  const Token& now();
  /// The token `count` behind the current one. Nothing is read behind a `/`.
  const Token& ahead(std::size_t count = 1);
  /// True at this token; else notes that it was looked for.
  bool at(TokenKind kind);
  bool at(std::string_view word);

  /// Notes what was looked for at the current token.
  void note(std::string_view expected);
  const std::vector<ExpectedToken>& expected() const { return expected_; }
  /// Keeps the first `count` notes.
  void forget_expected(std::size_t count);

  bool panicking() const { return panic_; }
  void panic() { panic_ = true; }
  void calm() { panic_ = false; }

  /// The place of the current token.
  SourceSpan here();
  /// From `begin` to the end of the token taken last.
  SourceSpan since(SourceSpan begin) const;
  SourceSpan span(const Token& token) const { return lexer_.span(token); }
  /// The place of the token taken last, its kind, and its text if it is a name.
  SourceSpan last() const { return last_; }
  TokenKind last_kind() const { return last_kind_; }
  const std::string& last_word() const { return last_word_; }
  std::string_view text() const { return lexer_.text().text; }
  const LexedText& lexed() const { return lexer_.text(); }
  /// True if the text is that of a message: its bytes are at other places of the file.
  bool in_message() const { return in_message_; }

  /// Continues as if the current token were another one: of this text, of this kind, a duration.
  void read_as(std::string_view text);
  void read_as(TokenKind kind);
  void read_as_duration(std::string_view text);
  /// Continues as if the keyword `word` were before the current token.
  void insert_word(std::string_view word);
  /// Passes the current token over, as if it were not there.
  void drop();
  /// At a `/`: true when a regular expression that begins here ends on its line.
  bool regex_ends() const { return lexer_.regex_ends(*now_); }
  /// At a `/`: reads it as the beginning of a regular expression.
  void read_regex();
  /// Records where each token is from now on.
  void record_places(std::vector<TokenPlace>* places) { places_ = places; }

  OpenBrackets brackets;
  Inside inside;

 protected:
  /// Goes on to the next token; at the end of the text it stays. The cursor does not panic.
  Token advance();

 private:
  Lexer lexer_;
  std::optional<Token> now_;
  std::deque<Token> ahead_;
  SourceSpan last_;
  TokenKind last_kind_ = TokenKind::kEnd;
  std::string last_word_;
  std::vector<ExpectedToken> expected_;
  bool panic_ = false;
  std::vector<TokenPlace>* places_ = nullptr;  // of the tokens taken; may be null
  const bool in_message_;
};
}  // namespace tocsin::rules
