#include "api/rest/openapi_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "api/rest/api_headers.h"
#include "api/rest/problem.h"
#include "api/rest/schema_text.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

ordered_json schema_of(const RouteParameter& parameter) {
  switch (parameter.type) {
    case RouteParameter::Type::kInteger: {
      return {{"type", "integer"}, {"minimum", parameter.least}, {"maximum", parameter.most}};
    }
    case RouteParameter::Type::kBoolean:
      return {{"type", "boolean"}};
    case RouteParameter::Type::kDuration:
      return duration_schema();
    case RouteParameter::Type::kTime:
      return {{"type", "string"}, {"format", "date-time"}};
    case RouteParameter::Type::kTimeOrDay: {
      const auto text = [](const char* format) {
        return ordered_json{{"type", "string"}, {"format", format}};
      };
      return {{"anyOf", ordered_json::array({text("date-time"), text("date")})}};
    }
    case RouteParameter::Type::kWord:
      return {{"type", "string"}, {"enum", parameter.words}};
    case RouteParameter::Type::kText:
      break;
  }
  ordered_json schema = {{"type", "string"}};
  if (!parameter.pattern.empty()) schema["pattern"] = parameter.pattern;
  return schema;
}

// Of a body of that media type: JSON is as its schema says, all else is text.
ordered_json body_schema(std::string_view media_type, const std::string& schema) {
  const bool is_json = media_type == "application/json" || media_type.ends_with("+json");
  if (!is_json) return {{"type", "string"}};
  if (schema.empty()) return ordered_json::object();
  return {{"$ref", "#/components/schemas/" + schema}};
}

// A header's place among the components.
std::string header_reference(const char* kind, std::string_view name) {
  return fmt::format("#/components/{}/{}", kind, name);
}

ordered_json header_schema(const ApiHeader& header) {
  ordered_json schema = {{"type", header.is_whole_number ? "integer" : "string"}};
  if (!header.pattern.empty()) schema["pattern"] = header.pattern;
  return schema;
}
ordered_json request_header(const ApiHeader& header) {
  ordered_json schema = header_schema(header);
  if (header.is_whole_number) schema["minimum"] = 0;
  return {{"name", header.name},
          {"in", "header"},
          {"required", false},
          {"description", header.description},
          {"schema", std::move(schema)}};
}

ordered_json parameters_of(const Route& route, bool takes_key) {
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
  const auto add_header = [&](std::string_view name) {
    parameters.push_back({{"$ref", header_reference("parameters", name)}});
  };
  add_header("X-Request-Id");
  add_header("traceparent");
  if (takes_key) add_header("Idempotency-Key");
  for (const std::string& name : route.request_headers) {
    if (std::ranges::find(route.required_headers, name) == route.required_headers.end()) {
      add_header(name);
      continue;
    }
    ordered_json header = request_header(
        *std::ranges::find(kRequestHeaders, std::string_view(name), &ApiHeader::name));
    header["required"] = true;
    parameters.push_back(std::move(header));
  }
  return parameters;
}

ordered_json answer_headers(const Route& route, bool takes_key) {
  ordered_json headers = ordered_json::object();
  const auto add = [&](std::string_view name) {
    headers[std::string(name)] = {{"$ref", header_reference("headers", name)}};
  };
  for (const char* name : {"X-Request-Id", "Cache-Control", "X-Content-Type-Options"}) add(name);
  if (route.role != Role::kOpen) {
    for (const char* name : {"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"})
      add(name);
  }
  if (takes_key) add("Idempotent-Replayed");
  if (route.may_wait) add("Location");
  for (const std::string& name : route.answer_headers) add(name);
  return headers;
}

ordered_json responses_of(const Route& route, bool takes_key) {
  ordered_json responses;
  for (const RouteAnswer& answer : route.answers) {
    ordered_json& response = responses[std::to_string(answer.status)];
    if (response.is_null()) {
      response["description"] = answer.description;
      response["headers"] = answer_headers(route, takes_key);
    }
    if (!answer.media_type.empty()) {
      response["content"][answer.media_type] = {
          {"schema", body_schema(answer.media_type, answer.schema)}};
    }
  }
  if (route.may_wait && !responses.contains("202")) {
    responses["202"] = {
        {"description", "It waits for the approval of another person, where that is configured"},
        {"headers", answer_headers(route, takes_key)},
        {"content",
         {{"application/json", {{"schema", body_schema("application/json", "Proposal")}}}}}};
  }
  std::set<int> statuses(route.problems.begin(), route.problems.end());
  statuses.insert({400, 404, 405, 408, 414, 431, 500, 503});
  if (route.role != Role::kOpen) statuses.insert({401, 403, 429});
  if (takes_key) statuses.insert({409, 422});
  if (route.may_wait) statuses.insert({409, 413});
  for (const int status : statuses) {
    responses[std::to_string(status)] = {{"$ref", "#/components/responses/Problem"}};
  }
  return responses;
}

