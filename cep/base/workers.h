/// The port to other threads: parts of one piece of work, done at the same time.
#pragma once
#include <algorithm>
#include <cstdint>
#include <functional>

namespace tocsin::cep {
/// Threading: one caller at a time.
class Workers {
 public:
  /// Does the part `part` as the worker `worker`.
  using Work = std::function<void(std::uint32_t part, std::uint32_t worker)>;

  Workers() = default;
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  virtual ~Workers() = default;
  /// How many workers there are, the caller, who is number 0, included: 1 or more.
  virtual std::uint32_t count() const = 0;
  /// How many rows a part must have to be worth its start. A matter of speed alone.
  virtual std::uint32_t rows_of_part_min() const = 0;
  /// Says that parts will soon be run: workers that sleep may wake for them.
  virtual void expect() {}
  /// Has each part from 0 to parts - 1 done once, in any order, by any workers: a worker that is
  /// free takes the next one, and does one at a time. Returns when all are done; what they did is
  /// then seen by the caller, and by whoever does parts later. Requires that parts >= 1.
  virtual void run(std::uint32_t parts, const Work& work) = 0;
};
/// How many parts so many rows make, `of_worker` (> 0) for each worker at most: 1 or more.
/// `workers` may be null.
inline std::uint32_t parts_of(const Workers* workers, std::uint64_t rows, std::uint32_t of_worker) {
  if (workers == nullptr || workers->count() == 1) return 1;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
      rows / workers->rows_of_part_min(), 1, std::uint64_t{of_worker} * workers->count()));
}
/// Has each part done, by the caller where there is one alone; `workers` may be null then.
inline void run_parts(Workers* workers, std::uint32_t parts, const Workers::Work& work) {
  if (parts == 1) return work(0, 0);
  workers->run(parts, work);
}
/// Things next to each other, from `begin` to before `end`.
struct PartRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};
/// Those of a part, of `count` in all: parts have about as many, and begin at multiples of `step`.
inline PartRange part_range(std::uint32_t count, std::uint32_t part, std::uint32_t parts,
                            std::uint32_t step = 1) {
  const auto bound = [&](std::uint64_t of) {
    const std::uint64_t at = count * of / parts;
    return of == parts ? count : static_cast<std::uint32_t>(at - at % step);
  };
  return {bound(part), bound(std::uint64_t{part} + 1)};
}
}  // namespace tocsin::cep
