// What the simple methods keep of a key, written and read: the nodes of its partial matches, each
// once, and the partial matches as numbers of nodes.

#include "cep/engine/state_record.h"
#include "cep/places/busy_key.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"
#include "cep/record/state_values.h"

namespace tocsin::cep {
namespace {
bool is_of_type(const Element& element, std::size_t subset, const KeptEvent& event) {
  return subset < element.events().size() && element.events()[subset].type.value == event.type;
}
// What a rule of the simple methods remembers of its alerts, as all others do.
SuppressionState as_suppression(const OnceState& once) {
  SuppressionState state;
  static_cast<OnceState&>(state) = once;
  return state;
}
}  // namespace

void RecordCodec::write_runs(const std::byte* record, Offset state, const RuleProgram& rule,
                             PatternPool& patterns) {
  const auto* const header = RecordStore::at<RuleHeader>(record, state);
  if (rule.once) {
    ByteWriter suppression(suppression_);
    save_suppression(suppression, as_suppression(*reinterpret_cast<const OnceState*>(header + 1)));
  }
  const PlacesState* const places =
      header->is_busy() ? patterns.at(header->handle()).places.get() : nullptr;
  const bool has_places = places != nullptr && !places->is_empty();
  if (header->run_count == 0 && header->lost_runs == 0 && !has_places) return;
  nodes_.clear();
  rest_.clear();
  node_count_ = valued_count_ = 0;
  numbers_.assign(reinterpret_cast<const RecordHeader*>(record)->used, 0);
  ByteWriter rest(rest_);
  const Run* const runs = RecordStore::at<Run>(record, state + rule_header_words(rule));
  for (std::uint32_t i = 0; i < header->run_count; ++i) {
    const Run& run = runs[i];
    rest.varint(node_number(record, run.node, rule));
    rest.varint(run.anchor == 0 ? 0 : node_number(record, run.anchor, rule));
    rest.varint(run.start);
    rest.varint(run.packed);
  }
  ByteWriter body(body_);
  body.varint(header->is_busy() ? 0 : header->next_start);
  body.varint(header->lost_runs);
  if (header->lost_runs > 0) body.signed_varint(header->lost_until_us);
  body.varint(node_count_);
  body.varint(valued_count_);
  body.varint(header->run_count);
  body.raw(nodes_);
  body.raw(rest_);
  if (has_places) write_places(rule, *places, events_, body);
}

// Numbers begin at 1. Earlier nodes of the same chain have smaller numbers.
std::uint32_t RecordCodec::node_number(const std::byte* record, Offset node,
                                       const RuleProgram& rule) {
  const auto node_at = [&](Offset at) { return RecordStore::at<Node>(record, at); };
  path_.clear();
  for (Offset at = node; at != 0 && numbers_[at] == 0; at = node_at(at)->parent) {
    path_.push_back(at);
  }
  ByteWriter to(nodes_);
  for (std::size_t i = path_.size(); i-- > 0;) {
    const Node& made = *node_at(path_[i]);
    to.varint(made.parent == 0 ? 0 : numbers_[made.parent]);
    to.varint(events_.number_of(*RecordStore::at<KeptEvent>(record, made.event)));
    to.varint(made.step);
    to.varint(made.subset());
    to.u8(made.has_values() ? 1 : 0);
    if (made.has_values()) {
      ++valued_count_;
      const auto* value = RecordStore::at<StoredValue>(record, path_[i] + kNodeWords);
      for (std::size_t v = 0; v < rule.deadline_features.size(); ++v) {
        save_value(to, value[v].value());
      }
    }
    numbers_[path_[i]] = ++node_count_;
  }
  return numbers_[node];
}

bool RecordCodec::read_runs(Block& block, const PartTarget& target, PatternPool& patterns,
                            KeySlot& slot) {
  const RuleProgram& rule = rule_of(target);
  std::byte* const record = store_.base(slot);
  SuppressionState suppression;
  if (target.keeps_suppression && rule.once &&
      !restore_suppression(block.suppression, rule.rule->suppression, as_of_, suppression)) {
    return false;
  }
  RuleHeader header;
  ByteReader& from = block.state;
  std::uint64_t runs = 0;
  if (target.keeps_state && from.left() > 0) {
    header.next_start = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
    header.lost_runs = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
    if (header.lost_runs > 0) header.lost_until_us = from.signed_varint();
    const std::uint64_t nodes = from.varint();
    const std::uint64_t valued = from.varint();
    runs = from.varint();
    if (!from.ok() || !read_nodes(from, rule, nodes, valued, target.values, record)) return false;
  }
  header.run_count = header.run_capacity = static_cast<std::uint32_t>(runs);
  const std::uint32_t head_words = rule_header_words(rule);
  const Offset place =
      RecordStore::cut(record, head_words + static_cast<std::uint32_t>(runs) * kRunWords);
  auto* const to = RecordStore::at<RuleHeader>(record, place);
  *to = header;
  if (rule.once) *reinterpret_cast<OnceState*>(to + 1) = suppression;
  Run* const to_runs = RecordStore::at<Run>(record, place + head_words);
  for (std::uint64_t i = 0; i < runs; ++i) {
    Run run;
    if (!read_run(from, rule, record, run)) return false;
    to_runs[i] = run;
  }
  RecordStore::set_state(record, rule.op, place);
  stats_.runs += runs;
  if (target.keeps_state && from.left() > 0) {
    if (!rule.places || runs > 0 || !from.ok()) return false;
    const std::uint32_t handle = patterns.make();
    PatternState& host = patterns.at(handle);
    host.places = BusyKey::make(rule);
    if (!BusyKey(program_, table_, rule, *host.places).read(from, read_events_)) {
      patterns.free(handle);
      return false;
    }
    to->set_busy(handle);
    stats_.runs += host.places->starts();
    patterns.count(host);
  }
  return !target.keeps_state || from.is_done();
}

bool RecordCodec::read_nodes(ByteReader& from, const RuleProgram& rule, std::uint64_t count,
                             std::uint64_t valued, const std::vector<std::uint32_t>& values,
                             std::byte* record) {
  made_.assign(1, 0);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t parent = from.varint_up_to(i);
    const std::uint64_t event = from.varint();
    const std::uint64_t step = from.varint();
    const std::uint64_t subset = from.varint();
    const bool has_values = from.varint_up_to(1) != 0;
    if (!from.ok() || event >= read_events_.count() || step >= rule.steps.size() ||
        (has_values && valued-- == 0)) {
      return false;
    }
    const KeptEvent* const kept = read_events_.at(event);
    if (kept == nullptr || !is_of_type(*rule.steps[step].take.element, subset, *kept)) return false;
    const bool keeps_values = has_values && !rule.deadline_features.empty();
    Node node;
    node.parent = made_[parent];
    node.event = event_in(record, event);
    node.length = 1;
    node.step = static_cast<std::uint16_t>(step);
    node.subset_and_values =
        static_cast<std::uint16_t>(subset | (keeps_values ? Node::kHasValues : 0U));
    std::uint64_t least_step = 0;
    if (node.parent != 0) {
      const auto* const before = RecordStore::at<Node>(record, node.parent);
      node.set_length(before->length + 1U);
      least_step = before->step;
      if (step < least_step || step > least_step + 1) return false;
    } else if (step != 0) {
      return false;
    }
    const std::size_t value_words =
        keeps_values ? rule.deadline_features.size() * kStoredValueWords : 0;
    const Offset place =
        RecordStore::cut(record, kNodeWords + static_cast<std::uint32_t>(value_words));
    *RecordStore::at<Node>(record, place) = node;
    made_.push_back(place);
    if (has_values && !read_values(from, rule, values, record, place + kNodeWords)) return false;
  }
  return true;
}

