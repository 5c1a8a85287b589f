// From a plan to a program: tables, predicates, steps, levels, what is captured and which columns
// are read.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "cep/base/assert.h"
#include "cep/plan_support.h"
#include "cep/program.h"

namespace tocsin::cep {
namespace {
void for_each_expr(const Expr& expr, const std::function<void(const Expr&)>& visit) {
  visit(expr);
  for (const ExprPtr& arg : expr.args) {
    if (arg) for_each_expr(*arg, visit);
  }
}
bool any_expr(const Expr& expr, const std::function<bool(const Expr&)>& test) {
  if (test(expr)) return true;
  return std::any_of(expr.args.begin(), expr.args.end(),
                     [&](const ExprPtr& arg) { return arg && any_expr(*arg, test); });
}
bool reads_run(const Expr& expr) {
  return any_expr(expr, [](const Expr& e) {
    return e.op == Op::kBound || e.op == Op::kPrev || e.op == Op::kAggregate ||
           e.op == Op::kInLoop || e.op == Op::kIsBound;
  });
}
bool reads_key_state(const Expr& expr) {
  return any_expr(expr, [](const Expr& e) { return e.op == Op::kFeature || e.op == Op::kKey; });
}
// Then a loop's first event is not asked.
bool mentions_own_past(const Expr& expr, VarIndex own) {
  return any_expr(expr, [own](const Expr& e) {
    return e.op == Op::kPrev || (e.op == Op::kBound && e.var == own && e.which == Which::kFirst);
  });
}
// In a step's own condition the step's event, in a loop its last, is the one on offer.
ExprPtr own_event_to_current(const ExprPtr& expr, VarIndex own) {
  if (expr->op == Op::kBound && expr->var == own && expr->which != Which::kFirst) {
    Expr field = *expr;
    field.op = Op::kField;
    return std::make_shared<const Expr>(std::move(field));
  }
  // Inside these the current event is an element of the loop.
  if (expr->op == Op::kAggregate || expr->op == Op::kInLoop) return expr;
  Expr copy = *expr;
  bool changed = false;
  for (ExprPtr& arg : copy.args) {
    ExprPtr next = own_event_to_current(arg, own);
    changed = changed || next != arg;
    arg = std::move(next);
  }
  return changed ? std::make_shared<const Expr>(std::move(copy)) : expr;
}
void split_conjuncts(const ExprPtr& expr, std::vector<ExprPtr>& out) {
  if (!expr) return;
  if (expr->op != Op::kAnd) {
    out.push_back(expr);
    return;
  }
  for (const ExprPtr& arg : expr->args) split_conjuncts(arg, out);
}

// All expressions that an alert of the rule reads at the match's last event.
std::vector<const Expr*> alert_exprs(const Rule& rule) {
  std::vector<const Expr*> out;
  const auto add = [&](const ExprPtr& expr) {
    if (expr) out.push_back(expr.get());
  };
  add(rule.having);
  add(rule.severity);
  for (const MessagePart& part : rule.message) add(part.expr);
  for (const AlertField& field : rule.fields) add(field.expr);
  return out;
}
std::vector<const Expr*> all_exprs(const Rule& rule) {
  std::vector<const Expr*> out = alert_exprs(rule);
  for (const Element& element : rule.pattern) {
    if (element.where) out.push_back(element.where.get());
  }
  return out;
}
std::set<FeatureIndex> features_read(const std::vector<const Expr*>& exprs) {
  std::set<FeatureIndex> out;
  for (const Expr* expr : exprs) {
    for_each_expr(*expr, [&](const Expr& e) {
      if (e.op == Op::kFeature) out.insert(e.feature);
    });
  }
  return out;
}

// Whether two keys say different fields for the same events.
bool keys_differ(const KeySpec& a, const KeySpec& b) {
  if (a.parts.size() != b.parts.size()) return true;
  for (std::size_t i = 0; i < a.parts.size(); ++i) {
    for (const KeyMember& mine : a.parts[i].members) {
      for (const KeyMember& other : b.parts[i].members) {
        if (mine.type == other.type && mine.field != other.field) return true;
      }
    }
  }
  return false;
}
// Whether they are one key expression: nowhere different, and alike by name or by a field.
bool is_one_key(const KeySpec& a, const KeySpec& b) {
  if (keys_differ(a, b)) return false;
  for (std::size_t i = 0; i < a.parts.size(); ++i) {
    if (!(a.parts[i].type == b.parts[i].type)) return false;
    if (a.parts[i].name == b.parts[i].name) continue;
    const bool shares = std::any_of(
        a.parts[i].members.begin(), a.parts[i].members.end(), [&](const KeyMember& mine) {
          return std::any_of(b.parts[i].members.begin(), b.parts[i].members.end(),
                             [&](const KeyMember& other) { return other.type == mine.type; });
        });
    if (!shares) return false;
  }
  return true;
}
void merge_key(KeySpec& into, const KeySpec& from) {
  for (std::size_t i = 0; i < into.parts.size(); ++i) {
    for (const KeyMember& member : from.parts[i].members) {
      const bool known =
          std::any_of(into.parts[i].members.begin(), into.parts[i].members.end(),
                      [&](const KeyMember& other) { return other.type == member.type; });
      if (!known) into.parts[i].members.push_back(member);
    }
  }
}

class Compiler {
 public:
  Compiler(std::shared_ptr<const Plan> plan, const Limits& limits) : plan_(*plan) {
    out_->plan = std::move(plan);
    out_->limits = limits;
    out_->atoms = AtomSet(plan_);
  }

