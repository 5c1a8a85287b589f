/// Inputs to slices: reads the lines of several inputs in the order of merging, and gives them to
/// an intake.
#pragma once
#include <vector>

#include "cep/base/result.h"
#include "cep/plan/plan_fwd.h"
#include "runtime/event_time/intake.h"
#include "runtime/event_time/run_options.h"

namespace tocsin::runtime {
/// Reads all inputs to their end (see runtime/event_time/run.h for order, errors and what each
/// option means), calling `advance` for every slice and `sinks` for what is set aside;
/// `sinks.alert` is the caller's. Counts in `summary` all but alerts, engine and seconds.
/// `used_fields` and `used_types` as cep::Program gives them.
Result<void> read_slices(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
                         const std::vector<bool>& used_types, const std::vector<Input>& inputs,
                         const RunOptions& options, const Sinks& sinks, RunSummary& summary,
                         const Advance& advance);
/// What an intake of such a run has for options.
IntakeOptions intake_options(const cep::Plan& plan, const RunOptions& options);
}  // namespace tocsin::runtime
