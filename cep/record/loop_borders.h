/// Where the second of a rule's two loops may begin (cep/places/two_loops.h).
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cep/queue/range_least.h"
#include "cep/queue/ring.h"

namespace tocsin::cep {
struct LoopBorders {
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  /// By the numbers of the second loop's events: the latest event of the first loop that may be its
  /// last if the second begins there, by its number; 0 and no `worth` where there is none. Ascends.
  Ring<std::uint64_t> last_of_first;
  /// Of each: that number less the own one. The greater, the longer the two loops together.
  RangeLeast worth{true};
  /// The borders that the one behind them does not outdo with the same events (TwoLoops),
  /// ascending.
  Ring<std::uint64_t> ends;
  /// Of a step from the first loop on, up to the second: the entries looked at, and the latest
  /// event of the first loop that one of them may follow.
  struct Between {
    std::uint64_t seen = 0;
    std::uint64_t last_of_first = kNone;
  };
  std::vector<Between> between;

  std::size_t bytes() const {
    return sizeof(*this) + (last_of_first.size() + ends.size()) * sizeof(std::uint64_t) +
           worth.bytes() + between.capacity() * sizeof(Between);
  }
};
}  // namespace tocsin::cep
