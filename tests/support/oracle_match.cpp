#include "tests/support/oracle_match.h"

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"

namespace tocsin::oracle {
using cep::Contiguity;
using cep::Element;
using cep::ElementKind;
using cep::Expr;
using cep::LoopMode;
using cep::Op;

namespace {
// Whether a conjunct of a loop's condition is about the loop's own past: then its first event is
// not asked.
bool mentions_own_past(const Expr& expr, cep::VarIndex own) {
  if (expr.op == Op::kPrev) return true;
  if (expr.op == Op::kBound) {
    const auto& bound = expr.as<cep::BoundField>();
    if (bound.var == own && bound.which == cep::Which::kFirst) return true;
  }
  return std::any_of(expr.args.begin(), expr.args.end(),
                     [&](const cep::ExprPtr& arg) { return arg && mentions_own_past(*arg, own); });
}

Contiguity further_contiguity(LoopMode mode) {
  switch (mode) {
    case LoopMode::kNext:
      return Contiguity::kNext;
    case LoopMode::kEach:
      return Contiguity::kAny;
    case LoopMode::kRelaxed:
      break;
  }
  return Contiguity::kFirst;
}

Task element_task(const Element& element) {
  Task task;
  task.element = &element;
  return task;
}

bool can_repeat(const cep::Quantifier& quantifier, std::uint32_t done) {
  return !quantifier.max || done < *quantifier.max;
}
}  // namespace

// ---- what comes after an event: every way on

void Pattern::expand(State state, Branches& out) const {
  if (!world_.spend()) return;
  if (state.agenda.empty()) {
    finish(std::move(state), out);
    return;
  }
  const Task task = std::move(state.agenda.back());
  state.agenda.pop_back();
  switch (task.kind) {
    case Task::Kind::kElement:
      element(*task.element, std::move(state), out);
      break;
    case Task::Kind::kRoundEnd:
      end_round(task, std::move(state), out);
      break;
    case Task::Kind::kMembers:
      members(task, state, out);
      break;
  }
}

// Whether what was just done or begun is a member of an `all of`: any other may be its first.
bool Pattern::is_member(const State& state) {
  return !state.agenda.empty() && state.agenda.back().kind == Task::Kind::kMembers;
}

void Pattern::element(const Element& element, State state, Branches& out) const {
  if (element.is_absence()) {
    state.guards.push_back({&element, false});
    expand(std::move(state), out);
    return;
  }
  if (element.is_optional()) {
    State without_it = state;
    for (Guard& guard : without_it.guards) guard.before_optional = true;
    if (element.quantifier().greedy) without_it.greedy.push_back(&element);
    if (!is_member(state)) without_it.reach.contiguity.reset();
    expand(std::move(without_it), out);
  }
  const std::optional<Contiguity> outer = state.reach.contiguity;
  if (!state.reach.contiguity) state.reach.contiguity = element.contiguity;
  if (element.gap && (!state.reach.gap || *element.gap < *state.reach.gap)) {
    state.reach.gap = element.gap;
  }
  if (element.is_step()) {
    Way way;
    way.waits = Way::Waits::kStep;
    way.step = &element;
    way.reach = state.reach;
    way.taken = std::move(state.taken);
    way.guards = std::move(state.guards);
    way.greedy = std::move(state.greedy);
    way.rest = std::move(state.agenda);
    set_limit(way);
    out.ways.push_back(std::move(way));
    return;
  }
  begin_round(element, 0, outer, std::move(state), out);
}

// Begins a round of a group; `state.reach` says how it is reached.
void Pattern::begin_round(const Element& group, std::uint32_t done, std::optional<Contiguity> outer,
                          State state, Branches& out) const {
  Task end;
  end.kind = Task::Kind::kRoundEnd;
  end.element = &group;
  end.rounds = done + 1;
  end.taken_before = state.taken.size();
  end.outer = outer;
  state.agenda.push_back(end);
  if (group.kind() == ElementKind::kOneOf) {
    for (const Element& alternative : group.children()) {
      State chosen = state;
      chosen.agenda.push_back(element_task(alternative));
      expand(std::move(chosen), out);
    }
    return;
  }
  if (group.kind() == ElementKind::kAllOf) {
    Task all;
    all.kind = Task::Kind::kMembers;
    all.element = &group;
    all.done.assign(group.children().size(), false);
    state.agenda.push_back(all);
  } else {
    for (std::size_t i = group.children().size(); i > 0; --i) {
      state.agenda.push_back(element_task(group.children()[i - 1]));
    }
  }
  expand(std::move(state), out);
}

void Pattern::end_round(const Task& end, State state, Branches& out) const {
  if (state.taken.size() == end.taken_before) {
    // It took nothing: nor would further rounds.
    state.reach.contiguity = is_member(state) ? end.outer : std::nullopt;
    expand(std::move(state), out);
    return;
  }
  const cep::Quantifier& quantifier = end.element->quantifier();
  state.reach = {};
  if (end.rounds >= quantifier.min) expand(state, out);
  if (can_repeat(quantifier, end.rounds)) {
    state.reach.contiguity = further_contiguity(quantifier.mode);
    begin_round(*end.element, end.rounds, std::nullopt, std::move(state), out);
  }
}

// The members of an `all of`, in every order.
void Pattern::members(const Task& task, const State& state, Branches& out) const {
  bool all_done = true;
  for (std::size_t i = 0; i < task.done.size(); ++i) {
    if (task.done[i]) continue;
    all_done = false;
    State chosen = state;
    Task others = task;
    others.done[i] = true;
    chosen.agenda.push_back(others);
    chosen.agenda.push_back(element_task(task.element->children()[i]));
    expand(std::move(chosen), out);
  }
  if (all_done) expand(state, out);
}

// All elements are done: the match is complete, or waits for an absence.
void Pattern::finish(State state, Branches& out) const {
  if (state.taken.empty()) return;
  // Before an optional element an absence binds only the way that takes it.
  std::erase_if(state.guards, [](const Guard& guard) { return guard.before_optional; });
  const bool waits_without = rule_.without && rule_.without->absent_for;
  if (state.guards.empty() && !waits_without) {
    out.matches.push_back(std::move(state.taken));
    return;
  }
  Way way;
  way.taken = std::move(state.taken);
  way.guards = std::move(state.guards);
  way.waits = !way.guards.empty() && way.guards.back().absence->is_next() ? Way::Waits::kNextEvent
                                                                          : Way::Waits::kDeadline;
  set_limit(way);
  TOCSIN_ASSERT(way.waits == Way::Waits::kNextEvent || way.limit, "a deadline has a time");
  out.ways.push_back(std::move(way));
}

// When time alone ends the way.
void Pattern::set_limit(Way& way) const {
  if (way.taken.empty()) return;
  const Position first = way.taken.front().position;
  const Position last = way.taken.back().position;
  const auto limit = [&](Position since, cep::Duration duration) {
    const cep::EventTime at = time(since) + duration;
    if (way.limit && *way.limit <= at) return;
    way.limit = at;
    way.limit_set_by = since;
  };
  if (way.waits == Way::Waits::kDeadline && !way.guards.empty() &&
      way.guards.back().absence->absent_for()) {
    limit(last, *way.guards.back().absence->absent_for());
    return;
  }
  if (rule_.within) limit(first, *rule_.within);
  if (rule_.without && rule_.without->absent_for) limit(first, *rule_.without->absent_for);
  if (way.waits == Way::Waits::kStep && way.reach.gap) limit(last, *way.reach.gap);
}

// ---- an event on offer

std::vector<Match> Pattern::offer(std::vector<Way>& ways, const Offer& event) const {
  Branches out;
  for (const Way& way : ways) {
    if (!world_.spend()) break;
    offer_to(way, event, out);
  }
  begin(event, out);
  ways = std::move(out.ways);
  return std::move(out.matches);
}

// Every event may begin a match.
void Pattern::begin(const Offer& event, Branches& out) const {
  State fresh;
  for (std::size_t i = rule_.pattern.size(); i > 0; --i) {
    fresh.agenda.push_back(element_task(rule_.pattern[i - 1]));
  }
  Branches first_steps;
  expand(std::move(fresh), first_steps);
  for (Way& way : first_steps.ways) {
    if (greedy_forbids(way, event)) continue;
    if (!ends_loop(*way.step, way, event) && fits(*way.step, way, event)) take(way, event, out);
  }
}

void Pattern::offer_to(const Way& way, const Offer& event, Branches& out) const {
  switch (way.waits) {
    case Way::Waits::kDeadline:
      if (!is_forbidden(way, event) && !is_without(way, event)) live_on(way, out);
      break;
    case Way::Waits::kNextEvent:
      if (!is_forbidden(way, event)) out.matches.push_back(way.taken);
      break;
    case Way::Waits::kLoop:
      offer_to_loop(way, event, out);
      break;
    case Way::Waits::kStep:
      offer_to_step(way, event, out);
      break;
  }
}

void Pattern::offer_to_loop(const Way& way, const Offer& event, Branches& out) const {
  if (ends_loop(*way.step, way, event)) return;
  const bool fitting = fits(*way.step, way, event);
  if (is_without(way, event)) {
    if (fitting) complete_only(way, event, out);
    return;
  }
  if (fitting) take(way, event, out);
  const LoopMode mode = way.step->quantifier().mode;
  if (mode == LoopMode::kEach || (mode == LoopMode::kRelaxed && !fitting)) live_on(way, out);
}

void Pattern::offer_to_step(const Way& seen, const Offer& event, Branches& out) const {
  Way way = seen;
  if (greedy_forbids(way, event)) return;
  const bool fitting = fits(*way.step, way, event);
  const bool may_take = fitting && !ends_loop(*way.step, way, event);
  if (is_forbidden_at_all(way, event)) return;
  if (is_forbidden(way, event) || is_without(way, event)) {
    if (may_take) complete_only(way, event, out);
    return;
  }
  if (may_take) take(way, event, out);
  const Contiguity contiguity = *way.reach.contiguity;
  if (contiguity == Contiguity::kAny || (contiguity == Contiguity::kFirst && !fitting)) {
    live_on(way, out);
  }
}

void Pattern::live_on(const Way& way, Branches& out) {
  out.ways.push_back(way);
  out.ways.back().first_offer = false;
}

// Takes the event; then the step is left, where its count allows it, and its loop goes on.
void Pattern::take(const Way& way, const Offer& event, Branches& out) const {
  const Element& step = *way.step;
  const std::uint32_t count = way.waits == Way::Waits::kLoop ? way.count + 1 : 1;
  State state;
  state.taken = with(way.taken, step, event);
  if (can_repeat(step.quantifier(), count)) {
    Way loop;
    loop.waits = Way::Waits::kLoop;
    loop.step = &step;
    loop.count = count;
    loop.taken = state.taken;
    loop.rest = way.rest;
    set_limit(loop);
    out.ways.push_back(std::move(loop));
  }
  if (count >= step.quantifier().min) {
    state.agenda = way.rest;
    if (step.quantifier().greedy) state.greedy.push_back(&step);
    expand(std::move(state), out);
  }
}

// The event kills the way, but may complete it.
void Pattern::complete_only(const Way& way, const Offer& event, Branches& out) const {
  Branches after;
  take(way, event, after);
  for (Match& match : after.matches) out.matches.push_back(std::move(match));
}

// ---- conditions

Match Pattern::with(const Match& taken, const Element& step, const Offer& event) const {
  const cep::Subset* kind = world_.subset_of(step.events(), event.position, event.roles);
  TOCSIN_ASSERT(kind != nullptr, "it fits the step");
  Match more = taken;
  more.push_back({event.position, step.var(), kind->name});
  return more;
}

// Whether an event may be taken for a step now: one of its kinds, and its condition with the event
// counted as taken.
bool Pattern::fits(const Element& step, const Way& way, const Offer& event) const {
  if (world_.subset_of(step.events(), event.position, event.roles) == nullptr) return false;
  if (!step.where()) return true;
  const bool first = events_of(rule_, way.taken, step.var()).empty();
  const Match taken = with(way.taken, step, event);
  const Context context{world_, event.position, &rule_, &taken, event.roles, step.var(), true};
  return conjuncts_hold(*step.where(), context, step.var(), first);
}

bool Pattern::conjuncts_hold(const Expr& where, const Context& context, cep::VarIndex own,
                             bool first) const {
  if (where.op == Op::kAnd) {
    return std::all_of(where.args.begin(), where.args.end(), [&](const cep::ExprPtr& arg) {
      return conjuncts_hold(*arg, context, own, first);
    });
  }
  if (first && rule_.variables[own.value].loop && mentions_own_past(where, own)) return true;
  return evaluate(where, context).is_true();
}

// `until`: asked with what is taken so far.
bool Pattern::ends_loop(const Element& step, const Way& way, const Offer& event) const {
  if (world_.subset_of(step.until_events(), event.position, event.roles) == nullptr) return false;
  if (!step.until_where()) return true;
  const Context context{world_, event.position, &rule_, &way.taken, event.roles, step.var(), false};
  return evaluate(*step.until_where(), context).is_true();
}

bool Pattern::matches(const Guard& guard, const Way& way, const Offer& event) const {
  const Element& absence = *guard.absence;
  if (absence.is_next() && !way.first_offer) return false;
  if (world_.subset_of(absence.events(), event.position, event.roles) == nullptr) return false;
  if (!absence.where()) return true;
  const Context context{world_, event.position, &rule_, &way.taken, event.roles};
  return evaluate(*absence.where(), context).is_true();
}
bool Pattern::is_forbidden(const Way& way, const Offer& event) const {
  return std::any_of(way.guards.begin(), way.guards.end(),
                     [&](const Guard& guard) { return matches(guard, way, event); });
}
// … also where the event would complete the match: only a `no X` before the step lets it.
bool Pattern::is_forbidden_at_all(const Way& way, const Offer& event) const {
  return std::any_of(way.guards.begin(), way.guards.end(), [&](const Guard& guard) {
    return guard.absence->is_next() && matches(guard, way, event);
  });
}

bool Pattern::is_without(const Way& way, const Offer& event) const {
  if (!rule_.without) return false;
  if (world_.subset_of(rule_.without->events, event.position, event.roles) == nullptr) return false;
  if (!rule_.without->where) return true;
  const Context context{world_, event.position, &rule_, &way.taken, event.roles};
  return evaluate(*rule_.without->where, context).is_true();
}

// While events fit a greedy loop that was left, the next step may neither take nor skip them; no
// more after the loop's `until`.
bool Pattern::greedy_forbids(Way& way, const Offer& event) const {
  std::erase_if(way.greedy, [&](const Element* loop) { return ends_loop(*loop, way, event); });
  return std::any_of(way.greedy.begin(), way.greedy.end(),
                     [&](const Element* loop) { return fits(*loop, way, event); });
}
}  // namespace tocsin::oracle
