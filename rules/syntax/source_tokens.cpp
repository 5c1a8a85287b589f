#include "rules/syntax/source_tokens.h"

#include <algorithm>
#include <cstddef>

namespace tocsin::rules {
namespace {
constexpr std::string_view kBlanks = " \t\r\n\f\v";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
}  // namespace

SourceTokens::SourceTokens(std::string_view text, const std::vector<TokenPlace>& places) {
  tokens_.reserve(places.size() + 1);
  std::size_t at = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  const auto add = [&](TokenKind kind, std::size_t begin, std::size_t end, bool line_start) {
    SourceToken token;
    token.kind = kind;
    token.text = text.substr(begin, end - begin);
    token.begin = static_cast<std::uint32_t>(begin);
    token.line_start = line_start;
    add_gap(text.substr(at, begin - at), tokens_.empty(), token);
    tokens_.push_back(token);
    at = end;
  };
  for (const TokenPlace& place : places) add(place.kind, place.begin, place.end, place.line_start);
  add(TokenKind::kEnd, text.size(), text.size(), true);
}

// Blanks and comments only: the file has no errors.
void SourceTokens::add_gap(std::string_view gap, bool at_line_start, SourceToken& next) {
  next.comments_begin = static_cast<std::uint32_t>(comments_.size());
  bool own_line = at_line_start;
  std::size_t line_ends = at_line_start ? 1 : 0;
  for (std::size_t i = 0; i < gap.size();) {
    const char c = gap[i];
    if (c == '#') {
      const std::size_t end = std::min(gap.find_first_of("\r\n", i), gap.size());
      const std::string_view comment = gap.substr(i, end - i);
      comments_.push_back(
          {comment.substr(0, comment.find_last_not_of(kBlanks) + 1), own_line, line_ends > 1});
      line_ends = 0;
      i = end;
      continue;
    }
    if (c == '\n' || c == '\r') {
      own_line = true;
      ++line_ends;
      if (gap.substr(i).starts_with("\r\n")) ++i;
    }
    ++i;
  }
  next.blank_before = line_ends > 1;
  next.comments_end = static_cast<std::uint32_t>(comments_.size());
}

bool SourceTokens::starts_line(std::uint32_t begin) const {
  const auto found = std::ranges::lower_bound(tokens_, begin, {}, &SourceToken::begin);
  return found != tokens_.end() && found->begin == begin && found->line_start;
}
}  // namespace tocsin::rules
