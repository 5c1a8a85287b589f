#include "api/rest/router.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "api/base/integer_text.h"
#include "api/rest/audit_trail.h"
#include "api/rest/idempotency.h"
#include "api/rest/problem.h"
#include "api/rest/request_rates.h"
#include "cep/base/assert.h"
#include "cep/value/identity.h"
#include "cep/value/time.h"
#include "cep/value/unicode.h"
#include "rules/text/suggest.h"
#include "runtime/journal/trace_context.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

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
    case RouteParameter::Type::kWord:
      if (std::ranges::find(parameter.words, text) != parameter.words.end()) return std::nullopt;
      return fmt::format("one of {}", fmt::join(parameter.words, ", "));
  }
  return std::nullopt;
}

ordered_json schema_of(const RouteParameter& parameter) {
  switch (parameter.type) {
    case RouteParameter::Type::kInteger: {
      ordered_json schema = {{"type", "integer"}, {"minimum", parameter.least}};
      if (parameter.most != INT64_MAX) schema["maximum"] = parameter.most;
      return schema;
    }
    case RouteParameter::Type::kBoolean:
      return {{"type", "boolean"}};
    case RouteParameter::Type::kDuration:
      return {{"type", "string"}, {"examples", {"200ms", "30s", "1h30m"}}};
    case RouteParameter::Type::kTime:
      return {{"type", "string"}, {"format", "date-time"}};
    case RouteParameter::Type::kWord:
      return {{"type", "string"}, {"enum", parameter.words}};
    case RouteParameter::Type::kText:
      break;
  }
  return {{"type", "string"}};
}

