#include "api/server/alert_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "api/alerts/alert_facets.h"
#include "api/alerts/alert_filter_query.h"
#include "api/alerts/alert_line.h"
#include "api/alerts/alert_preview.h"
#include "api/alerts/alert_schemas.h"
#include "api/alerts/asked_alerts.h"
#include "api/alerts/condition_problem.h"
#include "api/alerts/rule_series.h"
#include "api/alerts/triage_json.h"
#include "api/alerts/triage_routes.h"
#include "api/live/alert_export.h"
#include "api/live/live_alerts.h"
#include "api/rest/audit_trail.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using Type = RouteParameter::Type;
constexpr std::int64_t kHitsMax = 1000;
constexpr std::size_t kHitsDefault = 100;
constexpr std::size_t kPreviewSamples = 5;
constexpr std::int64_t kSeriesDays = 30;
constexpr std::int64_t kSeriesDaysMax = 366;
// Of all rules together: a row of numbers for each.
constexpr std::int64_t kAllSeriesDaysMax = 31;
constexpr std::size_t kSeriesRulesMax = 20'000;

RouteParameter alert_id_parameter() { return {"id", Type::kText, "The alert's id, 32 hex digits"}; }

std::string number_and_time(const runtime::StoredAlert& alert) {
  std::string text = fmt::format(R"("number":{},"stored_at":"{}","live":{})", alert.number,
                                 cep::format_time(alert.stored_at), alert.is_live);
  if (runtime::is_from_topic(alert)) {
    text += fmt::format(R"(,"from":{{"source":{},"offset":{}}})", ordered_json(alert.source).dump(),
                        alert.offset);
  }
  return text;
}

// Adds an alert to a list that is begun.
void add_listed(std::string& list, const AlertHit& hit, const AlertFilter& filter) {
  if (list.back() == '}') list += ',';
  list += fmt::format(R"({{{},"status":"{}","triage_version":{},)", number_and_time(hit.alert),
                      name_of(hit.triage.state), hit.triage.version);
  if (!hit.triage.assignee.empty())
    list += fmt::format(R"("assignee":{},)", ordered_json(hit.triage.assignee).dump());
  list += fmt::format(R"("alert":{}}})", filter.shown(hit.alert));
}

AskedAlerts asked_alerts(AlertRouteServices& services) {
  return {AlertQuery(services.effects.reader(), services.triage, services.limits),
          [&services] { return !services.await_stored || services.await_stored(); }};
}

class Operations {
 public:
  explicit Operations(AlertRouteServices& services)
      : services_(services),
        query_(services.effects.reader(), services.triage, services.limits),
        asked_(asked_alerts(services)) {}

  HttpResponse list(ApiRequest& request) const {
    const auto filter = read_filter(request);
    if (!filter) return filter.error();
    const std::size_t limit = static_cast<std::size_t>(
        request.integer("limit").value_or(static_cast<std::int64_t>(kHitsDefault)));
    const bool is_late = is_behind();
    const AlertOrder order = request.text("order") == "oldest"     ? AlertOrder::kOldest
                             : request.text("order") == "severity" ? AlertOrder::kSeverity
                                                                   : AlertOrder::kNewest;
    const Result<AlertPage> page =
        query_.page(*filter, order, limit, request.text("cursor").value_or(""));
    if (!page) {
      if (page.error().code == Errc::kInvalidArgument)
        return bad_parameter_response("cursor", page.error().message);
      return problem_of_error(page.error());
    }
    std::string body = R"({"alerts":[)";
    for (const AlertHit& hit : page->hits) add_listed(body, hit, *filter);
    body += ']';
    if (!page->hits.empty()) note_read(request);
    if (!page->next.empty()) body += fmt::format(R"(,"next":"{}")", page->next);
    return maybe_behind(json_text_response(200, body + "}"), is_late);
  }

