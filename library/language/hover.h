/// What is said of the place under the mouse.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "library/language/checked_pack.h"

namespace tocsin::library {
/// Markdown, and the text that it is about.
struct Hover {
  rules::SourceSpan span;
  std::string markdown;
};
/// Of a name: what it is, its declaration as written, the comment above it, where it stands, and of
/// a rule what it does in plain words, where the set has no errors. Of a word of the language: what
/// it means. Of a duration: the same in words. Nothing elsewhere.
std::optional<Hover> hover_at(const CheckedPack& pack, std::uint32_t file, std::uint32_t byte);
}  // namespace tocsin::library
