#include "api/backup/data_cut.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "runtime/checkpoint/checkpoint.h"
#include "runtime/io/numbered_name.h"
#include "runtime/journal/file_tree.h"
#include "runtime/journal/journal_format.h"

namespace tocsin::api {
namespace {
using runtime::FileErrc;
using runtime::FileError;
using runtime::FileResult;
using runtime::OpenMode;

constexpr int kTriesMax = 100;
constexpr std::size_t kPieceBytes = std::size_t{1} << 20;
constexpr std::string_view kCutFolder = "backup.new";
constexpr std::string_view kSegmentWord = "segment-";
// Taken in ways of their own, or made again by a start. The first token is no part of a backup: it
// is there for somebody to move away, and tokens.json has its digest.
constexpr std::array<std::string_view, 12> kNotSmall = {
    "LOCK",        "admin-token", "archive", "backup.new", "blobs", "cache",
    "checkpoints", "ends",        "journal", "savepoints", "state", "store"};

tl::unexpected<Error> failed(const FileError& error) {
  return tl::unexpected(runtime::to_error(error));
}
// What is being made, or removed, or is set aside.
bool is_passing(std::string_view name) {
  return std::ranges::any_of(std::array<std::string_view, 4>{".new", ".old", ".part", ".damaged"},
                             [&](std::string_view end) { return name.ends_with(end); });
}
}  // namespace

std::optional<FileStamp> stamp_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  constexpr std::int64_t kSecondNs = 1'000'000'000;
  return FileStamp{status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
                   status.st_mtim.tv_sec * kSecondNs + status.st_mtim.tv_nsec};
}

DataCutter::DataCutter(CutPorts ports)
    : ports_(std::move(ports)), folder_(fmt::format("{}/{}", ports_.paths.directory, kCutFolder)) {}

std::string DataCutter::in_data(std::string_view path) const {
  return fmt::format("{}/{}", ports_.paths.directory, path);
}
std::string DataCutter::in_cut(std::string_view path) const {
  return fmt::format("{}/{}", folder_, path);
}
bool DataCutter::is_there(const std::string& path) const {
  return ports_.files.identity(path).has_value();
}

Result<void> DataCutter::clear() { return runtime::remove_tree(ports_.files, folder_); }

Result<DataCut> DataCutter::cut() {
  cut_ = {};
  taken_.clear();
  Result<void> done = clear();
  if (!done) return tl::unexpected(done.error());
  if (const auto made = ports_.files.make_directory(folder_); !made) return failed(made.error());
  for (int i = 0; i < kTriesMax; ++i) {
    done = take_first();
    if (!done) return tl::unexpected(done.error());
    const Result<bool> whole = take_window();
    if (!whole) return tl::unexpected(whole.error());
    if (!*whole) continue;
    drop_before_gap();
    for (const char* folder : {"archive", "savepoints"}) {
      if (done) done = take_tree(folder, false);
    }
    if (!done) return tl::unexpected(done.error());
    std::ranges::sort(cut_.files, {}, &CutFile::path);
    return std::move(cut_);
  }
  return fail(Errc::kConflict,
              fmt::format("checkpoints were made faster than the files of one could be taken, {} "
                          "times in a row: make them less often (checkpoint.every)",
                          kTriesMax));
}

// After a failed try it takes what is new.
Result<void> DataCutter::take_first() {
  Result<void> done = take_tree("ends", true);
  if (done) done = take_small();
  if (done) done = take_journal(false);
  if (done) done = take_tree("blobs", false);
  return done;
}

Result<bool> DataCutter::take_window() {
  const Result<std::uint64_t> before = newest_checkpoint();
  if (!before) return tl::unexpected(before.error());
  cut_.checkpoint = *before;
  const Result<void> done = take_window_of(*before);
  const Result<std::uint64_t> after = newest_checkpoint();
  if (!after) return tl::unexpected(after.error());
  // Without any checkpoint the journal has everything.
  const bool is_kept =
      *after == 0 || is_there(runtime::checkpoint_path(ports_.paths.checkpoints, cut_.checkpoint));
  if (is_kept && done) return true;
  if (is_kept) return tl::unexpected(done.error());
  // Something may be missing, which may be why it failed.
  if (auto dropped = drop_window(); !dropped) return tl::unexpected(dropped.error());
  return false;
}

Result<void> DataCutter::take_window_of(std::uint64_t checkpoint) {
  Result<void> done;
  if (checkpoint != 0) {
    const std::string path = runtime::checkpoint_path(ports_.paths.checkpoints, checkpoint);
    done = take_tree(path.substr(ports_.paths.directory.size() + 1), false);
  }
  if (done) done = ports_.copy_store(in_cut("store"));
  if (done) done = list_store("store");
  if (done) done = take_journal(true);
  if (done) done = take_tree("blobs", false);
  return done;
}

