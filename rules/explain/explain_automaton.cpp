#include "rules/explain/explain_automaton.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "cep/compile/obstacle.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/rule.h"
#include "cep/plan/shown_name.h"
#include "rules/explain/expression_text.h"

namespace tocsin::rules {
using cep::AskedAt;
using cep::AskedTest;
using cep::AutomatonState;
using cep::AutomatonTransition;
using cep::CounterTest;
using cep::Element;
using cep::Ending;
using cep::Method;
using cep::Passes;

namespace {
class Namer {
 public:
  Namer(const Words& words, const cep::RuleProfile& profile)
      : words_(words), rule_(*words.rule()), profile_(profile) {}

  NamedAutomaton run() {
    for (const AutomatonState& state : profile_.states) add_state(state);
    for (const AutomatonTransition& transition : profile_.transitions) add_transition(transition);
    if (profile_.without) out_.always_ends.push_back(event_words(*profile_.without));
    if (rule_.within && rule_.pattern.size() + rule_.window.has_value() > 0 && !rule_.window) {
      out_.always_ends.push_back(
          fmt::format("{} after its first event", duration_text(*rule_.within)));
    }
    return std::move(out_);
  }

 private:
  // The condition's name, the same for equal ones.
  std::string condition(const cep::ProfileCondition& asked) {
    std::string text = expression_text(words_.plan(), &rule_, *asked.expr);
    if (!asked.of_first) text += "  (not of the first)";
    for (const NamedCondition& known : out_.conditions) {
      if (known.text == text && known.asked == asked.at) return known.name;
    }
    out_.conditions.push_back(
        {fmt::format("C{}", out_.conditions.size() + 1), std::move(text), asked.at});
    return out_.conditions.back().name;
  }
  std::vector<std::string> conditions(const AskedTest& test) {
    std::vector<std::string> names;
    for (const cep::ProfileCondition& asked : test.conditions) names.push_back(condition(asked));
    return names;
  }
  // "`payment` with C1 and C2".
  std::string event_words(const AskedTest& test) {
    const std::vector<std::string> names = conditions(test);
    std::string out = kind_noun(words_.plan(), test.kinds);
    if (!names.empty()) out += " with " + listed(names);
    return out;
  }

  void add_state(const AutomatonState& state) {
    NamedState named;
    named.kind = state.kind;
    switch (state.kind) {
      case AutomatonState::Kind::kStart:
        named.name = "start";
        break;
      case AutomatonState::Kind::kMatch:
        named.name = "match";
        break;
      case AutomatonState::Kind::kStep: {
        const std::string& name = rule_.variables[state.var->value].name;
        named.name = name.empty() ? fmt::format("step {}", out_.states.size()) : name;
        named.takes = kind_noun(words_.plan(), state.takes.kinds);
        named.conditions = conditions(state.takes);
        named.called = called(state);
        break;
      }
    }
    out_.states.push_back(std::move(named));
  }

  // By the step's own name or that of a choice around it, else by their kind.
  std::vector<std::string> called(const AutomatonState& state) const {
    const std::string* const name = state.var ? shown_name(rule_, *state.var) : nullptr;
    if (name != nullptr) return {*name};
    std::vector<std::string> kinds;
    for (const cep::Subset& kind : state.takes.kinds) kinds.push_back(kind.name);
    return kinds;
  }

  std::string counter_words(const CounterTest& test) const {
    std::string what = "the group";
    for (std::size_t i = 0; i < profile_.states.size(); ++i) {
      if (profile_.states[i].counter == test.counter) what = in_code(out_.states[i].name);
    }
    switch (test.kind) {
      case CounterTest::Kind::kAtLeast:
        return fmt::format("{} has come {} times or more", what, test.value);
      case CounterTest::Kind::kBelow:
        return fmt::format("{} has come less than {} times", what, test.value);
      case CounterTest::Kind::kLacks:
        return "this step of the `all of` is not done";
      case CounterTest::Kind::kHas:
        return "those steps of the `all of` are done that have to be";
    }
    return {};
  }

