#include "runtime/journal/journal_segment.h"

#include <fmt/format.h>

#include "cep/base/byte_codec.h"

namespace tocsin::runtime {
SegmentScan::SegmentScan(std::string_view bytes, const SegmentHeader& header)
    : bytes_(bytes), seed_(frame_seed(header)), sequence_(header.first_sequence) {}

std::optional<Frame> SegmentScan::next() {
  if (offset_ >= bytes_.size()) return std::nullopt;
  const std::optional<Frame> frame = read_frame(bytes_.substr(offset_), seed_);
  if (!frame || frame->head.sequence != sequence_) return std::nullopt;
  if (frame->head.synced != commit_first_) {
    commit_first_ = frame->head.synced;
    commit_offset_ = offset_;
  }
  ++sequence_;
  offset_ += frame->bytes;
  return frame;
}

SegmentTail SegmentScan::tail() const {
  SegmentTail tail;
  if (offset_ >= bytes_.size()) return tail;
  const std::string_view rest = bytes_.substr(offset_);
  for (std::size_t at = 0; at + kFrameHeaderBytes <= rest.size(); at += 8) {
    // What an older segment left has lower sequences, and texts have none that could be.
    const std::uint64_t sequence = load_number<std::uint64_t>(rest.data() + at + 8);
    if (sequence < sequence_ || sequence - sequence_ > rest.size()) continue;
    // The bad record's own head says nothing of what was on disk.
    if (at == 0 && sequence == sequence_) continue;
    const std::optional<FrameHead> head = read_head(rest.substr(at), seed_);
    if (!head) continue;
    tail.has_frames = true;
    if (head->synced > sequence_) {
      tail.kind = TailKind::kDamaged;
      tail.reason = fmt::format(
          "and record {} behind it, at offset {}, was written when it was on disk already",
          head->sequence, offset_ + at);
      return tail;
    }
  }
  if (tail.has_frames || !is_end_mark(rest)) {
    tail.kind = TailKind::kTorn;
    tail.reason = "and nothing behind it was ever acknowledged";
  }
  return tail;
}
}  // namespace tocsin::runtime
