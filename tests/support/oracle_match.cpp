#include "tests/support/oracle_match.h"

#include <algorithm>

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
  if (expr.op == Op::kBound && expr.var == own && expr.which == cep::Which::kFirst) return true;
  return std::any_of(expr.args.begin(), expr.args.end(),
                     [&](const cep::ExprPtr& arg) { return arg && mentions_own_past(*arg, own); });
}

// Tries all ways through one rule's pattern over one key's events. A way is what has been taken so
// far; each function goes on with it in every way that the pattern allows, then leaves it as it
// was.
class Matcher {
 public:
  Matcher(const World& world, const cep::Rule& rule, const std::vector<Position>& events,
          cep::EventTime end)
      : world_(world), rule_(rule), pattern_(rule.pattern), events_(events), end_(end) {
    for (const Element& element : pattern_) {
      TOCSIN_ASSERT(element.kind == ElementKind::kStep || element.kind == ElementKind::kAbsence,
                    "the oracle does not know groups");
      TOCSIN_ASSERT(!element.quantifier.greedy, "the oracle does not know `greedy`");
      TOCSIN_ASSERT(element.until_events.empty(), "the oracle does not know `until`");
      TOCSIN_ASSERT(!element.next || element.kind == ElementKind::kStep,
                    "the oracle does not know `no next`");
    }
  }

  std::vector<Match> run() {
    for (std::size_t i = 0; i < events_.size(); ++i) begin_at(0, i);
    return std::move(matches_);
  }

 private:
  // Every event may begin a match, at the first step or, where that is optional, at the next.
  void begin_at(std::size_t element, std::size_t i) {
    if (fits(element, i)) take(element, i);
    if (pattern_[element].optional && element + 1 < pattern_.size()) begin_at(element + 1, i);
  }

  // The way has done all elements before `element`.
  void go_on(std::size_t element) {
    if (!world_.spend()) return;
    if (element == pattern_.size()) {
      complete();
      return;
    }
    if (pattern_[element].kind == ElementKind::kStep) {
      reach(element, nullptr);
      if (pattern_[element].optional) go_on(element + 1);
      return;
    }
    if (element + 1 == pattern_.size()) {
      wait(element);
    } else {
      TOCSIN_ASSERT(!pattern_[element + 1].optional,
                    "the oracle does not know an absence before an optional step");
      reach(element + 1, &pattern_[element]);
    }
  }

  // Finds the first event of `element` among the events after the last one taken; none of them may
  // be `forbidden`.
  void reach(std::size_t element, const Element* forbidden) {
    const Contiguity contiguity = pattern_[element].contiguity;
    for (std::size_t i = last_ + 1; i < events_.size(); ++i) {
      if (!world_.spend() || !within_reach(pattern_[element], i)) return;
      const bool fitting = fits(element, i);
      if (forbidden != nullptr && is_forbidden(*forbidden, i)) {
        // It kills, unless it completes the match; then there is no way on either.
        if (fitting && element + 1 == pattern_.size() && pattern_[element].quantifier.min <= 1) {
          push(element, i);
          complete();
          pop();
        }
        return;
      }
      if (fitting) take(element, i);
      if (contiguity == Contiguity::kNext) return;
      if (contiguity == Contiguity::kFirst && fitting) return;
    }
  }

  // Takes an event for a step, and then either leaves the step or, in a loop, looks for its next
  // event.
  void take(std::size_t element, std::size_t i) {
    const std::size_t last_before = last_;
    push(element, i);
    last_ = i;
    const cep::Quantifier& quantifier = pattern_[element].quantifier;
    const std::size_t count = taken_count(element);
    if (count >= quantifier.min) go_on(element + 1);
    if (!quantifier.max || count < *quantifier.max) collect(element);
    last_ = last_before;
    pop();
  }