  std::shared_ptr<const ProgramImpl> run() {
    for (const List& list : plan_.lists) out_->lists.emplace_back(list);
    assign_tables();
    for (std::size_t i = 0; i < plan_.features.size(); ++i) compile_feature(i);
    for (std::size_t i = 0; i < plan_.rules.size(); ++i) compile_rule(i);
    number_operators();
    for (TableProgram& table : out_->tables) finish_table(table);
    find_used_fields();
    return out_;
  }

 private:
  // ---- tables
  std::uint32_t table_of(const KeySpec& key) {
    for (std::size_t i = 0; i < out_->tables.size(); ++i) {
      if (is_one_key(out_->tables[i].key, key)) {
        merge_key(out_->tables[i].key, key);
        return static_cast<std::uint32_t>(i);
      }
    }
    out_->tables.emplace_back();
    out_->tables.back().key = key;
    return static_cast<std::uint32_t>(out_->tables.size() - 1);
  }

  void assign_tables() {
    out_->rules.resize(plan_.rules.size());
    out_->features.resize(plan_.features.size());
    for (std::size_t i = 0; i < plan_.rules.size(); ++i) {
      out_->rules[i].table = table_of(plan_.rules[i].key);
    }
    for (std::size_t i = 0; i < plan_.features.size(); ++i) {
      out_->features[i].table = table_of(plan_.features[i].key);
    }
    predicate_places_.resize(out_->tables.size());
    for (TableProgram& table : out_->tables) {
      table.layouts.resize(plan_.event_types.size());
      table.by_type.resize(plan_.event_types.size());
      for (std::size_t t = 0; t < plan_.event_types.size(); ++t) {
        KeyFields& key = table.by_type[t];
        for (const KeyPart& part : table.key.parts) {
          for (const KeyMember& member : part.members) {
            if (member.type == EventTypeIndex(t)) {
              key.fields.push_back(member.field);
              break;
            }
          }
        }
        key.complete = key.fields.size() == table.key.parts.size();
        key.is_one_text = key.complete && key.fields.size() == 1 &&
                          table.key.parts[0].type.kind == TypeKind::kString;
      }
    }
  }

  // ---- predicates
  std::uint32_t add_predicate(std::uint32_t table, Predicate predicate) {
    std::string meaning;
    for (const AtomFormula& formula : predicate.by_type) {
      for (const AtomFormula::Step& step : formula.steps) {
        meaning += fmt::format("{}:{} ", static_cast<int>(step.op), step.operand);
      }
      meaning += '|';
    }
    TableProgram& into = out_->tables[table];
    const auto [place, is_new] = predicate_places_[table].try_emplace(
        std::move(meaning), static_cast<std::uint32_t>(into.predicates.size()));
    if (is_new) into.predicates.push_back(std::move(predicate));
    return place->second;
  }

