#include "cep/pattern/state_pattern.h"

#include "cep/compile/pattern_program.h"
#include "cep/pattern/busy_members.h"
#include "cep/pattern/paths_key.h"
#include "cep/places/busy_key.h"
#include "cep/record/state_values.h"

namespace tocsin::cep {
void PatternWriter::write(const RuleProgram& rule, const PatternState& state, ByteWriter& to) {
  const bool is_busy = state.members != nullptr && !state.members->is_empty();
  if (state.runs.empty() && state.waiting.empty() && !state.window.open && state.lost_runs == 0 &&
      !is_busy && state.paths == nullptr && state.places == nullptr) {
    return;
  }
  rule_ = &rule;
  state_ = &state;
  numbers_.assign(state.words.size(), 0);
  event_numbers_.assign(state.words.size(), 0);
  nodes_.clear();
  values_.clear();
  rest_.clear();
  node_count_ = values_count_ = 0;
  ByteWriter rest(rest_);
  const std::uint32_t counters = rule.pattern->counter_count;
  for (std::size_t i = 0; i < state.runs.size(); ++i) {
    const PatternRun& run = state.runs[i];
    rest.varint(node_number(run.node));
    rest.varint(values_number(run.values));
    rest.varint(run.start);
    rest.varint(run.transition);
    rest.varint(run.greedy_over);
    rest.u8(run.fresh ? 1 : 0);
    rest.u8(run.ends_us != PatternRun::kNever ? 1 : 0);
    if (run.ends_us != PatternRun::kNever) rest.signed_varint(run.ends_us);
    for (std::uint32_t c = 0; c < counters; ++c) rest.varint(state.counters[i * counters + c]);
  }
  for (const CompleteMatch& match : state.waiting) {
    rest.varint(node_number(match.node));
    rest.varint(values_number(match.values));
    rest.varint(match.start);
  }
  if (state.window.open) {
    const OpenWindow& window = state.window;
    rest.varint(node_number(window.node));
    rest.varint(values_number(window.values));
    rest.signed_varint(window.begin_us);
    rest.u8(window.is_set ? 1 : 0);
    if (window.is_set) {
      rest.signed_varint(window.end_us);
      save_arrival(rest, window.setter);
      rest.varint(window.setter_roles);
    }
  }
  to.varint(state.next_start);
  to.varint(state.lost_runs);
  if (state.lost_runs > 0) to.signed_varint(state.lost_until_us);
  to.varint(node_count_);
  to.varint(values_count_);
  to.varint(state.runs.size());
  to.varint(state.waiting.size());
  to.u8(state.window.open ? 1 : 0);
  to.raw(nodes_);
  to.raw(values_);
  to.raw(rest_);
  if (is_busy) BusyMembers::write(*state.members, events_, to);
  if (state.paths != nullptr) write_paths(rule, *state.paths, events_, to);
  if (state.places != nullptr) write_places(*rule.pattern->sequence, *state.places, events_, to);
}

// Numbers begin at 1. Earlier nodes of the same chain have smaller numbers.
std::uint32_t PatternWriter::node_number(Offset node) {
  const auto* const base = reinterpret_cast<const std::byte*>(state_->words.data());
  const auto node_at = [&](Offset at) { return RecordStore::at<PatternNode>(base, at); };
  path_.clear();
  for (Offset at = node; at != 0 && numbers_[at] == 0; at = node_at(at)->node.parent) {
    path_.push_back(at);
  }
  ByteWriter to(nodes_);
  for (std::size_t i = path_.size(); i-- > 0;) {
    const Node& made = node_at(path_[i])->node;
    std::uint32_t& event = event_numbers_[made.event];
    if (event == 0) {
      event = 1 + events_.number_of(*RecordStore::at<KeptEvent>(base, made.event));
    }
    to.varint(made.parent == 0 ? 0 : numbers_[made.parent]);
    to.varint(event - 1);
    to.varint(made.step);
    to.varint(made.subset());
    numbers_[path_[i]] = ++node_count_;
  }
  return numbers_[node];
}

// Numbers begin at 1; 0 means none.
std::uint32_t PatternWriter::values_number(Offset values) {
  if (values == 0) return 0;
  if (numbers_[values] == 0) {
    ByteWriter to(values_);
    const std::uint64_t* at = state_->words.data() + values + 1;
    for (std::size_t i = 0; i < rule_->deadline_features.size(); ++i) {
      save_value(to, next_kept_value(at));
    }
    numbers_[values] = ++values_count_;
  }
  return numbers_[values];
}
}  // namespace tocsin::cep
