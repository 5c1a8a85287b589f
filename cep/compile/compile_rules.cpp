// Rules: steps and their conditions, method, level, and what records keep of their events.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "cep/compile/compile_places.h"
#include "cep/compile/compiler.h"
#include "cep/compile/make_pattern.h"
#include "cep/compile/pattern_program.h"
#include "cep/compile/plan_digest.h"
#include "cep/compile/suppression_life.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
Method method_of(const RuleProgram& rule) {
  if (rule.ends_absent || rule.once) return Method::kRuns;
  bool is_strict = rule.steps.size() <= kStrictStepsMax;
  for (const StepProgram& step : rule.steps) {
    if (step.max != 1 || !step.guards.empty() || step.gap) return Method::kRuns;
    if (&step != &rule.steps.front()) is_strict &= step.contiguity == Contiguity::kNext;
  }
  if (rule.steps.size() == 1) return Method::kSingle;
  return is_strict ? Method::kStrict : Method::kRuns;
}

// The steps whose events `expr` reads; `own` is the step that it is a condition of, -1 for none.
int last_step_read(const RuleProgram& rule, const Expr& expr, int own, int up_to) {
  int last = -1;
  for_each_expr(expr, [&](const Expr& e) {
    int step = -1;
    if (const VarIndex* var = variable_of(e)) {
      step = static_cast<int>(rule.step_of_var[var->value]);
    } else if (e.op == Op::kPrev) {
      step = own;
    }
    if (step <= up_to) last = std::max(last, step);
  });
  return last;
}
void find_live_steps(RuleProgram& rule) {
  for (std::size_t i = 0; i < rule.steps.size(); ++i) {
    const int here = static_cast<int>(i);
    int live = -1;
    const auto look = [&](const ElementProgram& element, int own) {
      for (const Conjunct& conjunct : element.by_run) {
        live = std::max(live, last_step_read(rule, *conjunct.expr, own, here));
      }
    };
    for (std::size_t j = i; j < rule.steps.size(); ++j) {
      // The step's own condition is evaluated again only if it loops.
      if (j > i || rule.steps[j].max > 1) look(rule.steps[j].take, static_cast<int>(j));
      for (const ElementProgram& guard : rule.steps[j].guards) look(guard, -1);
    }
    if (rule.rule->having) {
      live = std::max(live, last_step_read(rule, *rule.rule->having, -1, here));
    }
    rule.steps[i].live_step = live;
  }
}

// An element's conditions apart from those on the event alone, which go to `of_event`. `keep` keeps
// an expression made here alive.
template <typename Keep>
ElementProgram split_conditions(const Plan& plan, const RuleProgram& rule, const Element& element,
                                const Keep& keep, std::vector<ExprPtr>& of_event) {
  ElementProgram program;
  program.element = &element;
  std::vector<ExprPtr> conjuncts;
  split_conjuncts(element.where(), conjuncts);
  for (const ExprPtr& conjunct : conjuncts) {
    const bool is_step = element.is_step();
    const ExprPtr expr = is_step ? own_event_to_current(conjunct, element.var()) : conjunct;
    if (!reads_run(*expr) && !reads_key_state(*expr)) {
      keep(expr);
      of_event.push_back(expr);
      continue;
    }
    Conjunct asked;
    asked.expr = keep(expr);
    asked.of_first = !(is_step && rule.rule->variables[element.var().value].loop &&
                       mentions_own_past(*expr, element.var()));
    if (reads_key_state(*expr)) {
      asked.feature = make_feature_test(*expr);
    } else {
      asked.words = make_word_test(plan, *expr, rule.step_of_var);
      if (!asked.words) asked.sum = make_sum_test(plan, *expr, rule.step_of_var);
    }
    (reads_run(*expr) ? program.by_run : program.by_row).push_back(std::move(asked));
  }
  return program;
}

// A conjunct that the rule's ring answers without an expression.
std::optional<CountTest> count_test_of(const std::vector<FeatureProgram>& features,
                                       const RuleProgram& program) {
  for (const Conjunct& conjunct : program.steps[0].take.by_row) {
    if (!conjunct.feature || conjunct.feature->literal.kind != ValueKind::kInt) continue;
    const Int128 number = conjunct.feature->literal.number;
    const FeatureProgram& feature = features[conjunct.feature->feature.value];
    if (!feature.in_ring || feature.feature->aggregate != Aggregate::kCount) continue;
    if (feature.feature->window.needs.value_or(0) != 0) continue;
    if (feature.table != program.table || feature.pass != program.pass) continue;
    if (number < INT64_MIN || number > INT64_MAX) continue;
    return CountTest{conjunct.feature->feature.value, conjunct.feature->op,
                     static_cast<std::int64_t>(number)};
  }
  return std::nullopt;
}
}  // namespace

