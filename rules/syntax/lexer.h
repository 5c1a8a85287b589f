/// Tokens of the rule language, read on demand: a `/` is a mark until the parser, at an operand,
/// asks for a regular expression, so nothing behind it may be read before. Words are never keywords
/// here.
///
/// The lexer reports what is wrong with a token and gives the token that was meant (`==` is `=`,
/// `10min` is `10m`), marked `bad` where nothing can be made of it, so that the parser stays silent
/// about it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "rules/syntax/token.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules {
/// Passes diagnostics on until there are too many of them; then says so once and asks to stop.
class MistakeCounter {
 public:
  MistakeCounter(DiagnosticSink& sink, std::uint32_t mistakes_max)
      : sink_(sink), left_(mistakes_max) {}
  void report(Diagnostic diagnostic);
  bool stopped() const { return stopped_; }
  bool any() const { return any_; }
  /// While it lives nothing is passed on: what is skipped after a mistake is not judged.
  class Quiet {
   public:
    [[nodiscard]] explicit Quiet(MistakeCounter& counter)
        : counter_(counter), before_(counter.quiet_) {
      counter_.quiet_ = true;
    }
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;
    ~Quiet() { counter_.quiet_ = before_; }

   private:
    MistakeCounter& counter_;
    bool before_;
  };

 private:
  DiagnosticSink& sink_;
  std::uint32_t left_;
  bool stopped_ = false;
  bool any_ = false;
  bool quiet_ = false;
};

/// A stretch of text and where each of its bytes stands in its file. The decoded text of a string
/// is one too, so that the expressions in a message point into the file.
struct LexedText {
  std::uint32_t file = 0;
  std::string_view text;
  const std::vector<std::uint32_t>* places =
      nullptr;  // of each byte and the end; absent: the byte's own index
  SourceSpan span(std::uint32_t begin, std::uint32_t end) const;
};

/// The decoded text of a string token and the place of each byte of it in the file: `places` has
/// one entry more than `text` has bytes.
struct DecodedString {
  std::string text;
  std::vector<std::uint32_t> places;
};
class Lexer {
 public:
  /// Reads `text` from byte `begin` on.
  Lexer(LexedText text, std::uint32_t begin, MistakeCounter& mistakes);
  /// The next token; kEnd for ever at the end, and once there are too many mistakes.
  Token next();
  /// Reads a regular expression where `slash`, the token given last, begins.
  Token regex_from(const Token& slash);
  /// True when the regular expression that would begin at `slash` ends on its line.
  bool regex_ends(const Token& slash) const;
  /// Goes to the end of the text.
  void give_up() { at_ = static_cast<std::uint32_t>(text_.text.size()); }
  SourceSpan span(const Token& token) const { return text_.span(token.begin, token.end); }
  const LexedText& text() const { return text_; }

 private:
  char peek(std::uint32_t ahead = 0) const;
  bool looking_at(std::string_view s) const { return text_.text.substr(at_).starts_with(s); }
  void skip_line();
  bool skip_blank();
  bool skip_foreign_comment();
  bool skip_unknown();
  Token mark();
  Token name();
  Token quoted_name();
  Token number();
  bool date_or_time(Token& token);
  void check_number(Token& token, bool has_point, bool has_exponent);
  Token number_with_letters(Token token);
  Token string(std::string_view closing);
  void escape(Token& token, std::vector<std::uint32_t>* places);
  bool foreign_mark(Token& token);
  bool full_width(Token& token);
  bool foreign_string(Token& token);
  std::uint32_t regex_end(std::uint32_t slash) const;
  void report(Code code, std::uint32_t begin, std::uint32_t end, std::string message,
              std::string label, std::vector<std::string> helps = {},
              const char* replacement = nullptr);

  friend DecodedString decode_string(const LexedText& text, const Token& token);
  LexedText text_;
  std::uint32_t at_;
  bool line_start_;
  MistakeCounter& mistakes_;
  bool doubtful_ = false;             // where the last token or character ends is a guess
  DecodedString* decoded_ = nullptr;  // where the next string's places go
};

/// Decodes the string `token` of `text` again, with places; the token is not bad.
DecodedString decode_string(const LexedText& text, const Token& token);

/// True for a word that needs no back-quotes to be a name.
bool is_plain_name(std::string_view text);
/// Reports bytes that no text has: invalid UTF-8, NUL and other control characters; false when the
/// file looks like no text at all and should not be parsed.
bool check_bytes(std::uint32_t file, std::string_view text, MistakeCounter& mistakes);
}  // namespace tocsin::rules
