#include "runtime/checkpoint/savepoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "cep/value/identity.h"
#include "runtime/io/crash_point.h"
#include "runtime/journal/file_tree.h"

namespace tocsin::runtime {
namespace {
constexpr std::string_view kUnfinished = ".new";
constexpr std::string_view kRemoved = ".old";
constexpr std::string_view kBlobFolder = "blobs/";
constexpr std::size_t kNameBytesMax = 100;

tl::unexpected<Error> failed(const FileError& error) { return tl::unexpected(to_error(error)); }
Result<void> result_of(const FileResult<void>& done) {
  if (!done) return failed(done.error());
  return {};
}

bool is_name_letter(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9') || letter == '_' || letter == '-' || letter == '.';
}
bool is_leftover(std::string_view name) {
  return name.ends_with(kUnfinished) || name.ends_with(kRemoved);
}

// Gives `from` a second name, or a copy where it can have none, and reads it.
Result<FileDigest> take_file(Files& files, const std::string& from, const std::string& to) {
  const FileResult<void> linked = files.link(from, to);
  if (linked) return digest_file(files, to);
  if (linked.error().code != FileErrc::kNoLink) return failed(linked.error());
  return copy_file(files, from, to);
}

// The files of the checkpoint, but for blobs, compared with its manifest.
Result<void> take_files(Files& files, const std::string& from, const std::string& to,
                        const Manifest& source, Manifest& made) {
  for (const ManifestFile& file : source.files) {
    if (file.name.starts_with(kBlobFolder)) continue;
    const std::string path = from + "/" + file.name;
    const Result<FileDigest> taken = take_file(files, path, to + "/" + file.name);
    if (!taken) return tl::unexpected(taken.error());
    if (*taken != FileDigest{file.bytes, file.digest}) {
      return fail(Errc::kCorrupt,
                  fmt::format("{} is damaged: its {} bytes are not those that were written", path,
                              taken->bytes));
    }
    made.files.push_back(file);
  }
  return {};
}

Result<void> take_blobs(Files& files, const std::string& from, const std::string& to,
                        Manifest& made) {
  std::set<cep::Digest> done;
  for (const CheckpointBlob& blob : made.meta.blobs) {
    if (!done.insert(blob.digest).second) continue;
    const std::string name = cep::hex(blob.digest);
    const std::string path = from + "/" + name;
    const FileResult<std::string> contents = read_whole(files, path);
    if (!contents) return failed(contents.error());
    if (contents->size() != blob.bytes || cep::sha256(*contents) != blob.digest) {
      return fail(Errc::kCorrupt,
                  fmt::format("{} is damaged: its {} bytes are not those of its name", path,
                              contents->size()));
    }
    const std::string target = to + "/" + std::string(kBlobFolder) + name;
    const FileResult<void> linked = files.link(path, target);
    if (!linked) {
      if (linked.error().code != FileErrc::kNoLink) return failed(linked.error());
      Result<void> written = write_synced(files, target, *contents);
      if (!written) return written;
    }
    made.files.push_back(
        {std::string(kBlobFolder) + name, contents->size(), digest_range(*contents)});
  }
  return {};
}

Result<void> fill(Files& files, const std::string& checkpoint, const std::string& blobs,
                  const std::string& directory, const Manifest& source, Manifest& made) {
  for (const char* folder : {"", "/state", "/blobs"}) {
    const FileResult<void> named = files.make_directory(directory + folder);
    if (!named) return failed(named.error());
  }
  crash_point("savepoint.link");
  Result<void> done = take_files(files, checkpoint, directory, source, made);
  if (done) done = take_blobs(files, blobs, directory, made);
  for (const char* folder : {"/state", "/blobs", ""}) {
    if (done) done = result_of(files.sync_directory(directory + folder));
  }
  if (!done) return done;
  std::sort(made.files.begin(), made.files.end(),
            [](const ManifestFile& a, const ManifestFile& b) { return a.name < b.name; });
  crash_point("savepoint.manifest");
  done = write_synced(files, manifest_path(directory), encode_manifest(made));
  if (done) done = result_of(files.sync_directory(directory));
  return done;
}
}  // namespace

Result<void> check_savepoint_name(std::string_view name) {
  const bool is_good = !name.empty() && name.size() <= kNameBytesMax &&
                       std::all_of(name.begin(), name.end(), is_name_letter) &&
                       name.front() != '.' && name.front() != '-' && !is_leftover(name);
  if (is_good) return {};
  return fail(Errc::kInvalidArgument,
              fmt::format("a savepoint's name has 1 to {} letters, digits and `_`, `-`, `.`, does "
                          "not begin with `.` or `-` and does not end in .new or .old: {}",
                          kNameBytesMax, name));
}

std::string savepoint_blobs(const std::string& directory) { return directory + "/blobs"; }

Result<Manifest> make_savepoint(Files& files, const std::string& checkpoint,
                                const std::string& blobs, const std::string& directory,
                                const std::string& name) {
  const Result<void> named = check_savepoint_name(name);
  if (!named) return tl::unexpected(named.error());
  const Result<bool> found = exists(files, directory);
  if (!found) return tl::unexpected(found.error());
  if (*found) return fail(Errc::kConflict, fmt::format("{} is there already", directory));
  Result<Manifest> source = read_manifest(files, checkpoint);
  if (!source) return source;
  Manifest made;
  made.savepoint = name;
  made.meta = source->meta;
  const std::string unfinished = directory + std::string(kUnfinished);
  Result<void> done = remove_tree(files, unfinished);
  if (done) done = fill(files, checkpoint, blobs, unfinished, *source, made);
  crash_point("savepoint.rename");
  if (done) done = result_of(files.rename(unfinished, directory));
  if (done) done = result_of(files.sync_directory(parent_path(directory)));
  if (!done) {
    (void)remove_tree(files, unfinished);
    return tl::unexpected(done.error());
  }
  return made;
}

Result<std::vector<SavepointEntry>> list_savepoints(Files& files, const std::string& directory) {
  const FileResult<std::vector<std::string>> names = files.list(directory);
  std::vector<SavepointEntry> entries;
  if (!names) {
    if (names.error().code == FileErrc::kNotFound) return entries;
    return failed(names.error());
  }
  for (const std::string& name : *names) {
    const std::string path = directory + "/" + name;
    if (!check_savepoint_name(name)) continue;
    const FileResult<bool> is_directory = files.is_directory(path);
    if (!is_directory || !*is_directory) continue;
    SavepointEntry entry{name, path, read_manifest(files, path), 0};
    if (entry.manifest) {
      for (const ManifestFile& file : entry.manifest->files) entry.bytes += file.bytes;
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<void> delete_savepoint(Files& files, const std::string& directory) {
  const Result<bool> found = exists(files, directory);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return fail(Errc::kNotFound, fmt::format("there is no savepoint {}", directory));
  // A path may name anything: only what says that it is a savepoint goes, or once said so.
  const Result<bool> has_manifest = exists(files, manifest_path(directory));
  if (!has_manifest) return tl::unexpected(has_manifest.error());
  const Result<Manifest> manifest = read_manifest(files, directory);
  if (!*has_manifest || (manifest && manifest->savepoint.empty())) {
    return fail(Errc::kUnsupported,
                fmt::format("{} is no savepoint: nothing was removed", directory));
  }
  const std::string removed = directory + std::string(kRemoved);
  Result<void> done = remove_tree(files, removed);
  if (done) done = result_of(files.rename(directory, removed));
  crash_point("savepoint.delete");
  if (done) done = result_of(files.sync_directory(parent_path(directory)));
  if (done) done = remove_tree(files, removed);
  return done;
}

Result<void> clean_savepoints(Files& files, const std::string& directory) {
  const FileResult<std::vector<std::string>> names = files.list(directory);
  if (!names) {
    if (names.error().code == FileErrc::kNotFound) return {};
    return failed(names.error());
  }
  for (const std::string& name : *names) {
    if (!is_leftover(name)) continue;
    Result<void> removed = remove_tree(files, directory + "/" + name);
    if (!removed) return removed;
  }
  return {};
}
}  // namespace tocsin::runtime
