/// The records of one segment file, in order, and what stands behind the last of them: a clean end,
/// a torn one, or damage (docs/decisions/0010-journal-format.md says how they are told apart).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/journal/journal_format.h"

namespace tocsin::runtime {
enum class TailKind : std::uint8_t {
  kClean,    // an end mark, or the end of the file
  kTorn,     // what a crash leaves of a commit that was never acknowledged
  kDamaged,  // a record that was on disk is no longer readable
};
struct SegmentTail {
  TailKind kind = TailKind::kClean;
  /// Frames stand behind the end: nothing may be written there, or they could come back.
  bool has_frames = false;
  std::string reason;  // what was found, where not clean: a clause for messages
};
class SegmentScan {
 public:
  /// `bytes`: the file from its header on, borrowed.
  SegmentScan(std::string_view bytes, const SegmentHeader& header);
  /// The next record's frame; nothing where no valid one stands.
  std::optional<Frame> next();
  /// Of the record that next() looks for.
  std::uint64_t sequence() const { return sequence_; }
  /// Where it looks.
  std::size_t offset() const { return offset_; }
  /// Where the last commit begins of which a frame was given; what stands before it was synced.
  /// offset() while none was given.
  std::size_t commit_offset() const { return commit_offset_; }
  /// Looks at what stands from offset() on, in the last segment, after next() gave nothing.
  SegmentTail tail() const;

 private:
  std::string_view bytes_;
  std::uint32_t seed_;
  std::uint64_t sequence_;
  std::size_t offset_ = kSegmentHeaderBytes;
  std::size_t commit_offset_ = kSegmentHeaderBytes;
  std::uint64_t commit_first_ = 0;
};
}  // namespace tocsin::runtime
