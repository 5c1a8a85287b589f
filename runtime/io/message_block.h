/// Messages of one partition as lines, one each, for a node that takes lines.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tocsin::runtime {
/// Invariant: between first_offset() and next_offset() there is a line for each offset: a message's
/// value, or a blank one for an offset without a message (compaction removed it, or a transaction
/// has its mark there), which nothing takes for an event.
///
/// A line feed within a message becomes a carriage return, which JSON takes for white space where
/// it takes a line feed for it, and refuses in a text as it refuses a line feed. A message without
/// a value (a tombstone) is a blank line too: it says that a key is to be forgotten, and is no
/// event. One of white space alone becomes `""`, which is reported as every line that is no event.
class MessageBlock {
 public:
  /// Takes the next message, whose value is nothing for a tombstone. Of a value of more than
  /// `line_bytes_max` bytes only so much is kept that it is seen to be too long. False, taking
  /// nothing, where more offsets lie before it than a block fills with blank lines: it begins
  /// another block. Requires that offsets ascend.
  bool add(std::uint64_t offset, std::optional<std::string_view> value, std::size_t line_bytes_max);
  bool empty() const { return first_ == next_; }
  std::uint64_t first_offset() const { return first_; }
  std::uint64_t next_offset() const { return next_; }
  std::size_t size() const { return text_.size(); }
  /// Lets nothing be added any more; lines() may then be asked.
  void close();
  /// All lines, each with its line feed; kLinePadding bytes behind them are readable.
  std::string_view lines() const { return std::string_view(text_).substr(0, lines_size_); }
  /// Empty again, with the memory that it has.
  void clear();

  static constexpr std::uint64_t kBlankLinesMax = 4096;

 private:
  std::string text_;
  std::size_t lines_size_ = 0;
  std::uint64_t first_ = 0;
  std::uint64_t next_ = 0;
};
}  // namespace tocsin::runtime