namespace {
// Adds what a condition that partial matches are asked reads of the event on offer alone, by
// `reads_earlier`, where that costs more than a few comparisons. In an aggregate, and in a test of
// a loop's events, that event is another one.
template <typename ReadsEarlier>
void add_row_parts(const Expr& expr, RuleProgram& rule, const ReadsEarlier& reads_earlier) {
  if (expr.op == Op::kAggregate || expr.op == Op::kInLoop) return;
  if (is_data(expr.op) && !reads_earlier(expr)) {
    rule.row_parts.emplace(&expr, static_cast<std::uint32_t>(rule.row_parts.size()));
    return;
  }
  for (const ExprPtr& arg : expr.args) {
    if (arg) add_row_parts(*arg, rule, reads_earlier);
  }
}
}  // namespace

ElementProgram Compiler::compile_element(RuleProgram& rule, const Element& element) {
  std::vector<ExprPtr> of_event;
  const auto keep_alive = [this](const ExprPtr& expr) { return keep(expr); };
  ElementProgram program = split_conditions(plan_, rule, element, keep_alive, of_event);
  Rows rows{seen_by(*rule.rule, element.events()), std::move(of_event)};
  program.predicate =
      add_predicate(rule.table, make_predicate(rule.table, rows.events, rows.conjuncts));
  rule_rows_.push_back(std::move(rows));
  if (!program.by_row.empty()) program.place = rule.row_places++;
  rule.reads_matches = rule.reads_matches || !program.by_run.empty();
  for (const auto* const asked : {&program.by_row, &program.by_run}) {
    for (const Conjunct& conjunct : *asked) add_row_parts(*conjunct.expr, rule, reads_run);
  }
  return program;
}

namespace {
void take_clauses(RuleProgram& program, const Rule& rule) {
  program.rule = &rule;
  program.within = rule.within;
  if (rule.suppression.kind() == Once::kPerDuration) program.once = rule.suppression.duration();
  program.prunes = rule.selection.kind != SelectionKind::kNoSkip;
}
}  // namespace

void Compiler::compile_rule(std::size_t index) {
  const Rule& rule = plan_.rules[index];
  RuleProgram& program = out_->rules[index];
  program.index = RuleIndex(index);
  current_rule_ = &program;
  take_clauses(program, rule);
  rule_rows_.clear();
  if (rule.window) {
    program.method = Method::kGeneral;
    compile_window(program);
  } else if (options_.general_only || needs_general(rule)) {
    program.method = Method::kGeneral;
    compile_pattern(program);
  } else {
    compile_steps(program);
  }
  program.suppression_life = suppression_life(plan_, rule, longest_life(program));
  find_reads(program);
  TableProgram& table = out_->tables[program.table];
  if (program.ends_absent) table.longest_us = std::max(table.longest_us, program.wait.us);
  if (program.within) table.longest_us = std::max(table.longest_us, program.within->us);
  if (program.once) table.longest_us = std::max(table.longest_us, program.once->us);
  capture(program);
}

namespace {
template <typename CompileElement>
void fill_steps(RuleProgram& program, const CompileElement& compile_element) {
  const Rule& rule = *program.rule;
  program.step_of_var.resize(rule.variables.size());
  std::uint32_t step_count = 0;
  for (const Element& element : rule.pattern) {
    if (element.is_step()) {
      program.step_of_var[element.var().value] = step_count++;
    }
  }
  for (std::size_t i = 0; i < rule.pattern.size(); ++i) {
    const Element& element = rule.pattern[i];
    if (element.is_step()) {
      StepProgram step;
      step.take = compile_element(program, element);
      step.min = element.quantifier().min;
      step.max = element.quantifier().max.value_or(kUnbounded);
      // The first event is the only one: what looks back at the loop's own events is never asked.
      if (step.max == 1) {
        std::erase_if(step.take.by_run, [](const Conjunct& asked) { return !asked.of_first; });
      }
      step.mode = element.quantifier().mode;
      step.has_until = !element.until_events().empty();
      step.is_greedy = element.quantifier().greedy;
      step.contiguity = element.contiguity;
      step.gap = element.gap;
      program.strict = program.strict ||
                       (!program.steps.empty() && step.contiguity == Contiguity::kNext) ||
                       step.mode == LoopMode::kNext;
      program.steps.push_back(std::move(step));
      continue;
    }
    program.steps.back().guards.push_back(compile_element(program, element));
    if (i + 1 == rule.pattern.size()) {
      program.ends_absent = true;
      program.waits_from_first = !element.absent_for();
      program.wait = element.absent_for() ? *element.absent_for() : *rule.within;
    }
  }
  program.method = method_of(program);
  // A match given at a deadline skips past an event in the past: a later start outlives an older
  // one.
  const bool has_gaps = std::ranges::any_of(
      program.steps, [](const StepProgram& step) { return step.gap.has_value(); });
  program.prunes_over_starts =
      program.prunes && !program.within && !has_gaps &&
      !(program.ends_absent && rule.selection.kind == SelectionKind::kSkipPastLast);
  program.asks_later = program.sets_deadlines = program.ends_absent;
  find_live_steps(program);
}
}  // namespace

