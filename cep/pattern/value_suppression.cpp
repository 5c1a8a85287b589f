#include "cep/pattern/value_suppression.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "cep/base/assert.h"
#include "cep/record/state_values.h"

namespace tocsin::cep {
namespace {
constexpr std::int64_t kAtOnce = std::numeric_limits<std::int64_t>::min();
// The most that one sweep() looks at.
constexpr std::size_t kLooksMax = 16'384;
// Expired events are dropped this many times within the life of one event.
constexpr std::int64_t kLooksOfLife = 4;
// What a set takes for each of its values.
constexpr std::size_t kTreeNodeBytes = 5 * sizeof(void*);
// Memory is given back where so little of it is used.
constexpr std::size_t kSparse = 8;
}  // namespace

// What a state takes beside its own bytes: its node's link and hash, and its bucket.
std::size_t ValueSuppression::bytes() const {
  return states_.size() * (sizeof(States::value_type) + 2 * sizeof(void*)) +
         states_.bucket_count() * sizeof(void*) + text_bytes_ + looks_.capacity() * sizeof(Look) +
         quiet_count_ * (sizeof(Quiet) + kTreeNodeBytes);
}

SuppressionState& ValueSuppression::at(const std::string& values) {
  const auto [place, is_new] = states_.try_emplace(values);
  if (is_new) text_bytes_ += values.size();
  States::value_type& held = *place;
  if (tracks_) note_change(held);
  // What becomes of it is known when the next sweep looks.
  look_at(held, kAtOnce);
  return held.second.state;
}

bool ValueSuppression::keep_quiet(const std::string& values, std::uint64_t most) {
  std::set<Quiet>& group = quiet_[key_group(values).value];
  if (group.insert(quiet_of(*states_.find(values))).second) ++quiet_count_;
  if (group.size() <= most) return false;
  for (const std::uint64_t left = most - most / 8;
       group.size() > std::max<std::uint64_t>(left, 1);) {
    end_quiet(*group.begin()->held);
  }
  return true;
}

void ValueSuppression::end_quiet(const std::string& values) {
  const auto found = states_.find(values);
  if (found != states_.end() && found->second.state.quiet) end_quiet(*found);
}

void ValueSuppression::end_quiet(States::value_type& held) {
  if (tracks_) note_change(held);
  drop_from_quiet(held);
  cep::end_quiet(held.second.state);
  look_at(held, kAtOnce);
}

void ValueSuppression::drop_from_quiet(States::value_type& held) {
  const auto group = quiet_.find(key_group(held.first).value);
  quiet_count_ -= group->second.erase(quiet_of(held));
  if (group->second.empty()) quiet_.erase(group);
}

// A state that waits for a later look is looked at then.
void ValueSuppression::look_at(States::value_type& held, std::int64_t at_us) {
  if (std::exchange(held.second.has_look, true)) return;
  looks_.push_back({at_us, &held});
  std::push_heap(looks_.begin(), looks_.end());
}

// When something of it is over next: kSuppressionOver when all is, kSuppressionStays where nothing
// is before it changes. Drops events that were taken and are over.
std::int64_t ValueSuppression::next_look(States::value_type& held, std::int64_t now_us) {
  SuppressionState& state = held.second.state;
  const auto is_over = [&](const VariableEvent& taken) {
    return life_.taken && taken.time_us + life_.taken->us <= now_us;
  };
  if (std::ranges::any_of(state.taken, is_over)) {
    if (tracks_) note_change(held);
    std::erase_if(state.taken, is_over);
  }
  const std::int64_t until = suppression_until(clause_, life_, state, now_us);
  if (state.taken.empty() || !life_.taken) return until;
  return std::min(until, now_us + life_.taken->us / kLooksOfLife + 1);
}

void ValueSuppression::erase_unless_marked(States::value_type& held) {
  if (held.second.marks != 0 || held.second.has_look) return;
  text_bytes_ -= held.first.size();
  states_.erase(states_.find(held.first));
  if (states_.empty()) {
    States().swap(states_);  // assigning {} would keep the memory
  } else if (states_.bucket_count() > 1024 && states_.size() < states_.bucket_count() / kSparse) {
    states_.rehash(2 * states_.size());
  }
}

void ValueSuppression::sweep(std::int64_t now_us) {
  for (std::size_t i = 0; i < kLooksMax && !looks_.empty() && looks_[0].at_us <= now_us; ++i) {
    std::pop_heap(looks_.begin(), looks_.end());
    States::value_type& held = *looks_.back().held;
    looks_.pop_back();
    held.second.has_look = false;
    const std::int64_t next = next_look(held, now_us);
    if (next == kSuppressionOver) {
      // What a cut has to say of it is said first; until then an empty state stays.
      if (held.second.marks != 0) note_change(held);
      held.second.state = {};
      erase_unless_marked(held);
    } else if (next != kSuppressionStays) {
      look_at(held, next);
    }
  }
  if (looks_.empty()) {
    std::vector<Look>().swap(looks_);
  } else if (looks_.capacity() > 1024 && looks_.size() < looks_.capacity() / kSparse) {
    looks_.shrink_to_fit();
  }
}

void ValueSuppression::end() {
  std::vector<Look>().swap(looks_);
  quiet_.clear();
  quiet_count_ = 0;
  for (auto entry = states_.begin(); entry != states_.end();) {
    Held& held = entry->second;
    held.has_look = false;
    if (held.marks != 0) note_change(*entry);
    held.state = {};
    if (held.marks == 0) text_bytes_ -= entry->first.size();
    entry = held.marks == 0 ? states_.erase(entry) : std::next(entry);
  }
  if (states_.empty()) States().swap(states_);
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
                                 Chunk& chunk) {
  if (shards_.empty()) return true;
  Shard& shard = shards_[shard_index];
  if (!shard.early.give(number, sink, chunk)) return false;
  for (; shard.next < shard.pending.size(); ++shard.next) {
    if (chunk.is_over()) return false;
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
    chunk.take(held.first.size() + entry_.size());
    erase_unless_marked(held);
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

bool ValueSuppression::restore(std::string_view values, std::string_view entry,
                               EventTime watermark) {
  const auto [place, is_new] = states_.try_emplace(std::string(values));
  // One that was forgotten may still wait for its look.
  if (is_new) text_bytes_ += values.size();
  if ((!is_new && !place->second.is_forgotten) || entry.empty()) return false;
  place->second.is_forgotten = false;
  if (tracks_) place->second.marks = KeySlot::kStored;
  look_at(*place, kAtOnce);
  ByteReader from(entry);
  if (!restore_suppression(from, clause_, watermark, place->second.state)) return false;
  if (place->second.state.quiet) {
    quiet_[key_group(values).value].insert(quiet_of(*place));
    ++quiet_count_;
  }
  return true;
}

void ValueSuppression::forget(std::string_view values) {
  const auto found = states_.find(std::string(values));
  if (found == states_.end()) return;
  if (found->second.state.quiet) drop_from_quiet(*found);
  found->second.state = {};
  found->second.marks = 0;
  found->second.is_forgotten = true;
}
}  // namespace tocsin::cep
