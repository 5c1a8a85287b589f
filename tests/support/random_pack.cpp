#include "tests/support/random_pack.h"

#include <cstdint>

#include "tests/support/plan_merge.h"
#include "tests/support/random_language.h"
#include "tests/support/random_plan.h"

namespace tocsin::tests {
cep::Limits often_exceeded(Random& random) {
  cep::Limits limits = kRarelyExceeded;
  limits.runs_per_key_max = static_cast<std::uint32_t>(random.between(2, 6));
  limits.matches_per_event_max = static_cast<std::uint32_t>(random.between(1, 3));
  limits.events_per_key_max = static_cast<std::uint32_t>(random.between(2, 12));
  limits.bytes_per_key_max = static_cast<std::uint64_t>(random.between(400, 4'000));
  limits.runs_per_group_max = static_cast<std::uint32_t>(random.between(2, 10));
  limits.bytes_per_group_max = static_cast<std::uint64_t>(random.between(1'000, 10'000));
  if (random.chance(50)) {
    limits.steps_per_event_max = static_cast<std::uint64_t>(random.between(1, 100));
  }
  limits.feature_events_per_key_max = static_cast<std::uint64_t>(random.between(1, 5));
  limits.ewma_events_per_key_max = static_cast<std::uint64_t>(random.between(1, 5));
  return limits;
}

cep::Plan random_pack(Random& random) {
  cep::Plan plan = random.chance(20)   ? random_plan(random)
                   : random.chance(40) ? random_alert_plan(random)
                                       : random_language_plan(random);
  if (!random.chance(40)) return plan;
  const auto both = merged(plan, random_language_plan(random, &plan), "other_", random.chance(50));
  return both ? *both : plan;
}
}  // namespace tocsin::tests
