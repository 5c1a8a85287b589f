/// The bytes of a journal's segment file: header block, frames, end mark. Drawn, with the reasons,
/// in docs/decisions/0010-journal-format.md:
///
///   header block, 4,096 bytes:  magic u8[8] | version u32 | CRC32C u32 | segment id u64 |
///                               first sequence u64 | id of the segment before u64 | semantics u32
///                               | zero u32 | timeline u8[16] | parent u8[16] | parent sequence u64
///                               | made at i64 | zeros
///   frame, a multiple of 8:     CRC32C u32 | body bytes u32 | sequence u64 | synced u64 | body |
///   zeros end mark:                   24 zero bytes
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/journal/journal_record.h"

namespace tocsin::runtime {
inline constexpr std::uint32_t kJournalVersion = 1;
inline constexpr std::size_t kSegmentHeaderBytes = 4096;
inline constexpr std::size_t kFrameHeaderBytes = 24;
inline constexpr std::size_t kEndMarkBytes = 24;

/// One line of states, from a start or a fork on.
struct Timeline {
  std::array<std::uint8_t, 16> id{};
  std::array<std::uint8_t, 16> parent{};  // zero: none
  std::uint64_t parent_sequence = 0;      // the last record that it shares with its parent
  friend bool operator==(const Timeline&, const Timeline&) = default;
};
struct SegmentHeader {
  std::uint64_t id = 0;
  std::uint64_t first_sequence = 1;
  std::uint64_t previous_id = 0;  // 0: none
  std::uint32_t semantics = 0;    // of the engine that ran
  Timeline timeline;
  cep::EventTime made_at;  // processing time
  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};
/// kSegmentHeaderBytes.
std::string encode_segment_header(const SegmentHeader& header);
/// `block` is the beginning of the file `path`, which messages name. Fails with kCorrupt for damage
/// and kOtherVersion for a newer version.
Result<SegmentHeader> decode_segment_header(std::string_view block, const std::string& path);
/// What the checksums of a segment's frames begin with.
std::uint32_t frame_seed(const SegmentHeader& header);

struct FrameHead {
  std::uint64_t sequence = 0;
  std::uint64_t synced =
      0;  // every record before this one was on disk before the frame was written
  std::size_t body_bytes = 0;
};
struct Frame {
  FrameHead head;
  std::string_view body;
  std::size_t bytes = 0;  // of the whole frame
};
/// Bytes of a frame around a body of so many.
constexpr std::size_t frame_bytes(std::size_t body_bytes) {
  return kFrameHeaderBytes + (body_bytes + 7) / 8 * 8;
}
/// Writes a frame that lacks checksum and `synced`, which seal_frame() gives. `to` has room for
/// frame_bytes() of the body, given in two parts as encode_front() has it.
void write_frame(char* to, std::uint64_t sequence, std::string_view front, std::string_view rest);
/// Bytes of the frame from write_frame() at `frame`.
std::size_t unsealed_bytes(const char* frame);
/// Requires synced <= the frame's sequence < synced + 2^32.
void seal_frame(char* frame, std::uint32_t seed, std::uint64_t synced);
/// The head that `bytes` begin with, of any number, whether its body is there or not; nothing where
/// there is no valid one.
std::optional<FrameHead> read_head(std::string_view bytes, std::uint32_t seed);
/// The frame that `bytes` begin with, of any number; nothing where there is no valid one.
std::optional<Frame> read_frame(std::string_view bytes, std::uint32_t seed);
/// Whether `bytes` begin with an end mark, or end before one could stand.
bool is_end_mark(std::string_view bytes);
}  // namespace tocsin::runtime
