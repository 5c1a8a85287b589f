#include "cep/record/state_layout.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "cep/base/assert.h"
#include "cep/compile/plan_digest.h"
#include "cep/plan/feature.h"
#include "cep/plan/rule.h"

namespace tocsin::cep {
namespace {
std::string_view bytes_of(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}
Digest read_digest(ByteReader& from) {
  Digest digest{};
  const std::string_view bytes = from.raw(digest.size());
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<char*>(digest.data()));
  return digest;
}

StateKind kind_of(const RuleProgram& rule) {
  switch (rule.method) {
    case Method::kSingle:
      return StateKind::kNone;
    case Method::kStrict:
      return StateKind::kStrict;
    case Method::kRuns:
      return StateKind::kRuns;
    case Method::kGeneral:
      return StateKind::kPattern;
  }
  return StateKind::kNone;
}

// A feature, or a feature read under arguments: the first of its expressions by their texts.
Digest digest_of_value(const ProgramImpl& program, const PlanDigests& digests, FeatureIndex value) {
  if (value.value < digests.features.size()) return digests.features[value.value];
  std::optional<std::string> least;
  FeatureIndex feature;
  for (const auto& [expr, read] : program.reads_under) {
    if (read != value) continue;
    std::string text;
    for (const ExprPtr& arg : expr->args) text += describe(*program.plan, *arg) + '\n';
    if (least && *least <= text) continue;
    least = std::move(text);
    feature = feature_of(*expr);
  }
  if (!least) return {};
  return sha256(std::string(bytes_of(digests.features[feature.value])) + *least);
}

StatePart part_of_rule(const ProgramImpl& program, const PlanDigests& digests,
                       const RuleProgram& rule) {
  StatePart part;
  part.kind = kind_of(rule);
  part.index = rule.index.value;
  part.name = rule.rule->id;
  part.state = digests.rules[rule.index.value].state;
  part.suppression = digests.rules[rule.index.value].suppression;
  for (const FeatureIndex value : rule.deadline_features) {
    part.values.push_back(digest_of_value(program, digests, value));
  }
  return part;
}

}  // namespace

StateField state_field(const EventType& type, const CaptureLayout& layout, FieldIndex field) {
  if (field.value >= type.fields.size()) {
    const StepValue& step_value = layout.step_values[field.value - type.fields.size()];
    return {step_value.name, TypeKind::kString, "string"};
  }
  const Field& kept = type.fields[field.value];
  return {kept.name, kept.type.kind, type_name(kept.type)};
}

namespace {
StateEvents events_of(const EventType& type, const CaptureLayout& layout) {
  StateEvents events;
  events.type = type.name;
  events.keeps_identity = layout.keeps_identity;
  for (const FieldIndex field : layout.fields) {
    events.fields.push_back(state_field(type, layout, field));
  }
  return events;
}

void write_part(ByteWriter& to, const StatePart& part) {
  to.u8(static_cast<std::uint8_t>(part.kind));
  to.u8(part.is_rule ? 1 : 0);
  to.text(part.name);
  to.raw(bytes_of(part.state));
  to.raw(bytes_of(part.suppression));
  to.varint(part.values.size());
  for (const Digest& value : part.values) to.raw(bytes_of(value));
}
StatePart read_part(ByteReader& from) {
  StatePart part;
  part.kind =
      static_cast<StateKind>(from.varint_up_to(static_cast<std::uint8_t>(StateKind::kPattern)));
  part.is_rule = from.varint_up_to(1) != 0;
  part.name = from.text();
  part.state = read_digest(from);
  part.suppression = read_digest(from);
  const std::uint64_t values = from.varint_up_to(from.left() / sizeof(Digest));
  for (std::uint64_t i = 0; i < values && from.ok(); ++i) part.values.push_back(read_digest(from));
  return part;
}
}  // namespace

Result<void> check_state_format(std::string_view globals) {
  ByteReader from(globals);
  const std::uint8_t format = from.u8();
  if (!from.ok() || is_known_state_format(format)) return {};
  return fail(Errc::kOtherVersion, "the engine's state has format " + std::to_string(format) +
                                       ", and this program knows formats up to " +
                                       std::to_string(kStateFormat) +
                                       ": use the version of tocsin that wrote it, or a later one");
}

StateLayout StateLayout::of(const ProgramImpl& program) {
  const Plan& plan = *program.plan;
  const PlanDigests digests = cep::digests(program);
  StateLayout layout;
  for (const TableProgram& program_table : program.tables) {
    StateTable& table = layout.tables.emplace_back();
    for (std::size_t t = 0; t < plan.event_types.size(); ++t) {
      table.events.push_back(events_of(plan.event_types[t], program_table.layouts[t]));
    }
  }
  for (const FeatureProgram& feature : program.features) {
    StatePart& part = layout.tables[feature.table].parts.emplace_back();
    part.kind = StateKind::kFeature;
    part.is_rule = false;
    part.index = feature.index.value;
    part.name = feature.feature->name;
    part.state = digests.features[feature.index.value];
  }
  for (const RuleProgram& rule : program.rules) {
    layout.tables[rule.table].parts.push_back(part_of_rule(program, digests, rule));
    if (!holds_back_by_values(*rule.rule)) continue;
    for (const bool at_most : {false, true}) {
      if (at_most && !rule.rule->suppression.at_most) continue;
      layout.values.push_back(
          {rule.index.value, at_most, rule.rule->id, digests.rules[rule.index.value].suppression});
    }
  }
  return layout;
}

