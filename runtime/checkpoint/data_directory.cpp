#include "runtime/checkpoint/data_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

namespace tocsin::runtime {
namespace {
constexpr std::string_view kMark = "tocsin data ";
constexpr unsigned kFormat = 1;
constexpr std::size_t kMarkBytesMax = 64;

tl::unexpected<Error> from_file(const FileError& error) { return tl::unexpected(to_error(error)); }

// What the mark in the folder says; false: there is none.
Result<bool> check_mark(Files& files, const DataPaths& paths) {
  FileResult<std::unique_ptr<File>> file = files.open(paths.format, OpenMode::kRead);
  if (!file) {
    if (file.error().code == FileErrc::kNotFound) return false;
    return from_file(file.error());
  }
  std::string text;
  const FileResult<void> read = read_range(**file, 0, kMarkBytesMax, text);
  if (!read) return from_file(read.error());
  unsigned format = 0;
  const bool is_ours = text.starts_with(kMark) && text.ends_with('\n');
  if (is_ours) {
    const char* const end = text.data() + text.size() - 1;
    const auto [rest, error] = std::from_chars(text.data() + kMark.size(), end, format);
    if (error != std::errc() || rest != end) format = 0;
  }
  if (format == 0) {
    return fail(Errc::kCorrupt,
                fmt::format("{} is damaged: put a copy of it back, or write it with the one line "
                            "`{}{}`",
                            paths.format, kMark, kFormat));
  }
  if (format > kFormat) {
    return fail(
        Errc::kOtherVersion,
        fmt::format("{} says that {} is a data directory of format {}, which a newer version "
                    "of Tocsin wrote: this one knows formats up to {}; use that version",
                    paths.format, paths.directory, format, kFormat));
  }
  return true;
}

// Written under another name first, so that the mark is there whole or not at all.
FileResult<void> write_mark(Files& files, const DataPaths& paths) {
  const std::string unfinished = paths.format + ".new";
  FileResult<std::unique_ptr<File>> file = files.open(unfinished, OpenMode::kCreate);
  if (!file && file.error().code == FileErrc::kExists) {
    file = files.open(unfinished, OpenMode::kWrite);
  }
  if (!file) return tl::unexpected(file.error());
  const std::string text = fmt::format("{}{}\n", kMark, kFormat);
  return write_all(**file, 0, text)
      .and_then([&] { return (*file)->sync(); })
      .and_then([&] { return files.rename(unfinished, paths.format); })
      .and_then([&] { return files.sync_directory(paths.directory); });
}

tl::unexpected<Error> not_ours(const std::string& path) {
  return fail(Errc::kUnsupported,
              fmt::format("{} holds something else than a data directory of Tocsin; name an empty "
                          "folder, or one that does not exist yet ({}/FORMAT, which every data "
                          "directory has, is missing)",
                          path, path));
}
// A folder with a journal was one.
tl::unexpected<Error> no_mark(const DataPaths& paths, const std::vector<std::string>& names) {
  if (std::ranges::count(names, "journal") == 0) return not_ours(paths.directory);
  return fail(Errc::kCorrupt,
              fmt::format("{} is missing, though {} is there: put a copy of it back, or write it "
                          "with the one line `{}{}`",
                          paths.format, paths.journal, kMark, kFormat));
}
}  // namespace

DataPaths::DataPaths(std::string path) : directory(std::move(path)) {
  while (directory.size() > 1 && directory.ends_with('/')) directory.pop_back();
  format = directory + "/FORMAT";
  lock = directory + "/LOCK";
  journal = directory + "/journal";
  blobs = directory + "/blobs";
  archive = directory + "/archive";
  store = directory + "/store";
  state = directory + "/state";
  checkpoints = directory + "/checkpoints";
  savepoints = directory + "/savepoints";
  journal_end = directory + "/ends/journal";
  store_end = directory + "/ends/store";
}

Result<DataDirectory> DataDirectory::open(Files& files, const std::string& path, bool may_make) {
  DataDirectory data(path);
  const DataPaths& paths = data.paths_;
  FileResult<std::vector<std::string>> names = files.list(paths.directory);
  if (!names && names.error().code == FileErrc::kNotFound) {
    if (!may_make) {
      return fail(Errc::kNotFound, fmt::format("there is no data directory {}", paths.directory));
    }
    const FileResult<void> made = make_durable_directory(files, paths.directory);
    if (!made) return from_file(made.error());
    names = files.list(paths.directory);
  }
  if (!names) {
    const FileResult<bool> is_folder = files.is_directory(paths.directory);
    if (!is_folder || *is_folder) return from_file(names.error());
    return fail(Errc::kUnsupported,
                fmt::format("{} is a file, and a data directory is a folder: name an empty one, or "
                            "one that does not exist yet",
                            paths.directory));
  }
  // What a crash leaves that came before the mark was written.
  const auto is_begun = [](const std::string& name) {
    return name == "LOCK" || name == "FORMAT.new";
  };
  const bool is_empty = std::ranges::all_of(*names, is_begun);
  Result<bool> is_marked = check_mark(files, paths);
  if (!is_marked) return tl::unexpected(is_marked.error());
  if (!*is_marked && (!is_empty || !may_make)) return no_mark(paths, *names);

  FileResult<std::unique_ptr<FileLock>> lock = files.lock(paths.lock);
  if (!lock) {
    if (lock.error().code != FileErrc::kInUse) return from_file(lock.error());
    return fail(Errc::kInUse, fmt::format("the data directory {} is in use: {}", paths.directory,
                                          lock.error().message));
  }
  data.lock_ = *std::move(lock);
  // Also one that an older version made, or somebody else before it was used: it holds secrets and
  // what events say. Of another owner it stays as it is.
  static_cast<void>(files.make_private(paths.directory));
  // The names that are seen may not be on disk: a sync may have failed when they were made.
  FileResult<void> synced = make_durable_directory(files, paths.directory);
  if (synced) synced = files.sync_directory(paths.directory);
  if (!synced) return from_file(synced.error());
  // Another process may have made it meanwhile, and be gone.
  is_marked = check_mark(files, paths);
  if (!is_marked) return tl::unexpected(is_marked.error());
  if (!*is_marked) {
    const FileResult<void> written = write_mark(files, paths);
    if (!written) return from_file(written.error());
    data.is_new_ = true;
  }
  return data;
}

Result<void> check_data_directory(Files& files, const std::string& path) {
  const DataPaths paths(path);
  const FileResult<std::vector<std::string>> names = files.list(paths.directory);
  if (!names) {
    if (names.error().code != FileErrc::kNotFound) return from_file(names.error());
    return fail(Errc::kNotFound, fmt::format("there is no data directory {}", paths.directory));
  }
  const Result<bool> is_marked = check_mark(files, paths);
  if (!is_marked) return tl::unexpected(is_marked.error());
  if (!*is_marked) return no_mark(paths, *names);
  return {};
}
}  // namespace tocsin::runtime
