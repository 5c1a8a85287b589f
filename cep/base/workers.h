/// The port to other threads: parts of one piece of work, done at the same time.
#pragma once
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
}  // namespace tocsin::cep
