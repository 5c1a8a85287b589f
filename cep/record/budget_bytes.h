/// What budgets count of a partial match (cep/record/budget.h).
#pragma once
#include <cstdint>

namespace tocsin::cep {
inline constexpr std::uint64_t kPartialMatchBytes = 32;
inline constexpr std::uint64_t kPlaceBytes = 16;
inline constexpr std::uint64_t kEventBytes = 24;

/// No event counts more, so that a bound on what one may add is known.
inline constexpr std::uint64_t kEventBytesMax = std::uint64_t{2} << 20;
}  // namespace tocsin::cep
