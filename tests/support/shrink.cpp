#include "tests/support/shrink.h"

#include <cstddef>
#include <utility>

#include "cep/plan/expr.h"
#include "cep/plan/feature.h"
#include "tests/support/plan_parts.h"
#include "tests/support/plan_walk.h"

namespace tocsin::tests {
namespace {
using Change = std::function<void(Case&)>;

void leave_out_conjuncts(std::vector<Change>& changes, const cep::ExprPtr& condition,
                         const std::function<cep::ExprPtr&(Case&)>& place) {
  if (!condition) return;
  changes.push_back([place](Case& c) { place(c) = nullptr; });
  if (condition->op != cep::Op::kAnd) return;
  for (std::size_t i = 0; i < condition->args.size(); ++i) {
    changes.push_back([place, i](Case& c) {
      std::vector<cep::ExprPtr> rest = place(c)->args;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
      place(c) = all_of(rest);
    });
  }
}

// The element that comes as number `n` when groups come before what is in them, and the list that
// it stands in.
std::pair<std::vector<cep::Element>*, std::size_t> element_at(std::vector<cep::Element>& elements,
                                                              std::size_t& n) {
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (n == 0) return {&elements, i};
    --n;
    cep::Group* const group = elements[i].group();
    if (group == nullptr) continue;
    const auto inside = element_at(group->children, n);
    if (inside.first != nullptr) return inside;
  }
  return {nullptr, 0};
}

// Takes out the variables that no step has any more; what reads them goes too.
void remove_lost_variables(cep::Rule& rule) {
  if (rule.window) return;
  std::vector<bool> used(rule.variables.size(), false);
  walk_elements(static_cast<const cep::Rule&>(rule).pattern, [&](const cep::Element& element) {
    if (!element.is_step()) return;
    for (std::optional<cep::VarIndex> var = element.var(); var;) {
      used[var->value] = true;
      var = rule.variables[var->value].parent;
    }
  });
  for (std::size_t v = rule.variables.size(); v > 0; --v) {
    if (used[v - 1]) continue;
    const cep::VarIndex lost(v - 1);
    // An expression of a lost variable becomes one that is missing.
    rewrite(rule, [&](cep::Expr& expr) {
      cep::VarIndex* const var = variable_of(expr);
      if (var != nullptr && *var == lost) {
        cep::Expr missing;
        missing.type = expr.type;
        missing.payload = cep::LiteralValue();
        expr = missing;
      } else if (var != nullptr && *var > lost) {
        --var->value;
      }
    });
    const auto moved = [&](cep::VarIndex& var) {
      if (var > lost) --var.value;
    };
    walk_elements(rule.pattern, [&](cep::Element& element) {
      if (cep::Step* const step = element.step()) moved(step->var);
    });
    moved(rule.selection.var);
    if (auto* const per = rule.suppression.as<cep::OncePerVariable>()) moved(per->var);
    rule.variables.erase(rule.variables.begin() + static_cast<std::ptrdiff_t>(v - 1));
    for (cep::Variable& variable : rule.variables) {
      if (variable.parent) moved(*variable.parent);
    }
  }
}

// Variables are loops where a count stands on their step or around it.
void set_loops(cep::Rule& rule, const std::vector<cep::Element>& elements, bool repeated) {
  for (const cep::Element& element : elements) {
    if (element.is_step()) {
      rule.variables[element.var().value].loop = repeated || element.quantifier().loop;
    }
    set_loops(rule, element.children(), repeated || element.quantifier().loop);
  }
}

void element_changes(const std::function<void(const std::function<void(cep::Rule&)>&)>& add,
                     const cep::Rule& rule) {
  std::vector<const cep::Element*> all;
  walk_elements(rule.pattern, [&](const cep::Element& element) { all.push_back(&element); });
  for (std::size_t n = 0; n < all.size(); ++n) {
    const cep::Element& element = *all[n];
    const auto in_list =
        [&](const std::function<void(std::vector<cep::Element>&, std::size_t)>& change) {
          add([n, change](cep::Rule& x) {
            std::size_t left = n;
            const auto [list, i] = element_at(x.pattern, left);
            change(*list, i);
            remove_lost_variables(x);
            set_loops(x, std::vector<cep::Element>(x.pattern), false);
          });
        };
    const auto at = [&](const std::function<void(cep::Element&)>& change) {
      in_list([change](std::vector<cep::Element>& list, std::size_t i) { change(list[i]); });
    };
    in_list([](std::vector<cep::Element>& list, std::size_t i) {
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
    });
    if (!element.children().empty()) {
      in_list([](std::vector<cep::Element>& list, std::size_t i) {
        std::vector<cep::Element> inside = std::move(list[i].group()->children);
        inside.front().contiguity = list[i].contiguity;
        list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
        list.insert(list.begin() + static_cast<std::ptrdiff_t>(i), inside.begin(), inside.end());
      });
    }
    if (element.is_optional()) at([](cep::Element& e) { e.repetition()->optional = false; });
    if (element.gap) at([](cep::Element& e) { e.gap.reset(); });
    if (element.is_next()) at([](cep::Element& e) { e.absence()->next = false; });
    if (element.until_where()) at([](cep::Element& e) { e.step()->until_where = nullptr; });
    if (!element.until_events().empty()) {
      at([](cep::Element& e) {
        e.step()->until_events.clear();
        e.step()->until_where = nullptr;
      });
    }
    if (element.quantifier().greedy)
      at([](cep::Element& e) { e.step()->quantifier.greedy = false; });
    if (element.quantifier().loop) {
      at([](cep::Element& e) { e.repetition()->quantifier = {}; });
      if (!element.quantifier().max) {
        at([](cep::Element& e) {
          cep::Quantifier& quantifier = e.repetition()->quantifier;
          quantifier.max = quantifier.min;
        });
      }
    }
    if (element.events().size() > 1) at([](cep::Element& e) { e.test()->events.pop_back(); });
    if (element.where()) {
      at([](cep::Element& e) { e.test()->where = nullptr; });
      for (std::size_t i = 0;
           element.where()->op == cep::Op::kAnd && i < element.where()->args.size(); ++i) {
        at([i](cep::Element& e) {
          std::vector<cep::ExprPtr> rest = e.where()->args;
          rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
          e.test()->where = all_of(rest);
        });
      }
    }
  }
}

// Ways to make one rule smaller.
void rule_changes(std::vector<Change>& changes, const cep::Plan& plan, std::size_t r) {
  const cep::Rule& rule = plan.rules[r];
  const std::function<void(const std::function<void(cep::Rule&)>&)> add =
      [&](const std::function<void(cep::Rule&)>& change) {
        changes.push_back([r, change](Case& c) { change(c.plan.rules[r]); });
      };
  const cep::Suppression& suppression = rule.suppression;
  if (suppression.kind() != cep::Once::kNone) {
    add([](cep::Rule& x) {
      const auto most = x.suppression.at_most;
      x.suppression = {};
      x.suppression.at_most = most;
    });
  }
  if (suppression.at_most) add([](cep::Rule& x) { x.suppression.at_most.reset(); });
  if (!suppression.for_each.empty()) add([](cep::Rule& x) { x.suppression.for_each.clear(); });
  if (rule.without) add([](cep::Rule& x) { x.without.reset(); });
  if (rule.without && rule.without->where) {
    add([](cep::Rule& x) { x.without->where = nullptr; });
  }
  if (!rule.exceptions.empty()) add([](cep::Rule& x) { x.exceptions.pop_back(); });
  if (rule.severity) add([](cep::Rule& x) { x.severity = nullptr; });
  if (rule.message.size() > 1) add([](cep::Rule& x) { x.message = {{"m", nullptr}}; });
  for (std::size_t i = 0; i < rule.fields.size(); ++i) {
    add([i](cep::Rule& x) { x.fields.erase(x.fields.begin() + static_cast<std::ptrdiff_t>(i)); });
  }
  if (rule.within) add([](cep::Rule& x) { x.within.reset(); });
  if (rule.selection.in_order) add([](cep::Rule& x) { x.selection.in_order = false; });
  if (rule.selection.kind != cep::SelectionKind::kDefault || rule.selection.prefer_latest) {
    add([](cep::Rule& x) { x.selection = {}; });
  }
  if (rule.selection.kind != cep::SelectionKind::kDefault &&
      rule.selection.kind != cep::SelectionKind::kNoSkip) {
    add([](cep::Rule& x) { x.selection.kind = cep::SelectionKind::kNoSkip; });
  }
  if (rule.key.parts.size() > 1) add([](cep::Rule& x) { x.key.parts.pop_back(); });
  leave_out_conjuncts(changes, rule.having,
                      [r](Case& c) -> cep::ExprPtr& { return c.plan.rules[r].having; });
  element_changes(add, rule);
}

// Takes a rule out, unless something reads its alerts.
void remove_rule(cep::Plan& plan, std::size_t r) {
  const cep::RuleIndex lost(r);
  for (const cep::Feature& feature : plan.features) {
    if (feature.unless_alerted_by == lost) return;
  }
  for (cep::EventType& type : plan.event_types) {
    if (type.alert_of == lost) return;
  }
  const auto moved = [&](cep::RuleIndex& rule) {
    if (rule > lost) --rule.value;
  };
  for (cep::Feature& feature : plan.features) {
    if (feature.unless_alerted_by) moved(*feature.unless_alerted_by);
  }
  for (cep::EventType& type : plan.event_types) {
    if (type.alert_of) moved(*type.alert_of);
    std::erase(type.any_alert_of, lost);
    for (cep::RuleIndex& rule : type.any_alert_of) moved(rule);
  }
  plan.rules.erase(plan.rules.begin() + static_cast<std::ptrdiff_t>(r));
}
// Takes out the last event type, where it is one of alerts.
void remove_alert_type(cep::Plan& plan) {
  if (!plan.event_types.empty() && plan.event_types.back().is_alert()) plan.event_types.pop_back();
}
// Takes out the last feature; validation finds out whether something reads it.
void remove_feature(cep::Plan& plan) {
  if (!plan.features.empty()) plan.features.pop_back();
}

std::vector<Change> all_changes(const Case& start) {
  std::vector<Change> changes;
  for (std::size_t r = 0; r < start.plan.rules.size(); ++r) {
    changes.push_back([r](Case& c) { remove_rule(c.plan, r); });
  }
  changes.emplace_back([](Case& c) { remove_alert_type(c.plan); });
  changes.emplace_back([](Case& c) { remove_feature(c.plan); });
  // Half of the events, a quarter, …, one.
  for (std::size_t size = start.events.size() / 2; size >= 1; size /= 2) {
    for (std::size_t begin = 0; begin + size <= start.events.size(); begin += size) {
      changes.push_back([begin, size](Case& c) {
        const auto from = c.events.begin() + static_cast<std::ptrdiff_t>(begin);
        c.events.erase(from, from + static_cast<std::ptrdiff_t>(size));
      });
    }
  }
  for (std::size_t r = 0; r < start.plan.rules.size(); ++r) rule_changes(changes, start.plan, r);
  return changes;
}
}  // namespace

Case shrink(Case start, const std::function<bool(const Case&)>& fails) {
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (const Change& change : all_changes(start)) {
      Case candidate = start;
      change(candidate);
      if (candidate.plan.rules.empty() || !cep::validate(candidate.plan).empty()) continue;
      if (candidate.events.size() == start.events.size() &&
          cep::describe(candidate.plan) == cep::describe(start.plan)) {
        continue;  // nothing changed
      }
      if (!fails(candidate)) continue;
      start = std::move(candidate);
      smaller = true;
      break;
    }
  }
  return start;
}
}  // namespace tocsin::tests
