#include "runtime/journal_segment.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/byte_codec.h"

namespace tocsin::runtime {
namespace {
// A torn end may hold what somebody sent to look like frames. Checking it costs at most so many
// bytes.
constexpr std::uint64_t kCheckedBytesMax = std::uint64_t{4} << 30;
}  // namespace

SegmentScan::SegmentScan(std::string_view bytes, const SegmentHeader& header)
    : bytes_(bytes), seed_(frame_seed(header)), sequence_(header.first_sequence) {}

std::optional<Frame> SegmentScan::next() {
  if (offset_ >= bytes_.size()) return std::nullopt;
  const std::optional<Frame> frame = read_frame(bytes_.substr(offset_), seed_);
  if (!frame || frame->sequence != sequence_) return std::nullopt;
  if (frame->synced != commit_first_) {
    commit_first_ = frame->synced;
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
  std::uint64_t checked = 0;
  for (std::size_t at = 0; at + frame_bytes(1) <= rest.size(); at += 8) {
    // What an older segment left has lower sequences, and so has most else: nothing to check.
    const std::uint64_t sequence = load_number<std::uint64_t>(rest.data() + at + 8);
    if (sequence < sequence_ || sequence - sequence_ > rest.size()) continue;
    const std::size_t length = load_number<std::uint32_t>(rest.data() + at + 4);
    checked += std::min(length, rest.size() - at);
    if (checked > kCheckedBytesMax) {
      tail.kind = TailKind::kDamaged;
      tail.reason =
          "and what follows is made to look like records, so that a torn end cannot be "
          "told from damage";
      return tail;
    }
    const std::optional<Frame> frame = read_frame(rest.substr(at), seed_);
    if (!frame) continue;
    tail.has_frames = true;
    if (frame->synced > sequence_) {
      tail.kind = TailKind::kDamaged;
      tail.reason = fmt::format(
          "and record {} behind it, at offset {}, was written when it was on disk already",
          frame->sequence, offset_ + at);
      return tail;
    }
    at += frame->bytes - 8;
  }
  if (tail.has_frames || !is_end_mark(rest)) {
    tail.kind = TailKind::kTorn;
    tail.reason = "and nothing behind it was ever acknowledged";
  }
  return tail;
}
}  // namespace tocsin::runtime
