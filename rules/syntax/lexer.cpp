#include "rules/syntax/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "cep/base/assert.h"
#include "rules/syntax/keywords.h"
#include "rules/text/characters.h"
#include "rules/text/utf8.h"

namespace tocsin::rules {
namespace {
// Marks of other languages and what they are here.
struct ForeignMark {
  std::string_view written;
  std::string_view meant;
  TokenKind kind;
  const char* why;
};
constexpr ForeignMark kForeignMarks[] = {
    {"===", "=", TokenKind::kEqual, "equality is `=`"},
    {"==", "=", TokenKind::kEqual, "equality is `=`"},
    {"!==", "!=", TokenKind::kNotEqual, "inequality is `!=`"},
    {"=~", "matches", TokenKind::kName, "a text is matched by `matches`"},
    {"=<", "<=", TokenKind::kLessEqual, "at most is `<=`"},
    {"=>", ">=", TokenKind::kGreaterEqual,
     "at least is `>=`; one step follows another with `then`"},
    {"<>", "!=", TokenKind::kNotEqual, "inequality is `!=`"},
    {":=", "=", TokenKind::kEqual, "here it is `=`"},
    {"&&", "and", TokenKind::kName, "the word is `and`"},
    {"&", "and", TokenKind::kName, "the word is `and`"},
    {"||", "or", TokenKind::kName, "the word is `or`"},
    {"->", "then", TokenKind::kName, "one step follows another with `then`"},
    {"\xE2\x89\xA0", "!=", TokenKind::kNotEqual, "inequality is `!=`"},
    {"\xE2\x89\xA4", "<=", TokenKind::kLessEqual, "at most is `<=`"},
    {"\xE2\x89\xA5", ">=", TokenKind::kGreaterEqual, "at least is `>=`"},
    {"\xE2\x86\x92", "then", TokenKind::kName, "one step follows another with `then`"},
    {"\xE2\x88\x92", "-", TokenKind::kMinus, "the minus is `-`"},
    {"\xE2\x80\x93", "-", TokenKind::kMinus, "the minus is `-`"},
    {"\xE2\x80\x94", "-", TokenKind::kMinus, "the minus is `-`"},
    {"\xC3\x97", "*", TokenKind::kStar, "the product is `*`"},
    {"\xC3\xB7", "/", TokenKind::kSlash, "the quotient is `/`"},
    {"\xE2\x80\xA6", "..", TokenKind::kDotDot, "a range is `..`"},
};
constexpr std::size_t kQuotedMax = 4096;  // no longer text is taken for a string in foreign marks
// Quotation marks of other languages and of word processors.
struct ForeignQuote {
  std::string_view opening;
  std::string_view closing;
};
constexpr ForeignQuote kForeignQuotes[] = {
    {"'", "'"},
    {"\xE2\x80\x9C", "\xE2\x80\x9D"},  // “ ”
    {"\xE2\x80\x9D", "\xE2\x80\x9D"},
    {"\xE2\x80\x9E", "\xE2\x80\x9C"},  // „ “
    {"\xE2\x80\x98", "\xE2\x80\x99"},  // ‘ ’
    {"\xC2\xAB", "\xC2\xBB"},          // « »
};
struct SpecialBlank {
  char32_t value;
  const char* name;
};
constexpr SpecialBlank kSpecialBlanks[] = {
    {0xA0, "no-break space"},
    {0x2007, "figure space"},
    {0x202F, "narrow no-break space"},
    {0x3000, "ideographic space"},
    {0x200B, "zero-width space"},
    {0x2028, "line separator"},
    {0x2029, "paragraph separator"},
    {0xFEFF, "byte-order mark"},
    {0x2009, "thin space"},
    {0x2003, "em space"},
    {0x2002, "en space"},
    {0x85, "next-line character"},
};
const SpecialBlank* special_blank(char32_t c) {
  const auto* found = std::ranges::find(kSpecialBlanks, c, &SpecialBlank::value);
  return found == std::end(kSpecialBlanks) ? nullptr : found;
}
// The ASCII character of a full-width one, U+FF01 to U+FF5E; 0 for others.
char narrow(char32_t c) {
  return c >= 0xFF01 && c <= 0xFF5E ? static_cast<char>(c - 0xFF01 + '!') : '\0';
}
// Good enough to tell a letter of a word from a mark: what lies outside the blocks of punctuation
// and symbols.
bool is_foreign_letter(char32_t c) {
  if (c < 0xC0) return c == 0xAA || c == 0xB5 || c == 0xBA;
  if (c == 0xD7 || c == 0xF7) return false;
  const bool mark = (c >= 0x2000 && c <= 0x2BFF) || (c >= 0x3000 && c <= 0x3004) ||
                    (c >= 0x3008 && c <= 0x3020) || (c >= 0xFE00 && c <= 0xFE6F) ||
                    (c >= 0xFEFF && c <= 0xFF5E) || c >= 0x1F000 || (c >= 0xE000 && c <= 0xF8FF);
  return !mark;
}

// Whether what begins with the two dashes at `at` can be nothing but a comment: a blank follows,
// and two words that no expression has side by side. `a - -b` goes on with one operand.
bool is_dashed_comment(std::string_view text, std::size_t at, bool line_start) {
  constexpr std::size_t kLookedAt = 256;  // a file of dashes is read in linear time
  if (at > 0 && text[at - 1] == '-') return false;
  std::string_view line = text.substr(at, kLookedAt);
  line = line.substr(0, line.find_first_of("\r\n"));
  const std::size_t dashes = std::min(line.find_first_not_of('-'), line.size());
  line.remove_prefix(dashes);
  if (line.find_first_not_of(" \t") == std::string_view::npos) return line_start && dashes > 2;
  if (line.front() != ' ' && line.front() != '\t') return false;
  std::string before;
  bool first = true;
  while (!line.empty()) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    std::size_t end = 0;
    while (end < line.size() && in_name(line[end])) ++end;
    const bool is_word = end > 0 && begins_name(line.front());
    const std::string word(line.substr(0, end));
    const bool plain = is_word && !is_keyword(word);
    if (plain && !before.empty()) {
      const bool may_follow = is_keyword(before) && (!first || before == "not" || before == "if");
      if (!may_follow && !aggregate_named(before)) return true;
    }
    if (!before.empty()) first = false;
    before = is_word ? word : std::string();
    if (!is_word) {
      // A mark: words on its two sides do not stand side by side.
      line.remove_prefix(std::min<std::size_t>(std::max<std::size_t>(end, 1), line.size()));
      first = false;
      continue;
    }
    line.remove_prefix(end);
    if (!line.empty() && line.front() != ' ' && line.front() != '\t') {
      before.clear();
      first = false;
    }
  }
  return false;
}

}  // namespace

