/// RocksDB's log format, as far as it takes to say which file is damaged: RocksDB's own message
/// often does not.
///
///   a file is blocks of 32 KiB, a block is records and, where no head fits any more, zeros;
///   a record:  masked CRC32C of type and bytes u32 | bytes u16 | type u8 | bytes
///
/// (https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format)
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tocsin::runtime {
/// Whether `bytes` are a log whose checksums all hold. A last record that is cut short is no
/// damage: what a crash leaves.
bool is_sound_rocks_log(std::string_view bytes);
/// Which changes a log of batches holds; numbers of changes go on from one log to the next.
struct RocksLogExtent {
  std::uint64_t first = 0;  // number of the first change; 0: there is none
  std::uint64_t end = 0;    // of the last change, and one
  bool is_whole = true;     // false: its last record is cut short, or a checksum does not hold
};
/// Reads up to the first record that is not as it was written.
RocksLogExtent read_rocks_log(std::string_view bytes);
/// What the logs in a directory hold together.
struct RocksLogs {
  std::uint64_t end = 0;  // of the last change in any log, and one; 0: there is none
  /// A log that was cut short though a later one goes on behind changes that it lacks.
  std::optional<std::string> cut;
};
RocksLogs survey_rocks_logs(const std::string& directory);
/// The path of the first damaged log or manifest in `directory`; nothing where all are sound.
std::optional<std::string> find_damaged_rocks_log(const std::string& directory);
}  // namespace tocsin::runtime
