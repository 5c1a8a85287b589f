#include "cep/engine/state_record.h"

#include <algorithm>
#include <bit>

#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"
#include "cep/record/state_values.h"

namespace tocsin::cep {
namespace {
bool is_of_some_type(const Element& element, const KeptEvent& event) {
  return std::any_of(element.events().begin(), element.events().end(),
                     [&](const Subset& subset) { return subset.type.value == event.type; });
}
}  // namespace

RecordCodec::RecordCodec(const ProgramImpl& program, const TableProgram& table, RecordStore& store,
                         EventCapture& capture, FeatureStore& features, PatternMatcher& patterns,
                         EngineStats& stats)
    : program_(program),
      table_(table),
      store_(store),
      features_(features),
      patterns_(patterns),
      pattern_reader_(program, table, store, capture, stats),
      stats_(stats),
      parts_(parts_of_operators(table, program)),
      events_(program, table),
      pattern_writer_(events_),
      read_events_(program, table) {}

// ---- writing

bool RecordCodec::write(const std::byte* record, PatternPool& patterns, std::string& out) {
  events_.clear();
  blocks_.clear();
  sizes_.clear();
  for (const OperatorEntry& entry : RecordStore::operators_of(record)) {
    const OperatorProgram& op = table_.operators[entry.op - 1];
    body_.clear();
    suppression_.clear();
    ByteWriter body(body_);
    if (op.kind == OperatorKind::kFeature) {
      features_.save(program_.features[op.index], record, entry, body);
    } else if (op.kind == OperatorKind::kGroup) {
      write_group(record, entry, program_.feature_groups[op.index]);
      continue;
    } else if (op.kind == OperatorKind::kRing) {
      continue;
    } else if (op.kind == OperatorKind::kStrict) {
      write_strict(record, entry, program_.strict_groups[op.index]);
      continue;
    } else if (program_.rules[op.index].method == Method::kGeneral) {
      PatternState& state = patterns.at(*RecordStore::at<std::uint32_t>(record, entry.state));
      state.settle();
      pattern_writer_.write(program_.rules[op.index], state, body);
      ByteWriter suppression(suppression_);
      save_suppression(suppression, state.suppression);
    } else {
      write_runs(record, entry.state, program_.rules[op.index], patterns);
    }
    put_block(parts_[entry.op - 1][0]);
  }
  if (blocks_.empty()) return false;
  out.clear();
  ByteWriter to(out);
  to.u8(kStateFormat);
  events_.write(to);
  to.raw(blocks_);
  return true;
}

// What body_ and suppression_ hold, unless that is nothing.
void RecordCodec::put_block(std::uint32_t part) {
  if (body_.empty() && suppression_.empty()) return;
  ByteWriter to(blocks_);
  to.varint(part);
  to.text(body_);
  to.text(suppression_);
  sizes_.emplace_back(part, body_.size() + suppression_.size());
}

void RecordCodec::write_group(const std::byte* record, const OperatorEntry& entry,
                              const FeatureGroup& group) {
  for (std::size_t i = 0; i < group.features.size(); ++i) {
    body_.clear();
    ByteWriter body(body_);
    SharedFeatures::save(program_.features[group.features[i]], record, entry, body);
    put_block(parts_[entry.op - 1][i]);
  }
}

void RecordCodec::write_strict(const std::byte* record, const OperatorEntry& entry,
                               const StrictGroup& group) {
  StrictState state(const_cast<std::byte*>(RecordStore::at<std::byte>(record, entry.state)), group);
  for (std::size_t i = 0; i < group.rules.size(); ++i) {
    const std::uint16_t alive = state.alive_of(i);
    if (alive == 0) continue;
    body_.clear();
    ByteWriter body(body_);
    body.varint(alive);
    for (std::uint32_t e = 0; e < StrictState::event_count(alive); ++e) {
      body.varint(events_.number_of(*RecordStore::at<KeptEvent>(record, state.events()[e])));
    }
    put_block(parts_[entry.op - 1][i]);
  }
}

// ---- reading

bool RecordCodec::read(const TableTarget& from, std::string_view entry, EventTime watermark,
                       KeySlot& slot, std::string_view key,
                       const std::vector<std::uint32_t>& queues, PatternPool& patterns,
                       std::vector<RestoredTimer>& timers, std::vector<ShardTimers>& shard_timers) {
  ByteReader bytes(entry);
  as_of_ = watermark;
  if (!is_known_state_format(bytes.u8()) ||
      !read_events_.read(bytes, from.written->events, from.events, watermark) ||
      !read_blocks(from, bytes) || !read_features(from, slot)) {
    return false;
  }
  strict_.clear();
  for (Block& block : read_) {
    const PartTarget& target = from.parts[block.part];
    if (kind_of(target) == StateKind::kStrict && !read_strict(block, target)) return false;
  }
  if (!make_room(from, slot)) return false;
  placed_.assign(read_events_.count(), 0);
  for (Block& block : read_) {
    const PartTarget& target = from.parts[block.part];
    const StateKind kind = kind_of(target);
    if (kind == StateKind::kRuns && !read_runs(block, target, patterns, slot)) return false;
    if (kind == StateKind::kPattern && !read_pattern(block, target, patterns, slot, key))
      return false;
  }
  if (!join_strict(from, slot)) return false;
  for (const Block& block : read_) {
    const PartTarget& target = from.parts[block.part];
    if (!target.keeps_state) continue;
    const StateKind kind = kind_of(target);
    if (kind != StateKind::kRuns && kind != StateKind::kPattern) continue;
    const RuleProgram& rule = rule_of(target);
    if (!rule.sets_deadlines) continue;
    const std::uint32_t queue = queues[target.op - 1];
    if (kind == StateKind::kRuns) {
      add_timers(rule, slot, queue, timers);
    } else {
      const Offset state = store_.find(slot, target.op)->state;
      const std::uint32_t handle = *RecordStore::at<std::uint32_t>(store_.base(slot), state);
      patterns_.set_timers(rule, patterns.at(handle), slot.hash, shard_timers[rule.pass], queue);
    }
  }
  return true;
}

// How the part is kept here. State is kept where that is how it was written; what is suppressed is
// written alike by all.
StateKind RecordCodec::kind_of(const PartTarget& target) const {
  const OperatorKind kind = table_.operators[target.op - 1].kind;
  if (kind == OperatorKind::kFeature || kind == OperatorKind::kGroup) return StateKind::kFeature;
  if (kind == OperatorKind::kStrict) return StateKind::kStrict;
  return rule_of(target).method == Method::kGeneral ? StateKind::kPattern : StateKind::kRuns;
}

const RuleProgram& RecordCodec::rule_of(const PartTarget& target) const {
  return program_.rules[table_.operators[target.op - 1].index];
}

const FeatureProgram& RecordCodec::feature_of(const PartTarget& target) const {
  const OperatorProgram& op = table_.operators[target.op - 1];
  const bool is_shared = op.kind == OperatorKind::kGroup;
  return program_
      .features[is_shared ? program_.feature_groups[op.index].features[target.place] : op.index];
}

// The blocks that are wanted here.
bool RecordCodec::read_blocks(const TableTarget& from, ByteReader& bytes) {
  read_.clear();
  std::vector<bool> seen(from.parts.size());
  while (bytes.left() > 0) {
    const std::uint64_t part = bytes.varint();
    const std::string_view state = bytes.text();
    const std::string_view suppression = bytes.text();
    if (!bytes.ok() || part >= from.parts.size() || (state.empty() && suppression.empty()) ||
        from.written->parts[part].kind == StateKind::kNone || seen[part]) {
      return false;
    }
    seen[part] = true;
    if (from.parts[part].op == 0) continue;
    read_.push_back({static_cast<std::uint32_t>(part), ByteReader(state), ByteReader(suppression)});
  }
  return bytes.is_done();
}

bool RecordCodec::read_features(const TableTarget& from, KeySlot& slot) {
  features_.shared().begin_restore();
  for (Block& block : read_) {
    const PartTarget& target = from.parts[block.part];
    if (kind_of(target) != StateKind::kFeature) continue;
    const FeatureProgram& feature = feature_of(target);
    const bool is_well = feature.is_shared ? features_.shared().restore(feature, slot, block.state)
                                           : store_.find(slot, target.op) == nullptr &&
                                                 features_.restore(feature, slot, block.state);
    if (!is_well || block.suppression.left() > 0 || !block.state.is_done()) return false;
  }
  return features_.shared().put_restored(slot, from.is_later     ? RightEvents::kRead
                                               : from.is_of_past ? RightEvents::kPresent
                                                                 : RightEvents::kBoth);
}

// Room for all that rules have in the record, so that nothing moves from here on.
bool RecordCodec::make_room(const TableTarget& from, KeySlot& slot) {
  std::uint64_t words = 0;
  std::uint32_t operators = 0;
  bool has_runs = false;
  for (const Block& block : read_) {
    const PartTarget& target = from.parts[block.part];
    const StateKind kind = kind_of(target);
    if (kind == StateKind::kFeature) continue;
    if (store_.find(slot, target.op) != nullptr && kind != StateKind::kStrict) return false;
    ++operators;
    if (kind == StateKind::kStrict) {
      words += StrictState::words(program_.strict_groups[table_.operators[target.op - 1].index]);
      continue;
    }
    const RuleProgram& rule = rule_of(target);
    if (kind == StateKind::kPattern) {
      words += 1;
      continue;
    }
    words += rule_header_words(rule);
    if (!target.keeps_state || block.state.left() == 0) continue;
    has_runs = true;
    ByteReader head = block.state;
    head.varint();
    if (head.varint() > 0) head.signed_varint();
    const std::uint64_t nodes = head.varint_up_to(head.left());
    const std::uint64_t valued = head.varint_up_to(nodes);
    const std::uint64_t runs = head.varint_up_to(head.left());
    if (!head.ok()) return false;
    words += nodes * kNodeWords + runs * kRunWords +
             valued * rule.deadline_features.size() * kStoredValueWords;
  }
  if (operators == 0) return true;
  for (std::size_t i = 0; has_runs && i < read_events_.count(); ++i) {
    if (read_events_.at(i) != nullptr) words += read_events_.at(i)->words;
  }
  for (const StrictRule& rule : strict_) {
    for (const std::uint32_t event : rule.events) words += read_events_.at(event)->words;
  }
  constexpr std::uint64_t kMost = 1U << 30;
  if (words > kMost) return false;
  store_.make_room(slot, static_cast<std::uint32_t>(words), operators);
  return true;
}

Offset RecordCodec::event_in(std::byte* record, std::size_t number) {
  Offset& place = placed_[number];
  if (place == 0) place = copy_event(record, number);
  return place;
}
Offset RecordCodec::copy_event(std::byte* record, std::size_t number) {
  const KeptEvent* const event = read_events_.at(number);
  const Offset place = RecordStore::cut(record, event->words);
  std::memcpy(RecordStore::at<std::uint64_t>(record, place), event, std::size_t{event->words} * 8);
  return place;
}

bool RecordCodec::read_strict(Block& block, const PartTarget& target) {
  const StrictGroup& group = program_.strict_groups[table_.operators[target.op - 1].index];
  const RuleProgram& rule = program_.rules[group.rules[target.place]];
  ByteReader& from = block.state;
  StrictRule read;
  read.op = target.op;
  read.place = target.place;
  const std::uint64_t alive = from.varint();
  if (alive == 0 || alive >= std::uint64_t{1} << (rule.steps.size() - 1)) return false;
  read.alive = static_cast<std::uint16_t>(alive);
  for (std::uint32_t i = 0; i < StrictState::event_count(read.alive); ++i) {
    const std::uint64_t event = from.varint();
    if (!from.ok() || event >= read_events_.count() || read_events_.at(event) == nullptr) {
      return false;
    }
    // Bit j: the i-th event before the last was taken for step j - i.
    for (std::uint32_t j = i; j < 16; ++j) {
      if ((read.alive >> j & 1) != 0 &&
          !is_of_some_type(*rule.steps[j - i].take.element, *read_events_.at(event))) {
        return false;
      }
    }
    read.events.push_back(static_cast<std::uint32_t>(event));
  }
  strict_.push_back(std::move(read));
  return from.is_done() && block.suppression.left() == 0;
}

// Whether those that both know are the same.
bool RecordCodec::has_same_events(const std::byte* record, StrictState& state,
                                  const StrictRule& rule) const {
  const std::size_t both = std::min<std::size_t>(state.event_count(), rule.events.size());
  for (std::uint32_t i = 0; i < both; ++i) {
    const auto* const there = RecordStore::at<KeptEvent>(record, state.events()[i]);
    const KeptEvent& same = *read_events_.at(rule.events[i]);
    if (there->engine_time_us != same.engine_time_us || there->arrival() != same.arrival() ||
        there->type != same.type) {
      return false;
    }
  }
  return true;
}

// Rules of one group share the key's last events, of which each knows as many as it needs.
bool RecordCodec::join_strict(const TableTarget& from, KeySlot& slot) {
  for (const StrictRule& rule : strict_) {
    std::byte* const record = store_.base(slot);
    const StrictGroup& group = program_.strict_groups[table_.operators[rule.op - 1].index];
    const OperatorEntry* entry = RecordStore::find(record, rule.op);
    if (entry == nullptr) {
      const std::uint32_t words = StrictState::words(group);
      const Offset place = RecordStore::cut(record, words);
      std::fill_n(RecordStore::at<std::uint64_t>(record, place), words, 0);
      RecordStore::set_state(record, rule.op, place);
      entry = RecordStore::find(record, rule.op);
    }
    StrictState state(RecordStore::at<std::byte>(record, entry->state), group);
    if (state.alive_of(rule.place) != 0) return false;
    if (!has_same_events(record, state, rule)) {
      if (from.is_later) {
        stats_.runs -= state.runs();
        for (std::size_t i = 0; i < group.rules.size(); ++i) state.set_alive_of(i, 0);
      } else if (from.is_of_past) {
        continue;
      } else {
        return false;
      }
    }
    const std::uint32_t known = state.event_count();
    for (std::uint32_t i = known; i < rule.events.size(); ++i) {
      state.events()[i] = copy_event(record, rule.events[i]);
    }
    state.set_alive_of(rule.place, rule.alive);
    stats_.runs += static_cast<std::uint64_t>(std::popcount(rule.alive));
  }
  return true;
}

bool RecordCodec::read_pattern(Block& block, const PartTarget& target, PatternPool& patterns,
                               KeySlot& slot, std::string_view key) {
  const RuleProgram& rule = rule_of(target);
  std::byte* const record = store_.base(slot);
  const std::uint32_t handle = patterns.make();
  const Offset place = RecordStore::cut(record, 1);
  *RecordStore::at<std::uint64_t>(record, place) = 0;
  *RecordStore::at<std::uint32_t>(record, place) = handle;
  RecordStore::set_state(record, rule.op, place);
  PatternState& state = patterns.at(handle);
  if (target.keeps_suppression && block.suppression.left() > 0 &&
      !restore_suppression(block.suppression, rule.rule->suppression, as_of_, state.suppression)) {
    return false;
  }
  // Other events may have been the rule's until now.
  if (!target.keeps_state && state.suppression.quiet) state.suppression.last_alert_us = as_of_.us;
  if (target.keeps_state &&
      !pattern_reader_.read(rule, state, key, block.state, read_events_, target.values)) {
    return false;
  }
  patterns.count(state);
  return true;
}
}  // namespace tocsin::cep