void MistakeCounter::report(Diagnostic diagnostic) {
  if (stopped_ || quiet_) return;
  any_ = true;
  if (left_ == 0) {
    stopped_ = true;
    diagnostic.code = Code::kE0127;
    diagnostic.message = "too many mistakes in this file";
    diagnostic.primary.text = "what follows has not been read";
    diagnostic.labels.clear();
    diagnostic.notes.clear();
    diagnostic.helps = {"correct the first ones and check again"};
    diagnostic.edit.reset();
  } else {
    --left_;
  }
  sink_.report(std::move(diagnostic));
}

SourceSpan LexedText::span(std::uint32_t begin, std::uint32_t end) const {
  if (places == nullptr) return {file, begin, end};
  return {file, (*places)[begin], (*places)[end]};
}

Lexer::Lexer(LexedText text, std::uint32_t begin, MistakeCounter& mistakes)
    : text_(text), at_(begin), line_start_(begin == 0), mistakes_(mistakes) {
  if (at_ == 0 && looking_at("\xEF\xBB\xBF")) at_ = 3;
}

char Lexer::peek(std::uint32_t ahead) const {
  const std::size_t i = std::size_t{at_} + ahead;
  return i < text_.text.size() ? text_.text[i] : '\0';
}

void Lexer::report(Code code, std::uint32_t begin, std::uint32_t end, std::string message,
                   std::string label, std::vector<std::string> helps, const char* replacement) {
  Diagnostic diagnostic;
  diagnostic.code = code;
  diagnostic.message = std::move(message);
  diagnostic.primary = {text_.span(begin, end), std::move(label)};
  diagnostic.helps = std::move(helps);
  if (replacement != nullptr) diagnostic.edit = Edit{diagnostic.primary.span, replacement};
  mistakes_.report(std::move(diagnostic));
}

void Lexer::skip_line() {
  while (at_ < text_.text.size() && peek() != '\n' && peek() != '\r') ++at_;
}

// Skips blanks, line ends and comments; false when there was none.
bool Lexer::skip_blank() {
  const std::uint32_t begin = at_;
  while (at_ < text_.text.size()) {
    const char c = peek();
    if (c == '\n' || c == '\r') {
      line_start_ = true;
      ++at_;
    } else if (c == ' ' || c == '\t') {
      ++at_;
    } else if (c == '#') {
      skip_line();
    } else if (is_control(c)) {
      ++at_;  // check_bytes() has told
    } else {
      break;
    }
  }
  return at_ != begin;
}

