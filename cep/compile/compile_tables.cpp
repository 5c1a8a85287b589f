// Tables, the predicates that they ask of rows, features, and the reads that cross.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "cep/aggregate/feature_window.h"
#include "cep/compile/compiler.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/rule.h"
#include "cep/plan/zone.h"
#include "cep/ring/feature_state.h"

namespace tocsin::cep {
namespace {
// The roles that an event type has in a key, in order.
std::vector<std::string> roles_of(const KeySpec& key, EventTypeIndex type) {
  std::vector<std::string> roles;
  for (const KeyPart& part : key.parts) {
    for (const KeyMember& member : part.members) {
      if (member.type != type || member.role.empty()) continue;
      if (std::find(roles.begin(), roles.end(), member.role) == roles.end()) {
        roles.push_back(member.role);
      }
    }
  }
  return roles;
}
// The fields of a key in an event type, as one of its roles (empty: without).
KeyFields key_fields(const KeySpec& key, EventTypeIndex type, const std::string& role) {
  KeyFields fields;
  for (const KeyPart& part : key.parts) {
    for (const KeyMember& member : part.members) {
      if (member.type != type || (!member.role.empty() && member.role != role)) continue;
      fields.fields.push_back(member.field);
      break;
    }
  }
  fields.complete = fields.fields.size() == key.parts.size();
  fields.is_one_text =
      fields.complete && fields.fields.size() == 1 && key.parts[0].type.kind == TypeKind::kString;
  return fields;
}

// Whether they are one key expression: nowhere different, and alike by name or by a field.
bool is_one_key(const KeySpec& a, const KeySpec& b) {
  if (keys_differ(a, b)) return false;
  for (const KeyPart& part : a.parts) {
    for (const KeyMember& member : part.members) {
      const std::vector<std::string> other = roles_of(b, member.type);
      const bool has_both = std::any_of(b.parts.begin(), b.parts.end(), [&](const KeyPart& p) {
        return std::any_of(p.members.begin(), p.members.end(),
                           [&](const KeyMember& m) { return m.type == member.type; });
      });
      if (has_both && other != roles_of(a, member.type)) return false;
    }
  }
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
      const bool known = std::any_of(
          into.parts[i].members.begin(), into.parts[i].members.end(), [&](const KeyMember& other) {
            return other.type == member.type && other.role == member.role;
          });
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
  out_->tables.back().key_number = static_cast<std::uint32_t>(out_->tables.size() - 1);
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
  const std::size_t types = plan_.event_types.size();
  for (TableProgram& table : out_->tables) {
    table.layouts.resize(types);
    table.roles.resize(types);
    for (std::size_t t = 0; t < types; ++t) {
      table.roles[t] = roles_of(table.key, EventTypeIndex(t));
      table.role_places =
          std::max(table.role_places, static_cast<std::uint32_t>(table.roles[t].size()));
    }
    for (std::uint32_t place = 0; place < table.role_places; ++place) {
      KeySource& source = table.sources.emplace_back();
      for (std::size_t t = 0; t < types; ++t) {
        const std::vector<std::string>& roles = table.roles[t];
        if (place > 0 && place >= roles.size()) {
          source.by_type.emplace_back();
        } else {
          source.by_type.push_back(key_fields(table.key, EventTypeIndex(t),
                                              roles.empty() ? std::string() : roles[place]));
        }
      }
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

Predicate Compiler::make_predicate(std::uint32_t table, const std::vector<Subset>& events,
                                   const std::vector<ExprPtr>& conjuncts) {
  using FormulaStep = AtomFormula::Step;
  const TableProgram& program = out_->tables[table];
  const std::size_t types = plan_.event_types.size();
  Predicate predicate;
  predicate.by_type.resize(types * program.role_places);
  std::vector<const Subset*> fitting;
  for (std::size_t i = 0; i < predicate.by_type.size(); ++i) {
    const EventTypeIndex type(i % types);
    const std::size_t place = i / types;
    const std::vector<std::string>& roles = program.roles[type.value];
    AtomFormula& formula = predicate.by_type[i];
    fitting.clear();
    bool is_all = false;
    for (const Subset& subset : events) {
      if (subset.type != type) continue;
      const bool other_role = !subset.role.empty() && !roles.empty() && place < roles.size() &&
                              subset.role != roles[place];
      if (other_role || (place > 0 && place >= roles.size())) continue;
      fitting.push_back(&subset);
      is_all = is_all || !subset.condition;
    }
    if (fitting.empty()) continue;
    std::uint32_t terms = 0;
    if (!is_all) {
      for (const Subset* subset : fitting) append(formula, type, *subset->condition);
      if (fitting.size() > 1) {
        formula.steps.push_back(
            FormulaStep{AtomFormula::Op::kOr, static_cast<std::uint32_t>(fitting.size())});
      }
      ++terms;
    }
    for (const ExprPtr& conjunct : conjuncts) {
      append(formula, type, *conjunct);
      ++terms;
    }
    if (terms == 0) formula.steps.push_back(FormulaStep{AtomFormula::Op::kTrue, 0});
    if (terms > 1) formula.steps.push_back(FormulaStep{AtomFormula::Op::kAnd, terms});
  }
  return predicate;
}

// The same for whoever looks on from another key: roles are the reader's own.
std::uint32_t Compiler::add_rows(std::uint32_t table, const Rows& rows) {
  std::vector<Subset> events = rows.events;
  for (Subset& subset : events) subset.role.clear();
  return add_predicate(table, make_predicate(table, events, rows.conjuncts));
}

void Compiler::append(AtomFormula& formula, EventTypeIndex type, const Expr& expr) {
  const AtomFormula added = out_->atoms.intern(type, expr);
  formula.steps.insert(formula.steps.end(), added.steps.begin(), added.steps.end());
}

const Expr* Compiler::keep(const ExprPtr& expr) {
  out_->rewritten.push_back(expr);
  add_reads(*expr);
  return expr.get();
}

// ---- features

namespace {
std::uint64_t events_max(const Limits& limits, const Feature& feature) {
  const std::uint64_t most = limits.feature_events_per_key_max;
  // It goes through them at a read.
  if (traits_of(feature.aggregate).can_remove) return most;
  return std::min<std::uint64_t>(most, limits.ewma_events_per_key_max);
}
}  // namespace

void Compiler::compile_feature(std::size_t index) {
  const Feature& feature = plan_.features[index];
  FeatureProgram& program = out_->features[index];
  program.index = FeatureIndex(index);
  program.feature = &feature;
  program.window_us = longest_look_back(feature.window).value_or(Duration{0}).us;
  program.window = make_window_spec(plan_, feature, events_max(out_->limits, feature));
  program.in_ring = has_ring(feature);
  program.takes_last = feature.window.kind() == WindowKind::kPrevious ||
                       feature.window.kind() == WindowKind::kPreviousEvents ||
                       feature.window.kind() == WindowKind::kPreviousEver;
  if (feature.window.zone() && feature.window.zone()->op == Op::kLiteral) {
    program.zone = find_zone(plan_.zones, literal_of(*feature.window.zone()).text);
  }
  program.has_key.resize(plan_.event_types.size());
  for (std::size_t t = 0; t < plan_.event_types.size(); ++t) {
    program.has_key[t] =
        std::all_of(feature.key.parts.begin(), feature.key.parts.end(), [&](const KeyPart& part) {
          return std::any_of(part.members.begin(), part.members.end(),
                             [&](const KeyMember& m) { return m.type == EventTypeIndex(t); });
        });
  }
  std::vector<ExprPtr> conjuncts;
  split_conjuncts(feature.window.where(), conjuncts);
  if (!feature.takes_all()) {
    split_conjuncts(feature.where, conjuncts);
  } else if (feature.where) {
    std::vector<ExprPtr> counts;
    split_conjuncts(feature.where, counts);
    for (const ExprPtr& conjunct : counts) program.counts.push_back(keep(conjunct));
  }
  Rows rows{seen_by_features(feature.events), {}};
  for (const ExprPtr& conjunct : conjuncts) {
    if (reads_key_state(*conjunct)) {
      program.where.push_back(keep(conjunct));
    } else {
      rows.conjuncts.push_back(conjunct);
    }
  }
  program.predicate =
      add_predicate(program.table, make_predicate(program.table, rows.events, rows.conjuncts));
  probe(feature_exprs(feature), program.table, program.pass, {rows});
  TableProgram& table = out_->tables[program.table];
  table.longest_us = std::max(table.longest_us, program.window_us);
}

// ---- reads that cross

// Alerts of shadow rules are not for features.
std::vector<Subset> Compiler::seen_by_features(const std::vector<Subset>& events) const {
  std::vector<Subset> seen;
  for (const Subset& subset : events) {
    const std::optional<RuleIndex> raiser = plan_.event_types[subset.type.value].alert_of;
    if (raiser && plan_.rules[raiser->value].status == Status::kShadow) continue;
    seen.push_back(subset);
  }
  return seen;
}

// The place of a key of these arguments among the table's sources.
std::uint32_t Compiler::source_of(std::uint32_t table, const std::vector<ExprPtr>& arguments) {
  std::vector<KeySource>& sources = out_->tables[table].sources;
  const std::vector<KeyPart>& parts = out_->tables[table].key.parts;
  const bool are_fields =
      std::all_of(arguments.begin(), arguments.end(),
                  [](const ExprPtr& argument) { return argument->op == Op::kField; });
  KeySource fresh;
  for (std::size_t t = 0; are_fields && t < plan_.event_types.size(); ++t) {
    KeyFields fields;
    for (const ExprPtr& argument : arguments) {
      const auto field = field_of(*argument)->in(EventTypeIndex(t));
      if (field) fields.fields.push_back(*field);
    }
    fields.complete = fields.fields.size() == arguments.size();
    fields.is_one_text = fields.complete && arguments.size() == 1 &&
                         parts[0].type.kind == TypeKind::kString &&
                         arguments[0]->type.kind == TypeKind::kString;
    fresh.by_type.push_back(std::move(fields));
  }
  if (!are_fields) {
    for (const ExprPtr& argument : arguments) fresh.exprs.push_back(argument.get());
  }
  const auto agrees = [&](const KeySource& source) {
    if (source.exprs.size() != fresh.exprs.size()) return false;
    for (std::size_t i = 0; i < fresh.exprs.size(); ++i) {
      if (describe(plan_, *source.exprs[i]) != describe(plan_, *fresh.exprs[i])) return false;
    }
    for (std::size_t t = 0; t < fresh.by_type.size(); ++t) {
      const KeyFields& a = source.by_type[t];
      const KeyFields& b = fresh.by_type[t];
      if (a.complete && b.complete && a.fields != b.fields) return false;
    }
    return true;
  };
  for (std::uint32_t s = out_->tables[table].role_places; s < sources.size(); ++s) {
    if (!agrees(sources[s])) continue;
    for (std::size_t t = 0; t < fresh.by_type.size(); ++t) {
      if (fresh.by_type[t].complete) sources[s].by_type[t] = fresh.by_type[t];
    }
    return s;
  }
  sources.push_back(std::move(fresh));
  return static_cast<std::uint32_t>(sources.size() - 1);
}

namespace {
bool read_key(const std::vector<ExprPtr>& arguments) {
  return std::any_of(arguments.begin(), arguments.end(), [](const ExprPtr& argument) {
    return any_expr(*argument, [](const Expr& expr) { return expr.op == Op::kKey; });
  });
}
ExprPtr with_key_fields(const ExprPtr& expr, const KeySpec& key,
                        const std::vector<KeyFields>& fields) {
  auto copy = std::make_shared<Expr>(*expr);
  if (expr->op == Op::kKey) {
    const std::uint32_t part = expr->as<KeyRead>().part;
    FieldRead read;
    read.field.name = key.parts[part].name;
    for (std::size_t t = 0; t < fields.size(); ++t) {
      if (!fields[t].complete) continue;
      read.field.by_type.emplace_back(EventTypeIndex(t), fields[t].fields[part]);
    }
    copy->op = Op::kField;
    copy->payload = std::move(read);
    return copy;
  }
  for (ExprPtr& arg : copy->args) {
    if (arg) arg = with_key_fields(arg, key, fields);
  }
  return copy;
}
}  // namespace

// The arguments where the rule's key is that of a place of its roles.
std::vector<ExprPtr> Compiler::at_place(const std::vector<ExprPtr>& arguments,
                                        std::uint32_t place) {
  std::vector<ExprPtr> fields;
  const TableProgram& table = out_->tables[current_rule_->table];
  for (const ExprPtr& argument : arguments) {
    fields.push_back(with_key_fields(argument, table.key, table.sources[place].by_type));
    out_->rewritten.push_back(fields.back());
  }
  return fields;
}

// Gives the expression's reads under arguments their values.
void Compiler::add_reads(const Expr& root) {
  for_each_expr(root, [&](const Expr& expr) {
    if (expr.op != Op::kFeature || expr.args.empty()) return;
    if (read_key(expr.args)) {
      const auto [value, is_new] = value_of_key_.try_emplace(
          {current_rule_->index, describe(plan_, expr)}, FeatureIndex(out_->value_count));
      if (is_new) out_->value_count += out_->tables[current_rule_->table].role_places;
      out_->value_by_place.resize(out_->value_count);
      out_->value_by_place[value->second.value] = true;
      out_->reads_under[&expr] = value->second;
      return;
    }
    const std::uint32_t source = source_of(out_->features[feature_of(expr).value].table, expr.args);
    const auto [value, is_new] =
        value_of_source_.try_emplace({feature_of(expr), source}, FeatureIndex(out_->value_count));
    if (is_new) ++out_->value_count;
    out_->reads_under[&expr] = value->second;
  });
}

void Compiler::probe(const std::vector<const Expr*>& exprs, std::uint32_t table, std::uint32_t pass,
                     const std::vector<Rows>& rows) {
  for (const Expr* root : exprs) {
    add_reads(*root);
    for_each_expr(*root, [&](const Expr& expr) {
      if (expr.op != Op::kFeature) return;
      const FeatureProgram& feature = out_->features[feature_of(expr).value];
      if (expr.args.empty() && feature.table == table && feature.pass == pass) return;
      const FeatureIndex value = out_->value_of(expr);
      if (!read_key(expr.args)) {
        add_probe(value, expr, expr.args, table, rows);
        return;
      }
      const std::uint32_t places = out_->tables[table].role_places;
      for (std::uint32_t place = 0; place < places; ++place) {
        add_probe(FeatureIndex(std::size_t{value.value} + place), expr, at_place(expr.args, place),
                  table, rows);
      }
    });
  }
}

void Compiler::add_probe(FeatureIndex value, const Expr& read,
                         const std::vector<ExprPtr>& arguments, std::uint32_t reader,
                         const std::vector<Rows>& rows) {
  const FeatureIndex feature = feature_of(read);
  const std::uint32_t table = out_->features[feature.value].table;
  const auto [place, is_new] =
      probe_of_value_.try_emplace(value, static_cast<std::uint32_t>(out_->probes.size()));
  if (is_new) {
    ProbeProgram fresh;
    fresh.value = value;
    fresh.feature = feature;
    if (!arguments.empty()) fresh.source = source_of(table, arguments);
    out_->probes.push_back(std::move(fresh));
  }
  std::vector<std::uint32_t>& readers = out_->probes[place->second].readers;
  const auto at = std::ranges::lower_bound(readers, reader);
  if (at == readers.end() || *at != reader) readers.insert(at, reader);
  for (const Rows& of_reader : rows) {
    out_->probes[place->second].predicates.push_back(add_rows(table, of_reader));
  }
}
}  // namespace tocsin::cep
