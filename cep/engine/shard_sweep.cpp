#include "cep/engine/shard_sweep.h"

#include <algorithm>
#include <utility>

namespace tocsin::cep {
namespace {
// Each group's keys are looked at this often, and before that once one in kOneIn may have died.
constexpr std::int64_t kTicksOfRound = 32;
constexpr std::uint32_t kOneIn = 16;
// In a group of fewer keys one is many: it is looked at when the first has been dead so long.
constexpr std::uint32_t kFew = 32;
constexpr std::int64_t kTicksOfFew = 4;
}  // namespace

// Rounds down, also before 1970.
std::int64_t floor_divide(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

// Gives the tick until which the key is known to be alive; kGone where nothing is left of it.
std::int64_t ShardSweep::look_at_key(TableShard& shard, std::uint64_t hash, std::int64_t now_us) {
  const std::int64_t tick = shards_.tick_of(now_us);
  std::int64_t alive_until = kGone;
  std::vector<KeySlot*> dead;
  shard.keys.for_each_of_hash(hash, [&](KeySlot& slot) {
    if (shards_.tracks && (slot.record != 0 || slot.is_stored())) {
      lane_.note_change(shard, slot);
    }
    std::int64_t expiry = Matcher::kDead;
    lane_.store().prune(slot, [&](std::byte* record, const OperatorEntry& entry) {
      const OperatorProgram& op = table_.operators[entry.op - 1];
      std::int64_t until = Matcher::kDead;
      if (op.kind == OperatorKind::kFeature) {
        until = lane_.features().expiry(program_.features[op.index], record, entry, now_us);
      } else if (op.kind == OperatorKind::kGroup) {
        until = lane_.features().shared().expiry(program_.feature_groups[op.index], record, entry,
                                                 now_us);
      } else if (op.kind == OperatorKind::kRing) {
        return lane_.features().shared().is_ring_dead(program_.shared_rings[op.index]);
      } else if (op.kind == OperatorKind::kStrict) {
        until = lane_.matcher().strict().expiry(program_.strict_groups[op.index], record,
                                                entry.state, now_us);
      } else {
        const RuleProgram& rule = program_.rules[op.index];
        until = rule.method == Method::kGeneral
                    ? lane_.matcher().general().expiry(rule, shard.patterns, record, entry.state,
                                                       now_us)
                    : lane_.matcher().expiry(rule, shard.patterns, record, entry.state, now_us);
      }
      expiry = std::max(expiry, until);
      return until == Matcher::kDead;
    });
    if (slot.record == 0) {
      // What a store has of it is removed by the next cut; until then the slot stays.
      if (!slot.is_stored()) dead.push_back(&slot);
    } else {
      // Left alone until then, but for a full turn.
      const std::int64_t last = expiry < now_us + shards_.tick_us() * kTicksOfLongest
                                    ? shards_.tick_of(expiry) + 1
                                    : tick + kTicksOfLongest;
      alive_until = std::clamp(last, tick + 1, tick + kTicksOfLongest);
      slot.touched = kept_tick(alive_until - kTicksOfLongest) & (KeySlot::kTicks - 1);
    }
  });
  // Erasing moves slots, so that of several with one hash only one goes now.
  if (!dead.empty()) shard.keys.erase(dead.front());
  return alive_until;
}

void ShardSweep::groups(TableShard& shard, std::uint32_t begin, std::uint32_t end,
                        std::int64_t now_us) {
  look_at_groups(shard, begin, end, now_us);
  if (shard.keys.count() != 0) return;
  // The credits of a shard without keys are whole, which is what absent ones are.
  shard.credits = {};
  for (ShardTimers& timers : shard.timers) timers.let_go_if_empty();
}

// Those of some groups of a shard that are due. When a group is due depends on its records and time
// alone: engines that keep the same state sweep it alike, whatever a store has of it.
void ShardSweep::look_at_groups(TableShard& shard, std::uint32_t begin, std::uint32_t end,
                                std::int64_t now_us) {
  const std::int64_t tick = shards_.tick_of(now_us);
  if (tick != std::exchange(shard.tidied, tick)) shard.keys.begin_moves();
  if (shard.next_sweep > tick && !shard.keys.has_to_move()) return;
  const std::int64_t round = floor_divide(tick, kTicksOfRound);
  bool any = false;
  bool any_keys = false;
  std::int64_t next = INT64_MAX;
  for (std::uint32_t group = begin; group < end; ++group) {
    GroupSweep& sweep = shard.sweeps[group];
    if (sweep.next_tick <= tick) {
      any = true;
      const bool is_new_round = std::exchange(sweep.round, round) != round;
      sweep.next_tick = (round + 1) * kTicksOfRound;
      if (!shard.keys.slots_of_group(group).empty()) {
        sweep.next_tick =
            std::min(sweep.next_tick, sweep_group(shard, group, now_us, is_new_round));
        any_keys = true;
      }
    }
    next = std::min(next, sweep.next_tick);
    if (shard.keys.has_to_move()) shard.keys.move(group, &RecordStore::words_of);
  }
  if (any_keys) shard.windows.compact_if_sparse();
  if (!any) return;
  const bool is_all = end - begin == kGroupsOfShard;
  shard.next_sweep =
      is_all ? next : std::ranges::min(shard.sweeps, {}, &GroupSweep::next_tick).next_tick;
}

// Gives the tick in which many of the group's keys may have died.
//
// A key that was touched recently is alive, as its slot shows, and its record is left alone. In
// each round one in eight is still visited, to drop the dead state of a live record. The slots
// alone say which records are to be looked at, and those are fetched together.
std::int64_t ShardSweep::sweep_group(TableShard& shard, std::uint32_t group, std::int64_t now_us,
                                     bool is_new_round) {
  const std::int64_t tick = shards_.tick_of(now_us);
  const auto round = static_cast<std::uint64_t>(floor_divide(tick, kTicksOfRound));
  std::int64_t first_dead = tick + kTicksOfLongest;
  // Else they are few anyway.
  const bool counts = shard.keys.slots_of_group(group).size() >= kFew;
  if (counts) dying_.fill(0);
  std::uint32_t keys = 0;
  const auto is_alive_until = [&](std::int64_t until) {
    ++keys;
    if (counts) ++dying_[static_cast<std::size_t>(until - tick)];
    first_dead = std::min(first_dead, until);
  };
  keys_.clear();
  shard.keys.for_each_of_group(group, [&](const KeySlot& slot) {
    const std::uint16_t age = kept_tick(tick - slot.touched);
    const bool is_its_turn = is_new_round && ((slot.hash >> 40 ^ round) & 7) == 0;
    if (age < kTicksOfLongest && !is_its_turn) {
      if (slot.record != 0) is_alive_until(tick + kTicksOfLongest - age);
      return;
    }
    keys_.push_back(slot.hash);
    if (slot.record != 0) lane_.store().prefetch(shard.keys.arena().at(slot.record));
  });
  if (!keys_.empty()) {
    lane_.work_on(shard);
    for (const std::uint64_t hash : keys_) {
      if (const std::int64_t until = look_at_key(shard, hash, now_us); until != kGone) {
        is_alive_until(until);
      }
    }
    shard.keys.fit(group);
  }
  if (keys < kFew) return first_dead + kTicksOfFew;
  std::int64_t next = first_dead;
  const std::uint32_t many = keys / kOneIn;
  for (std::uint32_t dead = 0; next < tick + kTicksOfLongest; ++next) {
    dead += dying_[static_cast<std::size_t>(next - tick)];
    if (dead > many) break;
  }
  return next;
}
}  // namespace tocsin::cep
