// What the matchers drop where a budget is exceeded (cep/record/budget.h): the oldest partial
// matches of the current key, the older half of a closing window's events, and, at the table's
// bidding, the oldest of a key group.
#include <algorithm>
#include <utility>

#include "cep/match/busy_key.h"
#include "cep/match/matcher.h"
#include "cep/match/pattern_matcher.h"
#include "cep/places/places.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
namespace {
// From when on a rule's partial matches that are dropped now can no longer be missed.
std::int64_t missed_until(const RuleProgram& rule, std::int64_t now_us) {
  return now_us + longest_life(rule).value_or(Duration{0}).us;
}

// Adds the drafts, the newest first, until a budget is exceeded: gives how many of the oldest are
// beyond it, and which. `taken`: what is there beside them; `shares`: what each takes before it
// takes the current event, of `event_bytes()`; `shares_place(i)`: draft i will have the place that
// draft i + 1 gets.
template <typename Draft, typename SharesPlace, typename EventBytes>
std::pair<std::size_t, BudgetCause> beyond_budget(const Limits& limits, BudgetShare taken,
                                                  const std::vector<Draft>& drafts,
                                                  const std::vector<BudgetShare>& shares,
                                                  SharesPlace&& shares_place,
                                                  EventBytes&& event_bytes) {
  bool has_event = false;
  for (std::size_t i = drafts.size(); i-- > 0;) {
    taken.bytes += shares[i].bytes;
    taken.events += shares[i].events;
    if (drafts[i].takes) {
      if (i + 1 == drafts.size() || !shares_place(i)) taken.bytes += kPlaceBytes;
      if (!std::exchange(has_event, true)) {
        taken.bytes += event_bytes();
        ++taken.events;
      }
    }
    if (taken.events > limits.events_per_key_max) return {i + 1, BudgetCause::kEventsPerKey};
    if (taken.bytes > limits.bytes_per_key_max) return {i + 1, BudgetCause::kBytesPerKey};
  }
  return {0, BudgetCause::kRunsPerKey};
}

// Counts the drafts' shares, the newest first, until they alone exceed a budget.
template <typename Draft>
void count_shares(const Limits& limits, BudgetMeter& meter, const std::vector<Draft>& drafts,
                  std::vector<BudgetShare>& shares) {
  shares.assign(drafts.size(), {});
  for (std::size_t i = drafts.size(); i-- > 0;) {
    const BudgetShare before{meter.bytes(), meter.events()};
    meter.add(drafts[i].run.node);
    shares[i] = {meter.bytes() - before.bytes, meter.events() - before.events};
    if (meter.events() > limits.events_per_key_max || meter.bytes() > limits.bytes_per_key_max) {
      return;
    }
  }
}
}  // namespace

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

// ---- patterns and windows of any kind

void PatternMatcher::lose(std::size_t count, BudgetCause cause) {
  lose(count, cause, current_.order_here());
}

void PatternMatcher::lose(std::size_t count, BudgetCause cause, const OrderKey& order) {
  current_.make_state();
  current_.state->lost_runs += count;
  current_.state->lost_until_us =
      std::max(current_.state->lost_until_us, missed_until(*current_.rule, order.time.us));
  current_.stats.runs_lost += count;
  OrderKey at = order;
  at.level = at.ordinal = 0;
  budgets_.note(current_.rule->index, cause, std::move(at));
}

void PatternMatcher::forget_lost_runs() {
  if (!any_live_ && current_.row->row->engine_time.us >= current_.state->lost_until_us)
    current_.state->lost_runs = 0;
}

void PatternMatcher::keep_to_budget() {
  const Limits& limits = current_.program.limits;
  const auto lose_drafts = [&](std::size_t count, BudgetCause cause) {
    if (count == 0) return;
    drafts_.runs.erase(drafts_.runs.begin(),
                       drafts_.runs.begin() + static_cast<std::ptrdiff_t>(count));
    lose(count, cause);
  };
  if (gave_up_ && !current_.is_stepwise()) {
    lose_drafts((drafts_.runs.size() + 1) / 2, BudgetCause::kStepsPerEvent);
  }
  if (drafts_.runs.size() > limits.runs_per_key_max) {
    lose_drafts(drafts_.runs.size() - limits.runs_per_key_max, BudgetCause::kRunsPerKey);
  }
  const std::size_t words = current_.state == nullptr ? 0 : current_.state->words.size();
  const std::size_t waiting = current_.state == nullptr ? 0 : current_.state->waiting.size();
  const std::size_t runs = drafts_.runs.size() + waiting;
  is_near_budget_ = false;
  if (drafts_.runs.empty() || !may_exceed_key_budget(limits, words, runs)) return;
  BudgetShare beside;
  const bool is_known = waiting == 0 && find_shares();
  if (!is_known) {
    if (current_.state != nullptr && current_.state->budget_words != 0 &&
        !may_exceed_key_budget_since(limits, current_.state->budget_events,
                                     current_.state->budget_bytes,
                                     words - current_.state->budget_words, runs)) {
      return;
    }
    meter_.begin(*current_.program.plan, *current_.rule->rule, current_.scope.table->layouts,
                 current_.scope.record, words);
    // What is complete, and waits for older ones, stays.
    for (std::size_t i = 0; i < waiting; ++i) meter_.add(current_.state->waiting[i].node);
    beside = {meter_.bytes(), meter_.events()};
    count_shares(limits, meter_, drafts_.runs, shares_);
  }
  is_near_budget_ = waiting == 0;
  const Plan& plan = *current_.program.plan;
  const auto [count, cause] = beyond_budget(
      limits, beside, drafts_.runs, shares_,
      [&](std::size_t i) {
        const RunDraft& draft = drafts_.runs[i];
        const RunDraft& after = drafts_.runs[i + 1];
        return after.takes && after.run.node == draft.run.node && after.step == draft.step;
      },
      [&] {
        return budget_bytes(plan, *current_.rule->rule, *current_.scope.batch, *current_.row->row);
      });
  if (current_.state != nullptr) {
    // Where something is dropped not all was counted.
    current_.state->budget_words = !is_known && count == 0 ? words : 0;
    current_.state->budget_events = meter_.events();
    current_.state->budget_bytes = meter_.bytes();
  }
  shares_.erase(shares_.begin(), shares_.begin() + static_cast<std::ptrdiff_t>(count));
  lose_drafts(count, cause);
}

