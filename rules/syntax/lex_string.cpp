// Strings with their escapes, and regular expressions.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "cep/base/assert.h"
#include "rules/syntax/lexer.h"
#include "rules/text/characters.h"
#include "rules/text/utf8.h"

namespace tocsin::rules {
namespace {
void append_utf8(std::string& out, char32_t c) {
  const auto byte = [](char32_t bits) {
    return static_cast<char>(static_cast<unsigned char>(bits));
  };
  if (c < 0x80) {
    out += byte(c);
  } else if (c < 0x800) {
    out += byte(0xC0U | (c >> 6U));
    out += byte(0x80U | (c & 0x3FU));
  } else if (c < 0x10000) {
    out += byte(0xE0U | (c >> 12U));
    out += byte(0x80U | ((c >> 6U) & 0x3FU));
    out += byte(0x80U | (c & 0x3FU));
  } else {
    out += byte(0xF0U | (c >> 18U));
    out += byte(0x80U | ((c >> 12U) & 0x3FU));
    out += byte(0x80U | ((c >> 6U) & 0x3FU));
    out += byte(0x80U | (c & 0x3FU));
  }
}
}  // namespace

// One escape of a string, its backslash next.
void Lexer::escape(Token& token, std::vector<std::uint32_t>* places) {
  const std::uint32_t begin = at_;
  const std::size_t size_before = token.text.size();
  const auto hex4 = [this](std::uint32_t from) -> std::optional<char32_t> {
    char32_t value = 0;
    for (std::uint32_t i = 0; i < 4; ++i) {
      const char c = peek(from + i);
      if (!is_digit(c) && !(c >= 'a' && c <= 'f') && !(c >= 'A' && c <= 'F')) return std::nullopt;
      const int digit = is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
      value = value * 16 + static_cast<char32_t>(digit);
    }
    return value;
  };
  const auto wrong = [&](std::uint32_t length, std::string message,
                         std::vector<std::string> helps) {
    at_ = begin + length;
    token.bad = true;
    report(Code::kE0110, begin, at_, std::move(message), "", std::move(helps));
  };
  const char c = peek(1);
  constexpr std::string_view kShort = "\"\\/bfnrt";
  constexpr std::string_view kMeaning = "\"\\/\b\f\n\r\t";
  if (const std::size_t i = kShort.find(c); c != '\0' && i != std::string_view::npos) {
    token.text += kMeaning[i];
    at_ += 2;
  } else if (c == 'u') {
    const std::optional<char32_t> first = hex4(2);
    if (!first) {
      std::uint32_t length = 2;
      while (length < 6 && in_name(peek(length))) ++length;
      wrong(length, "a `\\u` escape needs four hexadecimal digits", {"as in `\\u00e9`"});
    } else if (*first >= 0xD800 && *first <= 0xDFFF) {
      const bool high = *first <= 0xDBFF && peek(6) == '\\' && peek(7) == 'u';
      const std::optional<char32_t> second = high ? hex4(8) : std::nullopt;
      if (second && *second >= 0xDC00 && *second <= 0xDFFF) {
        append_utf8(token.text, 0x10000 + ((*first - 0xD800) << 10U) + (*second - 0xDC00));
        at_ += 12;
      } else {
        wrong(6, "half of a surrogate pair is not a character",
              {"a character beyond `\\uffff` is written as two escapes, or as itself"});
      }
    } else {
      append_utf8(token.text, *first);
      at_ += 6;
    }
  } else {
    const CodePoint point = code_point_at(text_.text, at_ + 1);
    const auto length = static_cast<std::uint32_t>(1 + point.bytes);
    wrong(length, fmt::format("strings have no escape `{}`", text_.text.substr(begin, length)),
          {"the escapes are `\\\"`, `\\\\`, `\\/`, `\\b`, `\\f`, `\\n`, `\\r`, `\\t` and `\\u` "
           "with four digits"});
  }
  if (places != nullptr)
    places->resize(places->size() + token.text.size() - size_before,
                   text_.span(begin, begin).begin);
}

Token Lexer::string(std::string_view closing) {
  DecodedString* const decoded = decoded_;
  std::vector<std::uint32_t>* const places = decoded == nullptr ? nullptr : &decoded->places;
  Token token;
  token.kind = TokenKind::kString;
  token.begin = at_;
  at_ += static_cast<std::uint32_t>(std::max<std::size_t>(code_point_at(text_.text, at_).bytes, 1));
  bool control = false;
  for (;;) {
    const char c = peek();
    if (at_ >= text_.text.size() || c == '\n' || c == '\r') {
      // What would open a block or go on with a list most likely stood behind the missing quote.
      std::uint32_t end = at_;
      while (end > token.begin + 1 && (text_.text[end - 1] == ' ' || text_.text[end - 1] == '\t'))
        --end;
      const char last = text_.text[end - 1];
      if (end > token.begin + 1 && (last == '{' || last == ',')) at_ = end - 1;
      token.bad = true;
      doubtful_ = true;
      report(Code::kE0109, token.begin, token.begin + 1, "a string does not end",
             "its second quote is missing on this line",
             {"a line end inside of a string is written `\\n`"});
      return token;
    }
    if (looking_at(closing)) break;
    if (c == '\\') {
      if (at_ + 1 >= text_.text.size() || peek(1) == '\n' || peek(1) == '\r') {
        ++at_;
        continue;
      }
      escape(token, places);
      continue;
    }
    if (c == '\t' && !control) {
      control = true;
      token.bad = true;
      report(Code::kE0110, at_, at_ + 1, "a tab inside of a string", "write `\\t`", {}, "\\t");
    } else if (is_control(c)) {
      token.bad = true;  // check_bytes() has told
    }
    if (places != nullptr) places->push_back(text_.span(at_, at_).begin);
    token.text += c;
    ++at_;
  }
  if (places != nullptr) places->push_back(text_.span(at_, at_).begin);
  at_ += static_cast<std::uint32_t>(closing.size());
  token.end = at_;
  return token;
}

DecodedString decode_string(const LexedText& text, const Token& token) {
  DiagnosticSink silent;
  MistakeCounter mistakes(silent, 1);
  Lexer lexer(text, token.begin, mistakes);
  DecodedString decoded;
  lexer.decoded_ = &decoded;
  Token again = lexer.next();
  decoded.text = std::move(again.text);
  TOCSIN_ASSERT(decoded.places.size() == decoded.text.size() + 1, "each decoded byte has a place");
  return decoded;
}

// The byte behind the closing slash; 0 when the line ends first.
std::uint32_t Lexer::regex_end(std::uint32_t slash) const {
  const std::string_view text = text_.text;
  bool in_class = false;
  for (std::size_t i = std::size_t{slash} + 1; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n' || c == '\r') return 0;
    if (c == '\\') {
      ++i;
      if (i < text.size() && (text[i] == '\n' || text[i] == '\r')) return 0;
    } else if (in_class) {
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
    } else if (c == '/') {
      return static_cast<std::uint32_t>(i + 1);
    }
  }
  return 0;
}

bool Lexer::regex_ends(const Token& slash) const { return regex_end(slash.begin) != 0; }

Token Lexer::regex_from(const Token& slash) {
  Token token = slash;
  token.kind = TokenKind::kRegex;
  const std::uint32_t end = regex_end(slash.begin);
  if (end == 0) {
    at_ = slash.begin;
    skip_line();
    token.end = at_;
    token.bad = true;
    doubtful_ = true;
    report(Code::kE0111, slash.begin, slash.begin + 1, "a regular expression does not end",
           "its second `/` is missing on this line", {"inside of `[…]` a `/` does not end it"});
    return token;
  }
  at_ = end;
  token.text = text_.text.substr(slash.begin + 1, end - slash.begin - 2);
  while (in_name(peek())) ++at_;
  const std::string_view flags = text_.text.substr(end, at_ - end);
  if (flags == "i") {
    token.ignore_case = true;
  } else if (!flags.empty()) {
    token.bad = true;
    report(Code::kE0111, end, at_, fmt::format("regular expressions have no flag `{}`", flags), "",
           {"`i` is the only one: letters compared without case"});
  }
  token.end = at_;
  return token;
}

}  // namespace tocsin::rules
