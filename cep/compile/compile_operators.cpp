// The operators of each table, in the order in which they run, and what it takes to run them.
#include <algorithm>
#include <utility>

#include "cep/compile/compiler.h"
#include "cep/compile/pattern_program.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
struct RulePredicates {
  std::vector<std::uint32_t> runs;     // of rows that the rule has to see
  std::vector<std::uint32_t> creates;  // of those for which its key is made
  std::vector<std::uint32_t> wakes;    // of those that it has to see where the key holds nothing
};

void add_pattern(const RuleProgram& rule, RulePredicates& into) {
  const PatternProgram& pattern = *rule.pattern;
  for (const PatternStep& step : pattern.steps) {
    into.runs.push_back(step.take.predicate);
    if (step.until) into.runs.push_back(step.until->predicate);
  }
  for (const PatternAbsence& absence : pattern.absences) {
    into.runs.push_back(absence.forbid.predicate);
  }
  if (pattern.without) into.runs.push_back(pattern.without->predicate);
  if (pattern.opens) {
    // What a session considers does not open it.
    const ElementProgram& creating =
        rule.rule->window->is_session() ? *pattern.opens : pattern.steps[0].take;
    into.creates.push_back(creating.predicate);
  }
  for (const std::uint32_t transition : pattern.starts) {
    into.creates.push_back(pattern.steps[pattern.transitions[transition].target].take.predicate);
  }
}

RulePredicates predicates_of(const RuleProgram& rule) {
  RulePredicates predicates;
  for (const StepProgram& step : rule.steps) {
    predicates.runs.push_back(step.take.predicate);
    for (const ElementProgram& guard : step.guards) predicates.runs.push_back(guard.predicate);
  }
  if (rule.method == Method::kGeneral) {
    add_pattern(rule, predicates);
  } else if (rule.method != Method::kSingle) {
    predicates.creates.push_back(rule.steps[0].take.predicate);
  }
  if (rule.strict) predicates.runs.push_back(rule.considered_predicate);
  const bool waits_for_start =
      rule.method == Method::kGeneral
          ? !rule.pattern->opens && rule.rule->suppression.kind() != Once::kWhile
          : rule.method != Method::kSingle;
  predicates.wakes = waits_for_start ? predicates.creates : predicates.runs;
  return predicates;
}

// A row is seen under arguments by their probes alone.
void bind_sources(const std::vector<ProbeProgram>& probes, TableProgram& table) {
  for (std::uint32_t s = 0; s < table.sources.size(); ++s) {
    std::vector<std::uint64_t>& mask = table.sources[s].operators;
    mask.resize((table.operators.size() + 64) / 64);
    const bool is_own = s < table.role_places;
    if (is_own) mask[0] |= 1;
    for (std::size_t i = 0; i < table.operators.size(); ++i) {
      const OperatorProgram& op = table.operators[i];
      const bool under_arguments =
          op.kind == OperatorKind::kProbe && probes[op.index].source >= table.role_places;
      const bool sees = under_arguments ? probes[op.index].source == s : is_own;
      if (sees) mask[(i + 1) / 64] |= std::uint64_t{1} << ((i + 1) % 64);
    }
  }
}

void join_strict_group(std::vector<StrictGroup>& groups, const RuleProgram& rule) {
  // At most one that fits has room, most often the last one.
  auto group = std::find_if(groups.rbegin(), groups.rend(), [&](const StrictGroup& g) {
    return g.table == rule.table && g.pass == rule.pass &&
           g.considered_predicate == rule.considered_predicate && g.rules.size() < kStrictGroupMax;
  });
  if (group == groups.rend()) {
    StrictGroup fresh;
    fresh.table = rule.table;
    fresh.pass = rule.pass;
    fresh.considered_predicate = rule.considered_predicate;
    groups.push_back(std::move(fresh));
    group = groups.rbegin();
  }
  group->rules.push_back(rule.index.value);
  group->depth = std::max(group->depth, static_cast<std::uint32_t>(rule.steps.size() - 1));
}
}  // namespace

std::uint32_t Compiler::add_operator(std::uint32_t table, const OperatorProgram& op,
                                     std::vector<std::uint32_t> predicates,
                                     const std::vector<std::uint32_t>& wakes) {
  TableProgram& into = out_->tables[table];
  into.operators.push_back(op);
  wakes_[table].push_back(wakes);
  std::sort(predicates.begin(), predicates.end());
  predicates.erase(std::unique(predicates.begin(), predicates.end()), predicates.end());
  into.bit_predicates.push_back(std::move(predicates));
  return static_cast<std::uint32_t>(into.operators.size());
}

// With the others of its group.
void Compiler::add_feature(FeatureProgram& feature) {
  OperatorProgram op{OperatorKind::kFeature, feature.index.value, feature.take_pass};
  if (feature.is_shared) op = {OperatorKind::kGroup, feature.group, feature.take_pass};
  feature.op = add_operator(feature.table, op, {feature.predicate}, {feature.predicate});
  out_->tables[feature.table].bit_predicates[0].push_back(feature.predicate);
  if (!feature.is_shared) return;
  FeatureGroup& group = out_->feature_groups[feature.group];
  group.op = feature.op;
  for (const std::uint32_t member : group.features) out_->features[member].op = group.op;
}