void StateLayout::write(ByteWriter& to) const {
  to.u8(kStateFormat);
  to.varint(tables.size());
  for (const StateTable& table : tables) {
    to.varint(table.parts.size());
    for (const StatePart& part : table.parts) write_part(to, part);
    to.varint(table.events.size());
    for (const StateEvents& events : table.events) {
      to.text(events.type);
      to.u8(events.keeps_identity ? 1 : 0);
      to.varint(events.fields.size());
      for (const StateField& field : events.fields) {
        to.text(field.name);
        to.u8(static_cast<std::uint8_t>(field.kind));
        to.text(field.type);
      }
    }
  }
  to.varint(values.size());
  for (const ValueTable& value : values) {
    to.u8(value.at_most ? 1 : 0);
    to.text(value.name);
    to.raw(bytes_of(value.suppression));
  }
}

bool StateLayout::read(ByteReader& from) {
  if (!is_known_state_format(from.u8())) return false;
  const std::uint64_t table_count = from.varint_up_to(from.left());
  for (std::uint64_t i = 0; i < table_count && from.ok(); ++i) {
    StateTable& table = tables.emplace_back();
    const std::uint64_t part_count = from.varint_up_to(from.left());
    for (std::uint64_t p = 0; p < part_count && from.ok(); ++p) {
      table.parts.push_back(read_part(from));
    }
    const std::uint64_t type_count = from.varint_up_to(from.left());
    for (std::uint64_t t = 0; t < type_count && from.ok(); ++t) {
      StateEvents& events = table.events.emplace_back();
      events.type = from.text();
      events.keeps_identity = from.varint_up_to(1) != 0;
      const std::uint64_t field_count = from.varint_up_to(from.left());
      for (std::uint64_t f = 0; f < field_count && from.ok(); ++f) {
        StateField& field = events.fields.emplace_back();
        field.name = from.text();
        field.kind =
            static_cast<TypeKind>(from.varint_up_to(static_cast<std::uint8_t>(TypeKind::kEnum)));
        field.type = from.text();
      }
    }
  }
  const std::uint64_t value_count = from.varint_up_to(from.left());
  for (std::uint64_t i = 0; i < value_count && from.ok(); ++i) {
    ValueTable& value = values.emplace_back();
    value.at_most = from.varint_up_to(1) != 0;
    value.name = from.text();
    value.suppression = read_digest(from);
  }
  return from.ok();
}

std::vector<std::vector<std::uint32_t>> parts_of_operators(const TableProgram& table,
                                                           const ProgramImpl& program) {
  const auto number = static_cast<std::size_t>(&table - program.tables.data());
  std::vector<std::uint32_t> of_feature(program.features.size());
  std::vector<std::uint32_t> of_rule(program.rules.size());
  std::uint32_t next = 0;
  for (std::size_t i = 0; i < program.features.size(); ++i) {
    if (program.features[i].table == number) of_feature[i] = next++;
  }
  for (std::size_t i = 0; i < program.rules.size(); ++i) {
    if (program.rules[i].table == number) of_rule[i] = next++;
  }
  std::vector<std::vector<std::uint32_t>> parts(table.operators.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const OperatorProgram& op = table.operators[i];
    switch (op.kind) {
      case OperatorKind::kFeature:
        parts[i] = {of_feature[op.index]};
        break;
      case OperatorKind::kGroup:
        for (const std::uint32_t feature : program.feature_groups[op.index].features) {
          parts[i].push_back(of_feature[feature]);
        }
        break;
      case OperatorKind::kRing:
      case OperatorKind::kProbe:
        break;
      case OperatorKind::kRule:
        parts[i] = {of_rule[op.index]};
        break;
      case OperatorKind::kStrict:
        for (const std::uint32_t rule : program.strict_groups[op.index].rules) {
          parts[i].push_back(of_rule[rule]);
        }
        break;
    }
  }
  return parts;
}

const Type& type_of_value(const ProgramImpl& program, FeatureIndex value) {
  if (value.value < program.features.size()) {
    return program.features[value.value].feature->type;
  }
  const auto read = std::find_if(program.reads_under.begin(), program.reads_under.end(),
                                 [&](const auto& candidate) { return candidate.second == value; });
  TOCSIN_ASSERT(read != program.reads_under.end(), "a value is of a feature or of a read");
  return program.features[feature_of(*read->first).value].feature->type;
}

bool holds_back_by_values(const Rule& rule) {
  const Suppression& suppression = rule.suppression;
  return !suppression.for_each.empty() ||
         (suppression.at_most && !suppression.at_most->for_each.empty());
}
}  // namespace tocsin::cep
