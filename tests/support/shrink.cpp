#include "tests/support/shrink.h"

#include <cstddef>
#include <utility>

#include "cep/expr.h"
#include "tests/support/plan_parts.h"

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

// Ways to make one rule smaller.
void rule_changes(std::vector<Change>& changes, const cep::Plan& plan, std::size_t r) {
  const cep::Rule& rule = plan.rules[r];
  const auto add = [&](const std::function<void(cep::Rule&)>& change) {
    changes.push_back([r, change](Case& c) { change(c.plan.rules[r]); });
  };
  if (rule.suppression.once != cep::Once::kNone) add([](cep::Rule& x) { x.suppression = {}; });
  if (rule.severity) add([](cep::Rule& x) { x.severity = nullptr; });
  if (rule.message.size() > 1) add([](cep::Rule& x) { x.message = {{"m", nullptr}}; });
  for (std::size_t i = 0; i < rule.fields.size(); ++i) {
    add([i](cep::Rule& x) { x.fields.erase(x.fields.begin() + static_cast<std::ptrdiff_t>(i)); });
  }
  if (rule.within) add([](cep::Rule& x) { x.within.reset(); });
  if (rule.selection.kind == cep::SelectionKind::kSkipPastLast)
    add([](cep::Rule& x) { x.selection = {}; });
  if (rule.key.parts.size() > 1) add([](cep::Rule& x) { x.key.parts.pop_back(); });
  leave_out_conjuncts(changes, rule.having,
                      [r](Case& c) -> cep::ExprPtr& { return c.plan.rules[r].having; });
  for (std::size_t e = 0; e < rule.pattern.size(); ++e) {
    const cep::Element& element = rule.pattern[e];
    leave_out_conjuncts(changes, element.where, [r, e](Case& c) -> cep::ExprPtr& {
      return c.plan.rules[r].pattern[e].where;
    });
    if (element.events.size() > 1) add([e](cep::Rule& x) { x.pattern[e].events.pop_back(); });
    const bool last = e + 1 == rule.pattern.size();
    if (element.kind == cep::ElementKind::kAbsence) {
      add([e](cep::Rule& x) {
        x.pattern.erase(x.pattern.begin() + static_cast<std::ptrdiff_t>(e));
      });
    } else if (last && e > 0 && element.var.value + 1 == rule.variables.size()) {
      add([](cep::Rule& x) {
        x.pattern.pop_back();
        x.variables.pop_back();
      });
    }
  }
}

std::vector<Change> all_changes(const Case& start) {
  std::vector<Change> changes;
  for (std::size_t r = 0; r < start.plan.rules.size(); ++r) {
    changes.push_back([r](Case& c) {
      c.plan.rules.erase(c.plan.rules.begin() + static_cast<std::ptrdiff_t>(r));
    });
  }
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
      if (!fails(candidate)) continue;
      start = std::move(candidate);
      smaller = true;
      break;
    }
  }
  return start;
}
}  // namespace tocsin::tests
