/// One run over bounded or endless inputs: decode, order by event time, advance the engine, hand
/// out what it gives.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "cep/base/result.h"
#include "cep/data/alert.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan_fwd.h"
#include "runtime/event_time/arrivals.h"
#include "runtime/event_time/run_options.h"

namespace tocsin::runtime {
/// One of several programs that run over the same events, and who is given its alerts.
struct ProgramRun {
  const cep::Program* program = nullptr;
  std::function<Result<void>(const cep::Alert&)> alert;  // as Sinks::alert; may be empty
  /// RunSummary::profile is wanted, exact for the first 16 slices, and for all others estimated
  /// from one slice in so many, which costs little. 0: what RunOptions::profiles says.
  std::uint64_t profiled_once_in = 0;
  std::function<void(std::span<const cep::Alert>)> upcoming = {};  // as Sinks::upcoming
};
/// Whether events can be read for both at once: they declare the same event types in the same
/// order. Computed fields, lists, features and rules may differ.
bool reads_alike(const cep::Plan& a, const cep::Plan& b);

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
/// The same for several programs, each two of which are read alike, over one reading of the inputs.
/// Each gives what run() would give of it; `sinks.alert` is not called. The summaries are parallel
/// to `programs` (one or more). What they say of lines and events is of the reading, so that
/// `fields_missing` counts the fields that any program reads. An error from any `alert` ends the
/// run.
Result<std::vector<RunSummary>> run_together(std::span<const ProgramRun> programs,
                                             const std::vector<Input>& inputs,
                                             const RunOptions& options, const Sinks& sinks,
                                             std::vector<RunSummary>* partial = nullptr);
/// The same over what arrived before; each program gives what it would have given then, had it run
/// from the first arrival on.
Result<std::vector<RunSummary>> run_together(std::span<const ProgramRun> programs,
                                             Arrivals& arrivals, const RunOptions& options,
                                             const Sinks& sinks);
}  // namespace tocsin::runtime
