/// Why a rule gave no alert: how far the best partial match came, and what stopped it. There is no
/// matcher here: rules derived from the one asked about (cep/plan/partial_pattern.h) run over the
/// same events in the engine itself, each without some of what the rule asks, and report as fields
/// of their alerts what its conditions are and which values they saw. So whatever is named here is
/// what the engine found. Work is bounded by the number of stages and by the engine's own limits.
#pragma once
#include <optional>
#include <vector>

#include "cep/base/result.h"
#include "cep/diagnose/near_miss_report.h"
#include "cep/diagnose/replay.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
struct NearMissQuestion {
  RuleIndex rule;
  EventTime end = kEventTimeMax;  // nothing later had happened
  std::optional<EventTime> at;    // the alert was expected then
  /// Without `at`: when alerts came that are accounted for, so that others are asked about.
  std::vector<EventTime> accounted;
  /// For each part of the rule's key the value that it was expected for, where one was.
  std::vector<std::optional<OwnedValue>> key;
};

/// Fails when a derived plan does not compile or run. The plan must be the one of the question, and
/// outlive the answer, which points into it.
Result<NearMiss> find_near_miss(const Plan& plan, const NearMissQuestion& question,
                                const Replay& replay);
}  // namespace tocsin::cep
