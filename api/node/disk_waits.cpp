#include "api/node/disk_waits.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "api/node/node_ticket.h"

namespace tocsin::api {
namespace {
// Requests; their events may wait for others for so long.
constexpr std::size_t kAcceptTimesMax = 65'536;
}  // namespace

void AcceptTimes::begin(std::uint64_t first, Time at) {
  if (records_.size() == kAcceptTimesMax) records_.pop_front();
  records_.push_back({first, UINT64_MAX, at});
}

void AcceptTimes::end(std::uint64_t behind_last) {
  records_.back().end = behind_last;
  if (records_.back().first == behind_last) records_.pop_back();
}

void AcceptTimes::raised(std::uint64_t record) {
  const auto behind = std::ranges::upper_bound(records_, record, {}, &Records::first);
  if (behind == records_.begin()) return;
  const Records& records = *std::prev(behind);
  if (record < records.end) raised_.push_back(records.at);
}

void DiskWaits::begin(std::uint64_t durable_end) {
  const std::lock_guard lock(mutex_);
  durable_end_ = std::max(durable_end_, durable_end);
}

void DiskWaits::answer(const std::shared_ptr<NodeTicket>& ticket, std::uint64_t last_record) {
  {
    const std::lock_guard lock(mutex_);
    if (durable_end_ <= last_record) {
      pending_.emplace_back(last_record, ticket);
      return;
    }
    answered_ = std::max(answered_, ticket->pushed);
  }
  ticket->finish();
}

void DiskWaits::answer_alerts(const Tickets& tickets, std::uint64_t pushed) {
  const std::lock_guard lock(mutex_);
  for (const std::shared_ptr<NodeTicket>& ticket : tickets) {
    if (committed_ < pushed) {
      pending_alerts_.emplace_back(pushed, ticket);
    } else {
      ticket->finish_alerts();
    }
  }
}

void DiskWaits::time_alerts(std::vector<AcceptTimes::Time> accepted, std::uint64_t pushed) {
  const std::lock_guard lock(mutex_);
  if (committed_ < pushed) {
    pending_times_.emplace_back(pushed, std::move(accepted));
  } else {
    add_times(accepted);
  }
}

void DiskWaits::add_times(const std::vector<AcceptTimes::Time>& accepted) {
  const auto now = std::chrono::steady_clock::now();
  for (const AcceptTimes::Time at : accepted) alerts_.add(now - at);
}

void DiskWaits::add_failed(const std::shared_ptr<NodeTicket>& ticket) {
  const std::lock_guard lock(mutex_);
  pending_.emplace_back(UINT64_MAX, ticket);
}

DiskWaits::Tickets DiskWaits::fail() {
  Tickets waiting;
  {
    const std::lock_guard lock(mutex_);
    for (auto* const pending : {&pending_, &pending_alerts_}) {
      for (auto& [number, ticket] : *pending) waiting.push_back(std::move(ticket));
      pending->clear();
    }
    has_failed_ = true;
  }
  durable_.notify_all();
  stored_.notify_all();
  return waiting;
}

Result<void> DiskWaits::check() const {
  const std::lock_guard lock(mutex_);
  if (journal_.state != runtime::JournalState::kFailed) return {};
  return tocsin::fail(Errc::kIo, journal_.reason);
}

DiskWaits::Status DiskWaits::status() const {
  const std::lock_guard lock(mutex_);
  Status status{journal_, pending_.size(), alerts_};
  status.journal.durable_end = durable_end_;
  return status;
}

std::optional<Refusal> DiskWaits::look_for_space(std::size_t answers_max) const {
  const std::lock_guard lock(mutex_);
  const std::string reason = no_space();
  if (reason.empty() && pending_.size() < answers_max) return std::nullopt;
  if (reason.empty()) {
    return Refusal{Refusal::Why::kFull,
                   fmt::format("{} answers to events wait for the disk already; send it again a "
                               "little later",
                               pending_.size())};
  }
  return Refusal{Refusal::Why::kDisk,
                 "the disk is full, and no events are accepted until there is space: " + reason};
}

std::string DiskWaits::no_space() const {
  return journal_.state == runtime::JournalState::kNoSpace ? journal_.reason : no_space_of_store_;
}

void DiskWaits::tell_space(const std::string& before, const std::string& now) const {
  if (before.empty() != now.empty() && space_changed_) space_changed_(now);
}

Served<void> DiskWaits::wait_durable(std::uint64_t record, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  const bool is_over =
      durable_.wait_for(lock, patience, [&] { return durable_end_ > record || has_failed_; });
  if (durable_end_ > record) return {};
  if (is_over) return tl::unexpected(Refusal{Refusal::Why::kFailed, "the node has failed"});
  return tl::unexpected(
      Refusal{Refusal::Why::kNotYet,
              "the change was not on disk in time, but may still take effect: read it to be sure"});
}

void DiskWaits::note_answered(std::uint64_t pushed) {
  const std::lock_guard lock(mutex_);
  answered_ = std::max(answered_, pushed);
}

bool DiskWaits::await_stored(std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  const std::uint64_t wanted = answered_;
  stored_.wait_for(lock, patience, [&] { return committed_ >= wanted || has_failed_; });
  return committed_ >= wanted;
}

void DiskWaits::journal_changed(const runtime::JournalStatus& status) {
  Tickets done;
  std::string before, now;
  {
    const std::lock_guard lock(mutex_);
    before = no_space();
    journal_ = status;
    now = no_space();
    durable_end_ = std::max(durable_end_, status.durable_end);
    while (!pending_.empty() && pending_.front().first < durable_end_) {
      answered_ = std::max(answered_, pending_.front().second->pushed);
      done.push_back(std::move(pending_.front().second));
      pending_.pop_front();
    }
  }
  durable_.notify_all();
  // Of a journal that has failed the node tells.
  if (status.state != runtime::JournalState::kFailed) tell_space(before, now);
  for (const std::shared_ptr<NodeTicket>& ticket : done) ticket->finish();
}

void DiskWaits::effects_changed(const runtime::EffectQueueStatus& status) {
  Tickets done;
  std::string before, now;
  {
    const std::lock_guard lock(mutex_);
    before = no_space();
    committed_ = std::max(committed_, status.committed);
    no_space_of_store_ = status.no_space;
    now = no_space();
    while (!pending_times_.empty() && pending_times_.front().first <= committed_) {
      add_times(pending_times_.front().second);
      pending_times_.pop_front();
    }
    while (!pending_alerts_.empty() && pending_alerts_.front().first <= committed_) {
      done.push_back(std::move(pending_alerts_.front().second));
      pending_alerts_.pop_front();
    }
  }
  stored_.notify_all();
  tell_space(before, now);
  for (const std::shared_ptr<NodeTicket>& ticket : done) ticket->finish_alerts();
}
}  // namespace tocsin::api
