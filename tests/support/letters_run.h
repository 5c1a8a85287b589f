/// Streams of letters through the engine, for tests that look at one key.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "cep/data/alert.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"

namespace tocsin::tests {
struct LettersRun {
  std::vector<cep::Alert> alerts;
  std::vector<std::string> lines;    // of the alerts, in format 1
  std::vector<std::string> matches;  // letters_match() of the rule's own alerts
  cep::EngineStats stats;
  std::size_t bytes_per_event = 0;  // of the engine's state at most, after any slice
};
/// The letters, one a millisecond, in slices of 100.
LettersRun run_letters(const cep::Plan& plan, const std::string& letters,
                       const cep::Limits& limits);
}  // namespace tocsin::tests
