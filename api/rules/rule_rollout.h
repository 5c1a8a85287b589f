/// How far a rule is let out by the server, as a state machine; what its text says bounds it too
/// (api/rules/rule_pack.h).
///
///   draft    checked, and nothing more
///   shadow   alerts are kept and marked, nothing is delivered
///   live     as its text says
///   retired  out of use; kept to be read
///
///   state   | may become
///   draft   | shadow, retired
///   shadow  | live, draft, retired
///   live    | shadow, retired
///   retired | draft
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace tocsin::api {
enum class RuleStage : std::uint8_t { kDraft, kShadow, kLive, kRetired };
/// "draft", "shadow", "live", "retired".
std::string_view name_of(RuleStage stage);
std::optional<RuleStage> rule_stage_named(std::string_view name);
/// Whether a rule may go from one to the other; it may always stay.
bool may_become(RuleStage from, RuleStage to);
/// Where it may go from there, in the order of the stages.
std::vector<RuleStage> next_stages(RuleStage from);
}  // namespace tocsin::api
