/// A run of the slice loop over texts, and all that it gave, for tests.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/value/time.h"
#include "runtime/event_time/slice_loop.h"
#include "tests/runtime/event_plan.h"

namespace tocsin::tests {
/// All that a run of the loop gave, as text.
struct LoopOutcome {
  std::vector<std::string> rows;  // "engine time/ts/arrival TYPE fields #equal number"
  std::vector<std::string> late;  // "input:line ts by lateness text"
  std::vector<std::string> dead;  // "input:line reason"
  std::vector<cep::EventTime> watermarks;
  std::vector<std::size_t> slices;  // rows of each
  runtime::RunSummary summary;
  std::string error;
};
LoopOutcome run_loop(const std::vector<runtime::Input>& inputs, const runtime::RunOptions& options,
                     const cep::Plan& plan = event_plan());
/// An input of these lines.
runtime::Input in_memory(std::string name, std::string contents);
/// A line of JSON with an event of event_plan().
std::string login(std::int64_t ts, const std::string& user);
/// Each with a line end.
std::string lines(const std::vector<std::string>& all);
}  // namespace tocsin::tests
