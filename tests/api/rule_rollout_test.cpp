#include "api/rules/rule_rollout.h"

#include <doctest/doctest.h>

namespace tocsin::api {
namespace {
using Stages = std::vector<RuleStage>;

TEST_CASE("rule rollout: every stage becomes what it may, and nothing else") {
  using enum RuleStage;
  CHECK(next_stages(kDraft) == Stages{kShadow, kRetired});
  CHECK(next_stages(kShadow) == Stages{kDraft, kLive, kRetired});
  CHECK(next_stages(kLive) == Stages{kShadow, kRetired});
  CHECK(next_stages(kRetired) == Stages{kDraft});
  for (const RuleStage stage : {kDraft, kShadow, kLive, kRetired}) {
    CHECK(may_become(stage, stage));
    CHECK(rule_stage_named(name_of(stage)) == stage);
  }
  CHECK_FALSE(may_become(kDraft, kLive));
  CHECK_FALSE(may_become(kRetired, kLive));
  CHECK_FALSE(rule_stage_named("Live"));
}
}  // namespace
}  // namespace tocsin::api
