#include "api/backup/backup_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "runtime/io/background_thread.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
constexpr std::chrono::seconds kCancelPatience{10};
constexpr std::chrono::seconds kFirstLookPatience{2};
constexpr std::chrono::milliseconds kPaceStep{50};
constexpr std::chrono::milliseconds kScheduleStep{200};
// A schedule does not ask a store that fails again at once.
constexpr cep::Duration kAgainAfter{60'000'000};
constexpr std::size_t kBrokenMax = 20;
constexpr std::int64_t kIdStepUs = 1000;
}  // namespace

std::string_view name_of(BackupState state) {
  switch (state) {
    case BackupState::kRunning:
      return "running";
    case BackupState::kDone:
      return "done";
    case BackupState::kFailed:
      return "failed";
    case BackupState::kCancelled:
      return "cancelled";
  }
  return "";
}

BackupService::BackupService(BackupPorts ports, BackupOptions options,
                             std::unique_ptr<BackupStore> store)
    : ports_(std::move(ports)),
      options_(std::move(options)),
      store_(std::move(store)),
      writer_(ports_.files, *store_) {
  (void)DataCutter({ports_.files, ports_.paths, {}, {}}).clear();
  thread_ = std::thread([this] { serve(); });
  // A start does not wait for a store that does not answer.
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kFirstLookPatience, [this] { return has_looked_; });
}

BackupService::~BackupService() { stop(); }

void BackupService::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    is_cancelled_ = true;
  }
  changed_.notify_all();
  store_->stop();
  if (thread_.joinable()) thread_.join();
}

// With the lock.
void BackupService::show(Result<std::vector<BackupFacts>> stored) {
  if (stored) {
    stored_ = *std::move(stored);
  } else if (figures_.failure.empty()) {
    figures_.failure = stored.error().message;
  }
}

Result<BackupStatus> BackupService::begin(std::string who) {
  const std::lock_guard lock(mutex_);
  if (running_)
    return fail(Errc::kConflict, fmt::format("the backup {} is being made", running_->id));
  if (is_removing_) return fail(Errc::kConflict, "a backup is being removed: ask again");
  BackupFacts facts;
  facts.began = ports_.clock.now();
  // Also where the clock was put back.
  last_named_ = std::max(facts.began, last_named_ + cep::Duration{kIdStepUs});
  facts.id = backup_id(last_named_);
  facts.who = std::move(who);
  facts.version = options_.version;
  running_ = std::move(facts);
  is_asked_ = true;
  is_cancelled_ = is_stopping_;
  bytes_total_ = 0;
  bytes_done_ = 0;
  changed_.notify_all();
  return running_status();
}

BackupStatus BackupService::running_status() const {
  BackupStatus status{BackupState::kRunning, *running_, "", 0};
  status.facts.bytes = bytes_total_;
  const std::uint64_t total = bytes_total_;
  if (total != 0) status.progress = static_cast<double>(bytes_done_) / static_cast<double>(total);
  return status;
}

std::vector<BackupStatus> BackupService::list() const {
  const std::lock_guard lock(mutex_);
  std::vector<BackupStatus> all = broken_;
  for (const BackupFacts& facts : stored_) all.push_back({BackupState::kDone, facts, "", 1});
  if (running_) all.push_back(running_status());
  std::ranges::sort(all, std::greater<>(),
                    [](const BackupStatus& status) { return status.facts.id; });
  return all;
}

std::optional<BackupStatus> BackupService::find(std::string_view id) const {
  for (BackupStatus& status : list()) {
    if (status.facts.id == id) return std::move(status);
  }
  return std::nullopt;
}

Result<std::optional<BackupStatus>> BackupService::remove(std::string_view id) {
  std::unique_lock lock(mutex_);
  const auto is_it = [&](const BackupFacts& facts) { return facts.id == id; };
  if (running_ && is_it(*running_)) {
    is_cancelled_ = true;
    changed_.notify_all();
    changed_.wait_for(lock, kCancelPatience, [&] { return !running_ || !is_it(*running_); });
    lock.unlock();
    return find(id);
  }
  const auto broken =
      std::ranges::find_if(broken_, [&](const BackupStatus& one) { return is_it(one.facts); });
  if (broken != broken_.end()) {
    broken_.erase(broken);
    return std::nullopt;
  }
  if (std::ranges::none_of(stored_, is_it))
    return fail(Errc::kNotFound, fmt::format("there is no backup {}", id));
  if (running_ || is_removing_) {
    return fail(Errc::kConflict,
                "another backup is being made or removed: ask again when that has ended");
  }
  is_removing_ = true;
  lock.unlock();
  Result<void> removed;
  if (const auto hold = store_->hold()) {
    removed = remove_backups(*store_, {std::string(id)});
  } else {
    removed = tl::unexpected(hold.error());
  }
  Result<std::vector<BackupFacts>> stored = stored_backups(*store_);
  lock.lock();
  is_removing_ = false;
  show(std::move(stored));
  changed_.notify_all();
  if (!removed) return tl::unexpected(removed.error());
  return std::nullopt;
}

BackupFigures BackupService::figures() const {
  const std::lock_guard lock(mutex_);
  BackupFigures figures = figures_;
  figures.kept = stored_.size();
  figures.running = running_ ? 1 : 0;
  if (!stored_.empty()) figures.last = stored_.front();
  return figures;
}

