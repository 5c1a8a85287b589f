#include "api/jobs/backtest_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

#include "runtime/io/background_thread.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
constexpr std::chrono::seconds kCancelPatience{5};

tl::unexpected<Error> not_there(std::uint64_t number) {
  return fail(Errc::kNotFound, fmt::format("there is no backtest {}", number));
}
}  // namespace

BacktestJobs::BacktestJobs(runtime::Clock& clock, BacktestLimits limits, BacktestWork work,
                           JobStore store)
    : clock_(clock), limits_(limits), work_(std::move(work)), store_(std::move(store)) {}

Result<std::unique_ptr<BacktestJobs>> BacktestJobs::open(runtime::Files& files,
                                                         runtime::Clock& clock, std::string folder,
                                                         BacktestLimits limits, BacktestWork work) {
  Result<JobStore> store = JobStore::open(files, std::move(folder));
  if (!store) return tl::unexpected(store.error());
  std::unique_ptr<BacktestJobs> jobs(
      new BacktestJobs(clock, limits, std::move(work), *std::move(store)));
  if (auto ended = jobs->end_those_of_before(); !ended) return tl::unexpected(ended.error());
  jobs->make_room();
  jobs->thread_ = std::thread([self = jobs.get()] { self->serve(); });
  return jobs;
}

Result<void> BacktestJobs::end_those_of_before() {
  const std::map<std::uint64_t, BacktestJob> before = store_.jobs();
  for (const auto& [number, job] : before) {
    if (has_ended(job.state)) continue;
    BacktestJob ended = job;
    ended.state = BacktestState::kFailed;
    ended.failure = job.state == BacktestState::kQueued
                        ? "the server ended before it began; ask for it again"
                        : "the server ended while it ran; ask for it again";
    ended.ended_at = clock_.now();
    if (auto put = store_.put(ended); !put) return put;
  }
  return {};
}

BacktestJobs::~BacktestJobs() { stop(); }

void BacktestJobs::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    is_cancelled_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<BacktestStatus> BacktestJobs::add(BacktestRequest request, std::string asked,
                                         std::string who) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() >= limits_.queue_max) {
    ++figures_.refused;
    return fail(Errc::kInUse,
                fmt::format("{} backtests wait, and no more may (backtests.queue_max): ask again "
                            "when one has ended, or cancel one",
                            queue_.size()));
  }
  BacktestJob job;
  job.number = store_.next_number();
  job.who = std::move(who);
  job.request = std::move(asked);
  job.asked_at = clock_.now();
  if (auto put = store_.put(job); !put) return tl::unexpected(put.error());
  queue_.push_back({job.number, std::move(request)});
  changed_.notify_all();
  return status_of(job);
}

BacktestStatus BacktestJobs::status_of(const BacktestJob& job) const {
  BacktestStatus status{job, job.state == BacktestState::kDone ? 1.0 : 0.0, std::nullopt};
  if (running_ != job.number) return status;
  status.progress = progress_;
  constexpr double kEnough = 0.01;  // to tell by
  if (status.progress >= kEnough) {
    const std::chrono::duration<double> passed = steady_clock::now() - began_;
    status.seconds_left = passed.count() * (1 - status.progress) / status.progress;
  }
  return status;
}

std::vector<BacktestStatus> BacktestJobs::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<BacktestStatus> all;
  for (const auto& [number, job] : store_.jobs()) all.push_back(status_of(job));
  std::ranges::reverse(all);
  return all;
}

std::optional<BacktestStatus> BacktestJobs::find(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto job = store_.jobs().find(number);
  if (job == store_.jobs().end()) return std::nullopt;
  return status_of(job->second);
}

std::vector<std::shared_ptr<const BacktestRates>> BacktestJobs::rates() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<const BacktestRates>> all;
  for (const auto& [number, job] : store_.jobs()) {
    if (job.rates) all.push_back(job.rates);
  }
  std::ranges::reverse(all);
  return all;
}

Result<StoredReport> BacktestJobs::report(std::uint64_t number) const {
  {
    const std::lock_guard lock(mutex_);
    const auto job = store_.jobs().find(number);
    if (job == store_.jobs().end()) return not_there(number);
    if (job->second.state != BacktestState::kDone) {
      return fail(Errc::kConflict, fmt::format("the backtest {} is {}: it has no report", number,
                                               name_of(job->second.state)));
    }
  }
  return store_.read_report(number);
}

