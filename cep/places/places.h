/// Matching of a busy key without partial matches, for rules of which each condition looks at one
/// event (PlacesProgram): sequences and their loops, under the default selection or `skip past
/// last`. An event costs the steps that it fits, an alert the steps and the events that it
/// shows, however many matches have begun.
///
/// A step is a place, a loop two; an entry of a place may follow an interval of the entries of the
/// place before (cep/record/places_state.h):
///
/// - `then`: all that stand there before the event;
/// - `then no Y then X`: those after the last Y;
/// - `then first X`: those after the last event that fitted X;
/// - `then next X`: the considered event just before, if it stands there;
/// - `then within D X`: those less than D ago;
/// - a step behind a greedy loop: the last event that fitted the loop;
/// - a loop's last event, of its first events: those with at least `min` and at most `max` events
///   of the loop from there on, and with `until` those after the last event that ended the loop.
///
/// Both ends of the intervals ascend along a ring. So of two ways to one event, that which takes
/// the earlier entry at each place is one too, and there is one **least way**: it has the oldest
/// first event, and the earliest event at each place. Likewise there is a greatest way. The match
/// that comes first in order has the oldest first event, then the longest loop, then the earliest
/// events: its loop begins as in the least way and ends as in the greatest, where these two go
/// together, and else where the loop's last events, gone through one by one, give the longest.
/// Where steps compare their events with earlier ones (PlacesChain), the intervals say what may
/// follow what but for that, and ComparedChain finds the match.
/// Where `having` bounds the sum of a loop that is the first or the last step, the loop is the
/// first range of its events that has such a sum (RangeSums). Where its events come within a time
/// of its first one, cep/places/reached_loop.h says which first events an event may follow. With
/// several loops, cep/places/two_loops.h and cep/places/longest_match.h find where one ends and the
/// next begins.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cep/alert/current_row.h"
#include "cep/compile/program.h"
#include "cep/places/places_match.h"
#include "cep/plan/contiguity.h"
#include "cep/record/places_state.h"

namespace tocsin::cep {
/// What the current event is to the rule.
class PlacesEvent {
 public:
  virtual ~PlacesEvent() = default;
  virtual const CurrentRow& current() const = 0;
  /// Whether it fits a step; whether an absence between a step and the next forbids it.
  virtual bool fits(std::uint32_t step) = 0;
  virtual bool is_forbidden_after(std::uint32_t step) = 0;
  /// Whether one of those absences does, whatever its event's value.
  virtual bool is_forbidden_by(std::uint32_t step, std::uint32_t guard) = 0;
  /// Whether it ends the step's loop, by `until`.
  virtual bool ends_loop(std::uint32_t step) = 0;
  /// The value of its field that tells parts apart (PlacesProgram::value), or that `!=` compares,
  /// as key bytes; null where it is missing. Valid until the next call.
  virtual const std::string* value(const Expr& own) = 0;
  /// Whether all partial matches end with it, by `without`.
  virtual bool ends_all() = 0;
  /// Whether `next` counts it.
  virtual bool is_considered() = 0;
  /// Which of the step's subsets it is in.
  virtual std::uint32_t subset(std::uint32_t step) = 0;
  /// Whether it agrees with a first event, by what is asked of each pair of events
  /// (PlacesPair::rest).
  virtual bool agrees(const KeptEvent& first) = 0;
  /// Takes a step (cep/eval/steps.h). False where there is none left: what is sought is given up.
  virtual bool take_step() = 0;
  /// What an expression of one of the rule's comparisons says, with this event as that of the step.
  virtual Value compared(const Expr& expr, std::uint32_t step) = 0;
  /// Whether `having` allows this sum of the loop's events (PlacesProgram::sum), if the event is
  /// the match's last one.
  virtual bool allows_sum(Int128 sum) = 0;
  /// Captures it, once. Gives its number in the log.
  virtual std::uint64_t capture() = 0;
  /// Appends it to the series (LoopSeries) of the totals of a part's loop.
  virtual void add_to_series(PlacesPart& part, std::uint32_t loop) = 0;
  virtual bool is_late() = 0;
};

/// One rule's matching at one key.
class Places {
 public:
  Places(const RuleProgram& rule, PlacesState& state)
      : rule_(rule), state_(state), part_(&state.whole) {}
  /// Drops what is over at `now_us`.
  void expire(std::int64_t now_us);
  /// Takes the event in, which comes after all others. Whether it completes a match. Then `done()`
  /// is to be called before anything else is dropped or taken. Of an event that ends all partial
  /// matches, all that began before it is then to be dropped.
  bool take(PlacesEvent& event);
  /// Of the matches that the event taken last completes, the one that comes first in order; of
  /// those whose loop has a sum that `having` allows, if it bounds one. Absent where none is left.
  std::optional<PlacesMatch> match(PlacesEvent& event);
  /// The part of that match.
  PlacesPart& end_part() const { return *end_part_; }
  void done();
  /// Drops all that began before event `number`.
  void drop_before(std::uint64_t number, std::int64_t now_us);
  void clear();
  /// The furthest step that a match which begins with entry `start` of the part's first place has
  /// taken an event for.
  std::uint32_t furthest_step(PlacesPart& part, std::uint64_t start);

