#include "cep/match/matcher.h"

#include <algorithm>

#include "cep/alert/alert_builder.h"
#include "cep/match/feature_store.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
// So few partial matches are looked at one by one.
constexpr std::uint32_t kFewRuns = 8;
}  // namespace

void Matcher::begin_event(const MatchContext& context, CurrentRow& current) {
  context_ = &context;
  current_ = &current;
  steps_.begin(program_.limits.steps_per_event_max);
  gave_up_ = false;
  scope_.batch = &context.slice.batch();
  scope_.key = current.key;
  scope_.features = current.reader;
  scope_.roles = current.roles;
}

void Matcher::on_event(const RuleProgram& rule, const MatchContext& context, CurrentRow& current,
                       std::uint32_t queue) {
  if (rule.method == Method::kGeneral) {
    general_.on_event(rule, context, current, queue);
    return;
  }
  begin_event(context, current);
  const bool may_start = current.satisfies(rule.steps[0].take.predicate);
  if (rule.method == Method::kSingle) {
    if (!may_start || (rule.count_test && !passes(*rule.count_test))) return;
    select_rule(rule, current.record);
    give_single_event();
    return;
  }
  OperatorEntry* const entry =
      current.record != nullptr ? RecordStore::find(current.record, rule.op) : nullptr;
  const RuleHeader* const header =
      entry == nullptr ? nullptr : RecordStore::at<RuleHeader>(current.record, entry->state);
  if (header != nullptr && header->is_busy()) {
    select_rule(rule, current.record);
    if (on_busy_event(*entry)) return;
  }
  if (!may_start && (header == nullptr || header->run_count == 0)) return;
  select_rule(rule, current.record);
  read_state(entry);
  queue_ = queue;
  is_considered_ = rule.strict && current.satisfies(rule.considered_predicate);
  if (rule.row_places > 0) row_answers_.assign(rule.row_places, 0);
  drafts_.clear();
  candidates_.clear();
  changed_ = any_live_ = false;

  if (state_.run_count > kFewRuns && passes_by(*entry, may_start)) return;
  offer_all(entry, may_start);
  bool state_changed = false;
  if (!candidates_.empty()) {
    state_changed = true;
    if (select_at_event() && rule.rule->selection.kind == SelectionKind::kSkipPastLast) {
      // All began at or before this event, the match's last.
      changed_ = changed_ || state_.run_count > 0;
      drafts_.clear();
    }
  }
  if (!changed_ && !gave_up_ && drafts_.size() == state_.run_count) {
    if (state_changed && entry != nullptr) {
      write_state(entry->state);
    } else if (state_changed && rule.once) {
      commit(nullptr);
    }
    return;
  }
  if (rule.prunes && drafts_.size() > 1) prune();
  if (gave_up_) lose_drafts((drafts_.size() + 1) / 2, BudgetCause::kStepsPerEvent);
  keep_to_budget();
  const std::uint32_t runs_before = state_.run_count;
  commit(entry);
  if (tally_ != nullptr) keep_tally(*tally_);
  if (rule.ends_absent) set_deadlines();
  if (rule.places && becomes_busy(runs_before)) make_busy();
}

bool Matcher::passes(const CountTest& test) const {
  const FeatureProgram& feature = program_.features[test.feature];
  return feature.has_key[current_->row->type.value] &&
         words_compare(test.op, FeatureStore::count_in_ring(feature, *current_), test.number);
}

// A rule of one event and no memory: the event is the match.
void Matcher::give_single_event() {
  if (rule_->row_places > 0) row_answers_.assign(rule_->row_places, 0);
  if (!fits(rule_->steps[0].take, 0, 0, true)) return;
  state_ = {};
  once_ = {};
  candidates_.assign(1, Candidate{});
  select_at_event();
}

