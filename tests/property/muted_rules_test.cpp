// Rules that were muted for a time (Engine::mute_from()) raise nothing then, and afterwards what
// they would have raised; what others raise is the same.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "cep/data/alert_format.h"
#include "cep/engine/engine.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/engine_run.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"

namespace tocsin::tests {
TEST_CASE("muted rules: what is remembered goes on, and nothing else changes") {
  std::size_t muted_alerts = 0, later_alerts = 0;
  for_all_seeds("MUTED_RULES", 300, [&](Random& random) {
    const cep::Plan plan = random_language_plan(random);
    const std::vector<oracle::PlacedEvent> events = oracle::place_events(
        plan, random_events(random, plan, {.count_min = 5, .count_max = 60, .crowds = 0}), {});
    const Result<cep::Program> program =
        cep::compile(std::make_shared<const cep::Plan>(plan), kOutOfReach);
    const bool has_alert_types = std::ranges::any_of(plan.event_types, &cep::EventType::is_alert);
    if (!program || has_alert_types || plan.rules.empty()) return;  // or alerts are events

    const Cut cut{1 + random.below(6), random.next(), random.chance(50)};
    const std::vector<EngineStep> steps = steps_of(events, cep::kEventTimeMax, cut);
    const cep::RuleIndex first(random.below(plan.rules.size()));
    const std::size_t begin = random.below(steps.size());
    const std::size_t end = begin + random.below(steps.size() - begin + 1);
    cep::Engine whole(*program, cut.hash_seed), muted(*program, cut.hash_seed);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const bool is_muted = begin <= i && i < end;
      std::vector<cep::Alert> wanted, raised;
      take_step(*program, whole, events, steps[i], wanted);
      muted.mute_from(is_muted ? std::optional(first) : std::nullopt);
      take_step(*program, muted, events, steps[i], raised);
      const std::size_t all = wanted.size();
      if (is_muted) std::erase_if(wanted, [&](const cep::Alert& a) { return a.rule >= first; });
      muted_alerts += all - wanted.size();
      if (i >= end) later_alerts += all;
      CAPTURE(cep::describe(plan));
      CAPTURE(events_text(plan, events));
      CHECK(alert_lines(plan, raised) == alert_lines(plan, wanted));
    }
  });
  MESSAGE(muted_alerts << " alerts were muted, and " << later_alerts << " came after them");
}
}  // namespace tocsin::tests
