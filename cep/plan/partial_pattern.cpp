#include "cep/plan/partial_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/plan/contiguity.h"

namespace tocsin::cep {
namespace {
using Elements = std::vector<Element>;
using Build = std::function<Elements(const Elements&)>;
// Wraps the elements of a sequence into the whole pattern; `first`: nothing stands before the hole
// in it.
using Around = std::function<Elements(const Elements&, bool first)>;
constexpr std::size_t kAllOfSubsetsMax = 6;  // members of which all choices are stages
constexpr std::size_t kAllOfLastMax = 24;    // members of which each is a stage as the last one

// A group that occurs exactly once.
Group once(Group group) {
  group.optional = false;
  group.quantifier.min = 1;
  group.quantifier.max = 1;
  return group;
}
Element with_form(const Element& element, Group group) {
  Element made(std::move(group));
  made.contiguity = element.contiguity;
  made.gap = element.gap;
  return made;
}

// More than any rank inside it, and less than any after it.
std::size_t weight(const Element& element) {
  std::size_t inside = element.is_step() ? 0 : 1;
  for (const Element& child : element.children()) inside += weight(child);
  return inside + element.quantifier().min;
}

bool may_be_passed(const Element& element) {
  if (element.is_absence() || element.is_optional()) return true;
  const auto passed = [](const Element& child) { return may_be_passed(child); };
  switch (element.kind()) {
    case ElementKind::kGroup:
    case ElementKind::kAllOf:
      return std::all_of(element.children().begin(), element.children().end(), passed);
    case ElementKind::kOneOf:
      return std::any_of(element.children().begin(), element.children().end(), passed);
    default:
      return false;
  }
}

// A variable's events become those of another.
ExprPtr with_variable(const ExprPtr& expr, VarIndex from, VarIndex to) {
  if (!expr) return expr;
  Expr copy = *expr;
  VarIndex* const var = variable_of(copy);
  if (var != nullptr && *var == from) *var = to;
  for (ExprPtr& arg : copy.args) arg = with_variable(arg, from, to);
  return std::make_shared<const Expr>(std::move(copy));
}

class StageFinder {
 public:
  StageFinder(const Rule& rule, std::size_t most, GuardingAbsences absences)
      : rule_(rule),
        extra_(rule),
        most_(most),
        keeps_absences_(absences == GuardingAbsences::kKept) {}

  std::vector<PatternStage> find() {
    const Around whole = [](const Elements& inner, bool) { return inner; };
    sequence(rule_.pattern, whole, {}, true);
    const auto begins = [](const PatternStage& stage) { return stage.begins; };
    if (std::none_of(stages_.begin(), stages_.end(), begins)) {
      // Any of what is optional must come.
      any_optional_ = true;
      top_ = 0;
      stages_.clear();
      sequence(rule_.pattern, whole, {}, true);
    }
    return std::move(stages_);
  }

 private:
  // What is said of the first element of a sequence from outside.
  struct Where {
    std::size_t rank = 0;
    bool repeated = false;
    bool begins = true;
    std::vector<const Element*> absences;
    std::optional<Contiguity> contiguity;
    std::optional<Duration> gap;
    const Element* greedy = nullptr;
  };

  // Gives the rank after it.
  std::size_t sequence(const Elements& elements, const Around& around, Where where, bool top) {
    std::size_t before = 0;  // so many elements; absences right after them are not among them
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const Element& element = elements[i];
      if (element.is_absence()) {
        where.absences.push_back(&element);
        continue;
      }
      const std::size_t guarded = keeps_absences_ ? i : before;
      const Build here = [around, &elements, before, guarded](const Elements& tail) {
        const std::size_t count = tail.empty() ? before : guarded;
        Elements all(elements.begin(), elements.begin() + static_cast<std::ptrdiff_t>(count));
        all.insert(all.end(), tail.begin(), tail.end());
        return around(all, before == 0);
      };
      const std::size_t rank = this->element(element, here, where);
      before = i + 1;
      const bool passed = may_be_passed(element);
      if (!passed) where.begins = false;
      where.rank = rank;
      where.greedy = element.quantifier().greedy ? &element : nullptr;
      where.absences.clear();
      if (!passed || before > 1) where.contiguity.reset();
      where.gap.reset();
      if (top) ++top_;
    }
    return where.rank;
  }

  void add(PatternStage stage) {
    if (stages_.size() < most_) stages_.push_back(std::move(stage));
  }

