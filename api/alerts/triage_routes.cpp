#include "api/alerts/triage_routes.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/alerts/triage_json.h"
#include "api/alerts/triage_request.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

RouteParameter alert_id_parameter() {
  return {"id", RouteParameter::Type::kText, "The alert's id, 32 hex digits"};
}
HttpResponse triage_response(const TriageRecord& record) {
  HttpResponse response = json_response(200, triage_json(record));
  response.headers.push_back({"ETag", etag_of(record.version)});
  return response;
}

class TriageOperations {
 public:
  explicit TriageOperations(TriageRouteServices services) : services_(std::move(services)) {}

  HttpResponse triage(const ApiRequest& request) const {
    const auto hit = services_.alerts.one(request);
    return hit ? triage_response(hit->triage) : hit.error();
  }

  HttpResponse change(ApiRequest& request) const {
    constexpr std::string_view kKnown[] = {"action", "assignee", "comment"};
    const auto body = read_json_object(request, kKnown);
    if (!body) return body.error();
    const auto hit = services_.alerts.one(request);
    if (!hit) return hit.error();
    const auto wanted = read_triage_change(request, *body);
    if (!wanted) return wanted.error();
    request.notes["triage"] = ordered_json(name_of(*wanted)).dump();
    std::optional<HttpResponse> refused;
    const Result<TriageRecord> record = services_.triage.change(
        hit->alert, *wanted, services_.clock.now(), [&](const TriageRecord& now) -> Result<void> {
          const auto matches = check_if_match(request, now.version, true);
          if (matches) return {};
          refused = matches.error();
          return fail(Errc::kConflict, "");
        });
    if (refused) return *refused;
    if (record) {
      tell(hit->alert, *record);
      return triage_response(*record);
    }
    if (record.error().code != Errc::kConflict) return problem_of_error(record.error());
    const Result<TriageRecord> now = services_.triage.get(hit->alert.id);
    if (!now) return problem_of_error(now.error());
    ordered_json more = {{"state", name_of(now->state)}, {"allowed", ordered_json::array()}};
    for (const TriageAction action : triage_actions_of(now->state))
      more["allowed"].push_back(name_of(action));
    return problem_response(ProblemKind::kConflict, record.error().message, more);
  }

  HttpResponse change_all(ApiRequest& request) const {
    constexpr std::string_view kKnown[] = {"alerts", "action", "assignee", "comment"};
    const auto body = read_json_object(request, kKnown);
    if (!body) return body.error();
    const auto wanted = read_triage_change(request, *body);
    if (!wanted) return wanted.error();
    auto list = read_triage_list(*body);
    if (!list) return list.error();
    request.notes["triage"] = ordered_json(name_of(*wanted)).dump();
    auto found = services_.alerts.several(request, list->ids);
    if (!found) return problem_of_error(found.error());
    std::vector<TriageTarget> targets;
    std::vector<std::size_t> places;  // of the targets, among what was asked for
    ordered_json answers = ordered_json::array();
    for (std::size_t i = 0; i < found->size(); ++i) {
      std::optional<runtime::StoredAlert>& alert = (*found)[i];
      answers.push_back({{"id", list->ids[i]}, {"status", 404}});
      if (alert) {
        targets.push_back({*std::move(alert), list->versions[i]});
        places.push_back(i);
      } else {
        answers[i]["detail"] = "there is no alert with this id";
      }
    }
    ordered_json changed = ordered_json::array();
    services_.triage.change_all(targets, *wanted, services_.clock.now(),
                                [&](std::size_t target, const TriageOutcome& outcome) {
                                  ordered_json& answer = answers[places[target]];
                                  answer.update(outcome_json(outcome));
                                  if (outcome.refusal) return;
                                  changed.push_back(targets[target].alert.id);
                                  tell(targets[target].alert, outcome.record);
                                });
    const std::size_t refused = answers.size() - changed.size();
    ordered_json document = {{"changed", changed.size()}, {"refused", refused}};
    document["alerts"] = std::move(answers);
    request.notes["alerts"] = changed.dump();
    if (refused > 0) request.notes["alerts_refused"] = std::to_string(refused);
    return json_response(200, document);
  }

