#include "api/rules/rule_texts.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "rules/context/zone_table.h"
#include "runtime/io/rule_files.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::string_view kRules = kRuleFileRole;
constexpr std::string_view kFile = kDataFileRole;
constexpr std::string_view kZone = kZoneRole;

// The most that a rule may be there.
cep::Status status_at(RuleStage stage) {
  switch (stage) {
    case RuleStage::kLive:
      return cep::Status::kLive;
    case RuleStage::kShadow:
      return cep::Status::kShadow;
    case RuleStage::kDraft:
    case RuleStage::kRetired:
      break;
  }
  return cep::Status::kDraft;
}
}  // namespace

std::map<std::string, Rollout> rollouts_of(const std::vector<runtime::NamedContents>& texts) {
  std::map<std::string, Rollout> rollouts;
  const auto text = std::ranges::find(texts, kStagesRole, &runtime::NamedContents::role);
  if (text == texts.end()) return rollouts;
  const ordered_json document = ordered_json::parse(text->contents, nullptr, false);
  if (!document.is_object()) return rollouts;
  for (const auto& [rule, word] : document.items()) {
    if (!word.is_string()) continue;
    if (const auto rollout = parse_rollout(word.get<std::string>())) rollouts[rule] = *rollout;
  }
  return rollouts;
}

std::string rollouts_text(const std::map<std::string, Rollout>& rollouts) {
  ordered_json document = ordered_json::object();
  for (const auto& [rule, rollout] : rollouts) document[rule] = text_of(rollout);
  return document.dump();
}

LoadedRules load_rules_keeping(const std::vector<std::string>& files,
                               std::vector<runtime::NamedContents>& texts) {
  const auto keep = [&texts](std::string role, const Result<std::string>& contents) {
    const bool is_known =
        std::ranges::find(texts, role, &runtime::NamedContents::role) != texts.end();
    if (contents && !is_known) texts.push_back({std::move(role), *contents});
  };
  rules::LoadOptions options;
  options.read_zone = [&](const std::string& name) {
    Result<std::string> contents = rules::read_system_zone(name);
    keep(std::string(kZone) + name, contents);
    return contents;
  };
  return load_rules(files, options, [&](const std::string& path) {
    Result<std::string> contents = runtime::read_rule_file(path);
    const bool is_named = std::ranges::find(files, path) != files.end();
    keep(std::string(is_named ? kRules : kFile) + path, contents);
    return contents;
  });
}

LoadedRules load_kept_rules(const std::vector<runtime::NamedContents>& texts,
                            std::vector<runtime::NamedContents>* zones_read) {
  const auto find = [&texts](std::string_view kind, const std::string& name) {
    const std::string role = std::string(kind) + name;
    return std::ranges::find(texts, role, &runtime::NamedContents::role);
  };
  std::vector<std::string> files;
  for (const runtime::NamedContents& text : texts) {
    if (text.role.starts_with(kRules)) files.push_back(text.role.substr(kRules.size()));
  }
  rules::LoadOptions options;
  options.read_zone = [&](const std::string& name) -> Result<std::string> {
    const auto found = find(kZone, name);
    if (found != texts.end()) return found->contents;
    if (zones_read == nullptr) return fail(Errc::kNotFound, "it was not kept");
    Result<std::string> contents = rules::read_system_zone(name);
    if (contents) zones_read->push_back({std::string(kZone) + name, *contents});
    return contents;
  };
  for (const auto& [rule, rollout] : rollouts_of(texts)) {
    options.status_max[rule] = {status_at(rollout.stage), rollout.share};
  }
  return load_rules(files, options, [&](const std::string& path) -> Result<std::string> {
    for (const std::string_view kind : {kRules, kFile}) {
      const auto found = find(kind, path);
      if (found != texts.end()) return found->contents;
    }
    return fail(Errc::kNotFound, "it was not kept");
  });
}
}  // namespace tocsin::api
