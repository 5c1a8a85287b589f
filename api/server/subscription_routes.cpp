#include "api/server/subscription_routes.h"

#include <fmt/format.h>

#include <algorithm>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "api/alerts/condition_problem.h"
#include "api/net/webhook_url.h"
#include "api/privacy/masked_filter.h"
#include "api/privacy/privacy.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "api/server/alert_routes.h"
#include "api/server/subscription_schemas.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using Type = RouteParameter::Type;
using SubscriptionPtr = SubscriptionService::SubscriptionPtr;
constexpr std::int64_t kRowsMax = 1000;
constexpr std::int64_t kRowsDefault = 100;

HttpResponse bad_body(std::string_view detail) {
  return problem_response(ProblemKind::kBadBody, detail);
}
std::string dump(const ordered_json& document) {
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

class Operations {
 public:
  Operations(SubscriptionService& service, const Privacy* privacy, const FilterNames* names)
      : service_(service), privacy_(privacy), names_(names) {}

  HttpResponse list(const ApiRequest& request) const {
    ordered_json document = {{"subscriptions", ordered_json::array()}};
    for (const SubscriptionPtr& one : service_.list())
      document["subscriptions"].push_back(shown(*one, request));
    return json_response(200, document);
  }

  HttpResponse create(ApiRequest& request) const {
    const auto body = read_json_object(request, kSubscriptionSettings);
    if (!body) return body.error();
    if (auto refused = refused_pii(request, *body, false)) return *refused;
    if (auto refused = refused_names(request, *body)) return *refused;
    if (auto refused = refused_condition(*body, service_.conditions())) return *refused;
    const Result<SubscriptionPtr> made = service_.create(dump(*body), request.grant.name);
    if (!made) return problem_of_error(made.error());
    ordered_json document = shown(**made, request);
    document["secret"] = (*made)->secret;
    HttpResponse response = with_etag(json_response(201, document), **made);
    response.headers.push_back({"Location", "/v1/subscriptions/" + (*made)->id});
    return response;
  }

  HttpResponse get(const ApiRequest& request) const {
    const SubscriptionPtr found = service_.find(id_of(request));
    if (!found) return missing(request);
    return with_etag(json_response(200, shown(*found, request)), *found);
  }

  HttpResponse put(ApiRequest& request) const {
    const auto body = read_json_object(request, kSubscriptionSettings);
    if (!body) return body.error();
    return replace(request, *body, [&](const Subscription&) { return *body; });
  }

  // RFC 7396.
  HttpResponse patch(ApiRequest& request) const {
    const auto body = read_json_object(request, kSubscriptionSettings);
    if (!body) return body.error();
    return replace(request, *body, [&](const Subscription& now) {
      ordered_json settings = ordered_json::parse(subscription_settings(now));
      settings.merge_patch(*body);
      return settings;
    });
  }

  HttpResponse remove(const ApiRequest& request) const {
    std::optional<HttpResponse> refused;
    const Result<void> removed = service_.remove(id_of(request), matching(request, refused));
    if (refused) return *refused;
    if (!removed) return problem_of_error(removed.error());
    return {204, {}, "", ""};
  }

  HttpResponse rotate(ApiRequest& request) const {
    constexpr std::string_view kKnown[] = {"overlap"};
    const auto body = read_json_object(request, kKnown);
    if (!body) return body.error();
    std::optional<cep::Duration> overlap;
    if (body->contains("overlap")) {
      const ordered_json& text = body->at("overlap");
      if (text.is_string()) overlap = cep::parse_duration(text.get<std::string>());
      constexpr cep::Duration kMonth{30LL * cep::kDayUs};
      if (!overlap || *overlap > kMonth || *overlap < cep::Duration{0})
        return bad_body("overlap must be a duration of at most 30d, such as 24h");
    }
    const Result<SubscriptionPtr> made = service_.rotate(id_of(request), overlap);
    if (!made) return problem_of_error(made.error());
    ordered_json document = shown(**made, request);
    document["secret"] = (*made)->secret;
    return with_etag(json_response(200, document), **made);
  }

  HttpResponse pause(const ApiRequest& request) const {
    return set_status(request, SubscriptionStatus::kPaused, "paused by " + request.grant.name);
  }
  HttpResponse resume(const ApiRequest& request) const {
    return set_status(request, SubscriptionStatus::kActive, "");
  }

  HttpResponse test(const ApiRequest& request) const {
    const Result<LoggedAttempt> attempt = service_.test(id_of(request));
    if (!attempt) return problem_of_error(attempt.error());
    return json_response(200, shown(*attempt));
  }

  HttpResponse deliveries(const ApiRequest& request) const {
    const SubscriptionPtr found = service_.find(id_of(request));
    if (!found) return missing(request);
    const auto most = static_cast<std::size_t>(request.integer("limit").value_or(kRowsDefault));
    const std::uint64_t before =
        static_cast<std::uint64_t>(request.integer("before").value_or(INT64_MAX));
    ordered_json document = {{"deliveries", ordered_json::array()}};
    ordered_json& rows = document["deliveries"];
    const Result<void> read =
        service_.log().attempts(found->endpoint(), before, [&](const LoggedAttempt& attempt) {
          rows.push_back(shown(attempt));
          // What an endpoint answers may repeat what it was sent.
          if (found->pii && is_masked(request)) rows.back()["answer"] = "";
          return rows.size() < most;
        });
    if (!read) return problem_of_error(read.error());
    if (rows.size() == most) document["before"] = rows.back().at("sequence");
    return json_response(200, document);
  }

  HttpResponse dead(const ApiRequest& request) const {
    const auto most = static_cast<std::size_t>(request.integer("limit").value_or(kRowsDefault));
    const auto from = static_cast<std::uint64_t>(request.integer("from").value_or(0));
    const Result<std::vector<DeadDelivery>> dead = service_.dead(id_of(request), from, most);
    if (!dead) return problem_of_error(dead.error());
    ordered_json document = {{"dead", ordered_json::array()}};
    for (const DeadDelivery& one : *dead) {
      ordered_json row = ordered_json::object();
      if (runtime::is_message(one.row.number)) {
        row["message"] = one.alert_id;
      } else {
        row = {{"number", one.row.number}, {"alert", one.alert_id}, {"rule", one.rule}};
      }
      row["attempts"] = one.row.attempts;
      row["at"] = cep::format_time(one.row.due);
      if (one.row.last_status != 0) row["status"] = one.row.last_status;
      row["error"] = one.row.last_error;
      document["dead"].push_back(std::move(row));
    }
    if (dead->size() == most) document["from"] = dead->back().row.number + 1;
    return json_response(200, document);
  }

  HttpResponse redeliver(ApiRequest& request) const {
    constexpr std::string_view kKnown[] = {"alert", "from", "to", "failed_since"};
    const auto body = read_json_object(request, kKnown);
    if (!body) return body.error();
    Redelivery wanted;
    for (const auto& [name, value] : body->items()) {
      const std::string text = value.is_string() ? value.get<std::string>() : "";
      if (name == "alert") {
        wanted.alert_id = text;
        continue;
      }
      const std::optional<cep::EventTime> time = cep::parse_time(text);
      if (!time) return bad_body(fmt::format("{} is a time such as 2026-03-02T12:01:00Z", name));
      (name == "from" ? wanted.from : name == "to" ? wanted.to : wanted.failed_since) = time;
    }
    const int kinds = (wanted.alert_id ? 1 : 0) + (wanted.failed_since ? 1 : 0) +
                      (wanted.from || wanted.to ? 1 : 0);
    if (kinds != 1) return bad_body("send `alert`, or `from` and `to`, or `failed_since`");
    const Result<std::uint64_t> owed = service_.redeliver(id_of(request), wanted);
    if (!owed) return problem_of_error(owed.error());
    return json_response(202, {{"owed", *owed}});
  }

  HttpResponse notices(const ApiRequest& request) const {
    const auto most = static_cast<std::size_t>(request.integer("limit").value_or(kRowsDefault));
    ordered_json document = {{"notices", ordered_json::array()}};
    ordered_json& rows = document["notices"];
    const Result<void> read = service_.notices().list([&](const Notice& notice) {
      rows.push_back({{"sequence", notice.sequence},
                      {"kind", notice.kind},
                      {"subject", notice.subject},
                      {"text", notice.text},
                      {"first_at", cep::format_time(notice.first_at)},
                      {"last_at", cep::format_time(notice.last_at)},
                      {"count", notice.count}});
      return rows.size() < most;
    });
    if (!read) return problem_of_error(read.error());
    return json_response(200, document);
  }

 private:
  static std::string id_of(const ApiRequest& request) { return std::string(*request.text("id")); }
  static HttpResponse missing(const ApiRequest& request) {
    return problem_response(ProblemKind::kNotFound,
                            fmt::format("there is no subscription {}", id_of(request)));
  }
  static HttpResponse with_etag(HttpResponse response, const Subscription& subscription) {
    response.headers.push_back({"ETag", etag_of(subscription.version)});
    return response;
  }
  // Ends the change where the request's If-Match does not hold; `refused` is the answer then.
  static SubscriptionService::Condition matching(const ApiRequest& request,
                                                 std::optional<HttpResponse>& refused) {
    return [&](const Subscription& now) -> Result<void> {
      const auto matches = check_if_match(request, now.version);
      if (matches) return {};
      refused = matches.error();
      return fail(Errc::kConflict, "");
    };
  }

  // Paths, queries and headers may hold secrets of the endpoint: who only reads is not shown them.
  ordered_json shown(const Subscription& subscription, const ApiRequest& request) const {
    ordered_json document = ordered_json::parse(show_subscription(subscription));
    if (!may(request.grant.role, Role::kAnalyst)) {
      if (const Result<WebhookUrl> url = parse_webhook_url(subscription.url))
        document["url"] = (url->tls ? "https://" : "http://") + url->authority();
      for (auto& [name, value] : document["headers"].items()) value = "hidden";
    }
    if (is_masked(request)) mask_filter(*privacy_, document["filter"]);
    const DeliveryFigures figures = service_.figures(subscription.id);
    document["owed"] = service_.owed(subscription);
    // What cannot be read is no reason to show nothing of it.
    if (const auto oldest = service_.oldest_waiting(subscription); oldest && *oldest)
      document["oldest_waiting"] = cep::format_time(**oldest);
    document["circuit"] = name_of(figures.circuit);
    document["last_succeeded"] = figures.last_succeeded;
    return document;
  }
  static ordered_json shown(const LoggedAttempt& attempt) {
    ordered_json row = {{"sequence", attempt.sequence}};
    if (attempt.number == 0) {
      row["test"] = true;
    } else if (runtime::is_message(attempt.number)) {
      row["message"] = attempt.alert_id;
    } else {
      row["alert"] = attempt.alert_id;
      row["number"] = attempt.number;
    }
    row["webhook_id"] = attempt.webhook_id;
    row["attempt"] = attempt.attempt;
    row["at"] = cep::format_time(attempt.at);
    row["delivered"] = attempt.status >= 200 && attempt.status <= 299;
    if (attempt.status != 0) row["status"] = attempt.status;
    row["latency_ms"] = static_cast<double>(attempt.latency.us) / 1000;
    if (!attempt.error.empty()) row["error"] = attempt.error;
    row["answer"] = attempt.answer;
    return row;
  }

  bool is_masked(const ApiRequest& request) const {
    return privacy_ != nullptr && privacy_->masks(request.grant);
  }
  // Who may not see personal data may neither have it sent nor find it out by conditions; and only
  // an admin says where it goes. What says nothing of `pii` does not change one that has it.
  std::optional<HttpResponse> refused_pii(const ApiRequest& request, const ordered_json& body,
                                          bool has_pii) const {
    const auto said = body.find("pii");
    const bool asks = said != body.end() && *said == true;
    if ((asks || has_pii) && !may(request.grant.role, Role::kAdmin)) {
      return problem_response(ProblemKind::kForbidden,
                              "a subscription whose alerts go with personal data (`pii`) is set by "
                              "admins alone");
    }
    if (has_pii && said == body.end()) {
      return problem_response(ProblemKind::kBadBody,
                              "the alerts of this subscription go with personal data: say `pii`, "
                              "true or false, with each change");
    }
    return is_masked(request) ? refused_filter(body) : std::nullopt;
  }

  HttpResponse replace(const ApiRequest& request, const ordered_json& body,
                       const std::function<ordered_json(const Subscription&)>& settings_of) const {
    const SubscriptionPtr before = service_.find(id_of(request));
    if (!before) return missing(request);
    if (auto broken = refused_pii(request, body, before->pii)) return *broken;
    std::optional<HttpResponse> refused;
    const auto matches = matching(request, refused);
    // The settings were made from this version.
    const auto unchanged = [&](const Subscription& now) -> Result<void> {
      if (Result<void> good = matches(now); !good) return good;
      if (now.version == before->version) return {};
      refused = problem_response(ProblemKind::kStale, "the subscription changed just now");
      return fail(Errc::kConflict, "");
    };
    if (auto unknown = refused_names(request, body)) return *unknown;
    const ordered_json settings = settings_of(*before);
    if (auto broken = refused_condition(settings, service_.conditions())) return *broken;
    const Result<SubscriptionPtr> now = service_.replace(before->id, dump(settings), unchanged);
    if (refused) return *refused;
    if (!now) return problem_of_error(now.error());
    return with_etag(json_response(200, shown(**now, request)), **now);
  }

  HttpResponse set_status(const ApiRequest& request, SubscriptionStatus status,
                          const std::string& reason) const {
    const Result<SubscriptionPtr> now = service_.set_status(id_of(request), status, reason);
    if (!now) return problem_of_error(now.error());
    return with_etag(json_response(200, shown(**now, request)), **now);
  }

  // A filter that a change leaves as it is may name what it did.
  std::optional<HttpResponse> refused_names(const ApiRequest& request,
                                            const ordered_json& body) const {
    if (names_ == nullptr) return std::nullopt;
    return names_->refused(body, request.grant.scope);
  }

  SubscriptionService& service_;
  const Privacy* privacy_;
  const FilterNames* names_;
};

constexpr const char* kBase = "/v1/subscriptions";
constexpr const char* kOne = "/v1/subscriptions/{id}";

// Adds operations that are alike but for a few parts.
class SubscriptionRoutes {
 public:
  SubscriptionRoutes(Router& router, SubscriptionService& service, const Privacy* privacy,
                     const FilterNames* names)
      : router_(router), operations_(std::make_shared<const Operations>(service, privacy, names)) {}

  using Method = HttpResponse (Operations::*)(ApiRequest&) const;
  using Headers = std::vector<std::string>;
  using ReadMethod = HttpResponse (Operations::*)(const ApiRequest&) const;
  RouteHandler writes(Method method) const {
    return [operations = operations_, method](ApiRequest& request) {
      return (*operations.*method)(request);
    };
  }
  RouteHandler reads(ReadMethod method) const {
    return [operations = operations_, method](ApiRequest& request) {
      return (*operations.*method)(request);
    };
  }
  void add(const char* method, const std::string& path, const char* operation, const char* summary,
           Role role, std::vector<RouteAnswer> answers, RouteHandler handler,
           std::optional<RouteBody> body = {}, std::vector<int> problems = {},
           std::vector<RouteParameter> query = {}, const char* description = "") {
    const std::vector<RouteParameter> id = {{"id", Type::kText, "The subscription's id"}};
    const bool gives_it = answers.front().schema == "Subscription";
    const bool is_new = answers.front().status == 201;
    const bool takes_settings = body && body->schema.starts_with("Subscription");
    const bool reads_if_match = std::ranges::find(problems, 428) != problems.end();
    router_.add({.method = method,
                 .path = path,
                 .operation_id = operation,
                 .tag = "subscriptions",
                 .summary = summary,
                 .description = description,
                 .role = role,
                 .may_wait = takes_settings,
                 .path_parameters = path.starts_with(kOne) ? id : std::vector<RouteParameter>{},
                 .query_parameters = std::move(query),
                 .body = std::move(body),
                 .answers = std::move(answers),
                 .request_headers = reads_if_match ? Headers{"If-Match"} : Headers{},
                 .required_headers = reads_if_match ? Headers{"If-Match"} : Headers{},
                 .answer_headers = is_new     ? Headers{"ETag", "Location"}
                                   : gives_it ? Headers{"ETag"}
                                              : Headers{},
                 .problems = std::move(problems),
                 .handler = std::move(handler)});
  }

 private:
  Router& router_;
  std::shared_ptr<const Operations> operations_;
};

std::vector<RouteAnswer> subscription_answer() {
  return {{200, "The subscription", "application/json", "Subscription"}};
}
RouteParameter limit_parameter() {
  return {.name = "limit",
          .type = Type::kInteger,
          .description = "Maximum number; default 100",
          .least = 1,
          .most = kRowsMax};
}

void add_settings_operations(SubscriptionRoutes& routes) {
  const RouteBody settings{{"application/json"}, "SubscriptionSettings"};
  routes.add("GET", kBase, "listSubscriptions", "All subscriptions", Role::kReader,
             {{200, "The subscriptions", "application/json", "SubscriptionList"}},
             routes.reads(&Operations::list));
  routes.add("POST", kBase, "createSubscription", "Subscribe a webhook to alerts", Role::kAnalyst,
             {{201, "The subscription, with its secret, which is shown once", "application/json",
               "Subscription"}},
             routes.writes(&Operations::create), settings, {409, 413, 415, 422}, {},
             "It gets the alerts raised from now on that match its filter. Webhooks are signed "
             "according to Standard Webhooks.");
  routes.add("GET", kOne, "getSubscription", "One subscription", Role::kReader,
             subscription_answer(), routes.reads(&Operations::get));
  routes.add("PUT", kOne, "putSubscription", "Replace a subscription's settings", Role::kAnalyst,
             subscription_answer(), routes.writes(&Operations::put), settings,
             {412, 413, 415, 422, 428});
  routes.add("PATCH", kOne, "patchSubscription", "Change some of a subscription's settings",
             Role::kAnalyst, subscription_answer(), routes.writes(&Operations::patch),
             RouteBody{{"application/merge-patch+json", "application/json"}, "SubscriptionPatch"},
             {412, 413, 415, 422, 428}, {}, "A JSON merge patch (RFC 7396).");
  routes.add("DELETE", kOne, "deleteSubscription",
             "Remove a subscription and its pending deliveries", Role::kAnalyst,
             {{204, "The subscription is removed"}}, routes.reads(&Operations::remove), {},
             {412, 428});
}

// What is done to a subscription beside its settings.
void add_control_operations(SubscriptionRoutes& routes) {
  const std::string one(kOne);
  routes.add("POST", one + "/secret", "rotateSecret", "Make a new secret", Role::kAnalyst,
             {{200, "The subscription, with its new secret, which is shown once",
               "application/json", "Subscription"}},
             routes.writes(&Operations::rotate),
             RouteBody{{"application/json"}, "SecretRotation", false}, {413, 415}, {},
             "For the time `overlap` (default one day) webhooks carry both signatures.");
  routes.add("POST", one + "/test", "testSubscription", "Send a test message now", Role::kAnalyst,
             {{200, "The outcome of the attempt", "application/json", "DeliveryAttempt"}},
             routes.reads(&Operations::test));
  routes.add("POST", one + "/pause", "pauseSubscription",
             "Pause a subscription; its deliveries stay pending", Role::kAnalyst,
             subscription_answer(), routes.reads(&Operations::pause));
  routes.add("POST", one + "/resume", "resumeSubscription", "Resume a subscription, also after 410",
             Role::kAnalyst, subscription_answer(), routes.reads(&Operations::resume));
}

void add_delivery_operations(SubscriptionRoutes& routes) {
  const std::string one(kOne);
  routes.add("GET", one + "/deliveries", "listDeliveries", "Delivery attempts, newest first",
             Role::kReader, {{200, "The attempts", "application/json", "DeliveryLog"}},
             routes.reads(&Operations::deliveries), {}, {},
             {limit_parameter(),
              {.name = "before",
               .type = Type::kInteger,
               .description = "Attempts before this sequence: `before` of the previous page"}});
  routes.add("GET", one + "/dead", "listDeadDeliveries", "Alerts that were given up, oldest first",
             Role::kReader, {{200, "The deliveries", "application/json", "DeadDeliveries"}},
             routes.reads(&Operations::dead), {}, {},
             {limit_parameter(),
              {.name = "from",
               .type = Type::kInteger,
               .description = "From this alert's number on: `from` of the previous page"}});
  routes.add("POST", one + "/redeliver", "redeliver",
             "Deliver one alert, those of a time range, or all failed ones again", Role::kAnalyst,
             {{202, "The number of pending deliveries", "application/json", "Redelivered"}},
             routes.writes(&Operations::redeliver), RouteBody{{"application/json"}, "Redelivery"},
             {409, 413, 415}, {},
             "They keep their webhook-id, so that a receiver recognises them.");
  routes.add("GET", "/v1/notices", "listNotices",
             "Operational alerts: deliveries given up, endpoints gone", Role::kReader,
             {{200, "The notices, newest first", "application/json", "NoticeList"}},
             routes.reads(&Operations::notices), {}, {}, {limit_parameter()});
}
}  // namespace

void add_subscription_routes(Router& router, SubscriptionService& service, const Privacy* privacy,
                             const FilterNames* names) {
  add_subscription_schemas(router);
  SubscriptionRoutes routes(router, service, privacy, names);
  add_settings_operations(routes);
  add_control_operations(routes);
  add_delivery_operations(routes);
}
}  // namespace tocsin::api
