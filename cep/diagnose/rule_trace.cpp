#include "cep/diagnose/rule_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "cep/diagnose/key_condition.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
constexpr std::size_t kEventsShown = 8;  // of one partial match or alert

std::size_t places_of(const Rule& rule) {
  return static_cast<std::size_t>(
      std::ranges::count_if(rule.pattern, [](const Element& e) { return !e.is_absence(); }));
}
// Whether an event of the loop may be one that ends it: then its first events need not be partial
// matches.
bool may_end_itself(const Element& loop) {
  return std::ranges::any_of(loop.until_events(), [&](const Subset& until) {
    return std::ranges::any_of(loop.events(),
                               [&](const Subset& own) { return own.type == until.type; });
  });
}
}  // namespace

// What all rules derived from one rule said at one moment, as notes.
class RuleTracer::AtMoment {
 public:
  AtMoment(RuleTracer& tracer, std::size_t traced) : tracer_(tracer), traced_(traced) {}

  void add_own(const Alert& alert) { own_.push_back(alert); }
  void add(std::size_t derived, DerivedMatch match) {
    said_.push_back({derived, std::move(match)});
  }

  // Of a moment that is no deadline.
  std::optional<SeenEvent> event() const {
    for (const Said& said : said_) {
      if (said.match.moment.phase == Phase::kTimer) break;
      if (!said.match.events.empty()) return said.match.events.back().event;
    }
    return std::nullopt;
  }
  void notes(std::vector<TraceNote>& to) {
    note_interruptions(to);
    note_taken(to);
    note_refused(to);
    note_window_events(to);
    note_expired(to);
    note_alerts(to);
  }

 private:
  struct Said {
    std::size_t derived = 0;
    DerivedMatch match;
  };

  const Rule& rule() const { return tracer_.before_->rules[of().of.rule.value]; }
  Traced& of() const { return tracer_.rules_[traced_]; }
  const Derived& derived(const Said& said) const { return tracer_.derived_[said.derived]; }
  const PatternStage& stage(const Said& said) const { return of().stages[derived(said).stage]; }

  TraceNote note_of(TraceNote::Kind kind, const std::vector<TakenEvent>& events,
                    std::uint64_t more) const {
    TraceNote note;
    note.kind = kind;
    note.rule = of().of.rule;
    note.places = places_of(rule());
    for (const TakenEvent& event : events) note.events.push_back({event, ""});
    note.events_more = more;
    return note;
  }
  TraceNote note_at(TraceNote::Kind kind, const Said& said,
                    const std::vector<TakenEvent>& events) const {
    TraceNote note = note_of(kind, events, said.match.events_more);
    const PatternStage& at = stage(said);
    note.step = at.next;
    note.place = at.top;
    note.done = at.taken;
    note.needed = at.next->quantifier().min;
    return note;
  }
  static std::vector<TakenEvent> without_last(const Said& said) {
    return {said.match.events.begin(), said.match.events.end() - 1};
  }

  // The furthest of each step that the event was taken as.
  void note_taken(std::vector<TraceNote>& to) {
    std::map<VarIndex, const Said*> furthest;
    for (const Said& said : said_) {
      if (derived(said).role != Role::kPrefix) continue;
      const Said*& best = furthest[said.match.events.back().var];
      if (best == nullptr || stage(*best).rank < stage(said).rank) best = &said;
    }
    const Said* const done = first(Role::kSteps);
    for (const auto& [var, said] : furthest) {
      taken_.push_back(var);
      if (done != nullptr && done->match.events.back().var == var) continue;
      to.push_back(note_at(TraceNote::Kind::kTaken, *said, said->match.events));
    }
    if (done != nullptr) {
      taken_.push_back(done->match.events.back().var);
      to.push_back(note_of(TraceNote::Kind::kTaken, done->match.events, done->match.events_more));
    }
    if (const Said* const complete = first(Role::kComplete);
        complete != nullptr && !complete->match.events.empty()) {
      taken_.push_back(complete->match.events.back().var);
    }
  }

  // Of each step that did not take the event, the furthest place where it was offered.
  void note_refused(std::vector<TraceNote>& to) const {
    std::map<const Element*, const Said*> furthest;
    for (const Said& said : said_) {
      if (derived(said).role != Role::kExtension) continue;
      const Element* const step = stage(said).next;
      if (std::ranges::find(taken_, step->var()) != taken_.end()) continue;
      const Said*& best = furthest[step];
      if (best == nullptr || stage(*best).rank < stage(said).rank) best = &said;
    }
    std::vector<const Said*> in_order;
    for (const auto& [step, said] : furthest) in_order.push_back(said);
    std::ranges::sort(in_order, {}, [&](const Said* said) { return stage(*said).rank; });
    for (const Said* const said : in_order) {
      TraceNote note = note_at(TraceNote::Kind::kRefused, *said, without_last(*said));
      note.hindrances =
          unmet(derived(*said).rule, said->match, said->match.events.back().event.type);
      if (std::optional<Hindrance> late = too_late(*said)) {
        if (!note.hindrances.empty()) continue;
        note.hindrances.push_back(*std::move(late));
      }
      to.push_back(std::move(note));
    }
  }

