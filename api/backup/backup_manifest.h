/// What a backup consists of. Where backups are kept, there are
///
///   backups/ID.json      a manifest: every file of the data directory, by path, size and SHA-256;
///                        sealed (api/base/sealed_json.h), and written last
///   objects/HH/HEX       the bytes of files, by their SHA-256; HH are its first two digits
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/identity.h"
#include "cep/value/time.h"

namespace tocsin::api {
struct BackupFile {
  std::string path;  // in the data directory
  std::uint64_t bytes = 0;
  cep::Digest digest{};
  friend bool operator==(const BackupFile&, const BackupFile&) = default;
};
/// What is said of a backup without its files.
struct BackupFacts {
  std::string id;
  std::string who;  // a token's name; empty: the schedule
  cep::EventTime began;
  cep::EventTime ended;
  std::string version;             // of the program
  std::uint64_t checkpoint = 0;    // the one that a start goes on from; 0: none yet
  std::uint64_t files = 0;         // of the data directory
  std::uint64_t bytes = 0;         // of these
  std::uint64_t stored_bytes = 0;  // of them, that no backup before had
};
struct BackupManifest {
  BackupFacts facts;  // files and bytes are of what follows
  std::vector<BackupFile> files;
};
inline constexpr std::string_view kBackupFolder = "backups";
inline constexpr std::string_view kObjectFolder = "objects";
/// The file that makes a folder a data directory; a restore writes it last.
inline constexpr std::string_view kFormatFile = "FORMAT";
/// Such as 20260302T120000000Z, of a time in milliseconds.
std::string backup_id(cep::EventTime time);
bool is_backup_id(std::string_view text);
std::string manifest_name(std::string_view id);
/// Nothing for a name that is no manifest's.
std::string id_of_manifest(std::string_view name);
std::string object_name(const cep::Digest& digest);

std::string encode_backup(const BackupManifest& manifest);
/// `place` is where it was, for messages. Fails with kCorrupt for damage, which a path that leads
/// out of the folder is too, kOtherVersion.
Result<BackupManifest> decode_backup(const std::string& text, const std::string& place);
}  // namespace tocsin::api
