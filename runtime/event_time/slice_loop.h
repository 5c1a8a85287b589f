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
/// `used_fields` and `used_types` as cep::Program gives them. With `settle` slices stay
/// (IntakeOptions::slices_stay): it is called before an input is waited for and at the end.
Result<void> read_slices(const cep::Plan& plan, const std::vector<std::vector<bool>>& used_fields,
                         const std::vector<bool>& used_types, const std::vector<Input>& inputs,
                         const RunOptions& options, const Sinks& sinks, RunSummary& summary,
                         const Advance& advance, const Settle& settle = {});
/// Sees to it that nothing is under way of slices that stay when what they borrow from is
/// destroyed, also where the work ends by an exception. What `settle` (may be empty) fails with
/// then is of no account.
class SettleAtEnd {
 public:
  explicit SettleAtEnd(const Settle& settle) : settle_(settle) {}
  ~SettleAtEnd();
  SettleAtEnd(const SettleAtEnd&) = delete;
  SettleAtEnd& operator=(const SettleAtEnd&) = delete;

 private:
  const Settle& settle_;
};
/// What an intake of such a run has for options.
IntakeOptions intake_options(const cep::Plan& plan, const RunOptions& options,
                             bool slices_stay = false);
}  // namespace tocsin::runtime
