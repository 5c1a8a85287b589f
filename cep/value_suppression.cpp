#include "cep/value_suppression.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "cep/base/assert.h"
#include "cep/state_values.h"

namespace tocsin::cep {
SuppressionState& ValueSuppression::at(const std::string& values) {
  States::value_type& held = *states_.try_emplace(values).first;
  if (tracks_) note_change(held);
  return held.second.state;
}

SuppressionState* ValueSuppression::find(const std::string& values) {
  const auto found = states_.find(values);
  if (found == states_.end()) return nullptr;
  if (tracks_) note_change(*found);
  return &found->second.state;
}

void ValueSuppression::sweep(std::optional<Duration> within, std::int64_t now_us) {
  for (auto entry = states_.begin(); entry != states_.end();) {
    Held& held = entry->second;
    const auto is_over = [&](const SuppressionState::Taken& taken) {
      return within && taken.time_us + within->us <= now_us;
    };
    SuppressionState& state = held.state;
    if (std::any_of(state.taken.begin(), state.taken.end(), is_over)) {
      if (tracks_) note_change(*entry);
      std::erase_if(state.taken, is_over);
    }
    if (suppression_until(clause_, state, now_us) != kSuppressionOver) {
      ++entry;
      continue;
    }
    // What a cut has to say of it is said first; until then an empty state stays.
    if ((held.marks & KeySlot::kStored) != 0) note_change(*entry);
    if ((held.marks & pending_mark_) != 0) note_change(*entry);
    state = {};
    entry = held.marks == 0 ? states_.erase(entry) : std::next(entry);
  }
}

void ValueSuppression::end() {
  for (auto entry = states_.begin(); entry != states_.end();) {
    Held& held = entry->second;
    if (held.marks != 0) note_change(*entry);
    held.state = {};
    entry = held.marks == 0 ? states_.erase(entry) : std::next(entry);
  }
}

void ValueSuppression::note_change(States::value_type& held) {
  if (shards_.empty()) shards_.resize(kShardCount);
  std::uint8_t& marks = held.second.marks;
  Shard& shard = shards_[shard_of(held.first)];
  if ((marks & pending_mark_) != 0) {
    const bool was_stored = (marks & KeySlot::kStored) != 0;
    if (write(held)) {
      shard.early.put(held.first, entry_);
    } else if (was_stored) {
      shard.early.remove(held.first);
    }
  }
  if ((marks & changed_mark_) != 0) return;
  marks |= changed_mark_;
  shard.changed.push_back(&held);
}

// What the cut has of it: true where there is an entry, which is then in entry_.
bool ValueSuppression::write(States::value_type& held) {
  entry_.clear();
  ByteWriter to(entry_);
  save_suppression(to, held.second.state);
  std::uint8_t& marks = held.second.marks;
  marks = static_cast<std::uint8_t>(marks & changed_mark_);
  if (!entry_.empty()) marks |= KeySlot::kStored;
  return !entry_.empty();
}

void ValueSuppression::begin_cut() {
  std::swap(changed_mark_, pending_mark_);
  for (Shard& shard : shards_) {
    TOCSIN_ASSERT(shard.pending.empty() && shard.early.empty(), "the cut before is complete");
    shard.pending.swap(shard.changed);
  }
}

bool ValueSuppression::write_cut(std::uint16_t number, std::uint32_t shard_index, StateSink& sink,
                                 Bite& bite) {
  if (shards_.empty()) return true;
  Shard& shard = shards_[shard_index];
  if (!shard.early.give(number, sink, bite)) return false;
  for (; shard.next < shard.pending.size(); ++shard.next) {
    if (bite.is_over()) return false;
    States::value_type& held = *shard.pending[shard.next];
    if ((held.second.marks & pending_mark_) == 0) continue;
    const StateKey key{number, key_group(held.first), held.first};
    const bool was_stored = (held.second.marks & KeySlot::kStored) != 0;
    const bool is_put = write(held);
    if (is_put) {
      sink.put(key, entry_);
    } else if (was_stored) {
      sink.remove(key);
    }
    bite.take(held.first.size() + entry_.size());
    if (held.second.marks == 0) states_.erase(states_.find(held.first));
  }
  shard.pending = {};
  shard.next = 0;
  return true;
}

void ValueSuppression::mark_all_changed() {
  shards_.clear();
  for (States::value_type& held : states_) {
    held.second.marks &= KeySlot::kStored;
    note_change(held);
  }
}

bool ValueSuppression::restore(std::string_view values, std::string_view entry) {
  const auto [place, is_new] = states_.try_emplace(std::string(values));
  if (!is_new || entry.empty()) return false;
  if (tracks_) place->second.marks = KeySlot::kStored;
  ByteReader from(entry);
  return restore_suppression(from, clause_, place->second.state);
}
}  // namespace tocsin::cep
