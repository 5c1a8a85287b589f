/// The bytes of a file of the archive: records of the journal, packed, with what tells which of
/// them a question needs. Drawn, with the reasons, in docs/decisions/0054-archive.md:
///
///   header, 64 bytes:  magic u8[8] | version u32 | CRC32C of the rest u32 | first sequence u64 |
///                      timeline u8[16] | semantics u32 | zero u32 | made at i64 | zeros
///   block:             a zstd frame of records: body bytes u32 | body, sequences ascend by one
///   index:             blocks, readings, key filter (encode_archive_index())
///   footer, 104 bytes: index offset u64 | index bytes u64 | CRC32C of the index u32 | zero u32 |
///                      end sequence u64 | lines u64 | events u64 | taken i64, i64 | event times
///                      i64, i64 | time readings u64 | CRC32C of all before u32 | zero u32 | magic
///                      u8[8]
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/archive/key_filter.h"

namespace tocsin::runtime {
inline constexpr std::uint32_t kArchiveVersion = 1;
inline constexpr std::size_t kArchiveHeaderBytes = 64;
inline constexpr std::size_t kArchiveFooterBytes = 104;

/// Times from `first` to `last`, both included; none while first > last.
struct TimeSpan {
  cep::EventTime first{std::numeric_limits<std::int64_t>::max()};
  cep::EventTime last{std::numeric_limits<std::int64_t>::min()};

  bool is_empty() const { return last < first; }
  void add(cep::EventTime time) {
    if (time < first) first = time;
    if (last < time) last = time;
  }
  void add(const TimeSpan& other) {
    if (other.is_empty()) return;
    add(other.first);
    add(other.last);
  }
  bool has(cep::EventTime time) const { return !(time < first) && !(last < time); }
  bool overlaps(const TimeSpan& other) const {
    return !is_empty() && !other.is_empty() && !(other.last < first) && !(last < other.first);
  }
  friend bool operator==(const TimeSpan&, const TimeSpan&) = default;
};
struct ArchiveHeader {
  std::uint64_t first_sequence = 1;
  std::array<std::uint8_t, 16> timeline{};
  std::uint32_t semantics = 0;
  cep::EventTime made_at;  // processing time
  friend bool operator==(const ArchiveHeader&, const ArchiveHeader&) = default;
};
/// Records next to each other that are packed and read as one.
struct ArchiveBlock {
  std::uint64_t offset = 0;
  std::uint32_t bytes = 0;
  std::uint32_t unpacked_bytes = 0;
  std::uint32_t checksum = 0;  // CRC32C of the packed bytes
  std::uint64_t first_sequence = 0;
  std::uint32_t records = 0;
  std::uint32_t lines = 0;    // of records by value
  std::uint32_t events = 0;   // of declared types
  std::uint32_t unknown = 0;  // lines of types that no rule file declared
  TimeSpan taken;             // processing times of arrivals
  TimeSpan times;             // event times
  friend bool operator==(const ArchiveBlock&, const ArchiveBlock&) = default;
};
struct ArchiveIndex {
  std::vector<ArchiveBlock> blocks;
  /// How times and keys were read (EventReading::text), sorted: what `times` of blocks and the
  /// filter are of.
  std::vector<std::string> readings;
  KeyFilter filter;  // by place in `blocks`
};
/// kArchiveHeaderBytes.
std::string encode_archive_header(const ArchiveHeader& header);
/// `path` is for messages. Fails with kCorrupt for damage, kOtherVersion for a newer format.
Result<ArchiveHeader> decode_archive_header(std::string_view bytes, const std::string& path);
std::string encode_archive_index(const ArchiveIndex& index);
/// Fails with kCorrupt for what encode_archive_index() never gives.
Result<ArchiveIndex> decode_archive_index(std::string_view bytes, const std::string& path);

/// What is known of a file without its index.
struct ArchiveFooter {
  std::uint64_t index_offset = 0;
  std::uint64_t index_bytes = 0;
  std::uint32_t index_checksum = 0;
  std::uint64_t end_sequence = 1;  // behind the last record
  std::uint64_t lines = 0;
  std::uint64_t events = 0;
  TimeSpan taken;
  TimeSpan times;
  std::uint64_t time_readings = 0;  // a digest of how times were read
  friend bool operator==(const ArchiveFooter&, const ArchiveFooter&) = default;
};
/// kArchiveFooterBytes.
std::string encode_archive_footer(const ArchiveFooter& footer);
/// Fails with kCorrupt for damage.
Result<ArchiveFooter> decode_archive_footer(std::string_view bytes, const std::string& path);
/// What to do about a damaged file, a clause.
inline constexpr std::string_view kArchiveRemedy =
    "put a copy of it back, or remove it: its events are then no longer in the archive";
/// What is found where a file of the archive is not as it was written.
Error archive_damage(const std::string& path, const std::string& what);
}  // namespace tocsin::runtime