  HttpResponse facets(ApiRequest& request) const {
    const auto filter = read_filter(request);
    if (!filter) return filter.error();
    const bool is_late = is_behind();
    const Result<AlertFacets> facets = count_facets(services_.effects.reader(), services_.triage,
                                                    *filter, services_.limits.rows_max);
    if (!facets) return problem_of_error(facets.error());
    ordered_json body = {{"total", facets->total},
                         {"examined", facets->examined},
                         {"complete", facets->is_complete}};
    for (const AlertFacet& facet : facets->facets) {
      ordered_json values = ordered_json::array();
      for (const auto& [value, count] : facet.values)
        values.push_back({{"value", value}, {"count", count}});
      body["facets"][facet.name] = {{"values", std::move(values)}, {"left_out", facet.left_out}};
    }
    return maybe_behind(json_response(200, body), is_late);
  }

  HttpResponse preview(ApiRequest& request) const {
    constexpr std::string_view kKnown[] = {"filter", "within"};
    const auto body = read_json_object(request, kKnown);
    if (!body) return body.error();
    auto wanted = read_preview(*body);
    if (!wanted) return wanted.error();
    if (services_.names != nullptr) {
      if (auto refused = services_.names->refused(*body, request.grant.scope)) return *refused;
    }
    AlertFilter& filter = wanted->filter;
    filter.scope = request.grant.scope;
    filter.mask = mask_of(request);
    // A value that finds samples would tell whose mark it is that they show.
    if (!filter.key.empty() && services_.privacy != nullptr &&
        services_.privacy->masks(request.grant)) {
      return problem_response(ProblemKind::kForbidden,
                              "a key is personal data, which your role does not see "
                              "(privacy.roles): leave `key` out of what you look for");
    }
    if (auto refused = refused_condition(filter, services_.conditions)) return *std::move(refused);
    if (!filter.key.empty()) request.notes[kKeyReadNote] = ordered_json(filter.key).dump();
    const bool is_late = is_behind();
    const cep::EventTime now = services_.clock.now();
    const Result<AlertPreview> found =
        preview_alerts(services_.effects.reader(), filter, now - wanted->within,
                       services_.limits.rows_max, kPreviewSamples);
    if (!found) return problem_of_error(found.error());
    if (!found->samples.empty()) note_read(request);
    std::string text = fmt::format(
        R"({{"matched":{},"examined":{},"complete":{},"from":"{}","to":"{}","samples":[)",
        found->matched, found->examined, found->is_complete, cep::format_time(found->from),
        cep::format_time(now));
    for (const runtime::StoredAlert& alert : found->samples) {
      const Result<TriageRecord> triage = services_.triage.get(alert.id);
      if (!triage) return problem_of_error(triage.error());
      add_listed(text, {alert, *triage}, filter);
    }
    return maybe_behind(json_text_response(200, text + "]}"), is_late);
  }

  HttpResponse series(ApiRequest& request) const {
    const bool is_late = is_behind();
    if (services_.names != nullptr) {
      if (auto refused = services_.names->refused_rule(*request.text("rule"))) return *refused;
    }
    const Result<RuleSeries> series = rule_series(
        services_.effects.reader(), services_.triage, *request.text("rule"), services_.clock.now(),
        static_cast<std::size_t>(request.integer("days").value_or(kSeriesDays)),
        services_.limits.rows_max);
    if (!series) return problem_of_error(series.error());
    return maybe_behind(json_response(200, rule_series_json(*request.text("rule"), *series)),
                        is_late);
  }

  HttpResponse all_series(ApiRequest& request) const {
    const bool is_late = is_behind();
    const Result<AllRuleSeries> series =
        all_rule_series(services_.effects.reader(), services_.triage, services_.clock.now(),
                        static_cast<std::size_t>(request.integer("days").value_or(kSeriesDays)),
                        services_.limits.rows_max, kSeriesRulesMax);
    if (!series) return problem_of_error(series.error());
    return maybe_behind(json_text_response(200, all_rule_series_json(*series)), is_late);
  }

