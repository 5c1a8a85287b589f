/// Inputs to slices: reads lines, decodes them, puts them in the order of engine time, and gives
/// them out in slices.
#pragma once
#include <functional>
#include <vector>

#include "cep/base/result.h"
#include "cep/batch.h"
#include "cep/plan.h"
#include "cep/time.h"
#include "runtime/run.h"

namespace tocsin::runtime {
/// Takes one slice: its rows in order, then time moves to `watermark`, at or after the last row.
/// Rows of later slices stand at or after it. An error ends the loop.
using Advance = std::function<Result<void>(cep::Batch& slice, cep::EventTime watermark)>;

/// Reads all inputs to their end (see runtime/run.h for order, errors and what each option means),
/// calling `advance` for every slice and `sinks` for what is set aside; `sinks.alert` is the
/// caller's. Counts in `summary` all but alerts, engine and seconds. `used_fields` and `used_types`
/// as cep::Program gives them.
Result<void> read_slices(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
                         const std::vector<bool>& used_types, const std::vector<Input>& inputs,
                         const RunOptions& options, const Sinks& sinks, RunSummary& summary,
                         const Advance& advance);
}  // namespace tocsin::runtime
