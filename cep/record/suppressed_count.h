/// How long the count of matches that were suppressed is kept: kSuppressedKept beyond the time from
/// which on nothing was suppressed any more; where the state does not say that time (`once per
/// VARIABLE`, `once while`, and `at most` where values are told apart), beyond the last match that
/// was suppressed. Then the next alert counts from 0, and a key that remembers nothing else is
/// dead.
#pragma once
#include <algorithm>
#include <cstdint>
#include <utility>

#include "cep/plan/suppression_spec.h"
#include "cep/record/suppression_state.h"
#include "cep/value/time.h"

namespace tocsin::cep {
inline constexpr Duration kSuppressedKept{std::int64_t{30} * 24 * 3600 * 1'000'000};

/// Whether the count ends by the last match that was suppressed, which its state then keeps.
bool ends_by_last_held(const Suppression& suppression);
/// When the count is forgotten; kSuppressionOver where nothing says when a match was suppressed.
std::int64_t suppressed_until(const OnceState& state, Duration duration);
std::int64_t suppressed_until(const Suppression& suppression, const SuppressionState& state);

/// Counts a suppressed match. If the count had expired, it starts again.
void note_suppressed(const Suppression& suppression, SuppressionState& state, std::int64_t time_us);

/// Takes the count for an alert at `time_us`, before that is noted; `until`: suppressed_until().
inline std::uint64_t take_suppressed(OnceState& state, std::int64_t until, std::int64_t time_us) {
  const std::uint64_t count = std::exchange(state.held_back, 0);
  return until > time_us ? count : 0;
}
/// The same; what partial matches were lost ends with the count.
std::uint64_t take_suppressed(const Suppression& suppression, SuppressionState& state,
                              std::int64_t time_us);
}  // namespace tocsin::cep
