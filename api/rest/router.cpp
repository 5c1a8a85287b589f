#include "api/rest/router.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "api/base/integer_text.h"
#include "api/rest/api_headers.h"
#include "api/rest/audit_trail.h"
#include "api/rest/idempotency.h"
#include "api/rest/openapi_document.h"
#include "api/rest/problem.h"
#include "api/rest/proposals.h"
#include "api/rest/proposed_request.h"
#include "api/rest/request_rates.h"
#include "api/rest/schema_text.h"
#include "api/rest/session_store.h"
#include "api/rest/whole_body.h"
#include "cep/base/assert.h"
#include "cep/value/identity.h"
#include "cep/value/time.h"
#include "rules/text/suggest.h"
#include "runtime/io/clock.h"
#include "runtime/journal/trace_context.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

// A token that counted so long ago is asked for again.
constexpr std::chrono::milliseconds kStandsFor{100};

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::size_t end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}
bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }
std::string_view parameter_name(std::string_view segment) {
  return segment.substr(1, segment.size() - 2);
}

// What a parameter's value must be, where `text` is not that.
std::optional<std::string> fault_of(const RouteParameter& parameter, std::string_view text) {
  switch (parameter.type) {
    case RouteParameter::Type::kText:
      return std::nullopt;
    case RouteParameter::Type::kInteger: {
      const auto number = parse_integer(text);
      if (number && *number >= parameter.least && *number <= parameter.most) return std::nullopt;
      return fmt::format("a whole number from {} to {}", parameter.least, parameter.most);
    }
    case RouteParameter::Type::kBoolean:
      if (text == "true" || text == "false") return std::nullopt;
      return "true or false";
    case RouteParameter::Type::kDuration:
      if (cep::parse_duration(text)) return std::nullopt;
      return "a duration such as 200ms, 30s or 1h30m";
    case RouteParameter::Type::kTime:
      if (cep::parse_time(text)) return std::nullopt;
      return "a time such as 2026-03-02T12:01:00Z";
    case RouteParameter::Type::kTimeOrDay:
      if (cep::parse_date(text) || cep::parse_time(text)) return std::nullopt;
      return "a time such as 2026-03-02T12:01:00Z, or a day such as 2026-03-02 for its beginning";
    case RouteParameter::Type::kWord:
      if (std::ranges::find(parameter.words, text) != parameter.words.end()) return std::nullopt;
      return fmt::format("one of {}", fmt::join(parameter.words, ", "));
  }
  return std::nullopt;
}

// An id that a client may choose: short, and safe in any log.
bool is_request_id(std::string_view text) {
  constexpr std::string_view kLetters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.:";
  return !text.empty() && text.size() <= 128 && text.find_first_not_of(kLetters) == text.npos;
}
std::string random_id() {
  std::array<std::uint8_t, 16> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  return cep::hex(bytes);
}
bool is_json_alone(const RouteBody& body) {
  return std::ranges::all_of(body.media_types, [](const std::string& type) {
    return type == "application/json" || type.ends_with("+json");
  });
}
}  // namespace

struct Router::Impl {
  explicit Impl(RouterOptions options_in) : options(std::move(options_in)), rates(options.rate) {
    if (!options.now) options.now = [] { return std::chrono::steady_clock::now(); };
    if (!options.time) options.time = [] { return runtime::SystemClock().now(); };
  }

  // The routes whose paths fit; the first by method wins. Fixed segments go before parameters.
  std::vector<const Route*> fitting(const std::vector<std::string_view>& segments) const {
    std::vector<const Route*> found;
    for (const Route& route : routes) {
      const std::vector<std::string_view> own = segments_of(route.path);
      const auto fits = [](std::string_view pattern, std::string_view segment) {
        return is_parameter(pattern) ? !segment.empty() : pattern == segment;
      };
      if (std::ranges::equal(own, segments, fits)) found.push_back(&route);
    }
    const auto parameters = [](const Route* route) { return route->path_parameters.size(); };
    std::ranges::stable_sort(found, {}, parameters);
    return found;
  }

  // What is known of a request from its head; it lives until the answer.
  struct Asked {
    explicit Asked(HttpRequest& http, BodyBudget& bodies)
        : request{http, bodies, {}, {}, {}, {}, {}, {}} {}
    ApiRequest request;
    const Route* route = nullptr;                   // that the request is for, where there is one
    std::vector<HttpHeader> headers;                // of the answer
    bool is_noted = false;                          // a refusal that the audit log hears of
    bool has_token = false;                         // one that counts
    std::chrono::steady_clock::time_point at = {};  // when it was admitted
  };

