#include "tests/support/letters_run.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cep/compile/program.h"
#include "cep/plan/rule.h"
#include "tests/support/engine_run.h"
#include "tests/support/letters.h"

namespace tocsin::tests {
LettersRun run_letters(const cep::Plan& plan, const std::string& letters,
                       const cep::Limits& limits) {
  const auto program = cep::compile(std::make_shared<const cep::Plan>(plan), limits);
  REQUIRE(program.has_value());
  std::string text;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    text += fmt::format("{}{}{}", i > 0 ? " " : "", letters[i], i + 1);
  }
  const std::vector<oracle::PlacedEvent> events =
      oracle::place_events(plan, letters_events(text), {});
  cep::Engine engine(*program, 1);
  LettersRun run;
  for (const EngineStep& step : steps_of(events, cep::kEventTimeMax, {100, 1, false})) {
    take_step(*program, engine, events, step, run.alerts);
    if (step.end > 1'000) {
      run.bytes_per_event = std::max(run.bytes_per_event, engine.stats().state_bytes / step.end);
    }
  }
  run.stats = engine.stats();
  run.lines = alert_lines(plan, run.alerts);
  for (const cep::Alert& alert : run.alerts) {
    if (!alert.budget) run.matches.push_back(letters_match(plan.rules[0], alert));
  }
  return run;
}
}  // namespace tocsin::tests
