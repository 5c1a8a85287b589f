// Tables, the predicates that they ask of rows, features, and the operators' order.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/compiler.h"
#include "cep/expr_walk.h"

namespace tocsin::cep {
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

namespace {
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
}  // namespace

std::uint32_t Compiler::table_of(const KeySpec& key) {
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

void Compiler::assign_tables() {
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

std::uint32_t Compiler::add_predicate(std::uint32_t table, Predicate predicate) {
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

Predicate Compiler::make_predicate(const std::vector<Subset>& events,
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

void Compiler::append(AtomFormula& formula, EventTypeIndex type, const Expr& expr) {
  const AtomFormula added = out_->atoms.intern(type, expr, out_->lists);
  formula.steps.insert(formula.steps.end(), added.steps.begin(), added.steps.end());
}

const Expr* Compiler::keep(const ExprPtr& expr) {
  out_->rewritten.push_back(expr);
  return expr.get();
}

// ---- features

void Compiler::compile_feature(std::size_t index) {
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

// ---- operators

void Compiler::number_operators() {
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

void Compiler::finish_table(TableProgram& table) const {
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
}  // namespace tocsin::cep
