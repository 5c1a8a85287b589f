/// Where lines of JSON part: commas outside strings, and line feeds.
///
/// That is less than a JSON parser wants to know, and all that must be found in a line whose form
/// is known (runtime/decode/line_form.h): in it the text between two values has a comma or is the
/// line's first or last. It takes a third of the instructions of simdjson's first stage.
#pragma once
#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/decode/separator_scan.h"

namespace tocsin::runtime {
/// Owns the memory for what a scan finds, which stands until the next. Threading: one caller at a
/// time.
class Separators {
 public:
  /// By the widest instructions that the machine has, or these.
  explicit Separators(const SeparatorScan& scan = separator_scan()) : scan_(&scan) {}
  /// Looks at whole lines, of less than 2 GiB, with kSeparatorPadding bytes readable behind them.
  /// False, and nothing is known of them, unless they are UTF-8, close all strings that they open,
  /// have no control character in one and no backslash outside.
  bool scan(std::string_view lines);
  /// The offsets of separators, ascending. Before the first there is one that can be read, kNone:
  /// a line begins right behind it too.
  const std::uint32_t* begin() const { return separators_.data() + 1; }
  const std::uint32_t* end() const { return end_; }
  static constexpr std::uint32_t kNone = UINT32_MAX;
  /// How many quotes begin or end a string before this offset, which is one of the lines.
  std::uint32_t quotes_before(std::uint32_t offset) const {
    const BlockQuotes& block = quotes_[offset / 64];
    const std::uint64_t before = (std::uint64_t{1} << (offset % 64)) - 1;
    return static_cast<std::uint32_t>(block.before) +
           static_cast<std::uint32_t>(std::popcount(block.bits & before));
  }
  /// Whether a string begins at this offset, which may be behind the lines.
  bool string_begins(std::uint32_t offset) const {
    // The last line's feed is a separator.
    if (offset >= end_[-1] || (quotes_[offset / 64].bits >> (offset % 64) & 1) == 0) return false;
    return quotes_before(offset) % 2 == 0;
  }

 private:
  const SeparatorScan* scan_;
  const std::uint32_t* end_ = nullptr;
  std::vector<std::uint32_t> separators_;
  std::vector<BlockQuotes> quotes_;
};
}  // namespace tocsin::runtime
