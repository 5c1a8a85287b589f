#include "api/backup/backup_store.h"

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

Result<void> put_text(BackupStore& store, std::string_view name, std::string_view text) {
  return store.put(name, [&text]() -> Result<std::string_view> {
    return std::exchange(text, std::string_view());
  });
}
}  // namespace tocsin::api
