// Expiry: dead state is removed from a table's keys, one group of keys at a time.
#include <algorithm>
#include <utility>

#include "cep/engine/table_state.h"

namespace tocsin::cep {
namespace {
constexpr std::int64_t kTicksOfRound = 4;  // of sweep()

// Rounds down, also before 1970.
std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }
}  // namespace

void TableState::look_at_key(Shard& shard, std::uint64_t hash, std::int64_t now_us) {
  std::vector<KeySlot*> dead;
  shard.keys.for_each_of_hash(hash, [&](KeySlot& slot) {
    if (shards_.tracks && (slot.record != 0 || slot.is_stored())) {
      lane_.note_change(shard, slot);
    }
    std::int64_t expiry = Matcher::kDead;
    store_.prune(slot, [&](std::byte* record, const OperatorEntry& entry) {
      const OperatorProgram& op = table_.operators[entry.op - 1];
      std::int64_t until = Matcher::kDead;
      if (op.kind == OperatorKind::kFeature) {
        until = feature_store_.expiry(program_.features[op.index], record, entry, now_us);
      } else if (op.kind == OperatorKind::kGroup) {
        until = feature_store_.shared().expiry(program_.feature_groups[op.index], record, entry,
                                               now_us);
      } else if (op.kind == OperatorKind::kRing) {
        return feature_store_.shared().is_ring_dead(program_.shared_rings[op.index]);
      } else if (op.kind == OperatorKind::kStrict) {
        until =
            matcher_.strict().expiry(program_.strict_groups[op.index], record, entry.state, now_us);
      } else {
        const RuleProgram& rule = program_.rules[op.index];
        until = rule.method == Method::kGeneral
                    ? matcher_.general().expiry(rule, shard.patterns, record, entry.state, now_us)
                    : matcher_.expiry(rule, shard.patterns, record, entry.state, now_us);
      }
      expiry = std::max(expiry, until);
      return until == Matcher::kDead;
    });
    if (slot.record == 0) {
      // What a store has of it is removed by the next cut; until then the slot stays.
      if (!slot.is_stored()) dead.push_back(&slot);
    } else {
      // Left alone until then, but for a full turn.
      const std::int64_t tick = shards_.tick_of(now_us);
      const std::int64_t last = expiry < now_us + shards_.tick_us() * kTicksOfLongest
                                    ? shards_.tick_of(expiry)
                                    : tick + kTicksOfLongest;
      slot.touched = kept_tick(std::min(last - kTicksOfLongest + 1, tick)) & (KeySlot::kTicks - 1);
    }
  });
  // Erasing moves slots, so that of several with one hash only one goes now.
  if (!dead.empty()) shard.keys.erase(dead.front());
}

// A key that was touched recently is alive, as its slot shows, and its record is left alone. One
// round in sixteen still visits it, to drop the dead state of a live record.
bool TableState::is_left_alone(const KeySlot& slot, std::int64_t tick, std::int64_t round) {
  const std::uint16_t age = kept_tick(tick - slot.touched);
  const bool is_full_turn = ((slot.hash >> 40 ^ static_cast<std::uint64_t>(round)) & 15) == 0;
  return age < kTicksOfLongest && !is_full_turn;
}

void TableState::sweep(EventTime watermark) {
  matcher_.general().deferred().sweep_values(watermark.us);
  const std::int64_t tick = shards_.tick_of(watermark.us);
  if (tick != std::exchange(tallies_swept_, tick)) {
    for (const auto& shard : shards_) shard->tallies.sweep();
  }
  const std::int64_t group_us =
      std::max<std::int64_t>(shards_.tick_us() * kTicksOfRound / kKeyGroupCount, 1);
  const std::int64_t to = floor_divide(watermark.us, group_us);
  if (to <= swept_to_) return;
  // The first time, and where time jumps: no group twice.
  const std::int64_t from = swept_to_ == INT64_MIN ? to : std::max(swept_to_, to - kKeyGroupCount);
  swept_to_ = to;
  for (std::int64_t next = from + 1; next <= to;) {
    const std::int64_t round = floor_divide(next, kKeyGroupCount);
    const auto group = static_cast<std::uint32_t>(next - round * kKeyGroupCount);
    const std::uint32_t shard = group / kGroupsOfShard;
    const std::uint32_t begin = group % kGroupsOfShard;
    const auto end =
        static_cast<std::uint32_t>(std::min<std::int64_t>(kGroupsOfShard, begin + (to - next) + 1));
    if (shards_[shard].keys.count() > 0) {
      sweep_groups(shard, begin, end, watermark.us, round);
    }
    if (shards_[shard].keys.count() == 0) {
      // The credits of a shard without keys are whole, which is what absent ones are.
      shards_[shard].credits = {};
      for (ShardTimers& timers : shards_[shard].timers) timers.let_go_if_empty();
    }
    next += end - begin;
  }
}

// Goes through some groups of a shard: the slots alone say which records are to be looked at, and
// those are fetched together.
void TableState::sweep_groups(std::uint32_t shard_index, std::uint32_t begin, std::uint32_t end,
                              std::int64_t now_us, std::int64_t round) {
  Shard& shard = shards_[shard_index];
  const std::int64_t tick = shards_.tick_of(now_us);
  sweep_keys_.clear();
  for (std::uint32_t group = begin; group < end; ++group) {
    shard.keys.for_each_of_group(group, [&](const KeySlot& slot) {
      if (is_left_alone(slot, tick, round)) return;
      sweep_keys_.push_back(slot.hash);
      if (slot.record != 0) store_.prefetch(shard.keys.arena().at(slot.record));
    });
  }
  if (sweep_keys_.empty()) return;
  lane_.work_on(shard);
  for (const std::uint64_t hash : sweep_keys_) look_at_key(shard, hash, now_us);
  shard.keys.compact_if_sparse(&RecordStore::words_of);
  shard.windows.compact_if_sparse();
}
}  // namespace tocsin::cep
