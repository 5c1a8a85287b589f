/// The backtests of a server: those that wait, the one that runs, and those that have ended.
///
///   add ─▶ queued ─▶ running ─▶ done (its report is kept), failed
///            └──────────┴─ cancel ─▶ cancelled
///
/// Each step is on disk before it is shown. What was not ended when the process did has failed, and
/// the next start says so. Of what has ended the oldest goes where there is more than is kept.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/jobs/backtest_job.h"
#include "api/jobs/backtest_work.h"
#include "api/jobs/job_store.h"
#include "cep/base/result.h"
#include "runtime/io/clock.h"
#include "runtime/io/files.h"

namespace tocsin::api {
struct BacktestLimits {
  std::size_t queue_max = 8;  // that wait
  std::size_t kept_max = 100;
  std::uint64_t kept_bytes_max = std::uint64_t{256} << 20;  // of reports
};
/// How a backtest stands now.
struct BacktestStatus {
  BacktestJob job;
  double progress = 0;                 // 0 to 1
  std::optional<double> seconds_left;  // of one that runs, about; nothing: not known yet
};
struct BacktestFigures {
  std::uint64_t queued = 0;
  std::uint64_t running = 0;
  std::uint64_t kept = 0;  // that have ended
  std::uint64_t kept_bytes = 0;
  // By this process.
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t refused = 0;  // because as many waited as may
  std::uint64_t removed = 0;  // to make room for others
};

/// Threading: any.
class BacktestJobs {
 public:
  /// `folder`: where they are kept; its parent must be there. `work` is run for each, on one thread
  /// of lower priority. Fails as JobStore::open().
  static Result<std::unique_ptr<BacktestJobs>> open(runtime::Files& files, runtime::Clock& clock,
                                                    std::string folder, BacktestLimits limits,
                                                    BacktestWork work);
  BacktestJobs(const BacktestJobs&) = delete;
  BacktestJobs& operator=(const BacktestJobs&) = delete;
  ~BacktestJobs();
  /// Ends what runs, which has then failed, as all that waits has.
  void stop();
  /// `asked`: `request` for people, a JSON object. Fails with kInUse where as many wait as may, and
  /// as JobStore::put().
  Result<BacktestStatus> add(BacktestRequest request, std::string asked, std::string who);
  /// The newest first.
  std::vector<BacktestStatus> list() const;
  std::optional<BacktestStatus> find(std::uint64_t number) const;
  /// How often rules alerted in those that are done and kept, the newest first.
  std::vector<std::shared_ptr<const BacktestRates>> rates() const;
  /// Fails with kNotFound, kConflict for one that is not done, kCorrupt.
  Result<StoredReport> report(std::uint64_t number) const;
  /// Cancels one that has not ended, and waits for its end, for some seconds. Gives how it then
  /// stands; fails with kNotFound, and kConflict for one that has ended.
  Result<BacktestStatus> cancel(std::uint64_t number);
  /// Removes one that has ended, with its report. Fails with kNotFound, kConflict, kIo.
  Result<void> remove(std::uint64_t number);
  BacktestFigures figures() const;
  /// What is damaged there, for people.
  const std::vector<std::string>& damaged() const { return store_.damaged(); }

 private:
  struct Waiting {
    std::uint64_t number = 0;
    BacktestRequest request;
  };
  BacktestJobs(runtime::Clock& clock, BacktestLimits limits, BacktestWork work, JobStore store);
  Result<void> end_those_of_before();
  void serve();
  void run_one(std::unique_lock<std::mutex>& lock);
  void end(BacktestJob job, BacktestState state, std::string failure);
  void make_room();
  BacktestStatus status_of(const BacktestJob& job) const;

  runtime::Clock& clock_;
  const BacktestLimits limits_;
  const BacktestWork work_;
  mutable std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  JobStore store_;
  std::deque<Waiting> queue_;
  std::optional<std::uint64_t> running_;
  std::chrono::steady_clock::time_point began_;
  BacktestFigures figures_;
  bool is_stopping_ = false;
  std::atomic<bool> is_cancelled_{false};  // what runs
  std::atomic<double> progress_{0};        // of what runs
  std::thread thread_;
};
}  // namespace tocsin::api
