/// The API's operations as one table: requests are routed by it, checked against it, and the
/// OpenAPI document is made from it, so that the three cannot drift apart.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "api/net/body_budget.h"
#include "api/net/http_exchange.h"
#include "api/rest/access.h"
#include "api/rest/route.h"

namespace tocsin::api {
class AnswerStore;
class AuditLog;
class RefusalTally;
class ProposalStore;
struct Proposal;
using RouteReview = std::function<tl::expected<std::string, HttpResponse>(const Route&, ApiRequest&,
                                                                          BodyBudget::Hold&)>;
class SessionStore;
/// Who a request without a token is from, where somebody else vouches for them.
struct Vouched {
  std::optional<TokenGrant> grant = {};  // what they may do
  std::string refusal = {};              // why it counts for nothing that somebody is named
  bool is_person = false;                // who would sign in nowhere else
  std::string foreign = {};              // why the request may change nothing; empty: it may
};
struct RouterOptions {
  std::string title = "Tocsin";
  std::string version;
  RateLimit rate;
  AuditLog* audit = nullptr;         // hears of changes; none: nobody does
  RefusalTally* refusals = nullptr;  // hears of refusals for want of a token or role; likewise
  AnswerStore* answers = nullptr;    // by idempotency key; none: the header counts for nothing
  SessionStore* sessions = nullptr;  // of browsers; none: a request needs a token
  std::function<Vouched(const HttpRequest&)> vouched = {};  // empty: nobody vouches for anybody
  BodyBudget* bodies = nullptr;        // none: they are not counted; outlives the router
  ProposalStore* proposals = nullptr;  // where requests wait; none: nothing does
  /// Why a request of a route that may wait needs the approval of another person; empty: it does
  /// not. May unpack the body, which is counted on the hold; fails with the answer where it cannot.
  RouteReview review = {};
  /// Processing time, for rates and request ids; monotone.
  std::function<std::chrono::steady_clock::time_point()> now;
  /// The time of day, at which tokens expire; empty: the system's.
  std::function<cep::EventTime()> time = {};
  /// Told of each token that a request came with, before its operation. May be empty.
  std::function<void(const TokenGrant&)> used = {};
  /// Whether a grant still counts, asked where a body was long in coming; empty: it does.
  std::function<bool(const TokenGrant&)> counts = {};
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
  /// Several, by name, as JSON in the short form of schema_text.h.
  void add_schemas(std::string_view forms);
  /// Requires that method and path are new, and that every parameter of the path is described.
  void add(Route route);
  /// Decides about a request before its body is read: routes, asks for the token, its role and its
  /// rate, checks parameters and the body's media type and length. It waits for nothing. What is
  /// admitted calls the route's handler and adds the request's id; a handler that throws is a
  /// problem document of 500. `request` stays where it is until then.
  HttpAdmission admit(HttpRequest& request, const AccessList& access);
  /// Both, of a request whose body is there.
  HttpResponse handle(HttpRequest& request, const AccessList& access);
  /// Does what was proposed, as who asked for it and with the grant that they have now. No rate is
  /// taken. Answers as the operation does: 403 where the grant is too small by now.
  HttpResponse perform(const Proposal& proposal, const TokenGrant& grant,
                       const std::string& approved_by);
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
