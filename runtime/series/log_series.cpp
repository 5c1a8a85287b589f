#include "runtime/series/log_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

namespace tocsin::runtime {
namespace {
// The file that a log was rotated to, or the log itself.
struct Candidate {
  std::string path;
  std::string file;
  InputStatus status;
};

class LogSeries final : public FileSeries {
 public:
  LogSeries(const std::string& path, FileSeriesOptions options)
      : FileSeries(std::move(options)), path_(path) {
    const std::size_t slash = path.rfind('/');
    directory_ = slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
    prefix_ = slash == std::string::npos ? "" : path.substr(0, slash + 1);
    file_ = slash == std::string::npos ? path : path.substr(slash + 1);
  }
  Result<void> find(const SeriesState* known);
  Result<std::optional<SeriesPart>> next() override;

  Result<bool> has_next(const InputStatus* status,
                        std::chrono::steady_clock::time_point quiet_since) override;
  Result<bool> has_missed() override;
  Result<std::unique_ptr<ByteSource>> truncated(const SeriesDigest& read) override;
  void left(const InputStatus& status, const SeriesDigest& read) override {
    set_at_hand(status, read);
  }

 private:
  // What came behind a file is newer than it; of one of which nothing was read, newer than when it
  // was begun: it may have been copied and truncated since.
  void set_at_hand(const InputStatus& status, const SeriesDigest& read) {
    const std::optional<InputStatus> begun = at_hand_;
    at_hand_ = status;
    read_ = read;
    if (begun && read.bytes() == 0) {
      at_hand_->modified_ns = begun->modified_ns;
      left_empty_.insert(status.inode);
    }
  }
  // Nobody writes it any more.
  bool is_left_empty(const InputStatus& status) const {
    return !options_.follows || left_empty_.contains(status.inode);
  }
  Result<std::vector<Candidate>> rotated();
  Result<std::optional<Candidate>> the_log();
  Result<std::vector<Candidate>> behind();
  Result<bool> was_read(const Candidate& candidate);
  Result<std::optional<Candidate>> find_again(const SeriesState& known,
                                              const std::vector<Candidate>& all);
  Result<void> lost(const SeriesState& known);
  Result<void> go_on(const SeriesState& known, const Candidate& found);

