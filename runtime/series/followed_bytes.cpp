#include "runtime/series/followed_bytes.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace tocsin::runtime {
namespace {
using std::chrono::milliseconds;
// Of what was read last, compared before more is read behind a pause: a file that was truncated and
// written beyond the position meanwhile has others there.
constexpr std::size_t kLastBytes = 256;
// How long a wait lasts before it is asked whether to stop.
constexpr milliseconds kPause{50};
}  // namespace

FollowedBytes::FollowedBytes(FollowedSeries& series, const FileSeriesOptions& options,
                             std::unique_ptr<InputFile> file, SeriesDigest read, std::string last)
    : series_(series),
      options_(options),
      file_(std::move(file)),
      read_(std::move(read)),
      last_(std::move(last)),
      found_(file_ == nullptr || read_.bytes() == 0 ? Found::kNothing : Found::kBytes),
      quiet_since_(options.files->now()) {}

void FollowedBytes::keep_last(std::string& last, std::string_view bytes) {
  last += bytes.substr(bytes.size() - std::min(bytes.size(), kLastBytes));
  if (last.size() > kLastBytes) last.erase(0, last.size() - kLastBytes);
}

FollowedBytes::Found FollowedBytes::failed(const Error& error) const {
  failure_ = error;
  return found_ = Found::kFailure;
}

// Whether what was read last is still there.
bool FollowedBytes::is_same_before() const {
  std::string now(last_.size(), '\0');
  std::size_t have = 0;
  while (have < now.size()) {
    const Result<std::size_t> got =
        file_->read(read_.bytes() - last_.size() + have, now.data() + have, now.size() - have);
    if (!got || *got == 0) return false;
    have += *got;
  }
  return now == last_;
}

FollowedBytes::Found FollowedBytes::rest_of_truncated() const {
  Result<std::unique_ptr<ByteSource>> rest = series_.truncated(read_);
  if (!rest) return failed(rest.error());
  rest_ = *std::move(rest);
  if (rest_ != nullptr) return found_ = Found::kRest;
  return found_ = Found::kEnd;
}

FollowedBytes::Found FollowedBytes::look_at_file() const {
  const Result<InputStatus> status = file_->status();
  if (!status) return failed(status.error());
  // It may have been truncated, and written up to the position or beyond.
  if (status->size < read_.bytes() || !is_same_before()) return rest_of_truncated();
  if (read_.bytes() == 0 && (status->size != 0 || status->modified_ns != empty_at_)) {
    empty_at_ = status->modified_ns;
    const Result<bool> has_missed = series_.has_missed();
    if (!has_missed) return failed(has_missed.error());
    if (*has_missed) return found_ = Found::kEnd;
  }
  if (status->size > read_.bytes()) {
    quiet_since_ = options_.files->now();
    return found_ = Found::kBytes;
  }
  const Result<bool> has_next = series_.has_next(&*status, quiet_since_);
  if (!has_next) return failed(has_next.error());
  if (!*has_next) return found_ = Found::kNothing;
  // What was written since the status was taken is looked at first.
  const Result<InputStatus> again = file_->status();
  if (!again) return failed(again.error());
  if (*again != *status) return found_ = Found::kNothing;
  series_.left(*status, read_);
  return found_ = Found::kEnd;
}

FollowedBytes::Found FollowedBytes::look() const {
  if (found_ != Found::kNothing) return found_;
  const auto now = options_.files->now();
  if (now < next_look_) return found_;
  next_look_ = now + options_.look_every;
  if (file_ != nullptr) return look_at_file();
  const Result<bool> has_next = series_.has_next(nullptr, quiet_since_);
  if (!has_next) return failed(has_next.error());
  return found_ = *has_next ? Found::kEnd : Found::kNothing;
}

void FollowedBytes::note(std::string_view bytes) {
  read_.add(bytes);
  keep_last(last_, bytes);
}

Result<std::size_t> FollowedBytes::read(char* to, std::size_t capacity) {
  const StopRequested& stop = options_.stop_requested;
  for (;;) {
    switch (look()) {
      case Found::kFailure:
        return tl::unexpected(*failure_);
      case Found::kEnd:
        return 0;
      case Found::kBytes: {
        Result<std::size_t> got = file_->read(read_.bytes(), to, capacity);
        // It may have been truncated and written beyond the position just before.
        if (got && *got != 0 && !is_same_before()) {
          rest_of_truncated();
          continue;
        }
        if (got) note({to, *got});
        // Fewer than there is room for: the next ones may have to be waited for.
        if (got && *got < capacity) found_ = Found::kNothing;
        if (!got || *got != 0) return got;
        continue;
      }
      case Found::kRest: {
        Result<std::size_t> got = rest_->read(to, capacity);
        if (got) note({to, *got});
        if (!got || *got != 0) return got;
        found_ = Found::kEnd;
        continue;
      }
      case Found::kNothing:
        break;
    }
    if (stop && stop()) return fail(Errc::kStopped, "stopped");
    options_.files->pause(std::min(options_.look_every, kPause));
  }
}

bool FollowedBytes::wait_ready(milliseconds at_most) const {
  InputFiles& files = *options_.files;
  if (found_ == Found::kBytes) {
    const Result<InputStatus> status = file_->status();
    if (status && status->size <= read_.bytes()) found_ = Found::kNothing;
  }
  const auto end = files.now() + at_most;
  for (;;) {
    if (look() != Found::kNothing) return true;
    const auto left = std::chrono::duration_cast<milliseconds>(end - files.now());
    if (left <= milliseconds(0)) return false;
    files.pause(std::min({left, options_.look_every, kPause}));
  }
}

// Nothing is passed over: the bytes begin where they are to.
Result<std::uint64_t> FollowedBytes::skip(std::uint64_t bytes) { return ByteSource::skip(bytes); }
}  // namespace tocsin::runtime
