#include "api/backup/folder_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "runtime/journal/file_tree.h"

namespace tocsin::api {
namespace {
using runtime::FileErrc;
using runtime::FileError;
using runtime::FileResult;
using runtime::OpenMode;

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

tl::unexpected<Error> failed(const FileError& error) {
  return tl::unexpected(runtime::to_error(error));
}

class FolderHold : public BackupStore::Hold {
 public:
  explicit FolderHold(std::unique_ptr<runtime::FileLock> lock) : lock_(std::move(lock)) {}

 private:
  std::unique_ptr<runtime::FileLock> lock_;
};

std::string without_end_slashes(std::string folder) {
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  return folder;
}

Result<void> list_below(runtime::Files& files, const std::string& root, const std::string& name,
                        std::vector<StoredObject>& found) {
  const FileResult<std::vector<std::string>> names = files.list(root + "/" + name);
  if (!names) {
    if (names.error().code == FileErrc::kNotFound) return {};
    return failed(names.error());
  }
  for (const std::string& one : *names) {
    const std::string inner = name + "/" + one;
    const FileResult<bool> is_directory = files.is_directory(root + "/" + inner);
    if (!is_directory) return failed(is_directory.error());
    if (*is_directory) {
      if (auto done = list_below(files, root, inner, found); !done) return done;
      continue;
    }
    const auto file = files.open(root + "/" + inner, OpenMode::kRead);
    if (!file) return failed(file.error());
    const FileResult<std::uint64_t> bytes = (*file)->size();
    if (!bytes) return failed(bytes.error());
    found.push_back({inner, *bytes});
  }
  return {};
}
}  // namespace

FolderStore::FolderStore(runtime::Files& files, std::string folder)
    : files_(files), folder_(without_end_slashes(std::move(folder))) {}

std::string FolderStore::place_of(std::string_view name) const {
  return fmt::format("{}/{}", folder_, name);
}

Result<void> FolderStore::check() {
  const FileResult<std::string> mark = runtime::read_whole(files_, folder_ + "/FORMAT");
  if (mark) return check_backup_mark(*mark, folder_);
  if (mark.error().code != FileErrc::kNotFound) return failed(mark.error());
  const Result<bool> found = runtime::exists(files_, folder_);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return fail(Errc::kNotFound, fmt::format("there is no folder {}", folder_));
  return fail(Errc::kUnsupported, fmt::format("{} is not a place of backups", folder_));
}

Result<std::unique_ptr<BackupStore::Hold>> FolderStore::hold() {
  const FileResult<void> made = runtime::make_durable_directory(files_, folder_);
  if (!made) return failed(made.error());
  FileResult<std::unique_ptr<runtime::FileLock>> lock = files_.lock(folder_ + "/LOCK");
  if (!lock) return failed(lock.error());
  if (Result<void> checked = check(); !checked) {
    const FileResult<std::vector<std::string>> names = files_.list(folder_);
    if (!names) return failed(names.error());
    // A crash may have come before the mark was written.
    const bool is_new = std::ranges::all_of(
        *names, [](const std::string& name) { return name == "LOCK" || name == "FORMAT.part"; });
    if (checked.error().code != Errc::kUnsupported || !is_new) {
      return fail(checked.error().code,
                  checked.error().message + ": name an empty one, or one that is not there yet");
    }
    if (auto put = runtime::put_file(files_, folder_ + "/FORMAT", kBackupMark); !put)
      return tl::unexpected(put.error());
  }
  Result<void> cleared = runtime::remove_tree(files_, unfinished());
  if (!cleared) return tl::unexpected(cleared.error());
  if (const auto again = files_.make_directory(unfinished()); !again) return failed(again.error());
  return std::make_unique<FolderHold>(*std::move(lock));
}

Result<std::vector<StoredObject>> FolderStore::list(std::string_view folder) {
  std::vector<StoredObject> found;
  if (auto done = list_below(files_, folder_, std::string(folder), found); !done)
    return tl::unexpected(done.error());
  return found;
}

Result<void> FolderStore::read(std::string_view name, const PieceSink& sink) {
  const auto file = files_.open(place_of(name), OpenMode::kRead);
  if (!file) return failed(file.error());
  std::string piece;
  for (std::uint64_t offset = 0;; offset += piece.size()) {
    if (const auto read = runtime::read_range(**file, offset, kPieceBytes, piece); !read)
      return failed(read.error());
    if (piece.empty()) return {};
    if (auto taken = sink(piece); !taken) return taken;
  }
}

Result<void> FolderStore::make_folders_of(std::string_view name) {
  for (std::size_t slash = name.find('/'); slash != std::string_view::npos;
       slash = name.find('/', slash + 1)) {
    const std::string folder = place_of(name.substr(0, slash));
    const Result<bool> found = runtime::exists(files_, folder);
    if (!found) return tl::unexpected(found.error());
    if (*found) continue;
    if (const auto made = runtime::make_durable_directory(files_, folder); !made)
      return failed(made.error());
  }
  return {};
}

Result<void> FolderStore::put(std::string_view name, const PieceSource& source) {
  if (auto made = make_folders_of(name); !made) return made;
  const std::string path = unfinished() + "/object";
  if (const auto removed = files_.remove(path);
      !removed && removed.error().code != FileErrc::kNotFound) {
    return failed(removed.error());
  }
  const auto file = files_.open(path, OpenMode::kCreate);
  if (!file) return failed(file.error());
  std::uint64_t offset = 0;
  while (true) {
    const Result<std::string_view> piece = source();
    if (!piece) return tl::unexpected(piece.error());
    if (piece->empty()) break;
    if (const auto written = runtime::write_all(**file, offset, *piece); !written)
      return failed(written.error());
    offset += piece->size();
  }
  const std::string place = place_of(name);
  FileResult<void> done = (*file)->sync();
  if (done) (*file)->let_go(0, offset);
  if (done) done = files_.rename(path, place);
  if (done) done = files_.sync_directory(runtime::parent_path(place));
  if (!done) return failed(done.error());
  return {};
}

Result<void> FolderStore::remove(std::string_view name) {
  const std::string place = place_of(name);
  FileResult<void> done = files_.remove(place);
  if (!done && done.error().code == FileErrc::kNotFound) return {};
  if (done) done = files_.sync_directory(runtime::parent_path(place));
  if (!done) return failed(done.error());
  return {};
}
}  // namespace tocsin::api