RunMark PatternMatcher::mark_of(const PatternRun& run) const {
  const KeptEvent& event = *current_.event_of(run.node);
  const Node& last = current_.node(run.node)->node;
  return {run.start, last.length, event.engine_time_us, event.arrival(), run.node, last.parent};
}

// The drafts' shares, by what was counted before.
bool PatternMatcher::find_shares() {
  if (current_.state == nullptr || current_.state->tally == nullptr) return false;
  marks_.clear();
  for (const PatternRun& run : current_.state->runs) marks_.push_back(mark_of(run));
  from_.clear();
  for (const RunDraft& draft : drafts_.runs) from_.push_back(draft.from);
  return current_.state->tally->shares_of(marks_, from_, shares_);
}

// The drafts are the key's partial matches now: what they take with the current event.
void PatternMatcher::keep_tally() {
  marks_.clear();
  made_.clear();
  bool has_event = false;
  for (std::size_t i = drafts_.runs.size(); i-- > 0;) {
    const RunDraft& draft = drafts_.runs[i];
    if (!draft.takes) continue;
    if (made_.insert(draft.run.node).second) shares_[i].bytes += kPlaceBytes;
    if (std::exchange(has_event, true)) continue;
    shares_[i].bytes += budget_bytes(*current_.program.plan, *current_.rule->rule,
                                     *current_.scope.batch, *current_.row->row);
    ++shares_[i].events;
  }
  for (const RunDraft& draft : drafts_.runs) marks_.push_back(mark_of(draft.run));
  if (current_.state->tally == nullptr) current_.state->tally = std::make_unique<BudgetTally>();
  current_.state->tally->set(shares_, marks_);
}

std::uint64_t PatternMatcher::live_runs(const RuleProgram& rule, PatternPool& patterns,
                                        std::byte* record, Offset place, std::int64_t now_us,
                                        std::vector<LiveRun>& runs) {
  PatternState& state = patterns.at(*RecordStore::at<std::uint32_t>(record, place));
  current_.select_rule(rule, &state, {});
  live_starts(now_us, runs);
  meter_.begin(*current_.program.plan, *rule.rule, current_.scope.table->layouts, state.base(),
               state.words.size());
  path_events_ = state.paths != nullptr ? live_path_runs(rule, state, now_us, runs) : 0;
  for (const CompleteMatch& match : state.waiting) meter_.add(match.node);
  const std::uint64_t beside = meter_.bytes();
  const std::size_t first = runs.size();
  const auto add = [&](Offset last) {
    const std::uint64_t before = meter_.bytes();
    meter_.add(last);
    const KeptEvent* const event = current_.event_of(current_.node(last)->first);
    runs.push_back({event->engine_time_us, event->arrival(), meter_.bytes() - before});
  };
  if (state.window.open && state.window.end_us > now_us) add(state.window.node);
  for (std::size_t i = state.runs.size(); i-- > 0;) {
    if (current_.lives_until(state.runs[i]) > now_us) add(state.runs[i].node);
  }
  std::reverse(runs.begin() + static_cast<std::ptrdiff_t>(first), runs.end());
  return beside;
}

void PatternMatcher::drop_live_runs(const RuleProgram& rule, PatternPool& patterns,
                                    std::byte* record, Offset place, std::int64_t now_us,
                                    std::size_t count) {
  PatternState& state = patterns.at(*RecordStore::at<std::uint32_t>(record, place));
  current_.select_rule(rule, &state, {});
  if (count == 0) return;
  if (state.members != nullptr) {
    drop_starts(now_us, count);
  } else if (state.window.open && state.window.end_us > now_us) {
    const std::uint64_t events = state.window.count;
    drop_window();
    state.lost_runs += events;
    current_.stats.runs_lost += events;
  } else if (state.paths != nullptr) {
    drop_path_runs(rule, state, now_us, count);
  } else {
    const std::size_t counters = current_.pattern->counter_count;
    std::size_t kept = 0;
    std::size_t dropped = 0;
    for (std::size_t i = 0; i < state.runs.size(); ++i) {
      const PatternRun run = state.runs[i];
      if (current_.lives_until(run) <= now_us) {
        if (kept > 0) state.tally.reset();
        continue;
      }
      if (dropped < count) {
        ++dropped;
        continue;
      }
      std::copy_n(state.counters.begin() + static_cast<std::ptrdiff_t>(i * counters), counters,
                  state.counters.begin() + static_cast<std::ptrdiff_t>(kept * counters));
      state.runs[kept++] = run;
    }
    current_.stats.runs -= state.runs.size() - kept;
    current_.stats.runs_lost += dropped;
    state.runs.resize(kept);
    state.counters.resize(kept * counters);
    state.lost_runs += dropped;
    if (state.words.size() > 2 * state.words_kept) nodes_.collect_words();
  }
  state.lost_until_us = std::max(state.lost_until_us, missed_until(rule, now_us));
  patterns.count(state);
}
}  // namespace tocsin::cep
