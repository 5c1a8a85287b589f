#include "api/rollout/deploy_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/node/pack_request.h"
#include "api/node/rule_service.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "cep/data/alert.h"
#include "cep/data/alert_format.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::size_t kPackBytesMax = std::size_t{64} << 20;

std::string quoted(const std::string& etag) { return "\"" + etag + "\""; }

// What If-Match asks for: "*" is whatever there is. Fails with the problem of its absence.
tl::expected<std::string, HttpResponse> precondition(const ApiRequest& request,
                                                     std::string_view what) {
  const std::string_view given = request.http.head().header("if-match").value_or("");
  if (given.empty()) {
    return tl::unexpected(problem_response(
        ProblemKind::kPreconditionRequired,
        fmt::format("name the version you have read: `If-Match: ETAG` with the ETag of {}, or "
                    "`If-Match: *` for whatever there is",
                    what)));
  }
  std::string_view etag = given;
  // An empty tag keeps its quotes: it is the tag of nothing, and not no condition.
  if (etag.size() > 2 && etag.starts_with('"') && etag.ends_with('"')) {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
}

// `kept`, `started`, `replayed` and `lost`: what becomes of the state of each rule and feature.
ordered_json fates_json(const cep::RestoreReport& report) {
  using Fate = cep::RestoreReport::Fate;
  ordered_json kept = ordered_json::array();
  ordered_json replayed = kept;
  ordered_json started = kept;
  ordered_json lost = kept;
  for (const cep::RestoreReport::Line& line : report.lines) {
    ordered_json one = {{line.is_rule ? "rule" : "feature", line.name}};
    if (line.suppression_lost) one["suppression"] = "begins anew";
    ordered_json& of_fate = line.fate == Fate::kKept       ? kept
                            : line.fate == Fate::kReplayed ? replayed
                            : line.fate == Fate::kStarted  ? started
                                                           : lost;
    of_fate.push_back(std::move(one));
  }
  ordered_json fates = {{"kept", std::move(kept)}, {"started", std::move(started)}};
  if (!replayed.empty()) fates["replayed"] = std::move(replayed);
  fates["lost"] = std::move(lost);
  return fates;
}

RuleChange change_of(const ApiRequest& request) {
  RuleChange change;
  change.who = request.grant.name;
  change.comment = std::string(request.text("comment").value_or(""));
  change.commit = std::string(request.text("commit").value_or(""));
  change.ignores_tests = request.text("ignore_tests") == "true";
  if (const auto replay = request.text("replay")) change.replay = cep::parse_duration(*replay);
  return change;
}

Author author_of(const ApiRequest& request) {
  return {may(request.grant.role, Role::kOperator),
          std::string(request.text("override").value_or("")), request.grant.role, request.grant.by};
}

// Gates are passed over by administrators alone.
std::optional<HttpResponse> refused_override(const ApiRequest& request) {
  if (!request.text("override") || may(request.grant.role, Role::kAdmin)) return std::nullopt;
  return problem_response(ProblemKind::kForbidden, "`override` needs the role admin");
}

HttpResponse only_for_operators(const std::string& what) {
  return problem_response(ProblemKind::kForbidden,
                          fmt::format("{} needs the role operator; an analyst works on rules that "
                                      "are in draft or shadow",
                                      what));
}

bool is_suppressed(const RulePack& pack, const std::string& rule) {
  return rollout_of(pack.rollouts(), rule).stage != RuleStage::kLive;
}

HttpResponse make(const RolloutContext& context, ApiRequest& request, const RuleChange& change,
                  const RuleEdit& edit, const ChangeService::Condition& condition = {}) {
  if (auto problem = refused_override(request)) return *std::move(problem);
  const auto outcome = context.changes.make(author_of(request), change, edit, condition);
  return outcome ? made(request, context, *outcome) : refused(outcome.error());
}

// An edit of one rule, which must be as the client has read it; others may have changed meanwhile.
HttpResponse change_rule(const RolloutContext& context, ApiRequest& request, RuleEdit edit) {
  edit.rule = *request.text("rule");
  const std::string& rule = edit.rule;
  const bool must_be_new = request.http.head().header("if-none-match") == "*";
  std::string etag;
  if (!must_be_new) {
    const auto wanted = precondition(request, "the rule, or `If-None-Match: *` for a new one");
    if (!wanted) return wanted.error();
    etag = *wanted;
  }
  const Author author = author_of(request);
  const bool is_stage = edit.kind == RuleEdit::Kind::kStage;
  edit.begins_in_shadow = must_be_new && !author.is_operator;
  // Where others approve what becomes live, an analyst may ask for it.
  const bool is_bound = !author.is_operator && context.changes.approvals_needed() == 0;
  std::optional<HttpResponse> problem;
  const auto condition = [&](const RulePack& pack) -> std::optional<DeployRefusal> {
    const std::string now = rule_etag(pack, rule);
    if (must_be_new && !now.empty()) {
      problem = problem_response(
          ProblemKind::kStale,
          fmt::format("there is already a rule {}: change it with `If-Match`", rule));
    } else if (is_stage && now.empty()) {
      problem = problem_response(ProblemKind::kNotFound, pack.no_rule_text(rule));
    } else if (!must_be_new && (now.empty() || (etag != "*" && etag != now))) {
      problem = problem_response(
          ProblemKind::kStale,
          fmt::format(
              "the rule {} does not match If-Match: it was changed or removed; read it again",
              rule));
    } else if (is_bound && is_stage && edit.rollout.stage == RuleStage::kLive) {
      problem = only_for_operators("making a rule live");
    } else if (is_bound && !must_be_new && !is_suppressed(pack, rule)) {
      problem = only_for_operators(is_stage ? "taking the live rule " + rule + " out of service"
                                            : "changing the live rule " + rule);
    }
    if (!problem) return std::nullopt;
    return DeployRefusal{};
  };
  HttpResponse answer = make(context, request, change_of(request), edit, condition);
  return problem ? *std::move(problem) : answer;
}

HttpResponse put_rule(const RolloutContext& context, ApiRequest& request) {
  return change_rule(context, request,
                     {.kind = RuleEdit::Kind::kPutRule, .text = request.http.take_body()});
}

HttpResponse delete_rule(const RolloutContext& context, ApiRequest& request) {
  return change_rule(context, request, {.kind = RuleEdit::Kind::kRemoveRule});
}

HttpResponse put_stage(const RolloutContext& context, ApiRequest& request) {
  const auto body = read_json_object(request, {"stage"});
  if (!body) return body.error();
  const std::string word =
      body->contains("stage") && (*body)["stage"].is_string() ? (*body)["stage"] : "";
  const std::optional<Rollout> rollout = parse_rollout(word);
  if (!rollout) {
    return problem_response(ProblemKind::kBadBody,
                            R"(the body is {"stage": "draft", "shadow", "live", "live 10%" (or )"
                            R"(another share of the keys, such as 0.5%), or "retired"})");
  }
  request.notes["stage"] = ordered_json(word).dump();
  return change_rule(context, request, {.kind = RuleEdit::Kind::kStage, .rollout = *rollout});
}

// `files` of the body.
tl::expected<RuleEdit, HttpResponse> read_pack_files(ApiRequest& request, bool is_patch) {
  const auto body = read_json_object(request, {"files"}, kPackBytesMax);
  if (!body) return tl::unexpected(body.error());
  if (body->contains("files") && are_pack_files((*body)["files"], is_patch)) {
    return RuleEdit{
        .kind = RuleEdit::Kind::kFiles, .files = (*body)["files"], .keeps_others = is_patch};
  }
  return tl::unexpected(problem_response(
      ProblemKind::kBadBody, is_patch
                                 ? R"(the body is {"files": {"PATH": "TEXT", "PATH": null, …}})"
                                 : R"(the body is {"files": {"PATH": "TEXT", …}})"));
}

// An author asks for changes of rule files, where others approve them.
std::optional<HttpResponse> refused_author(const RolloutContext& context,
                                           const ApiRequest& request) {
  if (may(request.grant.role, Role::kOperator) || context.changes.approvals_needed() > 0)
    return std::nullopt;
  return problem_response(ProblemKind::kForbidden,
                          "this needs the role operator: an author changes rule files where others "
                          "approve changes (rollout.approvals)");
}

HttpResponse change_pack(const RolloutContext& context, ApiRequest& request, bool is_patch) {
  if (auto problem = refused_author(context, request)) return *std::move(problem);
  const auto etag = precondition(request, "the pack");
  if (!etag) return etag.error();
  const auto edit = read_pack_files(request, is_patch);
  if (!edit) return edit.error();
  RuleChange change = change_of(request);
  if (*etag != "*") change.if_match = *etag;
  return make(context, request, change, *edit);
}

// Files, or the stage of a rule.
tl::expected<RuleEdit, HttpResponse> read_planned(ApiRequest& request) {
  const auto body = read_json_object(request, {"files", "rule", "stage"}, kPackBytesMax);
  if (!body) return tl::unexpected(body.error());
  const auto given = [&](const char* name) { return body->value(name, ordered_json()); };
  if (body->size() == 1 && are_pack_files(given("files"), false)) {
    return RuleEdit{.kind = RuleEdit::Kind::kFiles, .files = given("files")};
  }
  if (body->size() == 2 && given("rule").is_string() && given("stage").is_string()) {
    const auto rollout = parse_rollout(given("stage").get<std::string>());
    if (rollout)
      return RuleEdit{.kind = RuleEdit::Kind::kStage, .rule = given("rule"), .rollout = *rollout};
  }
  return tl::unexpected(problem_response(
      ProblemKind::kBadBody,
      R"(the body is {"files": {"PATH": "TEXT", …}} or {"rule": "RULE", "stage": "live 10%"})"));
}

HttpResponse plan_pack(const RolloutContext& context, ApiRequest& request) {
  const auto edit = read_planned(request);
  if (!edit) return edit.error();
  // As an operator would deploy it.
  const auto foreseen = context.changes.foresee({.is_operator = true}, change_of(request), *edit);
  if (!foreseen) return refused(foreseen.error());
  const PlannedChange& plan = foreseen->plan;
  const std::string etag = plan.before.etag();
  ordered_json answer = {{"version", plan.version}, {"changed", plan.after.etag() != etag}};
  answer.update(difference_json(plan.before, plan.after));
  answer.update(fates_json(plan.report));
  answer["approvals_needed"] = foreseen->verdict.approvals;
  if (!foreseen->verdict.closed.empty()) answer["closed"] = foreseen->verdict.closed;
  HttpResponse response = json_response(200, answer);
  response.headers.push_back({"ETag", quoted(etag)});
  return response;
}

HttpResponse roll_back(const RolloutContext& context, ApiRequest& request) {
  if (auto problem = refused_author(context, request)) return *std::move(problem);
  const auto etag = precondition(request, "the pack");
  if (!etag) return etag.error();
  const auto number = static_cast<std::uint64_t>(*request.integer("version"));
  RuleChange change = change_of(request);
  if (*etag != "*") change.if_match = *etag;
  if (change.comment.empty()) change.comment = fmt::format("back to version {}", number);
  change.ignores_tests = true;  // it held before
  return make(context, request, change, {.kind = RuleEdit::Kind::kVersion, .version = number});
}

using Type = RouteParameter::Type;
RouteParameter rule_parameter() { return {"rule", Type::kText, "Its id"}; }
RouteParameter comment_parameter() {
  return {"comment", Type::kText, "The reason, stored with the version"};
}
RouteParameter override_parameter() {
  return {"override", Type::kText,
          "The reason why no gate is asked; needs the role admin, and is stored with the version"};
}
// What every deploy has in common.
std::vector<RouteParameter> deploy_parameters() {
  return {comment_parameter(),
          {"commit", Type::kText, "The commit of version control, stored with the version"},
          {"ignore_tests", Type::kBoolean, "Deploy even if the rules' own tests fail"},
          {"replay", Type::kDuration,
           "What would begin with nothing goes on from the archived events of so long, `7d`: until "
           "they are read, the answer is 202 with `warming_up`, and the same request asks again"},
          override_parameter()};
}
std::vector<RouteAnswer> deploy_answers() {
  return {
      {200, "The version that is now active, and the state that each rule kept, started or lost",
       "application/json", "Deployed"},
      {202, "The change waits for the approval of others, or earlier events are read (`replay`)",
       "application/json", "DeployWaits"}};
}
std::vector<int> deploy_problems() { return {409, 412, 413, 415, 422, 428}; }

void add_rule_changes(Router& router, const RolloutContext& context) {
  router.add({.method = "PUT",
              .path = "/v1/rules/{rule}",
              .operation_id = "putRule",
              .tag = "rules",
              .summary = "Replace the rule with this id, or create it",
              .description = "The body is the rule's declaration, followed by its tests if they "
                             "change. The whole set is checked and its tests are run; then the "
                             "rule applies from the next event on. A new rule by an analyst begins "
                             "in shadow; changing a live one requires the role operator.",
              .role = Role::kAnalyst,
              .may_wait = true,
              .path_parameters = {rule_parameter()},
              .query_parameters = deploy_parameters(),
              .body = RouteBody{{"text/plain"}},
              .answers = deploy_answers(),
              .request_headers = {"If-Match", "If-None-Match"},
              .answer_headers = {"ETag", "Location", "Retry-After"},
              .problems = deploy_problems(),
              .handler = [context](ApiRequest& request) { return put_rule(context, request); }});
  router.add({.method = "DELETE",
              .path = "/v1/rules/{rule}",
              .operation_id = "deleteRule",
              .tag = "rules",
              .summary = "Remove a rule and its tests",
              .role = Role::kAnalyst,
              .may_wait = true,
              .path_parameters = {rule_parameter()},
              .query_parameters = deploy_parameters(),
              .answers = deploy_answers(),
              .request_headers = {"If-Match", "If-None-Match"},
              .answer_headers = {"ETag", "Location", "Retry-After"},
              .problems = deploy_problems(),
              .handler = [context](ApiRequest& request) { return delete_rule(context, request); }});
  router.add({.method = "PUT",
              .path = "/v1/rules/{rule}/stage",
              .operation_id = "putRuleStage",
              .tag = "rules",
              .summary = "Change a rule's stage: draft, shadow, live, retired",
              .description = "A stage never exceeds the status in the rule's text: `live` gives "
                             "the rule the status of its text. `live 10%` does so for a share of "
                             "its keys; for the others the rule stays in shadow. Which keys these "
                             "are depends on the keys alone, so a larger share has all of a "
                             "smaller one.",
              .role = Role::kAnalyst,
              .may_wait = true,
              .path_parameters = {rule_parameter()},
              .query_parameters = deploy_parameters(),
              .body = RouteBody{{"application/json"}, "RuleStage"},
              .answers = deploy_answers(),
              .request_headers = {"If-Match", "If-None-Match"},
              .answer_headers = {"ETag", "Location", "Retry-After"},
              .problems = deploy_problems(),
              .handler = [context](ApiRequest& request) { return put_stage(context, request); }});
}

void add_pack_changes(Router& router, const RolloutContext& context) {
  router.add(
      {.method = "POST",
       .path = "/v1/pack/plan",
       .operation_id = "planPack",
       .tag = "rules",
       .summary =
           "What PUT /v1/pack or PUT /v1/rules/{rule}/stage would change; nothing is changed",
       .description = "The files, or the active ones with another stage of a rule, are checked and "
                      "their tests are run. The answer has the rules, "
                      "stages and files that differ, and the state that each rule would keep, "
                      "start with or lose. Its ETag is that of the rules that are active: a "
                      "deploy with it as `If-Match` is of what was planned.",
       .role = Role::kReader,
       .effect = RouteEffect::kNothing,
       .query_parameters = {{"ignore_tests", Type::kBoolean, "Also if the rules' own tests fail"}},
       .body = RouteBody{.media_types = {"application/json"},
                         .schema = "PlannedEdit",
                         .bytes_max = kPackBytesMax},
       .answers = {{200, "What would change", "application/json", "DeployPlan"}},
       .answer_headers = {"ETag"},
       .problems = {404, 409, 413, 415, 422},
       .handler = [context](ApiRequest& request) {
         return context.checks.run([&] { return plan_pack(context, request); });
       }});
  router.add(
      {.method = "PUT",
       .path = "/v1/pack",
       .operation_id = "putPack",
       .tag = "rules",
       .summary = "Replace all rule files",
       .role = Role::kAuthor,
       .may_wait = true,
       .query_parameters = deploy_parameters(),
       .body = RouteBody{.media_types = {"application/json"},
                         .schema = "PackFiles",
                         .bytes_max = kPackBytesMax},
       .answers = deploy_answers(),
       .request_headers = {"If-Match"},
       .required_headers = {"If-Match"},
       .answer_headers = {"ETag", "Location", "Retry-After"},
       .problems = deploy_problems(),
       .handler = [context](ApiRequest& request) { return change_pack(context, request, false); }});
  router.add(
      {.method = "PATCH",
       .path = "/v1/pack",
       .operation_id = "patchPack",
       .tag = "rules",
       .summary = "Change some rule files; null removes one",
       .role = Role::kAuthor,
       .may_wait = true,
       .query_parameters = deploy_parameters(),
       .body = RouteBody{.media_types = {"application/json"},
                         .schema = "PackPatch",
                         .bytes_max = kPackBytesMax},
       .answers = deploy_answers(),
       .request_headers = {"If-Match"},
       .required_headers = {"If-Match"},
       .answer_headers = {"ETag", "Location", "Retry-After"},
       .problems = deploy_problems(),
       .handler = [context](ApiRequest& request) { return change_pack(context, request, true); }});
  router.add(
      {.method = "POST",
       .path = "/v1/versions/{version}/rollback",
       .operation_id = "rollBackRules",
       .tag = "rules",
       .summary = "Activate an earlier version again, as a new version",
       .role = Role::kAuthor,
       .path_parameters =
           {{.name = "version", .type = Type::kInteger, .description = "Its number", .least = 1}},
       .query_parameters = {comment_parameter(), override_parameter()},
       .answers = deploy_answers(),
       .request_headers = {"If-Match"},
       .required_headers = {"If-Match"},
       .answer_headers = {"ETag", "Location", "Retry-After"},
       .problems = deploy_problems(),
       .handler = [context](ApiRequest& request) { return roll_back(context, request); }});
}
}  // namespace

