#include "cep/match/run_budget.h"

#include <algorithm>
#include <utility>

namespace tocsin::cep {
void RunBudget::lose_drafts(std::size_t count, BudgetCause cause) {
  if (count == 0) return;
  drafts_.erase(drafts_.begin(), drafts_.begin() + static_cast<std::ptrdiff_t>(count));
  losses_.lose(count, cause);
}

void RunBudget::keep() {
  if (current_.gave_up) lose_drafts((drafts_.size() + 1) / 2, BudgetCause::kStepsPerEvent);
  const Limits& limits = current_.program.limits;
  if (drafts_.size() > limits.runs_per_key_max) {
    lose_drafts(drafts_.size() - limits.runs_per_key_max, BudgetCause::kRunsPerKey);
  }
  const std::uint64_t words =
      current_.record == nullptr ? 0 : reinterpret_cast<const RecordHeader*>(current_.record)->used;
  tally_ = nullptr;
  if (drafts_.empty() || !may_exceed_key_budget(limits, words, drafts_.size())) {
    // What becomes of the partial matches now is not followed.
    tallies_->forget(current_.rule->index, current_.row->slot->hash);
    return;
  }
  BudgetTally& tally = tallies_->at(current_.rule->index, current_.row->slot->hash);
  bool is_known = tally.is_followed() && find_shares(tally);
  if (!is_known && stays_within(tally)) return;
  tally_ = &tally;
  const BudgetShare limit = key_limit(limits);
  Beyond beyond;
  if (is_known) {
    beyond = beyond_shares(limit);
    is_known = is_certain(beyond, limit);
  }
  if (!is_known) {
    count_all(words);
    beyond = beyond_shares(limit);
  }
  const auto [count, cause] = beyond;
  shares_.erase(shares_.begin(), shares_.begin() + static_cast<std::ptrdiff_t>(count));
  lose_drafts(count, cause);
}

// By the bound alone.
bool RunBudget::stays_within(BudgetTally& tally) const {
  const auto taken = static_cast<std::uint64_t>(
      std::ranges::count_if(drafts_, [](const Draft& draft) { return draft.takes; }));
  BudgetShare more;
  if (taken > 0) {
    more.events = 1;
    more.bytes = taken * kPlaceBytes + event_bytes();
  }
  return tally.stays_within(current_.scope.key, more, drafts_.size(),
                            key_limit(current_.program.limits));
}

// Adds the drafts, the newest first, with what the current event adds to them, until there are
// more events or bytes than in `limit`.
RunBudget::Beyond RunBudget::beyond_shares(const BudgetShare& limit) const {
  const auto shares_place = [&](std::size_t i) {
    if (i + 1 == drafts_.size()) return false;
    const Draft& draft = drafts_[i];
    const Draft& after = drafts_[i + 1];
    return after.takes && after.run.node == draft.run.node && after.run.step() == draft.run.step();
  };
  BudgetShare taken;
  bool has_event = false;
  for (std::size_t i = drafts_.size(); i-- > 0;) {
    taken += shares_[i];
    if (drafts_[i].takes) {
      if (!shares_place(i)) taken.bytes += kPlaceBytes;
      if (!std::exchange(has_event, true)) {
        taken.bytes += event_bytes();
        ++taken.events;
      }
    }
    if (taken.events > limit.events) return {i + 1, BudgetCause::kEventsPerKey};
    if (taken.bytes > limit.bytes) return {i + 1, BudgetCause::kBytesPerKey};
  }
  return {0, BudgetCause::kRunsPerKey};
}

// Whether the slack of the shares makes no difference to `beyond`, which is theirs under `limit`.
bool RunBudget::is_certain(const Beyond& beyond, BudgetShare limit) const {
  if (slack_.bytes == 0 && slack_.events == 0) return true;
  limit += slack_;
  return beyond == beyond_shares(limit);
}

// Of the current event.
std::uint64_t RunBudget::event_bytes() const {
  return budget_bytes(*current_.program.plan, *current_.rule->rule, *current_.scope.batch,
                      *current_.row->row);
}

void RunBudget::write_tally() {
  if (tally_ != nullptr) keep_tally(*tally_);
}

RunMark RunBudget::mark_of(const Run& run) const {
  const Node* const last = RecordStore::at<Node>(current_.record, run.node);
  const KeptEvent* const event = RecordStore::at<KeptEvent>(current_.record, last->event);
  return {run.start, last->length, event->engine_time_us, event->arrival(), run.node, last->parent};
}

// The drafts' shares, by what was counted before.
bool RunBudget::find_shares(BudgetTally& tally) {
  const OperatorEntry* const entry =
      current_.record == nullptr ? nullptr : RecordStore::find(current_.record, current_.rule->op);
  marks_.clear();
  if (entry != nullptr) {
    const auto* const header = RecordStore::at<RuleHeader>(current_.record, entry->state);
    const Run* const runs =
        RecordStore::at<Run>(current_.record, entry->state + current_.header_words);
    for (std::uint32_t i = 0; i < header->run_count; ++i) marks_.push_back(mark_of(runs[i]));
  }
  from_.clear();
  for (const Draft& draft : drafts_) from_.push_back(draft.from);
  return tally.shares_of(marks_, from_, shares_, slack_);
}

// The same, afresh.
void RunBudget::count_all(std::uint64_t words) {
  slack_ = {};
  meter_.begin(*current_.program.plan, *current_.rule->rule, current_.scope.table->layouts,
               current_.record, words);
  count_shares();
}

// Those of the drafts, the newest first, until they alone exceed a budget.
void RunBudget::count_shares() {
  const Limits& limits = current_.program.limits;
  shares_.assign(drafts_.size(), {});
  for (std::size_t i = drafts_.size(); i-- > 0;) {
    const BudgetShare before = meter_.counted();
    meter_.add(drafts_[i].run.node);
    const BudgetShare after = meter_.counted();
    shares_[i] = {after.bytes - before.bytes, after.events - before.events,
                  after.event_bytes - before.event_bytes};
    if (meter_.events() > limits.events_per_key_max || meter_.bytes() > limits.bytes_per_key_max) {
      return;
    }
  }
}

// The drafts are the key's runs now: what they take with the current event.
void RunBudget::keep_tally(BudgetTally& tally) {
  marks_.clear();
  bool has_event = false;
  for (std::size_t i = drafts_.size(); i-- > 0;) {
    if (!drafts_[i].takes) continue;
    const bool shares =
        i + 1 < drafts_.size() && drafts_[i + 1].takes && drafts_[i + 1].shares_node;
    if (!shares) shares_[i].bytes += kPlaceBytes;
    if (std::exchange(has_event, true)) continue;
    const std::uint64_t bytes = event_bytes();
    shares_[i] += {bytes, 1, bytes};
  }
  BudgetShare most;
  for (const BudgetShare& share : shares_) {
    most.bytes += share.bytes - kPartialMatchBytes;
    most.events += share.events;
  }
  tally.set_most(current_.scope.key, most);
  // Far from a budget the bound is enough for a long time.
  const Limits& limits = current_.program.limits;
  if (most.bytes + shares_.size() * kPartialMatchBytes > limits.bytes_per_key_max / 4 * 3 ||
      most.events > limits.events_per_key_max / 4 * 3) {
    for (const Draft& draft : drafts_) marks_.push_back(mark_of(draft.run));
  }
  tally.set(shares_, marks_, slack_);
}
}  // namespace tocsin::cep
