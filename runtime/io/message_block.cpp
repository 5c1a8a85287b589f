#include "runtime/io/message_block.h"

#include <algorithm>

#include "cep/base/assert.h"
#include "runtime/decode/decoder.h"
#include "runtime/io/line_source.h"

namespace tocsin::runtime {
namespace {
// As the first line of a source is looked at, whose byte order mark does not count.
bool is_blank(std::string_view value) {
  if (value.starts_with("\xef\xbb\xbf")) value.remove_prefix(3);
  return value.find_first_not_of(" \t\r\n") == std::string_view::npos;
}
}  // namespace

bool MessageBlock::add(std::uint64_t offset, std::optional<std::string_view> value,
                       std::size_t line_bytes_max) {
  if (empty()) {
    first_ = next_ = offset;
  } else {
    TOCSIN_ASSERT(offset >= next_, "a partition's offsets ascend");
    if (offset - next_ > kBlankLinesMax) return false;
    text_.append(static_cast<std::size_t>(offset - next_), '\n');
  }
  next_ = offset + 1;
  if (!value) {
    text_ += '\n';
    return true;
  }
  const std::string_view kept = value->substr(0, line_bytes_max + kLineBytesUncounted + 1);
  if (is_blank(kept)) {
    text_ += "\"\"\n";
    return true;
  }
  const std::size_t begin = text_.size();
  text_ += kept;
  if (kept.find('\n') != std::string_view::npos)
    std::replace(text_.begin() + static_cast<std::ptrdiff_t>(begin), text_.end(), '\n', '\r');
  text_ += '\n';
  return true;
}

void MessageBlock::close() {
  lines_size_ = text_.size();
  text_.append(kLinePadding, '\n');
}

void MessageBlock::clear() {
  text_.clear();
  lines_size_ = 0;
  first_ = next_ = 0;
}
}  // namespace tocsin::runtime
