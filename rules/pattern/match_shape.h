/// What the shape of a rule's pattern says of its matches, whatever events come: which of them can
/// complete together, share an event, or follow each other closely. Every answer is on the safe
/// side: `false`, or nothing, where it is not certain.
#pragma once
#include <cstddef>
#include <optional>
#include <set>
#include <vector>

#include "cep/plan/expr.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"
#include "rules/context/check_context.h"

namespace tocsin::rules {
/// The variables that some condition of the rule, or what its suppression looks at, reads. What the
/// alert says is no condition.
std::set<cep::VarIndex> variables_read(const cep::Rule& rule);

class MatchShape {
 public:
  /// A step of a plain sequence, and its place among the elements.
  struct Step {
    const cep::Element* element = nullptr;
    std::size_t place = 0;
  };

  MatchShape(const CheckContext& context, const cep::Rule& rule);

  /// Whether the pattern is a sequence of steps and absences, without groups.
  bool is_sequence() const { return is_sequence_; }
  const std::vector<Step>& steps() const { return steps_; }
  /// Whether a match is given at its last event, without waiting.
  bool ends_at_once() const { return ending_ == Ending::kAtOnce; }
  /// Whether each match is a fixed number of events that stand directly behind one another. Then no
  /// two of them complete together.
  bool is_contiguous() const;
  /// Whether two such matches can have events in common.
  bool can_overlap() const;
  /// Whether an event of `kinds` would end a match of that form before its last event.
  bool is_inside(const std::vector<cep::Subset>& kinds) const;
  /// Whether all matches that complete together begin at one event.
  bool begin_together() const;
  /// Whether all matches that have one event at the step of `var` complete together.
  bool complete_together(cep::VarIndex var) const;
  /// Whether `var` is the step that begins every match, and takes one event.
  bool is_first(cep::VarIndex var) const;
  /// The least time between two alerts of the default selection.
  std::optional<cep::Duration> apart() const;

 private:
  enum class Ending : std::uint8_t { kAtOnce, kAtNext, kAfterLast, kAfterFirst };
  std::optional<std::size_t> step_of(cep::VarIndex var) const;
  bool is_determined_after(std::size_t step) const;
  bool depends_on_earlier(const cep::ExprPtr& where, std::size_t step) const;
  bool forbids_all(const std::vector<cep::Subset>& events, const cep::ExprPtr& where,
                   const cep::Element& step) const;
  std::vector<const cep::Element*> expanded() const;

  const CheckContext& context_;
  const cep::Rule& rule_;
  bool is_sequence_ = true;
  std::vector<Step> steps_;
  Ending ending_ = Ending::kAtOnce;
  const cep::Element* last_step_ = nullptr;     // where the last element but absences is a step
  const cep::Element* last_absence_ = nullptr;  // where it is the last element
};

/// Whether no event type is among both.
bool is_disjoint(const std::vector<cep::Subset>& a, const std::vector<cep::Subset>& b);
}  // namespace tocsin::rules
