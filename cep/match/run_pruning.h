/// Pruning: under the default selection and `skip past last` an event gives at most one alert, that
/// of the first match in order. A run can never give it while another of the same first event,
/// which comes before it in that order, stands where it stands, can do all that it can, and differs
/// from it in no event that anything later reads (StepProgram::live_step). Such a run is dropped.
/// Without `within` and with nothing read, the same holds between different first events: the older
/// comes first and never expires (but for `skip past last` at deadlines, which may drop the older
/// one alone).
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "cep/match/current_runs.h"

namespace tocsin::cep {
/// Invariant: pruning never changes an alert, but for what the steps of the event do not suffice
/// for.
class RunPruning {
 public:
  /// Prunes `drafts`, which are of the current rule, key and event.
  RunPruning(CurrentRuns& current, std::vector<Draft>& drafts)
      : current_(current), drafts_(drafts) {}
  /// Drops the drafts that others stand in for. Gives how many of the oldest it has dropped because
  /// the steps did not suffice to compare them.
  std::size_t prune();

 private:
  bool may_dominate() const;
  bool dominates(const Draft& a, const Draft& b);
  void prune_group(std::size_t begin, std::size_t end);
  void prune_among(std::span<const std::uint32_t> drafts);

  CurrentRuns& current_;
  std::vector<Draft>& drafts_;
  std::vector<std::uint32_t> group_order_;
  std::vector<std::uint32_t> fresh_;
  std::vector<std::uint8_t> dominated_;
};
}  // namespace tocsin::cep
