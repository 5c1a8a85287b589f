/// A file's declarations as a tree, and its stretches that can be folded or selected.
#pragma once
#include <cstdint>
#include <vector>

#include "library/language/checked_pack.h"

namespace tocsin::library {
struct OutlineEntry {
  SymbolPlace symbol = 0;
  std::vector<OutlineEntry> parts;
};
/// The declarations of a file in the order of the text, with their parts.
std::vector<OutlineEntry> outline_of(const CheckedPack& pack, std::uint32_t file);

/// Lines from 0, both included.
struct Fold {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  bool is_comment = false;
};
/// Braces and brackets over several lines, and comments of several lines.
std::vector<Fold> folds_of(std::string_view text);

/// What is around a byte, from the innermost word to the whole text, each containing the one
/// before it.
std::vector<rules::SourceSpan> selections_at(const CheckedPack& pack, std::uint32_t file,
                                             std::uint32_t byte);
}  // namespace tocsin::library
