#include "runtime/series/directory_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace tocsin::runtime {
namespace {
// How many names a note shows, and how many a command carries that are forgotten.
constexpr std::size_t kNamesShown = 3;
constexpr std::size_t kForgottenMax = 1'000;
constexpr const char* kAreOthers = "are others now, or no longer all there";

struct InOrder {
  bool operator()(const std::string& a, const std::string& b) const { return comes_before(a, b); }
};

// The name without what says that a file is packed.
std::string unpacked(const std::string& name) {
  for (const std::string_view end : {".gz", ".zst"}) {
    if (name.ends_with(end)) return name.substr(0, name.size() - end.size());
  }
  return name;
}
// Among names of files, which have no slash.
std::string key_of(std::string_view what, std::uint64_t number) {
  return fmt::format("{}/{}", what, number);
}

std::string some_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kNamesShown); ++i) {
    text += (i == 0 ? "" : ", ") + names[i];
  }
  return names.size() > kNamesShown ? text + ", …" : text;
}

class DirectorySeries final : public FileSeries {
 public:
  DirectorySeries(std::string path, FileSeriesOptions options)
      : FileSeries(std::move(options)), path_(std::move(path)) {
    while (path_.size() > 1 && path_.ends_with('/')) path_.pop_back();
  }
  Result<void> find(const SeriesState* known, bool is_at_end);
  Result<std::optional<SeriesPart>> next() override;

  Result<bool> has_next(const InputStatus* status,
                        std::chrono::steady_clock::time_point /*quiet_since*/) override {
    if (auto looked = look(); !looked) return tl::unexpected(looked.error());
    return !waiting_.empty() && (status != nullptr || may_begin());
  }
  Result<std::unique_ptr<ByteSource>> truncated(const SeriesDigest& read) override;
  void left(const InputStatus& status, const SeriesDigest& /*read*/) override { left_ = status; }

 private:
  // A file of which a part was read before.
  struct Grown {
    std::uint64_t lines = 0;
    SeriesDigest read;
  };
  std::string path_of(const std::string& name) const {
    return path_.ends_with('/') ? path_ + name : fmt::format("{}/{}", path_, name);
  }
  // The files that were read before, as of now.
  const std::map<std::string, SeriesFile, std::less<>>& done() const {
    static const std::map<std::string, SeriesFile, std::less<>> kNone;
    const SeriesState* const state = options_.kept ? options_.kept() : nullptr;
    return state == nullptr ? kNone : state->done;
  }
  // Whether the next file may be begun.
  bool may_begin() { return waiting_.size() > 1 || is_ready(path_of(*waiting_.begin())); }
  Result<void> look();
  Result<void> list();
  Result<void> check(const std::string& name, const SeriesFile& file);
  void note_passed_over(const std::vector<std::string>& names);
  Result<void> check_done();
  Result<void> check_changed(const std::string& name, const SeriesFile& file);
  void find_vanished();
  void note_vanished();
  Result<bool> is_moved(const std::string& name);
  Result<void> add(const std::string& name);
  Result<void> find_at_hand(const SeriesState& known);
  Result<void> go_on(const SeriesState& known, const std::string& name, const InputStatus& status);
  tl::unexpected<Error> changed(const std::string& name, std::uint64_t bytes,
                                const char* what) const;
  Result<std::optional<SeriesPart>> begin(const std::string& name, const InputStatus& status);
  void forget(SeriesBegin& begin);

  std::string path_;
  std::unordered_set<std::string> seen_;    // by the last listing
  std::set<std::string, InOrder> waiting_;  // to be read
  std::map<std::string, Grown, std::less<>> grown_;
  std::unordered_multimap<std::string, std::string> vanished_;  // find_vanished()
  std::optional<SeriesPart> first_;
  std::optional<std::string> at_hand_;
  std::optional<InputStatus> left_;  // of the file at hand, when nothing new was found in it
  std::optional<std::int64_t> listed_at_;
  bool must_list_ = true;
  bool is_open_ = false;
  bool is_at_end_ = false;  // of what an earlier start found
};

tl::unexpected<Error> DirectorySeries::changed(const std::string& name, std::uint64_t bytes,
                                               const char* what) const {
  return fail(
      Errc::kMismatch,
      fmt::format("{} has changed: the first {} bytes, which were read before, {}; put them "
                  "back, give the new contents as a file of another name, or begin anew in "
                  "another data directory",
                  path_of(name), bytes, what));
}

