#include "tests/support/random_rich.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "cep/plan/zone.h"
#include "tests/support/plan_parts.h"
#include "tests/support/plan_walk.h"
#include "tests/support/random_expr.h"
#include "tests/support/random_feature.h"
#include "tests/support/random_wide.h"

namespace tocsin::tests {
using cep::Duration;
using cep::Element;
using cep::ElementKind;
using cep::ExprPtr;
using cep::Once;
using cep::Op;
using cep::Rule;
using cep::SelectionKind;
using cep::TypeKind;
using cep::Value;
using cep::VarIndex;

namespace {
Duration seconds(std::int64_t n) { return {1'000'000 * n}; }

class Enricher {
 public:
  Enricher(Random& random, cep::Plan& plan, std::size_t rule, const Riches& riches)
      : random_(random), plan_(plan), index_(rule), riches_(riches) {}

  void run() {
    if (rule().window) return;
    if (riches_.optional) attempt(40, [&] { make_optional(); });
    if (riches_.gaps) attempt(40, [&] { make_gap(); });
    if (riches_.loops) {
      attempt(40, [&] { make_each(); });
      attempt(40, [&] { make_greedy(); });
      attempt(40, [&] { make_until(); });
    }
    if (riches_.loops) attempt(25, [&] { make_absence_after_loop(); });
    if (riches_.no_next) attempt(60, [&] { make_next(); });
    if (riches_.groups) {
      for (int i = 0; i < 3; ++i) attempt(50, [&] { make_group(); });
      if (riches_.loops) attempt(15, [&] { make_absence_after_loop(); });
    }
    if (riches_.optional) attempt(40, [&] { make_optional(); });
    if (riches_.gaps) attempt(30, [&] { make_gap(); });
    if (riches_.loops) attempt(20, [&] { make_greedy(); });
    if (riches_.selection) attempt(70, [&] { make_selection(); });
    if (riches_.in_order) attempt(40, [&] { make_in_order(); });
    if (riches_.without) attempt(40, [&] { make_without(); });
    if (riches_.except) attempt(40, [&] { make_except(); });
    if (riches_.once) {
      attempt(60, [&] { make_once(); });
      attempt(30, [&] { make_at_most(); });
    }
    set_captured(plan_, rule());
  }

 private:
  Rule& rule() { return plan_.rules[index_]; }

  // Makes a change in so many of a hundred cases; one that gives no valid plan is undone.
  void attempt(std::size_t percent, const std::function<void()>& change) {
    if (!random_.chance(percent)) return;
    const Rule before = rule();
    change();
    fix_expressions();
    if (!cep::validate(plan_).empty()) rule() = before;
  }

  // A variable's event is `only` one, or the first or last of a loop.
  void fix_expressions() {
    rewrite(rule(), [&](cep::Expr& expr) {
      if (expr.op != Op::kBound) return;
      auto& bound = expr.as<cep::BoundField>();
      const bool loop = rule().variables[bound.var.value].loop;
      if (loop == (bound.which == cep::Which::kOnly)) {
        bound.which = loop ? cep::Which::kLast : cep::Which::kOnly;
      }
    });
  }

  // ---- elements
  std::vector<Element*> elements(const std::function<bool(const Element&)>& wanted) {
    std::vector<Element*> found;
    walk_elements(rule().pattern, [&](Element& element) {
      if (wanted(element)) found.push_back(&element);
    });
    return found;
  }
  Element* some(const std::function<bool(const Element&)>& wanted) {
    const std::vector<Element*> found = elements(wanted);
    return found.empty() ? nullptr : random_.pick(found);
  }

