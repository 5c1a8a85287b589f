/// What may be written at a place, whether the text around it can be parsed or not.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "library/language/checked_pack.h"

namespace tocsin::library {
enum class CompletionKind : std::uint8_t {
  kKeyword,
  kSnippet,
  kEvent,
  kField,
  kStep,
  kFeature,
  kConstant,
  kFunction,
  kRule,
  kEnumWord,
  kKey,
};
struct Completion {
  CompletionKind kind = CompletionKind::kKeyword;
  std::string label;   // what is chosen
  std::string insert;  // what is written; of a snippet with places `${1:name}` as editors know them
  std::string detail;  // one line
  std::string doc;
};
struct Completions {
  /// The word that stands there already, which is replaced; empty where none does.
  rules::SourceSpan replaced;
  std::vector<Completion> items;  // each label once; what is more likely comes first
};
/// `byte`: where the cursor is.
Completions completions_at(const CheckedPack& pack, std::uint32_t file, std::uint32_t byte);
}  // namespace tocsin::library
