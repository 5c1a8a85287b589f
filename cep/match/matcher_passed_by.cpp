// Events that concern none of a key's partial matches: no step that they wait for takes them, and
// no absence forbids them. Such an event costs what it begins and what is over by it, not a look at
// each partial match. So a rule such as `A then no B for 1h` does not cost a key more the more
// A it has.
#include <algorithm>

#include "cep/base/assert.h"
#include "cep/match/matcher.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
bool Matcher::concerns_runs() {
  for (std::uint32_t i = 0; i < rule_->steps.size(); ++i) {
    const StepProgram& step = rule_->steps[i];
    const bool is_loop = step.max > 1;
    if (step.gap) return true;  // partial matches cease to wait
    if (is_considered_ && ((i > 0 && step.contiguity == Contiguity::kNext) ||
                           (is_loop && step.mode == LoopMode::kNext))) {
      return true;
    }
    if ((i > 0 || is_loop) && fits_row(step.take, 0, static_cast<int>(i))) return true;
    for (const ElementProgram& guard : step.guards) {
      if (fits_row(guard, 0, -1)) return true;
    }
  }
  return false;
}

// Partial matches are sorted by their first event. Gives how many are over by the current event,
// which go.
std::uint32_t Matcher::drop_expired(Run* runs) {
  if (!rule_->within) return 0;
  const std::int64_t began_by = current_->row->engine_time.us - rule_->within->us;
  std::uint32_t late = 0;
  std::uint32_t kept = 0;
  for (; late < state_.run_count && runs[late].first_time_us <= began_by; ++late) {
    if ((runs[late].flags() & Run::kFinal) != 0) runs[kept++] = runs[late];
  }
  if (kept < late) std::move(runs + late, runs + state_.run_count, runs + kept);
  state_.run_count -= late - kept;
  return late - kept;
}

// Whether that is all that the event does to the rule's state of the key.
bool Matcher::passes_by(const OperatorEntry& entry, bool may_start) {
  const Limits& limits = program_.limits;
  const std::uint32_t runs_after = state_.run_count + 2;
  const std::uint64_t words = reinterpret_cast<const RecordHeader*>(record_)->used;
  // A fresh one that waits for a deadline of its own is compared with no other.
  const bool stands_alone =
      rule_->ends_absent && rule_->steps.size() == 1 && !rule_->waits_from_first;
  if (rule_->places || (may_start && rule_->prunes_over_starts && !stands_alone) ||
      runs_after > limits.runs_per_key_max || may_exceed_key_budget(limits, words, runs_after) ||
      concerns_runs()) {
    return false;
  }
  const std::uint32_t expired =
      drop_expired(RecordStore::at<Run>(record_, entry.state + header_words_));
  stats_.runs -= expired;
  any_live_ = state_.run_count > 0;
  forget_lost_runs();
  if (may_start) offer_start();
  TOCSIN_ASSERT(candidates_.empty(), "a rule of one event has no partial matches");
  if (!drafts_.empty()) {
    tallies_->forget(rule_->index, current_->slot->hash);
    commit(&entry, state_.run_count);
    if (rule_->ends_absent) set_deadlines();
  } else if (expired > 0) {
    tallies_->forget(rule_->index, current_->slot->hash);
    write_state(entry.state);
  }
  return true;
}
}  // namespace tocsin::cep