  // Events that are in a subset and satisfy all of `conjuncts`.
  Predicate make_predicate(const std::vector<Subset>& events,
                           const std::vector<ExprPtr>& conjuncts) {
    using Step = AtomFormula::Step;
    Predicate predicate;
    predicate.by_type.resize(plan_.event_types.size());
    for (std::size_t t = 0; t < plan_.event_types.size(); ++t) {
      const EventTypeIndex type(t);
      AtomFormula& formula = predicate.by_type[t];
      std::uint32_t alternatives = 0;
      bool is_all = false;
      for (const Subset& subset : events) {
        if (subset.type != type) continue;
        ++alternatives;
        is_all = is_all || !subset.condition;
      }
      if (alternatives == 0) continue;
      std::uint32_t terms = 0;
      if (!is_all) {
        for (const Subset& subset : events) {
          if (subset.type == type) append(formula, type, *subset.condition);
        }
        if (alternatives > 1) formula.steps.push_back(Step{AtomFormula::Op::kOr, alternatives});
        ++terms;
      }
      for (const ExprPtr& conjunct : conjuncts) {
        append(formula, type, *conjunct);
        ++terms;
      }
      if (terms == 0) formula.steps.push_back(Step{AtomFormula::Op::kTrue, 0});
      if (terms > 1) formula.steps.push_back(Step{AtomFormula::Op::kAnd, terms});
    }
    return predicate;
  }
  void append(AtomFormula& formula, EventTypeIndex type, const Expr& expr) {
    const AtomFormula added = out_->atoms.intern(type, expr, out_->lists);
    formula.steps.insert(formula.steps.end(), added.steps.begin(), added.steps.end());
  }
  // Keeps an expression made here alive.
  const Expr* keep(const ExprPtr& expr) {
    out_->rewritten.push_back(expr);
    return expr.get();
  }

  // ---- features
  void compile_feature(std::size_t index) {
    const Feature& feature = plan_.features[index];
    FeatureProgram& program = out_->features[index];
    program.index = FeatureIndex(index);
    program.feature = &feature;
    program.window_us = feature.window.duration->us;
    program.has_key.resize(plan_.event_types.size());
    for (std::size_t t = 0; t < plan_.event_types.size(); ++t) {
      program.has_key[t] =
          std::all_of(feature.key.parts.begin(), feature.key.parts.end(), [&](const KeyPart& part) {
            return std::any_of(part.members.begin(), part.members.end(),
                               [&](const KeyMember& m) { return m.type == EventTypeIndex(t); });
          });
    }
    std::vector<ExprPtr> conjuncts;
    split_conjuncts(feature.where, conjuncts);
    program.predicate = add_predicate(program.table, make_predicate(feature.events, conjuncts));
    TableProgram& table = out_->tables[program.table];
    table.longest_us = std::max(table.longest_us, program.window_us);
  }

  // ---- rules
  ElementProgram compile_element(RuleProgram& rule, const Element& element) {
    ElementProgram program;
    program.element = &element;
    std::vector<ExprPtr> conjuncts;
    split_conjuncts(element.where, conjuncts);
    std::vector<ExprPtr> of_event;
    for (const ExprPtr& conjunct : conjuncts) {
      const bool is_step = element.kind == ElementKind::kStep;
      const ExprPtr expr = is_step ? own_event_to_current(conjunct, element.var) : conjunct;
      if (!reads_run(*expr) && !reads_key_state(*expr)) {
        keep(expr);
        of_event.push_back(expr);
        continue;
      }
      Conjunct asked;
      asked.expr = keep(expr);
      asked.of_first =
          !(is_step && element.quantifier.loop && mentions_own_past(*expr, element.var));
      if (reads_key_state(*expr)) {
        asked.feature = make_feature_test(*expr);
      } else {
        asked.words = make_word_test(plan_, *expr, rule.step_of_var);
      }
      (reads_run(*expr) ? program.by_run : program.by_row).push_back(std::move(asked));
    }
    Predicate predicate = make_predicate(element.events, of_event);
    program.predicate = add_predicate(rule.table, predicate);
    rule_predicates_.push_back(std::move(predicate));
    if (!program.by_row.empty()) program.place = rule.row_places++;
    return program;
  }