void Matcher::read_state(const OperatorEntry* entry) {
  header_words_ = rule_header_words(*rule_);
  state_ = {};
  once_ = {};
  if (entry == nullptr) return;
  const auto* header = RecordStore::at<RuleHeader>(record_, entry->state);
  state_ = *header;
  if (rule_->once) once_ = *reinterpret_cast<const OnceState*>(header + 1);
}
void Matcher::write_state(Offset state) {
  auto* header = RecordStore::at<RuleHeader>(record_, state);
  *header = state_;
  if (rule_->once) *reinterpret_cast<OnceState*>(header + 1) = once_;
}

// One run at the current event: drafts what becomes of it.
void Matcher::offer(const Run& run, std::uint32_t place) {
  current_from_ = place;
  const std::uint32_t flags_before = run.flags();
  if ((flags_before & Run::kFinal) == 0 && rule_->within &&
      current_->row->engine_time.us >= run.first_time_us + rule_->within->us) {
    changed_ = true;
    return;
  }
  any_live_ = true;
  steps_.take();
  const std::uint32_t at = run.step();
  const StepProgram& step = rule_->steps[at];
  // An absence guards from the run's last event: it ends what has left the loop, not the loop.
  constexpr std::uint32_t kGuarded = std::uint32_t{Run::kWaits} | std::uint32_t{Run::kFinal};
  bool killed = false;
  if ((flags_before & kGuarded) != 0) {
    for (const ElementProgram& guard : step.guards) {
      killed = killed || fits(guard, run.node, -1, false);
    }
  }
  std::uint32_t flags = flags_before;
  if (gap_end(*rule_, record_, run) <= current_->row->engine_time.us) {
    flags &= ~std::uint32_t{Run::kWaits};
  }
  if ((flags & Run::kWaits) != 0) {
    const StepProgram& next = rule_->steps[at + 1];
    if (fits(next.take, run.node, static_cast<int>(at + 1), true)) {
      take(run, at + 1, 1, killed);
      if (next.contiguity != Contiguity::kAny) flags &= ~std::uint32_t{Run::kWaits};
    } else if (next.contiguity == Contiguity::kNext && is_considered_) {
      flags &= ~std::uint32_t{Run::kWaits};
    }
  }
  if ((flags & Run::kCollects) != 0) {
    if (fits(step.take, run.node, static_cast<int>(at), false)) {
      take(run, at, std::min(run.count() + 1, kUnbounded), false);
      flags &= ~std::uint32_t{Run::kCollects};
    } else if (step.mode == LoopMode::kNext && is_considered_) {
      flags &= ~std::uint32_t{Run::kCollects};
    }
  }
  if (killed) flags &= ~kGuarded;
  changed_ = changed_ || flags != flags_before;
  if (flags == 0) return;
  Draft draft;
  draft.run = run;
  draft.from = place;
  draft.run.packed = Run::pack(run.count(), at, flags);
  drafts_.push_back(draft);
}

// `parent` takes the current event as event number `count` of `step`; where it was killed, only a
// match that this completes counts.
void Matcher::take(const Run& parent, std::uint32_t step_index, std::uint32_t count, bool killed) {
  const StepProgram& step = rule_->steps[step_index];
  const bool may_stop = count >= step.min;
  const bool may_go_on = count < step.max || step.max == kUnbounded;
  const bool is_last = step_index + 1 == rule_->steps.size();
  if (is_last && may_stop && !rule_->ends_absent) {
    candidates_.push_back({parent.node, parent.start});
  }
  steps_.take();
  if (killed) return;
  // For the deadline its first event is looked for.
  if (rule_->waits_from_first && parent.node != 0) {
    steps_.take(RecordStore::at<Node>(record_, parent.node)->length / 8);
  }
  Draft draft;
  draft.run = parent;
  draft.from = current_from_;
  draft.takes = true;
  // The anchor is the last event that anything later may read; at the least the first event.
  const bool is_start = parent.node == 0;
  draft.anchors_here = is_start || static_cast<int>(step_index) <= step.live_step;
  const auto add = [&](std::uint32_t flags) {
    if (flags == 0) return;
    draft.run.packed = Run::pack(count, step_index, flags);
    drafts_.push_back(draft);
    changed_ = true;
  };
  const std::uint32_t collects = may_go_on ? std::uint32_t{Run::kCollects} : 0;
  if (!is_last) {
    add((may_stop ? std::uint32_t{Run::kWaits} : 0) | collects);
  } else {
    if (rule_->ends_absent && may_stop) add(Run::kFinal);
    add(collects);
  }
}

