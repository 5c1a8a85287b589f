/// Which of a queue of events make a chain whose values compare as asked.
///
/// A chain takes an event for each step, each behind the one before. A step may *compare*: its
/// event's own value must be beyond the value that the chain carries. A step may *carry*: its
/// event's value becomes the one that the chain carries, for the steps behind it to compare with.
/// So a state of a chain is how many steps it has taken and one value, of which a better one leads
/// to all that a worse one leads to. What a stretch of events does to a state is therefore a
/// monotone function of the value, with few steps as a rule: the pairs of the loosest value that it
/// may begin with and the best that it then ends with, none beaten by another. Functions of
/// neighbouring stretches compose.
///
/// Blocks of 16 events, of 32, 64 and so on keep their functions. A question goes through one block
/// of each size and the events at both ends; then it descends to the first event. With k steps and
/// n events a question costs O(k² log² n), and a push O(k³ log² n) on average over many. A block
/// that would hold too much to be made at once is left out, and its halves stand for it.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "cep/queue/ring.h"
#include "cep/value/value.h"

namespace tocsin::cep {
class ComparedChain {
 public:
  static constexpr std::uint32_t kStepsMax = 6;

  /// Of one step.
  struct Step {
    bool compares = false;
    bool carries = false;
    /// Of one that carries: later values must be greater than the one carried, else less; or equal
    /// to it.
    bool wants_greater = false;
    bool or_equal = false;
  };
  /// Events for all steps but the last are pushed; the last one is asked for. A step that compares
  /// stands behind one that carries; one that carries has a step behind it that compares.
  explicit ComparedChain(std::vector<Step> steps);

  /// Adds an event for a step, not the last one, with the value that it compares and the one that
  /// it carries; events ascend, and the steps of one event descend. An event that lacks a value
  /// which its step needs is in no chain.
  void push(std::uint64_t event, std::uint32_t step, const Value& own, const Value& carried);
  /// Drops events before this one.
  void drop_before(std::uint64_t event);

  /// The first chain in order of events before `before` whose next event, for `step`, would have
  /// this own value: of those whose first event is the oldest that whose second is, and so on. The
  /// events of the steps before `step`; empty where there is none. `step` is 1 at least.
  std::vector<std::uint64_t> first(std::uint32_t step, const Value& own,
                                   std::uint64_t before) const;
  /// Whether there is one, of all events.
  bool any(std::uint32_t step, const Value& own) const;
  /// How many steps the longest chain takes that begins with this event, which was pushed for the
  /// first step; the last step is not among them.
  std::uint32_t longest_from(std::uint64_t event) const;

  std::size_t bytes() const;

 private:
  using ValueId = std::uint64_t;                 // of values_
  static constexpr ValueId kAny = ~ValueId{0};   // as a bound: any value, or none
  static constexpr ValueId kNothing = kAny - 1;  // as a bound: no value; as a value: none known
  static constexpr std::uint32_t kBlock = 16;    // events of the smallest block
  static constexpr std::uint32_t kStates = kStepsMax;  // of chains: so many steps taken

  // From one state to another: who begins with a value within `bound` may end with `value`.
  struct Pair {
    ValueId bound = kAny;
    ValueId value = kNothing;  // kNothing: that state carries none
  };
  // All that a stretch of events may do: by the states before and after it.
  struct Moves {
    std::vector<Pair> pairs;           // the tightest bound first: values get worse
    std::vector<std::uint32_t> begin;  // of pairs, by move; one more at the end
    std::vector<ValueId> keeps;        // by move: the loosest bound with which the value stays
  };
  // Equal values of an event stand once: as a rule one field is compared.
  struct Event {
    std::uint64_t event = 0;
    ValueId first_value = 0;
    std::uint8_t steps = 0;  // bits
    // By step, from first_value on.
    std::array<std::uint8_t, kStepsMax> own{};
    std::array<std::uint8_t, kStepsMax> carried{};
  };
  // A value that a chain in a state may carry: as good as this, or any.
  struct Bound {
    bool is_any = false;
    const Value* value = nullptr;  // neither: none
    bool is_none() const { return !is_any && value == nullptr; }
  };
  using Bounds = std::array<Bound, kStates>;  // by state
  // Of a question: chains from this state, with this value, to the state of the bound.
  struct From {
    std::uint32_t state = 0;
    const Value* carried = nullptr;  // null: it carries none
  };
  // A block by its size, or one event.
  struct Stretch {
    std::optional<std::size_t> level;
    std::uint64_t number = 0;
  };

  std::uint32_t states() const { return static_cast<std::uint32_t>(steps_.size()); }
  std::size_t move(std::uint32_t from, std::uint32_t to) const {
    return std::size_t{from} * states() + to;
  }
  bool carries(std::uint32_t state) const { return origin_[state] != kStepsMax; }
  // Of values that a state carries, or that such a state is compared with.
  bool is_less(std::uint32_t state, const Value& a, const Value& b) const;
  bool is_within(std::uint32_t state, const Value& carried, const Bound& bound) const;
  bool is_within(std::uint32_t state, ValueId carried, const Bound& bound) const;
  Bound bound_of(ValueId id) const;
  Bound tighter(std::uint32_t state, const Bound& a, const Bound& b) const;
  Bound looser(std::uint32_t state, const Bound& a, const Bound& b) const;
  ValueId tighter(std::uint32_t state, ValueId a, ValueId b) const;
  ValueId looser(std::uint32_t state, ValueId a, ValueId b) const;
  bool is_better_value(std::uint32_t state, ValueId a, ValueId b) const;

  std::uint8_t place_of(const Event& event, Value value);
  struct Taken {
    ValueId own = kAny;
    ValueId carried = kNothing;
  };
  Taken taken(const Event& event, std::uint32_t step) const;
  Moves moves_of(const Event& event) const;
  Moves composed(const Moves& left, const Moves& right) const;
  void compose_move(const Moves& left, const Moves& right, std::uint32_t from, std::uint32_t to,
                    Moves& out) const;
  void append_through(const Moves& left, const Moves& right, std::uint32_t from, std::uint32_t by,
                      std::uint32_t to, std::vector<Pair>& out, ValueId& keeps) const;
  void merge(std::uint32_t from, std::uint32_t to, std::vector<Pair>& pairs,
             std::size_t middle) const;
  void close_block();

  std::vector<Stretch> cover(std::uint64_t from, std::uint64_t end) const;
  Bounds before(const Stretch& stretch, const Bounds& behind) const;
  Bounds before_event(const Event& event, const Bounds& behind) const;
  bool leads_on(const Stretch& stretch, const From& from, const Bounds& behind) const;
  std::optional<std::uint64_t> first_event(const From& from, std::uint64_t begin, std::uint64_t end,
                                           const Bounds& behind) const;
  std::uint64_t descend(Stretch stretch, const From& from, Bounds behind) const;
  Bounds ending(std::uint32_t step, const Value& own) const;

  std::vector<Step> steps_;
  std::vector<std::uint32_t> origin_;  // by state: the step whose value it carries; kStepsMax: none
  Ring<Event> events_;
  Ring<Value> values_;
  std::vector<Ring<Moves>> levels_;  // a block that is left out, or was never whole, has no moves
  std::size_t moves_bytes_ = 0;
};
}  // namespace tocsin::cep
