#include "cep/match/run_writer.h"

#include <span>

#include "cep/alert/alert_builder.h"
#include "cep/plan/pattern.h"

namespace tocsin::cep {
namespace {
// Puts a key's oldest runs, which stay as they are, before the drafts.
void put_before(std::span<const Run> kept, std::vector<Draft>& drafts) {
  drafts.insert(drafts.begin(), kept.size(), Draft{});
  for (std::uint32_t i = 0; i < kept.size(); ++i) {
    drafts[i].run = kept[i];
    drafts[i].from = i;
  }
}
}  // namespace

void RunWriter::commit(const OperatorEntry* entry, std::uint32_t kept) {
  const RuleProgram& rule = *current_.rule;
  KeySlot& slot = *current_.row->slot;
  const auto count = kept + static_cast<std::uint32_t>(drafts_.size());
  if (entry == nullptr && count == 0 && !rule.once && current_.state.lost_runs == 0) return;
  current_.stats.runs += count;
  current_.stats.runs -= current_.state.run_count;

  // What is new: the captured event, and a node for each event taken; drafts that differ only in
  // what they wait for share it.
  std::uint32_t words = 0;
  std::uint32_t event_words = 0;
  const Draft* before = nullptr;
  for (Draft& draft : drafts_) {
    if (draft.takes) {
      if (current_.row->event == 0 && event_words == 0) {
        event_words = current_.capture.capture(*current_.row->row);
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
  const std::uint32_t block_words = current_.header_words + new_capacity * kRunWords;
  const bool in_place = entry != nullptr && current_.state.run_capacity >= count &&
                        RecordStore::has_room(current_.record, words);
  if (!in_place) {
    if (kept > 0) put_before({current_.runs_at(entry->state), kept}, drafts_);
    kept = 0;
    if (current_.record == nullptr ||
        !RecordStore::has_room(current_.record, words + block_words)) {
      room_.expect_later(rule, *current_.row);
    }
    current_.store.ensure_replacing(slot, words + block_words, rule.op, current_.row->event,
                                    drafts_);
    current_.set_record(current_.store.base(slot));
    current_.row->record = current_.record;
  }
  if (event_words != 0) {
    current_.row->event = RecordStore::cut(current_.record, event_words);
    current_.capture.write(current_.record, current_.row->event);
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
  if (starts) ++current_.state.next_start;
  if (taken > 0) {
    const std::uint64_t event =
        RecordStore::at<KeptEvent>(current_.record, current_.row->event)->words;
    groups_.spend(rule, taken, 8 * (words - event_words + event) + taken * kPartialMatchBytes);
  }

  Offset block = 0;
  if (in_place) {
    block = entry->state;
  } else {
    block = RecordStore::cut(current_.record, block_words);
    RecordStore::set_state(current_.record, rule.op, block);
    current_.state.run_capacity = new_capacity;
  }
  current_.state.run_count = count;
  current_.write_state(block);
  Run* runs = current_.runs_at(block) + kept;
  for (const Draft& draft : drafts_) *runs++ = draft.run;
}

std::uint32_t RunWriter::node_words(const Draft& draft) const {
  const bool has_values = (draft.run.flags() & Run::kFinal) != 0;
  const auto values =
      has_values ? static_cast<std::uint32_t>(current_.rule->deadline_features.size()) : 0;
  return kNodeWords + values * kStoredValueWords;
}

// The node of the current event after the draft's last one.
Offset RunWriter::write_node(const Draft& draft) {
  const Offset offset = RecordStore::cut(current_.record, node_words(draft));
  Node node;
  node.parent = draft.run.node;
  node.event = current_.row->event;
  node.set_length(
      1U + (node.parent != 0 ? RecordStore::at<Node>(current_.record, node.parent)->length : 0U));
  node.step = static_cast<std::uint16_t>(draft.run.step());
  const Element& element = *current_.rule->steps[node.step].take.element;
  if (element.events().size() > 1) {
    node.subset_and_values = static_cast<std::uint16_t>(
        subset_of_event(element, current_.view(), current_.scope_at(0, -1)));
  }
  if ((draft.run.flags() & Run::kFinal) != 0 && !current_.rule->deadline_features.empty()) {
    node.subset_and_values |= Node::kHasValues;
    auto* values = RecordStore::at<StoredValue>(current_.record, offset + kNodeWords);
    for (const FeatureIndex feature : current_.rule->deadline_features) {
      *values++ = StoredValue::of(current_.scope.features->read(feature));
    }
  }
  *RecordStore::at<Node>(current_.record, offset) = node;
  return offset;
}

void RunWriter::set_deadlines(std::uint32_t queue) {
  const RuleProgram& rule = *current_.rule;
  std::uint32_t last_start = 0;
  bool any = false;
  for (const Draft& draft : drafts_) {
    if (!draft.takes || (draft.run.flags() & Run::kFinal) == 0) continue;
    // One timer serves all matches for which the same event set it.
    if (any && (!rule.waits_from_first || draft.run.start == last_start)) continue;
    any = true;
    last_start = draft.run.start;
    Offset setter = draft.run.node;
    if (rule.waits_from_first) {
      // It serves those of later events too.
      setter = CurrentRuns::first_node(current_.record, setter);
      auto* const first = RecordStore::at<Node>(current_.record, setter);
      if (first->has_timer != 0) continue;
      first->has_timer = 1;
    }
    const KeptEvent& cause = *CurrentRuns::last_event(current_.record, setter);
    Timer timer;
    timer.deadline_us = cause.engine_time_us + rule.wait.us;
    timer.set_arrival(cause.arrival());
    timer.hash = current_.row->slot->hash;
    timer.rule = rule.index.value;
    current_.context->timers.push(queue, timer);
  }
}
}  // namespace tocsin::cep
