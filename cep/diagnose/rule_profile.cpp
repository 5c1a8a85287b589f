#include "cep/diagnose/rule_profile.h"

#include <algorithm>
#include <set>
#include <utility>

#include "cep/compile/make_pattern.h"
#include "cep/diagnose/rule_memory.h"
#include "cep/plan/calendar.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/rule.h"
#include "cep/record/budget_bytes.h"

namespace tocsin::cep {
namespace {
AskedTest test_of(const Rule& rule, const std::vector<Subset>& kinds, const ExprPtr& where,
                  std::optional<VarIndex> own) {
  AskedTest test;
  test.kinds = kinds;
  std::vector<ExprPtr> parts;
  split_conjuncts(where, parts);
  for (const ExprPtr& part : parts) {
    ProfileCondition asked;
    asked.expr = own ? own_event_to_current(part, *own) : part;
    asked.at = reads_run(*asked.expr)         ? AskedAt::kMatch
               : reads_key_state(*asked.expr) ? AskedAt::kKey
                                              : AskedAt::kColumns;
    asked.of_first =
        !own || !rule.variables[own->value].loop || !mentions_own_past(*asked.expr, *own);
    test.conditions.push_back(std::move(asked));
  }
  return test;
}

Passes passes_of(Contiguity contiguity) {
  switch (contiguity) {
    case Contiguity::kFirst:
      return Passes::kWhatDoesNotFit;
    case Contiguity::kNext:
      return Passes::kOtherKinds;
    case Contiguity::kAny:
      break;
  }
  return Passes::kEverything;
}

// The states and transitions of the pattern; state i + 1 is after step i, the last one is the
// match.
void add_automaton(const Rule& rule, const PatternProgram& pattern, RuleProfile& out) {
  out.states.push_back({AutomatonState::Kind::kStart, {}, {}, {}, {}});
  for (const PatternStep& step : pattern.steps) {
    const Element& element = *step.element;
    AutomatonState state;
    state.var = element.var();
    state.takes = test_of(rule, element.events(), element.where(), element.var());
    if (out.method != Method::kGeneral && element.quantifier().max == 1U) {
      std::erase_if(state.takes.conditions,
                    [](const ProfileCondition& asked) { return !asked.of_first; });
    }
    if (!element.until_events().empty()) {
      state.until = test_of(rule, element.until_events(), element.until_where(), std::nullopt);
    }
    state.counter = step.counter;
    out.states.push_back(std::move(state));
  }
  const std::size_t match = out.states.size();
  out.states.push_back({AutomatonState::Kind::kMatch, {}, {}, {}, {}});
  for (const PatternAbsence& absence : pattern.absences) {
    out.absences.push_back(
        test_of(rule, absence.element->events(), absence.element->where(), std::nullopt));
  }
  const auto add = [&](std::size_t from, const std::vector<std::uint32_t>& transitions) {
    for (const std::uint32_t index : transitions) {
      const PatternTransition& transition = pattern.transitions[index];
      AutomatonTransition made;
      made.from = from;
      const bool is_fan = transition.target == PatternTransition::kFan;
      made.to = transition.target == PatternTransition::kEnd ? match
                : is_fan ? pattern.fan_targets[transition.fan_begin].step + 1
                         : transition.target + 1;
      if (is_fan) made.to_last = pattern.fan_targets[transition.fan_end - 1].step + 1;
      made.is_of_members = transition.members.has_value();
      made.passes = from == 0 ? Passes::kEverything : passes_of(transition.contiguity);
      made.further = transition.further;
      made.gap = transition.gap;
      made.ending = transition.ending;
      made.wait = transition.wait;
      made.waits_from_first = transition.waits_from_first;
      made.tests = transition.tests;
      made.updates = transition.updates;
      made.absences.assign(transition.absences.begin(), transition.absences.end());
      for (const std::uint32_t loop : transition.greedy) made.greedy.push_back(loop + 1);
      out.transitions.push_back(std::move(made));
    }
  };
  add(0, pattern.starts);
  for (std::size_t i = 0; i < pattern.steps.size(); ++i) add(i + 1, pattern.steps[i].transitions);
}

// A window has one step, which takes all that is collected.
void add_window(const Rule& rule, const PatternProgram& pattern, RuleProfile& out) {
  const ClosingWindow& window = *rule.window;
  out.states.push_back({AutomatonState::Kind::kStart, {}, {}, {}, {}});
  AutomatonState collects;
  collects.var = window.var;
  collects.takes = test_of(rule, pattern.steps.front().element->events(), nullptr, std::nullopt);
  out.states.push_back(std::move(collects));
  out.states.push_back({AutomatonState::Kind::kMatch, {}, {}, {}, {}});
  out.opens = test_of(rule, window.events, nullptr, std::nullopt);
  AutomatonTransition opens;
  opens.to = 1;
  AutomatonTransition more;
  more.from = more.to = 1;
  more.further = true;
  more.passes = Passes::kWhatDoesNotFit;
  AutomatonTransition closes;
  closes.from = 1;
  closes.to = 2;
  closes.ending = Ending::kAtDeadline;
  closes.wait = longest_of(window);
  closes.waits_from_first = !window.is_session();
  out.transitions = {opens, more, closes};
}

// The longest that a partial match may wait.
std::optional<Duration> longest_wait(const RuleProfile& out, const RuleProgram& program) {
  const Rule& rule = *program.rule;
  if (program.method == Method::kSingle) return Duration{0};
  if (rule.window) {
    if (rule.window->is_session()) return std::nullopt;
    return longest_of(*rule.window);
  }
  std::optional<Duration> longest = program.within;
  for (const AutomatonTransition& transition : out.transitions) {
    if (transition.ending != Ending::kAtDeadline || transition.waits_from_first) continue;
    // It waits on from its last event, which comes in time.
    if (program.within) longest = std::max(*longest, *program.within + transition.wait);
  }
  if (program.within) return longest;
  // Without `within` only a match that waits for nothing but its deadline is sure to end.
  Duration wait;
  for (const AutomatonTransition& transition : out.transitions) {
    const bool waits_for_event = transition.from != 0 && transition.ending != Ending::kAtDeadline &&
                                 out.states[transition.to].kind == AutomatonState::Kind::kStep;
    if (waits_for_event && !transition.gap) return std::nullopt;
    if (transition.from != 0 && transition.ending == Ending::kAtNext) return std::nullopt;
    if (transition.gap) wait.us += transition.further ? 0 : transition.gap->us;
    if (transition.gap && transition.further) return std::nullopt;
    if (transition.ending == Ending::kAtDeadline) wait.us += transition.wait.us;
  }
  return wait;
}

// ---- what an event costs

// The predicates that an operator asks.
void add_predicates(const RuleProgram& rule, std::set<std::uint32_t>& out) {
  for (const StepProgram& step : rule.steps) {
    out.insert(step.take.predicate);
    for (const ElementProgram& guard : step.guards) out.insert(guard.predicate);
  }
  if (rule.pattern) {
    for (const PatternStep& step : rule.pattern->steps) {
      out.insert(step.take.predicate);
      if (step.until) out.insert(step.until->predicate);
    }
    for (const PatternAbsence& absence : rule.pattern->absences) {
      out.insert(absence.forbid.predicate);
    }
    if (rule.pattern->without) out.insert(rule.pattern->without->predicate);
    if (rule.pattern->opens) out.insert(rule.pattern->opens->predicate);
  }
  if (rule.strict || rule.pattern) out.insert(rule.considered_predicate);
}
// The atoms of these predicates, by event type.
std::vector<std::set<std::uint32_t>> atoms_of(const ProgramImpl& program, std::uint32_t table,
                                              const std::set<std::uint32_t>& predicates) {
  const std::size_t types = program.plan->event_types.size();
  std::vector<std::set<std::uint32_t>> atoms(types);
  for (const std::uint32_t predicate : predicates) {
    const std::vector<AtomFormula>& by_type = program.tables[table].predicates[predicate].by_type;
    for (std::size_t i = 0; i < by_type.size(); ++i) {
      for (const AtomFormula::Step& step : by_type[i].steps) {
        if (step.op == AtomFormula::Op::kAtom) atoms[i % types].insert(step.operand);
      }
    }
  }
  return atoms;
}
std::vector<std::set<std::uint32_t>> atoms_of_rule(const ProgramImpl& program,
                                                   const RuleProgram& rule) {
  std::set<std::uint32_t> predicates;
  add_predicates(rule, predicates);
  return atoms_of(program, rule.table, predicates);
}

bool takes_type(const std::vector<Subset>& kinds, EventTypeIndex type) {
  return std::any_of(kinds.begin(), kinds.end(),
                     [&](const Subset& kind) { return kind.type == type; });
}

void add_costs(const ProgramImpl& program, const RuleProgram& rule, RuleProfile& out) {
  const std::vector<std::set<std::uint32_t>> own = atoms_of_rule(program, rule);
  std::vector<std::set<std::uint32_t>> others(own.size());
  const auto add_others = [&](const std::vector<std::set<std::uint32_t>>& atoms) {
    for (std::size_t t = 0; t < atoms.size(); ++t)
      others[t].insert(atoms[t].begin(), atoms[t].end());
  };
  for (const RuleProgram& other : program.rules) {
    if (other.index != rule.index) add_others(atoms_of_rule(program, other));
  }
  for (const FeatureProgram& feature : program.features) {
    add_others(atoms_of(program, feature.table, {feature.predicate}));
  }
  const std::set<FeatureIndex> read = features_read(all_exprs(*rule.rule));
  std::set<EventTypeIndex> types;
  const auto add_types = [&](const std::vector<Subset>& kinds) {
    for (const Subset& kind : kinds) types.insert(kind.type);
  };
  for_each_kinds(*rule.rule, add_types);
  for (const FeatureIndex feature : read) add_types(program.plan->features[feature.value].events);
  for (const EventTypeIndex type : types) {
    EventCost cost;
    cost.type = type;
    std::set<std::uint32_t> searched;
    for (const std::uint32_t atom : own[type.value]) {
      const Atom& asked = program.atoms.atom(atom);
      const bool searches = asked.kind == Atom::Kind::kFound || asked.kind == Atom::Kind::kNotFound;
      if (searches) searched.insert(asked.test.text);
      ++cost.tests;
      if (others[type.value].contains(atom)) ++cost.tests_shared;
    }
    cost.searches = searched.size();
    bool is_taken = false;
    for_each_kinds(*rule.rule, [&](const std::vector<Subset>& kinds) {
      is_taken = is_taken || takes_type(kinds, type);
    });
    const bool keeps_nothing = rule.method == Method::kSingle && read.empty();
    const std::size_t roles = program.tables[rule.table].roles[type.value].size();
    if (is_taken && !keeps_nothing) cost.lookups = std::max<std::size_t>(1, roles);
    const auto count = [&](const AskedTest& test) {
      if (!takes_type(test.kinds, type)) return;
      for (const ProfileCondition& condition : test.conditions) {
        if (condition.at == AskedAt::kKey) ++cost.key_conditions;
        if (condition.at == AskedAt::kMatch) ++cost.match_conditions;
      }
    };
    for (const AutomatonState& state : out.states) {
      count(state.takes);
      if (state.until) count(*state.until);
    }
    for (const AskedTest& absence : out.absences) count(absence);
    if (out.without) count(*out.without);
    std::set<std::uint32_t> tables;
    for (const FeatureIndex feature : read) {
      if (!takes_type(program.plan->features[feature.value].events, type)) continue;
      ++cost.features;
      const std::uint32_t table = program.features[feature.value].table;
      if (table != rule.table || !is_taken) tables.insert(table);
    }
    cost.lookups += tables.size();
    out.costs.push_back(cost);
  }
}

// An event as budgets count it.
std::size_t budget_bytes(const Plan& plan, const Captured& captured) {
  std::size_t bytes = kEventBytes;
  for (const FieldIndex field : captured.fields) {
    const Type& type = plan.event_types[captured.type.value].fields[field.value].type;
    bytes += type.kind == TypeKind::kString ? RuleMemory::kTextBytesAssumed : 8;
  }
  return bytes;
}

KeyBudget budget_of(const ProgramImpl& program, const RuleProgram& rule, const Growth& growth) {
  const Limits& limits = program.limits;
  KeyBudget out;
  if (growth.kept == Kept::kNothing || growth.kept == Kept::kLastEvents) return out;
  out.event_bytes = kEventBytes;
  for (const Captured& captured : rule.rule->captured) {
    out.event_bytes = std::max(out.event_bytes, budget_bytes(*program.plan, captured));
  }
  out.events_most = limits.events_per_key_max;
  if (growth.kept == Kept::kWindow) return out;
  out.entry_bytes = kPlaceBytes;
  std::uint64_t bytes = out.event_bytes + out.entry_bytes;
  if (growth.kept == Kept::kPartialMatches) {
    out.match_bytes = kPartialMatchBytes;
    bytes += out.match_bytes;
    out.events_most = std::min<std::uint64_t>(*out.events_most, limits.runs_per_key_max);
  }
  out.events_most = std::min<std::uint64_t>(*out.events_most, limits.bytes_per_key_max / bytes);
  return out;
}

void add_shared(const ProgramImpl& program, const RuleProgram& rule, RuleProfile& out) {
  const bool keeps = rule.method != Method::kSingle;
  for (const RuleProgram& other : program.rules) {
    if (other.index == rule.index) continue;
    if (keeps && other.table == rule.table && other.method != Method::kSingle) {
      out.rules_of_key.push_back(other.index);
    }
    for_each_kinds(*other.rule, [&](const std::vector<Subset>& kinds) {
      for (const Subset& kind : kinds) {
        const EventType& type = program.plan->event_types[kind.type.value];
        const bool reads =
            type.alert_of == rule.index ||
            std::count(type.any_alert_of.begin(), type.any_alert_of.end(), rule.index) != 0;
        if (reads && (out.alert_readers.empty() || out.alert_readers.back() != other.index)) {
          out.alert_readers.push_back(other.index);
        }
      }
    });
  }
  for (const FeatureProgram& feature : program.features) {
    if (keeps && feature.table == rule.table) out.features_of_key.push_back(feature.index);
  }
  if (rule.method != Method::kStrict) return;
  for (const StrictGroup& group : program.strict_groups) {
    if (std::count(group.rules.begin(), group.rules.end(), rule.index.value) == 0) continue;
    for (const std::uint32_t other : group.rules) {
      if (other != rule.index.value) out.rules_of_ring.emplace_back(other);
    }
  }
}
}  // namespace

RuleProfile describe_profile(const Program& program, RuleIndex index) {
  const ProgramImpl& impl = program.impl();
  const RuleProgram& compiled = impl.rules[index.value];
  const Rule& rule = *compiled.rule;
  RuleProfile out;
  out.method = compiled.method;
  out.prunes = compiled.prunes;
  out.prunes_over_starts = compiled.prunes_over_starts;
  out.asks_next = compiled.strict;
  out.pass = compiled.pass;
  out.level = compiled.level;
  if (rule.window) {
    add_window(rule, *compiled.pattern, out);
  } else if (compiled.pattern) {
    add_automaton(rule, *compiled.pattern, out);
  } else {
    // The simple methods follow the same automaton with the states of their own.
    add_automaton(rule, make_pattern(rule, impl.limits), out);
  }
  if (rule.without) {
    out.without = test_of(rule, rule.without->events, rule.without->where, std::nullopt);
  }
  out.lives = longest_wait(out, compiled);
  out.memory = memory_of(impl, compiled);
  out.growth = growth_of(*impl.plan, rule, impl.limits);
  out.budget = budget_of(impl, compiled, out.growth);
  add_costs(impl, compiled, out);
  add_shared(impl, compiled, out);
  return out;
}
}  // namespace tocsin::cep
