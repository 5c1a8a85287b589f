#include "api/jobs/backtest_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/alerts/alert_line.h"
#include "api/backtest/alert_value.h"
#include "api/backtest/archive_question.h"
#include "api/backtest/labels.h"
#include "api/backtest/report_schemas.h"
#include "api/node/pack_request.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using Refused = tl::unexpected<HttpResponse>;
constexpr std::size_t kBodyBytesMax = std::size_t{16} << 20;
constexpr std::int64_t kVariantsMax = 1000;
constexpr std::int64_t kSamplesMax = 100;
constexpr const char* kRetryAfter = "10";

Refused bad_body(std::string_view detail) {
  return Refused(problem_response(ProblemKind::kBadBody, detail));
}

ordered_json status_json(const BacktestStatus& status) {
  ordered_json json = job_json(status.job);
  json["progress"] = status.progress;
  json["seconds_left"] = status.seconds_left ? ordered_json(*status.seconds_left) : ordered_json();
  return json;
}

// Reads a body, member by member, and makes of it what was asked, for people.
class RequestReader {
 public:
  RequestReader(const ordered_json& body, const BacktestServices& services, const CurrentRules& now)
      : body_(body), services_(services), now_(now) {}

  tl::expected<BacktestRequest, HttpResponse> read() {
    for (const auto part :
         {&RequestReader::read_rules, &RequestReader::read_against, &RequestReader::read_times,
          &RequestReader::read_labels, &RequestReader::read_value, &RequestReader::read_options}) {
      if (auto done = (this->*part)(); !done) return tl::unexpected(std::move(done.error()));
    }
    return std::move(request_);
  }
  const ordered_json& asked() const { return asked_; }

 private:
  using Read = tl::expected<void, HttpResponse>;

  const ordered_json* find(const char* member) const {
    const auto found = body_.find(member);
    return found == body_.end() || found->is_null() ? nullptr : &*found;
  }

  // Rules run with the status of their text, or as a deploy of them would leave them.
  tl::expected<RulePack, HttpResponse> pack_of(const ordered_json& files, bool is_patch,
                                               bool at_stages = false) {
    const RulePack base = at_stages  ? now_.pack
                          : is_patch ? now_.pack.with_rollouts({})
                                     : RulePack();
    Result<RulePack> pack = with_pack_files(base, files, is_patch);
    if (!pack) return bad_body(pack.error().message);
    LoadedRules loaded;
    if (const auto refusal = RuleService::check(*pack, true, loaded)) {
      return Refused(refused(*refusal));
    }
    if (loaded.program->plan().rules.empty()) {
      return bad_body("`files` have no rule to run: `status draft` leaves a rule out");
    }
    plans_.push_back(loaded.loaded.rules->plan);
    return *pack;
  }

  Read read_rules() {
    const ordered_json* const files = find("files");
    const ordered_json* const patch = find("patch");
    if (patch != nullptr && !patch->is_boolean()) return bad_body("`patch` is true or false");
    const bool is_patch = patch != nullptr && patch->get<bool>();
    if (files == nullptr || !are_pack_files(*files, is_patch)) {
      return bad_body(R"(`files` has the rule files: {"PATH": "TEXT", …})");
    }
    const ordered_json* const stages = find("stages");
    if (stages != nullptr && *stages != "text" && *stages != "active") {
      return bad_body(R"(`stages` is "text" or "active")");
    }
    const bool at_stages = stages != nullptr && *stages == "active";
    auto pack = pack_of(*files, is_patch, at_stages);
    if (!pack) return Refused(std::move(pack.error()));
    request_.rules = *std::move(pack);
    asked_["files"] = paths_of(*files);
    if (is_patch) asked_["patch"] = true;
    if (at_stages) asked_["stages"] = "active";
    return {};
  }
  static std::vector<std::string> paths_of(const ordered_json& files) {
    std::vector<std::string> paths;
    for (const auto& [path, text] : files.items()) paths.push_back(path);
    return paths;
  }

  Read read_against() {
    const ordered_json* const against = find("against");
    if (against == nullptr) return {};
    if (against->is_string() && *against == "live") {
      if (now_.rules.loaded.rules->plan->rules.empty()) {
        return bad_body("`against` is \"live\", and no rule is active");
      }
      plans_.push_back(now_.rules.loaded.rules->plan);
      request_.against = now_.pack;
      request_.against_named = {fmt::format("version {}", now_.version)};
      asked_["against"] = request_.against_named.front();
      return {};
    }
    if (!are_pack_files(*against, false)) {
      return bad_body(R"(`against` is "live" or rule files, {"PATH": "TEXT", …})");
    }
    auto pack = pack_of(*against, false);
    if (!pack) return Refused(std::move(pack.error()));
    request_.against = *std::move(pack);
    request_.against_named = paths_of(*against);
    asked_["against"] = request_.against_named;
    return {};
  }