// What is the same for all runs.
bool Matcher::fits_row(const ElementProgram& element, Offset head, int taken_step) {
  if (!current_->satisfies(element.predicate)) return false;
  if (!element.by_row.empty()) {
    std::int8_t& answer = row_answers_[element.place];
    if (answer == 0) {
      answer = 1;
      for (const Conjunct& conjunct : element.by_row) {
        if (!holds(conjunct, head, taken_step)) {
          answer = -1;
          break;
        }
      }
    }
    if (answer < 0) return false;
  }
  return true;
}

bool Matcher::fits(const ElementProgram& element, Offset head, int taken_step, bool is_first) {
  if (!fits_row(element, head, taken_step)) return false;
  for (const Conjunct& conjunct : element.by_run) {
    if (is_first && !conjunct.of_first) continue;
    if (!holds(conjunct, head, taken_step)) return false;
  }
  return true;
}

bool Matcher::holds(const Conjunct& conjunct, Offset head, int taken_step) {
  const EvalScope& scope = scope_at(head, taken_step);
  return conjunct_holds(conjunct, EventView{current_->row, nullptr}, scope);
}

// ---- writing

// Makes the drafts the rule's runs of this key, behind the first `kept` of those that are there;
// `entry` is the rule's, null where it has no state yet.
void Matcher::commit(const OperatorEntry* entry, std::uint32_t kept) {
  KeySlot& slot = *current_->slot;
  const auto count = kept + static_cast<std::uint32_t>(drafts_.size());
  if (entry == nullptr && count == 0 && !rule_->once && state_.lost_runs == 0) return;
  stats_.runs += count;
  stats_.runs -= state_.run_count;

  // What is new: the captured event, and a node for each event taken; drafts that differ only in
  // what they wait for share it.
  std::uint32_t words = 0;
  std::uint32_t event_words = 0;
  const Draft* before = nullptr;
  for (Draft& draft : drafts_) {
    if (draft.takes) {
      if (current_->event == 0 && event_words == 0) {
        event_words = capture_.capture(*current_->row);
        words += event_words;
      }
      draft.shares_node = before != nullptr && before->takes &&
                          before->run.node == draft.run.node &&
                          before->run.step() == draft.run.step();
      if (!draft.shares_node) words += node_words(draft);
    }
    before = &draft;
  }
  const std::uint32_t new_capacity = count < 2 ? count : count + count / 4;
  const std::uint32_t block_words = header_words_ + new_capacity * kRunWords;
  const bool in_place =
      entry != nullptr && state_.run_capacity >= count && RecordStore::has_room(record_, words);
  if (!in_place) {
    drafts_.insert(drafts_.begin(), kept, Draft{});
    for (std::uint32_t i = 0; i < kept; ++i) {
      drafts_[i].run = RecordStore::at<Run>(record_, entry->state + header_words_)[i];
      drafts_[i].from = i;
    }
    kept = 0;
    store_.ensure_replacing(slot, words + block_words, rule_->op, current_->event, drafts_);
    record_ = store_.base(slot);
    scope_.record = record_;
    current_->record = record_;
  }
  if (event_words != 0) {
    current_->event = RecordStore::cut(record_, event_words);
    capture_.write(record_, current_->event);
  }
  bool starts = false;
  Offset node = 0;
  std::uint64_t taken = 0;
  for (Draft& draft : drafts_) {
    if (!draft.takes) continue;
    ++taken;
    starts = starts || draft.run.node == 0;
    if (!draft.shares_node) node = write_node(draft);
    draft.run.node = node;
    if (draft.anchors_here) draft.run.anchor = node;
  }
  if (starts) ++state_.next_start;
  if (taken > 0) {
    const std::uint64_t event = RecordStore::at<KeptEvent>(record_, current_->event)->words;
    groups_.spend(*rule_, taken, 8 * (words - event_words + event) + taken * kPartialMatchBytes);
  }

  Offset block = 0;
  if (in_place) {
    block = entry->state;
  } else {
    block = RecordStore::cut(record_, block_words);
    RecordStore::set_state(record_, rule_->op, block);
    state_.run_capacity = new_capacity;
  }
  state_.run_count = count;
  write_state(block);
  Run* runs = RecordStore::at<Run>(record_, block + header_words_) + kept;
  for (const Draft& draft : drafts_) *runs++ = draft.run;
}

