/// Numbers that look random and are the same everywhere.
#pragma once
#include <cstdint>

namespace tocsin::bench {
class Numbers {
 public:
  /// The next one, below `end`.
  std::uint64_t below(std::uint64_t end) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return (state_ >> 33) % end;
  }

 private:
  std::uint64_t state_ = 1;
};
}  // namespace tocsin::bench