// Lists the directory where its names may have changed since. A change within the same moment as a
// listing is seen by the next look, which lists once more.
Result<void> DirectorySeries::look() {
  const std::optional<std::int64_t> changed_at = files().directory_changed(path_);
  if (!changed_at) return fail(Errc::kNotFound, "the directory " + path_ + " is no longer there");
  if (changed_at == listed_at_ && !must_list_) return {};
  must_list_ = changed_at != listed_at_;
  listed_at_ = changed_at;
  return list();
}

void DirectorySeries::note_passed_over(const std::vector<std::string>& names) {
  if (names.empty()) return;
  note(fmt::format("{}: {} of a temporary or hidden name {} passed over: {}", path_,
                   names.size() == 1 ? "a file" : fmt::format("{} files", names.size()),
                   names.size() == 1 ? "is" : "are", some_of(names)));
}

Result<void> DirectorySeries::list() {
  Result<std::vector<std::string>> names = files().list(path_);
  if (!names) return tl::unexpected(names.error());
  if (names->size() > options_.files_max) {
    return fail(Errc::kLimit,
                fmt::format("{} has {} files, and a directory may have {}: move those that were "
                            "read elsewhere, or allow for more with --directory-files",
                            path_, names->size(), options_.files_max));
  }
  const std::unordered_set<std::string> before = std::move(seen_);
  seen_ = {names->begin(), names->end()};
  find_vanished();
  std::ranges::sort(*names);
  std::vector<std::string> passed_over;
  for (const std::string& name : *names) {
    if (before.contains(name) || name == at_hand_) continue;
    if (is_passed_over(name)) {
      passed_over.push_back(name);
      continue;
    }
    if (name.ends_with('/')) {
      note(fmt::format("{}/{} is passed over: it is no file", path_,
                       name.substr(0, name.size() - 1)));
      continue;
    }
    if (auto added = add(name); !added) return added;
  }
  note_passed_over(passed_over);
  return {};
}

// A name that is new in the listing.
Result<void> DirectorySeries::add(const std::string& name) {
  if (const auto read = done().find(name); read != done().end()) {
    // At the start all of them are looked at; one that comes back later is looked at now.
    return is_open_ ? check(name, read->second) : Result<void>();
  }
  const Result<bool> moved = is_moved(name);
  if (!moved) return tl::unexpected(moved.error());
  if (!*moved) waiting_.insert(name);
  return {};
}

// Files that were read and are not there: by inode, by size, and by their unpacked names.
void DirectorySeries::find_vanished() {
  vanished_.clear();
  for (const auto& [name, file] : done()) {
    if (seen_.contains(name) || name == at_hand_ || file.bytes == 0) continue;
    vanished_.emplace(key_of("inode", file.inode), name);
    vanished_.emplace(key_of("size", file.size), name);
    vanished_.emplace(unpacked(name), name);
  }
}

Result<void> DirectorySeries::check_changed(const std::string& name, const SeriesFile& file) {
  const Result<bool> is_there = begins_with(path_of(name), file.bytes, file.digest);
  if (!is_there) return tl::unexpected(is_there.error());
  if (!*is_there) return changed(name, file.bytes, kAreOthers);
  Result<std::unique_ptr<ByteSource>> bytes = files().open(path_of(name), options_.stop_requested);
  if (!bytes) return tl::unexpected(bytes.error());
  Grown grown;
  grown.lines = file.lines;
  std::string part(std::size_t{256} << 10, '\0');
  while (grown.read.bytes() < file.bytes) {
    const Result<std::size_t> got =
        (*bytes)->read(part.data(), static_cast<std::size_t>(std::min<std::uint64_t>(
                                        part.size(), file.bytes - grown.read.bytes())));
    if (!got) return tl::unexpected(got.error());
    if (*got == 0) break;
    grown.read.add(std::string_view(part).substr(0, *got));
  }
  char next = 0;
  const Result<std::size_t> more = (*bytes)->read(&next, 1);
  if (!more) return tl::unexpected(more.error());
  if (*more == 0) return {};  // touched
  note(fmt::format("{} has grown, and goes on at byte {}", path_of(name), file.bytes));
  grown_.insert_or_assign(name, std::move(grown));
  waiting_.insert(name);
  return {};
}

// A file that was read before is still what it was.
Result<void> DirectorySeries::check(const std::string& name, const SeriesFile& file) {
  const Result<InputStatus> status = files().status(path_of(name));
  if (!status && status.error().code == Errc::kNotFound) return {};
  if (!status) return tl::unexpected(status.error());
  const bool is_unchanged = status->inode == file.inode && status->size == file.size &&
                            status->modified_ns == file.modified_ns;
  return is_unchanged ? Result<void>() : check_changed(name, file);
}