std::uint32_t Matcher::node_words(const Draft& draft) const {
  const bool has_values = (draft.run.flags() & Run::kFinal) != 0;
  const auto values = has_values ? static_cast<std::uint32_t>(rule_->deadline_features.size()) : 0;
  return kNodeWords + values * kStoredValueWords;
}

// The node of the current event after the draft's last one.
Offset Matcher::write_node(const Draft& draft) {
  const Offset offset = RecordStore::cut(record_, node_words(draft));
  Node node;
  node.parent = draft.run.node;
  node.event = current_->event;
  node.length = 1 + (node.parent != 0 ? RecordStore::at<Node>(record_, node.parent)->length : 0);
  node.step = static_cast<std::uint16_t>(draft.run.step());
  const Element& element = *rule_->steps[node.step].take.element;
  if (element.events().size() > 1) {
    node.subset_and_values = static_cast<std::uint16_t>(
        subset_of_event(element, EventView{current_->row, nullptr}, scope_at(0, -1)));
  }
  if ((draft.run.flags() & Run::kFinal) != 0 && !rule_->deadline_features.empty()) {
    node.subset_and_values |= Node::kHasValues;
    auto* values = RecordStore::at<StoredValue>(record_, offset + kNodeWords);
    for (const FeatureIndex feature : rule_->deadline_features) {
      *values++ = StoredValue::of(scope_.features->read(feature));
    }
  }
  *RecordStore::at<Node>(record_, offset) = node;
  return offset;
}

const KeptEvent* Matcher::first_event(Offset node) const {
  const Node* at = RecordStore::at<Node>(record_, node);
  while (at->parent != 0) at = RecordStore::at<Node>(record_, at->parent);
  return RecordStore::at<KeptEvent>(record_, at->event);
}
const KeptEvent* Matcher::last_event(Offset node) const {
  return RecordStore::at<KeptEvent>(record_, RecordStore::at<Node>(record_, node)->event);
}

void Matcher::set_deadlines() {
  std::uint32_t last_start = 0;
  bool any = false;
  for (const Draft& draft : drafts_) {
    if (!draft.takes || (draft.run.flags() & Run::kFinal) == 0) continue;
    // One timer serves all matches for which the same event set it.
    if (any && (!rule_->waits_from_first || draft.run.start == last_start)) continue;
    any = true;
    last_start = draft.run.start;
    const KeptEvent* cause =
        rule_->waits_from_first ? first_event(draft.run.node) : last_event(draft.run.node);
    Timer timer;
    timer.deadline_us = cause->engine_time_us + rule_->wait.us;
    timer.set_arrival(cause->arrival());
    timer.hash = current_->slot->hash;
    timer.rule = rule_->index.value;
    context_->timers.push(queue_, timer);
  }
}
}  // namespace tocsin::cep
