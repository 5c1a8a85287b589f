/// A run over what arrived before: what an intake was given then, and not what files have.
#pragma once
#include "cep/base/result.h"
#include "runtime/event_time/intake.h"
#include "runtime/event_time/run_options.h"

namespace tocsin::runtime {
/// Lines by source, with the times at which they were taken, and what a clock decided: as they came
/// then. A port. Threading: one caller at a time.
class Arrivals {
 public:
  Arrivals() = default;
  Arrivals(const Arrivals&) = delete;
  Arrivals& operator=(const Arrivals&) = delete;
  virtual ~Arrivals() = default;
  /// Gives the intake some of what comes next; false at the end. Fails where `intake` does, or
  /// where it cannot be read.
  virtual Result<bool> give(Intake& intake) = 0;
  /// How far it is: Progress::bytes_done and bytes_total, in any unit.
  virtual std::uint64_t done() const = 0;
  virtual std::uint64_t total() const = 0;
};
/// Gives all arrivals to an intake, as read_slices() does of inputs; of `options` what is about
/// reading inputs counts for nothing. `settle` as there.
Result<void> read_arrivals(const UsedEvents& used, Arrivals& arrivals, const RunOptions& options,
                           const Sinks& sinks, RunSummary& summary, const Advance& advance,
                           const Settle& settle = {});
}  // namespace tocsin::runtime
