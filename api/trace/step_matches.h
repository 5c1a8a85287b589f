/// How many partial matches of a rule stand at each of its steps, over all keys: a walk through the
/// engine's keys (cep/engine/key_scan.h), which goes on between slices of events.
///
/// Invariants: it examines a bounded number of keys, takes a bounded time, and of each key lists a
/// bounded number of matches; what it did not count it says.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "api/trace/near_keys.h"

namespace tocsin::api {
struct StepMatchesRequest {
  std::string rule;  // name or id
  std::uint64_t examined_max = 0;
  std::chrono::milliseconds time_max{};
};
struct StepMatches {
  std::string rule;                    // its id
  cep::EventTime at;                   // the engine's watermark at the end
  std::vector<std::uint64_t> by_step;  // partial matches by the step of their last event
  std::uint64_t complete = 0;          // that wait for their time
  std::uint64_t uncounted = 0;  // further ones of busy keys, of which the step was not sought
  std::uint64_t keys = 0;       // that have any
  std::uint64_t examined = 0;   // keys that were looked at
  NearKeysLimit limit = {};     // that ended it; kNone: all keys were examined
};
/// Errors in the result: kNotFound for a rule that does not run, kConflict where the rules changed
/// meanwhile.
Served<Result<StepMatches>> step_matches(const StepMatchesRequest& request, const EngineWork& work);
std::string step_matches_json(const StepMatches& found);
}  // namespace tocsin::api