  // Why the request is not admitted; nothing: it is, and `asked` has all that the handler needs.
  std::optional<HttpResponse> refusal_of(Asked& asked, const AccessList& access) {
    ApiRequest& request = asked.request;
    const RequestHead& head = request.http.head();
    const std::string_view target = head.target;
    const std::string_view path = target.substr(0, target.find('?'));
    const std::vector<std::string_view> segments = segments_of(path);
    const std::vector<const Route*> found = fitting(segments);
    // Who has no token is told nothing of what there is.
    const auto token = bearer_token(head.header("authorization").value_or(""));
    const Vouched vouched = !token && options.vouched ? options.vouched(request.http) : Vouched();
    const Result<TokenGrant> found_grant =
        token ? access.find(*token, options.time()) : grant_without_token(request, access, vouched);
    const std::optional<TokenGrant> grant =
        found_grant ? std::optional(*found_grant) : std::nullopt;
    asked.has_token = grant.has_value();
    if (grant) request.grant = *grant;
    const bool is_open = std::ranges::count(found, Role::kOpen, &Route::role) > 0;
    const std::string_view method = head.method == "HEAD" ? "GET" : std::string_view(head.method);
    const auto place = std::ranges::find(found, method, &Route::method);
    asked.route = place == found.end() ? nullptr : *place;
    if (!grant && !is_open) {
      asked.is_noted = true;
      if (vouched.is_person)
        return problem_response(ProblemKind::kForbidden, found_grant.error().message);
      asked.headers.push_back({"WWW-Authenticate", "Bearer realm=\"tocsin\""});
      return problem_response(ProblemKind::kUnauthorized, found_grant.error().message);
    }
    if (found.empty()) {
      return problem_response(ProblemKind::kNotFound, fmt::format("there is nothing at {}", path));
    }
    if (asked.route == nullptr) return refuse_method(found, path, asked.headers);
    const Route& route = *asked.route;
    if (method != "GET") {
      const std::string why = request.session
                                  ? options.sessions->foreignness(request.http).value_or("")
                                  : vouched.foreign;
      if (!why.empty()) {
        asked.is_noted = true;
        return problem_response(ProblemKind::kForbidden, why);
      }
    }
    if (!may(grant ? grant->role : Role::kOpen, route.role)) {
      asked.is_noted = true;
      return problem_response(ProblemKind::kForbidden,
                              fmt::format("this requires the role {}; {} has the role {}",
                                          role_name(route.role), grant ? grant->called() : "nobody",
                                          role_name(grant ? grant->role : Role::kOpen)));
    }
    if (grant && route.role != Role::kOpen) {
      if (auto refused = refuse_scope(route, request)) {
        asked.is_noted = true;
        return refused;
      }
      if (auto limited = limit(*grant, asked.headers)) return limited;
    }
    if (auto bad = read_parameters(route, segments, target, request)) return bad;
    return body_refusal(route, head);
  }

  // Whose it is by what others say, or by its session. Fails with why it is nobody's.
  Result<TokenGrant> grant_without_token(ApiRequest& request, const AccessList& access,
                                         const Vouched& vouched) const {
    if (vouched.grant) return *vouched.grant;
    Result<SessionGrant> found = fail(Errc::kNotFound, "send `Authorization: Bearer TOKEN`");
    if (options.sessions != nullptr) found = options.sessions->find(request.http, access);
    if (!found && !vouched.refusal.empty()) return fail(Errc::kDenied, vouched.refusal);
    if (!found) return tl::unexpected(found.error());
    request.session = found->session;
    return std::move(found->grant);
  }

  void note_use(const Asked& asked) const {
    if (asked.has_token && options.used) options.used(asked.request.grant);
  }

  // Who was admitted may have lost their token while the body came.
  std::optional<HttpResponse> refusal_by_now(Asked& asked) {
    if (!options.counts || !asked.has_token || options.now() - asked.at < kStandsFor ||
        options.counts(asked.request.grant)) {
      return std::nullopt;
    }
    HttpResponse refusal =
        problem_response(ProblemKind::kUnauthorized,
                         fmt::format("{} was revoked, or expired, while the body was sent",
                                     asked.request.grant.called()));
    asked.headers.push_back({"WWW-Authenticate", "Bearer realm=\"tocsin\""});
    if (options.refusals != nullptr)
      note_refusal(*options.refusals, asked.route, asked.request, refusal.status);
    return refusal;
  }

