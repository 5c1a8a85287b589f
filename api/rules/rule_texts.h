/// All texts that a set of rules is made of, so that it can be made again where its files are not:
/// rule files, files of lists and tables, rules of time zones.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/rules/rule_loader.h"
#include "api/rules/rule_rollout.h"
#include "runtime/node/node.h"

namespace tocsin::api {
/// What a text is; the first three stand before a path or name.
inline constexpr std::string_view kRuleFileRole = "rules:";
inline constexpr std::string_view kDataFileRole = "file:";
inline constexpr std::string_view kZoneRole = "zone:";
inline constexpr std::string_view kStagesRole = "stages";
/// As load_rules(), and keeps what was read: roles "rules:PATH" for `files`, "file:PATH" for what
/// they name, "zone:NAME".
LoadedRules load_rules_keeping(const std::vector<std::string>& files,
                               std::vector<runtime::NamedContents>& texts);
/// Of what load_rules_keeping() kept; no file is read. Rules are suppressed to their stages.
/// `zones_read`: zones that are not among the texts are read from the system and added to it; null:
/// rules that name one have an error.
LoadedRules load_kept_rules(const std::vector<runtime::NamedContents>& texts,
                            std::vector<runtime::NamedContents>* zones_read = nullptr);
/// What rules are held back to, by id, as a text of that role has it: `{"RULE":"shadow"}`; nothing
/// where there is none, and what is not understood is left out.
std::map<std::string, Rollout> rollouts_of(const std::vector<runtime::NamedContents>& texts);
std::string rollouts_text(const std::map<std::string, Rollout>& rollouts);
}  // namespace tocsin::api
