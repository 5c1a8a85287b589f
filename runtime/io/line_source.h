/// The lines of one input, found in place: no line is copied unless it crosses the end of a read.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "runtime/decode/decoded_block.h"
#include "runtime/decode/marked_lines.h"
#include "runtime/io/byte_source.h"

namespace tocsin::runtime {
struct Line {
  std::string_view
      text;  // without its end; kLinePadding bytes are readable after it; valid until the next call
  std::uint64_t number = 0;       // 1-based, blank lines counted
  bool too_long = false;          // `text` is then a prefix, and the rest is passed over
  MarkedLines* marked = nullptr;  // which may know the text's structure; null for none
  std::string_view fault = {};    // why a row of CSV is no event; `text` is then the row
  LineTexts* texts = nullptr;     // writes the text, which is then empty; null: it is there
  std::uint32_t in_block = 0;     // its number there
  /// The text, written where it is not there; valid until the next call for any line.
  std::string_view whole() const { return texts == nullptr ? text : texts->line(in_block); }
};
/// Makes a line of `text`, which has no line feed: without a carriage return at its end, and, in
/// line 1, a byte order mark at its beginning; false for a blank one. A line of more than
/// `line_bytes_max` (> 0) bytes becomes a prefix of that many, at most kLinePrefixBytesMax.
bool make_line(std::string_view text, std::uint64_t number, std::size_t line_bytes_max, Line& line);
inline constexpr std::size_t kLinePrefixBytesMax = std::size_t{64} << 10;
/// Bytes without a line feed are a line that is too long when they are more than is allowed by more
/// than this: a carriage return and a byte order mark do not count.
inline constexpr std::size_t kLineBytesUncounted = 4;

/// Lines end with a line feed, or a carriage return and one; the last may lack it. Blank lines
/// (white space only) and a byte order mark at the very beginning are passed over. Memory stays
/// within a few times the longest line allowed. Threading: one caller at a time.
class LineSource {
 public:
  enum class Next : std::uint8_t {
    kLine,
    kNeedsBytes,  // call fill()
    kEnd,
  };
  /// `line_bytes_max`: as make_line() has it. `lines_before`: the number of the line before the
  /// first one.
  LineSource(std::unique_ptr<ByteSource> bytes, std::size_t line_bytes_max,
             std::uint64_t lines_before = 0);

  /// The next line among the bytes in hand; never waits.
  Next next(Line& line);
  /// Reads more bytes, waiting for them. After an error next() gives kEnd: a line whose end is
  /// unknown is no line.
  Result<void> fill();
  /// False where fill() would wait for somebody.
  bool is_ready() const { return bytes_->is_ready(); }
  /// Waits for at most so long until fill() would not wait; false where it still would.
  bool wait_ready(std::chrono::milliseconds at_most) const { return bytes_->wait_ready(at_most); }
  /// Whether the last byte in hand ended a line, and all lines in hand were given.
  bool is_between_lines() const { return begin_ == end_ && !skipping_; }
  /// The number of the line given last, blank ones that were passed over included.
  std::uint64_t number() const { return number_; }
  /// Unpacked bytes so far.
  std::uint64_t bytes_unpacked() const { return bytes_unpacked_; }
  const ByteSource& bytes() const { return *bytes_; }

  static constexpr std::size_t kPrefixBytesMax = kLinePrefixBytesMax;

 private:
  Next finish_tail(Line& line);
  bool give(std::size_t end, std::size_t next_begin, Line& line);

  std::unique_ptr<ByteSource> bytes_;
  std::size_t line_bytes_max_;
  std::vector<char> buffer_;
  MarkedLines marked_;
  std::size_t begin_ = 0;    // of the next line
  std::size_t scanned_ = 0;  // no line feed in [begin_, scanned_)
  std::size_t end_ = 0;      // of the bytes in hand
  bool skipping_ = false;    // the rest of a line that was too long
  bool ended_ = false;       // no more bytes will come
  std::uint64_t number_ = 0;
  std::uint64_t bytes_unpacked_ = 0;
};
}  // namespace tocsin::runtime
