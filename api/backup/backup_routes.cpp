#include "api/backup/backup_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "api/rest/json_body.h"
#include "api/rest/problem.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::int64_t kLimit = 100;
constexpr std::int64_t kLimitMax = 1000;
constexpr const char* kIdPattern = "^[0-9]{8}T[0-9]{9}Z$";

ordered_json status_json(const BackupStatus& status) {
  const BackupFacts& facts = status.facts;
  const bool is_running = status.state == BackupState::kRunning;
  ordered_json json = {
      {"id", facts.id},
      {"state", name_of(status.state)},
      {"who", facts.who.empty() ? ordered_json() : ordered_json(facts.who)},
      {"began", cep::format_time(facts.began)},
      {"ended", is_running ? ordered_json() : ordered_json(cep::format_time(facts.ended))},
      {"progress", status.progress}};
  if (!status.failure.empty()) json["failure"] = status.failure;
  if (status.state == BackupState::kDone) {
    json["checkpoint"] = facts.checkpoint;
    json["files"] = facts.files;
    json["bytes"] = facts.bytes;
    json["stored_bytes"] = facts.stored_bytes;
    json["version"] = facts.version;
  }
  return json;
}

HttpResponse not_configured() {
  return problem_response(ProblemKind::kConflict,
                          "no place for backups is configured: set backups.to");
}

HttpResponse begin(BackupService& backups, ApiRequest& request) {
  const Result<BackupStatus> begun = backups.begin(request.grant.name);
  if (!begun) return problem_of_error(begun.error());
  request.notes["backup"] = ordered_json(begun->facts.id).dump();
  HttpResponse response = json_response(202, status_json(*begun));
  response.headers.push_back({"Location", "/v1/backups/" + begun->facts.id});
  return response;
}

HttpResponse list(const BackupService* backups, const ApiRequest& request) {
  const auto limit = static_cast<std::size_t>(request.integer("limit").value_or(kLimit));
  const std::string_view cursor = request.text("cursor").value_or("");
  if (request.text("cursor") && !is_backup_id(cursor)) {
    return problem_response(ProblemKind::kBadParameter,
                            "cursor takes the `next` of the page before");
  }
  ordered_json page = ordered_json::array();
  std::string next;
  if (backups != nullptr) {
    for (const BackupStatus& status : backups->list()) {
      if (!cursor.empty() && status.facts.id >= cursor) continue;
      if (page.size() == limit) {
        next = page.back().at("id");
        break;
      }
      page.push_back(status_json(status));
    }
  }
  ordered_json answer = {{"backups", std::move(page)}};
  if (!next.empty()) answer["next"] = next;
  return json_response(200, answer);
}

HttpResponse not_found(std::string_view id) {
  return problem_response(ProblemKind::kNotFound, fmt::format("there is no backup {}", id));
}

HttpResponse get(const BackupService* backups, std::string_view id) {
  const auto status = backups == nullptr ? std::nullopt : backups->find(id);
  return status ? json_response(200, status_json(*status)) : not_found(id);
}

HttpResponse remove(BackupService* backups, std::string_view id) {
  if (backups == nullptr) return not_found(id);
  const Result<std::optional<BackupStatus>> removed = backups->remove(id);
  if (!removed) return problem_of_error(removed.error());
  if (*removed) return json_response(200, status_json(**removed));
  return {204, {}, "", ""};
}

constexpr std::string_view kSchemas = R"({
  "Backup": {
    "id": "text like ^[0-9]{8}T[0-9]{9}Z$; when it was asked for",
    "state": "one of running, done, failed, cancelled",
    "who": "text or null; the name of a token; null: the schedule",
    "began": "time",
    "ended": "time or null",
    "progress": "number from 0 to 1",
    "failure?": "text; of one that failed",
    "checkpoint?": "whole; the one that a start goes on from; 0: there was none yet",
    "files?": "whole; of the data directory",
    "bytes?": "whole; of these files",
    "stored_bytes?": "whole; of them, that were not stored before",
    "version?": "text; of the program"
  },
  "BackupPage": {"backups": "list of Backup", "next?": "text; the cursor of the next page"}
})";
}  // namespace

void add_backup_routes(Router& router, BackupService* backups) {
  router.add_schemas(kSchemas);
  const RouteParameter id{.name = "backup", .description = "Its id", .pattern = kIdPattern};
  router.add({.method = "POST",
              .path = "/v1/backups",
              .operation_id = "startBackup",
              .tag = "operations",
              .summary = "Back up the data directory, beside the server's work",
              .description =
                  "What is equal to a part of an earlier backup is not stored again. One backup is "
                  "made at a time. Nothing waits for it.",
              .role = Role::kOperator,
              .answers = {{202, "The backup is being made", "application/json", "Backup"}},
              .answer_headers = {"Location"},
              .problems = {409},
              .handler = [backups](ApiRequest& request) {
                return backups == nullptr ? not_configured() : begin(*backups, request);
              }});
  router.add({.method = "GET",
              .path = "/v1/backups",
              .operation_id = "listBackups",
              .tag = "operations",
              .summary = "Backups that are kept, and those of this process that ended otherwise; "
                         "newest first",
              .role = Role::kReader,
              .query_parameters = {{.name = "limit",
                                    .type = RouteParameter::Type::kInteger,
                                    .description = "Maximum number of backups; default 100",
                                    .least = 1,
                                    .most = kLimitMax},
                                   {.name = "cursor",
                                    .description = "`next` of the page before",
                                    .pattern = kIdPattern}},
              .answers = {{200, "A page of backups", "application/json", "BackupPage"}},
              .handler = [backups](ApiRequest& request) { return list(backups, request); }});
  router.add({.method = "GET",
              .path = "/v1/backups/{backup}",
              .operation_id = "getBackup",
              .tag = "operations",
              .summary = "State and progress of one backup",
              .role = Role::kReader,
              .path_parameters = {id},
              .answers = {{200, "The backup", "application/json", "Backup"}},
              .handler = [backups](ApiRequest& request) {
                return get(backups, *request.text("backup"));
              }});
  router.add({.method = "DELETE",
              .path = "/v1/backups/{backup}",
              .operation_id = "deleteBackup",
              .tag = "operations",
              .summary = "Cancel a backup that is being made; remove one that is kept",
              .role = Role::kAdmin,
              .path_parameters = {id},
              .answers = {{200, "It was cancelled", "application/json", "Backup"},
                          {204, "It is removed, with what no other one needs"}},
              .problems = {409},
              .handler = [backups](ApiRequest& request) {
                return remove(backups, *request.text("backup"));
              }});
}
}  // namespace tocsin::api