Result<void> DataCutter::drop_window() {
  const auto is_of_window = [](const CutFile& file) {
    return file.path.starts_with("checkpoints/") || file.path.starts_with("store/") ||
           file.is_growing;
  };
  for (const CutFile& file : cut_.files) {
    if (!is_of_window(file)) continue;
    taken_.erase(file.path);
    if (auto removed = runtime::remove_tree(ports_.files, file.source); !removed) return removed;
  }
  std::erase_if(cut_.files, is_of_window);
  for (const char* folder : {"checkpoints", "store", "store.tmp"}) {
    if (auto removed = runtime::remove_tree(ports_.files, in_cut(folder)); !removed) return removed;
  }
  return {};
}

Result<std::uint64_t> DataCutter::newest_checkpoint() const {
  const auto numbers = runtime::list_checkpoints(ports_.files, ports_.paths.checkpoints);
  if (!numbers) return tl::unexpected(numbers.error());
  return numbers->empty() ? 0 : *std::ranges::max_element(*numbers);
}

Result<void> DataCutter::take_small() {
  const FileResult<std::vector<std::string>> names = ports_.files.list(ports_.paths.directory);
  if (!names) return failed(names.error());
  for (const std::string& name : *names) {
    if (std::ranges::count(kNotSmall, name) != 0 || is_passing(name)) continue;
    if (auto done = take_tree(name, true); !done) return done;
  }
  return {};
}

Result<void> DataCutter::take_tree(const std::string& name, bool is_copied) {
  const FileResult<bool> is_directory = ports_.files.is_directory(in_data(name));
  if (!is_directory) {
    if (is_directory.error().code == FileErrc::kNotFound) return {};
    return failed(is_directory.error());
  }
  if (!*is_directory) return taken_.contains(name) ? Result<void>() : take_file(name, is_copied);
  const FileResult<std::vector<std::string>> names = ports_.files.list(in_data(name));
  if (!names) {
    if (names.error().code == FileErrc::kNotFound) return {};
    return failed(names.error());
  }
  for (const std::string& one : *names) {
    if (is_passing(one)) continue;
    if (auto done = take_tree(name + "/" + one, is_copied); !done) return done;
  }
  return {};
}

Result<void> DataCutter::make_folders_of(const std::string& path) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    if (const auto made = ports_.files.make_directory(in_cut(path.substr(0, slash))); !made)
      return failed(made.error());
  }
  return {};
}

Result<void> DataCutter::take_file(const std::string& path, bool is_copied) {
  if (auto made = make_folders_of(path); !made) return made;
  CutFile file{path, in_cut(path), UINT64_MAX, std::nullopt, {}};
  bool is_linked = false;
  if (!is_copied) {
    const FileResult<void> linked = ports_.files.link(in_data(path), file.source);
    is_linked = linked.has_value();
    if (!linked && linked.error().code == FileErrc::kNotFound) return {};
    if (!linked && linked.error().code != FileErrc::kNoLink) return failed(linked.error());
  }
  if (is_linked) {
    file.stamp = stamp_of(file.source);
    if (!file.stamp) return fail(Errc::kIo, "cannot read " + file.source);
    file.bytes = file.stamp->bytes;
  } else {
    const Result<bool> copied = copy(in_data(path), file.source, file.bytes);
    if (!copied) return tl::unexpected(copied.error());
    if (!*copied) return {};
  }
  taken_.insert(path);
  cut_.files.push_back(std::move(file));
  return {};
}

Result<bool> DataCutter::copy(const std::string& from, const std::string& to,
                              std::uint64_t& bytes) const {
  const auto read = ports_.files.open(from, OpenMode::kRead);
  if (!read && read.error().code == FileErrc::kNotFound) return false;
  if (!read) return failed(read.error());
  const auto written = ports_.files.open(to, OpenMode::kCreate);
  if (!written) return failed(written.error());
  std::string piece;
  std::uint64_t offset = 0;
  for (; offset < bytes; offset += piece.size()) {
    FileResult<void> done = runtime::read_range(
        **read, offset, std::min<std::uint64_t>(kPieceBytes, bytes - offset), piece);
    if (done) done = runtime::write_all(**written, offset, piece);
    if (!done) return failed(done.error());
    if (piece.empty()) break;
  }
  bytes = offset;
  return true;
}

// It is this cut's own.
Result<void> DataCutter::list_store(const std::string& name) {
  const FileResult<std::vector<std::string>> names = ports_.files.list(in_cut(name));
  if (!names) return failed(names.error());
  for (const std::string& one : *names) {
    const std::string path = name + "/" + one;
    const auto stamp = stamp_of(in_cut(path));
    if (!stamp) return fail(Errc::kIo, "cannot read " + in_cut(path));
    cut_.files.push_back({path, in_cut(path), stamp->bytes, stamp, {}});
  }
  return {};
}

