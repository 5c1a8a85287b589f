/// What bounds the loop of a rule that busy keys are matched by places for (cep/places/places.h),
/// beside its counts.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/plan/expr.h"
#include "cep/value/int128.h"

namespace tocsin::cep {
/// Of one loop, which is the first or the last step: `having` asks that `sum op bound`, where the
/// sum is of the loop's events and the bound is read at the last event alone.
struct PlacesSum {
  const Expr* sum = nullptr;
  const Expr* bound = nullptr;
  Op op = Op::kGreater;
  /// Whether a larger sum fits as well; else a smaller one does.
  bool is_more() const { return op == Op::kGreater || op == Op::kGreaterEqual; }
};
/// Of a loop that is the first of at most two steps, the second reached by plain `then`: its events
/// come within a time of its first one (cep/places/reached_loop.h).
struct PlacesReach {
  /// `ts - loop.first.ts < 10m`: how much later an event may be, by the times that the events say.
  std::int64_t most_us = 0;
  const Expr* condition = nullptr;
  /// What `having` asks of the loop: of so many events at least, or different values, each.
  struct Least {
    std::uint32_t total = 0;  // of PlacesProgram::totals
    bool is_distinct = false;
    std::uint64_t least = 0;
  };
  std::vector<Least> enough;

  bool has(std::int64_t first_us, std::int64_t us) const {
    return static_cast<Int128>(us) - first_us <= most_us;
  }
};
}  // namespace tocsin::cep
