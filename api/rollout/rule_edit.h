/// A change of a server's rules as data, which can be kept and made later.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "api/node/rule_service.h"
#include "api/rules/rule_pack.h"
#include "api/rules/rule_rollout.h"
#include "cep/base/result.h"

namespace tocsin::api {
struct RuleEdit {
  enum class Kind : std::uint8_t {
    kPutRule,     // `rule` becomes `text`, in shadow if `begins_in_shadow` and it is new
    kRemoveRule,  // `rule` goes
    kStage,       // `rule` comes to `rollout`
    kFiles,       // `files` become what they say, null: they go; with `keeps_others` others stay
    kVersion,     // all is as it was in `version`
  };
  Kind kind = Kind::kFiles;
  std::string rule = {};
  std::string text = {};
  bool begins_in_shadow = false;
  Rollout rollout = {};
  nlohmann::ordered_json files = {};  // as bodies have them (api/node/pack_request.h)
  bool keeps_others = false;
  std::uint64_t version = 0;
};
/// The pack that the edit makes of `pack`. Fails with kNotFound for what is not there, kConflict
/// for a stage that cannot follow, kInvalidArgument for what makes no sense.
Result<RulePack> edited(const RuleService& rules, const RulePack& pack, const RuleEdit& edit);
/// "stage of huge: live 10%", "rule huge", "3 files", "version 4".
std::string text_of(const RuleEdit& edit);

nlohmann::ordered_json edit_json(const RuleEdit& edit);
/// Reads it back; nothing for other JSON.
std::optional<RuleEdit> parse_edit(const nlohmann::ordered_json& json);
}  // namespace tocsin::api