  static std::string passes_words(const AutomatonTransition& transition) {
    if (transition.from == 0) return {};
    switch (transition.passes) {
      case Passes::kEverything:
        return "ignores everything, also what fits";
      case Passes::kWhatDoesNotFit:
        return "ignores what does not fit";
      case Passes::kOtherKinds:
        return "ignores only kinds that the rule does not name";
    }
    return {};
  }

  std::string gives_words(const AutomatonTransition& transition) const {
    switch (transition.ending) {
      case Ending::kAtOnce:
        return "complete at once";
      case Ending::kAtNext:
        return "complete with the next event that nothing forbids";
      case Ending::kAtDeadline:
        break;
    }
    const std::string wait = duration_text(transition.wait);
    if (rule_.window) {
      const cep::CalendarSpan* const calendar = rule_.window->calendar();
      return rule_.window->is_session()
                 ? fmt::format("complete {} after the last event that lengthened the session", wait)
             : calendar != nullptr
                 ? fmt::format("complete at the end of the {}", cep::unit_name(calendar->unit))
                 : fmt::format("complete at the end of the stretch of {}", wait);
    }
    return fmt::format("complete {} after the {} event", wait,
                       transition.waits_from_first ? "first" : "last");
  }

  void add_transition(const AutomatonTransition& transition) {
    NamedTransition named;
    named.from = transition.from;
    named.to = transition.to;
    named.to_last = transition.to_last;
    if (transition.is_of_members) named.needs.emplace_back("this step of the `all of` is not done");
    const AutomatonState& target = profile_.states[transition.to];
    named.takes = target.kind == AutomatonState::Kind::kStep;
    if (named.takes) {
      named.passes = passes_words(transition);
    } else {
      named.gives = gives_words(transition);
    }
    std::set<std::string> said;
    for (const CounterTest& test : transition.tests) {
      std::string need = counter_words(test);
      if (said.insert(need).second) named.needs.push_back(std::move(need));
    }
    const bool collects_more =
        profile_.opens && profile_.opens->kinds.size() < target.takes.kinds.size();
    if (rule_.window && transition.from == 0 && collects_more) {
      named.needs.push_back(
          fmt::format("it is one {}{}", kind_noun(words_.plan(), profile_.opens->kinds),
                      rule_.window->is_session() ? "" : " or the stretch is open"));
    }
    named.within = transition.gap;
    if (transition.gap) {
      named.ends.push_back(fmt::format("{} after the step before", duration_text(*transition.gap)));
    }
    for (const std::size_t absence : transition.absences) {
      const Element* const element = element_of(absence);
      const bool next = element != nullptr && element->is_next();
      named.ends.push_back(event_words(profile_.absences[absence]) +
                           (next ? ", if it is the very next event" : ""));
    }
    for (const std::size_t loop : transition.greedy) {
      named.ends.push_back(fmt::format("an event that fits {}, which takes all it can get",
                                       in_code(out_.states[loop].name)));
    }
    if (transition.further && target.until) {
      named.ends.push_back(event_words(*target.until) + ": the loop is over");
    }
    out_.transitions.push_back(std::move(named));
  }

  // The n-th absence of the pattern, in the order written.
  const Element* element_of(std::size_t absence) const {
    const Element* found = nullptr;
    std::size_t count = 0;
    const std::function<void(const std::vector<Element>&)> walk =
        [&](const std::vector<Element>& elements) {
          for (const Element& element : elements) {
            if (element.is_absence() && count++ == absence) found = &element;
            walk(element.children());
          }
        };
    walk(rule_.pattern);
    return found;
  }

