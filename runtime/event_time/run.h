/// One run over bounded or endless inputs: decode, order by event time, advance the engine, hand
/// out what it gives.
#pragma once
#include <vector>

#include "cep/base/result.h"
#include "cep/engine/engine.h"
#include "runtime/event_time/run_options.h"

namespace tocsin::runtime {
/// Runs to the end of all inputs. Fails when an input cannot be opened or ends in an error
/// (truncated gzip, read error), after everything before it was processed and handed out;
/// `partial`, if given, then has the summary so far. Several inputs are merged by their contents
/// alone: always the next line of the input whose own watermark is least, ties by position.
/// Deterministic: equal inputs give the same calls in the same order. With `drift_max` and inputs
/// that somebody still writes this holds but for events of several inputs at the same time: those
/// stand in the order in which they were read.
Result<RunSummary> run(const cep::Program& program, const std::vector<Input>& inputs,
                       const RunOptions& options, const Sinks& sinks,
                       RunSummary* partial = nullptr);
}  // namespace tocsin::runtime