void Compiler::number_operators() {
  for (TableProgram& table : out_->tables) table.bit_predicates.emplace_back();  // bit 0
  wakes_.resize(out_->tables.size());
  make_feature_groups();
  // A group stands where its first feature does: that is after the features that its conditions
  // read, which are those of all, and before whatever reads one of it.
  for (const FeatureIndex index : graph_.features_in_order()) {
    FeatureProgram& feature = out_->features[index.value];
    if (!feature.takes_last && feature.op == 0) add_feature(feature);
  }
  for (std::uint32_t i = 0; i < out_->probes.size(); ++i) {
    const ProbeProgram& probe = out_->probes[i];
    const FeatureProgram& feature = out_->features[probe.feature.value];
    add_operator(feature.table, {OperatorKind::kProbe, i, feature.pass}, probe.predicates,
                 probe.predicates);
  }
  number_rules();
  // After the rules, which read them without this event, or decide whether they take it.
  // One that reads another comes before it, so that it reads it without this event too. So a group
  // stands where the last of its features does.
  std::vector<std::size_t> to_come(out_->feature_groups.size());
  for (std::size_t i = 0; i < to_come.size(); ++i) {
    to_come[i] = out_->feature_groups[i].features.size();
  }
  const std::vector<FeatureIndex> in_order = graph_.features_in_order();
  for (auto index = in_order.rbegin(); index != in_order.rend(); ++index) {
    FeatureProgram& feature = out_->features[index->value];
    if (!feature.takes_last) continue;
    if (!feature.is_shared || --to_come[feature.group] == 0) add_feature(feature);
  }
  for (std::uint32_t i = 0; i < out_->shared_rings.size(); ++i) {
    SharedRingProgram& ring = out_->shared_rings[i];
    ring.op = add_operator(ring.table, {OperatorKind::kRing, i, ring.take_pass}, {}, {});
  }
  for (const FeatureGroup& group : out_->feature_groups) {
    for (const std::uint32_t member : group.features) {
      out_->features[member].ring_op = out_->shared_rings[group.ring].op;
    }
  }
  for (TableProgram& table : out_->tables) bind_sources(out_->probes, table);
}

void Compiler::number_rules() {
  for (RuleProgram& rule : out_->rules) {
    if (rule.method == Method::kStrict) {
      join_strict_group(out_->strict_groups, rule);
      continue;
    }
    RulePredicates predicates = predicates_of(rule);
    rule.op = add_operator(rule.table, {OperatorKind::kRule, rule.index.value, rule.pass},
                           std::move(predicates.runs), predicates.wakes);
    std::vector<std::uint32_t>& creating = out_->tables[rule.table].bit_predicates[0];
    creating.insert(creating.end(), predicates.creates.begin(), predicates.creates.end());
  }
  for (std::uint32_t i = 0; i < out_->strict_groups.size(); ++i) {
    const StrictGroup& group = out_->strict_groups[i];
    std::vector<std::uint32_t> predicates = {group.considered_predicate};
    std::vector<std::uint32_t> starts;
    for (const std::uint32_t r : group.rules) {
      const std::vector<StepProgram>& steps = out_->rules[r].steps;
      for (const StepProgram& step : steps) predicates.push_back(step.take.predicate);
      starts.push_back(steps[0].take.predicate);
    }
    std::vector<std::uint32_t>& creating = out_->tables[group.table].bit_predicates[0];
    creating.insert(creating.end(), starts.begin(), starts.end());
    const std::uint32_t op = add_operator(group.table, {OperatorKind::kStrict, i, group.pass},
                                          std::move(predicates), starts);
    for (const std::uint32_t r : group.rules) out_->rules[r].op = op;
  }
}

void Compiler::finish_table(TableProgram& table) const {
  std::vector<std::uint32_t>& creates = table.bit_predicates[0];
  std::sort(creates.begin(), creates.end());
  creates.erase(std::unique(creates.begin(), creates.end()), creates.end());
  for (std::size_t t = 0; t < table.layouts.size(); ++t) {
    CaptureLayout& layout = table.layouts[t];
    const std::size_t own = plan_.event_types[t].fields.size();
    for (std::size_t i = 0; i < layout.step_values.size(); ++i) layout.fields.emplace_back(own + i);
    if (layout.fields.empty()) continue;
    layout.place.assign(layout.fields.back().value + std::size_t{1}, CaptureLayout::kNotKept);
    for (std::size_t i = 0; i < layout.fields.size(); ++i) {
      const FieldIndex field = layout.fields[i];
      layout.place[field.value] = static_cast<std::uint16_t>(i);
      if (field.value >= own ||
          plan_.event_types[t].fields[field.value].type.kind == TypeKind::kString) {
        layout.texts.push_back(static_cast<std::uint16_t>(i));
      }
    }
  }
}
}  // namespace tocsin::cep
