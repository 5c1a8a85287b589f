// Characters, comments, marks and quotes that are none here: what other languages and word
// processors write.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "cep/value/value.h"
#include "rules/syntax/keywords.h"
#include "rules/syntax/lexer.h"
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
      report(Code::kE0104, begin, at_, fmt::format("there is a {} between the words", blank->name),
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

// A string in the quotation marks of another language, if it ends on its line.
bool Lexer::foreign_string(Token& token) {
  for (const ForeignQuote& quote : kForeignQuotes) {
    if (!looking_at(quote.opening)) continue;
    const std::string_view rest = text_.text.substr(at_ + quote.opening.size(), kQuotedMax);
    const std::string_view line = rest.substr(0, rest.find_first_of("\r\n"));
    if (line.find(quote.closing) == std::string_view::npos) continue;
    const std::uint32_t begin = at_;
    token = string(quote.closing);
    std::string quoted;
    cep::append_json_string(quoted, token.text);
    report(Code::kE0117, begin, at_, "a string is written in double quotes",
           fmt::format("write `{}`", quoted), {}, token.bad ? nullptr : quoted.c_str());
    return true;
  }
  return false;
}
}  // namespace tocsin::rules