HttpResponse made(ApiRequest& request, const RolloutContext& context,
                  const ChangeService::Made& outcome) {
  if (const auto* const waiting = std::get_if<WaitingChange>(&outcome)) {
    HttpResponse response =
        json_response(202, waiting_json(context.changes, *waiting, context.changes.live_now()));
    response.headers.push_back({"Location", "/v1/changes/" + waiting->id});
    return response;
  }
  const auto& deployed = std::get<Deployed>(outcome);
  request.notes["version_before"] =
      std::to_string(deployed.version - (deployed.is_changed ? 1 : 0));
  request.notes["version_after"] = std::to_string(deployed.version);
  ordered_json answer = {{"version", deployed.version}, {"changed", deployed.is_changed}};
  answer.update(fates_json(deployed.report));
  if (!deployed.report.data_lost.empty()) answer["data_lost"] = deployed.report.data_lost;
  if (!deployed.notes.empty()) answer["notes"] = deployed.notes;
  HttpResponse response = json_response(200, answer);
  // Of what was asked for: a rule, or the pack.
  const std::optional<std::string_view> rule = request.text("rule");
  const std::string etag = rule ? rule_etag(context.rules.current()->pack, *rule) : deployed.etag;
  if (!etag.empty()) response.headers.push_back({"ETag", quoted(etag)});
  return response;
}

