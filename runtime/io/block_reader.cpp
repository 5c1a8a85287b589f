#include "runtime/io/block_reader.h"

#include <algorithm>
#include <cstring>

#include "cep/base/assert.h"
#include "runtime/csv/csv_records.h"
#include "runtime/decode/decoder.h"
#include "runtime/io/line_source.h"

namespace tocsin::runtime {
namespace {
// Fits the second-level cache together with what the lines become.
constexpr std::size_t kReadBytes = std::size_t{1} << 20;
}  // namespace

BlockReader::BlockReader(std::unique_ptr<ByteSource> bytes, std::size_t line_bytes_max,
                         LongLines long_lines, UnfinishedLine unfinished_line,
                         std::optional<char> separator)
    : bytes_(std::move(bytes)),
      line_bytes_max_(line_bytes_max),
      long_lines_(long_lines),
      unfinished_line_(unfinished_line),
      separator_(separator),
      buffer_(kReadBytes + kLinePadding) {
  TOCSIN_ASSERT(line_bytes_max > 0, "limits are positive");
}

std::string_view BlockReader::take(std::size_t end) {
  const std::string_view block(buffer_.data() + begin_, end - begin_);
  begin_ = end;
  line_end_ = std::max(line_end_, begin_);
  return block;
}

BlockReader::Next BlockReader::next(std::string_view& block) {
  if (is_within_ && long_lines_ == LongLines::kCut) {
    const auto* feed =
        static_cast<const char*>(std::memchr(buffer_.data() + begin_, '\n', end_ - begin_));
    is_within_ = feed == nullptr;
    begin_ = feed == nullptr ? end_ : static_cast<std::size_t>(feed - buffer_.data()) + 1;
    line_end_ = std::max(line_end_, begin_);
  }
  if (line_end_ > begin_) {
    block = take(line_end_);
    is_within_ = false;
    return Next::kBlock;
  }
  if (ended_) {
    // Of a line that is too long the beginning has come already.
    const bool leaves = unfinished_line_ == UnfinishedLine::kLeave && !is_within_;
    if (begin_ == end_ || leaves) return Next::kEnd;
    block = take(end_);
    return Next::kBlock;
  }
  if (is_within_ && begin_ != end_) {
    block = take(end_);
    return Next::kBlock;
  }
  if (end_ - begin_ > line_bytes_max_ + kLineBytesUncounted) {
    is_within_ = true;
    if (long_lines_ == LongLines::kWhole) {
      block = take(end_);
    } else {
      // The byte after the line's suppressed warning makes it too long; the one after that is its
      // end.
      const std::size_t cut = begin_ + line_bytes_max_ + kLineBytesUncounted;
      buffer_[cut] = '\n';
      block = take(cut + 1);
    }
    return Next::kBlock;
  }
  return Next::kNeedsBytes;
}

// Behind the last line, or record, that is whole; 0 where none is. `before`: of new bytes.
std::size_t BlockReader::end_of_lines(std::size_t before) const {
  const std::string_view bytes(buffer_.data(), end_);
  if (!separator_) {
    // From behind: the last one of the new bytes is soon found.
    const std::size_t feed = bytes.substr(before).rfind('\n');
    return feed == std::string_view::npos ? 0 : before + feed + 1;
  }
  // Records begin behind the rest of a line that was too long.
  std::size_t begin = 0;
  if (is_within_) {
    const std::size_t feed = bytes.find('\n');
    if (feed == std::string_view::npos) return 0;
    begin = feed + 1;
  }
  return begin + whole_csv_records(bytes.substr(begin), *separator_, line_bytes_max_);
}

Result<void> BlockReader::fill() {
  if (ended_) return {};
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    line_end_ = 0;
  }
  if (end_ + kReadBytes / 2 > buffer_.size() - kLinePadding) {
    buffer_.resize(end_ + std::max(kReadBytes, end_) + kLinePadding);
  }
  const Result<std::size_t> got =
      bytes_->read(buffer_.data() + end_, buffer_.size() - kLinePadding - end_);
  if (!got) {
    ended_ = true;
    end_ = begin_;
    line_end_ = begin_;
    return tl::unexpected(got.error());
  }
  ended_ = *got == 0;
  const std::size_t before = end_;
  end_ += *got;
  line_end_ = end_of_lines(before);
  // So that what is read ahead of a line's end is never a bracket of an older one.
  std::memset(buffer_.data() + end_, '\n', kLinePadding);
  return {};
}
}  // namespace tocsin::runtime