  // Whether the last event came after the time that the stage gives it.
  std::optional<Hindrance> too_late(const Said& said) const {
    const std::optional<Duration>& gap = stage(said).gap;
    const std::vector<TakenEvent>& events = said.match.events;
    if (!gap || events.size() < 2) return std::nullopt;
    Hindrance late;
    late.kind = Hindrance::Kind::kGap;
    late.took = events.back().event.ts - events[events.size() - 2].event.ts;
    late.limit = *gap;
    return late.took < late.limit ? std::nullopt : std::optional(std::move(late));
  }

  void note_interruptions(std::vector<TraceNote>& to) const {
    const Said* furthest = nullptr;
    for (const Said& said : said_) {
      if (derived(said).role != Role::kInterruption || too_late(said)) continue;
      if (derived(said).interruption.kind == Hindrance::Kind::kNext && went_on(said)) continue;
      if (furthest == nullptr || stage(*furthest).rank < stage(said).rank) furthest = &said;
    }
    if (furthest == nullptr) return;
    TraceNote note = note_at(TraceNote::Kind::kInterrupted, *furthest, without_last(*furthest));
    note.hindrances = {derived(*furthest).interruption};
    note.hindrances.front().between = furthest->match.events.back().event;
    to.push_back(std::move(note));
  }
  // Whether the next event was the one that the stage waits for.
  bool went_on(const Said& interruption) const {
    return std::ranges::any_of(said_, [&](const Said& said) {
      return derived(said).role == Role::kExtension &&
             derived(said).stage == derived(interruption).stage &&
             unmet(derived(said).rule, said.match, said.match.events.back().event.type).empty();
    });
  }

  void note_window_events(std::vector<TraceNote>& to) const {
    for (const Said& said : said_) {
      if (derived(said).role != Role::kWindowEvents) continue;
      TraceNote note = note_of(TraceNote::Kind::kCollected, {}, 0);
      note.hindrances = unmet(derived(said).rule, said.match, said.match.events.back().event.type);
      if (!note.hindrances.empty()) note.kind = TraceNote::Kind::kRefused;
      to.push_back(std::move(note));
    }
  }

  // Whether the rule's time was over before the stage's.
  bool has_ended_before(const Said& said) const {
    return stage(said).gap && rule().within &&
           said.match.events.front().event.ts + *rule().within < said.match.moment.time;
  }
  void note_expired(std::vector<TraceNote>& to) const {
    const Said* furthest = nullptr;
    for (const Said& said : said_) {
      if (derived(said).role != Role::kExpiry || has_ended_before(said)) continue;
      if (furthest == nullptr || stage(*furthest).rank < stage(said).rank) furthest = &said;
    }
    if (furthest == nullptr) return;
    TraceNote note = note_at(TraceNote::Kind::kExpired, *furthest, furthest->match.events);
    const std::optional<Duration>& gap = stage(*furthest).gap;
    note.limit = gap ? *gap : rule().within ? *rule().within : *rule().without->absent_for;
    to.push_back(std::move(note));
  }

  void note_alerts(std::vector<TraceNote>& to) {
    for (const Alert& alert : own_) {
      const DerivedMatch match = read_match(rule(), nullptr, alert, false, kEventsShown);
      TraceNote note = note_of(TraceNote::Kind::kAlert, match.events, match.events_more);
      for (std::size_t i = 0; i < note.events.size(); ++i) {
        const std::size_t from_end = note.events.size() - i;
        note.events[i].as = alert.events[from_end > 2 ? i : alert.events.size() - from_end].as;
      }
      note.alert = alert_id(alert.digest);
      note.status = status_of(*tracer_.before_, alert);
      note.suppressed = alert.held_back;
      to.push_back(std::move(note));
      of().alerted = alert.ts;
    }
    const Said* const complete = first(Role::kComplete);
    if (complete == nullptr || !own_.empty()) return;
    TraceNote note =
        note_of(TraceNote::Kind::kNoAlert, complete->match.events, complete->match.events_more);
    note.reason = reason_of(*complete);
    to.push_back(std::move(note));
  }