  PatternStage stage_at(const Element& element, const Where& where, Build pattern) const {
    PatternStage stage;
    stage.next = &element;
    stage.top = top_;
    stage.rank = where.rank;
    stage.repeated = where.repeated;
    stage.begins = where.begins;
    stage.absences = where.absences;
    stage.contiguity = where.contiguity.value_or(element.contiguity);
    stage.gap = element.gap;
    if (where.gap && (!stage.gap || *where.gap < *stage.gap)) stage.gap = where.gap;
    stage.greedy = where.greedy;
    stage.pattern = std::move(pattern);
    return stage;
  }

  std::size_t element(const Element& element, const Build& here, Where where) {
    if (element.is_optional() && !any_optional_) return where.rank + 1;
    if (element.is_step()) return step(element, here, where);
    Where inside = where;
    if (!inside.contiguity) inside.contiguity = element.contiguity;
    if (element.gap && (!inside.gap || *element.gap < *inside.gap)) inside.gap = element.gap;
    inside.repeated = inside.repeated || element.quantifier().loop;
    std::size_t rank = where.rank;
    switch (element.kind()) {
      case ElementKind::kGroup:
        rank = sequence(element.children(), into(element, here, false), inside, false);
        break;
      case ElementKind::kOneOf:
        for (const Element& child : element.children()) {
          rank =
              std::max(rank, sequence(child.children(), into(element, here, true), inside, false));
        }
        break;
      default:
        rank = all_of(element, here, inside);
        break;
    }
    where.rank = rank;
    return rounds(element, here, where);
  }

  // Puts a sequence into a group, or into an alternative of a `one of`, that goes round once.
  Around into(const Element& element, const Build& here, bool alternative) const {
    const bool may_be_any = !keeps_absences_;
    return [&element, here, alternative, may_be_any](const Elements& inner, bool first) {
      if (inner.empty()) return here({});
      Group group = once(*element.group());
      group.children = inner;
      if (alternative) {
        Group chosen;
        chosen.children = inner;
        group.children = {std::move(chosen)};
      }
      Element made = with_form(element, std::move(group));
      if (first && may_be_any) {
        made.contiguity = Contiguity::kAny;
        made.gap.reset();
      }
      return here({std::move(made)});
    };
  }

  std::size_t step(const Element& step, const Build& here, const Where& where) {
    add(stage_at(step, where, here));
    for (std::uint32_t taken = 1; taken < step.quantifier().min && stages_.size() < most_;
         ++taken) {
      PatternStage stage = stage_at(step, where, apart(step, taken, here));
      stage.waits = PatternStage::Waits::kLoop;
      stage.taken = taken;
      stage.rank = where.rank + taken;
      stage.begins = false;
      stage.absences.clear();
      stage.contiguity = contiguity_of(step.quantifier().mode);
      stage.gap.reset();
      stage.greedy = nullptr;
      add(std::move(stage));
    }
    return where.rank + step.quantifier().min;
  }

  // A loop of so many events; with a tail its events so far and that, both the loop's.
  Build apart(const Element& step, std::uint32_t taken, const Build& here) const {
    const ExtraVariables extra = extra_;
    return [&step, taken, here, extra](const Elements& tail) {
      Element made = step;
      Step& loop = *made.step();
      loop.optional = false;
      loop.quantifier.min = taken;
      loop.quantifier.max = taken;
      loop.quantifier.greedy = false;
      loop.until_events.clear();
      loop.until_where = nullptr;
      if (tail.empty()) return here({std::move(made)});
      loop.var = extra.taken;
      loop.where = with_variable(loop.where, step.var(), extra.taken);
      Group sequence;
      sequence.children.push_back(made);
      sequence.children.insert(sequence.children.end(), tail.begin(), tail.end());
      Group whole;
      whole.form = GroupForm::kOneOf;
      whole.children = {std::move(sequence)};
      return here({with_form(made, std::move(whole))});
    };
  }

  // Which members of an `all of` may be done: any; of many none, or all but one; of more none.
  static std::vector<std::vector<bool>> choices_of(std::size_t count) {
    std::vector<std::vector<bool>> choices;
    if (count > kAllOfSubsetsMax) {
      choices.emplace_back(count, false);
      for (std::size_t i = 0; i < count && count <= kAllOfLastMax; ++i) {
        choices.emplace_back(count, true);
        choices.back()[i] = false;
      }
      return choices;
    }
    for (std::size_t bits = 0; bits < std::size_t{1} << count; ++bits) {
      choices.emplace_back(count);
      for (std::size_t i = 0; i < count; ++i) choices.back()[i] = (bits >> i & 1) != 0;
    }
    return choices;
  }