// An id that a client may choose: short, and safe in any log.
bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char letter) {
    const char lower = static_cast<char>(letter | 0x20);
    return (letter >= '0' && letter <= '9') || (lower >= 'a' && lower <= 'z') || letter == '-' ||
           letter == '_' || letter == '.' || letter == ':';
  });
}
std::string random_id() {
  std::array<std::uint8_t, 16> bytes{};
  RAND_bytes(bytes.data(), static_cast<int>(bytes.size()));
  return cep::hex(bytes);
}
// Of `type/subtype; parameters`, in lower case.
std::string media_type_of(std::string_view value) {
  value = value.substr(0, value.find(';'));
  while (value.ends_with(' ')) value.remove_suffix(1);
  std::string type(value);
  std::ranges::transform(type, type.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter | 0x20) : letter;
  });
  return type;
}
}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank) {
  const auto digit_of = [](char letter) {
    if (letter >= '0' && letter <= '9') return letter - '0';
    const char lower = static_cast<char>(letter | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      result += ' ';
    } else if (text[i] != '%') {
      result += text[i];
    } else {
      const int high = i + 1 < text.size() ? digit_of(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? digit_of(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      result += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  for (std::size_t at = 0; at < result.size();) {
    const cep::CodePoint point = cep::code_point_at(result, at);
    if (point.value <= 0) return std::nullopt;
    at += point.bytes;
  }
  return result;
}

struct Router::Impl {
  explicit Impl(RouterOptions options_in) : options(std::move(options_in)), rates(options.rate) {
    if (!options.now) options.now = [] { return std::chrono::steady_clock::now(); };
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

  HttpResponse route(const HttpRequest& http, ApiRequest& request, const AccessList& access,
                     std::vector<HttpHeader>& headers) {
    const std::string_view target = http.head().target;
    const std::string_view path = target.substr(0, target.find('?'));
    const std::vector<std::string_view> segments = segments_of(path);
    const std::vector<const Route*> found = fitting(segments);
    // Who has no token is told nothing of what there is.
    const auto token = bearer_token(http.head().header("authorization").value_or(""));
    const std::optional<TokenGrant> grant = token ? access.find(*token) : std::nullopt;
    const bool is_open =
        std::ranges::any_of(found, [](const Route* one) { return one->role == Role::kOpen; });
    std::string_view method = http.head().method;
    if (method == "HEAD") method = "GET";
    const auto place = std::ranges::find(
        found, method, [](const Route* one) { return std::string_view(one->method); });
    const Route* const fits = place == found.end() ? nullptr : *place;
    if (!grant && !is_open) {
      if (options.audit != nullptr) audit_refusal(*options.audit, fits, request, 401);
      headers.push_back({"WWW-Authenticate", "Bearer realm=\"tocsin\""});
      return problem_response(ProblemKind::kUnauthorized,
                              token ? "the token is unknown; it may have been revoked"
                                    : "send `Authorization: Bearer TOKEN`");
    }
    if (found.empty()) {
      return problem_response(ProblemKind::kNotFound, fmt::format("there is nothing at {}", path));
    }
    if (fits == nullptr) return refuse_method(found, path, headers);
    const Route& route = *fits;
    if (grant) request.grant = *grant;
    if (!may(grant ? grant->role : Role::kOpen, route.role)) {
      if (options.audit != nullptr) audit_refusal(*options.audit, fits, request, 403);
      return problem_response(ProblemKind::kForbidden,
                              fmt::format("this requires the role {}; the token {} has the role {}",
                                          role_name(route.role), grant ? grant->name : "",
                                          role_name(grant ? grant->role : Role::kOpen)));
    }
    if (grant && route.role != Role::kOpen) {
      if (auto limited = limit(grant->name, headers)) return std::move(*limited);
    }
    if (auto bad = read_parameters(route, segments, target, request)) return std::move(*bad);
    if (auto bad = check_media_type(route, http.head())) return std::move(*bad);
    if (!takes_key(route)) return act(route, request);
    return answer_once(*options.answers, request,
                       [&](ApiRequest& once) { return act(route, once); });
  }

  static HttpResponse refuse_method(const std::vector<const Route*>& found, std::string_view path,
                                    std::vector<HttpHeader>& headers) {
    std::set<std::string> methods;
    for (const Route* one : found) {
      methods.insert(one->method);
      if (one->method == "GET") methods.insert("HEAD");
    }
    const std::string allowed = fmt::format("{}", fmt::join(methods, ", "));
    headers.push_back({"Allow", allowed});
    return problem_response(ProblemKind::kMethodNotAllowed,
                            fmt::format("{} has {}", path, allowed));
  }

  std::optional<HttpResponse> limit(const std::string& name, std::vector<HttpHeader>& headers) {
    const RequestRates::Answer answer = rates.take(name, options.now());
    headers.push_back({"RateLimit-Limit", fmt::format("{}", std::floor(options.rate.burst))});
    headers.push_back({"RateLimit-Remaining", fmt::format("{}", std::floor(answer.left))});
    headers.push_back({"RateLimit-Reset", fmt::format("{}", std::ceil(answer.reset_s))});
    if (answer.is_allowed) return std::nullopt;
    const std::string wait = fmt::format("{}", std::max(1.0, std::ceil(answer.wait_s)));
    headers.push_back({"Retry-After", wait});
    return problem_response(
        ProblemKind::kTooManyRequests,
        fmt::format("the token {} has used up its requests; it may send more in {} s", name, wait));
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
        if (known.empty()) {
          return bad_parameter_response(
              *name, fmt::format("{} is not a parameter: this operation has none", *name));
        }
        const auto meant = rules::nearest(*name, known);
        return bad_parameter_response(
            *name, fmt::format("{} is not a parameter{} {}", *name,
                               meant ? fmt::format(": did you mean {}? Parameters:", *meant)
                                     : "; parameters:",
                               fmt::join(known, ", ")));
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

  static std::optional<HttpResponse> check_media_type(const Route& route, const RequestHead& head) {
    const bool has_body = head.is_chunked || head.content_bytes.value_or(0) > 0;
    if (!route.body) {
      if (!has_body) return std::nullopt;
      return problem_response(ProblemKind::kBadBody, "this operation takes no body");
    }
    if (!has_body) {
      if (!route.body->is_required) return std::nullopt;
      return problem_response(
          ProblemKind::kBadBody,
          fmt::format("a body is required: {}", fmt::join(route.body->media_types, ", ")));
    }
    const std::string type = media_type_of(head.header("content-type").value_or(""));
    if (std::ranges::find(route.body->media_types, type) != route.body->media_types.end()) {
      return std::nullopt;
    }
    return problem_response(
        ProblemKind::kUnsupportedMediaType,
        fmt::format("Content-Type is {}; this operation accepts {}",
                    type.empty() ? "missing" : type, fmt::join(route.body->media_types, ", ")));
  }

  ordered_json document_of(const Route& route) const {
    ordered_json operation;
    operation["operationId"] = route.operation_id;
    operation["tags"] = {route.tag};
    operation["summary"] = route.summary;
    if (!route.description.empty()) operation["description"] = route.description;
    operation["x-role"] = role_name(route.role);
    ordered_json parameters = ordered_json::array();
    const auto add = [&](const RouteParameter& parameter, bool is_path) {
      parameters.push_back({{"name", parameter.name},
                            {"in", is_path ? "path" : "query"},
                            {"required", is_path},
                            {"description", parameter.description},
                            {"schema", schema_of(parameter)}});
    };
    for (const RouteParameter& parameter : route.path_parameters) add(parameter, true);
    for (const RouteParameter& parameter : route.query_parameters) add(parameter, false);
    if (takes_key(route)) {
      parameters.push_back(
          {{"name", "Idempotency-Key"},
           {"in", "header"},
           {"required", false},
           {"description", "With this key the request is done once, however often it is sent"},
           {"schema", {{"type", "string"}, {"maxLength", 255}}}});
    }
    if (!parameters.empty()) operation["parameters"] = parameters;
    if (route.body) {
      ordered_json content;
      for (const std::string& type : route.body->media_types) {
        content[type] = {{"schema", reference(route.body->schema)}};
      }
      operation["requestBody"] = {{"required", route.body->is_required}, {"content", content}};
    }
    ordered_json responses;
    for (const RouteAnswer& answer : route.answers) {
      ordered_json& response = responses[std::to_string(answer.status)];
      if (response.is_null()) response["description"] = answer.description;
      if (!answer.media_type.empty()) {
        response["content"][answer.media_type] = {{"schema", reference(answer.schema)}};
      }
    }
    std::set<int> statuses(route.problems.begin(), route.problems.end());
    statuses.insert({400, 404, 405, 408, 414, 431, 500, 503});
    if (route.role != Role::kOpen) statuses.insert({401, 403, 429});
    if (takes_key(route)) statuses.insert({409, 422});
    for (const int status : statuses) {
      responses[std::to_string(status)] = {{"$ref", "#/components/responses/Problem"}};
    }
    operation["responses"] = responses;
    if (route.role == Role::kOpen) operation["security"] = ordered_json::array();
    return operation;
  }
  static ordered_json reference(const std::string& schema) {
    if (schema.empty()) return ordered_json::object();
    return {{"$ref", "#/components/schemas/" + schema}};
  }

  HttpResponse act(const Route& route, ApiRequest& request) {
    return options.audit == nullptr ? route.handler(request)
                                    : answer_audited(*options.audit, route, request);
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
  impl_->routes.push_back(std::move(route));
}

HttpResponse Router::handle(HttpRequest& given, const AccessList& access) {
  BufferedRequest http(given);
  ApiRequest request{http, impl_->bodies(), {}, {}, {}, {}, {}, {}};
  const auto id = http.head().header("x-request-id");
  request.request_id = id && is_request_id(*id) ? std::string(*id) : random_id();
  const auto trace = http.head().header("traceparent");
  if (trace) request.trace_parent = runtime::read_trace_parent(*trace).value_or("");
  std::vector<HttpHeader> headers;
  HttpResponse response;
  try {
    response = impl_->route(http, request, access, headers);
  } catch (const std::exception& error) {
    response =
        problem_response(ProblemKind::kInternal,
                         fmt::format("{}; the log has more under the request's id", error.what()));
  }
  headers.push_back({"X-Request-Id", request.request_id});
  headers.push_back({"Cache-Control", "no-store"});
  headers.push_back({"X-Content-Type-Options", "nosniff"});
  response.headers.insert(response.headers.end(), headers.begin(), headers.end());
  return response;
}

ordered_json Router::openapi() const {
  ordered_json document;
  document["openapi"] = "3.1.0";
  document["info"] = {{"title", impl_->options.title},
                      {"version", impl_->options.version},
                      {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}};
  document["security"] = ordered_json::array({{{"token", ordered_json::array()}}});
  ordered_json paths = ordered_json::object();
  for (const Route& route : impl_->routes) {
    std::string method = route.method;
    std::ranges::transform(method, method.begin(),
                           [](char letter) { return static_cast<char>(letter | 0x20); });
    paths[route.path][method] = impl_->document_of(route);
  }
  document["paths"] = paths;
  ordered_json schemas = impl_->schemas;
  std::vector<std::string> types;
  for (const ProblemType& type : all_problem_types()) {
    types.push_back("urn:tocsin:problem:" + std::string(type.slug));
  }
  schemas["Problem"] = {{"type", "object"},
                        {"required", {"type", "title", "status", "detail"}},
                        {"properties",
                         {{"type", {{"type", "string"}, {"enum", types}}},
                          {"title", {{"type", "string"}}},
                          {"status", {{"type", "integer"}}},
                          {"detail", {{"type", "string"}}}}}};
  document["components"] = {
      {"schemas", schemas},
      {"responses",
       {{"Problem",
         {{"description", "What went wrong, as RFC 9457 says"},
          {"content",
           {{"application/problem+json",
             {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}}}}}}},
      {"securitySchemes", {{"token", {{"type", "http"}, {"scheme", "bearer"}}}}}};
  return document;
}
}  // namespace tocsin::api
