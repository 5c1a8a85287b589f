#include "runtime/series/log_series.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace tocsin::runtime {
namespace {
// How often names are read again that change while they are used.
constexpr int kAttemptsMax = 1'000;

// The file that a log was rotated to, or the log itself.
struct Candidate {
  std::string path;
  std::string file;
  InputStatus status;
};
// Which file has which name.
struct Names {
  std::optional<Candidate> log;
  std::vector<Candidate> rotated;  // those written last at the end
  bool is_outdated = false;        // one of them changed while they were listed
};

bool is_same(const InputStatus& a, const InputStatus& b) {
  return a.device == b.device && a.inode == b.inode;
}
bool is_same(const Candidate& a, const Candidate& b) {
  return a.file == b.file && is_same(a.status, b.status);
}
// Whether every name has the file that it had. They are few.
bool are_same(const Names& a, const Names& b) {
  if (a.is_outdated || b.is_outdated) return false;
  if (a.log.has_value() != b.log.has_value() || (a.log && !is_same(*a.log, *b.log))) return false;
  return std::ranges::is_permutation(
      a.rotated, b.rotated, [](const Candidate& x, const Candidate& y) { return is_same(x, y); });
}

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
  // What `attempt` gives that takes names and opens files by them. Somebody may rename files
  // meanwhile: names are read before and after it, and where they differ it is done again. A file
  // never gets back a name that it had, so that names which are the same before and after were the
  // same between. `attempt` changes nothing.
  template <typename Attempt>
  std::invoke_result_t<Attempt, const Names&> by_names(Attempt attempt);
  Result<Names> names();
  Result<void> list_rotated(Names& found);
  Result<std::optional<Candidate>> the_log();
  Result<std::vector<Candidate>> behind(const Names& names,
                                        const std::optional<InputStatus>& at_hand);
  Result<bool> has_behind();
  Result<bool> was_read(const Candidate& candidate, const InputStatus& at_hand);
  // A file that is there, and its bytes.
  struct Opened {
    Candidate candidate;
    std::unique_ptr<ByteSource> bytes;
  };
  Result<std::optional<Opened>> open_copy(const Names& names, const SeriesDigest& read);
  Result<std::optional<Opened>> open_again(const Names& names, const SeriesState& known);
  Result<void> lost(const SeriesState& known);
  void go_on(const SeriesState& known, Opened opened);

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

// Files of the directory that the log was rotated to, those written last at the end.
Result<void> LogSeries::list_rotated(Names& found) {
  const Result<std::vector<std::string>> names = files().list(directory_);
  if (!names) return tl::unexpected(names.error());
  const std::set<std::string_view> all(names->begin(), names->end());
  for (const std::string& name : *names) {
    if (!is_rotated(name, file_)) continue;
    // It is being packed: what it is made of stays until all of it is there.
    if (is_packed(name) && all.contains(std::string_view(name).substr(0, name.rfind('.'))))
      continue;
    Candidate candidate{prefix_ + name, name, {}};
    const Result<InputStatus> status = files().status(candidate.path);
    if (!status) {
      found.is_outdated = found.is_outdated || status.error().code == Errc::kNotFound;
      continue;
    }
    candidate.status = *status;
    found.rotated.push_back(std::move(candidate));
  }
  // Of the same moment: those with the greater number are older.
  std::ranges::sort(found.rotated, [](const Candidate& a, const Candidate& b) {
    if (a.status.modified_ns != b.status.modified_ns)
      return a.status.modified_ns < b.status.modified_ns;
    return comes_before(b.file, a.file);
  });
  return {};
}

Result<Names> LogSeries::names() {
  Result<std::optional<Candidate>> log = the_log();
  if (!log) return tl::unexpected(log.error());
  Names found;
  found.log = *std::move(log);
  if (auto listed = list_rotated(found); !listed) return tl::unexpected(listed.error());
  return found;
}

template <typename Attempt>
std::invoke_result_t<Attempt, const Names&> LogSeries::by_names(Attempt attempt) {
  Result<Names> before = names();
  for (int i = 0; i < kAttemptsMax; ++i) {
    if (!before) return tl::unexpected(before.error());
    auto result = attempt(*before);
    Result<Names> after = names();
    if (after && are_same(*before, *after)) return result;
    if (options_.stop_requested && options_.stop_requested())
      return fail(Errc::kStopped, "stopped");
    before = std::move(after);
  }
  return fail(Errc::kIo, fmt::format("cannot read {}: it, or a file that it was rotated to, gets "
                                     "another name all the time",
                                     path_));
}

Result<std::optional<Candidate>> LogSeries::the_log() {
  const Result<InputStatus> status = files().status(path_);
  if (status) return Candidate{path_, file_, *status};
  if (status.error().code == Errc::kNotFound) return std::optional<Candidate>();
  return tl::unexpected(status.error());
}

// Whether a file is the one at hand or the one before it, perhaps packed since.
Result<bool> LogSeries::was_read(const Candidate& candidate, const InputStatus& at_hand) {
  if (is_same(candidate.status, at_hand)) return true;
  if (read_.bytes() != 0) {
    Result<bool> is_copy = begins_with(candidate.path, read_);
    if (!is_copy || *is_copy) return is_copy;
  }
  if (before_.bytes == 0) return false;
  return begins_with(candidate.path, before_.bytes, before_.digest);
}

// The files that came behind the one at hand, in order; the log itself is the last.
Result<std::vector<Candidate>> LogSeries::behind(const Names& names,
                                                 const std::optional<InputStatus>& at_hand) {
  std::vector<Candidate> found;
  const std::optional<Candidate>& log = names.log;
  if (at_hand && !is_log_next_) {
    for (const Candidate& candidate : names.rotated) {
      const bool is_later = candidate.status.modified_ns >= at_hand->modified_ns &&
                            !(candidate.status.size == 0 && is_left_empty(candidate.status));
      if (!is_later || (log && is_same(candidate.status, log->status))) continue;
      const Result<bool> is_read = was_read(candidate, *at_hand);
      if (!is_read) return tl::unexpected(is_read.error());
      if (!*is_read) found.push_back(candidate);
    }
  }
  const bool is_other = log && (!at_hand || is_truncated_ || !is_same(log->status, *at_hand));
  if (is_other) found.push_back(*log);
  return found;
}

Result<std::optional<SeriesPart>> LogSeries::next() {
  if (first_) return std::exchange(first_, std::nullopt);
  rotated_since_.reset();
  struct Begun {
    Candidate candidate;
    SeriesPart part;
  };
  auto begun = by_names([&](const Names& names) -> Result<std::optional<Begun>> {
    const Result<std::vector<Candidate>> all = behind(names, at_hand_);
    if (!all) return tl::unexpected(all.error());
    if (all->empty() || !is_ready(all->front().path)) return std::optional<Begun>();
    const Candidate& candidate = all->front();
    Result<SeriesPart> part =
        begin_part(candidate.path, candidate.file, candidate.status, options_.follows);
    if (!part) return tl::unexpected(part.error());
    return Begun{candidate, *std::move(part)};
  });
  if (!begun) return tl::unexpected(begun.error());
  if (!*begun) {
    if (options_.follows) return waiting_part();
    return std::optional<SeriesPart>();
  }
  const Candidate& candidate = (*begun)->candidate;
  if (at_hand_) note(fmt::format("{} is read from its beginning", candidate.path));
  if (read_.bytes() != 0) {
    before_.bytes = read_.bytes();
    before_.digest = read_.digest();
  }
  at_hand_ = candidate.status;
  read_ = {};
  is_truncated_ = false;
  is_log_next_ = false;
  return std::move((*begun)->part);
}

Result<bool> LogSeries::has_behind() {
  return by_names([&](const Names& names) -> Result<bool> {
    const Result<std::vector<Candidate>> all = behind(names, at_hand_);
    if (!all) return tl::unexpected(all.error());
    return !all->empty() && is_ready(all->front().path);
  });
}

// A log of which nothing was read may have been written, copied and truncated: the copy comes
// first.
Result<bool> LogSeries::has_missed() {
  if (is_log_next_) return false;
  const InputStatus before{.modified_ns = at_hand_->modified_ns};
  Result<bool> has_missed = by_names([&](const Names& names) -> Result<bool> {
    const Result<std::vector<Candidate>> all = behind(names, before);
    if (!all) return tl::unexpected(all.error());
    return !all->empty() && !is_same(all->front().status, *at_hand_);
  });
  if (has_missed && *has_missed) at_hand_ = before;
  return has_missed;
}

Result<bool> LogSeries::has_next(const InputStatus* status,
                                 std::chrono::steady_clock::time_point quiet_since) {
  if (status == nullptr) return has_behind();
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

// The file that a log was copied to before it was truncated, behind what was read of the log.
Result<std::optional<LogSeries::Opened>> LogSeries::open_copy(const Names& names,
                                                              const SeriesDigest& read) {
  for (auto copy = names.rotated.rbegin(); copy != names.rotated.rend() && read.bytes() != 0;
       ++copy) {
    Result<std::unique_ptr<ByteSource>> bytes = open_part(copy->path, read, false);
    if (!bytes) return tl::unexpected(bytes.error());
    if (*bytes == nullptr) continue;
    return Opened{*copy, *std::move(bytes)};
  }
  return std::optional<Opened>();
}

Result<std::unique_ptr<ByteSource>> LogSeries::truncated(const SeriesDigest& read) {
  is_truncated_ = true;
  Result<std::optional<Opened>> copy =
      by_names([&](const Names& names) { return open_copy(names, read); });
  if (!copy) return tl::unexpected(copy.error());
  if (*copy) {
    note(fmt::format("{} was copied to {} and truncated; the copy is read on from byte {}", path_,
                     (*copy)->candidate.path, read.bytes()));
    at_hand_ = (*copy)->candidate.status;
    read_ = read;
    return std::move((*copy)->bytes);
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
Result<std::optional<LogSeries::Opened>> LogSeries::open_again(const Names& names,
                                                               const SeriesState& known) {
  std::vector<Candidate> all = names.rotated;
  if (names.log) all.insert(all.begin(), *names.log);
  std::stable_partition(all.begin(), all.end(), [&](const Candidate& candidate) {
    return candidate.status.device == known.device && candidate.status.inode == known.inode;
  });
  for (Candidate& candidate : all) {
    Result<std::unique_ptr<ByteSource>> bytes =
        open_part(candidate.path, known.read, options_.follows);
    if (!bytes) return tl::unexpected(bytes.error());
    if (*bytes == nullptr) continue;
    return Opened{std::move(candidate), *std::move(bytes)};
  }
  return std::optional<Opened>();
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

void LogSeries::go_on(const SeriesState& known, Opened opened) {
  const Candidate& found = opened.candidate;
  set_at_hand(found.status, known.read);
  SeriesPart part;
  part.path = prefix_ + known.file;
  part.opened_path = found.path;
  part.begin.file = known.file;
  part.begin.path = part.path;
  part.keeps_lines = true;
  part.begin.read = known.read;
  part.bytes = std::move(opened.bytes);
  note(found.file == known.file
           ? fmt::format("{} goes on at byte {}", part.path, known.read.bytes())
           : fmt::format("{}, which was {}, goes on at byte {}", found.path, part.path,
                         known.read.bytes()));
  first_ = std::move(part);
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
  before_ = known->before;
  // Of a file of which nothing was read its place in the order alone counts.
  if (known->read.bytes() == 0) {
    at_hand_ = InputStatus{.modified_ns = known->modified_ns};
    return {};
  }
  Result<std::optional<Opened>> found =
      by_names([&](const Names& names) { return open_again(names, *known); });
  if (!found) return tl::unexpected(found.error());
  if (!*found) return lost(*known);
  go_on(*known, **std::move(found));
  return {};
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