Result<void> DirectorySeries::check_done() {
  for (const auto& [name, file] : done()) {
    if (name == at_hand_ || !seen_.contains(name)) continue;
    if (auto checked = check(name, file); !checked) return checked;
  }
  return {};
}

// Whether a file is one that was read under another name, or is that one packed or unpacked.
Result<bool> DirectorySeries::is_moved(const std::string& name) {
  const bool is_at_hand_gone = is_open_ && at_hand_ && !seen_.contains(*at_hand_);
  if (vanished_.empty() && !is_at_hand_gone) return false;
  const Result<InputStatus> status = files().status(path_of(name));
  if (!status) return false;  // whoever reads it says why
  const SeriesState* const kept = options_.kept ? options_.kept() : nullptr;
  if (is_at_hand_gone && kept != nullptr && left_ && left_->inode == status->inode) {
    Result<bool> is_it = begins_with(path_of(name), kept->read);
    if (!is_it || *is_it) return is_it;
  }
  for (const std::string& key :
       {key_of("inode", status->inode), key_of("size", status->size), unpacked(name)}) {
    const auto [first, last] = vanished_.equal_range(key);
    for (auto before = first; before != last; ++before) {
      const SeriesFile& file = done().find(before->second)->second;
      Result<bool> is_it = begins_with(path_of(name), file.bytes, file.digest);
      if (!is_it) return is_it;
      if (!*is_it) continue;
      note(fmt::format("{} was read before, as {}", path_of(name), before->second));
      return true;
    }
  }
  return false;
}

void DirectorySeries::note_vanished() {
  std::vector<std::string> names;
  for (const auto& [name, file] : done()) {
    if (!seen_.contains(name) && name != at_hand_) names.push_back(name);
  }
  if (names.empty()) return;
  note(fmt::format("{}: {} {} no longer there: {}", path_,
                   names.size() == 1 ? "a file that was read"
                                     : fmt::format("{} files that were read", names.size()),
                   names.size() == 1 ? "is" : "are", some_of(names)));
}

Result<void> DirectorySeries::go_on(const SeriesState& known, const std::string& name,
                                    const InputStatus& status) {
  SeriesPart part;
  part.path = path_of(name);
  part.opened_path = part.path;
  part.is_begun = name != known.file;
  part.begin.file = name;
  part.begin.path = part.path;
  part.keeps_lines = true;
  part.begin.device = status.device;
  part.begin.inode = status.inode;
  part.begin.modified_ns = status.modified_ns;
  part.begin.read = known.read;
  at_hand_ = name;
  left_ = status;
  Result<std::unique_ptr<ByteSource>> bytes = open_part(part.path, known.read, options_.follows);
  if (!bytes) return tl::unexpected(bytes.error());
  if (*bytes == nullptr) return changed(name, known.read.bytes(), kAreOthers);
  part.bytes = *std::move(bytes);
  if (!is_at_end_) note(fmt::format("{} goes on at byte {}", part.path, known.read.bytes()));
  first_ = std::move(part);
  return {};
}

// The file that was at hand when the state was kept.
Result<void> DirectorySeries::find_at_hand(const SeriesState& known) {
  const Result<InputStatus> status = files().status(path_of(known.file));
  if (status) {
    return go_on(known, known.file, *status);
  }
  if (status.error().code != Errc::kNotFound) return tl::unexpected(status.error());
  for (const std::string& name : waiting_) {
    if (known.read.bytes() == 0) break;
    const Result<InputStatus> other = files().status(path_of(name));
    if (!other || other->inode != known.inode) continue;
    const Result<bool> begins = begins_with(path_of(name), known.read);
    if (!begins) return tl::unexpected(begins.error());
    if (!*begins) continue;
    note(fmt::format("{} was {} before", path_of(name), path_of(known.file)));
    const auto moved = waiting_.extract(name);
    return go_on(known, moved.value(), *other);
  }
  const std::string path = path_of(known.file);
  if (is_at_end_ || known.read.bytes() == 0) {
    note(path + " was read, and is no longer there");
  } else if (is_accepted(path, known.read.bytes())) {
    note(fmt::format("{} goes on without what {} had behind byte {}", path_, path,
                     known.read.bytes()));
  } else {
    return fail(Errc::kMismatch,
                fmt::format("{} is no longer there, and {} bytes of it were read: what it has "
                            "behind them may be missing. Nothing was skipped; put it back, or go "
                            "on without its rest: --accept-loss {}={}",
                            path, known.read.bytes(), path, known.read.bytes()));
  }
  at_hand_ = known.file;
  left_.emplace();
  left_->inode = known.inode;
  return {};
}

