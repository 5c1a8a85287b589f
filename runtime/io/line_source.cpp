#include "runtime/io/line_source.h"

#include <algorithm>
#include <cstring>

#include "cep/base/assert.h"
#include "runtime/decode/decoder.h"

namespace tocsin::runtime {
namespace {
// Fits the second-level cache together with what the lines become.
constexpr std::size_t kReadBytes = std::size_t{256} << 10;

bool is_blank(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == ' ' || c == '\t' || c == '\r'; });
}
}  // namespace

bool make_line(std::string_view text, std::uint64_t number, std::size_t line_bytes_max,
               Line& line) {
  if (number == 1 && text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  if (text.ends_with('\r')) text.remove_suffix(1);
  if ((text.empty() || text.front() != '{') && is_blank(text)) return false;
  const bool too_long = text.size() > line_bytes_max;
  if (too_long) text = text.substr(0, std::min(line_bytes_max, kLinePrefixBytesMax));
  line = {text, number, too_long};
  return true;
}

LineSource::LineSource(std::unique_ptr<ByteSource> bytes, std::size_t line_bytes_max,
                       std::uint64_t lines_before)
    : bytes_(std::move(bytes)),
      line_bytes_max_(line_bytes_max),
      buffer_(kReadBytes + kLinePadding),
      number_(lines_before) {
  TOCSIN_ASSERT(line_bytes_max > 0, "limits are positive");
}

// Gives the line [begin_, end), and goes on at `next_begin`; false when it is blank.
bool LineSource::give(std::size_t end, std::size_t next_begin, Line& line) {
  const std::string_view text(buffer_.data() + begin_, end - begin_);
  begin_ = next_begin;
  scanned_ = next_begin;
  ++number_;
  if (!make_line(text, number_, line_bytes_max_, line)) return false;
  line.marked = &marked_;
  return true;
}

LineSource::Next LineSource::next(Line& line) {
  for (;;) {
    const auto* found =
        static_cast<const char*>(std::memchr(buffer_.data() + scanned_, '\n', end_ - scanned_));
    if (found == nullptr) return finish_tail(line);
    const auto end = static_cast<std::size_t>(found - buffer_.data());
    if (skipping_) {
      skipping_ = false;
      begin_ = end + 1;
      scanned_ = begin_;
      continue;
    }
    if (give(end, end + 1, line)) return Next::kLine;
  }
}

// What to do with bytes in hand that have no line feed.
LineSource::Next LineSource::finish_tail(Line& line) {
  scanned_ = end_;
  if (skipping_) begin_ = end_;
  if (ended_) {
    if (begin_ == end_ || !give(end_, end_, line)) return Next::kEnd;
    return Next::kLine;
  }
  if (end_ - begin_ > line_bytes_max_ + kLineBytesUncounted) {
    skipping_ = true;
    if (give(end_, end_, line)) return Next::kLine;
  }
  return Next::kNeedsBytes;
}

Result<void> LineSource::fill() {
  if (ended_) return {};
  marked_.begin({});
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    scanned_ -= begin_;
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ + kReadBytes / 2 > buffer_.size() - kLinePadding) {
    buffer_.resize(end_ + std::max(kReadBytes, end_) + kLinePadding);
  }
  const Result<std::size_t> got =
      bytes_->read(buffer_.data() + end_, buffer_.size() - kLinePadding - end_);
  if (!got) {
    ended_ = true;
    end_ = begin_;
    scanned_ = begin_;
    return tl::unexpected(got.error());
  }
  ended_ = *got == 0;
  end_ += *got;
  bytes_unpacked_ += *got;
  // So that what is read ahead of a line's end is never a bracket of an older one.
  std::memset(buffer_.data() + end_, '\n', kLinePadding);
  marked_.begin({buffer_.data() + begin_, end_ - begin_});
  return {};
}
}  // namespace tocsin::runtime
