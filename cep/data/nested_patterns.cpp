#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/data/text_database.h"
#include "cep/value/nested_texts.h"
#include "cep/value/unicode.h"

namespace tocsin::cep {
namespace {
// Only patterns of one class are compared, so that what stands in a pattern's text is found where
// the pattern is found. A literal's space is not a phrase's, and case is not where it is ignored.
constexpr int kClasses = 3;
std::optional<int> class_of(const TextPattern& pattern) {
  if (pattern.kind == PatternKind::kRegex) return std::nullopt;
  if (pattern.kind == PatternKind::kLiteral) return 0;
  return pattern.ignore_case ? 2 : 1;
}

// The text with a mark wherever a word may begin or end: where no letter or digit stands before,
// or after, or both. The text's ends count as such, since the text is itself found as a word. So a
// marked text stands in another one exactly if it is a word there. Marks are no bytes of UTF-8.
std::string marked(std::string_view text) {
  constexpr int kBegins = 1, kEnds = 2;
  std::string out;
  int mark = kBegins;
  const auto add_mark = [&] {
    if (mark != 0) out += static_cast<char>(0xFC + mark);
  };
  for (std::size_t at = 0; at < text.size();) {
    const bool is_letter = is_word_at(text, at);
    if (!is_letter) mark |= kEnds;
    add_mark();
    const std::size_t bytes = code_point_at(text, at).bytes;
    out += text.substr(at, bytes);
    at += bytes;
    mark = is_letter ? 0 : kBegins;
  }
  mark |= kEnds;
  add_mark();
  return out;
}

// What is compared of a pattern; empty where it is not.
std::string compared_text(const TextPattern& pattern, bool words) {
  std::string text =
      pattern.kind == PatternKind::kPhrase ? trimmed_phrase(pattern.text) : pattern.text;
  if (!words || text.empty()) return text;
  // Beyond ASCII, a mark that is no letter (U+0345) is the same as a letter but for its case.
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (pattern.ignore_case && !std::ranges::all_of(text, is_ascii)) return {};
  return marked(text);
}
}  // namespace

std::vector<TextPattern> without_implied(std::vector<TextPattern> patterns, bool words) {
  if (patterns.size() < 2) return patterns;
  std::vector<bool> is_implied(patterns.size());
  for (int c = 0; c < kClasses; ++c) {
    std::vector<std::string> texts;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < patterns.size(); ++i) {
      if (class_of(patterns[i]) != c) continue;
      texts.push_back(compared_text(patterns[i], words));
      places.push_back(i);
    }
    const std::vector<bool> nested =
        have_others_inside(std::vector<std::string_view>(texts.begin(), texts.end()));
    for (std::size_t i = 0; i < places.size(); ++i) is_implied[places[i]] = nested[i];
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (is_implied[i]) continue;
    if (kept != i) patterns[kept] = std::move(patterns[i]);
    ++kept;
  }
  patterns.resize(kept);
  return patterns;
}
}  // namespace tocsin::cep