  NearMiss reason_of(const Said& complete) const {
    NearMiss reason;
    reason.moment = complete.match.moment.time;
    reason.key = complete.match.key;
    reason.matches = 1;
    reason.alerted = of().alerted;
    if (!passes(Clauses::kHaving)) {
      reason.hindrances = unmet(derived(complete).rule, complete.match, {});
      std::erase_if(reason.hindrances,
                    [](const Hindrance& h) { return h.name.starts_with("except"); });
      const bool is_where =
          rule().window && !reason.hindrances.empty() && reason.hindrances.front().name != "having";
      reason.stop = is_where ? NearMiss::Stop::kWindowWhere : NearMiss::Stop::kHaving;
    } else if (!passes(Clauses::kSelection)) {
      reason.stop = NearMiss::Stop::kSelection;
    } else if (!passes(Clauses::kExcept)) {
      reason.stop = NearMiss::Stop::kExcept;
      find_exception(complete, reason);
    } else if (rule().suppression.kind() != Once::kNone || rule().suppression.at_most) {
      reason.stop = NearMiss::Stop::kSuppressed;
    }
    return reason;
  }
  void find_exception(const Said& complete, NearMiss& reason) const {
    for (const AskedCondition& asked : derived(complete).rule.asked) {
      if (!asked.name.starts_with("except")) continue;
      if (!complete.match.fields[asked.truth].view().is_true()) continue;
      reason.exception = std::stoul(asked.name.substr(7));
      Hindrance held;
      held.condition = asked.condition;
      for (const AskedCondition::Shown& shown : asked.values) {
        held.values.push_back({shown.expr, complete.match.fields[shown.field]});
      }
      reason.hindrances = {std::move(held)};
      return;
    }
  }
  bool passes(Clauses clauses) const {
    return std::ranges::any_of(said_, [&](const Said& said) {
      return derived(said).role == Role::kUpTo && derived(said).clauses == clauses;
    });
  }
  const Said* first(Role role) const {
    const auto found =
        std::ranges::find_if(said_, [&](const Said& said) { return derived(said).role == role; });
    return found == said_.end() ? nullptr : &*found;
  }

  RuleTracer& tracer_;
  std::size_t traced_;
  std::vector<Alert> own_;
  std::vector<Said> said_;
  std::vector<VarIndex> taken_;
};

RuleTracer::RuleTracer(std::shared_ptr<const Plan> plan) : before_(std::move(plan)) {}
RuleTracer::~RuleTracer() = default;
RuleTracer::RuleTracer(RuleTracer&&) noexcept = default;

Result<RuleTracer> RuleTracer::of(std::shared_ptr<const Plan> plan, std::vector<TracedRule> rules,
                                  const TraceLimits& limits) {
  RuleTracer tracer(std::move(plan));
  for (TracedRule& rule : rules) tracer.rules_.push_back({std::move(rule), {}, {}});
  for (std::size_t i = 0; i < tracer.rules_.size(); ++i) {
    tracer.add(i, limits);
    if (tracer.derived_.size() <= limits.rules_max) continue;
    return fail(Errc::kLimit,
                fmt::format("{} rules cannot be traced at once: name fewer with --rule",
                            tracer.rules_.size()));
  }
  tracer.make_plan();
  return tracer;
}

void RuleTracer::add(std::size_t traced, const TraceLimits& limits) {
  Traced& to = rules_[traced];
  const Rule& rule = before_->rules[to.of.rule.value];
  if (rule.window) {
    derived_.push_back({traced, Role::kWindowEvents, window_events(rule)});
  } else {
    to.stages = stages_of(rule, limits.stages_max, GuardingAbsences::kKept);
    cut_ = cut_ || to.stages.size() >= limits.stages_max;
    for (std::size_t i = 0; i < to.stages.size(); ++i) add_stage(traced, i);
    if (std::optional<DerivedRule> steps = live_steps(rule)) {
      derived_.push_back({traced, Role::kSteps, *std::move(steps)});
    }
  }
  derived_.push_back({traced, Role::kComplete, live_complete(rule)});
  for (const Clauses last : {Clauses::kHaving, Clauses::kSelection, Clauses::kExcept}) {
    derived_.push_back({traced, Role::kUpTo, live_up_to(rule, last), 0, last});
  }
}

void RuleTracer::add_stage(std::size_t traced, std::size_t i) {
  const Rule& rule = before_->rules[rules_[traced].of.rule.value];
  const PatternStage& stage = rules_[traced].stages[i];
  if (stage.waits == PatternStage::Waits::kLoop && may_end_itself(*stage.next)) return;
  const std::vector<Element> before = stage.pattern({});
  const bool is_partial = std::ranges::any_of(
      before, [](const Element& e) { return !e.is_optional() && !e.is_absence(); });
  if (is_partial) {
    if (std::optional<DerivedRule> prefix = live_prefix(rule, stage)) {
      derived_.push_back({traced, Role::kPrefix, *std::move(prefix), i});
    }
  }
  if (stage.waits == PatternStage::Waits::kRound) return;
  if (std::optional<DerivedRule> extension = live_extension(rule, stage)) {
    derived_.push_back({traced, Role::kExtension, *std::move(extension), i});
  }
  if (!is_partial) return;
  add_interruptions(traced, i);
  if (std::optional<DerivedRule> expiry = live_expiry(rule, stage)) {
    derived_.push_back({traced, Role::kExpiry, *std::move(expiry), i});
  }
}