  const Words& words_;
  const cep::Rule& rule_;
  const cep::RuleProfile& profile_;
  NamedAutomaton out_;
};

// Why the general matcher runs the rule.
std::vector<std::string> reasons_of(const cep::Rule& rule) {
  std::set<std::string> found;
  if (rule.window) found.emplace(cep::words_of(cep::ObstacleKind::kWindow));
  for (const cep::Obstacle& obstacle : cep::general_obstacles(rule)) {
    found.emplace(cep::words_of(obstacle.kind));
  }
  return {found.begin(), found.end()};
}

std::string method_words(const cep::Rule& rule, const cep::RuleProfile& profile) {
  std::string out;
  if (profile.method != Method::kSingle && profile.lives && profile.lives->us == 0) {
    return "Each event is decided by itself; only that it alerted is remembered.";
  }
  switch (profile.method) {
    case Method::kSingle:
      return "Each event is decided by itself: the rule remembers nothing.";
    case Method::kStrict:
      out = fmt::format(
          "By looking back: its steps follow each other directly, so that the last {} of the key "
          "{} all it needs.",
          profile.memory.events_most == 1 ? "event"
                                          : fmt::format("{} events", profile.memory.events_most),
          profile.memory.events_most == 1 ? "is" : "are");
      break;
    case Method::kRuns:
      out = "By partial matches that share what they took together.";
      break;
    case Method::kGeneral:
      out = fmt::format("By the general matcher, for the sake of {}.", listed(reasons_of(rule)));
      break;
  }
  const bool merges = profile.method == Method::kRuns || profile.method == Method::kGeneral;
  if (profile.prunes && merges && !rule.window) {
    out +=
        profile.prunes_over_starts
            ? " Of partial matches with the same future only the one that would be chosen is kept."
            : " Of partial matches that began at the same event and have the same future only the "
              "one that would be chosen is kept.";
  }
  return out;
}

const char* asked_words(AskedAt at) {
  switch (at) {
    case AskedAt::kColumns:
      return "evaluated on the event alone, for many events at once";
    case AskedAt::kKey:
      return "evaluated once for each event and key";
    case AskedAt::kMatch:
      break;
  }
  return "evaluated for each partial match that waits for the event";
}

// Whether nothing is left to wait for after the state's event: it is the match.
bool is_last(const NamedAutomaton& automaton, const cep::RuleProfile& profile, std::size_t state) {
  std::size_t count = 0;
  bool waits = false;
  for (std::size_t i = 0; i < automaton.transitions.size(); ++i) {
    const NamedTransition& transition = automaton.transitions[i];
    if (transition.from != state) continue;
    ++count;
    waits = waits || transition.takes || !transition.needs.empty() || !transition.ends.empty() ||
            profile.transitions[i].ending != Ending::kAtOnce;
  }
  return count == 1 && !waits;
}

Passage transition_passage(const NamedAutomaton& automaton, const cep::RuleProfile& profile,
                           const NamedTransition& transition) {
  const NamedState& target = automaton.states[transition.to];
  Passage out;
  if (transition.to_last) {
    out.text = fmt::format("take an event of any step from {} to {}", in_code(target.name),
                           in_code(automaton.states[*transition.to_last].name));
  } else if (transition.takes) {
    out.text = transition.from == transition.to ? "take another " : "take ";
    out.text += target.takes;
    if (!target.conditions.empty()) out.text += " with " + listed(target.conditions);
    if (is_last(automaton, profile, transition.to)) {
      const bool named = !target.name.starts_with("step ");
      out.text += " → " + (named ? in_code(target.name) + ": " : std::string()) + "match";
    } else if (transition.from != transition.to) {
      out.text += " → " + in_code(target.name);
    }
  } else {
    out.text = "→ match: " + transition.gives;
  }
  if (!transition.needs.empty()) out.text += ", if " + listed(transition.needs);
  if (!transition.passes.empty()) out.parts.push_back({transition.passes});
  for (const std::string& end : transition.ends) out.parts.push_back({"ended by: " + end});
  return out;
}
}  // namespace

std::vector<std::string> transition_clauses(const NamedAutomaton& automaton,
                                            const NamedTransition& transition) {
  std::vector<std::string> clauses = {transition.gives};
  if (transition.to_last) {
    clauses.front() = fmt::format("an event of any step from {} to {}",
                                  in_code(automaton.states[transition.to].name),
                                  in_code(automaton.states[*transition.to_last].name));
  } else if (transition.takes) {
    const NamedState& target = automaton.states[transition.to];
    clauses.front() = target.takes;
    if (!target.conditions.empty()) clauses.front() += " with " + listed(target.conditions);
  }
  for (const std::string& need : transition.needs) clauses.push_back("if " + need);
  if (!transition.passes.empty()) clauses.push_back(transition.passes);
  for (const std::string& end : transition.ends) clauses.push_back("ended by: " + end);
  return clauses;
}

std::vector<Passage> events_of_fans(const NamedAutomaton& automaton) {
  std::vector<Passage> out;
  std::vector<bool> is_said(automaton.states.size());
  for (const NamedTransition& transition : automaton.transitions) {
    if (!transition.to_last) is_said[transition.to] = true;
  }
  for (const NamedTransition& transition : automaton.transitions) {
    if (!transition.to_last || is_said[transition.to]) continue;
    for (std::size_t i = transition.to; i <= *transition.to_last; ++i) {
      if (is_said[i]) continue;
      is_said[i] = true;
      const NamedState& state = automaton.states[i];
      std::string text = fmt::format("{} takes {}", in_code(state.name), state.takes);
      if (!state.conditions.empty()) text += " with " + listed(state.conditions);
      out.push_back({std::move(text) + "."});
    }
  }
  return out;
}

std::string method_name(Method method) {
  switch (method) {
    case Method::kSingle:
      return "single";
    case Method::kStrict:
      return "strict";
    case Method::kRuns:
      return "runs";
    case Method::kGeneral:
      break;
  }
  return "general";
}

NamedAutomaton name_automaton(const Words& words, const cep::RuleProfile& profile) {
  return Namer(words, profile).run();
}

std::vector<Passage> automaton_passages(const Words& words, const cep::RuleProfile& profile) {
  const NamedAutomaton automaton = name_automaton(words, profile);
  std::vector<Passage> out;
  out.push_back({method_words(*words.rule(), profile)});
  for (const NamedCondition& condition : automaton.conditions) {
    out.push_back({fmt::format("{}: {}  ({})", condition.name, condition.text,
                               asked_words(condition.asked))});
  }
  for (std::size_t i = 0; i < automaton.states.size(); ++i) {
    const NamedState& state = automaton.states[i];
    if (state.kind == AutomatonState::Kind::kMatch || is_last(automaton, profile, i)) continue;
    Passage said{state.kind == AutomatonState::Kind::kStart ? "From the start:"
                                                            : "After " + in_code(state.name) + ":"};
    for (const NamedTransition& transition : automaton.transitions) {
      if (transition.from == i)
        said.parts.push_back(transition_passage(automaton, profile, transition));
    }
    out.push_back(std::move(said));
  }
  for (Passage& takes : events_of_fans(automaton)) out.push_back(std::move(takes));
  const bool branches =
      std::any_of(profile.transitions.begin(), profile.transitions.end(),
                  [&](const AutomatonTransition& transition) {
                    return transition.from != 0 && transition.passes == Passes::kEverything &&
                           profile.states[transition.to].kind == AutomatonState::Kind::kStep;
                  });
  if (branches) {
    out.push_back(
        {"Where an event fits and what fits is ignored, one partial match goes on with it "
         "and one waits on."});
  }
  if (!automaton.always_ends.empty()) {
    out.push_back(
        {fmt::format("Every partial match ends at: {}.", listed(automaton.always_ends, "or"))});
  }
  return out;
}
}  // namespace tocsin::rules