  std::size_t all_of(const Element& element, const Build& here, const Where& where) {
    const std::size_t count = element.children().size();
    std::size_t events = 0;
    for (const Element& child : element.children()) events += weight(child);
    for (const std::vector<bool>& done : choices_of(count)) {
      Group members = once(*element.group());
      members.children.clear();
      std::size_t taken = 0;
      for (std::size_t i = 0; i < count; ++i) {
        if (!done[i]) continue;
        members.children.push_back(element.children()[i]);
        taken += weight(element.children()[i]);
      }
      const bool is_reached_so = keeps_absences_;
      const Build after = [here, members, &element, is_reached_so](const Elements& tail) {
        Elements all;
        if (!members.children.empty()) all.push_back(with_form(element, members));
        all.insert(all.end(), tail.begin(), tail.end());
        if (all.empty()) return here({});
        Group group;
        group.quantifier.loop = element.quantifier().loop;
        group.children = std::move(all);
        if (is_reached_so) return here({with_form(element, std::move(group))});
        return here({std::move(group)});
      };
      Where next = where;
      next.rank += taken;
      if (taken > 0) {
        next.begins = false;
        next.absences.clear();
        next.contiguity = Contiguity::kAny;
        next.gap.reset();
        next.greedy = nullptr;
      }
      for (std::size_t i = 0; i < count; ++i) {
        const Element& child = element.children()[i];
        if (!done[i]) this->element(child, after, next);
      }
    }
    return where.rank + events;
  }

  std::size_t rounds(const Element& group, const Build& here, const Where& where) {
    for (std::uint32_t done = 1; done < group.quantifier().min && stages_.size() < most_; ++done) {
      PatternStage stage = stage_at(group, where, [&group, done, here](const Elements&) {
        Group part = *group.group();
        part.optional = false;
        part.quantifier.min = done;
        part.quantifier.max = done;
        return here({with_form(group, std::move(part))});
      });
      stage.waits = PatternStage::Waits::kRound;
      stage.taken = done;
      stage.rank = where.rank + done;
      stage.begins = false;
      add(std::move(stage));
    }
    return where.rank + group.quantifier().min;
  }

  const Rule& rule_;
  ExtraVariables extra_;
  std::size_t most_;
  bool keeps_absences_;
  std::size_t top_ = 0;
  bool any_optional_ = false;  // optional elements are stages too
  std::vector<PatternStage> stages_;
};

// ---- variables

ExprPtr literal_of(const Type& type, const Value& value) {
  auto expr = std::make_shared<Expr>();
  expr->type = type;
  expr->payload = LiteralValue{OwnedValue(value)};
  return expr;
}

// What an expression about a variable is where that has taken nothing.
ExprPtr of_nothing(const Expr& expr) {
  if (expr.op == Op::kIsBound || expr.op == Op::kInLoop) {
    return literal_of(expr.type, Value::boolean(false));
  }
  const auto* const over = std::get_if<VariableAggregate>(&expr.payload);
  const bool is_zero = over != nullptr && traits_of(over->aggregate).zero_over_nothing;
  if (!is_zero) return literal_of(expr.type, Value::missing());
  switch (expr.type.kind) {
    case TypeKind::kDecimal:
      return literal_of(expr.type, Value::decimal(0, expr.type.scale));
    case TypeKind::kFloat:
      return literal_of(expr.type, Value::floating(0));
    case TypeKind::kDuration:
      return literal_of(expr.type, Value::duration({0}));
    default:
      return literal_of(expr.type, Value::integer(0));
  }
}

struct Renaming {
  std::vector<std::optional<VarIndex>> place;  // by variable before
  std::optional<VarIndex> prev;                // after
  bool prev_is_loop = false;