  void make_optional() {
    Element* element = some([](const Element& e) { return !e.is_absence(); });
    if (element == nullptr || element->is_optional()) return;
    element->repetition()->optional = true;
    // Mostly so that text can say it: some step takes an event.
    const bool may_be_empty =
        std::all_of(rule().pattern.begin(), rule().pattern.end(), can_be_empty);
    if (may_be_empty && random_.chance(90)) element->repetition()->optional = false;
  }
  // Mostly where text can say it: not before the first of a sequence.
  void make_gap() {
    const bool after = random_.chance(85);
    std::vector<Element*> found;
    const std::function<void(std::vector<Element>&)> add = [&](std::vector<Element>& sequence) {
      for (Element& e : sequence) {
        const bool first = &e == &sequence.front();
        if (!e.is_absence() && !(after && first)) found.push_back(&e);
        const bool each_alone = e.kind() == ElementKind::kAllOf || e.kind() == ElementKind::kOneOf;
        cep::Group* const group = e.group();
        if (group == nullptr) continue;
        if (!each_alone) add(group->children);
        if (e.kind() != ElementKind::kOneOf) continue;
        for (Element& alternative : group->children) add(alternative.group()->children);
      }
    };
    add(rule().pattern);
    if (!found.empty()) random_.pick(found)->gap = gap();
  }
  Duration gap() {
    const std::int64_t most = rule().within ? rule().within->us / 1'000'000 : 5;
    return seconds(random_.between(1, std::min<std::int64_t>(5, std::max<std::int64_t>(1, most))));
  }
  static bool is_loop(const Element& e) { return e.is_step() && e.quantifier().loop; }
  void make_each() {
    if (Element* loop = some(is_loop)) loop->step()->quantifier.mode = cep::LoopMode::kEach;
  }
  void make_greedy() {
    if (Element* loop = some(is_loop)) loop->step()->quantifier.greedy = true;
  }
  void make_until() {
    Element* loop = some([](const Element& e) { return is_loop(e) && !e.quantifier().max; });
    if (loop == nullptr) return;
    cep::Step& step = *loop->step();
    step.until_events = some_considered();
    if (random_.chance(60)) step.until_where = condition_at(types_of(step.until_events), loop);
  }
  void make_next() {
    Element* absence = some([](const Element& e) { return e.is_absence(); });
    if (absence == nullptr) return;
    absence->absence()->next = true;
    absence->absence()->absent_for.reset();
  }

  // An absence directly behind a loop or a group with a count: mostly of events that the loop may
  // take itself.
  void make_absence_after_loop() {
    std::vector<std::pair<std::vector<Element>*, std::size_t>> places;
    const std::function<void(std::vector<Element>&)> add = [&](std::vector<Element>& sequence) {
      for (std::size_t i = 0; i < sequence.size(); ++i) {
        Element& e = sequence[i];
        if (!e.is_absence() && e.quantifier().max != 1U) places.emplace_back(&sequence, i);
        if (e.kind() == ElementKind::kGroup) add(e.group()->children);
      }
    };
    add(rule().pattern);
    if (places.empty()) return;
    const auto [sequence, at] = random_.pick(places);
    const Element& loop = (*sequence)[at];
    cep::Absence absence;
    absence.events = loop.is_step() && random_.chance(65) ? loop.events() : some_considered();
    // What stands before it can be read there, the loop too where something follows it.
    const Element* const end = at + 1 < sequence->size() ? &(*sequence)[at + 1] : &loop;
    if (random_.chance(50)) absence.where = condition_at(types_of(absence.events), end);
    absence.next = random_.chance(25);
    const bool is_last = sequence == &rule().pattern && at + 1 == sequence->size();
    if (is_last && !absence.next && random_.chance(75)) {
      absence.absent_for = seconds(random_.between(1, 6));
    }
    sequence->insert(sequence->begin() + static_cast<std::ptrdiff_t>(at) + 1, std::move(absence));
  }

  std::vector<cep::Subset> some_considered() {
    const cep::Subset& one = random_.pick(rule().considered);
    std::vector<cep::Subset> subsets;
    for (const cep::Subset& subset : rule().considered) {
      if (subset.name == one.name) subsets.push_back(subset);  // the whole kind
    }
    return subsets;
  }

  // A condition that may read all named steps before `before` (absent: all).
  ExprPtr condition_at(const std::vector<cep::EventTypeIndex>& types, const Element* before) {
    ExprScope scope = scope_at(types, before);
    return all_of({random_condition(random_, plan_, scope, 1)});
  }
  ExprScope scope_at(const std::vector<cep::EventTypeIndex>& types, const Element* before) {
    ExprScope scope;
    scope.types = types;
    bool reached = false;
    walk_elements(static_cast<const Rule&>(rule()).pattern, [&](const Element& element) {
      reached = reached || &element == before;
      if (reached || !element.is_step()) return;
      const cep::Variable& variable = rule().variables[element.var().value];
      if (!variable.name.empty()) {
        scope.steps.push_back({element.var(), variable.loop, types_of(element.events())});
      }
    });
    return scope;
  }