bool Lexer::skip_foreign_comment() {
  // An empty regular expression and one that begins with `*` do not exist, so this is never
  // anything else.
  const std::uint32_t begin = at_;
  if (looking_at("--") && is_dashed_comment(text_.text, at_, line_start_)) {
    report(Code::kE0117, begin, begin + 2, "`--` begins no comment", "a comment begins with `#`",
           {}, "#");
    skip_line();
    return true;
  }
  if (!looking_at("//") && !looking_at("/*")) return false;
  const bool block = peek(1) == '*';
  if (block) {
    const std::size_t close = text_.text.find("*/", at_ + 2);
    at_ =
        static_cast<std::uint32_t>(close == std::string_view::npos ? text_.text.size() : close + 2);
    report(Code::kE0117, begin, begin + 2, "`/*` begins no comment", "a comment begins with `#`",
           {"put a `#` before each line of it"});
  } else {
    report(Code::kE0117, begin, begin + 2, "`//` begins no comment", "a comment begins with `#`",
           {}, "#");
    skip_line();
  }
  return true;
}

// Characters that begin no token: reports them and skips them; false when the next one may begin a
// token.
bool Lexer::skip_unknown() {
  const std::uint32_t begin = at_;
  const char c = peek();
  if (!is_ascii(c)) {
    const CodePoint point = code_point_at(text_.text, at_);
    if (!point.valid) {
      ++at_;  // check_bytes() has told
      return true;
    }
    if (is_foreign_letter(point.value)) return false;
    at_ += static_cast<std::uint32_t>(point.bytes);
    if (const SpecialBlank* blank = special_blank(point.value)) {
      report(Code::kE0104, begin, at_, fmt::format("a {} stands between the words", blank->name),
             "write an ordinary blank", {}, " ");
      return true;
    }
    const std::string_view shown = text_.text.substr(begin, point.bytes);
    const bool currency = point.value >= 0x20A0 && point.value <= 0x20CF;
    if (currency || point.value == 0xA3 || point.value == 0xA5) {
      report(Code::kE0104, begin, at_, fmt::format("the language has no character `{}`", shown),
             "an amount has no currency", {}, "");
      return true;
    }
    report(Code::kE0104, begin, at_, fmt::format("the language has no character `{}`", shown), "");
    doubtful_ = true;
    return true;
  }
  switch (c) {
    case '$':
    case '@':
      ++at_;
      if (begins_name(peek())) {
        report(Code::kE0104, begin, at_, fmt::format("the language has no character `{}`", c),
               "names have no mark before them", {}, "");
      } else if (c == '$' && is_digit(peek())) {
        report(Code::kE0104, begin, at_, "the language has no character `$`",
               "an amount has no currency", {}, "");
      } else {
        report(Code::kE0104, begin, at_, fmt::format("the language has no character `{}`", c), "");
      }
      return true;
    case '^':
      ++at_;
      doubtful_ = true;
      report(Code::kE0104, begin, at_, "the language has no character `^`", "",
             {"a power is `pow(a, b)`"});
      return true;
    case '&':
    case '~':
    case '\\':
    case '\'':
      ++at_;
      doubtful_ = true;
      report(Code::kE0104, begin, at_, fmt::format("the language has no character `{}`", c), "");
      return true;
    default:
      return false;
  }
}

Token Lexer::next() {
  bool doubtful = std::exchange(doubtful_, false);
  for (;;) {
    if (mistakes_.stopped()) give_up();
    if (skip_blank() || skip_foreign_comment()) continue;
    Token token;
    token.begin = token.end = at_;
    token.line_start = line_start_;
    if (at_ >= text_.text.size()) return token;
    if (!foreign_mark(token) && !full_width(token)) {
      const char c = peek();
      if (begins_name(c)) {
        token = name();
      } else if (is_digit(c)) {
        token = number();
      } else if (c == '.' && is_digit(peek(1))) {
        token = number();
      } else if (c == '"') {
        token = string("\"");
      } else if (c == '`') {
        token = quoted_name();
      } else {
        const ForeignQuote* quote = nullptr;
        for (const ForeignQuote& candidate : kForeignQuotes) {
          if (!looking_at(candidate.opening)) continue;
          const std::string_view rest =
              text_.text.substr(at_ + candidate.opening.size(), kQuotedMax);
          const std::string_view line = rest.substr(0, rest.find_first_of("\r\n"));
          if (line.find(candidate.closing) != std::string_view::npos) {
            quote = &candidate;
            break;
          }
        }
        if (quote != nullptr) {
          const std::uint32_t begin = at_;
          token = string(quote->closing);
          std::string quoted;
          cep::append_json_string(quoted, token.text);
          report(Code::kE0117, begin, at_, "a string stands in double quotes",
                 fmt::format("write `{}`", quoted), {}, token.bad ? nullptr : quoted.c_str());
        } else if (skip_unknown()) {
          doubtful = doubtful || std::exchange(doubtful_, false);
          continue;
        } else if (!is_ascii(c)) {
          token = name();
        } else {
          token = mark();
        }
      }
    }
    token.line_start = line_start_;
    token.doubtful = doubtful;
    token.end = at_;
    line_start_ = false;
    return token;
  }
}