  HttpResponse precision(const ApiRequest& request) const {
    const std::string rule(*request.text("rule"));
    if (services_.refused_rule) {
      if (auto refused = services_.refused_rule(rule)) return *refused;
    }
    const Result<RuleLabels> labels = services_.triage.labels(rule);
    if (!labels) return problem_of_error(labels.error());
    const std::uint64_t judged = labels->confirmed + labels->dismissed;
    ordered_json document = {
        {"rule", rule}, {"confirmed", labels->confirmed}, {"dismissed", labels->dismissed}};
    if (judged > 0) {
      document["precision"] = static_cast<double>(labels->confirmed) / static_cast<double>(judged);
    }
    return json_response(200, document);
  }

 private:
  void tell(const runtime::StoredAlert& alert, const TriageRecord& record) const {
    if (services_.changed) services_.changed(alert, record);
  }

  TriageRouteServices services_;
};
using SharedOperations = std::shared_ptr<const TriageOperations>;

void add_changes(Router& router, const SharedOperations& operations) {
  router.add(
      {.method = "POST",
       .path = "/v1/alerts/{id}/triage",
       .operation_id = "changeTriage",
       .tag = "triage",
       .summary = "Assign, release, confirm, dismiss, close or reopen an alert, or comment",
       .description = "The change is durable when this answers. An action that the state does not "
                      "allow is refused with 409, which names the allowed ones. With If-Match only "
                      "this state of triage is changed.",
       .role = Role::kAnalyst,
       .scoped_by = kAnyScope,
       .path_parameters = {alert_id_parameter()},
       .body = RouteBody{{"application/json"}, "TriageChange"},
       .answers = {{200, "Triage after the change", "application/json", "Triage"}},
       .request_headers = {"If-Match"},
       .answer_headers = {"ETag"},
       .problems = {409, 412, 413, 415},
       .handler = [operations](ApiRequest& request) { return operations->change(request); }});
  router.add(
      {.method = "POST",
       .path = "/v1/alerts/triage",
       .operation_id = "changeTriageOfAll",
       .tag = "triage",
       .summary = "The same change of up to 1,000 alerts, each by itself",
       .description = "The answer says for each alert what a request for it alone would have been "
                      "answered with: one that is gone, is in another state or has another version "
                      "keeps no other from being changed. What was changed is durable when this "
                      "answers.",
       .role = Role::kAnalyst,
       .scoped_by = kAnyScope,
       .body = RouteBody{{"application/json"}, "TriageChangeOfAll"},
       .answers = {{200, "What came of each, in the order of the request", "application/json",
                    "TriageOutcomes"}},
       .problems = {413, 415},
       .handler = [operations](ApiRequest& request) { return operations->change_all(request); }});
}
}  // namespace

void add_triage_routes(Router& router, const TriageRouteServices& services) {
  const auto operations = std::make_shared<const TriageOperations>(services);
  router.add(
      {.method = "GET",
       .path = "/v1/alerts/{id}/triage",
       .operation_id = "getTriage",
       .tag = "triage",
       .summary = "The triage of an alert",
       .role = Role::kReader,
       .scoped_by = kAnyScope,
       .path_parameters = {alert_id_parameter()},
       .answers = {{200, "State, label and history", "application/json", "Triage"}},
       .answer_headers = {"ETag"},
       .handler = [operations](ApiRequest& request) { return operations->triage(request); }});
  add_changes(router, operations);
  router.add(
      {.method = "GET",
       .path = "/v1/rules/{rule}/precision",
       .operation_id = "getRulePrecision",
       .tag = "triage",
       .summary = "How many of a rule's alerts people confirmed and dismissed",
       .role = Role::kReader,
       .path_parameters = {{"rule", RouteParameter::Type::kText, "The rule's id"}},
       .answers = {{200, "Labels, and their share of confirmed ones", "application/json",
                    "RulePrecision"}},
       .handler = [operations](ApiRequest& request) { return operations->precision(request); }});
}
}  // namespace tocsin::api