  HttpResponse one(ApiRequest& request) const {
    const auto hit = asked_.one(request);
    if (!hit) return hit.error();
    note_read(request);
    AlertFilter filter;
    filter.mask = mask_of(request);
    std::string body =
        fmt::format(R"({{{},"alert":{},"triage":{},"deliveries":)", number_and_time(hit->alert),
                    filter.shown(hit->alert), triage_json(hit->triage).dump());
    if (services_.deliveries) {
      const Result<std::string> deliveries = services_.deliveries(hit->alert);
      if (!deliveries) return problem_of_error(deliveries.error());
      body += *deliveries;
    } else {
      body += "[]";
    }
    return json_text_response(200, body + "}");
  }

  HttpResponse export_all(ApiRequest& request) const {
    const auto filter = read_filter(request);
    if (!filter) return filter.error();
    ReadSlots* const reads = services_.reads;
    const SharedPlaces::Place open =
        reads != nullptr ? reads->begin_export(request.grant.called()) : nullptr;
    if (reads != nullptr && !open) return reads->too_many_exports();
    note_read(request);
    const bool is_csv = request.text("format") == "csv";
    const bool is_late = is_behind();
    const Result<runtime::EmittedMark> mark = services_.effects.reader().mark();
    if (!mark) return problem_of_error(mark.error());
    HttpResponse response;
    response.content_type = is_csv ? "text/csv; charset=utf-8" : "application/x-ndjson";
    response.headers.push_back(
        {"Content-Disposition",
         fmt::format("attachment; filename=\"alerts.{}\"", is_csv ? "csv" : "ndjson")});
    response.stream = page_stream([rest = ExportRest{query_, *filter, is_csv, mark->number,
                                                     while_known(services_.is_known, request)},
                                   reads, open]() mutable {
      return reads != nullptr ? reads->page([&] { return rest.next(); }) : rest.next();
    });
    return maybe_behind(std::move(response), is_late);
  }

  ReadSlots* reads() const { return services_.reads; }

  HttpResponse stream(ApiRequest& request) const {
    const LiveAlerts alerts = live_alerts(services_);
    auto followed = follow_alerts(alerts, request, {true, request.text("triage") == "true"});
    return followed ? event_stream(alerts, request, *std::move(followed)) : followed.error();
  }

 private:
  MaskLine mask_of(const ApiRequest& request) const { return mask_for(services_.privacy, request); }
  tl::expected<AlertFilter, HttpResponse> read_filter(const ApiRequest& request) const {
    return filter_for(live_alerts(services_), request);
  }
  void note_read(ApiRequest& request) const {
    if (services_.privacy != nullptr) services_.privacy->note_read(request);
  }
  bool is_behind() const { return services_.await_stored && !services_.await_stored(); }

  AlertRouteServices& services_;
  AlertQuery query_;
  AskedAlerts asked_;
};

using SharedOperations = std::shared_ptr<const Operations>;

// The handler of one that may examine many alerts.
RouteHandler query(const SharedOperations& operations,
                   HttpResponse (Operations::*handle)(ApiRequest&) const) {
  RouteHandler handler = [operations, handle](ApiRequest& request) {
    return ((*operations).*handle)(request);
  };
  ReadSlots* const reads = operations->reads();
  return reads != nullptr ? reads->around(std::move(handler)) : handler;
}

void add_facets(Router& router, const SharedOperations& operations) {
  router.add(
      {.method = "GET",
       .path = "/v1/alerts/facets",
       .operation_id = "countAlerts",
       .tag = "alerts",
       .summary =
           "How many alerts of a filter have which state, severity, rule, tag, assignee, day",
       .description =
           "Counted over the newest alerts, as many as one request examines "
           "(`alerts.query_rows_max`); `complete` says whether these were all. A facet counts "
           "without its own parameter, so that it shows what another choice would give.",
       .role = Role::kReader,
       .scoped_by = kAnyScope,
       .query_parameters = alert_filter_parameters(),
       .answers = {{200, "The counts", "application/json", "AlertFacets"}},
       .answer_headers = {"Tocsin-Behind"},
       .problems = {422},
       .handler = query(operations, &Operations::facets)});
}

