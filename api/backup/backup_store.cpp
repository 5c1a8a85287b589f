#include "api/backup/backup_store.h"

#include <fmt/format.h>

#include <utility>

namespace tocsin::api {
Result<std::string> read_object(BackupStore& store, std::string_view name, std::size_t bytes_max) {
  std::string text;
  const auto sink = [&](std::string_view piece) -> Result<void> {
    if (piece.size() > bytes_max - text.size())
      return fail(Errc::kCorrupt, store.place_of(name) + " is damaged: it is too large");
    text += piece;
    return {};
  };
  if (auto read = store.read(name, sink); !read) return tl::unexpected(read.error());
  return text;
}

Result<void> check_backup_mark(std::string_view mark, const std::string& place) {
  if (mark == kBackupMark) return {};
  if (mark.starts_with("tocsin backups ")) {
    return fail(Errc::kOtherVersion,
                fmt::format("{} was written by a later version of tocsin: use that one", place));
  }
  return fail(Errc::kUnsupported, fmt::format("{} is not a place of backups", place));
}

Result<void> put_text(BackupStore& store, std::string_view name, std::string_view text) {
  return store.put(name, [&text]() -> Result<std::string_view> {
    return std::exchange(text, std::string_view());
  });
}
}  // namespace tocsin::api
