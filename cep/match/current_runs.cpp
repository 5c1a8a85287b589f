#include "cep/match/current_runs.h"

#include <algorithm>
#include <utility>

#include "cep/plan/rule.h"

namespace tocsin::cep {
void CurrentRuns::drop_oldest(OperatorEntry& entry, std::uint32_t runs) {
  // So few are moved. Instead of more the state moves, to where the oldest were, and has room for
  // fewer from then on.
  constexpr std::uint32_t kFewRuns = 16;
  state.run_count -= runs;
  if (state.run_count <= kFewRuns) {
    Run* const all = runs_at(entry.state);
    std::move(all + runs, all + runs + state.run_count, all);
  } else {
    entry.state += runs * kRunWords;
    state.run_capacity -= runs;
  }
  write_state(entry.state);
}

OrderKey CurrentRuns::order_here() const {
  OrderKey order = order_at_event(row->row->engine_time, row->row->arrival);
  order.role = place_of_role(row->roles);
  order.level = rule->level;
  order.rule = rule->index.value;
  order.key = scope.key;
  return order;
}

Offset CurrentRuns::first_node(const std::byte* record, Offset node) {
  for (;;) {
    const Offset parent = RecordStore::at<Node>(record, node)->parent;
    if (parent == 0) return node;
    node = parent;
  }
}

std::int64_t CurrentRuns::end_of(const RuleProgram& rule, const std::byte* record, const Run& run) {
  if ((run.flags() & Run::kFinal) != 0) {
    if (rule.waits_from_first) return run.first_time_us + rule.wait.us;
    return last_event(record, run.node)->engine_time_us + rule.wait.us;
  }
  const std::int64_t end = rule.within ? run.first_time_us + rule.within->us : kNeverDies;
  return run.flags() == Run::kWaits ? std::min(end, gap_end(rule, record, run)) : end;
}

int CurrentRuns::compare(TakenEvents a, TakenEvents b) {
  const auto node_at = [&](Offset offset) { return RecordStore::at<Node>(record, offset); };
  const auto length = [&](const TakenEvents& events) {
    return (events.node != 0 ? node_at(events.node)->length : 0) + (events.takes ? 1 : 0);
  };
  const auto sign = [](auto x, auto y) { return x < y ? -1 : x > y ? 1 : 0; };
  if (length(a) != length(b)) return length(a) > length(b) ? -1 : 1;
  int by_position = 0;
  int by_step = 0;
  Offset x = a.node;
  Offset y = b.node;
  if (a.takes && b.takes) {
    by_step = sign(a.step, b.step);
  } else if (a.takes) {  // the current event comes after all that were captured
    by_position = 1;
    by_step = sign(a.step, std::uint32_t{node_at(y)->step});
    y = node_at(y)->parent;
  } else if (b.takes) {
    by_position = -1;
    by_step = sign(std::uint32_t{node_at(x)->step}, b.step);
    x = node_at(x)->parent;
  }
  // Backwards: what differs earliest is seen last and decides.
  for (; x != y && steps.take(); x = node_at(x)->parent, y = node_at(y)->parent) {
    const auto* first = RecordStore::at<KeptEvent>(record, node_at(x)->event);
    const auto* second = RecordStore::at<KeptEvent>(record, node_at(y)->event);
    if (const int difference = sign(std::pair{first->engine_time_us, first->arrival()},
                                    std::pair{second->engine_time_us, second->arrival()})) {
      by_position = difference;
    }
    if (const int difference = sign(node_at(x)->step, node_at(y)->step)) by_step = difference;
  }
  return by_position != 0 ? by_position : by_step;
}
}  // namespace tocsin::cep
