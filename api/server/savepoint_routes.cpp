#include <fmt/format.h>

#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "api/node/node_report.h"
#include "api/rest/json_body.h"
#include "api/server/operation_routes.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/savepoint.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

ordered_json place_json(const runtime::Manifest& manifest) {
  return {{"next_record", manifest.meta.position},
          {"watermark", time_json(manifest.meta.watermark)},
          {"made", cep::format_time(manifest.meta.taken_at)}};
}
ordered_json manifest_json(const std::string& name, const runtime::Manifest& manifest) {
  ordered_json json = {{"name", name}};
  json.update(place_json(manifest));
  return json;
}
std::string folder_of(const ServerContext& context, std::string_view name) {
  return fmt::format("{}/{}", context.paths.savepoints, name);
}
ordered_json entry_json(const runtime::SavepointEntry& entry) {
  if (!entry.manifest) return {{"name", entry.name}, {"damage", entry.manifest.error().message}};
  ordered_json json = manifest_json(entry.name, *entry.manifest);
  json["bytes"] = entry.bytes;
  return json;
}

// A checkpoint that is taken beside events.
class CheckpointRequest {
 public:
  // Makes it, the first time.
  bool is_answered(runtime::Node& node) {
    if (!requested_) requested_ = node.request_checkpoint();
    const runtime::CheckpointFigures figures = node.checkpoints();
    if (figures.answered < *requested_) return false;
    number_ = figures.number;
    if (!figures.failure.empty()) failure_ = Error{Errc::kIo, figures.failure};
    return true;
  }
  std::uint64_t number() const { return number_; }
  const std::optional<Error>& failure() const { return failure_; }

 private:
  std::optional<std::uint64_t> requested_;
  std::uint64_t number_ = 0;
  std::optional<Error> failure_;
};

HttpResponse take_checkpoint(ServerContext& context) {
  CheckpointRequest request;
  const Served<void> asked = context.node.pursue(
      [&](runtime::Node& node) { return request.is_answered(node); }, kAskPatience);
  if (!asked) return refusal_response(asked.error());
  if (const auto failure = request.failure()) return problem_of_error(*failure);
  return json_response(201, {{"checkpoint", request.number()}});
}

HttpResponse list_checkpoints(ServerContext& context) {
  const std::string& folder = context.paths.checkpoints;
  const auto numbers = runtime::list_checkpoints(context.files, folder);
  if (!numbers) return problem_of_error(numbers.error());
  ordered_json list = ordered_json::array();
  bool has_good = false;
  for (auto number = numbers->rbegin(); number != numbers->rend(); ++number) {
    const auto manifest =
        runtime::read_manifest(context.files, runtime::checkpoint_path(folder, *number));
    ordered_json one = {{"number", *number}, {"last_good", manifest && !has_good}};
    if (manifest) {
      has_good = true;
      one.update(place_json(*manifest));
      std::uint64_t bytes = 0;
      for (const runtime::ManifestFile& file : manifest->files) bytes += file.bytes;
      one["bytes"] = bytes;
    } else if (manifest.error().code == Errc::kNotFound) {
      continue;  // a newer one has taken its place just now
    } else {
      one["damage"] = manifest.error().message;
    }
    list.push_back(std::move(one));
  }
  return json_response(200, {{"checkpoints", std::move(list)}});
}

HttpResponse make_savepoint(ServerContext& context, ApiRequest& request) {
  const auto body = read_json_object(request, {"name"});
  if (!body) return body.error();
  if (!body->contains("name") || !(*body)["name"].is_string()) {
    return problem_response(ProblemKind::kBadBody, R"(the body is {"name": "NAME"})");
  }
  const std::string name = (*body)["name"];
  if (auto checked = runtime::check_savepoint_name(name); !checked) {
    return problem_of_error(checked.error());
  }
  CheckpointRequest checkpoint;
  // Told on another thread, perhaps after this one has given up.
  struct Kept {
    std::mutex mutex;
    std::optional<Result<runtime::Manifest>> made;
  };
  const auto kept = std::make_shared<Kept>();
  bool is_asked = false;
  const auto step = [&](runtime::Node& node) {
    if (!checkpoint.is_answered(node)) return false;
    if (checkpoint.failure()) return true;
    if (!is_asked) {
      is_asked = true;
      node.keep_newest(name, [kept](Result<runtime::Manifest> made) {
        const std::lock_guard lock(kept->mutex);
        kept->made = std::move(made);
      });
    }
    const std::lock_guard lock(kept->mutex);
    return kept->made.has_value();
  };
  const Served<void> asked = context.node.pursue(step, kAskPatience);
  if (!asked) return refusal_response(asked.error());
  if (const auto failure = checkpoint.failure()) return problem_of_error(*failure);
  const Result<runtime::Manifest>& made = *kept->made;
  if (!made) return problem_of_error(made.error());
  HttpResponse response = json_response(201, manifest_json(name, *made));
  response.headers.push_back({"Location", "/v1/savepoints/" + name});
  return response;
}

