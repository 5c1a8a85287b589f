/// RocksDB's log format, as far as it takes to say which file is damaged: RocksDB's own message
/// often does not.
///
///   a file is blocks of 32 KiB, a block is records and, where no head fits any more, zeros;
///   a record:  masked CRC32C of type and bytes u32 | bytes u16 | type u8 | bytes
///
/// (https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format)
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace tocsin::runtime {
/// Whether `bytes` are a log whose checksums all hold. A last record that is cut short is no
/// damage: what a crash leaves.
bool is_sound_rocks_log(std::string_view bytes);
/// The path of the first damaged log or manifest in `directory`; nothing where all are sound.
std::optional<std::string> find_damaged_rocks_log(const std::string& directory);
}  // namespace tocsin::runtime
