/// An input as blocks of whole lines, or of whole records of CSV, as they become journal records.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "runtime/io/byte_source.h"

namespace tocsin::runtime {
/// What becomes of a line that is longer than is allowed.
enum class LongLines : std::uint8_t {
  kWhole,  // it comes in several blocks, so that every byte comes
  kCut,    // enough of it comes to show that it is too long, as a line of its own
};
/// What becomes of a last line that has no end.
enum class UnfinishedLine : std::uint8_t {
  kTake,   // it comes as a line
  kLeave,  // it does not come: whoever writes it may not be through
};
/// Memory stays within a few times the longest line allowed. Threading: one caller at a time.
class BlockReader {
 public:
  enum class Next : std::uint8_t {
    kBlock,
    kNeedsBytes,  // call fill()
    kEnd,
  };
  /// `separator`: of CSV.
  BlockReader(std::unique_ptr<ByteSource> bytes, std::size_t line_bytes_max, LongLines long_lines,
              UnfinishedLine unfinished_line, std::optional<char> separator = std::nullopt);

  /// The next block of lines in hand: as LineSplitter wants it, until the next call. Never waits.
  Next next(std::string_view& block);
  /// After kEnd, once: an unfinished line that was left comes after all.
  void take_unfinished() { unfinished_line_ = UnfinishedLine::kTake; }
  /// Reads more bytes, waiting for them; a line whose end is unknown after an error does not come.
  Result<void> fill();
  /// Waits for at most so long; false where fill() would still wait.
  bool wait_ready(std::chrono::milliseconds at_most) { return bytes_->wait_ready(at_most); }
  const ByteSource& bytes() const { return *bytes_; }
  /// After kEnd: how many bytes of an unfinished line were left.
  std::size_t unfinished_bytes() const { return end_ - begin_; }

 private:
  std::string_view take(std::size_t end);
  std::size_t end_of_lines(std::size_t before) const;

  std::unique_ptr<ByteSource> bytes_;
  std::size_t line_bytes_max_;
  LongLines long_lines_;
  UnfinishedLine unfinished_line_;
  std::optional<char> separator_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;     // of what was not given yet
  std::size_t line_end_ = 0;  // after the last line feed in hand; begin_ where there is none
  std::size_t end_ = 0;       // of the bytes in hand
  bool is_within_ = false;    // in the rest of a line that was too long
  bool ended_ = false;
};
}  // namespace tocsin::runtime