void RuleTracer::add_interruptions(std::size_t traced, std::size_t i) {
  const Rule& rule = before_->rules[rules_[traced].of.rule.value];
  const PatternStage& stage = rules_[traced].stages[i];
  const auto add = [&](Hindrance::Kind kind, const std::vector<Subset>& kinds,
                       const ExprPtr& where) {
    std::optional<DerivedRule> derived = live_interruption(rule, stage, kinds, where);
    if (!derived) return;
    Hindrance hindrance;
    hindrance.kind = kind;
    if (kind != Hindrance::Kind::kNext) hindrance.kinds = &kinds;
    derived_.push_back({traced, Role::kInterruption, *std::move(derived), i, Clauses::kHaving,
                        std::move(hindrance)});
  };
  // Whatever comes next ends it, or takes it on.
  if (stage.contiguity == Contiguity::kNext) {
    add(Hindrance::Kind::kNext, rule.considered, nullptr);
    return;
  }
  for (const Element* const absence : stage.absences) {
    if (absence->is_next()) continue;
    add(Hindrance::Kind::kAbsence, absence->events(), absence->where());
  }
  if (rule.without) add(Hindrance::Kind::kWithout, rule.without->events, rule.without->where);
  if (stage.waits == PatternStage::Waits::kLoop && !stage.next->until_events().empty()) {
    add(Hindrance::Kind::kUntil, stage.next->until_events(), stage.next->until_where());
  }
}

void RuleTracer::make_plan() {
  auto plan = std::make_shared<Plan>(*before_);
  for (std::size_t i = 0; i < derived_.size(); ++i) {
    Rule& rule = plan->rules.emplace_back(derived_[i].rule.rule);
    rule.name = fmt::format("$trace{}", i);
    rule.id = rule.name;
    restrict_to_key(*before_, rule, rules_[derived_[i].traced].of.key);
  }
  plan_ = std::move(plan);
}

RuleIndex RuleTracer::first_derived() const { return RuleIndex(before_->rules.size()); }

bool RuleTracer::is_of_key(const TracedRule& rule, const std::vector<OwnedValue>& key) const {
  return std::ranges::equal(rule.key, key, [](const OwnedValue& a, const OwnedValue& b) {
    return same_value(a.view(), b.view());
  });
}

void RuleTracer::take(const std::vector<Alert>& alerts) {
  for (const Alert& alert : alerts) {
    if (alert.budget) continue;  // no match: it tells that some were dropped
    if (alert.rule.value >= before_->rules.size()) {
      const std::size_t i = alert.rule.value - before_->rules.size();
      const Derived& derived = derived_[i];
      const Traced& of = rules_[derived.traced];
      if (!is_of_key(of.of, alert.key)) continue;
      const bool has_stage = !of.stages.empty() && derived.role <= Role::kExpiry;
      DerivedMatch match = read_match(before_->rules[of.of.rule.value],
                                      has_stage ? &of.stages[derived.stage] : nullptr, alert,
                                      derived.rule.waits_a_moment, kEventsShown + 1);
      const Moment moment = match.moment;
      at(moment, derived.traced).add(i, std::move(match));
      continue;
    }
    for (std::size_t traced = 0; traced < rules_.size(); ++traced) {
      const TracedRule& of = rules_[traced].of;
      if (of.rule != alert.rule || !is_of_key(of, alert.key)) continue;
      at({alert.order.time, alert.order.phase, alert.order.arrival, alert.order.after}, traced)
          .add_own(alert);
    }
  }
}

RuleTracer::AtMoment& RuleTracer::at(const Moment& moment, std::size_t traced) {
  return said_[moment].try_emplace(traced, *this, traced).first->second;
}

std::vector<TracedMoment> RuleTracer::give(EventTime before) {
  std::vector<TracedMoment> out;
  while (!said_.empty() && said_.begin()->first.time < before) {
    auto& [moment, by_rule] = *said_.begin();
    TracedMoment traced{moment, std::nullopt, {}};
    for (auto& [rule, said] : by_rule) {
      said.notes(traced.notes);
      if (!traced.event) traced.event = said.event();
    }
    if (!traced.notes.empty()) out.push_back(std::move(traced));
    said_.erase(said_.begin());
  }
  return out;
}
}  // namespace tocsin::cep