  Read read_times() {
    for (const auto& [member, to] :
         {std::pair{"from", &request_.from}, std::pair{"to", &request_.to},
          std::pair{"lists_as_of", &request_.lists_as_of}}) {
      const ordered_json* const time = find(member);
      if (time == nullptr) continue;
      if (!time->is_string()) return bad_body(fmt::format("`{}` is a time as a text", member));
      *to = time->get<std::string>();
      asked_[member] = *to;
    }
    const auto span = archive_span(request_.from, request_.to, "`from`, `to`");
    if (!span) return bad_body(span.error().message);
    if (*span && (*span)->is_empty()) return bad_body("`to` is not after `from`");
    const auto as_of = archive_time(request_.lists_as_of, "`lists_as_of`");
    if (!as_of) return bad_body(as_of.error().message);
    return {};
  }

  Read read_labels() {
    const ordered_json* const labels = find("labels");
    if (labels == nullptr) return {};
    if (labels->is_string() && *labels == "triage") {
      request_.labels_by_triage = true;
      asked_["labels"] = "triage";
      return {};
    }
    if (!labels->is_array()) return bad_body(R"(`labels` is "triage" or an array of labels)");
    std::string lines;
    for (const ordered_json& label : *labels) lines += label.dump() + "\n";
    if (const Result<Labels> parsed = Labels::parse(lines, "labels"); !parsed) {
      return bad_body(parsed.error().message);
    }
    request_.labels = std::move(lines);
    asked_["labels"] = labels->size();
    return {};
  }

  Read read_value() {
    const ordered_json* const value = find("value");
    if (value == nullptr) return {};
    if (!value->is_string() || value->get_ref<const std::string&>().empty()) {
      return bad_body("`value` is the name of a field of alerts");
    }
    request_.value = value->get<std::string>();
    std::vector<const cep::Plan*> plans;
    for (const auto& plan : plans_) plans.push_back(plan.get());
    if (const auto refusal = why_no_value(request_.value, plans)) {
      return bad_body("`value`: " + *refusal);
    }
    if (const auto rule = masked_in(plans, request_.value)) {
      return bad_body(fmt::format(
          "`value`: `{}` is personal data in alerts of rule `{}`, and no report has any",
          request_.value, *rule));
    }
    asked_["value"] = request_.value;
    return {};
  }

  // The first rule whose alerts have a mark in place of the field: a sum would tell what it stands
  // for.
  std::optional<std::string> masked_in(const std::vector<const cep::Plan*>& plans,
                                       const std::string& field) const {
    if (!services_.masker_of) return std::nullopt;
    const BacktestResources::Masker masker = services_.masker_of(plans);
    for (const cep::Plan* const plan : plans) {
      for (const cep::Rule& rule : plan->rules) {
        if (std::ranges::find(rule.fields, field, &cep::AlertField::name) == rule.fields.end()) {
          continue;
        }
        const ordered_json line = {{"rule", rule.id}, {"score", 1}, {"fields", {{field, 1}}}};
        const std::string masked = masker(line.dump());
        const std::string_view fields = json_member(masked, "fields");
        if (json_member(field == "score" ? masked : fields, field) != "1") return rule.id;
      }
    }
    return std::nullopt;
  }

  Read read_options() {
    for (const auto& [member, to] : {std::pair{"vary", &request_.varies},
                                     std::pair{"final_watermark", &request_.final_watermark}}) {
      const ordered_json* const given = find(member);
      if (given == nullptr) continue;
      if (!given->is_boolean()) return bad_body(fmt::format("`{}` is true or false", member));
      *to = given->get<bool>();
      asked_[member] = *to;
    }
    struct Number {
      const char* member;
      std::size_t* to;
      std::int64_t least, most;
    };
    for (const Number& number : {Number{"vary_max", &request_.variants_max, 1, kVariantsMax},
                                 Number{"samples", &request_.samples, 0, kSamplesMax}}) {
      const ordered_json* const given = find(number.member);
      if (given == nullptr) continue;
      const bool is_good =
          given->is_number_integer() && *given >= number.least && *given <= number.most;
      if (!is_good) {
        return bad_body(fmt::format("`{}` is a whole number from {} to {}", number.member,
                                    number.least, number.most));
      }
      *number.to = given->get<std::size_t>();
      asked_[number.member] = *number.to;
    }
    return {};
  }

