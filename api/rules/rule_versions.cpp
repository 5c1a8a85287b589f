#include "api/rules/rule_versions.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "api/base/sealed_json.h"
#include "cep/value/identity.h"
#include "runtime/journal/blob_store.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

ordered_json edits_json(const std::vector<EditedRule>& edits) {
  ordered_json json = ordered_json::object();
  for (const EditedRule& rule : edits) {
    ordered_json& one = json[rule.rule] = {{"edit", name_of(rule.kind)}};
    if (rule.before != rule.after) one["stage"] = {text_of(rule.before), text_of(rule.after)};
  }
  return json;
}

// Nothing where the text says something else.
std::optional<std::vector<EditedRule>> parse_edits(const ordered_json& json) {
  std::vector<EditedRule> edits;
  for (const auto& [id, one] : json.items()) {
    const std::optional<EditKind> kind = edit_kind_named(one.at("edit").get<std::string>());
    if (!kind) return std::nullopt;
    EditedRule& rule = edits.emplace_back(EditedRule{id, *kind});
    const auto stage = one.find("stage");
    if (stage == one.end()) continue;
    const std::optional<Rollout> before = parse_rollout(stage->at(0).get<std::string>());
    const std::optional<Rollout> after = parse_rollout(stage->at(1).get<std::string>());
    if (!before || !after) return std::nullopt;
    rule.before = *before;
    rule.after = *after;
  }
  return edits;
}
}  // namespace

std::string path_of_version(const std::string& folder, std::uint64_t number) {
  return fmt::format("{}/{:08}.json", folder, number);
}

std::optional<std::uint64_t> number_of_version(std::string_view name) {
  constexpr std::string_view kEnding = ".json";
  if (!name.ends_with(kEnding)) return std::nullopt;
  name.remove_suffix(kEnding.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number == 0) return std::nullopt;
  return number;
}

std::string version_text(const RuleVersion& version) {
  ordered_json texts = ordered_json::array();
  for (const runtime::CheckpointBlob& text : version.texts) {
    texts.push_back(
        {{"role", text.role}, {"bytes", text.bytes}, {"sha256", cep::hex(text.digest)}});
  }
  ordered_json json = {{"version", version.number}, {"at", version.at.us},
                       {"who", version.who},        {"comment", version.comment},
                       {"commit", version.commit},  {"approved_by", version.approved_by},
                       {"etag", version.etag},      {"plan", version.plan},
                       {"texts", std::move(texts)}};
  if (version.edits) json["rules"] = edits_json(*version.edits);
  return seal_json(json);
}

Result<RuleVersion> parse_version(const std::string& text, std::uint64_t number,
                                  const std::string& path) {
  const auto damaged = [&] {
    return fail(Errc::kCorrupt, fmt::format("{} is damaged: it is no version of the rules", path));
  };
  const Result<ordered_json> json = unseal_json(text, path);
  if (!json) {
    if (json.error().code == Errc::kOtherVersion) return tl::unexpected(json.error());
    return damaged();
  }
  RuleVersion version;
  try {
    version.number = json->at("version").get<std::uint64_t>();
    version.at.us = json->at("at").get<std::int64_t>();
    version.who = json->at("who").get<std::string>();
    version.comment = json->at("comment").get<std::string>();
    version.commit =
        json->value("commit", "");  // this and the next are not there in earlier builds
    version.approved_by = json->value("approved_by", std::vector<std::string>());
    version.etag = json->at("etag").get<std::string>();
    version.plan = json->at("plan").get<std::string>();
    for (const ordered_json& one : json->at("texts")) {
      runtime::CheckpointBlob& blob = version.texts.emplace_back();
      blob.role = one.at("role").get<std::string>();
      blob.bytes = one.at("bytes").get<std::uint64_t>();
      const auto digest = runtime::digest_of_blob_name(one.at("sha256").get<std::string>());
      if (!digest) return damaged();
      blob.digest = *digest;
    }
    if (const auto edits = json->find("rules"); edits != json->end()) {
      version.edits = parse_edits(*edits);
      if (!version.edits) return damaged();
    }
  } catch (const ordered_json::exception&) {
    return damaged();
  }
  if (version.number != number) return damaged();
  return version;
}
}  // namespace tocsin::api
