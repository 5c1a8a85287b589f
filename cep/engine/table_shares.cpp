// Who holds a table's memory. Looks only: nothing that is remembered changes.
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "cep/engine/state_shares.h"
#include "cep/engine/table_state.h"
#include "cep/record/state_layout.h"

namespace tocsin::cep {
namespace {
std::uint64_t sum_of(const std::vector<std::uint64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::uint64_t{0});
}
}  // namespace

void add_shares(TableState& table, const StateTable& layout, StateShares& shares) {
  // Keys are spread over shards by their hash: some of each tell of all.
  constexpr std::uint64_t kKeysOfShard = 1'000;
  const std::size_t count = layout.parts.size();
  std::vector<double> parts(count);
  double captured = 0;  // of events, which matches of all rules share
  std::vector<std::uint64_t> sizes(count);
  TableLane& lane = table.lane_;
  std::string entry;
  for (const auto& shard : table.shards_) {
    lane.work_on(*shard);
    std::uint64_t keys = 0;
    std::uint64_t events = 0;
    sizes.assign(count, 0);
    shard->keys.for_each([&](const KeySlot& slot) {
      if (slot.record == 0 || ++keys > kKeysOfShard) return;
      if (!lane.codec().write(table.store_.base(slot), shard->patterns, entry)) return;
      const std::uint64_t before = sum_of(sizes);
      lane.codec().add_sizes(sizes);
      events += entry.size() - (sum_of(sizes) - before);
    });
    const double scale =
        keys > kKeysOfShard ? static_cast<double>(keys) / static_cast<double>(kKeysOfShard) : 1.0;
    for (std::size_t part = 0; part < count; ++part) {
      parts[part] += static_cast<double>(sizes[part]) * scale;
    }
    captured += static_cast<double>(events) * scale;
  }
  double rules = 0;
  double all = 0;
  for (std::size_t part = 0; part < count; ++part) {
    if (layout.parts[part].is_rule) rules += parts[part];
    all += parts[part];
  }
  if (all == 0) return;
  if (rules > 0) all += captured;
  const auto bytes = static_cast<double>(table.bytes() - table.deferred().bytes());
  for (std::size_t part = 0; part < count; ++part) {
    const bool is_rule = layout.parts[part].is_rule;
    const double size = is_rule && rules > 0 ? parts[part] * (1 + captured / rules) : parts[part];
    shares.add(is_rule, layout.parts[part].name, static_cast<std::uint64_t>(size / all * bytes));
  }
}
}  // namespace tocsin::cep
