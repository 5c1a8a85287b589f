#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "api/base/integer_text.h"
#include "api/node/rule_service.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "api/rollout/deploy_routes.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

ordered_json pack_json(const RulePack& pack) {
  ordered_json files = ordered_json::object();
  for (const std::string& path : pack.paths()) files[path] = *pack.file(path);
  ordered_json stages = ordered_json::object();
  for (const auto& [rule, rollout] : pack.rollouts()) stages[rule] = text_of(rollout);
  return {{"files", std::move(files)}, {"stages", std::move(stages)}};
}

HttpResponse get_pack(RuleService& rules) {
  const std::shared_ptr<const CurrentRules> now = rules.current();
  ordered_json json = {{"version", now->version}};
  json.update(pack_json(now->pack));
  HttpResponse response = json_response(200, json);
  response.headers.push_back({"ETag", fmt::format("\"{}\"", now->pack.etag())});
  return response;
}

ordered_json version_json(const RuleVersion& version) {
  return {{"version", version.number}, {"at", cep::format_time(version.at)},
          {"who", version.who},        {"comment", version.comment},
          {"commit", version.commit},  {"approved_by", version.approved_by},
          {"etag", version.etag},      {"plan", version.plan}};
}

HttpResponse page_json(ordered_json versions, std::uint64_t next) {
  ordered_json page = {{"versions", std::move(versions)}};
  if (next != 0) page["next"] = fmt::format("{}", next);
  return json_response(200, page);
}

HttpResponse list_versions_of(RuleService& rules, const std::string& rule, std::uint64_t before,
                              std::size_t limit) {
  const Result<RuleVersionsOf> found = rules.versions_of(rule, before, limit);
  if (!found && found.error().code == Errc::kNotFound) {
    return bad_parameter_response("rule", found.error().message);
  }
  if (!found) return problem_of_error(found.error());
  ordered_json list = ordered_json::array();
  for (const auto& [version, edit] : found->versions) {
    ordered_json& one = list.emplace_back(version_json(version));
    one["change"] = name_of(edit.kind);
    if (edit.before != edit.after) one["stage"] = {text_of(edit.before), text_of(edit.after)};
  }
  return page_json(std::move(list), found->next);
}

HttpResponse list_versions(RuleService& rules, const ApiRequest& request) {
  const auto limit = static_cast<std::size_t>(request.integer("limit").value_or(100));
  std::uint64_t before = static_cast<std::uint64_t>(request.integer("before").value_or(INT64_MAX));
  if (const auto cursor = request.text("cursor")) {
    const auto place = parse_integer(*cursor);
    if (!place || *place <= 0) {
      return bad_parameter_response("cursor", "it takes the `next` of the page before");
    }
    before = std::min(before, static_cast<std::uint64_t>(*place));
  }
  if (const auto rule = request.text("rule")) {
    return list_versions_of(rules, std::string(*rule), before, limit);
  }
  ordered_json list = ordered_json::array();
  std::uint64_t next = 0;
  std::uint64_t last = 0;
  for (const RuleVersion& version : rules.versions()) {
    if (version.number >= before) continue;
    if (list.size() == limit) {
      next = last;
      break;
    }
    list.push_back(version_json(version));
    last = version.number;
  }
  return page_json(std::move(list), next);
}

HttpResponse get_version(RuleService& rules, const ApiRequest& request) {
  const auto number = static_cast<std::uint64_t>(*request.integer("version"));
  const Result<RulePack> pack = rules.pack_of(number);
  if (!pack) return problem_of_error(pack.error());
  for (const RuleVersion& version : rules.versions()) {
    if (version.number != number) continue;
    ordered_json json = version_json(version);
    json.update(pack_json(*pack));
    return json_response(200, json);
  }
  return problem_response(ProblemKind::kNotFound, fmt::format("there is no version {}", number));
}

// What of `to` is otherwise than in `from`, file by file.
HttpResponse diff_versions(RuleService& rules, const ApiRequest& request) {
  const auto number = static_cast<std::uint64_t>(*request.integer("version"));
  const auto from_number = static_cast<std::uint64_t>(
      request.integer("from").value_or(static_cast<std::int64_t>(number) - 1));
  const Result<RulePack> to = rules.pack_of(number);
  if (!to) return problem_of_error(to.error());
  const Result<RulePack> from = rules.pack_of(from_number);
  if (!from) return problem_of_error(from.error());
  ordered_json json = {{"from", from_number}, {"version", number}};
  json.update(difference_json(*from, *to));
  return json_response(200, json);
}
}  // namespace

