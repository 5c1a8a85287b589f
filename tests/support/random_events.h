/// Random events for the plans of random_plan.h.
#pragma once
#include <cstddef>
#include <vector>

#include "cep/plan/plan.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"

namespace tocsin::tests {
struct EventsOptions {
  std::size_t count_min = 10;
  std::size_t count_max = 60;
  std::size_t crowds = 3;  // percent of streams of many keys and eight times as many events
  bool disorder = false;   // some come up to a few seconds late
};
/// Events in arrival order. Times are whole seconds, as are all windows of random plans, so that
/// deadlines are often hit exactly; about 30 % of neighbours have equal times. Some values are
/// missing.
std::vector<oracle::Event> random_events(Random& random, const cep::Plan& plan,
                                         const EventsOptions& options = {});
}  // namespace tocsin::tests
