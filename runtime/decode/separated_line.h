/// Places in a line by its separators.
#pragma once
#include <cstdint>
#include <string_view>

#include "runtime/decode/separators.h"

namespace tocsin::runtime {
/// Where a line is among lines whose separators are known.
struct SeparatedLine {
  const Separators* of = nullptr;  // null where they are not
  const char* text = nullptr;      // what offsets count from
  // The last separator before the line, which begins right behind it; those of the line follow.
  const std::uint32_t* before = nullptr;
  std::uint32_t quotes = 0;  // before the line
  std::uint32_t begin() const { return *before + 1; }
};
/// A part of a line: from `add` behind one of its separators up to `subtract` before another one.
struct SeparatedSpan {
  std::uint32_t begin = 0;  // 0 is the separator before the line
  std::uint32_t add = 0;
  std::uint32_t end = 0;
  std::uint32_t subtract = 0;

  const char* from(const SeparatedLine& line) const {
    return line.text + (line.before[begin] + add);
  }
  const char* to(const SeparatedLine& line) const {
    return line.text + (line.before[end] - subtract);
  }
  std::string_view of(const SeparatedLine& line) const { return {from(line), to(line)}; }
};
}  // namespace tocsin::runtime