ordered_json difference_json(const RulePack& from, const RulePack& to) {
  ordered_json files = ordered_json::array();
  for (const std::string& path : from.paths()) {
    const auto after = to.file(path);
    const auto before = from.file(path);
    if (after == before) continue;
    ordered_json one = {{"path", path}, {"change", after ? "changed" : "removed"}};
    one["before"] = *before;
    if (after) one["after"] = *after;
    files.push_back(std::move(one));
  }
  for (const std::string& path : to.paths()) {
    if (from.file(path)) continue;
    files.push_back({{"path", path}, {"change", "added"}, {"after", *to.file(path)}});
  }
  const auto etags_before = rule_etags(from);
  const auto etags_after = rule_etags(to);
  const std::map<std::string, std::string> before(etags_before.begin(), etags_before.end());
  const std::map<std::string, std::string> after(etags_after.begin(), etags_after.end());
  ordered_json rules = ordered_json::array();
  ordered_json stages = ordered_json::object();  // of rules in both
  const std::map<std::string, Rollout> rollouts_before = from.rollouts();
  const std::map<std::string, Rollout> rollouts_after = to.rollouts();
  for (const auto& [rule, etag] : etags_before) {
    const auto now = after.find(rule);
    if (now == after.end()) {
      rules.push_back({{"rule", rule}, {"change", "removed"}});
    } else if (now->second != etag) {
      rules.push_back({{"rule", rule}, {"change", "changed"}});
      const Rollout was = rollout_of(rollouts_before, rule);
      const Rollout is = rollout_of(rollouts_after, rule);
      if (was != is) stages[rule] = {text_of(was), text_of(is)};
    }
  }
  for (const auto& [rule, etag] : etags_after) {
    if (!before.contains(rule)) rules.push_back({{"rule", rule}, {"change", "added"}});
  }
  return {{"rules", std::move(rules)}, {"stages", std::move(stages)}, {"files", std::move(files)}};
}

namespace {
constexpr std::string_view kSchemas = R"({
  "Pack": {
    "version": "whole",
    "files": "FileTexts",
    "stages": "map of text; by rule"
  },
  "RuleVersion": {
    "version": "whole",
    "at": "time",
    "who": "text",
    "comment": "text",
    "commit": "text",
    "approved_by": "list of text",
    "etag": "text",
    "plan": "text",
    "files?": "map of text; by path",
    "stages?": "map of text; by rule",
    "change?": "one of added, changed, removed, stage; with `rule`: what it did to that rule",
    "stage?": "list of text; with `rule`: its stage before and after, where that changed"
  },
  "RuleVersionPage": {
    "versions": "list of RuleVersion",
    "next?": "text; the cursor of the next page"
  },
  "VersionDifference": {
    "from": "whole",
    "version": "whole",
    "rules": "list of RuleDifference",
    "stages": "map of list of text; before and after, by rule",
    "files": "list of FileDifference"
  }
})";
}  // namespace

void add_version_routes(Router& router, RuleService& rules) {
  router.add_schemas(kSchemas);
  using Type = RouteParameter::Type;
  const RouteParameter version{
      .name = "version", .type = Type::kInteger, .description = "Its number", .least = 1};
  const auto add = [&](Route route) {
    route.tag = "rules";
    router.add(std::move(route));
  };
  add({.method = "GET",
       .path = "/v1/pack",
       .operation_id = "getPack",
       .tag = "",
       .summary = "All rule files",
       .role = Role::kReader,
       .answers = {{200, "The files, stages and version", "application/json", "Pack"}},
       .answer_headers = {"ETag"},
       .handler = [&rules](ApiRequest&) { return get_pack(rules); }});
  add({.method = "GET",
       .path = "/v1/versions",
       .operation_id = "listRuleVersions",
       .tag = "",
       .summary = "Versions of the rules, newest first",
       .description =
           "With `rule` only versions that added, changed or removed this rule, or "
           "changed its stage. Its text, its tests and the file it is in count, and not "
           "the declarations it uses. Versions that an earlier build stored are compared "
           "with the one before when they are first looked at, some at each request: a "
           "page may then have few versions, or none, and still a `next`.",
       .role = Role::kReader,
       .query_parameters = {{.name = "rule",
                             .description = "Only versions that changed the rule with this id"},
                            {.name = "limit",
                             .type = Type::kInteger,
                             .description = "Maximum number; default 100",
                             .least = 1,
                             .most = 1000},
                            {.name = "cursor", .description = "`next` of the page before"},
                            {.name = "before",
                             .type = Type::kInteger,
                             .description = "Only versions older than this one",
                             .least = 1}},
       .answers = {{200, "The versions", "application/json", "RuleVersionPage"}},
       .handler = [&rules](ApiRequest& request) { return list_versions(rules, request); }});
  add({.method = "GET",
       .path = "/v1/versions/{version}",
       .operation_id = "getRuleVersion",
       .tag = "",
       .summary = "A version with its files",
       .role = Role::kReader,
       .path_parameters = {version},
       .answers = {{200, "The version", "application/json", "RuleVersion"}},
       .handler = [&rules](ApiRequest& request) { return get_version(rules, request); }});
  add({.method = "GET",
       .path = "/v1/versions/{version}/diff",
       .operation_id = "diffRuleVersion",
       .tag = "",
       .summary = "What a version changed",
       .role = Role::kReader,
       .path_parameters = {version},
       .query_parameters = {{.name = "from",
                             .type = Type::kInteger,
                             .description = "The version to compare with; default the previous one",
                             .least = 1}},
       .answers = {{200, "Rules, stages and files that differ", "application/json",
                    "VersionDifference"}},
       .handler = [&rules](ApiRequest& request) { return diff_versions(rules, request); }});
}
}  // namespace tocsin::api
