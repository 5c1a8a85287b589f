/// An input as blocks of whole lines, or of whole records of CSV, read into memory that the caller
/// owns, so that several blocks can be in hand.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "runtime/io/byte_source.h"

namespace tocsin::runtime {
/// Lines end with a line feed; the last may lack it. A line that is too long comes as a line of its
/// own with as many bytes as show that it is. Memory stays within a few times the longest line
/// allowed. Threading: one caller at a time.
class LineBlocks {
 public:
  /// `line_bytes_max` (> 0): as make_line() has it, or find_csv_record(). `separator`: of CSV.
  /// `read_bytes` (> 0): how many are read at once.
  LineBlocks(std::unique_ptr<ByteSource> bytes, std::size_t line_bytes_max,
             std::optional<char> separator = std::nullopt, std::size_t read_bytes = kReadBytes);
  /// Fits the second-level cache together with what the lines become.
  static constexpr std::size_t kReadBytes = std::size_t{256} << 10;

  /// Reads once, waiting for bytes, into `buffer`, which grows to what is needed; `block` is the
  /// lines in it that are whole, from its first byte on, and may be empty. kLinePadding bytes
  /// behind it are readable, and no brackets. After an error is_ended(): a line whose end is
  /// unknown is no line.
  Result<void> read(std::vector<char>& buffer, std::string_view& block);
  /// Whether all blocks were read.
  bool is_ended() const { return is_ended_; }
  /// Unpacked bytes so far.
  std::uint64_t bytes_unpacked() const { return bytes_unpacked_; }
  const ByteSource& bytes() const { return *bytes_; }

 private:
  std::size_t end_of_lines(std::vector<char>& buffer, std::size_t before, std::size_t end);

  std::unique_ptr<ByteSource> bytes_;
  std::size_t line_bytes_max_;
  std::optional<char> separator_;
  std::size_t read_bytes_;
  std::vector<char> rest_;    // the bytes behind the last line that was whole
  bool is_skipping_ = false;  // the rest of a line that was too long
  bool is_ended_ = false;
  std::uint64_t bytes_unpacked_ = 0;
};
}  // namespace tocsin::runtime
