#include "api/rollout/rule_edit.h"

#include <fmt/format.h>

#include "api/node/pack_request.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

Result<RulePack> with_rule(const RulePack& before, const RuleEdit& edit) {
  Result<RulePack> pack = before.with_rule(edit.rule, edit.text);
  if (pack && edit.begins_in_shadow && !before.rule(edit.rule)) {
    pack = pack->with_rollout(edit.rule, {RuleStage::kShadow});
  }
  return pack;
}
}  // namespace

Result<RulePack> edited(const RuleService& rules, const RulePack& pack, const RuleEdit& edit) {
  switch (edit.kind) {
    case RuleEdit::Kind::kPutRule:
      return with_rule(pack, edit);
    case RuleEdit::Kind::kRemoveRule:
      return pack.without_rule(edit.rule);
    case RuleEdit::Kind::kStage:
      return rules.with_stage(pack, edit.rule, edit.rollout);
    case RuleEdit::Kind::kFiles:
      return with_pack_files(pack, edit.files, edit.keeps_others);
    case RuleEdit::Kind::kVersion:
      return rules.pack_of(edit.version);
  }
  return fail(Errc::kInternal, "an edit of no kind");
}

std::string text_of(const RuleEdit& edit) {
  switch (edit.kind) {
    case RuleEdit::Kind::kPutRule:
      return fmt::format("rule {}", edit.rule);
    case RuleEdit::Kind::kRemoveRule:
      return fmt::format("rule {}: removed", edit.rule);
    case RuleEdit::Kind::kStage:
      return fmt::format("stage of {}: {}", edit.rule, text_of(edit.rollout));
    case RuleEdit::Kind::kFiles:
      return edit.files.size() == 1 ? fmt::format("file {}", edit.files.begin().key())
                                    : fmt::format("{} files", edit.files.size());
    case RuleEdit::Kind::kVersion:
      return fmt::format("version {}", edit.version);
  }
  return "";
}

ordered_json edit_json(const RuleEdit& edit) {
  switch (edit.kind) {
    case RuleEdit::Kind::kPutRule:
      return {{"put_rule", edit.rule},
              {"text", edit.text},
              {"begins_in_shadow", edit.begins_in_shadow}};
    case RuleEdit::Kind::kRemoveRule:
      return {{"remove_rule", edit.rule}};
    case RuleEdit::Kind::kStage:
      return {{"rule", edit.rule}, {"stage", text_of(edit.rollout)}};
    case RuleEdit::Kind::kFiles:
      return {{"files", edit.files}, {"keeps_others", edit.keeps_others}};
    case RuleEdit::Kind::kVersion:
      return {{"version", edit.version}};
  }
  return {};
}

std::optional<RuleEdit> parse_edit(const ordered_json& json) {
  RuleEdit edit;
  try {
    if (json.contains("put_rule")) {
      edit.kind = RuleEdit::Kind::kPutRule;
      edit.rule = json.at("put_rule").get<std::string>();
      edit.text = json.at("text").get<std::string>();
      edit.begins_in_shadow = json.at("begins_in_shadow").get<bool>();
    } else if (json.contains("remove_rule")) {
      edit.kind = RuleEdit::Kind::kRemoveRule;
      edit.rule = json.at("remove_rule").get<std::string>();
    } else if (json.contains("stage")) {
      edit.kind = RuleEdit::Kind::kStage;
      edit.rule = json.at("rule").get<std::string>();
      const std::optional<Rollout> rollout = parse_rollout(json.at("stage").get<std::string>());
      if (!rollout) return std::nullopt;
      edit.rollout = *rollout;
    } else if (json.contains("files")) {
      edit.keeps_others = json.at("keeps_others").get<bool>();
      edit.files = json.at("files");
      if (!are_pack_files(edit.files, edit.keeps_others)) return std::nullopt;
    } else {
      edit.kind = RuleEdit::Kind::kVersion;
      edit.version = json.at("version").get<std::uint64_t>();
    }
  } catch (const ordered_json::exception&) {
    return std::nullopt;
  }
  return edit;
}
}  // namespace tocsin::api