// Full-width characters, as East Asian keyboards give them: read as the ASCII ones. One at a time
// where it is a mark, else as many as stand together.
bool Lexer::full_width(Token& token) {
  if (is_ascii(peek())) return false;
  const std::uint32_t begin = at_;
  std::string meant;
  for (;;) {
    const CodePoint point = code_point_at(text_.text, at_);
    const char c = point.valid ? narrow(point.value) : '\0';
    const bool joins = c != '\0' && (meant.empty() || (in_name(c) && in_name(meant.back())));
    if (!joins) break;
    meant += c;
    at_ += static_cast<std::uint32_t>(point.bytes);
  }
  if (meant.empty()) return false;
  report(Code::kE0117, begin, at_, "full-width characters", fmt::format("write `{}`", meant), {},
         meant.c_str());
  MistakeCounter::Quiet quiet(mistakes_);
  Lexer narrow_text({text_.file, meant, nullptr}, 0, mistakes_);
  token = narrow_text.next();
  token.begin = begin;
  return true;
}

bool Lexer::foreign_mark(Token& token) {
  if (is_ascii(peek()) && std::string_view("=!<:&|-").find(peek()) == std::string_view::npos)
    return false;
  for (const ForeignMark& foreign : kForeignMarks) {
    if (!looking_at(foreign.written)) continue;
    const std::uint32_t begin = at_;
    at_ += static_cast<std::uint32_t>(foreign.written.size());
    token.kind = foreign.kind;
    if (foreign.kind == TokenKind::kName) token.text = foreign.meant;
    report(Code::kE0117, begin, at_, fmt::format("the language has no `{}`", foreign.written),
           foreign.why, {}, std::string(foreign.meant).c_str());
    return true;
  }
  return false;
}

Token Lexer::mark() {
  Token token;
  token.begin = at_;
  const char c = peek();
  ++at_;
  const auto two = [this](char second, TokenKind both, TokenKind one) {
    if (peek() != second) return one;
    ++at_;
    return both;
  };
  switch (c) {
    case '{':
      token.kind = TokenKind::kBraceOpen;
      break;
    case '}':
      token.kind = TokenKind::kBraceClose;
      break;
    case '(':
      token.kind = TokenKind::kParenOpen;
      break;
    case ')':
      token.kind = TokenKind::kParenClose;
      break;
    case '[':
      token.kind = TokenKind::kBracketOpen;
      break;
    case ']':
      token.kind = TokenKind::kBracketClose;
      break;
    case ',':
      token.kind = TokenKind::kComma;
      break;
    case ':':
      token.kind = TokenKind::kColon;
      break;
    case '.':
      token.kind = two('.', TokenKind::kDotDot, TokenKind::kDot);
      break;
    case '?':
      token.kind = TokenKind::kQuestion;
      break;
    case '|':
      token.kind = TokenKind::kBar;
      break;
    case ';':
      token.kind = TokenKind::kSemicolon;
      break;
    case '=':
      token.kind = TokenKind::kEqual;
      break;
    case '!':
      token.kind = two('=', TokenKind::kNotEqual, TokenKind::kBang);
      break;
    case '<':
      token.kind = two('=', TokenKind::kLessEqual, TokenKind::kLess);
      break;
    case '>':
      token.kind = two('=', TokenKind::kGreaterEqual, TokenKind::kGreater);
      break;
    case '+':
      token.kind = TokenKind::kPlus;
      break;
    case '-':
      token.kind = TokenKind::kMinus;
      break;
    case '*':
      token.kind = TokenKind::kStar;
      break;
    case '/':
      token.kind = TokenKind::kSlash;
      break;
    case '%':
      token.kind = TokenKind::kPercent;
      break;
    default:
      TOCSIN_ASSERT(false, "skip_unknown() has taken all other characters");
  }
  return token;
}