Result<BacktestStatus> BacktestJobs::cancel(std::uint64_t number) {
  std::unique_lock lock(mutex_);
  const auto found = store_.jobs().find(number);
  if (found == store_.jobs().end()) return not_there(number);
  if (has_ended(found->second.state)) {
    return fail(Errc::kConflict, fmt::format("the backtest {} has ended", number));
  }
  const auto waiting = std::ranges::find(queue_, number, &Waiting::number);
  if (waiting != queue_.end()) {
    queue_.erase(waiting);
    end(found->second, BacktestState::kCancelled, "");
  } else {
    is_cancelled_ = true;
    changed_.wait_for(lock, kCancelPatience, [&] { return running_ != number; });
  }
  const auto now = store_.jobs().find(number);
  if (now == store_.jobs().end()) return not_there(number);  // removed meanwhile
  return status_of(now->second);
}

Result<void> BacktestJobs::remove(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto job = store_.jobs().find(number);
  if (job == store_.jobs().end()) return not_there(number);
  if (!has_ended(job->second.state)) {
    return fail(Errc::kConflict, fmt::format("the backtest {} has not ended", number));
  }
  return store_.remove(number);
}

BacktestFigures BacktestJobs::figures() const {
  const std::lock_guard lock(mutex_);
  BacktestFigures figures = figures_;
  figures.queued = queue_.size();
  figures.running = running_ ? 1 : 0;
  figures.kept = store_.jobs().size() - figures.queued - figures.running;
  figures.kept_bytes = store_.report_bytes();
  return figures;
}

void BacktestJobs::serve() {
  runtime::begin_background_thread("backtests");
  runtime::lower_priority_of_thread();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return is_stopping_ || !queue_.empty(); });
    if (is_stopping_) break;
    run_one(lock);
  }
  for (const Waiting& waiting : queue_) {
    end(store_.jobs().at(waiting.number), BacktestState::kFailed,
        "the server ended before it began; ask for it again");
  }
  queue_.clear();
}

// The first that waits; without the lock while it runs.
void BacktestJobs::run_one(std::unique_lock<std::mutex>& lock) {
  const Waiting next = std::move(queue_.front());
  queue_.pop_front();
  BacktestJob job = store_.jobs().at(next.number);
  job.state = BacktestState::kRunning;
  job.began_at = clock_.now();
  is_cancelled_ = false;
  progress_ = 0;
  running_ = next.number;
  began_ = steady_clock::now();
  if (auto put = store_.put(job); !put) {
    running_.reset();
    end(std::move(job), BacktestState::kFailed, put.error().message);
    changed_.notify_all();
    return;
  }
  lock.unlock();
  Result<StoredReport> report = fail(Errc::kInternal, "");
  std::shared_ptr<BacktestRates> rates;
  try {
    report = work_(next.request, {[this] { return is_cancelled_.load(); },
                                  [this](double done) { progress_ = done; }, &job.notes, &rates});
  } catch (const std::exception& error) {
    report = fail(Errc::kInternal, error.what());
  }
  lock.lock();
  running_.reset();
  if (report && !is_cancelled_) {
    const Result<void> kept = store_.put_report(job.number, *report, limits_.kept_bytes_max);
    if (!kept) report = tl::unexpected(kept.error());
  }
  if (is_cancelled_ && !is_stopping_) {
    end(std::move(job), BacktestState::kCancelled, "");
  } else if (is_stopping_) {
    end(std::move(job), BacktestState::kFailed, "the server ended while it ran; ask for it again");
  } else if (!report) {
    end(std::move(job), BacktestState::kFailed, report.error().message);
  } else {
    if (rates) {
      rates->backtest = job.number;
      rates->ended_at = clock_.now();
      job.rates = std::move(rates);
    }
    end(std::move(job), BacktestState::kDone, "");
  }
  changed_.notify_all();
}

// What cannot be written is so for this process, and has failed for the next one.
void BacktestJobs::end(BacktestJob job, BacktestState state, std::string failure) {
  job.state = state;
  job.failure = std::move(failure);
  job.ended_at = clock_.now();
  ++(state == BacktestState::kDone     ? figures_.done
     : state == BacktestState::kFailed ? figures_.failed
                                       : figures_.cancelled);
  if (auto put = store_.put(job); !put) store_.note(std::move(job));
  make_room();
}

// Removes the oldest of those that have ended, as long as there are too many.
void BacktestJobs::make_room() {
  for (;;) {
    std::size_t ended = 0;
    std::optional<std::uint64_t> oldest;
    for (const auto& [number, job] : store_.jobs()) {
      if (!has_ended(job.state)) continue;
      if (ended++ == 0) oldest = number;
    }
    const bool is_full =
        ended > limits_.kept_max || (ended > 1 && store_.report_bytes() > limits_.kept_bytes_max);
    if (!oldest || !is_full) return;
    if (auto removed = store_.remove(*oldest); !removed) return;
    ++figures_.removed;
  }
}
}  // namespace tocsin::api
