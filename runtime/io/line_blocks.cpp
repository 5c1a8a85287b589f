#include "runtime/io/line_blocks.h"

#include <cstring>
#include <utility>

#include "cep/base/assert.h"
#include "runtime/csv/csv_records.h"
#include "runtime/decode/marked_lines.h"
#include "runtime/io/line_source.h"

namespace tocsin::runtime {
LineBlocks::LineBlocks(std::unique_ptr<ByteSource> bytes, std::size_t line_bytes_max,
                       std::optional<char> separator, std::size_t read_bytes)
    : bytes_(std::move(bytes)),
      line_bytes_max_(line_bytes_max),
      separator_(separator),
      read_bytes_(read_bytes) {
  TOCSIN_ASSERT(line_bytes_max > 0 && read_bytes > 0, "limits are positive");
}

// Behind the last line feed of [before, end), or behind a line that is too long, which gets one.
std::size_t LineBlocks::end_of_lines(std::vector<char>& buffer, std::size_t before,
                                     std::size_t end) {
  const auto* feed =
      static_cast<const char*>(::memrchr(buffer.data() + before, '\n', end - before));
  if (feed != nullptr && !separator_) return static_cast<std::size_t>(feed - buffer.data()) + 1;
  if (separator_) {
    const std::size_t records =
        whole_csv_records({buffer.data(), end}, *separator_, line_bytes_max_);
    if (records != 0 || std::memchr(buffer.data(), '\n', end) != nullptr) return records;
  }
  if (end <= line_bytes_max_ + kLineBytesUncounted) return 0;
  is_skipping_ = true;
  buffer[line_bytes_max_ + kLineBytesUncounted + 1] = '\n';
  return line_bytes_max_ + kLineBytesUncounted + 2;
}

Result<void> LineBlocks::read(std::vector<char>& buffer, std::string_view& block) {
  block = {};
  if (is_ended_) return {};
  std::size_t before = rest_.size();
  // The byte more is the end of a line that is too long.
  const std::size_t size = before + read_bytes_ + 1 + kLinePadding;
  if (buffer.size() < size) buffer.resize(size);
  if (before != 0) std::memcpy(buffer.data(), rest_.data(), before);
  const Result<std::size_t> got = bytes_->read(buffer.data() + before, read_bytes_);
  if (!got) {
    is_ended_ = true;
    return tl::unexpected(got.error());
  }
  is_ended_ = *got == 0;
  bytes_unpacked_ += *got;
  std::size_t end = before + *got;
  if (is_skipping_ && *got != 0) {
    const auto* feed = static_cast<const char*>(std::memchr(buffer.data(), '\n', end));
    is_skipping_ = feed == nullptr;
    const std::size_t next =
        feed == nullptr ? end : static_cast<std::size_t>(feed - buffer.data()) + 1;
    end -= next;
    std::memmove(buffer.data(), buffer.data() + next, end);
    before = 0;
  }
  const std::size_t lines_end = is_ended_ ? end : end_of_lines(buffer, before, end);
  rest_.clear();
  if (!is_skipping_) {
    rest_.assign(buffer.data() + lines_end, buffer.data() + end);
  }
  // So that what is read ahead of a line's end is never a bracket of an older one.
  std::memset(buffer.data() + lines_end, '\n', kLinePadding);
  block = {buffer.data(), lines_end};
  return {};
}
}  // namespace tocsin::runtime
