#include "runtime/event_time/block_input.h"

#include <string_view>
#include <utility>

namespace tocsin::runtime {
BlockInput::BlockInput(std::unique_ptr<ByteSource> bytes, std::size_t line_bytes_max,
                       BlockDecoder& decoder, const CsvEvents* csv)
    : decoder_(&decoder), csv_(csv), bytes_total_(bytes->bytes_total()) {
  blocks_.emplace(std::move(bytes), line_bytes_max, CsvEvents::separator_of(csv));
}

BlockInput::BlockInput(std::unique_ptr<ByteSource> bytes, std::size_t line_bytes_max,
                       DecodeAhead& ahead, const CsvEvents* csv)
    : ahead_(&ahead), bytes_total_(bytes->bytes_total()) {
  number_ = ahead.add(std::move(bytes), line_bytes_max, csv);
}

Result<void> BlockInput::fill() {
  if (ahead_ == nullptr) return fill_at_once();
  const Result<DecodeAhead::Block*> taken = ahead_->take(number_);
  is_ended_ = !taken || (*taken)->is_last;
  if (!taken) return tl::unexpected(taken.error());
  bytes_unpacked_ = (*taken)->bytes_unpacked;
  bytes_read_ = (*taken)->bytes_read;
  if ((*taken)->has_lines) lines_.begin((*taken)->decoded);
  return {};
}

Result<void> BlockInput::begin_part() {
  if (blocks_) unpacked_before_ += blocks_->bytes_unpacked();
  Result<std::optional<BlockPart>> part = next_part_();
  is_ended_ = !part || !*part;
  if (!part) return tl::unexpected(part.error());
  if (!*part) return {};
  part_name_ = std::move((*part)->name);
  csv_ = (*part)->csv;
  blocks_.emplace(std::move((*part)->bytes), line_bytes_max_, CsvEvents::separator_of(csv_));
  is_first_ = true;
  lines_.begin_file();
  return {};
}

Result<void> BlockInput::fill_at_once() {
  if (next_part_ && (!blocks_ || blocks_->is_ended())) return begin_part();
  std::string_view text;
  Result<void> read = blocks_->read(buffer_, text);
  is_ended_ = blocks_->is_ended() && (!next_part_ || !read);
  bytes_unpacked_ = unpacked_before_ + blocks_->bytes_unpacked();
  bytes_read_ = blocks_->bytes().bytes_read();
  if (!read || text.empty()) return read;
  const bool is_first = std::exchange(is_first_, false);
  if (csv_ != nullptr) {
    decoder_->decode(text, is_first, *csv_, csv_block_, block_);
  } else {
    decoder_->decode(text, is_first, block_);
  }
  lines_.begin(block_);
  return {};
}
}  // namespace tocsin::runtime
