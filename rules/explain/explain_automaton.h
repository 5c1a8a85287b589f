/// A rule's automaton with words on it: made from how the engine runs the rule
/// (cep/diagnose/rule_profile.h), for text, JSON and pictures alike.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cep/diagnose/rule_profile.h"
#include "rules/explain/explain.h"

namespace tocsin::rules {
/// A condition that transitions name: "C1", in the author's notation.
struct NamedCondition {
  std::string name;
  std::string text;
  cep::AskedAt asked = cep::AskedAt::kColumns;
};
struct NamedState {
  std::string name;  // "start", "hit", "step 2", "match"; unique in the rule
  cep::AutomatonState::Kind kind = cep::AutomatonState::Kind::kStep;
  std::string takes = {};                    // of a step: "payment or refund"
  std::vector<std::string> conditions = {};  // names; what its event satisfies
  std::vector<std::string> called = {};      // what alerts call its events: any of these
};
/// A transition from one state to another. A partial match waits on it.
struct NamedTransition {
  std::size_t from = 0;  // into states
  std::size_t to = 0;
  std::optional<std::size_t> to_last = {};  // to any of the states from `to` on to this one
  bool takes = true;                        // an event: else it completes without one
  std::string passes = {};              // "ignores everything, also what fits"; of ways that take
  std::string gives = {};               // "complete at once"; of ways to the match
  std::vector<std::string> needs = {};  // "3 or more are taken"
  std::vector<std::string> ends = {};   // what ends a partial match on it: "`refund` with C4"
  std::optional<cep::Duration> within = {};  // of the step: since the event before
};
struct NamedAutomaton {
  std::vector<NamedCondition> conditions;
  std::vector<NamedState> states;
  std::vector<NamedTransition> transitions;
  std::vector<std::string> always_ends;  // what ends every partial match
};
NamedAutomaton name_automaton(const Words& words, const cep::RuleProfile& profile);
/// What the steps take to which transitions lead only together with others, a sentence for each.
std::vector<Passage> events_of_fans(const NamedAutomaton& automaton);
/// What a transition does, in clauses: "`payment` with C1", "if 3 or more are taken", "ignores what
/// does not fit", "ended by: `refund`".
std::vector<std::string> transition_clauses(const NamedAutomaton& automaton,
                                            const NamedTransition& transition);
/// "general": a word for programs.
std::string method_name(cep::Method method);
/// The automaton in words: how it is run and why so, its conditions, states and transitions.
std::vector<Passage> automaton_passages(const Words& words, const cep::RuleProfile& profile);
}  // namespace tocsin::rules
