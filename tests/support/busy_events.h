/// Random events of one busy key, for the plans of random_plan.h.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/plan/plan.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"

namespace tocsin::tests {
/// `count` events of random_events.h, in their order, all of one card and one device. Their times
/// are `closer` times as close to each other, so that windows of some seconds hold many of them.
std::vector<oracle::PlacedEvent> busy_events(Random& random, const cep::Plan& plan,
                                             std::size_t count, std::int64_t closer);
}  // namespace tocsin::tests