  ExprPtr of(const ExprPtr& expr) const {
    if (!expr) return expr;
    Expr copy = *expr;
    if (VarIndex* const var = variable_of(copy)) {
      if (!place[var->value]) return of_nothing(copy);
      *var = *place[var->value];
    }
    if (copy.op == Op::kPrev && prev) {
      FieldRef field = std::move(*field_of(copy));
      copy.op = Op::kBound;
      copy.payload =
          BoundField{*prev, prev_is_loop ? Which::kLast : Which::kOnly, std::move(field)};
    }
    for (ExprPtr& arg : copy.args) arg = of(arg);
    return std::make_shared<const Expr>(std::move(copy));
  }

  void apply(Elements& elements) const {
    Renaming of_steps = *this;
    of_steps.prev.reset();
    for (Element& element : elements) {
      if (EventTest* const test = element.test()) test->where = of_steps.of(test->where);
      if (Step* const step = element.step()) {
        step->var = *place[step->var.value];
        step->until_where = of_steps.of(step->until_where);
      } else if (Group* const group = element.group()) {
        apply(group->children);
      }
    }
  }
};

void find_variables(const Elements& elements, const Rule& rule, std::vector<bool>& used) {
  for (const Element& element : elements) {
    if (element.is_step()) {
      for (std::optional<VarIndex> var = element.var(); var;
           var = rule.variables[var->value].parent) {
        used[var->value] = true;
      }
    }
    find_variables(element.children(), rule, used);
  }
}
}  // namespace

std::vector<PatternStage> stages_of(const Rule& rule, std::size_t most, GuardingAbsences absences) {
  return StageFinder(rule, most, absences).find();
}

Element any_event_for(const Rule& rule, const PatternStage& stage) {
  Step any;
  any.var =
      stage.waits == PatternStage::Waits::kLoop ? ExtraVariables(rule).next : stage.next->var();
  any.quantifier.loop = stage.waits == PatternStage::Waits::kStep && stage.next->quantifier().loop;
  for (const Subset& subset : stage.next->events()) {
    const bool known = std::any_of(any.events.begin(), any.events.end(), [&](const Subset& other) {
      return other.type == subset.type && other.role == subset.role;
    });
    if (known) continue;
    any.events.push_back(subset);
    any.events.back().condition = nullptr;
  }
  return any;
}

std::vector<Element> without_strictness(std::vector<Element> elements) {
  std::erase_if(elements, [](const Element& element) { return element.is_next(); });
  for (Element& element : elements) {
    if (element.contiguity == Contiguity::kNext) element.contiguity = Contiguity::kAny;
    if (Repetition* const repetition = element.repetition()) {
      Quantifier& quantifier = repetition->quantifier;
      if (quantifier.mode == LoopMode::kNext) quantifier.mode = LoopMode::kEach;
      quantifier.greedy = false;
    }
    if (Group* const group = element.group()) {
      group->children = without_strictness(std::move(group->children));
    }
  }
  return elements;
}

std::vector<Element> without_last_absences(const Rule& rule, std::vector<const Element*>& last) {
  std::vector<Element> steps = rule.pattern;
  while (!steps.empty() && steps.back().is_absence()) {
    last.insert(last.begin(), &rule.pattern[steps.size() - 1]);
    steps.pop_back();
  }
  return steps;
}

void settle_variables(Rule& rule, std::optional<VarIndex> prev) {
  std::vector<bool> used(rule.variables.size(), false);
  find_variables(rule.pattern, rule, used);
  if (rule.window) used[rule.window->var.value] = true;
  Renaming renaming;
  renaming.place.resize(rule.variables.size());
  std::vector<Variable> kept;
  for (std::size_t i = 0; i < rule.variables.size(); ++i) {
    if (!used[i]) continue;
    renaming.place[i] = VarIndex(kept.size());
    kept.push_back(rule.variables[i]);
    kept.back().name = fmt::format("${}", i);
  }
  for (Variable& variable : kept) {
    if (variable.parent) variable.parent = renaming.place[variable.parent->value];
  }
  if (prev && renaming.place[prev->value]) {
    renaming.prev = renaming.place[prev->value];
    renaming.prev_is_loop = rule.variables[prev->value].loop;
  }
  renaming.apply(rule.pattern);
  if (rule.window) rule.window->var = *renaming.place[rule.window->var.value];
  if (rule.window) rule.window->where = renaming.of(rule.window->where);
  if (rule.without) rule.without->where = renaming.of(rule.without->where);
  rule.having = renaming.of(rule.having);
  for (AlertField& field : rule.fields) field.expr = renaming.of(field.expr);
  rule.variables = std::move(kept);
}
}  // namespace tocsin::cep
