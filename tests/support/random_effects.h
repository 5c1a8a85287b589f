/// Effects as an engine could give them: alerts in the total order, rows set aside in order of
/// arrival.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "runtime/effects/effects.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// An alert of the engine time `time_us` and the `ordinal`-th there; equal arguments give equal
/// alerts, different ones different ids.
runtime::StoredAlert effect_alert(std::int64_t time_us, std::uint32_t ordinal, bool is_live = true,
                                  std::size_t line_bytes = 60);
/// A late event or dead letter of an arrival.
runtime::SideOutputRow effect_side_output(runtime::SideOutputKind kind, std::uint64_t record,
                                          std::uint32_t index);
/// So many slices, of journal records 1, 2, …, one for each.
std::vector<runtime::SliceEffects> random_effects(Random& random, std::size_t count);
}  // namespace tocsin::tests
