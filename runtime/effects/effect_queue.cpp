#include "runtime/effects/effect_queue.h"

#include <chrono>
#include <utility>
#include <vector>

#include "cep/base/assert.h"
#include "runtime/io/background_thread.h"

namespace tocsin::runtime {
namespace {
// How long the thread sleeps before it asks again what has become too old.
constexpr std::chrono::seconds kRetentionPause{10};
}  // namespace

EffectQueue::EffectQueue(EffectStore& store, EmittedMark start, EffectQueueOptions options,
                         Listener listener)
    : store_(store),
      options_(std::move(options)),
      listener_(std::move(listener)),
      pushed_mark_(std::move(start)) {}

EffectQueue::~EffectQueue() { abandon(); }

Result<std::uint64_t> EffectQueue::push(SliceEffects effects) {
  const std::size_t bytes = effects.bytes();
  Lock lock(mutex_);
  TOCSIN_ASSERT(!is_closing_, "nothing is pushed once the queue is closed");
  const auto has_room = [&] {
    return !has_thread_ || !is_full() || status_.failure || is_abandoned_;
  };
  if (Result<void> waited = wait_stored(lock, has_room); !waited)
    return tl::unexpected(waited.error());
  if (Result<void> failed = outcome(); !failed) return tl::unexpected(failed.error());
  if (!effects.alerts.empty()) {
    pushed_mark_.order = effects.alerts.back().order;
    pushed_mark_.number += effects.alerts.size();
  }
  status_.waiting_bytes += bytes;
  waiting_.push_back({std::move(effects), bytes});
  const std::uint64_t pushes = ++status_.pushed;
  const bool is_wanted = must_wake();
  lock.unlock();
  if (is_wanted) work_.notify_one();
  return pushes;
}

bool EffectQueue::has_room() const {
  const std::lock_guard lock(mutex_);
  return !is_full();
}

bool EffectQueue::needs_cause() const {
  const std::lock_guard lock(mutex_);
  if (waiting_.empty()) return false;
  // The next push waits until there is room: all of what is here must be able to go.
  if (is_full()) return waiting_.back().effects.cause >= durable_end_;
  return status_.waiting_bytes >= options_.group_bytes_max && !may_commit();
}

void EffectQueue::durable(std::uint64_t durable_end) {
  bool is_wanted = false;
  {
    const std::lock_guard lock(mutex_);
    if (durable_end <= durable_end_) return;
    durable_end_ = durable_end;
    is_wanted = must_wake();
  }
  if (is_wanted) work_.notify_one();
}

EmittedMark EffectQueue::pushed_mark() const {
  const std::lock_guard lock(mutex_);
  return pushed_mark_;
}

void EffectQueue::start() {
  const std::lock_guard lock(mutex_);
  TOCSIN_ASSERT(!has_thread_ && !is_abandoned_, "started once");
  thread_ = std::thread([this] { work(); });
  has_thread_ = true;
}

Result<bool> EffectQueue::step() {
  Lock lock(mutex_);
  TOCSIN_ASSERT(!has_thread_, "the thread steps by itself");
  bool has_done = false;
  if (!status_.failure && may_commit()) {
    commit_group(lock);
    has_done = true;
  } else if (!status_.failure && !is_retained_) {
    retain(lock);
    has_done = true;
  }
  if (Result<void> failed = outcome(); !failed) return tl::unexpected(failed.error());
  return has_done;
}

Result<void> EffectQueue::wait_committed(std::uint64_t pushes) {
  Lock lock(mutex_);
  TOCSIN_ASSERT(has_thread_, "without a thread nothing would be stored meanwhile");
  TOCSIN_ASSERT(pushes <= status_.pushed, "waits for what was pushed");
  const auto is_done = [&] {
    return status_.committed >= pushes || status_.failure || is_abandoned_;
  };
  if (Result<void> waited = wait_stored(lock, is_done); !waited) return waited;
  return status_.committed >= pushes ? Result<void>{} : outcome();
}

Result<void> EffectQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
  }
  work_.notify_one();
  join();
  const std::lock_guard lock(mutex_);
  TOCSIN_ASSERT(waiting_.empty() || status_.failure || is_abandoned_,
                "without a thread all is stepped before it is closed");
  return outcome();
}

void EffectQueue::abandon() {
  {
    const std::lock_guard lock(mutex_);
    is_abandoned_ = true;
  }
  work_.notify_one();
  stored_.notify_all();
  join();
}

void EffectQueue::join() {
  if (thread_.joinable()) thread_.join();
}

EffectQueueStatus EffectQueue::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

Result<void> EffectQueue::outcome() const {
  if (status_.failure) return tl::unexpected(*status_.failure);
  if (is_abandoned_ && !waiting_.empty())
    return fail(Errc::kStopped, "alerts are no longer stored: the run ends");
  return {};
}

bool EffectQueue::may_commit() const {
  return !waiting_.empty() && waiting_.front().effects.cause < durable_end_;
}