bool RecordCodec::read_values(ByteReader& from, const RuleProgram& rule,
                              const std::vector<std::uint32_t>& places, std::byte* record,
                              Offset to) {
  const std::size_t kept = rule.deadline_features.size();
  auto* const stored = RecordStore::at<StoredValue>(record, to);
  for (std::size_t i = 0; i < kept; ++i) stored[i] = StoredValue::of(Value::missing());
  for (const std::uint32_t place : places) {
    const bool is_here = place < kept;
    const Type* const type =
        is_here ? &type_of_value(program_, rule.deadline_features[place]) : nullptr;
    Value value;
    if (!restore_value(from, type, value)) return false;
    if (is_here) stored[place] = StoredValue::of(value);
  }
  return true;
}

bool RecordCodec::read_run(ByteReader& from, const RuleProgram& rule, const std::byte* record,
                           Run& run) const {
  const std::uint64_t node = from.varint_up_to(made_.size() - 1);
  const std::uint64_t anchor = from.varint_up_to(made_.size() - 1);
  run.start = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
  run.packed = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
  if (!from.ok() || node == 0) return false;
  run.node = made_[node];
  run.anchor = made_[anchor];
  const Node* at = RecordStore::at<Node>(record, run.node);
  const std::uint32_t flags = run.flags();
  const bool is_last = run.step() + 1 == rule.steps.size();
  const bool is_final = (flags & Run::kFinal) != 0;
  if (run.step() != at->step || flags == 0 || run.count() == 0 ||
      ((flags & Run::kWaits) != 0 && is_last) || (is_final && (!is_last || !rule.ends_absent)) ||
      (is_final && !rule.deadline_features.empty() && !at->has_values())) {
    return false;
  }
  while (at->parent != 0) at = RecordStore::at<Node>(record, at->parent);
  run.first_time_us = RecordStore::at<KeptEvent>(record, at->event)->engine_time_us;
  return true;
}

void RecordCodec::add_timers(const RuleProgram& rule, const KeySlot& slot, std::uint32_t queue,
                             std::vector<RestoredTimer>& timers) const {
  const std::byte* const record = store_.base(slot);
  const Offset state = store_.find(slot, rule.op)->state;
  const auto* const header = RecordStore::at<RuleHeader>(record, state);
  const Run* const runs = RecordStore::at<Run>(record, state + rule_header_words(rule));
  for (std::uint32_t i = 0; i < header->run_count; ++i) {
    if ((runs[i].flags() & Run::kFinal) == 0) continue;
    const Node* at = RecordStore::at<Node>(record, runs[i].node);
    while (rule.waits_from_first && at->parent != 0) at = RecordStore::at<Node>(record, at->parent);
    const auto* const cause = RecordStore::at<KeptEvent>(record, at->event);
    RestoredTimer restored;
    restored.pass = rule.pass;
    restored.queue = queue;
    restored.timer.deadline_us = cause->engine_time_us + rule.wait.us;
    restored.timer.set_arrival(cause->arrival());
    restored.timer.hash = slot.hash;
    restored.timer.rule = rule.index.value;
    timers.push_back(restored);
  }
}
}  // namespace tocsin::cep