ordered_json document_of(const Route& route, bool takes_key) {
  ordered_json operation;
  operation["operationId"] = route.operation_id;
  operation["tags"] = {route.tag};
  operation["summary"] = route.summary;
  if (!route.description.empty()) operation["description"] = route.description;
  operation["x-role"] = role_name(route.role);
  operation["x-scopes"] = ordered_json::array();
  if (route.scoped_by.tags) operation["x-scopes"].push_back("tags");
  if (route.scoped_by.types) operation["x-scopes"].push_back("types");
  operation["parameters"] = parameters_of(route, takes_key);
  if (route.body) {
    ordered_json content;
    for (const std::string& type : route.body->media_types) {
      ordered_json schema = body_schema(type, route.body->schema);
      if (route.body->is_required && schema.value("type", "") == "string") schema["minLength"] = 1;
      content[type] = {{"schema", std::move(schema)}};
    }
    operation["requestBody"] = {{"required", route.body->is_required}, {"content", content}};
  }
  operation["responses"] = responses_of(route, takes_key);
  if (route.role == Role::kOpen) operation["security"] = ordered_json::array();
  return operation;
}

// Of browsers (api/rest/session_store.h).
ordered_json session_scheme() {
  return {{"type", "apiKey"},
          {"in", "cookie"},
          {"name", "tocsin"},
          {"description",
           "The cookie that POST /v1/session sets; with TLS it is __Host-tocsin. A request that "
           "changes something also needs `Tocsin-Console: 1` and the `Origin` of this server."}};
}

ordered_json request_header_components() {
  ordered_json components;
  for (const ApiHeader& header : kRequestHeaders) {
    components[std::string(header.name)] = request_header(header);
  }
  return components;
}
ordered_json answer_header_components() {
  ordered_json components;
  for (const ApiHeader& header : kAnswerHeaders) {
    components[std::string(header.name)] = {{"description", header.description},
                                            {"schema", header_schema(header)}};
  }
  return components;
}
// A problem may have any of them.
ordered_json problem_response_component() {
  ordered_json headers = ordered_json::object();
  for (const ApiHeader& header : kAnswerHeaders) {
    if (header.name == "Location") continue;
    headers[std::string(header.name)] = {{"$ref", header_reference("headers", header.name)}};
  }
  return {
      {"description", "What went wrong, as RFC 9457 says"},
      {"headers", std::move(headers)},
      {"content",
       {{"application/problem+json", {{"schema", {{"$ref", "#/components/schemas/Problem"}}}}}}}};
}
// What some problems have beside the members of all, by the problem.
ordered_json problem_schema() {
  std::vector<std::string> types;
  for (const ProblemType& type : all_problem_types()) {
    types.push_back("urn:tocsin:problem:" + std::string(type.slug));
  }
  const ordered_json text = {{"type", "string"}};
  const ordered_json whole = {{"type", "integer"}};
  const auto list_of = [](const ordered_json& items, std::string_view description) {
    return ordered_json{{"type", "array"}, {"items", items}, {"description", description}};
  };
  return {{"type", "object"},
          {"required", {"type", "title", "status", "detail"}},
          {"properties",
           {{"type", {{"type", "string"}, {"enum", types}}},
            {"title", text},
            {"status", whole},
            {"detail", text},
            {"parameter", text},
            {"diagnostics", list_of({{"type", "object"}}, "of rules and conditions")},
            {"failures", list_of(text, "the tests that failed, as people read them")},
            {"entries", list_of(text, "the first that do not fit, and why")},
            {"state", text},
            {"allowed", list_of(text, "what may be done in this state")},
            {"expected_sequence", whole},
            {"differing_sequence", whole}}},
          {"additionalProperties", true}};
}
}  // namespace

ordered_json openapi_document(const std::string& title, const std::string& version,
                              const std::vector<Route>& routes, ordered_json schemas,
                              const std::function<bool(const Route&)>& takes_key) {
  ordered_json document;
  document["openapi"] = "3.1.0";
  document["info"] = {{"title", title},
                      {"version", version},
                      {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}};
  document["security"] = ordered_json::array(
      {{{"token", ordered_json::array()}}, {{"session", ordered_json::array()}}});
  ordered_json paths = ordered_json::object();
  for (const Route& route : routes) {
    std::string method = route.method;
    std::ranges::transform(method, method.begin(),
                           [](char letter) { return static_cast<char>(letter | 0x20); });
    paths[route.path][method] = document_of(route, takes_key(route));
  }
  document["paths"] = paths;
  schemas["Problem"] = problem_schema();
  document["components"] = {
      {"schemas", schemas},
      {"parameters", request_header_components()},
      {"headers", answer_header_components()},
      {"responses", {{"Problem", problem_response_component()}}},
      {"securitySchemes",
       {{"token", {{"type", "http"}, {"scheme", "bearer"}}}, {"session", session_scheme()}}}};
  return document;
}
}  // namespace tocsin::api
