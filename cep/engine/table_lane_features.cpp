// How a lane's rows come to its features, and are read by others.
#include <algorithm>

#include "cep/engine/table_lane.h"
#include "cep/plan/feature.h"

namespace tocsin::cep {
TableLane::Features::Features(const ProgramImpl& program, std::uint32_t table)
    : program_(program),
      pass_in_place_(program.value_count, kNone),
      places_(program.value_count, 1),
      own_(program.value_count) {
  for (const FeatureProgram& feature : program.features) {
    if (feature.table != table) continue;
    pass_in_place_[feature.index.value] = feature.pass;
  }
  for (const ProbeProgram& probe : program.probes) {
    const FeatureProgram& feature = program.features[probe.feature.value];
    places_[probe.value.value] = program.tables[feature.table].role_places;
    own_[probe.value.value] = probe.source == 0 && program.tables[feature.table].key_number ==
                                                       program.tables[table].key_number;
  }
}

const Value& TableLane::Features::read(FeatureIndex read) {
  FeatureIndex value = read;
  if (program_.value_by_place[read.value]) value.value += place_of_role(current_->roles);
  if (pass_in_place_[value.value] != pass_) {
    const std::size_t place = own_[value.value] ? place_of_role(current_->roles) : 0;
    return slice_->values(value).at(std::size_t{current_->number} * places_[value.value] + place);
  }
  if (value.value != last_) {
    last_ = value.value;
    value_ = read_feature(program_.features[value.value], *current_);
  }
  return value_;
}

// What the predicate cannot say: conditions that read features, and what a rule has raised.
bool TableLane::takes(const FeatureProgram& feature, const CurrentRow& current,
                      const Slice& slice) {
  if (feature.unless && slice.is_alerted(*feature.unless, current.number)) return false;
  if (feature.where.empty()) return true;
  EvalScope scope = feature_scope(slice);
  return std::all_of(feature.where.begin(), feature.where.end(), [&](const Expr* condition) {
    return evaluate(*condition, EventView{current.row, nullptr}, scope).is_true();
  });
}

EvalScope TableLane::feature_scope(const Slice& slice) {
  EvalScope scope{program_};
  scope.batch = &slice.batch();
  scope.values_missing = &stats_.values_missing;
  scope.features = &features_;
  return scope;
}

// Under arguments the event may be of another key, and of a type that the feature does not know.
void TableLane::write_value(const ProbeProgram& probe, const CurrentRow& current, Slice& slice) {
  const FeatureProgram& feature = program_.features[probe.feature.value];
  Value value = read_feature(feature, current, probe.source > 0);
  if (value.kind == ValueKind::kString) value.text = value_texts_.store(value.text);
  const std::uint32_t places = table_.role_places;
  ValueColumn& values = slice.values(probe.value);
  const std::size_t first = std::size_t{current.number} * places;
  if (current.roles == 0 || probe.source > 0) {
    values.put(first, value);
    return;
  }
  for (std::uint32_t place = 0; place < places; ++place) {
    if ((current.roles >> place & 1) != 0) values.put(first + place, value);
  }
}

void TableLane::take_into_feature(const FeatureProgram& feature, CurrentRow& current,
                                  const Slice& slice) {
  Value value;
  EvalScope scope = feature_scope(slice);
  const EventView event{current.row, nullptr};
  bool counts = std::all_of(
      feature.counts.begin(), feature.counts.end(),
      [&](const Expr* condition) { return evaluate(*condition, event, scope).is_true(); });
  if (counts && feature.feature->argument) {
    value = evaluate(*feature.feature->argument, event, scope);
    counts = !value.is_missing();
  }
  if (counts) {
    feature_store_.take(feature, current, value);
  } else if (feature.window.takes_all) {
    feature_store_.pass(feature, current);
  }
}

// As each of its features would take the row by itself.
void TableLane::take_into_group(const FeatureGroup& group, const Slice& slice) {
  const FeatureProgram& any = program_.features[group.features[0]];
  const std::uint64_t missing = stats_.values_missing;
  Value value;
  bool is_taken = takes(any, current_, slice);
  if (is_taken && group.has_sums) {
    const EvalScope scope = feature_scope(slice);
    value = evaluate(*any.feature->argument, EventView{current_.row, nullptr}, scope);
    is_taken = !value.is_missing();
  }
  stats_.values_missing += (stats_.values_missing - missing) * (group.features.size() - 1);
  if (is_taken) feature_store_.shared().take(group, current_, value);
}

Value TableLane::read_feature(const FeatureProgram& feature, const CurrentRow& current,
                              bool under_arguments) {
  if (!under_arguments && !feature.has_key[current.row->type.value]) return Value::missing();
  return current.features->read(feature, current);
}
}  // namespace tocsin::cep