  std::string path_, directory_, prefix_, file_;
  // The file at hand, or the last one.
  std::optional<InputStatus> at_hand_;
  SeriesDigest read_;
  SeriesFile before_;                   // the one before it
  std::set<std::uint64_t> left_empty_;  // inodes of files that had nothing when they were left
  std::optional<SeriesPart> first_;     // what next() gives first
  bool is_truncated_ = false;           // the log itself: it is begun again
  bool is_log_next_ = false;            // whatever else there is
  std::optional<std::chrono::steady_clock::time_point> rotated_since_;
};

bool is_same(const InputStatus& a, const InputStatus& b) {
  return a.device == b.device && a.inode == b.inode;
}

// Files of the directory that the log was rotated to, those written last at the end.
Result<std::vector<Candidate>> LogSeries::rotated() {
  const Result<std::vector<std::string>> names = files().list(directory_);
  if (!names) return tl::unexpected(names.error());
  std::vector<Candidate> found;
  for (const std::string& name : *names) {
    if (!is_rotated(name, file_)) continue;
    Candidate candidate{prefix_ + name, name, {}};
    const Result<InputStatus> status = files().status(candidate.path);
    if (!status) continue;  // rotated on meanwhile, or no file
    candidate.status = *status;
    found.push_back(std::move(candidate));
  }
  // Of the same moment: those with the greater number are older.
  std::ranges::sort(found, [](const Candidate& a, const Candidate& b) {
    if (a.status.modified_ns != b.status.modified_ns)
      return a.status.modified_ns < b.status.modified_ns;
    return comes_before(b.file, a.file);
  });
  return found;
}

Result<std::optional<Candidate>> LogSeries::the_log() {
  const Result<InputStatus> status = files().status(path_);
  if (status) return Candidate{path_, file_, *status};
  if (status.error().code == Errc::kNotFound) return std::optional<Candidate>();
  return tl::unexpected(status.error());
}

// Whether a file is the one at hand or the one before it, perhaps packed since.
Result<bool> LogSeries::was_read(const Candidate& candidate) {
  if (is_same(candidate.status, *at_hand_)) return true;
  if (read_.bytes() != 0) {
    Result<bool> is_copy = begins_with(candidate.path, read_);
    if (!is_copy || *is_copy) return is_copy;
  }
  if (before_.bytes == 0) return false;
  return begins_with(candidate.path, before_.bytes, before_.digest);
}

// The files that came behind the one at hand, in order; the log itself is the last.
Result<std::vector<Candidate>> LogSeries::behind() {
  std::vector<Candidate> found;
  const Result<std::optional<Candidate>> log = the_log();
  if (!log) return tl::unexpected(log.error());
  if (at_hand_ && !is_log_next_) {
    Result<std::vector<Candidate>> all = rotated();
    if (!all) return all;
    for (Candidate& candidate : *all) {
      const bool is_later = candidate.status.modified_ns >= at_hand_->modified_ns &&
                            !(candidate.status.size == 0 && is_left_empty(candidate.status));
      if (!is_later || (*log && is_same(candidate.status, (*log)->status))) continue;
      const Result<bool> is_read = was_read(candidate);
      if (!is_read) return tl::unexpected(is_read.error());
      if (!*is_read) found.push_back(std::move(candidate));
    }
  }
  const bool is_other = *log && (!at_hand_ || is_truncated_ || !is_same((*log)->status, *at_hand_));
  if (is_other) found.push_back(**log);
  return found;
}

Result<std::optional<SeriesPart>> LogSeries::next() {
  if (first_) return std::exchange(first_, std::nullopt);
  rotated_since_.reset();
  Result<std::vector<Candidate>> all = behind();
  if (!all) return tl::unexpected(all.error());
  if (all->empty() || !is_ready(all->front().path)) {
    if (options_.follows) return waiting_part();
    return std::optional<SeriesPart>();
  }
  const Candidate& candidate = all->front();
  Result<SeriesPart> part =
      begin_part(candidate.path, candidate.file, candidate.status, options_.follows);
  if (!part) return tl::unexpected(part.error());
  if (at_hand_) note(fmt::format("{} is read from its beginning", candidate.path));
  if (read_.bytes() != 0) {
    before_.bytes = read_.bytes();
    before_.digest = read_.digest();
  }
  at_hand_ = candidate.status;
  read_ = {};
  is_truncated_ = false;
  is_log_next_ = false;
  return part;
}

// A log of which nothing was read may have been written, copied and truncated: the copy comes
// first.
Result<bool> LogSeries::has_missed() {
  if (is_log_next_) return false;
  const InputStatus begun = *at_hand_;
  at_hand_ = InputStatus{.modified_ns = begun.modified_ns};
  const Result<std::vector<Candidate>> all = behind();
  if (!all) return tl::unexpected(all.error());
  const bool has_missed = !all->empty() && !is_same(all->front().status, begun);
  if (!has_missed) at_hand_ = begun;
  return has_missed;
}

Result<bool> LogSeries::has_next(const InputStatus* status,
                                 std::chrono::steady_clock::time_point quiet_since) {
  if (status == nullptr) {
    const Result<std::vector<Candidate>> all = behind();
    if (!all) return tl::unexpected(all.error());
    return !all->empty() && is_ready(all->front().path);
  }
  const Result<std::optional<Candidate>> log = the_log();
  if (!log) return tl::unexpected(log.error());
  if (!*log || is_same((*log)->status, *status)) {
    rotated_since_.reset();
    return false;
  }
  const auto now = files().now();
  if (!rotated_since_) rotated_since_ = now;
  return now - std::max(*rotated_since_, quiet_since) >= options_.rotate_wait;
}

Result<std::unique_ptr<ByteSource>> LogSeries::truncated(const SeriesDigest& read) {
  is_truncated_ = true;
  const Result<std::vector<Candidate>> all = rotated();
  if (!all) return tl::unexpected(all.error());
  for (auto copy = all->rbegin(); copy != all->rend() && read.bytes() != 0; ++copy) {
    const Result<bool> is_copy = begins_with(copy->path, read);
    if (!is_copy) return tl::unexpected(is_copy.error());
    if (!*is_copy) continue;
    note(fmt::format("{} was copied to {} and truncated; the copy is read on from byte {}", path_,
                     copy->path, read.bytes()));
    at_hand_ = copy->status;
    read_ = read;
    return open_part(copy->path, read, false);
  }
  is_log_next_ = true;
  note(
      fmt::format("tocsin: {} was truncated, and no file beside it begins with the {} bytes that "
                  "were read of it: what "
                  "was written behind them before that is lost, if there was anything",
                  path_, read.bytes()));
  return std::unique_ptr<ByteSource>();
}

// The file that was at hand when the state was kept, wherever it is by now.
Result<std::optional<Candidate>> LogSeries::find_again(const SeriesState& known,
                                                       const std::vector<Candidate>& all) {
  for (const bool by_inode : {true, false}) {
    for (const Candidate& candidate : all) {
      const bool is_inode =
          candidate.status.device == known.device && candidate.status.inode == known.inode;
      if (by_inode != is_inode) continue;
      const Result<bool> begins = begins_with(candidate.path, known.read);
      if (!begins) return tl::unexpected(begins.error());
      if (*begins) return candidate;
    }
  }
  return std::optional<Candidate>();
}

// The file at hand is not to be found.
Result<void> LogSeries::lost(const SeriesState& known) {
  at_hand_.emplace();
  is_log_next_ = true;
  if (is_accepted(path_, known.read.bytes())) {
    note(fmt::format("{} goes on without what was written behind byte {} of the file before", path_,
                     known.read.bytes()));
    return {};
  }
  return fail(
      Errc::kMismatch,
      fmt::format("the file of {} of which {} bytes were read is not to be found, under this name "
                  "or as a file that it was rotated to: what was written behind them may be "
                  "missing. Nothing was skipped; put the file back beside it, as {}.1, or go on "
                  "without its rest, with what {} has now: --accept-loss {}={}",
                  path_, known.read.bytes(), path_, path_, path_, known.read.bytes()));
}

Result<void> LogSeries::go_on(const SeriesState& known, const Candidate& found) {
  set_at_hand(found.status, known.read);
  SeriesPart part;
  part.path = prefix_ + known.file;
  part.opened_path = found.path;
  part.begin.file = known.file;
  part.begin.path = part.path;
  part.keeps_lines = true;
  part.begin.read = known.read;
  Result<std::unique_ptr<ByteSource>> bytes = open_part(found.path, known.read, options_.follows);
  if (!bytes) return tl::unexpected(bytes.error());
  part.bytes = *std::move(bytes);
  note(found.file == known.file
           ? fmt::format("{} goes on at byte {}", part.path, known.read.bytes())
           : fmt::format("{}, which was {}, goes on at byte {}", found.path, part.path,
                         known.read.bytes()));
  first_ = std::move(part);
  return {};
}

Result<void> LogSeries::find(const SeriesState* known) {
  if (is_packed(path_) && options_.follows) {
    return fail(Errc::kInvalidArgument,
                path_ + " is packed, and such a file does not grow: leave out --follow");
  }
  const Result<std::optional<Candidate>> log = the_log();
  if (!log) return tl::unexpected(log.error());
  if (known == nullptr) {
    if (*log) return {};
    return fail(Errc::kIo, fmt::format("cannot read {}: there is no such file", path_));
  }
  Result<std::vector<Candidate>> all = rotated();
  if (!all) return tl::unexpected(all.error());
  if (*log) all->insert(all->begin(), **log);
  before_ = known->before;
  // Of a file of which nothing was read its place in the order alone counts.
  if (known->read.bytes() == 0) {
    at_hand_ = InputStatus{.modified_ns = known->modified_ns};
    return {};
  }
  const Result<std::optional<Candidate>> found = find_again(*known, *all);
  if (!found) return tl::unexpected(found.error());
  return *found ? go_on(*known, **found) : lost(*known);
}
}  // namespace

Result<std::unique_ptr<FileSeries>> open_log_series(const std::string& path,
                                                    FileSeriesOptions options,
                                                    const SeriesState* known) {
  auto series = std::make_unique<LogSeries>(path, std::move(options));
  if (auto found = series->find(known); !found) return tl::unexpected(found.error());
  return series;
}
}  // namespace tocsin::runtime
