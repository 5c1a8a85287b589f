/// An operation of the API: what it takes and gives, and what handles it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/net/body_budget.h"
#include "api/net/http_exchange.h"
#include "api/rest/access.h"
#include "cep/value/identity.h"
#include "cep/value/time.h"

namespace tocsin::api {
/// A parameter of a path or query.
struct RouteParameter {
  enum class Type : std::uint8_t { kText, kInteger, kBoolean, kDuration, kTime, kTimeOrDay, kWord };
  std::string name;
  Type type = Type::kText;
  std::string description = {};
  std::vector<std::string> words = {};  // of kWord
  std::int64_t least = 0;               // of kInteger
  std::int64_t most = INT64_MAX;
  // Of kText: a regular expression (ECMA-262) of what is taken, for the document; the handler
  // checks it. Empty: any text.
  std::string pattern = {};
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
  std::size_t bytes_max = SIZE_MAX;  // what is longer is refused before it is read
};

/// The session of a browser by whose cookie a request is made.
struct AskingSession {
  cep::Digest session{};
  cep::EventTime ends{};  // at the latest
};
/// A request that was routed, is allowed, and whose parameters are good.
struct ApiRequest {
  HttpRequest& http;
  BodyBudget& bodies;
  std::map<std::string, std::string, std::less<>> path;   // decoded
  std::map<std::string, std::string, std::less<>> query;  // decoded; only declared ones
  TokenGrant grant;                                       // who asks; name empty where open
  std::string request_id;
  std::map<std::string, std::string, std::less<>> notes;  // for the audit log: JSON values
  std::string trace_parent;                   // W3C Trace Context, empty where none was sent
  std::string approved_by = {};               // of a proposal that is done: who approved it
  std::optional<AskingSession> session = {};  // none: the request has a token, or needs none

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
/// The most bytes of a body that is JSON alone, where a route says nothing else.
inline constexpr std::size_t kJsonBytesMax = std::size_t{1} << 20;
/// Limits of tokens (TokenScope) that an operation keeps to: it shows and changes only what is in
/// them, or nothing that they are about. A token with another limit is refused, so that an
/// operation that nobody thought of shows nothing.
struct ScopedBy {
  bool tags = false;
  bool types = false;
};
inline constexpr ScopedBy kAnyScope{true, true};
/// An answer that comes later (HttpResponse::later) is only of what changes nothing, or of events:
/// the request lives until it is made.
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
  ScopedBy scoped_by = {};
  bool may_wait = false;  // for the approval of another person, where that is configured
  std::vector<RouteParameter> path_parameters = {};
  std::vector<RouteParameter> query_parameters = {};
  std::optional<RouteBody> body = {};
  std::vector<RouteAnswer> answers = {};
  /// Headers that it reads, and that its answers have, beside those of all: of api_headers.h.
  std::vector<std::string> request_headers = {};
  std::vector<std::string> required_headers = {};  // those of them without which it is refused
  std::vector<std::string> answer_headers = {};
  bool is_at_once = false;  // the handler waits for nothing: it needs no worker
  /// Likewise, where a body without packing has no more bytes than this and no browser's session
  /// asks. Nothing: whatever it has, it may wait.
  std::optional<std::uint64_t> at_once_bytes_max = {};
  std::vector<int> problems = {};  // statuses beside 400, 401, 403, 404, 429, 500, 503
  RouteHandler handler;
};

/// Requests that a token may make: a bucket of `burst`, refilled with `per_second`.
struct RateLimit {
  double per_second = 100;
  double burst = 200;
};
}  // namespace tocsin::api
