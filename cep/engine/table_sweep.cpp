// Expiry: dead state is removed from a table's keys, one group of keys at a time.
#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "cep/engine/table_state.h"

namespace tocsin::cep {
namespace {
// Tallies that were not used for so long go.
constexpr std::int64_t kTicksOfTallies = 4;
}  // namespace

void TableState::sweep(EventTime watermark, std::size_t rows) {
  matcher_.general().deferred().sweep_values(watermark.us);
  const std::int64_t tallies_tick = floor_divide(shards_.tick_of(watermark.us), kTicksOfTallies);
  if (tallies_tick != std::exchange(tallies_swept_, tallies_tick)) {
    for (const auto& shard : shards_) shard->tallies.sweep();
  }
  const std::int64_t group_us = std::max<std::int64_t>(shards_.tick_us() / kKeyGroupCount, 1);
  const std::int64_t to = floor_divide(watermark.us, group_us);
  if (to <= swept_to_) return;
  // The first time, and where time jumps: no group twice.
  const std::int64_t from = swept_to_ == INT64_MIN ? to : std::max(swept_to_, to - kKeyGroupCount);
  swept_to_ = to;
  due_groups_.clear();
  if (from == to) return;
  for (std::int64_t next = from + 1; next <= to;) {
    const auto group =
        static_cast<std::uint32_t>(next - floor_divide(next, kKeyGroupCount) * kKeyGroupCount);
    const std::uint32_t begin = group % kGroupsOfShard;
    const auto end =
        static_cast<std::uint32_t>(std::min<std::int64_t>(kGroupsOfShard, begin + (to - next) + 1));
    due_groups_.push_back({group / kGroupsOfShard, begin, end});
    next += end - begin;
  }
  sweep_due(watermark.us, rows);
}

// A round may begin and end in one shard, which is then there twice.
void TableState::sweep_due(std::int64_t now_us, std::size_t rows) {
  const auto sweep = [&](const DueGroups& due, ShardSweep& by) {
    by.groups(shards_[due.shard], due.begin, due.end, now_us);
  };
  const bool is_twice =
      due_groups_.size() > 1 && due_groups_.front().shard == due_groups_.back().shard;
  const auto count = static_cast<std::uint32_t>(due_groups_.size() - (is_twice ? 1 : 0));
  const std::uint32_t parts = std::min(count, parts_of(workers_, rows, kSweepsOfWorker));
  run_parts(workers_, parts, [&](std::uint32_t part, std::uint32_t worker) {
    const PartRange range = part_range(count, part, parts);
    for (std::uint32_t i = range.begin; i < range.end; ++i) {
      sweep(due_groups_[i], worker == 0 ? sweep_ : others_[worker - 1]->sweep);
    }
  });
  if (is_twice) sweep(due_groups_.back(), sweep_);
  if (parts == 1) return;
  for (const auto& other : others_) {
    TOCSIN_ASSERT(other->alerts.empty(), "what is dead raises nothing");
    stats_ += std::exchange(other->stats, {});
  }
}
}  // namespace tocsin::cep