  // ---- groups
  // Puts elements that stand beside each other into a group.
  void make_group() {
    std::vector<std::vector<Element>*> sequences = {&rule().pattern};
    walk_elements(rule().pattern, [&](Element& element) {
      if (element.kind() == ElementKind::kGroup) sequences.push_back(&element.group()->children);
    });
    std::vector<Element>& sequence = *random_.pick(sequences);
    const std::size_t begin = random_.below(sequence.size());
    const std::size_t most = std::min<std::size_t>(sequence.size() - begin, 3);
    const std::size_t count = 1 + random_.below(most);
    std::vector<Element> inside(sequence.begin() + static_cast<std::ptrdiff_t>(begin),
                                sequence.begin() + static_cast<std::ptrdiff_t>(begin + count));
    if (inside.front().is_absence()) return;
    cep::Group group;
    const cep::Contiguity contiguity = inside.front().contiguity;
    const std::optional<Duration> gap = inside.front().gap;
    inside.front().contiguity = cep::Contiguity::kAny;
    inside.front().gap.reset();
    switch (random_.weighted({40, 30, 30})) {
      case 0:
        group.children = std::move(inside);
        break;
      case 1:
        make_alternatives(group, std::move(inside));
        break;
      default:
        group.form = cep::GroupForm::kAllOf;
        for (Element& element : inside) {
          element.contiguity = cep::Contiguity::kAny;
          element.gap.reset();
        }
        group.children = std::move(inside);
        break;
    }
    if (random_.chance(50)) {
      group.quantifier.loop = true;
      group.quantifier.min = static_cast<std::uint32_t>(random_.between(1, 2));
      group.quantifier.max = group.quantifier.min + static_cast<std::uint32_t>(random_.below(3));
      if (random_.chance(25)) group.quantifier.max.reset();
      group.quantifier.mode = random_.pick({cep::LoopMode::kRelaxed, cep::LoopMode::kRelaxed,
                                            cep::LoopMode::kNext, cep::LoopMode::kEach});
      mark_loops(group.children);
    }
    const auto at = sequence.begin() + static_cast<std::ptrdiff_t>(begin);
    sequence.erase(at, at + static_cast<std::ptrdiff_t>(count));
    Element made(std::move(group));
    made.contiguity = contiguity;
    made.gap = gap;
    sequence.insert(sequence.begin() + static_cast<std::ptrdiff_t>(begin), std::move(made));
    if (random_.chance(40)) name_alternatives();
  }

  // Each alternative begins with a step.
  void make_alternatives(cep::Group& group, std::vector<Element> inside) {
    group.form = cep::GroupForm::kOneOf;
    for (Element& element : inside) {
      const bool begins = group.children.empty() || (!element.is_absence() && random_.chance(70));
      if (begins) {
        group.children.emplace_back(cep::Group());
        element.contiguity = cep::Contiguity::kAny;
        element.gap.reset();
      }
      group.children.back().group()->children.push_back(std::move(element));
    }
  }

  void mark_loops(std::vector<Element>& elements) {
    walk_elements(elements, [&](Element& element) {
      if (!element.is_step()) return;
      rule().variables[element.var().value].loop = true;
    });
  }

  // Gives a `one of` a variable, before those of its steps.
  void name_alternatives() {
    Element* choice = some([](const Element& e) { return e.kind() == ElementKind::kOneOf; });
    if (choice == nullptr) return;
    std::vector<VarIndex> inside;
    walk_elements(choice->children(), [&](const Element& element) {
      if (element.is_step()) inside.push_back(element.var());
    });
    if (inside.empty() || rule().variables[inside.front().value].parent) return;
    const VarIndex at = *std::min_element(inside.begin(), inside.end());
    const auto moved = [&](VarIndex& var) {
      if (var >= at) ++var.value;
    };
    rewrite(rule(), [&](cep::Expr& expr) {
      if (VarIndex* var = variable_of(expr)) moved(*var);
    });
    walk_elements(rule().pattern, [&](Element& element) {
      if (cep::Step* const step = element.step()) moved(step->var);
    });
    moved(rule().selection.var);
    if (auto* const per = rule().suppression.as<cep::OncePerVariable>()) moved(per->var);
    for (cep::Variable& variable : rule().variables) {
      if (variable.parent) moved(*variable.parent);
    }
    cep::Variable parent{fmt::format("choice{}", rule().variables.size()), true};
    rule().variables.insert(rule().variables.begin() + static_cast<std::ptrdiff_t>(at.value),
                            parent);
    for (const VarIndex var : inside) rule().variables[var.value + 1].parent = at;
  }