  // An answer that comes later keeps what was asked until then.
  static HttpResponse finished(HttpResponse response, const std::shared_ptr<Asked>& asked) {
    when_answered(response, [asked](HttpResponse& answer) {
      std::vector<HttpHeader>& headers = answer.headers;
      headers.insert(headers.end(), asked->headers.begin(), asked->headers.end());
      headers.push_back({"X-Request-Id", asked->request.request_id});
      headers.push_back({"Cache-Control", "no-store"});
      headers.push_back({"X-Content-Type-Options", "nosniff"});
    });
    return response;
  }

  HttpAdmission admit(HttpRequest& http, const AccessList& access) {
    const auto asked = std::make_shared<Asked>(http, bodies());
    ApiRequest& request = asked->request;
    const auto id = http.head().header("x-request-id");
    request.request_id = id && is_request_id(*id) ? std::string(*id) : random_id();
    const auto trace = http.head().header("traceparent");
    if (trace) request.trace_parent = runtime::read_trace_parent(*trace).value_or("");
    HttpAdmission admission;
    if (std::optional<HttpResponse> refusal = refusal_of(*asked, access)) {
      note_use(*asked);
      if (asked->is_noted && options.refusals != nullptr) {
        note_refusal(*options.refusals, asked->route, request, refusal->status);
      }
      return answer_at_once(finished(*std::move(refusal), asked));
    }
    const Route& route = *asked->route;
    asked->at = options.now();
    admission.asker = request.grant.name.empty() ? http.remote() : request.grant.called();
    admission.is_at_once = route.is_at_once;
    // What is packed may be large, and the use of a session is written down.
    if (!http.head().header("content-encoding") && !request.session)
      admission.at_once_bytes_max = route.at_once_bytes_max;
    if (route.body) admission.body_bytes_max = route.body->bytes_max;
    admission.handle = [this, asked](HttpRequest&) {
      if (auto refusal = refusal_by_now(*asked)) return finished(*std::move(refusal), asked);
      note_use(*asked);
      // On a worker's thread, which may wait for the disk. Where it fails, requests go on.
      if (asked->request.session && !asked->route->is_at_once)
        static_cast<void>(options.sessions->keep_used());
      HttpResponse response;
      try {
        response = act_once(*asked->route, asked->request);
      } catch (const std::exception& error) {
        response = problem_response(
            ProblemKind::kInternal,
            fmt::format("{}; the log has more under the request's id", error.what()));
      }
      return finished(std::move(response), asked);
    };
    return admission;
  }

  static HttpResponse refuse_method(const std::vector<const Route*>& found, std::string_view path,
                                    std::vector<HttpHeader>& headers) {
    // Those of the most precise path, which come first: it is another resource than what a less
    // precise one would name.
    std::set<std::string> methods;
    for (const Route* one : found) {
      if (one->path != found.front()->path) continue;
      methods.insert(one->method);
      if (one->method == "GET") methods.insert("HEAD");
    }
    const std::string allowed = fmt::format("{}", fmt::join(methods, ", "));
    headers.push_back({"Allow", allowed});
    return problem_response(ProblemKind::kMethodNotAllowed,
                            fmt::format("{} has {}", path, allowed));
  }

  // For a token that is limited by what the operation does not keep to.
  static std::optional<HttpResponse> refuse_scope(const Route& route, const ApiRequest& request) {
    const TokenScope& scope = request.grant.scope;
    const bool is_kept = (scope.tags.empty() || route.scoped_by.tags) &&
                         (scope.types.empty() || route.scoped_by.types);
    if (is_kept) return std::nullopt;
    return problem_response(
        ProblemKind::kForbidden,
        fmt::format("{} is limited to {}, and this operation is about more than that",
                    request.grant.called(), scope.text()));
  }