// While it was read it was written: a record may be whole behind one that is not, as no crash
// leaves them. All up to the cut of the store were on disk before.
Result<void> DataCutter::end_segment(const CutFile& file, std::uint64_t& bytes) const {
  const auto opened = ports_.files.open(file.source, OpenMode::kWrite);
  if (!opened) return failed(opened.error());
  std::string window;
  FileResult<void> done = runtime::read_range(**opened, 0, runtime::kSegmentHeaderBytes, window);
  if (!done) return failed(done.error());
  const auto header = runtime::decode_segment_header(window, in_data(file.path));
  if (!header) return tl::unexpected(header.error());
  const std::uint32_t seed = runtime::frame_seed(*header);
  std::uint64_t end = runtime::kSegmentHeaderBytes;
  std::size_t window_bytes = kPieceBytes;
  while (true) {
    done = runtime::read_range(**opened, end, window_bytes, window);
    if (!done) return failed(done.error());
    std::string_view rest = window;
    while (const auto frame = runtime::read_frame(rest, seed)) rest.remove_prefix(frame->bytes);
    end += window.size() - rest.size();
    if (rest.size() < window.size()) {
      window_bytes = kPieceBytes;
      continue;
    }
    const auto head = runtime::read_head(rest, seed);
    if (!head || runtime::frame_bytes(head->body_bytes) <= window.size()) break;
    if (window.size() < window_bytes) break;  // the copy ends in it
    window_bytes = runtime::frame_bytes(head->body_bytes);
  }
  constexpr std::uint64_t kBlock = runtime::kDirectBytes;
  bytes = (end + kBlock - 1) / kBlock * kBlock;
  done = runtime::write_all(**opened, end, std::string(bytes - end, '\0'));
  if (!done) return failed(done.error());
  return {};
}

Result<bool> DataCutter::read_header(CutFile& file) const {
  const auto opened = ports_.files.open(in_data(file.path), OpenMode::kRead);
  if (!opened && opened.error().code == FileErrc::kNotFound) return false;
  if (!opened) return failed(opened.error());
  std::string block;
  if (const auto read = runtime::read_range(**opened, 0, runtime::kSegmentHeaderBytes, block);
      !read)
    return failed(read.error());
  const auto header = runtime::decode_segment_header(block, in_data(file.path));
  if (!header) return tl::unexpected(header.error());
  file.id = header->id;
  file.previous = header->previous_id;
  return true;
}

void DataCutter::drop_before_gap() {
  std::vector<const CutFile*> segments;
  for (const CutFile& file : cut_.files) {
    if (file.id != 0) segments.push_back(&file);
  }
  std::ranges::sort(segments, {}, &CutFile::id);
  std::uint64_t first = 0;
  for (std::size_t i = 1; i < segments.size(); ++i) {
    if (segments[i]->previous != segments[i - 1]->id) first = segments[i]->id;
  }
  std::erase_if(cut_.files,
                [first](const CutFile& file) { return file.id != 0 && file.id < first; });
}

Result<bool> DataCutter::take_segment(CutFile& file, bool is_written) {
  const std::string path = in_data(file.path);
  const auto identity = ports_.files.identity(path);
  if (!identity) return false;  // released
  const auto is_released = [&] {
    const auto now = ports_.files.identity(path);
    return !now || *now != *identity;
  };
  Result<bool> is_read = read_header(file);
  // Its bytes may be those of a later segment by now, in part: then it is no damaged one.
  if (!is_read && is_released()) return false;
  if (!is_read || !*is_read) return is_read;
  const auto stamp = stamp_of(path);
  const auto known = stamp && !is_written ? ports_.stored(*stamp) : std::nullopt;
  if (known) {
    file.source.clear();
    file.digest = *known;
    file.bytes = stamp->bytes;
  } else {
    Result<bool> copied = copy(path, file.source, file.bytes);
    if (!copied || !*copied) return copied;
    if (!is_written && stamp_of(path) == stamp) file.stamp = stamp;
  }
  // The file of a released segment is written over by a later one, perhaps while it was read.
  if (!is_released()) return true;
  if (auto removed = runtime::remove_tree(ports_.files, in_cut(file.path)); !removed)
    return tl::unexpected(removed.error());
  return false;
}

Result<void> DataCutter::take_journal(bool is_last) {
  const FileResult<std::vector<std::string>> names = ports_.files.list(ports_.paths.journal);
  if (!names) return failed(names.error());
  std::vector<std::string> segments;
  for (const std::string& name : *names) {
    if (runtime::number_of_name(name, kSegmentWord)) segments.push_back(name);
  }
  if (!is_last && !segments.empty()) segments.pop_back();
  if (auto made = make_folders_of("journal/"); !made) return made;
  for (const std::string& name : segments) {
    const std::string path = "journal/" + name;
    if (taken_.contains(path)) continue;
    CutFile file{path, in_cut(path), UINT64_MAX, std::nullopt, {}};
    file.is_growing = is_last && name == segments.back();
    const Result<bool> taken = take_segment(file, file.is_growing);
    if (!taken) return tl::unexpected(taken.error());
    if (!*taken) continue;
    if (file.is_growing) {
      if (auto ended = end_segment(file, file.bytes); !ended) return ended;
    }
    taken_.insert(path);
    cut_.files.push_back(std::move(file));
  }
  return {};
}
}  // namespace tocsin::api