RuleSketch sketch_of(const Plan& plan, const Rule& rule) {
  RuleSketch sketch;
  take_clauses(sketch.program, rule);
  const auto keep = [&](const ExprPtr& expr) { return sketch.kept.emplace_back(expr).get(); };
  fill_steps(sketch.program, [&](RuleProgram&, const Element& element) {
    std::vector<ExprPtr> of_event;
    return split_conditions(plan, sketch.program, element, keep, of_event);
  });
  return sketch;
}

tl::expected<RuleProgram, Obstacle> sequence_of(const Plan& plan, RuleProgram steps) {
  auto places = places_of(plan, steps);
  if (!places) return tl::unexpected(places.error());
  steps.places = std::move(*places);
  return steps;
}

RuleSketch pattern_sketch_of(const Plan& plan, const Rule& rule, const Limits& limits) {
  RuleSketch sketch;
  RuleProgram& program = sketch.program;
  take_clauses(program, rule);
  program.step_of_var.assign(rule.variables.size(), 0);
  const auto pattern = std::make_shared<PatternProgram>(make_pattern(rule, limits));
  program.pattern = pattern;
  const auto keep = [&](const ExprPtr& expr) { return sketch.kept.emplace_back(expr).get(); };
  const auto compile = [&](const Element& element) {
    std::vector<ExprPtr> of_event;
    return split_conditions(plan, program, element, keep, of_event);
  };
  for (PatternStep& step : pattern->steps) {
    step.take = compile(*step.element);
    if (!step.element->until_events().empty()) step.until.emplace();
  }
  for (PatternAbsence& absence : pattern->absences) absence.forbid = compile(*absence.element);
  return sketch;
}

void Compiler::compile_steps(RuleProgram& program) {
  const Rule& rule = *program.rule;
  fill_steps(program, [&](RuleProgram& rule_program, const Element& element) {
    return compile_element(rule_program, element);
  });
  if (program.strict) {
    program.considered_predicate = add_predicate(
        program.table, make_predicate(program.table, seen_by(rule, rule.considered), {}));
  }
  if (rule.having) {
    add_row_parts(*rule.having, program,
                  [&](const Expr& expr) { return reads_before_last(program, expr); });
  }
  if (program.method == Method::kRuns) {
    if (auto places = places_of(plan_, program)) program.places = std::move(*places);
  }
  if (program.method == Method::kSingle) {
    program.count_test = count_test_of(out_->features, program);
  }
}

// Where the words that a strict rule's tests compare stand in captured events.
void Compiler::find_places(RuleProgram& rule) const {
  if (rule.method != Method::kStrict) return;
  const std::vector<CaptureLayout>& layouts = out_->tables[rule.table].layouts;
  const auto find = [&](WordTerm& term) {
    term.place_of_type.assign(layouts.size(), CaptureLayout::kNotKept);
    for (std::size_t t = 0; t < term.field_of_type.size(); ++t) {
      const std::uint32_t field = term.field_of_type[t];
      if (field < layouts[t].place.size()) term.place_of_type[t] = layouts[t].place[field];
    }
  };
  for (StepProgram& step : rule.steps) {
    for (Conjunct& conjunct : step.take.by_run) {
      if (!conjunct.words) continue;
      find(conjunct.words->left);
      find(conjunct.words->right);
    }
  }
}

// Alerts of shadow rules are for shadow rules alone.
std::vector<Subset> Compiler::seen_by(const Rule& rule, const std::vector<Subset>& events) const {
  return rule.status == Status::kShadow ? events : seen_by_features(events);
}