  // Finds the loop's next event. An absence directly after the loop guards it too.
  void collect(std::size_t element) {
    const LoopMode mode = pattern_[element].quantifier.mode;
    const bool guarded =
        element + 1 < pattern_.size() && pattern_[element + 1].kind == ElementKind::kAbsence;
    for (std::size_t i = last_ + 1; i < events_.size(); ++i) {
      if (!world_.spend() || !is_within(i)) return;
      if (guarded && is_forbidden(pattern_[element + 1], i)) return;
      const bool fitting = fits(element, i);
      if (fitting) take(element, i);
      if (mode == LoopMode::kNext) return;
      if (mode == LoopMode::kRelaxed && fitting) return;
    }
  }

  // The last absence: nothing forbidden until the deadline.
  void wait(std::size_t element) {
    const Element& absence = pattern_[element];
    const std::size_t first = index_of(taken_.front().position);
    const std::size_t cause = absence.absent_for ? last_ : first;
    const cep::EventTime deadline =
        time(cause) + (absence.absent_for ? *absence.absent_for : *rule_.within);
    for (std::size_t i = last_ + 1; i < events_.size() && time(i) < deadline; ++i) {
      if (!world_.spend() || is_forbidden(absence, i)) return;
    }
    if (deadline > end_) return;
    matches_.push_back({taken_, true, deadline, events_[cause]});
  }

  void complete() {
    const Position last = taken_.back().position;
    matches_.push_back({taken_, false, world_.event(last).engine_time, last});
  }

  // Whether an event may be taken for a step now: one of its kinds, and its condition with the
  // event counted as taken.
  bool fits(std::size_t index, std::size_t i) {
    const Element& element = pattern_[index];
    const Position position = events_[i];
    if (world_.subset_of(element.events, position) == nullptr) return false;
    if (!element.where) return true;
    const bool first = taken_count(index) == 0;
    push(index, i);
    const Context context{world_, position, &rule_, &taken_, element.var};
    const bool result = conjuncts_hold(*element.where, context, element, first);
    pop();
    return result;
  }

  static bool conjuncts_hold(const Expr& where, const Context& context, const Element& element,
                             bool first) {
    if (where.op == Op::kAnd) {
      return std::all_of(where.args.begin(), where.args.end(), [&](const cep::ExprPtr& arg) {
        return conjuncts_hold(*arg, context, element, first);
      });
    }
    if (first && element.quantifier.loop && mentions_own_past(where, element.var)) return true;
    return evaluate(where, context).is_true();
  }

  bool is_forbidden(const Element& absence, std::size_t i) const {
    const Position position = events_[i];
    if (world_.subset_of(absence.events, position) == nullptr) return false;
    if (!absence.where) return true;
    return evaluate(*absence.where, {world_, position, &rule_, &taken_, std::nullopt}).is_true();
  }

  bool is_within(std::size_t i) const {
    return !rule_.within ||
           time(i) < world_.event(taken_.front().position).engine_time + *rule_.within;
  }
  bool within_reach(const Element& element, std::size_t i) const {
    return is_within(i) && (!element.gap || time(i) < time(last_) + *element.gap);
  }

  cep::EventTime time(std::size_t i) const { return world_.event(events_[i]).engine_time; }
  std::size_t index_of(Position position) const {
    return static_cast<std::size_t>(std::lower_bound(events_.begin(), events_.end(), position) -
                                    events_.begin());
  }
  std::size_t taken_count(std::size_t element) const {
    return static_cast<std::size_t>(
        std::count_if(taken_.begin(), taken_.end(),
                      [&](const Taken& taken) { return taken.element == element; }));
  }
  void push(std::size_t element, std::size_t i) {
    taken_.push_back({events_[i], element, pattern_[element].var});
  }
  void pop() { taken_.pop_back(); }

  const World& world_;
  const cep::Rule& rule_;
  const std::vector<Element>& pattern_;
  const std::vector<Position>& events_;  // ascending
  cep::EventTime end_;
  std::vector<Taken> taken_;
  std::size_t last_ = 0;  // index of the last event taken
  std::vector<Match> matches_;
};
}  // namespace

std::vector<Match> all_matches(const World& world, const cep::Rule& rule,
                               const std::vector<Position>& events, cep::EventTime end) {
  return Matcher(world, rule, events, end).run();
}
}  // namespace tocsin::oracle