bool BackupService::is_due() const {
  if (!options_.every || running_ || is_removing_ || is_stopping_) return false;
  const cep::EventTime now = ports_.clock.now();
  if (!stored_.empty() && now < stored_.front().began + *options_.every) return false;
  return now >= next_at_;
}

void BackupService::serve() {
  runtime::begin_background_thread("backups");
  runtime::lower_priority_of_thread();
  Result<std::vector<BackupFacts>> stored = stored_backups(*store_);
  std::unique_lock lock(mutex_);
  show(std::move(stored));
  if (!stored_.empty()) last_named_ = std::max(last_named_, stored_.front().began);
  has_looked_ = true;
  changed_.notify_all();
  while (!is_stopping_) {
    if (is_asked_) {
      run_one(lock);
    } else if (is_due()) {
      lock.unlock();
      (void)begin("");  // somebody may have been faster
      lock.lock();
    } else if (options_.every) {
      changed_.wait_for(lock, kScheduleStep);
    } else {
      changed_.wait(lock);
    }
  }
}

void BackupService::run_one(std::unique_lock<std::mutex>& lock) {
  is_asked_ = false;
  const BackupFacts facts = *running_;
  lock.unlock();
  Result<BackupFacts> made = fail(Errc::kInternal, "");
  try {
    made = make(facts);
  } catch (const std::exception& error) {
    made = fail(Errc::kInternal, error.what());
  }
  Result<std::vector<BackupFacts>> stored = stored_backups(*store_);
  lock.lock();
  end(std::move(made), std::move(stored));
  changed_.notify_all();
}

Result<BackupFacts> BackupService::make(BackupFacts facts) {
  const auto hold = store_->hold();
  if (!hold) return tl::unexpected(hold.error());
  if (auto seen = writer_.look(); !seen) return tl::unexpected(seen.error());
  DataCutter cutter({ports_.files, ports_.paths, ports_.copy_store,
                     [this](const FileStamp& stamp) { return writer_.stored(stamp); }});
  const Result<DataCut> cut = cutter.cut();
  Result<BackupFacts> made = fail(Errc::kInternal, "");
  if (cut) {
    facts.checkpoint = cut->checkpoint;
    std::uint64_t total = 0;
    for (const CutFile& file : cut->files) total += file.bytes;
    bytes_total_ = total;
    paced_from_ = steady_clock::now();
    paced_bytes_ = 0;
    made = writer_.write(
        *cut, std::move(facts), [this] { return ports_.clock.now(); },
        [this](std::uint64_t bytes) { return pace(bytes); },
        [this](std::uint64_t bytes) { bytes_done_ += bytes; });
  } else {
    made = tl::unexpected(cut.error());
  }
  const Result<void> cleared = cutter.clear();
  if (!made) return made;
  // It is stored; that too much else is there is a failure all the same.
  if (auto kept = keep_few(); !kept) return tl::unexpected(kept.error());
  if (!cleared) return tl::unexpected(cleared.error());
  return made;
}

Result<void> BackupService::keep_few() {
  if (options_.keep == 0) return {};
  const Result<std::vector<BackupFacts>> all = stored_backups(*store_);
  if (!all) return tl::unexpected(all.error());
  std::vector<std::string> ids;
  for (std::size_t i = options_.keep; i < all->size(); ++i) ids.push_back((*all)[i].id);
  return ids.empty() ? Result<void>() : remove_backups(*store_, ids);
}

// Waits until so many bytes more may be read or written.
Result<void> BackupService::pace(std::uint64_t bytes) {
  paced_bytes_ += bytes;
  const auto is_early = [this] {
    if (!options_.bytes_per_second) return false;
    const std::chrono::duration<double> passed = steady_clock::now() - paced_from_;
    return static_cast<double>(paced_bytes_) >
           passed.count() * static_cast<double>(*options_.bytes_per_second);
  };
  while (!is_cancelled_ && is_early()) std::this_thread::sleep_for(kPaceStep);
  if (is_cancelled_) return fail(Errc::kStopped, "it was cancelled");
  return {};
}

// With the lock.
void BackupService::end(Result<BackupFacts> made, Result<std::vector<BackupFacts>> stored) {
  BackupStatus status{BackupState::kDone, *std::move(running_), "", 0};
  running_.reset();
  figures_.failure.clear();
  show(std::move(stored));
  if (made) {
    ++figures_.done;
    figures_.stored_bytes += made->stored_bytes;
    return;
  }
  status.progress =
      bytes_total_ == 0 ? 0 : static_cast<double>(bytes_done_) / static_cast<double>(bytes_total_);
  status.facts.ended = ports_.clock.now();
  if (made.error().code == Errc::kStopped) {
    status.state = BackupState::kCancelled;
    ++figures_.cancelled;
    if (options_.every) next_at_ = status.facts.began + *options_.every;
  } else {
    status.state = BackupState::kFailed;
    status.failure = made.error().message;
    figures_.failure = made.error().message;
    ++figures_.failed;
    if (options_.every) next_at_ = status.facts.ended + std::min(kAgainAfter, *options_.every);
    ports_.failed(made.error().message);
  }
  // One that is stored is done, whatever came after it.
  if (std::ranges::count(stored_, status.facts.id, &BackupFacts::id) != 0) return;
  broken_.push_back(std::move(status));
  if (broken_.size() > kBrokenMax) broken_.erase(broken_.begin());
}
}  // namespace tocsin::api