  void compile_rule(std::size_t index) {
    const Rule& rule = plan_.rules[index];
    RuleProgram& program = out_->rules[index];
    program.index = RuleIndex(index);
    program.rule = &rule;
    program.within = rule.within;
    if (rule.suppression.once == Once::kPerDuration) program.once = rule.suppression.duration;
    program.prunes = rule.selection.kind != SelectionKind::kNoSkip;
    program.step_of_var.resize(rule.variables.size());
    std::uint32_t step_count = 0;
    for (const Element& element : rule.pattern) {
      if (element.kind == ElementKind::kStep) {
        program.step_of_var[element.var.value] = step_count++;
      }
    }
    rule_predicates_.clear();
    for (std::size_t i = 0; i < rule.pattern.size(); ++i) {
      const Element& element = rule.pattern[i];
      if (element.kind == ElementKind::kStep) {
        StepProgram step;
        step.take = compile_element(program, element);
        step.min = element.quantifier.min;
        step.max = element.quantifier.max.value_or(kUnbounded);
        step.mode = element.quantifier.mode;
        step.contiguity = element.contiguity;
        program.strict = program.strict ||
                         (!program.steps.empty() && step.contiguity == Contiguity::kNext) ||
                         step.mode == LoopMode::kNext;
        program.steps.push_back(std::move(step));
        continue;
      }
      program.steps.back().guards.push_back(compile_element(program, element));
      if (i + 1 == rule.pattern.size()) {
        program.ends_absent = true;
        program.waits_from_first = !element.absent_for;
        program.wait = element.absent_for ? *element.absent_for : *rule.within;
      }
    }
    if (program.strict) {
      program.considered_predicate =
          add_predicate(program.table, make_predicate(rule.considered, {}));
    }
    program.method = method_of(program);
    // A match given at a deadline skips past an event in the past: a later start outlives an older
    // one.
    program.prunes_over_starts =
        program.prunes && !program.within &&
        !(program.ends_absent && rule.selection.kind == SelectionKind::kSkipPastLast);
    find_live_steps(program);
    find_level(program);
    TableProgram& table = out_->tables[program.table];
    if (program.ends_absent) table.longest_us = std::max(table.longest_us, program.wait.us);
    if (program.within) table.longest_us = std::max(table.longest_us, program.within->us);
    if (program.once) table.longest_us = std::max(table.longest_us, program.once->us);
    capture(program);
  }

  static Method method_of(const RuleProgram& rule) {
    if (rule.ends_absent || rule.once) return Method::kRuns;
    bool is_strict = rule.steps.size() <= kStrictStepsMax;
    for (const StepProgram& step : rule.steps) {
      if (step.max != 1 || !step.guards.empty()) return Method::kRuns;
      if (&step != &rule.steps.front()) is_strict &= step.contiguity == Contiguity::kNext;
    }
    if (rule.steps.size() == 1) return Method::kSingle;
    return is_strict ? Method::kStrict : Method::kRuns;
  }

  // The steps whose events `expr` reads; `own` is the step that it is a condition of, -1 for none.
  static int last_step_read(const RuleProgram& rule, const Expr& expr, int own, int up_to) {
    int last = -1;
    for_each_expr(expr, [&](const Expr& e) {
      int step = -1;
      if (e.op == Op::kBound || e.op == Op::kAggregate || e.op == Op::kInLoop ||
          e.op == Op::kIsBound) {
        step = static_cast<int>(rule.step_of_var[e.var.value]);
      } else if (e.op == Op::kPrev) {
        step = own;
      }
      if (step <= up_to) last = std::max(last, step);
    });
    return last;
  }
  static void find_live_steps(RuleProgram& rule) {
    for (std::size_t i = 0; i < rule.steps.size(); ++i) {
      const int here = static_cast<int>(i);
      int live = -1;
      const auto look = [&](const ElementProgram& element, int own) {
        for (const Conjunct& conjunct : element.by_run) {
          live = std::max(live, last_step_read(rule, *conjunct.expr, own, here));
        }
      };
      for (std::size_t j = i; j < rule.steps.size(); ++j) {
        // The step's own condition is asked again only where it loops.
        if (j > i || rule.steps[j].max > 1) look(rule.steps[j].take, static_cast<int>(j));
        for (const ElementProgram& guard : rule.steps[j].guards) look(guard, -1);
      }
      if (rule.rule->having) {
        live = std::max(live, last_step_read(rule, *rule.rule->having, -1, here));
      }
      rule.steps[i].live_step = live;
    }
  }

