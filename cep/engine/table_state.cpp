#include "cep/engine/table_state.h"

#include <algorithm>

#include "cep/value/key.h"

namespace tocsin::cep {
TableState::TableState(const ProgramImpl& program, std::uint32_t table, std::uint64_t hash_seed,
                       EngineStats& stats, BudgetLog& budgets)
    : program_(program),
      table_(program.tables[table]),
      seed_(hash_seed),
      stats_(stats),
      shards_(program, table_, hash_seed),
      has_pass_(program.pass_count),
      touches_{.keys = SliceKeys(program, table, hash_seed, stats)},
      lane_(program, table, shards_, touches_, stats, budgets) {
  for (const OperatorProgram& op : table_.operators) has_pass_[op.pass] = true;
}

// Whether the slice's rows are others than in the pass before.
bool TableState::resolve(std::uint32_t pass, Slice& slice) {
  if (!touches_.keys.resolve(pass, slice)) return false;
  touches_.slots.resize(touches_.keys.size());
  touches_.record_hints.resize(touches_.keys.size());
  if (touches_.keys.size() > 0) {
    const EventTime latest = slice.batch().rows.back().engine_time;
    touches_.tick = kept_tick(shards_.tick_of(latest.us));
  }
  return true;
}

void TableState::run(std::uint32_t pass, Slice& slice, EventTime watermark,
                     std::vector<Alert>& alerts) {
  const bool is_new = resolve(pass, slice);
  lane_.run({pass, is_new, slice, watermark}, {}, alerts);
}

std::int64_t TableState::next_due_us() const {
  std::int64_t due = ShardTimers::kNone;
  for (std::uint32_t pass = 0; pass < shards_.next_due.size(); ++pass) {
    if (!shards_.has_timers(pass)) continue;
    due = std::min(due, *std::ranges::min_element(shards_.next_due[pass]));
  }
  return due;
}

void TableState::end() {
  for (const auto& shard : shards_) {
    const std::vector<std::string> stored =
        shards_.tracks ? keys_to_remove(*shard) : std::vector<std::string>();
    shard->keys.clear();
    shard->windows.clear();
    shard->patterns = PatternPool{};
    for (const std::string& key : stored) {
      KeySlot& slot = *shard->keys.insert(hash_key(key, seed_), key);
      slot.marks = KeySlot::kStored;
      lane_.note_change(*shard, slot);
    }
  }
  matcher_.general().end();
}

std::uint64_t TableState::keys() const {
  std::uint64_t sum = 0;
  for (const auto& shard : shards_) sum += shard->keys.count();
  return sum;
}
std::uint64_t TableState::timers() const {
  std::uint64_t sum = 0;
  for (const auto& shard : shards_) {
    for (const ShardTimers& timers : shard->timers) sum += timers.size();
  }
  return sum;
}
std::size_t TableState::bytes() const {
  std::size_t sum = matcher_.general().bytes();
  for (const auto& shard : shards_) {
    sum += shard->keys.bytes() + shard->windows.bytes() + shard->patterns.bytes() +
           shard->tallies.bytes();
    for (const ShardTimers& timers : shard->timers) sum += timers.bytes();
  }
  return sum;
}
}  // namespace tocsin::cep
