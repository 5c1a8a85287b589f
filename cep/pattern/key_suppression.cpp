#include "cep/pattern/key_suppression.h"

#include <algorithm>
#include <unordered_set>

#include "cep/alert/current_row.h"
#include "cep/eval/loop_totals.h"
#include "cep/plan/rule.h"
#include "cep/record/suppressed_count.h"

namespace tocsin::cep {
// ---- `once per VARIABLE` by the rule's own key

// The last node of the variable in the chain that ends with `head`; 0: none.
Offset KeySuppression::last_of_variable(Offset head) const {
  if (head == 0) return 0;
  const std::uint32_t slot =
      current_.rule->step_of_var[current_.rule->rule->suppression.var().value];
  return current_.node(head)->slots()[slot].last;
}
VariableEvent KeySuppression::variable_event(Offset at) const {
  const KeptEvent* const event = current_.event_of(at);
  return {event->engine_time_us, event->arrival()};
}
std::optional<VariableEvent> KeySuppression::variable_event_here(
    const MatchCandidate& candidate) const {
  const std::uint32_t slot =
      current_.rule->step_of_var[current_.rule->rule->suppression.var().value];
  if (!candidate.takes || !current_.pattern->belongs(static_cast<int>(candidate.step), slot))
    return {};
  return VariableEvent{current_.row->row->engine_time.us, current_.row->row->arrival};
}

// The nodes of the variable, from the last one on.
class KeySuppression::VariableChain {
 public:
  VariableChain(const KeySuppression& suppression, Offset last)
      : suppression_(suppression), last_(last) {}
  Offset begin() const { return last_; }
  static Offset end() { return 0; }
  Offset before(Offset at) const {
    return suppression_.last_of_variable(suppression_.current_.node(at)->node.parent);
  }
  VariableEvent event(Offset at) const { return suppression_.variable_event(at); }
  bool is_noted(Offset at) const { return suppression_.current_.node(at)->is_noted(); }
  std::uint64_t clear(Offset at) const { return keeps_clear() ? *clear_word(at) : 0; }
  void set_clear(Offset at, std::uint64_t count) const {
    if (keeps_clear()) *clear_word(at) = count;
  }

 private:
  bool keeps_clear() const { return suppression_.current_.pattern->keeps_clear; }
  std::uint64_t* clear_word(Offset at) const {
    return RecordStore::at<std::uint64_t>(suppression_.current_.state->base(),
                                          clear_place(*suppression_.current_.pattern, at));
  }
  const KeySuppression& suppression_;
  Offset last_;
};

// Whether a match that alerted, or that `once` held back, had one of the variable's events. Nodes
// whose events are noted, or known to be untaken, end the search, so that a loop that grows is not
// read from its beginning at each event.
bool KeySuppression::shares_variable_event(const MatchCandidate& candidate) const {
  const SuppressionState& held = current_.state->suppression;
  if (held.taken.empty()) return false;
  if (const auto here = variable_event_here(candidate); here && held.has_taken(*here)) return true;
  return has_taken_event(held, current_.state->taken_log,
                         VariableChain(*this, last_of_variable(candidate.node)));
}
void KeySuppression::take_variable_event(const VariableEvent& event) {
  if (current_.state->suppression.take(event) && current_.pattern->keeps_clear)
    current_.state->taken_log.note(event);
}
void KeySuppression::note_variable_events(const MatchCandidate& candidate) {
  if (const auto here = variable_event_here(candidate)) take_variable_event(*here);
  for (Offset at = last_of_variable(candidate.node); at != 0 && !current_.node(at)->is_noted();
       at = last_of_variable(current_.node(at)->node.parent)) {
    take_variable_event(variable_event(at));
    RecordStore::at<PatternNode>(current_.state->base(), at)->set_noted();
  }
  forget_taken();
}

std::vector<VariableEvent> KeySuppression::variable_events(const MatchCandidate& candidate) const {
  std::vector<VariableEvent> events;
  if (const auto here = variable_event_here(candidate)) events.push_back(*here);
  for (Offset at = last_of_variable(candidate.node); at != 0;
       at = last_of_variable(current_.node(at)->node.parent)) {
    events.push_back(variable_event(at));
  }
  std::ranges::reverse(events);
  return events;
}

// ---- suppression by the rule's own key

bool KeySuppression::lets_pass(const MatchCandidate& candidate, const MatchFacts& facts) const {
  const Suppression& suppression = current_.rule->rule->suppression;
  if (current_.state == nullptr) return true;
  const bool passes_once = suppression.kind() == Once::kPerVariable
                               ? !shares_variable_event(candidate)
                               : once_lets_pass(suppression, current_.state->suppression, facts);
  return passes_once && at_most_lets_pass(suppression, current_.state->suppression, facts.time_us);
}
void KeySuppression::mark_alerted() {
  if (current_.rule->is_watched && current_.row != nullptr)
    current_.context->slice.mark_alerted(current_.rule->index, current_.row->number);
}
void KeySuppression::hold_back(const MatchCandidate& candidate, EventTime time) {
  mark_alerted();
  const Suppression& suppression = current_.rule->rule->suppression;
  note_suppressed(suppression, current_.state->suppression, time.us);
  // A match that `once` holds back has taken its events too.
  if (suppression.kind() == Once::kPerVariable && shares_variable_event(candidate)) {
    note_variable_events(candidate);
  }
  ++current_.stats.alerts_suppressed;
}

// Drops events that no partial match holds any more from those that were taken, now and then.
void KeySuppression::forget_taken() {
  const std::vector<VariableEvent>& taken = current_.state->suppression.taken;
  if (taken.size() < 16 || taken.size() < 2 * current_.state->taken_kept) return;
  keep_taken();
}
void KeySuppression::keep_taken() {
  std::vector<VariableEvent> held;
  if (current_.row != nullptr)
    held.push_back({current_.row->row->engine_time.us, current_.row->row->arrival});
  std::unordered_set<Offset> seen;  // partial matches share their past
  const auto add = [&](Offset last) {
    for (Offset at = last_of_variable(last); at != 0 && seen.insert(at).second;
         at = last_of_variable(current_.node(at)->node.parent)) {
      held.push_back(variable_event(at));
    }
  };
  current_.state->for_each_run([&](const PatternRun& run) { add(run.node); });
  for (const CompleteMatch& match : current_.state->waiting) add(match.node);
  for (const CompleteMatch& match : matches_.given) add(match.node);
  for (const MatchCandidate& match : matches_.candidates) add(match.node);
  std::sort(held.begin(), held.end());
  std::vector<VariableEvent>& taken = current_.state->suppression.taken;
  std::erase_if(taken, [&](const VariableEvent& one) {
    return !std::binary_search(held.begin(), held.end(), one);
  });
  current_.state->taken_kept = taken.size();
}
}  // namespace tocsin::cep