  void find_level(RuleProgram& program) {
    for (const FeatureIndex feature : features_read(all_exprs(*program.rule))) {
      if (keys_differ(plan_.features[feature.value].key, program.rule->key)) program.level = 1;
      if (out_->features[feature.value].table != program.table) program.pass = 1;
    }
    if (program.ends_absent) {
      const std::set<FeatureIndex> read = features_read(alert_exprs(*program.rule));
      program.deadline_features.assign(read.begin(), read.end());
    }
    if (program.pass == 0) return;
    out_->pass_count = 2;
    for (const FeatureIndex feature : features_read(all_exprs(*program.rule))) {
      FeatureProgram& probed = out_->features[feature.value];
      probed.is_probed = true;
      // The value is asked for where the rule's steps and absences may take an event.
      for (const Predicate& predicate : rule_predicates_) {
        probe_predicates_[feature].push_back(add_predicate(probed.table, predicate));
      }
    }
  }

  // ---- what records keep of events
  void capture(const RuleProgram& program) {
    const Rule& rule = *program.rule;
    TableProgram& table = out_->tables[program.table];
    std::set<EventTypeIndex> types;
    for (const StepProgram& step : program.steps) {
      for (const Subset& subset : step.take.element->events) types.insert(subset.type);
    }
    const auto keep_field = [&](EventTypeIndex type, FieldIndex field) {
      if (types.count(type) == 0) return;
      std::vector<FieldIndex>& fields = table.layouts[type.value].fields;
      const auto place = std::lower_bound(fields.begin(), fields.end(), field);
      if (place == fields.end() || *place != field) fields.insert(place, field);
    };
    const std::function<void(const Expr&, bool)> walk = [&](const Expr& expr, bool of_bound) {
      const bool is_bound = expr.op == Op::kBound || expr.op == Op::kPrev;
      if (is_bound || (of_bound && expr.op == Op::kField)) {
        for (const auto& [type, field] : expr.field.by_type) keep_field(type, field);
      }
      const bool of_elements = expr.op == Op::kAggregate || expr.op == Op::kInLoop;
      for (const ExprPtr& arg : expr.args) {
        if (arg) walk(*arg, of_bound || of_elements);
      }
    };
    for (const Expr* expr : all_exprs(rule)) walk(*expr, false);
    // Which kind an event was of is asked again when its alert names it.
    for (const StepProgram& step : program.steps) {
      if (program.method != Method::kStrict || step.take.element->events.size() < 2) continue;
      for (const Subset& subset : step.take.element->events) {
        if (subset.condition) walk(*subset.condition, true);
      }
    }
    // At a deadline the alert's own fields are those of an event captured before.
    for (const Expr* expr : alert_exprs(rule)) walk(*expr, program.ends_absent);
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

  // ---- operators
  void number_operators() {
    for (TableProgram& table : out_->tables) table.bit_predicates.emplace_back();  // bit 0
    const auto add = [&](std::uint32_t table, OperatorKind kind, std::uint32_t index,
                         std::uint32_t pass, std::vector<std::uint32_t> predicates) {
      TableProgram& into = out_->tables[table];
      into.operators.push_back({kind, index, pass});
      std::sort(predicates.begin(), predicates.end());
      predicates.erase(std::unique(predicates.begin(), predicates.end()), predicates.end());
      into.bit_predicates.push_back(std::move(predicates));
      return static_cast<std::uint32_t>(into.operators.size());
    };
    for (FeatureProgram& feature : out_->features) {
      feature.op =
          add(feature.table, OperatorKind::kFeature, feature.index.value, 0, {feature.predicate});
      out_->tables[feature.table].bit_predicates[0].push_back(feature.predicate);
    }
    for (FeatureProgram& feature : out_->features) {
      if (!feature.is_probed) continue;
      feature.probe_op = add(feature.table, OperatorKind::kProbe, feature.index.value, 0,
                             probe_predicates_[feature.index]);
    }
    for (RuleProgram& rule : out_->rules) {
      std::vector<std::uint32_t> predicates;
      for (const StepProgram& step : rule.steps) {
        predicates.push_back(step.take.predicate);
        for (const ElementProgram& guard : step.guards) predicates.push_back(guard.predicate);
      }
      if (rule.strict) predicates.push_back(rule.considered_predicate);
      rule.op =
          add(rule.table, OperatorKind::kRule, rule.index.value, rule.pass, std::move(predicates));
      if (rule.method != Method::kSingle) {
        out_->tables[rule.table].bit_predicates[0].push_back(rule.steps[0].take.predicate);
      }
    }
  }

  void finish_table(TableProgram& table) const {
    std::vector<std::uint32_t>& creates = table.bit_predicates[0];
    std::sort(creates.begin(), creates.end());
    creates.erase(std::unique(creates.begin(), creates.end()), creates.end());
    table.operator_words = static_cast<std::uint32_t>((table.bit_predicates.size() + 63) / 64);
    table.predicate_words = static_cast<std::uint32_t>((table.predicates.size() + 63) / 64);
    for (std::size_t t = 0; t < table.layouts.size(); ++t) {
      CaptureLayout& layout = table.layouts[t];
      if (layout.fields.empty()) continue;
      layout.place.assign(layout.fields.back().value + std::size_t{1}, CaptureLayout::kNotKept);
      for (std::size_t i = 0; i < layout.fields.size(); ++i) {
        const FieldIndex field = layout.fields[i];
        layout.place[field.value] = static_cast<std::uint16_t>(i);
        if (plan_.event_types[t].fields[field.value].type.kind == TypeKind::kString) {
          layout.texts.push_back(static_cast<std::uint16_t>(i));
        }
      }
    }
  }

  // ---- columns
  void find_used_fields() {
    out_->used_types.assign(plan_.event_types.size(), false);
    for (const EventType& type : plan_.event_types) {
      out_->used_fields.emplace_back(type.fields.size(), false);
    }
    const auto use = [&](EventTypeIndex type, FieldIndex field) {
      out_->used_fields[type.value][field.value] = true;
    };
    const auto use_expr = [&](const Expr* root) {
      if (root == nullptr) return;
      for_each_expr(*root, [&](const Expr& expr) {
        for (const auto& [type, field] : expr.field.by_type) use(type, field);
      });
    };
    const auto use_events = [&](const std::vector<Subset>& events) {
      for (const Subset& subset : events) {
        out_->used_types[subset.type.value] = true;
        use_expr(subset.condition.get());
      }
    };
    const auto use_key = [&](const KeySpec& key) {
      for (const KeyPart& part : key.parts) {
        for (const KeyMember& member : part.members) use(member.type, member.field);
      }
    };
    for (const Feature& feature : plan_.features) {
      use_events(feature.events);
      use_expr(feature.where.get());
      use_expr(feature.argument.get());
      use_key(feature.key);
    }
    for (const Rule& rule : plan_.rules) {
      for (const Element& element : rule.pattern) use_events(element.events);
      use_events(rule.considered);
      for (const Expr* expr : all_exprs(rule)) use_expr(expr);
      use_key(rule.key);
      for (const Captured& captured : rule.captured) {
        for (const FieldIndex field : captured.fields) use(captured.type, field);
      }
    }
    for (std::size_t t = 0; t < plan_.event_types.size(); ++t) {
      const EventTypeIndex type(t);
      const EventType& event_type = plan_.event_types[t];
      use(type, event_type.time_field);
      if (event_type.id_field && event_types_bound_.count(type) != 0) {
        use(type, *event_type.id_field);
      }
      if (!out_->used_types[t]) {
        out_->used_fields[t].assign(event_type.fields.size(), false);
      }
    }
  }

  const Plan& plan_;
  std::shared_ptr<ProgramImpl> out_ = std::make_shared<ProgramImpl>();
  std::vector<std::map<std::string, std::uint32_t>> predicate_places_;  // by table
  std::vector<Predicate> rule_predicates_;  // of the rule in hand: its steps and absences
  std::map<FeatureIndex, std::vector<std::uint32_t>> probe_predicates_;
  std::set<EventTypeIndex> event_types_bound_;
};
}  // namespace

Program::Program(std::shared_ptr<const ProgramImpl> impl) : impl_(std::move(impl)) {}
const Plan& Program::plan() const { return *impl_->plan; }
const std::vector<std::vector<bool>>& Program::used_fields() const { return impl_->used_fields; }
const std::vector<bool>& Program::used_types() const { return impl_->used_types; }

Result<Program> compile(std::shared_ptr<const Plan> plan, const Limits& limits) {
  std::vector<std::string> problems = validate(*plan);
  if (problems.empty()) problems = unsupported(*plan, limits);
  if (!problems.empty()) {
    return fail(Errc::kInvalidArgument, fmt::format("{}", fmt::join(problems, "\n")));
  }
  return Program(Compiler(std::move(plan), limits).run());
}
}  // namespace tocsin::cep