  const ordered_json& body_;
  const BacktestServices& services_;
  const CurrentRules& now_;
  BacktestRequest request_;
  std::vector<std::shared_ptr<const cep::Plan>> plans_;  // of all rules
  ordered_json asked_ = ordered_json::object();
};

HttpResponse add(const BacktestServices& services, ApiRequest& request) {
  const auto body =
      read_json_object(request,
                       {"files", "patch", "stages", "against", "from", "to", "labels", "value",
                        "vary", "vary_max", "samples", "final_watermark", "lists_as_of"},
                       kBodyBytesMax);
  if (!body) return body.error();
  const std::shared_ptr<const CurrentRules> now = services.rules.current();
  RequestReader reader(*body, services, *now);
  auto asked = reader.read();
  if (!asked) return std::move(asked.error());
  const Result<BacktestStatus> added =
      services.jobs.add(*std::move(asked), reader.asked().dump(), request.grant.name);
  if (!added && added.error().code == Errc::kInUse) {
    HttpResponse response = problem_response(ProblemKind::kTooManyRequests, added.error().message);
    response.headers.push_back({"Retry-After", kRetryAfter});
    return response;
  }
  if (!added) return problem_of_error(added.error());
  request.notes["backtest"] = std::to_string(added->job.number);
  HttpResponse response = json_response(202, status_json(*added));
  response.headers.push_back({"Location", fmt::format("/v1/backtests/{}", added->job.number)});
  return response;
}

HttpResponse list(const BacktestServices& services) {
  ordered_json all = ordered_json::array();
  for (const BacktestStatus& status : services.jobs.list()) all.push_back(status_json(status));
  return json_response(200, {{"backtests", std::move(all)}});
}

std::uint64_t number_of(const ApiRequest& request) {
  return static_cast<std::uint64_t>(*request.integer("backtest"));
}

HttpResponse get(const BacktestServices& services, const ApiRequest& request) {
  const std::optional<BacktestStatus> status = services.jobs.find(number_of(request));
  if (status) return json_response(200, status_json(*status));
  return problem_response(ProblemKind::kNotFound,
                          fmt::format("there is no backtest {}", number_of(request)));
}

HttpResponse get_report(const BacktestServices& services, const ApiRequest& request) {
  Result<StoredReport> report = services.jobs.report(number_of(request));
  if (!report) return problem_of_error(report.error());
  const std::string_view format = request.text("format").value_or("json");
  if (format == "text") return {200, {}, "text/plain; charset=utf-8", std::move(report->text)};
  if (format == "html") {
    return {200,
            {{"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"}},
            "text/html; charset=utf-8",
            std::move(report->html)};
  }
  return json_text_response(200, std::move(report->json));
}

HttpResponse remove(const BacktestServices& services, const ApiRequest& request) {
  const std::uint64_t number = number_of(request);
  const std::optional<BacktestStatus> before = services.jobs.find(number);
  if (before && !has_ended(before->job.state)) {
    const Result<BacktestStatus> cancelled = services.jobs.cancel(number);
    if (cancelled) return json_response(200, status_json(*cancelled));
    if (cancelled.error().code != Errc::kConflict) return problem_of_error(cancelled.error());
  }
  const Result<void> removed = services.jobs.remove(number);
  if (!removed) return problem_of_error(removed.error());
  return {204, {}, "", ""};
}
}  // namespace