namespace {
constexpr std::string_view kSchemas = R"({
  "Fate": {"rule?": "text", "feature?": "text", "suppression?": "one of begins anew"},
  "Deployed": {
    "version": "whole",
    "changed": "boolean",
    "kept": "list of Fate",
    "started": "list of Fate",
    "replayed?": "list of Fate; begun with archived events",
    "lost": "list of Fate",
    "data_lost?": "list of text",
    "notes?": "list of text"
  },
  "DeployWaits": {"$schema": {"anyOf": [
    {"$ref": "#/components/schemas/WaitingChange"},
    {"$ref": "#/components/schemas/WarmingUp"},
    {"$ref": "#/components/schemas/Proposal"}
  ]}},
  "WarmingUp": {"warming_up": {"progress": "number; from 0 to 1", "events": "whole"}},
  "RuleStage": {"body": true, "stage": "text like ^(draft|shadow|live|retired|live (?!0+(\\.0+)?%)([0-9]{1,2}(\\.[0-9]{1,2})?|100)%)$; live 10%: for a share of the keys"},
  "PackFiles": {"body": true, "files": "FileTexts"},
  "StagePlan": {"body": true, "rule": "text", "stage": "text like ^(draft|shadow|live|retired|live (?!0+(\\.0+)?%)([0-9]{1,2}(\\.[0-9]{1,2})?|100)%)$; live 10%: for a share of the keys"},
  "PlannedEdit": {"$schema": {"oneOf": [
    {"$ref": "#/components/schemas/PackFiles"},
    {"$ref": "#/components/schemas/StagePlan"}
  ]}},
  "PackPatch": {"body": true, "files": "FileChanges"},
  "RuleDifference": {"rule": "text", "change": "one of added, changed, removed"},
  "FileDifference": {
    "path": "text",
    "change": "one of added, changed, removed",
    "before?": "text",
    "after?": "text"
  },
  "DeployPlan": {
    "version": "whole",
    "changed": "boolean",
    "rules": "list of RuleDifference",
    "stages": "map of list of text; before and after, by rule",
    "files": "list of FileDifference",
    "kept": "list of Fate",
    "started": "list of Fate",
    "replayed?": "list of Fate; begun with archived events",
    "lost": "list of Fate",
    "approvals_needed": "whole",
    "closed?": "text; why a gate is closed"
  }
})";
}  // namespace

void add_deploy_routes(Router& router, const RolloutContext& context) {
  router.add_schemas(kSchemas);
  add_rule_changes(router, context);
  add_pack_changes(router, context);
}
}  // namespace tocsin::api
