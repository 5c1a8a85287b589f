#include "library/language/word_docs.h"

#include <algorithm>
#include <array>

namespace tocsin::library {
namespace {
using enum WordClass;

constexpr auto kDocs = std::to_array<WordDoc>({
#define TOCSIN_WORD(word, of, form, meaning, section) {word, of, form, meaning, section},
#include "library/language/word_docs.def"
#undef TOCSIN_WORD
});
}  // namespace

std::span<const WordDoc> word_docs() { return kDocs; }

const WordDoc* find_word(std::string_view word, WordClass of) {
  const auto* found = std::ranges::find_if(
      kDocs, [&](const WordDoc& doc) { return doc.word == word && doc.of == of; });
  return found == kDocs.end() ? nullptr : &*found;
}

const WordDoc* find_word(std::string_view word) {
  for (const WordClass of : {kClause, kDeclaration, kOther, kFunction, kAggregate}) {
    if (const WordDoc* found = find_word(word, of)) return found;
  }
  return nullptr;
}
}  // namespace tocsin::library
