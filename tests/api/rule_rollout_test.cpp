#include "api/rules/rule_rollout.h"

#include <doctest/doctest.h>

#include <string_view>

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

TEST_CASE("rule rollout: a stage as a word, and a live one's share of keys") {
  for (const char* text : {"draft", "shadow", "live", "live 10%", "live 0.5%", "retired"}) {
    const std::optional<Rollout> rollout = parse_rollout(text);
    REQUIRE(rollout);
    CHECK(text_of(*rollout) == text);
    CHECK(rollout->is_live_for_all() == (std::string_view(text) == "live"));
  }
  CHECK(parse_rollout("live 100%") == Rollout());
  for (const char* text : {"", "Live", "shadow 10%", "live 10", "live  10%", "live 0%", "live ",
                           "live 10% ", "live 101%"}) {
    CHECK_MESSAGE(!parse_rollout(text), text);
  }
  CHECK(rollout_of({{"a", {RuleStage::kShadow}}}, "b") == Rollout());
}
}  // namespace
}  // namespace tocsin::api
