#include "cep/engine/table_state.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "cep/value/key.h"

namespace tocsin::cep {
TableState::TableState(const ProgramImpl& program, std::uint32_t table, std::uint64_t hash_seed,
                       EngineStats& stats, BudgetLog& budgets, Workers* workers)
    : program_(program),
      table_(program.tables[table]),
      seed_(hash_seed),
      stats_(stats),
      budgets_(budgets),
      shards_(program, table_, hash_seed),
      has_pass_(program.pass_count),
      touches_{.keys = SliceKeys(program, table, hash_seed, stats, workers)},
      lane_(program, table, shards_, touches_, stats, budgets),
      sweep_(program, table_, shards_, lane_),
      workers_(workers) {
  for (const OperatorProgram& op : table_.operators) has_pass_[op.pass] = true;
  const std::uint32_t lanes = workers == nullptr ? 1 : workers->count();
  for (std::uint32_t i = 1; i < lanes; ++i) {
    others_.push_back(std::make_unique<OtherLane>(program, table, shards_, touches_));
  }
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

std::uint32_t TableState::begin_run(std::uint32_t pass, Slice& slice, EventTime watermark) {
  const std::uint64_t before = measured_ ? ProfileClock::now() : 0;
  const bool is_new = resolve(pass, slice);
  if (measured_) {
    measured_->conditions_ns += ProfileClock::now() - before;
    count_predicates(slice);
  }
  work_.emplace(TablePass{pass, is_new, slice, watermark});
  divide(*work_);
  return static_cast<std::uint32_t>(ranges_.size());
}

void TableState::run(std::uint32_t pass, Slice& slice, EventTime watermark,
                     std::vector<Alert>& alerts) {
  const std::uint32_t parts = begin_run(pass, slice, watermark);
  for (std::uint32_t part = 0; part < parts; ++part) run_part(part, 0, alerts);
  end_run(alerts);
}

void TableState::run_part(std::uint32_t part, std::uint32_t worker, std::vector<Alert>& alerts) {
  if (worker == 0) {
    lane_.run(*work_, ranges_[part], alerts);
  } else {
    others_[worker - 1]->lane.run(*work_, ranges_[part], others_[worker - 1]->alerts);
  }
}

void TableState::end_run(std::vector<Alert>& alerts) {
  work_.reset();
  if (ranges_.empty()) return;
  for (const auto& other : others_) {
    std::move(other->alerts.begin(), other->alerts.end(), std::back_inserter(alerts));
    other->alerts.clear();
    stats_ += std::exchange(other->stats, {});
    budgets_.take_over(other->budgets);
    matcher_.general().deferred().take_unsettled(other->lane.matcher().general().deferred());
  }
}

// Makes parts of shards that stand next to each other, with about as much work: rows, and shards
// whose timers may be due. One part where there is little; else a few for each worker, so that none
// waits for long for another one that was held up.
void TableState::divide(const TablePass& pass) {
  constexpr std::uint32_t kRowsOfTimers = 16;
  constexpr std::uint32_t kPartsOfWorker = 4;
  ranges_.clear();
  if (others_.empty()) {
    ranges_.emplace_back();
    return;
  }
  std::array<std::uint32_t, kShardCount + 1> work_before{};
  for (std::uint32_t s = 0; s < kShardCount; ++s) {
    const bool has_due = shards_.next_due[pass.pass][s] <= pass.watermark.us;
    work_before[s + 1] = work_before[s] + touches_.keys.end_of(s) - touches_.keys.begin_of(s) +
                         (has_due ? kRowsOfTimers : 0);
  }
  const std::uint64_t all = work_before[kShardCount];
  if (all == 0) return;
  const std::uint32_t parts = parts_of(workers_, all, kPartsOfWorker);
  std::uint32_t begin = 0;
  for (std::uint32_t part = 1; part <= parts && begin < kShardCount; ++part) {
    std::uint32_t end = begin + 1;
    while (end < kShardCount && work_before[end] * std::uint64_t{parts} < all * part) ++end;
    if (part == parts) end = kShardCount;
    ranges_.push_back({begin, end});
    begin = end;
  }
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
  matcher_.general().deferred().end();
}

std::uint64_t TableState::keys() const {
  std::uint64_t sum = 0;
  for (const auto& shard : shards_) sum += shard->keys.count();
  return sum;
}
std::uint64_t TableState::budget_work() const {
  std::uint64_t sum = matcher_.budget_work();
  for (const auto& other : others_) sum += other->lane.matcher().budget_work();
  return sum;
}
std::uint64_t TableState::layout_work() const {
  std::uint64_t sum = store_.layout_work();
  for (const auto& other : others_) sum += other->lane.store().layout_work();
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
  std::size_t sum = matcher_.general().deferred().bytes();
  for (const auto& shard : shards_) {
    sum += shard->keys.bytes() + shard->windows.bytes() + shard->patterns.bytes() +
           shard->tallies.bytes();
    for (const ShardTimers& timers : shard->timers) sum += timers.bytes();
  }
  return sum;
}
}  // namespace tocsin::cep
