/// The engine over events in their places, cut into slices in any way.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cep/data/alert.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "cep/value/time.h"
#include "tests/support/oracle.h"

namespace tocsin::tests {
/// Budgets that no random case reaches: what they do has tests of its own.
inline constexpr cep::Limits kOutOfReach{.runs_per_key_max = 1'000'000,
                                         .matches_per_event_max = 1'000'000,
                                         .steps_per_event_max = 1'000'000'000'000,
                                         .shared_events_min = 2,
                                         .busy_key_runs = 1,
                                         .ordered_runs_min = 1};

struct Cut {
  std::size_t rows = 1;  // of a slice
  std::uint64_t hash_seed = 0;
  bool eager = false;  // between slices time moves on to the next row, not only to the last one
};
/// Alerts of the program over events in the order of place_events(); events after `end` are left
/// out, and time ends there. Each slice has a batch of its own, gone when the engine is asked
/// again.
std::vector<cep::Alert> run_engine(const cep::Program& program,
                                   const std::vector<oracle::PlacedEvent>& events,
                                   cep::EventTime end, const Cut& cut);
/// The calls of Engine::advance() that this takes.
struct EngineStep {
  std::size_t begin = 0;  // of the events
  std::size_t end = 0;
  cep::EventTime watermark;
};
std::vector<EngineStep> steps_of(const std::vector<oracle::PlacedEvent>& events, cep::EventTime end,
                                 const Cut& cut);
void take_step(const cep::Program& program, cep::Engine& engine,
               const std::vector<oracle::PlacedEvent>& events, const EngineStep& step,
               std::vector<cep::Alert>& alerts);
/// Lines of format 1.
std::vector<std::string> alert_lines(const cep::Plan& plan, const std::vector<cep::Alert>& alerts);
/// Events for people: type, time and known fields, one a line.
std::string events_text(const cep::Plan& plan, const std::vector<oracle::PlacedEvent>& events);
}  // namespace tocsin::tests
