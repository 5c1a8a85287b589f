// What the matcher drops where a budget is exceeded (cep/record/budget.h): the oldest partial
// matches of the current key, and, at the table's bidding, the oldest of a key group.
#include <algorithm>
#include <utility>

#include "cep/match/busy_key.h"
#include "cep/match/matcher.h"
#include "cep/places/places.h"
#include "cep/record/budget.h"
#include "cep/record/budget_shares.h"

namespace tocsin::cep {
// ---- runs

void Matcher::lose_drafts(std::size_t count, BudgetCause cause) {
  if (count == 0) return;
  drafts_.erase(drafts_.begin(), drafts_.begin() + static_cast<std::ptrdiff_t>(count));
  note_lost(count, cause);
}

void Matcher::note_lost(std::uint64_t count, BudgetCause cause) {
  OrderKey order = order_at_event(current_->row->engine_time, current_->row->arrival);
  order.role = place_of_role(current_->roles);
  order.rule = rule_->index.value;
  order.key = scope_.key;
  note_lost(count, cause, order);
}

void Matcher::note_lost(std::uint64_t count, BudgetCause cause, const OrderKey& order) {
  state_.lost_runs += static_cast<std::uint32_t>(count);
  state_.lost_until_us = std::max(state_.lost_until_us, missed_until(*rule_, order.time.us));
  stats_.runs_lost += count;
  OrderKey at = order;
  at.level = at.ordinal = 0;
  budgets_.note(rule_->index, cause, std::move(at));
}

void Matcher::keep_to_budget() {
  const Limits& limits = program_.limits;
  if (drafts_.size() > limits.runs_per_key_max) {
    lose_drafts(drafts_.size() - limits.runs_per_key_max, BudgetCause::kRunsPerKey);
  }
  const std::uint64_t words =
      record_ == nullptr ? 0 : reinterpret_cast<const RecordHeader*>(record_)->used;
  tally_ = nullptr;
  if (drafts_.empty() || !may_exceed_key_budget(limits, words, drafts_.size())) {
    // What becomes of the partial matches now is not followed.
    tallies_->forget(rule_->index, current_->slot->hash);
    return;
  }
  const Plan& plan = *program_.plan;
  BudgetTally& tally = tallies_->at(rule_->index, current_->slot->hash);
  const auto taken = static_cast<std::uint64_t>(
      std::ranges::count_if(drafts_, [](const Draft& draft) { return draft.takes; }));
  BudgetShare more;
  if (taken > 0) {
    more.events = 1;
    more.bytes =
        taken * kPlaceBytes + budget_bytes(plan, *rule_->rule, *scope_.batch, *current_->row);
  }
  const BudgetShare most{limits.bytes_per_key_max, limits.events_per_key_max};
  if (tally.stays_within(scope_.key, more, drafts_.size(), most)) return;
  find_shares(words);
  const auto [count, cause] = beyond_budget(
      limits, {}, drafts_, shares_,
      [&](std::size_t i) {
        const Draft& draft = drafts_[i];
        const Draft& after = drafts_[i + 1];
        return after.takes && after.run.node == draft.run.node &&
               after.run.step() == draft.run.step();
      },
      [&] { return budget_bytes(plan, *rule_->rule, *scope_.batch, *current_->row); });
  shares_.erase(shares_.begin(), shares_.begin() + static_cast<std::ptrdiff_t>(count));
  lose_drafts(count, cause);
}

RunMark Matcher::mark_of(const Run& run) const {
  const Node* const last = RecordStore::at<Node>(record_, run.node);
  const KeptEvent* const event = RecordStore::at<KeptEvent>(record_, last->event);
  return {run.start, last->length, event->engine_time_us, event->arrival(), run.node, last->parent};
}

// The drafts' shares: by what was counted before, or afresh.
void Matcher::find_shares(std::uint64_t words) {
  tally_ = &tallies_->at(rule_->index, current_->slot->hash);
  const OperatorEntry* const entry =
      record_ == nullptr ? nullptr : RecordStore::find(record_, rule_->op);
  marks_.clear();
  if (entry != nullptr) {
    const auto* const header = RecordStore::at<RuleHeader>(record_, entry->state);
    const Run* const runs = RecordStore::at<Run>(record_, entry->state + header_words_);
    for (std::uint32_t i = 0; i < header->run_count; ++i) marks_.push_back(mark_of(runs[i]));
  }
  from_.clear();
  for (const Draft& draft : drafts_) from_.push_back(draft.from);
  if (tally_->shares_of(marks_, from_, shares_)) return;
  meter_.begin(*program_.plan, *rule_->rule, scope_.table->layouts, record_, words);
  count_shares(program_.limits, meter_, drafts_, shares_);
}

// The drafts are the key's runs now: what they take with the current event.
void Matcher::keep_tally(BudgetTally& tally) {
  marks_.clear();
  bool has_event = false;
  for (std::size_t i = drafts_.size(); i-- > 0;) {
    if (!drafts_[i].takes) continue;
    const bool shares =
        i + 1 < drafts_.size() && drafts_[i + 1].takes && drafts_[i + 1].shares_node;
    if (!shares) shares_[i].bytes += kPlaceBytes;
    if (std::exchange(has_event, true)) continue;
    shares_[i].bytes += budget_bytes(*program_.plan, *rule_->rule, *scope_.batch, *current_->row);
    ++shares_[i].events;
  }
  for (const Draft& draft : drafts_) marks_.push_back(mark_of(draft.run));
  BudgetShare most;
  for (const BudgetShare& share : shares_) {
    most.bytes += share.bytes - kPartialMatchBytes;
    most.events += share.events;
  }
  tally.set_most(scope_.key, most);
  tally.set(shares_, marks_);
}

std::int64_t Matcher::end_of(const RuleProgram& rule, const std::byte* record,
                             const Run& run) const {
  if ((run.flags() & Run::kFinal) != 0) {
    if (rule.waits_from_first) return run.first_time_us + rule.wait.us;
    const Node* node = RecordStore::at<Node>(record, run.node);
    return RecordStore::at<KeptEvent>(record, node->event)->engine_time_us + rule.wait.us;
  }
  const std::int64_t end = rule.within ? run.first_time_us + rule.within->us : kNeverDies;
  return run.flags() == Run::kWaits ? std::min(end, gap_end(rule, record, run)) : end;
}

std::int64_t Matcher::gap_end(const RuleProgram& rule, const std::byte* record, const Run& run) {
  const std::uint32_t next = run.step() + 1;
  if (next >= rule.steps.size() || !rule.steps[next].gap) return kNeverDies;
  const Node* const last = RecordStore::at<Node>(record, run.node);
  return RecordStore::at<KeptEvent>(record, last->event)->engine_time_us + rule.steps[next].gap->us;
}

std::uint64_t Matcher::live_runs(const RuleProgram& rule, PatternPool& patterns, std::byte* record,
                                 Offset state, std::int64_t now_us, std::vector<LiveRun>& runs) {
  if (rule.method == Method::kGeneral) {
    return general_.live_runs(rule, patterns, record, state, now_us, runs);
  }
  if (rule.method != Method::kRuns) return 0;
  record_ = record;
  const auto* const header = RecordStore::at<RuleHeader>(record, state);
  busy_events_ = 0;
  if (header->is_busy()) {
    PlacesState& places = *patterns.at(header->handle()).places;
    BusyKey(program_, *scope_.table, rule, places).live_runs(now_us, runs);
    if (!runs.empty()) busy_events_ = places.log.size();
    return 0;
  }
  const Run* const kept = RecordStore::at<Run>(record, state + rule_header_words(rule));
  meter_.begin(*program_.plan, *rule.rule, scope_.table->layouts, record,
               reinterpret_cast<const RecordHeader*>(record)->used);
  const std::size_t first = runs.size();
  for (std::uint32_t i = header->run_count; i-- > 0;) {
    if (end_of(rule, record, kept[i]) <= now_us) continue;
    const std::uint64_t before = meter_.bytes();
    meter_.add(kept[i].node);
    const KeptEvent* const event = first_event(kept[i].node);
    runs.push_back({event->engine_time_us, event->arrival(), meter_.bytes() - before});
  }
  std::reverse(runs.begin() + static_cast<std::ptrdiff_t>(first), runs.end());
  return 0;
}

std::uint64_t Matcher::events_of_live_runs(const RuleProgram& rule) const {
  if (rule.method == Method::kGeneral) return general_.events_of_live_runs();
  return busy_events_ > 0 ? busy_events_ : meter_.events();
}

void Matcher::drop_live_runs(const RuleProgram& rule, PatternPool& patterns, std::byte* record,
                             Offset state, std::int64_t now_us, std::size_t count) {
  if (rule.method == Method::kGeneral) {
    general_.drop_live_runs(rule, patterns, record, state, now_us, count);
    return;
  }
  record_ = record;
  auto* const header = RecordStore::at<RuleHeader>(record, state);
  if (header->is_busy()) {
    PlacesState& places = *patterns.at(header->handle()).places;
    Places matching(rule, places);
    const std::uint64_t before = places.starts();
    matching.expire(now_us);
    count = std::min<std::size_t>(count, places.starts());
    const std::uint64_t kept = places.starts() - count;
    while (places.starts() > kept) matching.drop_before(places.log.begin() + 1, now_us);
    stats_.runs -= before - places.starts();
    stats_.runs_lost += count;
    header->lost_runs += static_cast<std::uint32_t>(count);
    header->lost_until_us = std::max(header->lost_until_us, missed_until(rule, now_us));
    return;
  }
  Run* const runs = RecordStore::at<Run>(record, state + rule_header_words(rule));
  std::uint32_t kept = 0;
  std::size_t dropped = 0;
  for (std::uint32_t i = 0; i < header->run_count; ++i) {
    const Run run = runs[i];
    if (end_of(rule, record, run) <= now_us) {
      if (kept > 0) tallies_->forget(rule.index);
      continue;
    }
    if (dropped < count) {
      ++dropped;
    } else {
      runs[kept++] = run;
    }
  }
  stats_.runs -= header->run_count - kept;
  stats_.runs_lost += dropped;
  header->run_count = kept;
  header->lost_runs += static_cast<std::uint32_t>(dropped);
  header->lost_until_us = std::max(header->lost_until_us, missed_until(rule, now_us));
}
}  // namespace tocsin::cep