  std::optional<HttpResponse> limit(const TokenGrant& grant, std::vector<HttpHeader>& headers) {
    const RequestRates::Answer answer = rates.take(grant.name, options.now());
    headers.push_back({"RateLimit-Limit", fmt::format("{}", std::floor(options.rate.burst))});
    headers.push_back({"RateLimit-Remaining", fmt::format("{}", std::floor(answer.left))});
    headers.push_back({"RateLimit-Reset", fmt::format("{}", std::ceil(answer.reset_s))});
    if (answer.is_allowed) return std::nullopt;
    const std::string wait = fmt::format("{}", std::max(1.0, std::ceil(answer.wait_s)));
    headers.push_back({"Retry-After", wait});
    return problem_response(
        ProblemKind::kTooManyRequests,
        fmt::format("{} has used up its requests; it may send more in {} s", grant.called(), wait));
  }

  static std::optional<HttpResponse> read_parameters(const Route& route,
                                                     const std::vector<std::string_view>& segments,
                                                     std::string_view target, ApiRequest& request) {
    const std::vector<std::string_view> own = segments_of(route.path);
    for (std::size_t i = 0; i < own.size(); ++i) {
      if (!is_parameter(own[i])) continue;
      const std::string name(parameter_name(own[i]));
      const auto& parameter =
          *std::ranges::find(route.path_parameters, name, &RouteParameter::name);
      const auto value = percent_decode(segments[i], false);
      if (!value)
        return bad_parameter_response(name, fmt::format("{} has a bad escape in the path", name));
      if (const auto fault = fault_of(parameter, *value)) {
        return bad_parameter_response(name,
                                      fmt::format("{} takes {}, not {}", name, *fault, *value));
      }
      request.path[name] = *value;
    }
    const std::size_t mark = target.find('?');
    std::string_view rest = mark == std::string_view::npos ? "" : target.substr(mark + 1);
    while (!rest.empty()) {
      const std::string_view pair = rest.substr(0, rest.find('&'));
      rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
      if (pair.empty()) continue;
      const auto name = percent_decode(pair.substr(0, pair.find('=')), true);
      const auto value = percent_decode(
          pair.find('=') == std::string_view::npos ? "" : pair.substr(pair.find('=') + 1), true);
      if (!name || !value) return bad_parameter_response("", "the query has a bad escape");
      const auto parameter =
          std::ranges::find(route.query_parameters, *name, &RouteParameter::name);
      if (parameter == route.query_parameters.end()) {
        std::vector<std::string> known;
        for (const RouteParameter& one : route.query_parameters) known.push_back(one.name);
        const auto meant = rules::nearest(*name, known);
        const std::string all = fmt::format("{}", fmt::join(known, ", "));
        std::string rest = meant ? fmt::format(": did you mean {}? Parameters: {}", *meant, all)
                                 : fmt::format("; parameters: {}", all);
        if (known.empty()) rest = ": this operation has none";
        return bad_parameter_response(*name, fmt::format("{} is not a parameter{}", *name, rest));
      }
      if (const auto fault = fault_of(*parameter, *value)) {
        return bad_parameter_response(*name,
                                      fmt::format("{} takes {}, not {}", *name, *fault, *value));
      }
      if (!request.query.emplace(*name, *value).second) {
        return bad_parameter_response(*name, fmt::format("{} appears twice", *name));
      }
    }
    return std::nullopt;
  }

