/// The backups of a server: one at a time, asked for or by a schedule, on a thread of their own.
///
///   request ─▶ running ─▶ done (its manifest is stored), failed, cancelled
///
/// What is done is in the store alone; how others ended is known until the process ends.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "api/backup/backup_writer.h"
#include "cep/base/result.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
enum class BackupState : std::uint8_t { kRunning, kDone, kFailed, kCancelled };
std::string_view name_of(BackupState state);

struct BackupStatus {
  BackupState state = BackupState::kRunning;
  BackupFacts facts;    // `ended` and the counts unless it runs
  std::string failure;  // of kFailed
  double progress = 0;  // 0 to 1
};
struct BackupFigures {
  std::uint64_t kept = 0;
  std::uint64_t running = 0;
  std::uint64_t done = 0;  // by this process, as the next two
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t stored_bytes = 0;
  std::optional<BackupFacts> last;  // of those that are stored
  std::string failure;              // of the last attempt; empty: it was none
};
struct BackupOptions {
  std::optional<cep::Duration> every;  // nothing: when it is asked for
  std::size_t keep = 7;                // 0: all
  std::optional<std::uint64_t> bytes_per_second;
  std::string version;  // of the program
};
struct BackupPorts {
  runtime::Files& files;
  runtime::Clock& clock;
  const runtime::DataPaths& paths;
  std::function<Result<void>(const std::string& to)> copy_store;  // as CutPorts has it
  std::function<void(const std::string& why)> failed;             // told once for each
};

/// Threading: any.
class BackupService {
 public:
  /// Removes what a crash left of a cut, and waits some seconds until it is known what is stored.
  /// What cannot be read there is a failure that figures() has: a server starts without them.
  BackupService(BackupPorts ports, BackupOptions options, std::unique_ptr<BackupStore> store);
  BackupService(const BackupService&) = delete;
  BackupService& operator=(const BackupService&) = delete;
  ~BackupService();
  /// Ends what runs; nothing else begins.
  void stop();
  /// Begins one. Fails with kConflict where one runs.
  Result<BackupStatus> begin(std::string who);
  /// The newest first.
  std::vector<BackupStatus> list() const;
  std::optional<BackupStatus> find(std::string_view id) const;
  /// Cancels one that runs, and waits some seconds for its end; removes any other, with what no
  /// other one needs. Gives the status of one that was cancelled. Fails with kNotFound, kConflict
  /// while another one runs, kInUse, kCorrupt where a manifest cannot be read.
  Result<std::optional<BackupStatus>> remove(std::string_view id);
  BackupFigures figures() const;
  /// Nothing: there is no schedule.
  std::optional<cep::Duration> every() const { return options_.every; }

 private:
  void serve();
  bool is_due() const;
  void run_one(std::unique_lock<std::mutex>& lock);
  Result<BackupFacts> make(BackupFacts facts);
  Result<void> keep_few();
  Result<void> pace(std::uint64_t bytes);
  void end(Result<BackupFacts> made, Result<std::vector<BackupFacts>> stored);
  void show(Result<std::vector<BackupFacts>> stored);
  BackupStatus running_status() const;

  const BackupPorts ports_;
  const BackupOptions options_;
  const std::unique_ptr<BackupStore> store_;
  BackupWriter writer_;       // of the thread
  mutable std::mutex mutex_;  // of all below
  mutable std::condition_variable changed_;
  std::vector<BackupFacts> stored_;   // the newest first
  std::vector<BackupStatus> broken_;  // failed or cancelled, the oldest first
  std::optional<BackupFacts> running_;
  bool has_looked_ = false;    // the thread knows what is stored
  bool is_asked_ = false;      // running_ waits for the thread
  bool is_removing_ = false;   // another thread removes one
  cep::EventTime last_named_;  // ids grow
  cep::EventTime next_at_;     // the schedule begins none before
  BackupFigures figures_;
  bool is_stopping_ = false;
  std::atomic<bool> is_cancelled_{false};
  std::atomic<std::uint64_t> bytes_total_{0};  // of what runs
  std::atomic<std::uint64_t> bytes_done_{0};
  std::chrono::steady_clock::time_point paced_from_;  // of the thread, as the next
  std::uint64_t paced_bytes_ = 0;
  std::thread thread_;
};
}  // namespace tocsin::api