HttpResponse list_savepoints(ServerContext& context) {
  const auto entries = runtime::list_savepoints(context.files, context.paths.savepoints);
  if (!entries) return problem_of_error(entries.error());
  ordered_json list = ordered_json::array();
  for (const runtime::SavepointEntry& entry : *entries) list.push_back(entry_json(entry));
  return json_response(200, {{"savepoints", list}});
}

HttpResponse get_savepoint(ServerContext& context, std::string_view name) {
  const auto entries = runtime::list_savepoints(context.files, context.paths.savepoints);
  if (!entries) return problem_of_error(entries.error());
  for (const runtime::SavepointEntry& entry : *entries) {
    if (entry.name == name) return json_response(200, entry_json(entry));
  }
  return problem_response(ProblemKind::kNotFound, fmt::format("there is no savepoint {}", name));
}

HttpResponse delete_savepoint(ServerContext& context, std::string_view name) {
  if (auto checked = runtime::check_savepoint_name(name); !checked) {
    return problem_of_error(checked.error(), ProblemKind::kBadParameter);
  }
  const Result<void> deleted = runtime::delete_savepoint(context.files, folder_of(context, name));
  if (!deleted) return problem_of_error(deleted.error());
  return {204, {}, "", ""};
}
constexpr const char* kNamePattern = R"(^(?![\s\S]*\.(new|old)$)[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$)";
constexpr std::string_view kSchemas = R"({
  "Checkpoint": {"checkpoint": "whole; its number"},
  "KeptCheckpoint": {
    "number": "whole",
    "last_good": "boolean; the newest of which the manifest is whole: a start goes on from it",
    "next_record?": "whole; of the journal",
    "watermark?": "time or null",
    "made?": "time",
    "bytes?": "whole; of its files, which it may share with others",
    "damage?": "text; why its manifest cannot be read"
  },
  "CheckpointList": {"checkpoints": "list of KeptCheckpoint"},
  "NewSavepoint": {"body": true, "name": "text like ^(?![\\s\\S]*\\.(new|old)$)[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$; becomes the name of a folder"},
  "Savepoint": {
    "name": "text",
    "next_record?": "whole; of the journal",
    "watermark?": "time or null",
    "made?": "time",
    "bytes?": "whole",
    "damage?": "text; why it cannot be read"
  },
  "SavepointList": {"savepoints": "list of Savepoint"}
})";
}  // namespace

void add_savepoint_routes(Router& router, ServerContext& context) {
  router.add_schemas(kSchemas);
  const RouteParameter name{
      .name = "savepoint", .description = "Its name", .pattern = kNamePattern};
  router.add({.method = "POST",
              .path = "/v1/checkpoints",
              .operation_id = "takeCheckpoint",
              .tag = "operations",
              .summary = "Write a checkpoint now; events wait until it is written",
              .role = Role::kOperator,
              .answers = {{201, "The checkpoint is on disk", "application/json", "Checkpoint"}},
              .handler = [&context](ApiRequest&) { return take_checkpoint(context); }});
  router.add({.method = "GET",
              .path = "/v1/checkpoints",
              .operation_id = "listCheckpoints",
              .tag = "operations",
              .summary = "Checkpoints that are kept, newest first",
              .description = "Reads their manifests alone; `tocsin verify` compares every byte.",
              .role = Role::kReader,
              .answers = {{200, "The checkpoints", "application/json", "CheckpointList"}},
              .handler = [&context](ApiRequest&) { return list_checkpoints(context); }});
  router.add(
      {.method = "POST",
       .path = "/v1/savepoints",
       .operation_id = "makeSavepoint",
       .tag = "operations",
       .summary = "Save the current state, to start from it again; events wait until it is written",
       .role = Role::kOperator,
       .body = RouteBody{{"application/json"}, "NewSavepoint"},
       .answers = {{201, "The savepoint", "application/json", "Savepoint"}},
       .answer_headers = {"Location"},
       .problems = {409, 413, 415},
       .handler = [&context](ApiRequest& request) { return make_savepoint(context, request); }});
  router.add({.method = "GET",
              .path = "/v1/savepoints",
              .operation_id = "listSavepoints",
              .tag = "operations",
              .summary = "All savepoints",
              .role = Role::kReader,
              .answers = {{200, "By name", "application/json", "SavepointList"}},
              .handler = [&context](ApiRequest&) { return list_savepoints(context); }});
  router.add({.method = "GET",
              .path = "/v1/savepoints/{savepoint}",
              .operation_id = "getSavepoint",
              .tag = "operations",
              .summary = "One savepoint",
              .role = Role::kReader,
              .path_parameters = {name},
              .answers = {{200, "The savepoint", "application/json", "Savepoint"}},
              .handler = [&context](ApiRequest& request) {
                return get_savepoint(context, *request.text("savepoint"));
              }});
  router.add({.method = "DELETE",
              .path = "/v1/savepoints/{savepoint}",
              .operation_id = "deleteSavepoint",
              .tag = "operations",
              .summary = "Remove a savepoint",
              .role = Role::kOperator,
              .path_parameters = {name},
              .answers = {{204, "The savepoint is removed"}},
              .problems = {409},
              .handler = [&context](ApiRequest& request) {
                return delete_savepoint(context, *request.text("savepoint"));
              }});
}
}  // namespace tocsin::api
