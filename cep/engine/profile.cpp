#include "cep/engine/profile.h"

#include <algorithm>

namespace tocsin::cep {
std::uint64_t ProfileClock::cost() {
  static const std::uint64_t kLeast = [] {
    std::uint64_t shortest = UINT64_MAX;
    for (int i = 0; i < 100; ++i) {
      const std::uint64_t before = now();
      shortest = std::min(shortest, now() - before);
    }
    return shortest;
  }();
  return kLeast;
}

std::uint64_t OperatorProfile::Cost::ns() const {
  if (timed_runs == 0) return 0;
  return static_cast<std::uint64_t>(static_cast<double>(timed_ns) *
                                    static_cast<double>(runs + waits) /
                                    static_cast<double>(timed_runs));
}

void OperatorProfile::measure(Cost& cost) {
  const std::uint64_t now = ProfileClock::now();
  const std::uint64_t took = now - since_;
  cost.timed_ns += took - std::min(took, ProfileClock::cost());
  ++cost.timed_runs;
  since_ = now;
}
}  // namespace tocsin::cep
