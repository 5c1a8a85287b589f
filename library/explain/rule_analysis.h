/// What one rule did with the events of a run or of a server, as measured.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cep/engine/key_report.h"
#include "cep/engine/profile.h"
#include "cep/plan/plan_fwd.h"
#include "rules/explain/explain.h"

namespace tocsin::library {
/// What was measured of all rules. Spans are by RuleIndex.
struct MeasuredRules {
  const cep::EngineProfile& profile;
  std::span<const std::uint64_t> alerts;    // empty: not counted
  std::span<const cep::RuleTotals> totals;  // empty: not counted
};
struct RuleAnalysis {
  /// A step of the pattern, by the name of its events or their kinds, and the share of events at
  /// which its conditions on one event hold.
  struct Step {
    std::string name;
    double share = 0;
  };
  std::uint64_t events = 0;  // given to the engine
  std::uint64_t asked = 0;   // events at which the rule had to be looked at
  std::uint64_t ns = 0;      // what that took, and deadlines
  double share = 0;          // of the time of matching
  std::optional<std::uint64_t> alerts;
  std::optional<cep::RuleTotals> totals;  // when the inputs ended
  std::vector<Step> steps;                // empty where no event was counted

  /// The step that most events fit; null where there is none.
  const Step* widest_step() const;
  /// The share of events at which it had to be looked at.
  double asked_share() const;
  /// Whether the rule takes much time because it is asked at many events: a further condition
  /// would help.
  bool is_asked_much() const;
};
/// By RuleIndex.
std::vector<RuleAnalysis> analyse_rules(const cep::Plan& plan, const MeasuredRules& measured);
/// "1 in 3.0", "never": how often `share` of events is.
std::string once_in(double share);
/// docs/cli.md says what stands in it.
nlohmann::ordered_json analysis_json(const RuleAnalysis& analysis);
/// For people, beside a rule's explanation.
rules::ExplainedAspect analysis_aspect(const RuleAnalysis& analysis);
}  // namespace tocsin::library
