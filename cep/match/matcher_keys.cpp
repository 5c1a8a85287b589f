// What the matcher has of a key beside events: until when it matters, what budgets of key groups
// count of it and drop, and what is given back.
#include <algorithm>

#include "cep/match/matcher.h"
#include "cep/record/budget.h"

namespace tocsin::cep {
std::int64_t Matcher::expiry(const RuleProgram& rule, PatternPool& patterns, std::byte* record,
                             Offset state, std::int64_t now_us) {
  auto* const header = RecordStore::at<RuleHeader>(record, state);
  Run* const runs = RecordStore::at<Run>(record, state + rule_header_words(rule));
  std::int64_t latest = kDead;
  if (header->lost_runs > 0 && header->lost_until_us > now_us) latest = header->lost_until_us;
  if (rule.once) {
    const auto& once = *reinterpret_cast<const OnceState*>(header + 1);
    latest = std::max(latest, once_until(once, *rule.once, now_us));
  }
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < header->run_count; ++i) {
    const Run run = runs[i];
    const std::int64_t end = CurrentRuns::end_of(rule, record, run);
    if (end <= now_us) continue;
    latest = std::max(latest, end);
    runs[kept++] = run;
  }
  current_.stats.runs -= header->run_count - kept;
  header->run_count = kept;
  if (header->is_busy()) latest = std::max(latest, places_.expiry(rule, patterns, *header, now_us));
  return latest;
}

void Matcher::release(const RuleProgram& rule, PatternPool& patterns, const std::byte* record,
                      Offset state) {
  const auto* const header = RecordStore::at<RuleHeader>(record, state);
  current_.stats.runs -= header->run_count;
  if (rule.places && header->is_busy()) places_.release(patterns, *header);
}

std::uint64_t Matcher::live_runs(const RuleProgram& rule, PatternPool& patterns, std::byte* record,
                                 Offset state, std::int64_t now_us, std::vector<LiveRun>& runs) {
  if (rule.method == Method::kGeneral) {
    return general_.live_runs(rule, patterns, record, state, now_us, runs);
  }
  live_events_ = 0;
  if (rule.method != Method::kRuns) return 0;
  const auto* const header = RecordStore::at<RuleHeader>(record, state);
  if (header->is_busy()) {
    live_events_ = places_.live_runs(rule, patterns, *header, now_us, runs);
    return 0;
  }
  const Run* const kept = RecordStore::at<Run>(record, state + rule_header_words(rule));
  meter_.begin(*current_.program.plan, *rule.rule, current_.scope.table->layouts, record,
               reinterpret_cast<const RecordHeader*>(record)->used);
  const std::size_t first = runs.size();
  for (std::uint32_t i = header->run_count; i-- > 0;) {
    if (CurrentRuns::end_of(rule, record, kept[i]) <= now_us) continue;
    const std::uint64_t before = meter_.bytes();
    meter_.add(kept[i].node);
    const KeptEvent* const event = CurrentRuns::first_event(record, kept[i].node);
    runs.push_back({event->engine_time_us, event->arrival(), meter_.bytes() - before});
  }
  std::reverse(runs.begin() + static_cast<std::ptrdiff_t>(first), runs.end());
  live_events_ = meter_.events();
  return 0;
}

std::uint64_t Matcher::events_of_live_runs(const RuleProgram& rule) const {
  if (rule.method == Method::kGeneral) return general_.events_of_live_runs();
  return live_events_;
}

void Matcher::drop_live_runs(const RuleProgram& rule, PatternPool& patterns, std::byte* record,
                             Offset state, std::int64_t now_us, std::size_t count) {
  if (rule.method == Method::kGeneral) {
    general_.drop_live_runs(rule, patterns, record, state, now_us, count);
    return;
  }
  auto* const header = RecordStore::at<RuleHeader>(record, state);
  if (header->is_busy()) {
    places_.drop_live_runs(rule, patterns, *header, now_us, count);
    return;
  }
  Run* const runs = RecordStore::at<Run>(record, state + rule_header_words(rule));
  std::uint32_t kept = 0;
  std::size_t dropped = 0;
  for (std::uint32_t i = 0; i < header->run_count; ++i) {
    const Run run = runs[i];
    if (CurrentRuns::end_of(rule, record, run) <= now_us) continue;
    if (dropped < count) {
      ++dropped;
    } else {
      runs[kept++] = run;
    }
  }
  current_.stats.runs -= header->run_count - kept;
  current_.stats.runs_lost += dropped;
  header->run_count = kept;
  header->lost_runs += static_cast<std::uint32_t>(dropped);
  header->lost_until_us = std::max(header->lost_until_us, missed_until(rule, now_us));
}
}  // namespace tocsin::cep