Result<void> DirectorySeries::find(const SeriesState* known, bool is_at_end) {
  is_at_end_ = is_at_end;
  if (known != nullptr) at_hand_ = known->file;
  if (auto looked = look(); !looked) return looked;
  if (auto checked = check_done(); !checked) return checked;
  if (known != nullptr) {
    if (auto found = find_at_hand(*known); !found) return found;
  }
  is_open_ = true;
  note_vanished();
  return {};
}

Result<std::unique_ptr<ByteSource>> DirectorySeries::truncated(const SeriesDigest& read) {
  const std::string path = path_of(*at_hand_);
  note(fmt::format(
      "tocsin: {} was truncated: what was written behind the {} bytes that were read of it "
      "before that is lost, if there was anything",
      path, read.bytes()));
  const Result<InputStatus> status = files().status(path);
  if (status) left_ = *status;
  waiting_.insert(*at_hand_);
  return std::unique_ptr<ByteSource>();
}

// Beyond the limit of what is remembered those go that are no longer there.
void DirectorySeries::forget(SeriesBegin& begin) {
  if (done().size() < options_.files_max) return;
  for (const auto& [name, file] : done()) {
    if (begin.forgotten.size() == kForgottenMax) break;
    if (!seen_.contains(name) && name != at_hand_) begin.forgotten.push_back(name);
  }
  if (begin.forgotten.empty()) return;
  note(
      fmt::format("{}: {} files that were read and are no longer there are forgotten, as more than "
                  "{} would be remembered (--directory-files)",
                  path_, begin.forgotten.size(), options_.files_max));
}

// Nothing where there is no file of this name.
Result<std::optional<SeriesPart>> DirectorySeries::begin(const std::string& name,
                                                         const InputStatus& status) {
  const auto grown = grown_.find(name);
  Result<SeriesPart> part = begin_part(path_of(name), name, status, false);
  if (!part) return tl::unexpected(part.error());
  if (grown != grown_.end()) {
    part->begin.lines = grown->second.lines;
    part->begin.read = grown->second.read;
  }
  const bool is_last = waiting_.empty();
  if (grown != grown_.end() || (is_last && options_.follows)) {
    Result<std::unique_ptr<ByteSource>> bytes =
        open_part(part->path, part->begin.read, is_last && options_.follows);
    if (!bytes) return tl::unexpected(bytes.error());
    if (*bytes == nullptr) return changed(name, part->begin.read.bytes(), kAreOthers);
    part->bytes = *std::move(bytes);
  }
  if (grown != grown_.end()) grown_.erase(grown);
  if (at_hand_) {
    part->begin.left.emplace();
    part->begin.left->inode = left_->inode;
    part->begin.left->size = left_->size;
    part->begin.left->modified_ns = left_->modified_ns;
  }
  forget(part->begin);
  at_hand_ = name;
  left_ = status;
  return std::optional(*std::move(part));
}

Result<std::optional<SeriesPart>> DirectorySeries::next() {
  if (first_) return std::exchange(first_, std::nullopt);
  if (options_.follows) {
    if (auto looked = look(); !looked) return tl::unexpected(looked.error());
  }
  while (!waiting_.empty()) {
    const std::string name = *waiting_.begin();
    const std::string path = path_of(name);
    if (!may_begin()) return waiting_part();
    waiting_.erase(name);
    const Result<InputStatus> status = files().status(path);
    if (status) return begin(name, *status);
    if (status.error().code == Errc::kNotFound) {
      note(path + " was removed before it was read");
    } else if (status.error().code == Errc::kUnsupported) {
      note(path + " is passed over: it is no regular file");
    } else {
      return tl::unexpected(status.error());
    }
  }
  if (options_.follows) return waiting_part();
  return std::optional<SeriesPart>();
}
}  // namespace

Result<std::unique_ptr<FileSeries>> open_directory_series(const std::string& path,
                                                          FileSeriesOptions options,
                                                          const SeriesState* known,
                                                          bool is_at_end) {
  auto series = std::make_unique<DirectorySeries>(path, std::move(options));
  if (auto found = series->find(known, is_at_end); !found) return tl::unexpected(found.error());
  return series;
}
}  // namespace tocsin::runtime
