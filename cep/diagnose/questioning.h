/// Which rules run for a near miss, and what each of them said.
#pragma once
#include <cstddef>
#include <vector>

#include "cep/base/result.h"
#include "cep/diagnose/near_miss_rules.h"
#include "cep/diagnose/replay.h"
#include "cep/plan/plan.h"

namespace tocsin::cep {
using Matches = std::vector<DerivedMatch>;

class Questioning {
 public:
  /// About a rule of `plan`; all of them outlive it.
  Questioning(const Plan& plan, RuleIndex rule, const Replay& replay)
      : plan_(plan), rule_(plan.rules[rule.value]), index_(rule), replay_(replay) {}

  /// Its number, for derived() and answer(). `stage`: the one that it was derived for.
  std::size_t add(DerivedRule derived, const PatternStage* stage = nullptr);
  /// Runs those added since the last time. Errors: those of the replay.
  Result<void> ask();

  const DerivedRule& derived(std::size_t i) const { return derived_[i]; }
  const Matches& answer(std::size_t i) const { return answers_[i]; }
  /// The alerts of the rule itself.
  const Matches& own() const { return own_; }
  /// Whether some matches were dropped, so that answers may lack some.
  bool cut() const { return cut_; }

 private:
  const Plan& plan_;
  const Rule& rule_;
  RuleIndex index_;
  const Replay& replay_;
  std::vector<DerivedRule> derived_;
  std::vector<const PatternStage*> stages_;  // parallel
  std::vector<Matches> answers_;             // parallel
  Matches own_;
  bool cut_ = false;
};

}  // namespace tocsin::cep
