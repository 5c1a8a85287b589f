/// The elements of a pattern in their places: steps, absences and counters with their numbers, and
/// the targets of a compact automaton's fans (cep/compile/pattern_program.h). For make_pattern().
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "cep/compile/pattern_program.h"
#include "cep/plan/pattern.h"

namespace tocsin::cep {
/// Consecutive elements of a sequence that one fan waits for, each optional but perhaps the last.
struct Chain {
  std::uint32_t begin = 0;  // of its targets
  std::uint32_t end = 0;
  std::size_t next = 0;  // the element behind it
  bool passes = false;   // its last element is optional too
};
/// An element in its place.
struct Place {
  const Element* element = nullptr;  // null: the whole pattern
  const std::vector<Element>* children = nullptr;
  const Place* parent = nullptr;
  std::size_t index = 0;                // among the parent's children
  std::vector<Place*> inner;            // parallel to `children`
  std::uint32_t step = 0;               // of a step
  std::uint32_t absence = 0;            // of an absence
  std::optional<std::uint32_t> rounds;  // counter of a loop's events or a group's rounds
  /// Of `all of`, counter: the members that are done; of more than kMembersOfCounter two.
  std::optional<std::uint32_t> done;
  // Of a compact automaton.
  std::vector<std::optional<Chain>> chains;  // of a sequence: by the element that each begins at
  std::optional<std::uint32_t> fan;          // of `all of`: the transition between its members

  bool is_sequence() const { return element == nullptr || element->kind() == ElementKind::kGroup; }
};

class PatternLayout {
 public:
  explicit PatternLayout(PatternProgram& out) : out_(out) {}
  /// False where an `all of` has more members than its counters have bits.
  bool lay_out(const std::vector<Element>& pattern);
  const Place& root() const { return places_.front(); }
  const std::vector<const Place*>& steps() const { return steps_; }

 private:
  Place* place(const Element* element, const std::vector<Element>& children, const Place* parent,
               std::size_t index);
  bool is_mask(const Place& group) const;
  bool may_be_in_fan(const Place& place) const;
  void add_targets(const Place& place);
  void lay_out_chains(Place& sequence);
  void lay_out_members(Place& group);

  PatternProgram& out_;
  std::deque<Place> places_;
  std::vector<const Place*> steps_;
  bool has_too_many_members_ = false;
};

/// A test or an update of the bits of an `all of`, one for each member, in its counters.
void test_done(std::vector<CounterTest>& tests, CounterTest::Kind kind, const Place& group,
               std::uint64_t bits);
void update_done(std::vector<CounterUpdate>& updates, CounterUpdate::Kind kind, const Place& group,
                 std::uint64_t bits);
/// Whether an `all of` is kept as the mask of its members done: all are steps of one event, and
/// none is greedy.
bool is_masked(const Element& all_of);
}  // namespace tocsin::cep
