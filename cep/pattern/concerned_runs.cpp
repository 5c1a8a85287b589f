#include "cep/pattern/concerned_runs.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "cep/alert/current_row.h"

namespace tocsin::cep {
namespace {
// An order pays where so many events use it; once it did not, so many go without one.
constexpr std::uint32_t kEventsOfOrder = 16;
constexpr std::size_t kFew = 16;  // concerned partial matches, which always pay

// By what equal values of one type are found; nothing for a missing one, which equals none.
std::optional<std::uint64_t> key_of(const Value& value) {
  if (value.is_missing()) return std::nullopt;
  if (value.kind == ValueKind::kString) return XXH3_64bits(value.text.data(), value.text.size());
  return XXH3_64bits(&value.number, sizeof(value.number));
}
}  // namespace

bool ConcernedRuns::order() {
  PatternState& state = *current_.state;
  ended_ = 0;
  if (!current_.pattern->keeps_order) return false;
  if (state.order == nullptr) {
    if (state.runs.size() < current_.program.limits.ordered_runs_min) return false;
    if (state.order_events > 0) {
      --state.order_events;
      return false;
    }
    current_.stats.runs_visited += state.runs.size();
    if (current_.held_places() != nullptr) state.held->replace(state.run_ends());
    state.make_order(current_.pattern->transitions.size(),
                     [this](const PatternRun& run) { return key_of(run); });
  }
  if (state.order_events < kEventsOfOrder) ++state.order_events;
  end_by_time();
  return true;
}

// Ends those that are over by the current event: by `within` they stand in front, and of those that
// wait for a step with a gap the ones that came first.
void ConcernedRuns::end_by_time() {
  const PatternState& state = *current_.state;
  const ClassedList& order = *state.order;
  const std::int64_t now = current_.row->row->engine_time.us;
  const auto end = [&](std::uint32_t at) {
    current_.end_run(at);
    ++ended_;
  };
  for (const std::uint32_t i : current_.pattern->gapped) {
    std::uint32_t next = order.front_of(i);
    while (next != ClassedList::kNone && state.runs[next].ends_us <= now) {
      ++current_.stats.runs_visited;
      end(std::exchange(next, order.next_in_class(next)));
    }
  }
  if (!current_.rule->within) return;
  const std::int64_t began_by = now - current_.rule->within->us;
  std::uint32_t next = order.front();
  while (next != ClassedList::kNone && state.runs[next].first_time_us <= began_by) {
    const std::uint32_t at = std::exchange(next, order.next(next));
    ++current_.stats.runs_visited;
    if (!current_.is_due(state.runs[at])) end(at);  // else its deadline ends it
  }
}

bool ConcernedRuns::find() {
  const ClassedList& order = *current_.state->order;
  places_.clear();
  const std::size_t most = kFew + order.size() / 4;
  bool any_many = current_.pattern->without && order.size() > 0 &&
                  conditions_.fits_row(*current_.pattern->without, -1);
  for (std::uint32_t i = 0; i < order.class_count() && !any_many; ++i) {
    any_many = order.size_of(i) > 0 && may_concern(i) && !add_concerned(i, most);
  }
  if (any_many) {
    give_up();
    return false;
  }
  sort_places();
  if (current_.rule->prunes) add_groups();
  return true;
}

// Whether the event may change, end or complete a partial match on the transition.
bool ConcernedRuns::may_concern(std::uint32_t index) {
  const PatternTransition& transition = current_.pattern->transitions[index];
  const std::vector<PatternStep>& steps = current_.pattern->steps;
  const bool ends = transition.target == PatternTransition::kEnd;
  if (transition.absent_next || (ends && transition.ending == Ending::kAtNext) ||
      (!ends && transition.contiguity == Contiguity::kNext)) {
    return true;
  }
  const auto fits_step = [&](std::uint32_t step) {
    return conditions_.fits_row(steps[step].take, static_cast<int>(step));
  };
  const auto fits_until = [&](std::uint32_t step) {
    return steps[step].until && conditions_.fits_row(*steps[step].until, -1);
  };
  bool any = false;
  for (const std::uint32_t absence : transition.absences) {
    any = conditions_.fits_row(current_.pattern->absences[absence].forbid, -1) || any;
  }
  for (const std::uint32_t loop : transition.greedy) {
    any = fits_until(loop) || fits_step(loop) || any;
  }
  if (any || ends) return any;
  return (transition.further && fits_until(transition.target)) || fits_step(transition.target);
}

// Adds those on a transition: all, or those that wait for the event's value. False where there are
// more than `most` then.
bool ConcernedRuns::add_concerned(std::uint32_t index, std::size_t most) {
  const ClassedList& order = *current_.state->order;
  const PatternTransition& transition = current_.pattern->transitions[index];
  if (!transition.is_by_value) {
    if (places_.size() + order.size_of(index) > most) return false;
    std::uint32_t at = order.front_of(index);
    for (; at != ClassedList::kNone; at = order.next_in_class(at)) places_.push_back(at);
    return true;
  }
  const PatternStep& step = current_.pattern->steps[transition.target];
  const auto key =
      tocsin::cep::key_of(evaluate(*step.equality->own, EventView{current_.row->row, nullptr},
                                   current_.scope_at(0, static_cast<int>(transition.target))));
  const std::uint32_t part = key ? order.part_of(index, *key) : ClassedList::kNone;
  if (part == ClassedList::kNone) return true;
  if (places_.size() + order.size_of_part(part) > most) return false;
  std::uint32_t at = order.front_of_part(part);
  for (; at != ClassedList::kNone; at = order.next_in_part(at)) places_.push_back(at);
  return true;
}

// The part of its transition's class in which a partial match is, if that has parts.
std::optional<std::uint64_t> ConcernedRuns::key_of(const PatternRun& run) {
  const PatternTransition& transition = current_.pattern->transitions[run.transition];
  if (!transition.is_by_value) return std::nullopt;
  constexpr std::uint64_t kOfNone = 0;  // no event is equal
  const PatternStep& step = current_.pattern->steps[transition.target];
  return tocsin::cep::key_of(evaluate(*step.equality->earlier,
                                      EventView{current_.row->row, nullptr},
                                      current_.scope_at(run.node, -1)))
      .value_or(kOfNone);
}

void ConcernedRuns::sort_places() {
  const ClassedList& order = *current_.state->order;
  std::ranges::sort(places_,
                    [&](std::uint32_t a, std::uint32_t b) { return order.precedes(a, b); });
}

// All that have a first event of those at places_.
void ConcernedRuns::add_groups() {
  const ClassedList& order = *current_.state->order;
  const std::vector<PatternRun>& runs = current_.state->runs;
  groups_.clear();
  for (const std::uint32_t place : places_) {
    const std::uint64_t start = runs[place].start;
    if (!groups_.empty() && runs[groups_.back()].start == start) continue;
    std::uint32_t at = place;
    while (order.before(at) != ClassedList::kNone && runs[order.before(at)].start == start) {
      at = order.before(at);
    }
    for (; at != ClassedList::kNone && runs[at].start == start; at = order.next(at)) {
      groups_.push_back(at);
    }
  }
  places_.swap(groups_);
}

void ConcernedRuns::write() {
  PatternState& state = *current_.state;
  const std::uint32_t count = current_.pattern->counter_count;
  std::size_t next = 0;  // of the drafts
  const auto add = [&](std::uint32_t before) {
    RunDraft& draft = drafts_.runs[next];
    nodes_.write_run(draft);
    state.add_run(before, draft.run, key_of(draft.run), drafts_.counters.data() + draft.counters,
                  count);
  };
  for (const std::uint32_t place : places_) {
    bool stays = false;
    for (; next < drafts_.runs.size() && drafts_.runs[next].from == place; ++next) {
      if (drafts_.runs[next].takes) {
        add(place);
      } else {
        state.runs[place] = drafts_.runs[next].run;
        stays = true;
      }
    }
    if (!stays) state.order->erase(place);
  }
  for (; next < drafts_.runs.size(); ++next) add(ClassedList::kNone);
}

void ConcernedRuns::draft_all() {
  PatternState& state = *current_.state;
  const std::uint32_t count = current_.pattern->counter_count;
  all_.clear();
  std::size_t next = 0;  // of the drafts
  std::size_t concerned = 0;
  std::uint32_t number = 0;
  for (std::uint32_t at = state.order->front(); at != ClassedList::kNone;
       at = state.order->next(at), ++number) {
    if (concerned < places_.size() && places_[concerned] == at) {
      ++concerned;
      for (; next < drafts_.runs.size() && drafts_.runs[next].from == at; ++next) {
        all_.push_back(drafts_.runs[next]);
        all_.back().from = number;
      }
      continue;
    }
    RunDraft& draft = all_.emplace_back();
    draft.run = state.runs[at];
    draft.from = number;
    draft.counters = static_cast<std::uint32_t>(drafts_.counters.size());
    const auto counters = state.counters.begin() + static_cast<std::ptrdiff_t>(at) * count;
    drafts_.counters.insert(drafts_.counters.end(), counters, counters + count);
  }
  all_.insert(all_.end(), drafts_.runs.begin() + static_cast<std::ptrdiff_t>(next),
              drafts_.runs.end());
  drafts_.runs.swap(all_);
  give_up();
}

void ConcernedRuns::give_up() {
  current_.stats.runs_visited += current_.state->run_count();
  const bool has_paid = current_.state->order_events >= kEventsOfOrder;
  current_.state->settle();
  current_.state->order_events = has_paid ? 0 : kEventsOfOrder;
}

const std::vector<std::uint32_t>& ConcernedRuns::due(const EventPosition& at) {
  const PatternState& state = *current_.state;
  places_.clear();
  for (std::uint32_t i = 0; i < state.order->class_count(); ++i) {
    const PatternTransition& transition = current_.pattern->transitions[i];
    if (transition.target != PatternTransition::kEnd || transition.ending != Ending::kAtDeadline) {
      continue;
    }
    // Those that wait from their last event have come in the order of their deadlines.
    for (std::uint32_t place = state.order->front_of(i); place != ClassedList::kNone;
         place = state.order->next_in_class(place)) {
      const PatternRun& run = state.runs[place];
      if (run.ends_us > at.time_us && !transition.waits_from_first) break;
      ++current_.stats.runs_visited;
      if (run.ends_us == at.time_us && current_.end_of(run) == at) places_.push_back(place);
    }
  }
  sort_places();
  return places_;
}
}  // namespace tocsin::cep