  HttpResponse act_once(const Route& route, ApiRequest& request) {
    if (!takes_key(route)) return act(route, request);
    return answer_once(*options.answers, request,
                       [&](ApiRequest& once) { return act(route, once); });
  }
  HttpResponse act(const Route& route, ApiRequest& request) {
    const auto handle = [&](ApiRequest& once) { return reviewed(route, once); };
    return options.audit == nullptr
               ? handle(request)
               : answer_audited(*options.audit, options.refusals, route, request, handle);
  }
  // Done now, or kept until another person approves it.
  HttpResponse reviewed(const Route& route, ApiRequest& request) {
    if (!route.may_wait || options.proposals == nullptr || !request.approved_by.empty())
      return route.handler(request);
    BodyBudget::Hold hold(bodies(), request.grant.called());
    const auto reason = options.review(route, request, hold);
    if (!reason) return reason.error();
    if (reason->empty()) return route.handler(request);
    const Result<Proposal> kept =
        options.proposals->propose(proposal_of(route.operation_id, *reason, request));
    if (!kept) return problem_of_error(kept.error(), ProblemKind::kTooLarge);
    request.notes["proposal"] = ordered_json(kept->id).dump();
    return waiting_response(*options.proposals, *kept);
  }
  HttpResponse perform(const Proposal& proposal, const TokenGrant& grant,
                       const std::string& approved_by) {
    const auto found = std::ranges::find(routes, proposal.operation, &Route::operation_id);
    if (found == routes.end()) {
      return problem_response(
          ProblemKind::kNotFound,
          fmt::format("this version has no operation {}: withdraw it", proposal.operation));
    }
    HttpRequest http = proposed_request(proposal);
    ApiRequest request{http, bodies(), {}, {}, grant, random_id(), {}, {}, approved_by};
    request.notes["proposal"] = ordered_json(proposal.id).dump();
    request.notes["approved_by"] = ordered_json(approved_by).dump();
    if (!may(grant.role, found->role)) {
      return problem_response(ProblemKind::kForbidden,
                              fmt::format("{} asked for this, and has not the role {} any more",
                                          grant.name, role_name(found->role)));
    }
    if (auto refused = refuse_scope(*found, request)) return *std::move(refused);
    const std::string_view target = proposal.target;
    const auto segments = segments_of(target.substr(0, target.find('?')));
    if (auto bad = read_parameters(*found, segments, target, request)) return *std::move(bad);
    if (auto bad = body_refusal(*found, http.head())) return *std::move(bad);
    return act(*found, request);
  }
  // Whether a request of it is done once by its key.
  bool takes_key(const Route& route) const {
    return options.answers != nullptr && route.method == "POST" &&
           route.effect == RouteEffect::kByMethod;
  }
  BodyBudget& bodies() { return options.bodies != nullptr ? *options.bodies : uncounted; }

  RouterOptions options;
  BodyBudget uncounted{SIZE_MAX};
  RequestRates rates;
  std::vector<Route> routes;
  ordered_json schemas = ordered_json::object();
};

Router::Router(RouterOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Router::~Router() = default;
const std::vector<Route>& Router::routes() const { return impl_->routes; }

void Router::add_schemas(std::string_view forms) {
  const ordered_json document = ordered_json::parse(forms);
  for (const auto& [name, form] : document.items()) {
    add_schema(name, schema_of_text(form, document));
  }
}
void Router::add_schema(std::string name, const ordered_json& schema) {
  impl_->schemas[std::move(name)] = schema;
}

void Router::add(Route route) {
  for (const Route& other : impl_->routes) {
    TOCSIN_ASSERT(other.method != route.method || other.path != route.path,
                  "an operation is added once");
  }
  std::size_t parameters = 0;
  for (const std::string_view segment : segments_of(route.path)) {
    if (!is_parameter(segment)) continue;
    ++parameters;
    TOCSIN_ASSERT(std::ranges::find(route.path_parameters, parameter_name(segment),
                                    &RouteParameter::name) != route.path_parameters.end(),
                  "every parameter of the path is described");
  }
  TOCSIN_ASSERT(parameters == route.path_parameters.size(), "every parameter is in the path");
  if (route.body && route.body->bytes_max == SIZE_MAX && is_json_alone(*route.body)) {
    route.body->bytes_max = kJsonBytesMax;
  }
  const auto is_known = [](const auto& table, const std::string& name) {
    return std::ranges::find(table, name, &ApiHeader::name) != table.end();
  };
  for (const std::string& name : route.request_headers) {
    TOCSIN_ASSERT(is_known(kRequestHeaders, name), "api_headers.h has every header of a request");
  }
  for (const std::string& name : route.required_headers) {
    TOCSIN_ASSERT(std::ranges::find(route.request_headers, name) != route.request_headers.end(),
                  "a header that is required is read");
  }
  for (const std::string& name : route.answer_headers) {
    TOCSIN_ASSERT(is_known(kAnswerHeaders, name), "api_headers.h has every header of an answer");
  }
  impl_->routes.push_back(std::move(route));
}

HttpAdmission Router::admit(HttpRequest& request, const AccessList& access) {
  return impl_->admit(request, access);
}

HttpResponse Router::handle(HttpRequest& request, const AccessList& access) {
  return impl_->admit(request, access).handle(request);
}

HttpResponse Router::perform(const Proposal& proposal, const TokenGrant& grant,
                             const std::string& approved_by) {
  return impl_->perform(proposal, grant, approved_by);
}

ordered_json Router::openapi() const {
  return openapi_document(impl_->options.title, impl_->options.version, impl_->routes,
                          impl_->schemas,
                          [this](const Route& route) { return impl_->takes_key(route); });
}
}  // namespace tocsin::api
