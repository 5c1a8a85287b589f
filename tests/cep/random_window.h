/// Features at random, with values for them: each aggregate over each kind of window.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "cep/plan/feature.h"
#include "cep/plan/zone.h"
#include "cep/value/value.h"
#include "tests/support/random.h"

namespace tocsin::tests {
inline constexpr std::int64_t kHour = 3'600'000'000;  // in us

/// Zones that `today` may be in: "back" goes an hour back over midnight, "skips" skips a day,
/// "utc".
std::vector<cep::Zone> zones_of_windows();
/// A feature whose windows are some time units long, of `today` some days; the zone of `today` is a
/// literal or not.
cep::Feature random_window_feature(Random& random);
/// A value of the type, of few different ones; `texts` holds its text.
cep::Value random_word(Random& random, const cep::Type& type, std::deque<std::string>& texts);
/// A value to the bit.
std::string shown(const cep::Value& value);
}  // namespace tocsin::tests