  // ---- clauses
  // One with a name, or that gets one.
  VarIndex some_variable() { return named(VarIndex(random_.below(rule().variables.size()))); }
  VarIndex some_loop_or_variable() {
    const std::vector<Element*> loops = elements(is_loop);
    if (loops.empty() || random_.chance(40)) return some_variable();
    return named(random_.pick(loops)->var());
  }
  VarIndex named(VarIndex var) {
    std::string& name = rule().variables[var.value].name;
    if (name.empty()) name = fmt::format("v{}", var.value + 1);
    return var;
  }
  // Mostly where text can say it: of the outermost sequence.
  VarIndex some_target() {
    std::vector<VarIndex> outermost;
    for (const Element& element : rule().pattern) {
      if (element.is_step()) outermost.push_back(element.var());
    }
    if (outermost.empty() || random_.chance(10)) return some_variable();
    return named(random_.pick(outermost));
  }
  void make_selection() {
    cep::Selection& selection = rule().selection;
    selection.kind =
        random_.pick({SelectionKind::kDefault, SelectionKind::kNoSkip, SelectionKind::kSkipPastLast,
                      SelectionKind::kSkipToNext, SelectionKind::kSkipToFirst,
                      SelectionKind::kSkipToLast, SelectionKind::kConsume});
    const bool to_variable = selection.kind == SelectionKind::kSkipToFirst ||
                             selection.kind == SelectionKind::kSkipToLast;
    selection.var = to_variable ? some_target() : VarIndex();
    selection.prefer_latest = selection.kind == SelectionKind::kDefault && random_.chance(40);
  }
  void make_in_order() {
    if (rule().selection.kind == SelectionKind::kDefault) make_selection();
    rule().selection.in_order = true;
    rule().selection.prefer_latest = false;
  }
  void make_without() {
    cep::Without without;
    without.events = some_considered();
    if (random_.chance(60)) without.where = condition_at(types_of(without.events), nullptr);
    if (random_.chance(35)) {
      without.absent_for = seconds(random_.between(3, 12));
      rule().within.reset();
    }
    rule().without = std::move(without);
  }
  // The types of what may be the last event taken.
  std::vector<cep::EventTypeIndex> all_types() { return types_of(rule().considered); }

  void make_except() {
    cep::Exception exception;
    exception.reason = fmt::format("reason {}", rule().exceptions.size());
    exception.condition = condition_at(all_types(), nullptr);
    if (random_.chance(40)) exception.expires = random_.pick({20514, 20515, 20000, 0});
    rule().exceptions.push_back(std::move(exception));
  }
  std::vector<ExprPtr> some_values() {
    std::vector<ExprPtr> values;
    const ExprScope scope = scope_at(all_types(), nullptr);
    for (std::size_t i = 1 + random_.below(2); i > 0; --i) {
      values.push_back(random_value(random_, plan_, scope));
    }
    return values;
  }
  void make_once() {
    cep::Suppression& suppression = rule().suppression;
    const auto at_most = suppression.at_most;
    suppression = {};
    suppression.at_most = at_most;
    switch (random_.pick({Once::kPerDuration, Once::kPerVariable, Once::kPerUnit, Once::kWhile})) {
      case Once::kPerDuration:
        suppression.once = cep::OncePerDuration{seconds(random_.between(1, 10))};
        break;
      case Once::kPerVariable:
        suppression.once = cep::OncePerVariable{some_loop_or_variable()};
        break;
      case Once::kPerUnit: {
        plan_.zones = random_zones();
        const cep::CalendarUnit unit = random_unit(random_);
        suppression.once = cep::OncePerUnit{
            unit, literal(type_of(TypeKind::kString), Value::string(random_zone(random_)))};
        break;
      }
      case Once::kWhile: {
        ExprScope scope;
        scope.types = all_types();
        suppression.once = cep::OnceWhile{all_of({random_condition(random_, plan_, scope, 1)})};
        break;
      }
      default:
        break;
    }
    if (random_.chance(30) && suppression.kind() != Once::kWhile)
      suppression.for_each = some_values();
  }
  void make_at_most() {
    cep::AtMost most;
    most.count = static_cast<std::uint32_t>(random_.between(1, 3));
    most.duration = seconds(random_.between(1, 15));
    if (random_.chance(30)) most.for_each = some_values();
    rule().suppression.at_most = std::move(most);
  }

  Random& random_;
  cep::Plan& plan_;
  std::size_t index_;
  const Riches& riches_;
};
}  // namespace

Riches random_riches(Random& random) {
  if (random.chance(40)) return {};
  Riches none{false, false, false, false, false, false, false, false, false, false};
  for (std::size_t i = 1 + random.below(2); i > 0; --i) {
    switch (random.below(10)) {
      case 0:
        none.optional = true;
        break;
      case 1:
        none.gaps = true;
        break;
      case 2:
        none.loops = true;
        break;
      case 3:
        none.no_next = true;
        break;
      case 4:
        none.groups = true;
        break;
      case 5:
        none.selection = true;
        break;
      case 6:
        none.selection = none.in_order = true;
        break;
      case 7:
        none.without = true;
        break;
      case 8:
        none.except = true;
        break;
      default:
        none.once = true;
        break;
    }
  }
  return none;
}

void enrich(Random& random, cep::Plan& plan, std::size_t rule, const Riches& riches) {
  Enricher(random, plan, rule, riches).run();
  if (random.chance(15)) widen(random, plan, rule);
}
}  // namespace tocsin::tests
