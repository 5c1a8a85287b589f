#include "runtime/journal/journal_format.h"

#include <fmt/format.h>

#include <algorithm>

#include "cep/base/assert.h"
#include "cep/base/byte_codec.h"
#include "runtime/io/crc32c.h"

namespace tocsin::runtime {
namespace {
constexpr std::string_view kMagic = "tocsinJ\n";
constexpr std::size_t kHeaderCrcAt = 12;
constexpr std::size_t kCrcBytes = 4;
// More than any machine writes; keeps arithmetic with sequences from overflowing.
constexpr std::uint64_t kSequenceMax = std::uint64_t{1} << 62;
// Places in a frame.
constexpr std::size_t kLengthAt = 4;
constexpr std::size_t kSequenceAt = 8;
constexpr std::size_t kSinceSyncedAt = 16;
constexpr std::size_t kHeadCrcAt = 20;

std::uint32_t header_crc(std::string_view block) {
  return crc32c(block.substr(kHeaderCrcAt + kCrcBytes), crc32c(block.substr(0, kHeaderCrcAt)));
}

std::uint32_t head_crc(const char* frame, std::uint32_t seed) {
  return crc32c({frame + kCrcBytes, kHeadCrcAt - kCrcBytes}, seed);
}

void write_id(ByteWriter& writer, const std::array<std::uint8_t, 16>& id) {
  for (const std::uint8_t byte : id) writer.u8(byte);
}

void read_id(ByteReader& reader, std::array<std::uint8_t, 16>& id) {
  for (std::uint8_t& byte : id) byte = reader.u8();
}
}  // namespace

std::string encode_segment_header(const SegmentHeader& header) {
  std::string block;
  block.reserve(kSegmentHeaderBytes);
  ByteWriter writer(block);
  writer.raw(kMagic);
  writer.u32(kJournalVersion);
  writer.u32(0);
  writer.u64(header.id);
  writer.u64(header.first_sequence);
  writer.u64(header.previous_id);
  writer.u32(header.semantics);
  writer.u32(0);
  write_id(writer, header.timeline.id);
  write_id(writer, header.timeline.parent);
  writer.u64(header.timeline.parent_sequence);
  writer.i64(header.made_at.us);
  writer.zeros(kSegmentHeaderBytes - block.size());
  store_number(block.data() + kHeaderCrcAt, header_crc(block));
  return block;
}

Result<SegmentHeader> decode_segment_header(std::string_view block, const std::string& path) {
  if (block.size() < kSegmentHeaderBytes) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is damaged: a segment begins with a header of {} bytes, and there "
                            "are {}",
                            path, kSegmentHeaderBytes, block.size()));
  }
  block = block.substr(0, kSegmentHeaderBytes);
  if (!block.starts_with(kMagic)) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is damaged at offset 0: it does not begin as a journal's segment "
                            "does",
                            path));
  }
  ByteReader reader(block);
  reader.raw(kMagic.size());
  const std::uint32_t version = reader.u32();
  const std::uint32_t crc = reader.u32();
  if (crc != header_crc(block)) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is damaged at offset {}: the checksum of the header "
                            "is {:08x}, and {:08x} was expected",
                            path, kHeaderCrcAt, header_crc(block), crc));
  }
  if (version != kJournalVersion) {
    return fail(Errc::kOtherVersion,
                fmt::format("{} has journal format {}, and this program reads format {}; use the "
                            "version of Tocsin that wrote it, or a newer one",
                            path, version, kJournalVersion));
  }
  SegmentHeader header;
  header.id = reader.u64();
  header.first_sequence = reader.u64();
  header.previous_id = reader.u64();
  header.semantics = reader.u32();
  reader.u32();
  read_id(reader, header.timeline.id);
  read_id(reader, header.timeline.parent);
  header.timeline.parent_sequence = reader.u64();
  header.made_at.us = reader.i64();
  if (header.id == 0 || header.previous_id >= header.id || header.first_sequence == 0 ||
      header.first_sequence > kSequenceMax) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is damaged: its header says segment {} after {}, from record {} on",
                            path, header.id, header.previous_id, header.first_sequence));
  }
  return header;
}

std::uint32_t frame_seed(const SegmentHeader& header) {
  std::string begin;
  ByteWriter writer(begin);
  write_id(writer, header.timeline.id);
  writer.u64(header.id);
  return crc32c(begin);
}

void write_frame(char* to, std::uint64_t sequence, std::string_view front, std::string_view rest) {
  const std::size_t body = front.size() + rest.size();
  TOCSIN_ASSERT(body <= UINT32_MAX, "no caller takes in a record of 4 GiB");
  std::fill_n(to, kFrameHeaderBytes, '\0');
  store_number(to + kLengthAt, static_cast<std::uint32_t>(body));
  store_number(to + kSequenceAt, sequence);
  char* at = to + kFrameHeaderBytes;
  for (const std::string_view part : {front, rest}) at = std::copy(part.begin(), part.end(), at);
  std::fill(at, to + frame_bytes(body), '\0');
}

std::size_t unsealed_bytes(const char* frame) {
  return frame_bytes(load_number<std::uint32_t>(frame + kLengthAt));
}

void seal_frame(char* frame, std::uint32_t seed, std::uint64_t synced) {
  const std::uint64_t since = load_number<std::uint64_t>(frame + kSequenceAt) - synced;
  TOCSIN_ASSERT(since <= UINT32_MAX, "a commit has fewer records than that");
  store_number(frame + kSinceSyncedAt, static_cast<std::uint32_t>(since));
  store_number(frame + kHeadCrcAt, head_crc(frame, seed));
  const std::string_view covered(frame + kCrcBytes, unsealed_bytes(frame) - kCrcBytes);
  store_number(frame, crc32c(covered, seed));
}

std::optional<FrameHead> read_head(std::string_view bytes, std::uint32_t seed) {
  if (bytes.size() < kFrameHeaderBytes) return std::nullopt;
  const char* const frame = bytes.data();
  FrameHead head;
  head.body_bytes = load_number<std::uint32_t>(frame + kLengthAt);
  head.sequence = load_number<std::uint64_t>(frame + kSequenceAt);
  const std::uint64_t since = load_number<std::uint32_t>(frame + kSinceSyncedAt);
  if (head.body_bytes == 0 || since >= head.sequence ||
      load_number<std::uint32_t>(frame + kHeadCrcAt) != head_crc(frame, seed)) {
    return std::nullopt;
  }
  head.synced = head.sequence - since;
  return head;
}

std::optional<Frame> read_frame(std::string_view bytes, std::uint32_t seed) {
  const std::optional<FrameHead> head = read_head(bytes, seed);
  if (!head) return std::nullopt;
  Frame frame{*head, {}, frame_bytes(head->body_bytes)};
  if (frame.bytes > bytes.size()) return std::nullopt;
  const std::string_view covered = bytes.substr(kCrcBytes, frame.bytes - kCrcBytes);
  if (load_number<std::uint32_t>(bytes.data()) != crc32c(covered, seed)) return std::nullopt;
  frame.body = bytes.substr(kFrameHeaderBytes, head->body_bytes);
  return frame;
}

bool is_end_mark(std::string_view bytes) {
  bytes = bytes.substr(0, kEndMarkBytes);
  return std::ranges::all_of(bytes, [](char byte) { return byte == '\0'; });
}
}  // namespace tocsin::runtime
