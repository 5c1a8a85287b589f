/// What budgets count of a partial match (cep/record/budget.h).
#pragma once
#include <cstdint>

#include "cep/data/batch.h"
#include "cep/record/key_record.h"

namespace tocsin::cep {
inline constexpr std::uint64_t kPartialMatchBytes = 32;
inline constexpr std::uint64_t kPlaceBytes = 16;
inline constexpr std::uint64_t kEventBytes = 24;

/// No event counts more, so that a bound on what one may add is known.
inline constexpr std::uint64_t kEventBytesMax = std::uint64_t{2} << 20;

/// What is taken of budgets, or may be.
struct BudgetShare {
  std::uint64_t bytes = 0;
  std::uint64_t events = 0;
};
/// The bytes that the rule counts for an event: the current one, and a captured one.
std::uint64_t budget_bytes(const Plan& plan, const Rule& rule, const Batch& batch, const Row& row);
std::uint64_t budget_bytes(const Plan& plan, const Rule& rule, const CaptureLayout& layout,
                           const KeptEvent& event);
}  // namespace tocsin::cep
