// Who holds a table's memory. Looks only: nothing that is remembered changes.
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/engine/state_shares.h"
#include "cep/engine/table_state.h"
#include "cep/record/state_layout.h"

namespace tocsin::cep {
void TableState::add_shares(const StateTable& layout, StateShares& shares) {
  // Keys are spread over shards by their hash: some of each tell of all.
  constexpr std::uint64_t kKeysOfShard = 1'000;
  std::vector<double> parts(layout.parts.size());
  std::vector<std::uint64_t> sizes(layout.parts.size());
  double sum = 0;
  for (const auto& shard : shards_) {
    lane_.work_on(*shard);
    std::uint64_t keys = 0;
    sizes.assign(sizes.size(), 0);
    shard->keys.for_each([&](const KeySlot& slot) {
      if (slot.record == 0 || ++keys > kKeysOfShard) return;
      lane_.add_sizes(*shard, slot, sizes);
    });
    const double scale =
        keys > kKeysOfShard ? static_cast<double>(keys) / static_cast<double>(kKeysOfShard) : 1.0;
    for (std::size_t part = 0; part < parts.size(); ++part) {
      parts[part] += static_cast<double>(sizes[part]) * scale;
      sum += static_cast<double>(sizes[part]) * scale;
    }
  }
  const auto bytes = static_cast<double>(this->bytes() - matcher_.general().deferred().bytes());
  for (std::size_t part = 0; sum > 0 && part < parts.size(); ++part) {
    shares.add(layout.parts[part].is_rule, layout.parts[part].name,
               static_cast<std::uint64_t>(parts[part] / sum * bytes));
  }
}
}  // namespace tocsin::cep