void add_previews(Router& router, const SharedOperations& operations) {
  struct Preview {
    const char* path;
    const char* operation;
    const char* tag;
    const char* summary;
    ScopedBy scoped_by;
  };
  constexpr Preview kPreviews[] = {
      {"/v1/subscriptions/preview",
       "previewSubscription",
       "subscriptions",
       "Which alerts of the last days a subscription with this filter would have got",
       {}},
      {"/v1/silences/preview",
       "previewSilence",
       "silences",
       "Which alerts of the last days a silence with this filter would have met",
       {.tags = true}}};
  for (const Preview& one : kPreviews) {
    router.add(
        {.method = "POST",
         .path = one.path,
         .operation_id = one.operation,
         .tag = one.tag,
         .summary = one.summary,
         .description =
             "Counts live alerts by the time at which they were stored, over the newest ones, as "
             "many as one request examines (`alerts.query_rows_max`). `complete` says whether "
             "these were all since then; if not, `from` is the time of the oldest of them. Changes "
             "nothing.",
         .role = Role::kAnalyst,
         .effect = RouteEffect::kNothing,
         .scoped_by = one.scoped_by,
         .body = RouteBody{{"application/json"}, "FilterPreviewRequest"},
         .answers = {{200, "Their number, and the newest", "application/json", "FilterPreview"}},
         .answer_headers = {"Tocsin-Behind"},
         .problems = {413, 415, 422},
         .handler = query(operations, &Operations::preview)});
  }
}

void add_rule_series(Router& router, const SharedOperations& operations) {
  router.add(
      {.method = "GET",
       .path = "/v1/rules/{rule}/series",
       .operation_id = "getRuleSeries",
       .tag = "triage",
       .summary = "A rule's alerts by day, and how many of them people confirmed and dismissed",
       .description = "By the day in UTC on which an alert was stored, over the newest alerts of "
                      "all rules, as many as one request examines (`alerts.query_rows_max`); "
                      "`complete` says whether these were all of those days.",
       .role = Role::kReader,
       .path_parameters = {{"rule", Type::kText, "The rule's id"}},
       .query_parameters = {{.name = "days",
                             .type = Type::kInteger,
                             .description = "How many days, of which today is the last; default 30",
                             .least = 1,
                             .most = kSeriesDaysMax}},
       .answers = {{200, "A day each, the oldest first", "application/json", "RuleSeries"}},
       .answer_headers = {"Tocsin-Behind"},
       .handler = query(operations, &Operations::series)});
  router.add(
      {.method = "GET",
       .path = "/v1/alerts/by-rule",
       .operation_id = "getAlertsByRule",
       .tag = "triage",
       .summary = "The alerts of every rule by day, and how many people confirmed and dismissed",
       .description = "As `GET /v1/rules/{rule}/series`, of all rules that alerted in these days "
                      "or have labels, 20,000 at most: those first that alerted last. Labels are "
                      "of all alerts of a rule, as `GET /v1/rules/{rule}/precision` has them.",
       .role = Role::kReader,
       .query_parameters = {{.name = "days",
                             .type = Type::kInteger,
                             .description = "How many days, of which today is the last; default 30",
                             .least = 1,
                             .most = kAllSeriesDaysMax}},
       .answers = {{200, "The days, and each rule's alerts on them", "application/json",
                    "AlertsByRule"}},
       .answer_headers = {"Tocsin-Behind"},
       .handler = query(operations, &Operations::all_series)});
}

// The parameters of a filter, and more.
std::vector<RouteParameter> with(const std::vector<RouteParameter>& more) {
  std::vector<RouteParameter> parameters = alert_filter_parameters();
  parameters.insert(parameters.end(), more.begin(), more.end());
  return parameters;
}

