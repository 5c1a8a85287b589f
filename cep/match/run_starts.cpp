#include "cep/match/run_starts.h"

#include "cep/plan/pattern.h"

namespace tocsin::cep {
namespace {
bool may_start_plainly(const RuleProgram& rule, const Limits& limits) {
  constexpr std::uint64_t kSteps = 3;
  if (rule.method != Method::kRuns || rule.steps.size() < 2 || rule.strict ||
      limits.busy_key_runs == 0 || limits.runs_per_key_max == 0 ||
      limits.steps_per_event_max < kSteps) {
    return false;
  }
  const ElementProgram& first = rule.steps[0].take;
  return first.by_row.empty() && first.by_run.empty() && first.element->events().size() == 1;
}
}  // namespace

RunStarts::RunStarts(CurrentRuns& current, GroupBudgets& groups, RunBudget& budget,
                     const RunRoom& room)
    : current_(current), groups_(groups), budget_(budget), room_(room) {
  for (const RuleProgram& rule : current.program.rules) {
    may_start_.push_back(may_start_plainly(rule, current.program.limits));
  }
}

bool RunStarts::start(const RuleProgram& rule, CurrentRow& row) {
  if (!may_start_[rule.index.value]) return false;
  const std::uint64_t used =
      row.record == nullptr ? 0 : reinterpret_cast<const RecordHeader*>(row.record)->used;
  if (may_exceed_key_budget(current_.program.limits, used, 1)) return false;
  const std::uint32_t event_words = row.event == 0 ? current_.capture.capture(*row.row) : 0;
  const std::uint32_t header_words = rule_header_words(rule);
  const std::uint32_t words = event_words + kNodeWords + header_words + kRunWords;
  if (row.record == nullptr || !RecordStore::has_room_to_list(row.record, words)) {
    room_.expect_later(rule, row);
  }
  current_.store.ensure(*row.slot, words, rule.op, row.event);
  row.record = current_.store.base(*row.slot);
  if (event_words != 0) {
    row.event = RecordStore::cut(row.record, event_words);
    current_.capture.write(row.record, row.event);
  }
  const Offset node = RecordStore::cut(row.record, kNodeWords);
  *RecordStore::at<Node>(row.record, node) = {0, row.event, 1, 0, 0};
  const Offset state = RecordStore::cut(row.record, header_words + kRunWords);
  RecordStore::set_state(row.record, rule.op, state);
  RuleHeader header;
  header.run_count = header.run_capacity = header.next_start = 1;
  *RecordStore::at<RuleHeader>(row.record, state) = header;
  if (rule.once) {
    *reinterpret_cast<OnceState*>(RecordStore::at<RuleHeader>(row.record, state) + 1) = {};
  }
  const StepProgram& step = rule.steps[0];
  Run run;
  run.first_time_us = row.row->engine_time.us;
  run.node = run.anchor = node;
  run.packed = Run::pack(1, 0,
                         (step.min <= 1 ? std::uint32_t{Run::kWaits} : 0) |
                             (step.max > 1 ? std::uint32_t{Run::kCollects} : 0));
  *RecordStore::at<Run>(row.record, state + header_words) = run;
  ++current_.stats.runs;
  groups_.spend(rule, 1,
                8 * (kNodeWords + RecordStore::at<KeptEvent>(row.record, row.event)->words) +
                    kPartialMatchBytes);
  budget_.tallies().forget(rule.index, row.slot->hash);
  return true;
}
}  // namespace tocsin::cep
