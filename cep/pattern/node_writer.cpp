#include "cep/pattern/node_writer.h"

#include <algorithm>
#include <bit>

#include "cep/alert/alert_builder.h"
#include "cep/alert/current_row.h"
#include "cep/eval/loop_totals.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
Offset NodeWriter::write_event() {
  if (event_ != 0) return event_;
  const std::uint32_t words = current_.capture_row();
  event_ = current_.state->cut(words);
  current_.capture.write(current_.state->base(), event_);
  current_.scope.record = current_.state->base();
  return event_;
}

void NodeWriter::write_run(RunDraft& draft) {
  if (!draft.takes) return;
  draft.run.node = write_node(draft.run.node, draft.step);
  if (current_.pattern->transitions[draft.run.transition].target == PatternTransition::kEnd) {
    draft.run.values = write_values();
  }
}

Offset NodeWriter::write_node(Offset parent, std::uint32_t step_index) {
  const Offset event = write_event();
  const Offset last_made = parent != 0 ? current_.node(parent)->made : first_made_;
  const auto is_made = [&](Offset at) {
    return at != 0 && current_.node(at)->node.parent == parent &&
           current_.node(at)->node.event == event;
  };
  for (Offset at = last_made; is_made(at); at = current_.node(at)->made) {
    if (current_.node(at)->node.step == step_index) return at;
  }
  const PatternStep& step = current_.pattern->steps[step_index];
  std::uint16_t subset = 0;
  if (step.element->events().size() > 1) {
    subset = static_cast<std::uint16_t>(subset_of_event(
        *step.element, EventView{current_.row->row, nullptr}, current_.scope_at(0, -1)));
  }
  const Offset offset =
      make_node(parent, event, step_index, subset, EventView{current_.row->row, nullptr});
  RecordStore::at<PatternNode>(current_.state->base(), offset)->made = last_made;
  if (parent != 0) {
    RecordStore::at<PatternNode>(current_.state->base(), parent)->made = offset;
  } else {
    first_made_ = offset;
  }
  return offset;
}

Offset NodeWriter::make_node(Offset parent, Offset event, std::uint32_t step_index,
                             std::uint16_t subset, const EventView& view) {
  const PatternStep& step = current_.pattern->steps[step_index];
  const Offset offset = current_.state->cut(node_words(*current_.pattern));
  current_.scope.record = current_.state->base();
  auto* const made = RecordStore::at<PatternNode>(current_.state->base(), offset);
  made->node.parent = parent;
  made->node.event = event;
  made->node.length = 1;
  made->node.has_timer = 0;
  made->node.step = static_cast<std::uint16_t>(step_index);
  made->node.subset_and_values = subset;
  made->first = offset;
  if (parent != 0) {
    const PatternNode* const before = current_.node(parent);
    made->node.set_length(before->node.length + 1U);
    made->first = before->first;
    std::copy_n(before->slots(), current_.pattern->slot_count, made->slots());
  }
  for (std::uint32_t i = 0; i < current_.pattern->totals.size(); ++i) {
    LoopTotal total;
    if (parent != 0) {
      total = *RecordStore::at<LoopTotal>(current_.scope.record,
                                          total_place(*current_.pattern, parent, i));
    }
    const Expr& aggregate = *current_.pattern->totals[i];
    const VarIndex var = aggregate.as_validated<VariableAggregate>().var;
    if (current_.pattern->belongs(static_cast<int>(step_index),
                                  current_.rule->step_of_var[var.value])) {
      add_to_total(aggregate, view, current_.scope_at(0, -1), total);
    }
    *RecordStore::at<LoopTotal>(current_.state->base(), total_place(*current_.pattern, offset, i)) =
        total;
  }
  for (std::uint64_t rest = step.slots; rest != 0; rest &= rest - 1) {
    SlotEvents& slot = made->slots()[std::countr_zero(rest)];
    slot.last = offset;
    if (slot.first == 0) slot.first = offset;
  }
  return offset;
}

Offset NodeWriter::write_values() {
  if (current_.rule->deadline_features.empty() || values_ != 0) return values_;
  std::vector<std::uint64_t> block(1);
  for (const FeatureIndex feature : current_.rule->deadline_features) {
    append_kept_value(block, current_.row->reader->read(feature));
  }
  values_ = put_values(block);
  return values_;
}

Offset NodeWriter::put_values(std::vector<std::uint64_t>& block) {
  block[0] = block.size();
  const Offset values = current_.state->cut(block.size());
  std::copy(block.begin(), block.end(),
            current_.state->words.begin() + static_cast<std::ptrdiff_t>(values));
  current_.scope.record = current_.state->base();
  return values;
}

void NodeWriter::collect_words() {
  PatternState& state = *current_.state;
  std::vector<Offset> moved(state.words.size());  // where each object went; 0: nowhere yet
  std::vector<std::uint64_t> fresh = {0};
  const auto copy = [&](Offset from, std::size_t words) {
    const auto to = static_cast<Offset>(fresh.size());
    const auto begin = state.words.begin() + static_cast<std::ptrdiff_t>(from);
    fresh.insert(fresh.end(), begin, begin + static_cast<std::ptrdiff_t>(words));
    moved[from] = to;
    return to;
  };
  const auto move_block = [&](Offset from, std::size_t words) {
    return moved[from] != 0 ? moved[from] : copy(from, words);
  };
  std::vector<Offset> path;
  const auto move_node = [&](Offset from) {
    path.clear();
    for (Offset at = from; at != 0 && moved[at] == 0;
         at = RecordStore::at<PatternNode>(state.base(), at)->node.parent) {
      path.push_back(at);
    }
    for (std::size_t i = path.size(); i-- > 0;) {
      const auto* old = RecordStore::at<PatternNode>(state.base(), path[i]);
      const Offset event = move_block(
          old->node.event, RecordStore::at<KeptEvent>(state.base(), old->node.event)->words);
      const Offset to = copy(path[i], node_words(*current_.pattern));
      auto* made = RecordStore::at<PatternNode>(reinterpret_cast<std::byte*>(fresh.data()), to);
      const auto follow = [&](Offset& offset) {
        if (offset != 0) offset = moved[offset];
      };
      made->node.event = event;
      made->made = 0;
      follow(made->node.parent);
      follow(made->first);
      for (std::uint32_t slot = 0; slot < current_.pattern->slot_count; ++slot) {
        follow(made->slots()[slot].first);
        follow(made->slots()[slot].last);
      }
    }
    return moved[from];
  };
  const auto move_match = [&](auto& match) {
    match.node = move_node(match.node);
    if (match.values != 0) {
      match.values = move_block(match.values, static_cast<std::size_t>(state.words[match.values]));
    }
  };
  state.for_each_run([&](PatternRun& run) { move_match(run); });
  for (CompleteMatch& match : state.waiting) move_match(match);
  if (state.window.open) move_match(state.window);
  fresh.shrink_to_fit();
  state.words = std::move(fresh);
  state.budget_words = 0;
  state.held.reset();
  state.words_kept = state.words.size();
  current_.scope.record = state.base();
}
}  // namespace tocsin::cep
