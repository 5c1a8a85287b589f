/// Workers without threads: parts that could be done at the same time are done one after the other,
/// in a random order, each by a random worker.
#pragma once
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "cep/base/workers.h"
#include "tests/support/random.h"

namespace tocsin::tests {
class ShuffledWorkers : public cep::Workers {
 public:
  ShuffledWorkers(std::uint32_t count, std::uint64_t seed) : count_(count), random_(seed) {}
  std::uint32_t count() const override { return count_; }
  /// The least there is, so that the smallest slice is divided.
  std::uint32_t rows_of_part_min() const override { return 1; }
  void run(std::uint32_t parts, const Work& work) override {
    REQUIRE(parts >= 1);
    if (parts > 1) ++divided_;
    std::vector<std::uint32_t> order(parts);
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t left = parts; left > 1; --left) {
      std::swap(order[left - 1], order[random_.below(left)]);
    }
    for (const std::uint32_t part : order) {
      work(part, static_cast<std::uint32_t>(random_.below(count_)));
    }
  }
  /// How often there was more than one part.
  std::size_t divided() const { return divided_; }

 private:
  std::uint32_t count_;
  Random random_;
  std::size_t divided_ = 0;
};
}  // namespace tocsin::tests