 private:
  // Entries of one place: [from, to).
  struct Span {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    bool empty() const { return from >= to; }
  };
  const PlacesProgram& program() const { return *rule_.places; }
  void take_by_value(std::uint32_t step, PlacesEvent& event);
  PlacesPart* part_of(std::uint32_t step, PlacesEvent& event);
  void take_for_step(std::uint32_t step, PlacesEvent& event, bool fits, bool is_forbidden);
  std::optional<PlaceEntry> follow(std::uint32_t step);
  std::optional<PlaceEntry> follow_compared(std::uint32_t step, PlacesEvent& event);
  std::uint64_t first_agreeing(const PlaceEntry& entry, PlacesEvent& event) const;
  void push_compared(std::uint32_t step, PlacesEvent& event);
  std::optional<PlaceEntry> take_for_loop(std::uint32_t step, PlacesEvent& event,
                                          bool is_forbidden);
  void begin_loop(std::uint32_t step, PlaceEntry entry, PlacesEvent& event);
  std::optional<PlaceEntry> end_loop(std::uint32_t step);
  void push(std::uint32_t step, PlaceEntry entry, PlacesEvent& event);
  void skip_late(std::uint32_t step);
  bool is_awaited(std::uint32_t step) const;
  bool is_over(std::uint64_t start) const;
  void expire_part();
  void pop(std::size_t place);
  void skip_all_before(std::uint32_t place);
  void let_go();
  void let_go_of_events(std::uint64_t before);
  Span next(std::uint32_t place, Span span) const;
  bool leads_to(std::uint32_t place, Span span, const PlaceEntry& end) const;
  void add_loop(std::uint32_t step, const PlaceEntry& end,
                std::vector<const PlaceEntry*>& at) const;
  bool add_summed_loop(std::uint32_t step, PlacesEvent& event,
                       std::vector<const PlaceEntry*>& at) const;
  std::uint64_t greatest_last(std::uint32_t place, const PlaceEntry& end) const;
  void go_through(std::uint32_t first_place, std::uint64_t first, std::uint64_t last,
                  std::vector<const PlaceEntry*>& at) const;
  std::uint64_t latest_last(std::uint32_t place, std::uint64_t upto, const PlaceEntry& end) const;
  std::pair<std::uint64_t, std::uint64_t> longest_of_several(std::uint32_t place, Span from,
                                                             Span ends,
                                                             const PlaceEntry& end) const;
  std::uint32_t last_of_loop() const;
  std::pair<std::uint64_t, std::uint64_t> longest(std::uint32_t step, const PlaceEntry& start,
                                                  const PlaceEntry& end) const;
  PlacesMatch compared_match(PlacesEvent& event) const;
  Value own_value(std::uint32_t step, PlacesEvent& event) const;

  const RuleProgram& rule_;
  PlacesState& state_;
  PlacesPart* part_;
  std::vector<PlacesPart*> touched_;  // by the current event
  std::int64_t now_us_ = 0;
  std::uint64_t current_ = 0;  // the number of the event taken last, if it is captured
  bool ends_all_ = false;      // it does: then it completes a match at most, or begins one
  PlaceEntry end_;             // of the matches that the current event completes
  PlacesPart* end_part_ = nullptr;
  // The current event begins this step's loop, which cannot go on.
  std::optional<std::uint32_t> undoes_loop_;
  // What it completes, where the loop has gaps.
  std::optional<PlacesMatch> scattered_;
};
}  // namespace tocsin::cep