void Compiler::find_reads(RuleProgram& program) {
  const Rule& rule = *program.rule;
  probe(all_exprs(rule), program.table, program.pass, rule_rows_);
  if (!program.asks_later) return;
  std::set<FeatureIndex> values;
  for (const Expr* root : alert_exprs(rule)) {
    for_each_expr(*root, [&](const Expr& expr) {
      if (expr.op == Op::kFeature) values.insert(out_->value_of(expr));
    });
  }
  program.deadline_features.assign(values.begin(), values.end());
}

// ---- what records keep of events

// The feature's value goes with all events that the rule may take of types that hold its key: which
// of them the variable took is known when they are read.
void Compiler::keep_step_value(const RuleProgram& program, const std::set<EventTypeIndex>& types,
                               const Expr& read) {
  const FeatureIndex value = out_->value_of(read);
  const FeatureProgram& feature = out_->features[feature_of(read).value];
  for (const EventTypeIndex type : types) {
    if (!feature.has_key[type.value]) continue;
    CaptureLayout& layout = out_->tables[program.table].layouts[type.value];
    const auto known = std::ranges::find(layout.step_values, value, &StepValue::value);
    if (known != layout.step_values.end()) {
      known->pass = std::min(known->pass, program.pass);
      continue;
    }
    StepValue fresh;
    fresh.value = value;
    fresh.type = read.type;
    fresh.name = fmt::format("${}", hex(digest_of_feature(plan_, feature_of(read))));
    fresh.pass = program.pass;
    layout.step_values.push_back(std::move(fresh));
  }
}

void Compiler::capture(const RuleProgram& program) {
  const Rule& rule = *program.rule;
  TableProgram& table = out_->tables[program.table];
  std::set<EventTypeIndex> types;
  const auto add_types = [&](const Element& step) {
    for (const Subset& subset : step.events()) types.insert(subset.type);
  };
  for (const StepProgram& step : program.steps) add_types(*step.take.element);
  if (program.pattern) {
    for (const PatternStep& step : program.pattern->steps) add_types(*step.element);
  }
  const auto keep_field = [&](EventTypeIndex type, FieldIndex field) {
    if (types.count(type) == 0) return;
    std::vector<FieldIndex>& fields = table.layouts[type.value].fields;
    const auto place = std::lower_bound(fields.begin(), fields.end(), field);
    if (place == fields.end() || *place != field) fields.insert(place, field);
  };
  const std::function<void(const Expr&, bool)> walk = [&](const Expr& expr, bool of_bound) {
    const bool is_bound = expr.op == Op::kBound || expr.op == Op::kPrev;
    if (expr.op == Op::kBound && !expr.args.empty()) {
      keep_step_value(program, types, *expr.args[0]);
      return;
    }
    if (is_bound || (of_bound && expr.op == Op::kField)) {
      for (const auto& [type, field] : field_of(expr)->by_type) keep_field(type, field);
    }
    const bool of_elements = expr.op == Op::kAggregate || expr.op == Op::kInLoop;
    for (const ExprPtr& arg : expr.args) {
      if (arg) walk(*arg, of_bound || of_elements);
    }
  };
  for (const Expr* expr : all_exprs(rule)) walk(*expr, false);
  // Which kind an event was of is asked again when its alert names it.
  for (const StepProgram& step : program.steps) {
    if (program.method != Method::kStrict || step.take.element->events().size() < 2) continue;
    for (const Subset& subset : step.take.element->events()) {
      if (subset.condition) walk(*subset.condition, true);
    }
  }
  // At a deadline the alert's own fields are those of an event captured before.
  for (const Expr* expr : alert_exprs(rule)) walk(*expr, program.asks_later);
  for (const Captured& captured : rule.captured) {
    for (const FieldIndex field : captured.fields) keep_field(captured.type, field);
  }
  for (const EventTypeIndex type : types) {
    const EventType& event_type = plan_.event_types[type.value];
    if (event_type.id_field) {
      keep_field(type, *event_type.id_field);
    } else {
      table.layouts[type.value].keeps_identity = true;
    }
    event_types_bound_.insert(type);
  }
}

std::optional<Duration> longest_life(const RuleProgram& rule) {
  if (!rule.within) return std::nullopt;
  Duration wait = rule.wait;
  if (rule.pattern) {
    for (const PatternTransition& transition : rule.pattern->transitions)
      wait = std::max(wait, transition.wait);
  }
  return *rule.within + wait;
}
}  // namespace tocsin::cep
