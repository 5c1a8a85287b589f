/// A run over events whose alerts nobody gets: what rules do with them is measured.
#pragma once
#include <string>
#include <vector>

#include "api/node/run_arguments.h"
#include "cep/engine/engine.h"
#include "runtime/event_time/run.h"

namespace tocsin::api {
/// Runs over files of events, "-" for standard input, with the settings that `tocsin run` has by
/// itself, and one thread. The summary has a profile. What was left out of the events is told on
/// standard error. Fails with kInputOutput where an input cannot be read, is neither JSON lines
/// nor CSV or has none that can be used, or a signal came.
Outcome<runtime::RunSummary> run_for_analysis(const cep::Program& program,
                                              const std::vector<std::string>& inputs);
}  // namespace tocsin::api
