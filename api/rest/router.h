/// The API's operations as one table: requests are routed by it, checked against it, and the
/// OpenAPI document is made from it, so that the three cannot drift apart.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/net/http_server.h"
#include "api/rest/access.h"
#include "api/rest/body_budget.h"
#include "api/rest/buffered_request.h"

namespace tocsin::api {
class AnswerStore;
class AuditLog;
/// A parameter of a path or query.
struct RouteParameter {
  enum class Type : std::uint8_t { kText, kInteger, kBoolean, kDuration, kTime, kWord };
  std::string name;
  Type type = Type::kText;
  std::string description = {};
  std::vector<std::string> words = {};  // of kWord
  std::int64_t least = 0;               // of kInteger
  std::int64_t most = INT64_MAX;
};
/// An answer that an operation may give, beside problems. One that comes in several media types has
/// an entry for each.
struct RouteAnswer {
  int status = 200;
  std::string description;
  std::string media_type = {};  // empty: no body
  std::string schema = {};      // a component's name; empty: any
};
/// A body that an operation takes.
struct RouteBody {
  std::vector<std::string> media_types;
  std::string schema = {};  // a component's name; empty: any
  bool is_required = true;
};

/// A request that was routed, is allowed, and whose parameters are good.
struct ApiRequest {
  BufferedRequest& http;
  BodyBudget& bodies;
  std::map<std::string, std::string, std::less<>> path;   // decoded
  std::map<std::string, std::string, std::less<>> query;  // decoded; only declared ones
  TokenGrant grant;                                       // who asks; name empty where open
  std::string request_id;
  std::map<std::string, std::string, std::less<>> notes;  // for the audit log: JSON values
  std::string trace_parent;  // W3C Trace Context, empty where none was sent

  /// A declared parameter's value; nothing where it was not given.
  std::optional<std::string_view> text(std::string_view name) const;
  std::optional<std::int64_t> integer(std::string_view name) const;
};
/// What a request changes.
enum class RouteEffect : std::uint8_t {
  kByMethod,  // GET changes nothing, every other method something
  kNothing,   // although it is no GET: a check
  kEvents,    // it takes events, which the journal holds and producers number
};
using RouteHandler = std::function<HttpResponse(ApiRequest&)>;
struct Route {
  std::string method;  // GET also answers HEAD
  std::string path;    // "/v1/rules/{rule}"
  std::string operation_id;
  std::string tag;
  std::string summary;
  std::string description = {};
  Role role = Role::kAdmin;
  RouteEffect effect = RouteEffect::kByMethod;
  std::vector<RouteParameter> path_parameters = {};
  std::vector<RouteParameter> query_parameters = {};
  std::optional<RouteBody> body = {};
  std::vector<RouteAnswer> answers = {};
  std::vector<int> problems = {};  // statuses beside 400, 401, 403, 404, 429, 500, 503
  RouteHandler handler;
};

/// Requests that a token may make: a bucket of `burst`, refilled with `per_second`.
struct RateLimit {
  double per_second = 100;
  double burst = 200;
};
struct RouterOptions {
  std::string title = "Tocsin";
  std::string version;
  RateLimit rate;
  AuditLog* audit = nullptr;       // hears of changes and refusals; none: nobody does
  AnswerStore* answers = nullptr;  // by idempotency key; none: the header counts for nothing
  BodyBudget* bodies = nullptr;    // none: they are not counted; outlives the router
  /// Processing time, for rates and request ids; monotone.
  std::function<std::chrono::steady_clock::time_point()> now;
};
/// Threading: add() before the first handle(), then any.
class Router {
 public:
  explicit Router(RouterOptions options);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;
  /// A named schema of the document (JSON Schema 2020-12).
  void add_schema(std::string name, const nlohmann::ordered_json& schema);
  /// Requires that method and path are new, and that every parameter of the path is described.
  void add(Route route);
  /// Answers a request: routes, asks for the token, its role and its rate, checks parameters and
  /// the body's media type, calls the handler, and adds the request's id. A handler that throws is
  /// a problem document of 500.
  HttpResponse handle(HttpRequest& request, const AccessList& access);
  /// The document, OpenAPI 3.1.
  nlohmann::ordered_json openapi() const;
  const std::vector<Route>& routes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};
/// Percent-decoding of a path segment or, with `plus_is_blank`, a query's part; nothing for a bad
/// escape or what is no UTF-8.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank);
}  // namespace tocsin::api
