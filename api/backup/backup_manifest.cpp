#include "api/backup/backup_manifest.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <nlohmann/json.hpp>
#include <optional>

#include "api/base/sealed_json.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::string_view kManifestEnding = ".json";
constexpr std::size_t kIdBytes = 19;
constexpr std::size_t kLetterAt = 8;  // of the T

std::optional<cep::Digest> parse_digest(std::string_view hex) {
  cep::Digest digest{};
  if (hex.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const char* const begin = hex.data() + 2 * i;
    const auto parsed = std::from_chars(begin, begin + 2, digest[i], 16);
    if (parsed.ec != std::errc{} || parsed.ptr != begin + 2) return std::nullopt;
  }
  // Upper-case digits would name another object.
  if (cep::hex(digest) != hex) return std::nullopt;
  return digest;
}

// A relative path without `.`, `..` and empty parts.
bool stays_inside(std::string_view path) {
  if (path.find('\0') != std::string_view::npos) return false;
  while (true) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

std::optional<BackupManifest> read_members(const ordered_json& document) {
  BackupManifest manifest;
  BackupFacts& facts = manifest.facts;
  const auto began = cep::parse_time(document.at("began").get<std::string>());
  const auto ended = cep::parse_time(document.at("ended").get<std::string>());
  facts.id = document.at("id");
  if (!began || !ended || !is_backup_id(facts.id)) return std::nullopt;
  facts.began = *began;
  facts.ended = *ended;
  facts.who = document.at("who");
  facts.version = document.at("version");
  facts.checkpoint = document.at("checkpoint");
  facts.stored_bytes = document.at("stored_bytes");
  for (const ordered_json& entry : document.at("files")) {
    const auto digest = parse_digest(entry.at("sha256").get_ref<const std::string&>());
    BackupFile file{entry.at("path"), entry.at("bytes"), {}};
    if (!digest || !stays_inside(file.path)) return std::nullopt;
    file.digest = *digest;
    facts.bytes += file.bytes;
    manifest.files.push_back(std::move(file));
  }
  facts.files = manifest.files.size();
  return manifest;
}
}  // namespace

std::string backup_id(cep::EventTime time) {
  constexpr std::int64_t kSecond = 1'000'000;
  const std::time_t seconds = time.us / kSecond;
  return fmt::format("{:%Y%m%dT%H%M%S}{:03}Z", fmt::gmtime(seconds), time.us % kSecond / 1000);
}

bool is_backup_id(std::string_view text) {
  if (text.size() != kIdBytes || text[kLetterAt] != 'T' || text.back() != 'Z') return false;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (i != kLetterAt && (text[i] < '0' || text[i] > '9')) return false;
  }
  return true;
}

std::string manifest_name(std::string_view id) {
  return fmt::format("{}/{}{}", kBackupFolder, id, kManifestEnding);
}

std::string id_of_manifest(std::string_view name) {
  const std::string before = std::string(kBackupFolder) + "/";
  if (!name.starts_with(before) || !name.ends_with(kManifestEnding)) return "";
  name.remove_prefix(before.size());
  name.remove_suffix(kManifestEnding.size());
  return is_backup_id(name) ? std::string(name) : "";
}

std::string object_name(const cep::Digest& digest) {
  const std::string hex = cep::hex(digest);
  return fmt::format("{}/{}/{}", kObjectFolder, hex.substr(0, 2), hex);
}

std::string encode_backup(const BackupManifest& manifest) {
  const BackupFacts& facts = manifest.facts;
  ordered_json files = ordered_json::array();
  for (const BackupFile& file : manifest.files) {
    files.push_back(
        {{"path", file.path}, {"bytes", file.bytes}, {"sha256", cep::hex(file.digest)}});
  }
  return seal_json({{"id", facts.id},
                    {"who", facts.who},
                    {"began", cep::format_time(facts.began)},
                    {"ended", cep::format_time(facts.ended)},
                    {"version", facts.version},
                    {"checkpoint", facts.checkpoint},
                    {"stored_bytes", facts.stored_bytes},
                    {"files", std::move(files)}});
}

Result<BackupManifest> decode_backup(const std::string& text, const std::string& place) {
  const Result<ordered_json> document = unseal_json(text, place);
  if (!document) return tl::unexpected(document.error());
  try {
    if (auto manifest = read_members(*document)) return *std::move(manifest);
  } catch (const ordered_json::exception&) {  // as another value
  }
  return fail(Errc::kCorrupt, place + " is damaged: it is not the manifest of a backup");
}
}  // namespace tocsin::api
