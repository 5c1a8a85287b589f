#include "rules/parse/open_brackets.h"

namespace tocsin::rules {
namespace {
// The blanks with which the line of byte `at` begins; a very long line counts from where its end is
// near.
std::size_t indentation(std::string_view text, std::size_t at) {
  constexpr std::size_t kFar = 4096;
  std::size_t line = at;
  while (line > 0 && at - line < kFar && text[line - 1] != '\n' && text[line - 1] != '\r') --line;
  std::size_t blanks = 0;
  while (line + blanks < at && (text[line + blanks] == ' ' || text[line + blanks] == '\t'))
    ++blanks;
  return blanks;
}
}  // namespace

void OpenBrackets::take(const Token& taken, std::string_view text) {
  if (is_opening(taken.kind)) {
    constexpr std::size_t kRemembered = 100'000;
    if (open_.size() < kRemembered) open_.push_back({taken.kind, taken.begin});
    return;
  }
  const TokenKind opening = opening_of(taken.kind);
  if (opening == TokenKind::kEnd || !is_open(opening)) return;
  while (open_.back().kind != opening) open_.pop_back();
  if (opening == TokenKind::kBraceOpen && taken.line_start && !suspect_ &&
      indentation(text, taken.begin) < indentation(text, open_.back().begin)) {
    suspect_ = open_.back();
  }
  open_.pop_back();
}

bool OpenBrackets::is_open(TokenKind opening, std::size_t base) const {
  for (std::size_t i = open_.size(); i > base; --i) {
    if (open_[i - 1].kind == opening) return true;
  }
  return false;
}

void OpenBrackets::forget(std::size_t count) {
  if (open_.size() > count) open_.resize(count);
}

void OpenBrackets::blame_suspect() {
  if (suspect_ && !open_.empty()) open_.back() = *suspect_;
}
}  // namespace tocsin::rules
