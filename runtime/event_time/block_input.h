/// One input of a run, decoded block by block.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/base/result.h"
#include "runtime/csv/csv_events.h"
#include "runtime/decode/decoded_block.h"
#include "runtime/event_time/block_decoder.h"
#include "runtime/event_time/block_lines.h"
#include "runtime/event_time/decode_ahead.h"
#include "runtime/io/line_blocks.h"

namespace tocsin::runtime {
/// One of several files that are read one after the other.
struct BlockPart {
  std::string name;  // as messages name its lines
  std::unique_ptr<ByteSource> bytes;
  const CsvEvents* csv = nullptr;  // null: JSON lines
};
/// Threading: one caller at a time.
class BlockInput {
 public:
  enum class Next : std::uint8_t {
    kLines,       // lines() has some
    kNeedsBytes,  // call fill()
    kEnd,
  };
  /// Reads and decodes in fill(). `decoder` must outlive the input, and may serve several; so must
  /// `csv`: how its rows are read where it is CSV, null for JSON lines.
  BlockInput(std::unique_ptr<ByteSource> bytes, std::size_t line_bytes_max, BlockDecoder& decoder,
             const CsvEvents* csv = nullptr);
  /// The same of several files: `next` gives the next one once the one before has ended, and
  /// nothing where there is none.
  using NextPart = std::function<Result<std::optional<BlockPart>>()>;
  BlockInput(NextPart next, std::size_t line_bytes_max, BlockDecoder& decoder)
      : decoder_(&decoder), next_part_(std::move(next)), line_bytes_max_(line_bytes_max) {}
  /// The same by threads that are ahead of fill(), which must outlive the input. For inputs that
  /// nobody waits for: their bytes_total() is known.
  BlockInput(std::unique_ptr<ByteSource> bytes, std::size_t line_bytes_max, DecodeAhead& ahead,
             const CsvEvents* csv = nullptr);

  /// What is at hand; never waits.
  Next next() const {
    if (!lines_.is_done()) return Next::kLines;
    return is_ended_ ? Next::kEnd : Next::kNeedsBytes;
  }
  /// Requires kLines.
  BlockLines& lines() { return lines_; }
  /// Reads more bytes, waiting for them; requires that no lines are left. After an error next()
  /// gives kEnd.
  Result<void> fill();
  /// False where fill() would wait for somebody.
  bool is_ready() const { return wait_ready(std::chrono::milliseconds(0)); }
  /// Waits for at most so long until fill() would not wait; false where it still would.
  bool wait_ready(std::chrono::milliseconds at_most) const {
    return !blocks_ || blocks_->is_ended() || blocks_->bytes().wait_ready(at_most);
  }
  /// Of several files, the one at hand, as messages name its lines; else empty.
  const std::string& part_name() const { return part_name_; }
  /// Unpacked bytes of what was filled so far.
  std::uint64_t bytes_unpacked() const { return bytes_unpacked_; }
  /// As ByteSource has them.
  std::uint64_t bytes_read() const { return bytes_read_; }
  std::optional<std::uint64_t> bytes_total() const { return bytes_total_; }

 private:
  Result<void> fill_at_once();
  Result<void> begin_part();

  std::optional<LineBlocks> blocks_;  // without `ahead_`
  BlockDecoder* decoder_ = nullptr;
  const CsvEvents* csv_ = nullptr;
  CsvBlock csv_block_;
  std::vector<char> buffer_;
  DecodedBlock block_;
  bool is_first_ = true;
  NextPart next_part_;
  std::size_t line_bytes_max_ = 0;  // with next_part_
  std::string part_name_;
  std::uint64_t unpacked_before_ = 0;  // of the files before
  DecodeAhead* ahead_ = nullptr;
  std::size_t number_ = 0;  // there
  BlockLines lines_;
  bool is_ended_ = false;
  std::uint64_t bytes_unpacked_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::optional<std::uint64_t> bytes_total_;
};
}  // namespace tocsin::runtime
