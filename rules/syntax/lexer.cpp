#include "rules/syntax/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "cep/base/assert.h"
#include "rules/text/characters.h"
#include "rules/text/utf8.h"

namespace tocsin::rules {
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
      } else if (!foreign_string(token)) {
        if (skip_unknown()) {
          doubtful = doubtful || std::exchange(doubtful_, false);
          continue;
        }
        token = is_ascii(c) ? mark() : name();
      }
    }
    token.line_start = line_start_;
    token.doubtful = doubtful;
    token.end = at_;
    line_start_ = false;
    return token;
  }
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
    report(Code::kE0103, nul_at, 1, "the file has a NUL byte: it is not a text file", more(nul));
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