namespace {
constexpr std::string_view kSchemas = R"({
  "BacktestRequest": {
    "body": true,
    "files": "FileChanges; null with patch alone",
    "patch?": "boolean or null; the files that differ from the active ones",
    "stages?": "one of text, active or null",
    "against?": {"$schema": {"anyOf": [
      {"type": ["string", "null"], "enum": ["live", null]},
      {"$ref": "#/components/schemas/FileTexts"}
    ]}},
    "from?": "text or null; a time or day",
    "to?": "text or null; a time or day",
    "lists_as_of?": "text or null; a time or day",
    "labels?": {"$schema": {"anyOf": [
      {"type": ["string", "null"], "enum": ["triage", null]},
      {"type": "array", "items": {"type": "object"}}
    ]}},
    "value?": "text or null; a field of alerts, such as amount, that the report adds up",
    "vary?": "boolean or null",
    "vary_max?": "whole or null",
    "samples?": "whole or null",
    "final_watermark?": "boolean or null"
  },
  "BacktestAsked": {
    "files": "list of text; paths",
    "patch?": "boolean",
    "stages?": "text",
    "against?": {"$schema": {
      "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
    }},
    "from?": "text",
    "to?": "text",
    "lists_as_of?": "text",
    "labels?": {"$schema": {"type": ["string", "integer"]}},
    "value?": "text",
    "vary?": "boolean",
    "vary_max?": "whole",
    "samples?": "whole",
    "final_watermark?": "boolean"
  },
  "Backtest": {
    "id": "whole",
    "state": "one of queued, running, done, failed, cancelled",
    "who": "text",
    "asked": "time",
    "began": "time or null",
    "ended": "time or null",
    "failure?": "text",
    "notes?": "list of text",
    "request": "BacktestAsked",
    "progress": "number; from 0 to 1",
    "seconds_left": "number or null"
  },
  "BacktestList": {"backtests": "list of Backtest"}
})";
}  // namespace

void add_backtest_routes(Router& router, BacktestServices services) {
  const RouteParameter number{.name = "backtest",
                              .type = RouteParameter::Type::kInteger,
                              .description = "Its id",
                              .least = 1};
  router.add_schemas(kSchemas);
  router.add_schemas(kReportSchemas);
  router.add({.method = "POST",
              .path = "/v1/backtests",
              .operation_id = "startBacktest",
              .tag = "backtests",
              .summary = "Run rules over the server's archive, beside its work",
              .description = "`files` are the rules, all of them, or with `patch` those that "
                             "differ from the active ones. They run with the status of their text, "
                             "or with `stages` \"active\" as a deploy would leave them. One "
                             "backtest runs at a time; others "
                             "wait. Nothing is stored or delivered but the report.",
              .role = Role::kAnalyst,
              .body = RouteBody{{"application/json"}, "BacktestRequest"},
              .answers = {{202, "The backtest waits, or runs", "application/json", "Backtest"}},
              .answer_headers = {"Location"},
              .problems = {413, 415, 422},
              .handler = [services](ApiRequest& request) {
                return services.checks.run([&] { return add(services, request); });
              }});
  router.add({.method = "GET",
              .path = "/v1/backtests",
              .operation_id = "listBacktests",
              .tag = "backtests",
              .summary = "Backtests that wait, run or have ended, the newest first",
              .role = Role::kReader,
              .answers = {{200, "All that are kept", "application/json", "BacktestList"}},
              .handler = [services](ApiRequest&) { return list(services); }});
  router.add(
      {.method = "GET",
       .path = "/v1/backtests/{backtest}",
       .operation_id = "getBacktest",
       .tag = "backtests",
       .summary = "How a backtest stands",
       .role = Role::kReader,
       .path_parameters = {number},
       .answers = {{200, "State, progress, who asked for what", "application/json", "Backtest"}},
       .handler = [services](ApiRequest& request) { return get(services, request); }});
  router.add(
      {.method = "GET",
       .path = "/v1/backtests/{backtest}/report",
       .operation_id = "getBacktestReport",
       .tag = "backtests",
       .summary = "The report of a backtest that is done",
       .role = Role::kReader,
       .path_parameters = {number},
       .query_parameters = {{.name = "format",
                             .type = RouteParameter::Type::kWord,
                             .description = "For programs, terminals or browsers; default json",
                             .words = {"json", "text", "html"}}},
       .answers = {{200, "The report", "application/json", "BacktestReport"},
                   {200, "The report", "text/plain; charset=utf-8"},
                   {200, "The report", "text/html; charset=utf-8"}},
       .answer_headers = {"Content-Security-Policy"},
       .problems = {409},
       .handler = [services](ApiRequest& request) { return get_report(services, request); }});
  router.add({.method = "DELETE",
              .path = "/v1/backtests/{backtest}",
              .operation_id = "deleteBacktest",
              .tag = "backtests",
              .summary = "Cancel a backtest that has not ended; remove one that has",
              .role = Role::kAnalyst,
              .path_parameters = {number},
              .answers = {{200, "It was cancelled", "application/json", "Backtest"},
                          {204, "It is removed, with its report"}},
              .problems = {409},
              .handler = [services](ApiRequest& request) { return remove(services, request); }});
}
}  // namespace tocsin::api