void add_alert_operations(Router& router, const SharedOperations& operations) {
  router.add(
      {.method = "GET",
       .path = "/v1/alerts",
       .operation_id = "listAlerts",
       .tag = "alerts",
       .summary = "Alerts, page by page",
       .description = "Newest first. `next` is the cursor of the next page; new alerts do not "
                      "shift pages. A page may have fewer alerts than `limit`, even none, and "
                      "still have a `next`, because a request examines a limited number of alerts.",
       .role = Role::kReader,
       .scoped_by = kAnyScope,
       .query_parameters =
           with({{.name = "limit",
                  .type = Type::kInteger,
                  .description = "Maximum number of alerts; default 100",
                  .least = 1,
                  .most = kHitsMax},
                 {.name = "cursor", .description = "`next` of the page before"},
                 {"order",
                  Type::kWord,
                  "newest (default) or oldest first; or by severity, of one the newest first",
                  {"newest", "oldest", "severity"}}}),
       .answers = {{200, "A page of alerts", "application/json", "AlertPage"}},
       .answer_headers = {"Tocsin-Behind"},
       .problems = {422},
       .handler = query(operations, &Operations::list)});
  router.add(
      {.method = "GET",
       .path = "/v1/alerts/export",
       .operation_id = "exportAlerts",
       .tag = "alerts",
       .summary = "All alerts that match a filter, streamed, oldest first",
       .description =
           "As NDJSON each line is the alert as it was raised. As CSV (RFC 4180) a cell that "
           "a spreadsheet could take for a formula has a ' before it.",
       .role = Role::kReader,
       .scoped_by = kAnyScope,
       .query_parameters =
           with({{"format", Type::kWord, "ndjson (default) or csv", {"ndjson", "csv"}}}),
       .answers = {{200, "The alerts", "application/x-ndjson"}, {200, "The alerts", "text/csv"}},
       .answer_headers = {"Content-Disposition", "Tocsin-Behind"},
       .problems = {422},
       .handler = [operations](ApiRequest& request) { return operations->export_all(request); }});
  router.add(
      {.method = "GET",
       .path = "/v1/alerts/stream",
       .operation_id = "streamAlerts",
       .tag = "alerts",
       .summary = "Alerts as they are raised, by server-sent events",
       .description =
           "Each event's id is the alert's number. With Last-Event-ID or `after` the stream "
           "continues after that number; otherwise it begins with the next alert. An event `gap` "
           "gives the range of numbers that retention has removed. With `triage=true` an event "
           "`triage`, without an id, tells what is done with such an alert; an event "
           "`triage_from_here` says that what was done before it is not told. `status`, `assignee` "
           "and times are not applied.",
       .role = Role::kReader,
       .scoped_by = kAnyScope,
       .query_parameters =
           with({{.name = "after",
                  .type = Type::kInteger,
                  .description = "Begin after this number; 0: with the oldest alert"},
                 {"triage", Type::kBoolean, "What people do with such alerts too"}}),
       .answers = {{200, "The events", "text/event-stream"}},
       .request_headers = {"Last-Event-ID"},
       .problems = {422},
       .handler = [operations](ApiRequest& request) { return operations->stream(request); }});
  router.add({.method = "GET",
              .path = "/v1/alerts/{id}",
              .operation_id = "getAlert",
              .tag = "alerts",
              .summary = "One alert with its events, triage and deliveries",
              .role = Role::kReader,
              .scoped_by = kAnyScope,
              .path_parameters = {alert_id_parameter()},
              .answers = {{200, "The alert", "application/json", "AlertDetail"}},
              .handler = [operations](ApiRequest& request) { return operations->one(request); }});
}

}  // namespace

LiveAlerts live_alerts(const AlertRouteServices& services) {
  return {services.effects,  services.feed,  services.privacy, services.conditions,
          services.is_known, services.names, services.streams};
}

void add_alert_routes(Router& router, AlertRouteServices& services) {
  router.add_schemas(kAlertSchemas);
  const auto operations = std::make_shared<const Operations>(services);
  add_alert_operations(router, operations);
  add_facets(router, operations);
  add_previews(router, operations);
  add_rule_series(router, operations);
  const auto tell = [&feed = services.feed](const runtime::StoredAlert& alert,
                                            const TriageRecord& record) {
    feed.triaged(alert, record);
  };
  const auto refused_rule = [&services](std::string_view rule) {
    return services.names != nullptr ? services.names->refused_rule(rule) : std::nullopt;
  };
  add_triage_routes(router,
                    {asked_alerts(services), services.triage, services.clock, tell, refused_rule});
}
}  // namespace tocsin::api
