/// How far a rule is let out by the server, as a state machine; what its text says bounds it too
/// (api/rules/rule_pack.h).
///
///   draft    checked, and nothing more
///   shadow   alerts are kept and marked, nothing is delivered
///   live     as its text says, for all keys or a share of them (`live 10%`)
///   retired  out of use; kept to be read
///
///   state   | may become
///   draft   | shadow, retired
///   shadow  | live, draft, retired
///   live    | shadow, retired
///   retired | draft
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/value/key_share.h"

namespace tocsin::api {
enum class RuleStage : std::uint8_t { kDraft, kShadow, kLive, kRetired };
/// "draft", "shadow", "live", "retired".
std::string_view name_of(RuleStage stage);
std::optional<RuleStage> rule_stage_named(std::string_view name);
/// Whether a rule may go from one to the other; it may always stay.
bool may_become(RuleStage from, RuleStage to);
/// Where it may go from there, in the order of the stages.
std::vector<RuleStage> next_stages(RuleStage from);

/// A rule's stage, and while it is live for which keys: the others are as in shadow.
struct Rollout {
  RuleStage stage = RuleStage::kLive;
  cep::KeyShare share = {};  // whole unless `stage` is kLive
  bool is_live_for_all() const { return stage == RuleStage::kLive && share.is_whole(); }
  friend bool operator==(const Rollout&, const Rollout&) = default;
};
/// "shadow", "live", "live 10%".
std::string text_of(const Rollout& rollout);
/// Reads it back; nothing for any other text.
std::optional<Rollout> parse_rollout(std::string_view text);
/// Of a rule with no entry: live for all keys.
Rollout rollout_of(const std::map<std::string, Rollout>& rollouts, const std::string& rule);
}  // namespace tocsin::api
