#include "cep/pattern/current_pattern.h"

#include "cep/alert/current_row.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
template <typename T>
int sign(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}
// The greatest multiple of `step` that is not after `us`.
std::int64_t floor_to(std::int64_t us, std::int64_t step) {
  const std::int64_t rest = us % step;
  return us - (rest < 0 ? rest + step : rest);
}
}  // namespace

CurrentPattern::CurrentPattern(const ProgramImpl& all, const TableProgram& table,
                               RecordStore& records, EventCapture& events, EngineStats& counts)
    : program(all), store(records), capture(events), stats(counts), scope{all} {
  scope.table = &table;
  scope.values_missing = &counts.values_missing;
  scope.steps = &steps;
}

void CurrentPattern::select_rule(const RuleProgram& selected, PatternState* held,
                                 std::string_view key) {
  rule = &selected;
  pattern = selected.pattern.get();
  state = held;
  scope.rule = &selected;
  scope.pattern = pattern;
  scope.record = held != nullptr ? held->base() : nullptr;
  scope.key = key;
}

void CurrentPattern::make_state() {
  if (state != nullptr) return;
  const std::uint32_t handle = context->patterns.make();
  store.ensure(*row->slot, 1, rule->op, row->event);
  row->record = store.base(*row->slot);
  const Offset place = RecordStore::cut(row->record, 1);
  *RecordStore::at<std::uint64_t>(row->record, place) = 0;
  *RecordStore::at<std::uint32_t>(row->record, place) = handle;
  RecordStore::set_state(row->record, rule->op, place);
  state = &context->patterns.at(handle);
  scope.record = state->base();
}

std::uint32_t CurrentPattern::capture_row() {
  return capture.capture(*row->row, *row->reader, rule->pass);
}

void CurrentPattern::look_at_words(HeldPlaces& places) const {
  places.look_at(*program.plan, *rule->rule, scope.table->layouts, scope.record,
                 state == nullptr ? 0 : state->words.size());
}

HeldPlaces* CurrentPattern::held_places() const {
  if (state->held == nullptr) return nullptr;
  look_at_words(state->held->places);
  return &state->held->places;
}

void CurrentPattern::end_run(std::uint32_t place) {
  if (HeldPlaces* const held = held_places()) held->release(state->runs[place].node);
  state->order->erase(place);
  --stats.runs;
}

void CurrentPattern::push_timer(std::int64_t deadline_us, const ArrivalNumber& arrival) {
  Timer timer;
  timer.deadline_us = deadline_us;
  timer.set_arrival(arrival);
  timer.hash = hash;
  timer.rule = rule->index.value;
  timers->push(queue, timer);
}

int CurrentPattern::compare(TakenEvents a, TakenEvents b, bool longer_first) {
  const auto length = [&](const TakenEvents& events) {
    return (events.node == 0 ? 0U : node(events.node)->node.length) + (events.takes ? 1 : 0);
  };
  std::uint32_t a_length = length(a);
  std::uint32_t b_length = length(b);
  if (longer_first && a_length != b_length) return a_length > b_length ? -1 : 1;
  // Backwards from equal lengths: what differs earliest is seen last and decides.
  int by_position = 0;
  int by_step = 0;
  const int by_length = a_length > b_length ? -1 : a_length < b_length ? 1 : 0;
  const auto drop = [&](TakenEvents& events, std::uint32_t& size) {
    if (events.takes) {
      events.takes = false;
    } else {
      events.node = node(events.node)->node.parent;
    }
    --size;
  };
  while (a_length > b_length && steps.take()) drop(a, a_length);
  while (b_length > a_length && steps.take()) drop(b, b_length);
  if (a_length != b_length) return 0;  // the steps did not suffice
  while (a_length > 0 && steps.take() &&
         (a.node != b.node || a.takes != b.takes || (a.takes && a.step != b.step))) {
    const std::uint32_t step_a = a.takes ? a.step : node(a.node)->node.step;
    const std::uint32_t step_b = b.takes ? b.step : node(b.node)->node.step;
    int difference = 0;
    if (a.takes != b.takes) {
      difference = a.takes ? 1 : -1;  // the current event comes after all that were captured
    } else if (!a.takes) {
      difference = sign(position_of(*event_of(a.node)), position_of(*event_of(b.node)));
    }
    if (difference != 0) by_position = difference;
    if (step_a != step_b) by_step = sign(step_a, step_b);
    drop(a, a_length);
    drop(b, b_length);
  }
  if (by_position != 0) return by_position;
  return by_length != 0 ? by_length : by_step;
}

bool CurrentPattern::is_stepwise() const {
  const Selection& selection = rule->rule->selection;
  return selection.in_order ||
         (selection.kind != SelectionKind::kDefault && selection.kind != SelectionKind::kNoSkip);
}
bool CurrentPattern::is_deferred() const {
  const Suppression& suppression = rule->rule->suppression;
  return !suppression.for_each.empty() ||
         (suppression.at_most && !suppression.at_most->for_each.empty());
}

OrderKey CurrentPattern::order_here() const {
  OrderKey order = order_at_event(row->row->engine_time, row->row->arrival);
  order.role = place_of_role(row->roles);
  order.level = rule->level;
  order.rule = rule->index.value;
  order.key = scope.key;
  return order;
}

std::int64_t CurrentPattern::dies_at(const PatternRun& run) const {
  const PatternTransition& transition = pattern->transitions[run.transition];
  const std::int64_t end = rule->within ? run.first_time_us + rule->within->us : PatternRun::kNever;
  if (transition.target != PatternTransition::kEnd) return std::min(end, run.ends_us);
  return transition.ending == Ending::kAtDeadline ? PatternRun::kNever : end;
}

const KeptEvent& CurrentPattern::end_setter(const PatternRun& run) const {
  const bool by_first = is_due(run)
                            ? pattern->transitions[run.transition].waits_from_first
                            : rule->within && dies_at(run) == run.first_time_us + rule->within->us;
  return *event_of(by_first ? node(run.node)->first : run.node);
}

CalendarWindow CurrentPattern::window_at(EventTime time) const {
  const ClosingWindow& window = *rule->rule->window;
  if (const CalendarSpan* const calendar = window.calendar()) {
    return calendar_window(*pattern->window_zone, calendar->unit, time);
  }
  const EventTime begin{floor_to(time.us, window.duration().us)};
  return {begin, begin + window.duration()};
}
}  // namespace tocsin::cep