// To wake the thread costs more than to push: it sleeps on through its pause.
bool EffectQueue::must_wake() const {
  return has_thread_ && may_commit() && (!is_pausing_ || !must_pause());
}

void EffectQueue::work() {
  begin_background_thread("alert-store");
  Lock lock(mutex_);
  while (!is_abandoned_ && !status_.failure) {
    if (may_commit()) {
      if (must_pause()) {
        is_pausing_ = true;
        work_.wait_until(lock, next_commit_, [&] { return !must_pause(); });
        is_pausing_ = false;
        if (is_abandoned_) break;
      }
      next_commit_ = std::chrono::steady_clock::now() + options_.pause;
      commit_group(lock);
      if (!is_retained_ && !status_.failure) retain(lock);
    } else if (is_closing_ && waiting_.empty()) {
      // What came since the last pass may be too much already.
      store_.end_pause();
      do retain(lock);
      while (!is_retained_ && !is_abandoned_ && !status_.failure);
      return;
    } else if (!is_retained_) {
      retain(lock);
    } else {
      const bool is_woken = work_.wait_for(lock, kRetentionPause, [&] {
        return may_commit() || is_abandoned_ || (is_closing_ && waiting_.empty());
      });
      if (!is_woken) is_retained_ = false;
    }
  }
}

bool EffectQueue::must_pause() const {
  return !is_closing_ && !is_abandoned_ && status_.waiting_bytes < options_.group_bytes_max &&
         std::chrono::steady_clock::now() < next_commit_;
}

void EffectQueue::commit_group(Lock& lock) {
  std::vector<SliceEffects> group;
  std::size_t bytes = 0;
  while (may_commit() && (group.empty() || bytes < options_.group_bytes_max)) {
    bytes += waiting_.front().bytes;
    group.push_back(std::move(waiting_.front().effects));
    waiting_.pop_front();
  }
  Result<CommitReport> report;
  do {
    lock.unlock();
    report = store_.commit(group);
    if (report && options_.stored) options_.stored(group);
    lock.lock();
    // What waits is whole: it is committed as it would have been.
  } while (!report && wait_for_space(lock, report.error()));
  end_wait_for_space(lock);
  status_.waiting_bytes -= bytes;
  if (report) {
    status_.committed += group.size();
    ++status_.commits;
    status_.stored.alerts += report->alerts;
    status_.stored.compared += report->compared;
    status_.stored.side_output += report->side_output;
    status_.stored.owed += report->owed;
    status_.stored.inbox_alerts += report->inbox_alerts;
    status_.stored.inbox_repeated += report->inbox_repeated;
    status_.stored.inbox_dead += report->inbox_dead;
    pushed_mark_.number += report->inbox_alerts;
    is_retained_ = false;
  } else {
    note(report.error());
  }
  tell(lock);
}

void EffectQueue::retain(Lock& lock) {
  Result<bool> done;
  do {
    done = retain_rows(lock);
  } while (!done && wait_for_space(lock, done.error()));
  end_wait_for_space(lock);
  if (done) {
    is_retained_ = *done;
    return;
  }
  note(done.error());
  tell(lock);
}

Result<bool> EffectQueue::retain_rows(Lock& lock) {
  lock.unlock();
  if (options_.needed_from) options_.retention.alerts_needed_from = options_.needed_from();
  Result<bool> done = store_.retain(options_.retention, options_.retention_rows);
  lock.lock();
  return done;
}

Result<void> EffectQueue::wait_stored(Lock& lock, const std::function<bool()>& is_done) {
  constexpr std::chrono::milliseconds kBetween{100};
  while (!stored_.wait_for(lock, kBetween, is_done)) {
    if (status_.no_space.empty() || !options_.stop_requested || !options_.stop_requested())
      continue;
    return fail(Errc::kLimit, status_.no_space);
  }
  return {};
}

bool EffectQueue::wait_for_space(Lock& lock, const Error& error) {
  const bool may_wait = has_thread_ && error.code == Errc::kLimit && !is_abandoned_;
  if (!may_wait) return false;
  const bool is_new = status_.no_space.empty();
  status_.no_space = error.message;
  if (is_new) tell(lock);
  const auto must_stop = [&] {
    return is_abandoned_ || (options_.stop_requested && options_.stop_requested());
  };
  // A stop tries once more: there may be space now.
  const bool was_stopped = must_stop();
  if (!was_stopped) work_.wait_for(lock, options_.no_space_retry, [&] { return is_abandoned_; });
  return !was_stopped && !is_abandoned_;
}

void EffectQueue::end_wait_for_space(Lock& lock) {
  if (status_.no_space.empty()) return;
  status_.no_space.clear();
  tell(lock);
}

void EffectQueue::note(const Error& error) {
  if (!status_.failure) status_.failure = error;
}

void EffectQueue::tell(Lock& lock) {
  stored_.notify_all();
  if (!listener_) return;
  const EffectQueueStatus status = status_;
  lock.unlock();
  listener_(status);
  lock.lock();
}
}  // namespace tocsin::runtime
