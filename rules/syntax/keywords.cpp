#include "rules/syntax/keywords.h"

#include <algorithm>
#include <array>
#include <vector>

namespace tocsin::rules {
namespace {
using enum KeywordClass;

constexpr auto kKeywords = std::to_array<Keyword>({
#define TOCSIN_KEYWORD(word, of) {word, of},
#include "rules/syntax/keywords.def"
#undef TOCSIN_KEYWORD
});

bool is_of(std::string_view word, KeywordClass of) {
  return std::ranges::find(kKeywords, Keyword{word, of}) != kKeywords.end();
}

std::vector<std::string> words_of(KeywordClass of) {
  std::vector<std::string> words;
  for (const Keyword& keyword : kKeywords) {
    if (keyword.of == of) words.emplace_back(keyword.word);
  }
  return words;
}
}  // namespace

bool is_clause_keyword(std::string_view word) { return is_of(word, kClause); }
bool is_declaration_keyword(std::string_view word) { return is_of(word, kDeclaration); }
bool is_operator_word(std::string_view word) { return is_of(word, kOperator); }
bool is_placed_word(std::string_view word) { return is_of(word, kPlaced); }
bool is_type_word(std::string_view word) { return is_of(word, kType); }
bool is_severity(std::string_view word) { return is_of(word, kSeverity); }
bool is_status(std::string_view word) { return is_of(word, kStatus); }
bool is_keyword(std::string_view word) {
  return std::ranges::any_of(kKeywords, [word](const Keyword& keyword) {
    return keyword.word == word && keyword.of <= kOther;
  });
}
std::span<const std::string> clause_keywords() {
  static const std::vector<std::string> kWords = words_of(kClause);
  return kWords;
}
std::span<const std::string> declaration_keywords() {
  static const std::vector<std::string> kWords = words_of(kDeclaration);
  return kWords;
}

std::optional<cep::Aggregate> aggregate_named(std::string_view text) {
  const auto* found = std::ranges::find(cep::kAggregates, text, cep::aggregate_name);
  if (found == cep::kAggregates.end()) return std::nullopt;
  return *found;
}
}  // namespace tocsin::rules