Token Lexer::name() {
  Token token;
  token.kind = TokenKind::kName;
  token.begin = at_;
  bool plain = true;
  while (at_ < text_.text.size()) {
    if (in_name(peek())) {
      ++at_;
      continue;
    }
    if (is_ascii(peek())) break;
    const CodePoint point = code_point_at(text_.text, at_);
    if (!point.valid || !is_foreign_letter(point.value)) break;
    plain = false;
    at_ += static_cast<std::uint32_t>(point.bytes);
  }
  token.text = text_.text.substr(token.begin, at_ - token.begin);
  if (!plain) {
    token.kind = TokenKind::kQuotedName;
    const std::string quoted = "`" + token.text + "`";
    report(Code::kE0104, token.begin, at_, "a name has letters that need back-quotes",
           "plain names are made of `A` to `Z`, `a` to `z`, `0` to `9` and `_`",
           {"put it in back-quotes"}, quoted.c_str());
  }
  return token;
}

Token Lexer::quoted_name() {
  Token token;
  token.kind = TokenKind::kQuotedName;
  token.begin = at_++;
  while (at_ < text_.text.size() && peek() != '`' && peek() != '\n' && peek() != '\r') ++at_;
  const bool closed = peek() == '`';
  token.text = text_.text.substr(token.begin + 1, at_ - token.begin - 1);
  if (!closed) {
    // The name is taken to be the word behind the mark.
    at_ = token.begin + 1;
    while (in_name(peek())) ++at_;
    token.text = text_.text.substr(token.begin + 1, at_ - token.begin - 1);
    report(Code::kE0112, token.begin, token.begin + 1, "a back-quoted name does not end",
           "its second back-quote is missing on this line");
    token.bad = true;
    doubtful_ = true;
    return token;
  }
  ++at_;
  if (token.text.empty()) {
    report(Code::kE0112, token.begin, at_, "a back-quoted name is empty", "");
    token.bad = true;
  }
  return token;
}

bool is_plain_name(std::string_view text) {
  return !text.empty() && begins_name(text.front()) && std::ranges::all_of(text, in_name);
}

bool check_bytes(std::uint32_t file, std::string_view text, MistakeCounter& mistakes) {
  constexpr std::size_t kInvalidMax = 100;  // with more it is no text, or one in another encoding
  const auto report = [&](Code code, std::size_t at, std::size_t length, std::string message,
                          std::vector<std::string> notes) {
    Diagnostic diagnostic;
    diagnostic.code = code;
    diagnostic.message = std::move(message);
    diagnostic.primary.span = {file, static_cast<std::uint32_t>(at),
                               static_cast<std::uint32_t>(at + length)};
    diagnostic.helps = std::move(notes);
    mistakes.report(std::move(diagnostic));
  };
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    report(Code::kE0102, 0, 2, "the file is in UTF-16", {"save it as UTF-8"});
    return false;
  }
  std::size_t invalid = 0, invalid_at = 0, control = 0, control_at = 0, nul = 0, nul_at = 0;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (is_ascii(c)) {
      if (c == '\0' && nul++ == 0) nul_at = i;
      if (c != '\0' && is_control(c) && c != '\t' && c != '\n' && c != '\r' && control++ == 0)
        control_at = i;
      ++i;
      continue;
    }
    const CodePoint point = code_point_at(text, i);
    if (!point.valid && invalid++ == 0) invalid_at = i;
    i += point.bytes;
  }
  const auto more = [](std::size_t count) {
    std::vector<std::string> helps;
    if (count > 1) helps.push_back(fmt::format("there are {} of them in the file", count));
    return helps;
  };
  if (nul > 0) {
    report(Code::kE0103, nul_at, 1, "the file has a NUL byte: it is no text", more(nul));
    return false;
  }
  if (control > 0) {
    const auto byte = static_cast<unsigned>(static_cast<unsigned char>(text[control_at]));
    report(Code::kE0103, control_at, 1,
           fmt::format("a control character (byte 0x{:02x}) in the file", byte), more(control));
  }
  if (invalid > 0) {
    const auto byte = static_cast<unsigned>(static_cast<unsigned char>(text[invalid_at]));
    std::vector<std::string> helps = more(invalid);
    helps.emplace_back("save the file as UTF-8");
    report(Code::kE0102, invalid_at, 1, fmt::format("byte 0x{:02x} is not valid UTF-8", byte),
           std::move(helps));
  }
  return invalid <= kInvalidMax;
}
}  // namespace tocsin::rules
