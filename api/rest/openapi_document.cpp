#include "api/rest/openapi_document.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "api/rest/problem.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

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

ordered_json reference(const std::string& schema) {
  if (schema.empty()) return ordered_json::object();
  return {{"$ref", "#/components/schemas/" + schema}};
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
  if (takes_key) {
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
  if (route.may_wait && !responses.contains("202")) {
    responses["202"] = {
        {"description", "It waits for the approval of another person, where that is configured"},
        {"content",
         {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Proposal"}}}}}}}};
  }
  std::set<int> statuses(route.problems.begin(), route.problems.end());
  statuses.insert({400, 404, 405, 408, 414, 431, 500, 503});
  if (route.role != Role::kOpen) statuses.insert({401, 403, 429});
  if (takes_key) statuses.insert({409, 422});
  if (route.may_wait) statuses.insert({409, 413});
  for (const int status : statuses) {
    responses[std::to_string(status)] = {{"$ref", "#/components/responses/Problem"}};
  }
  operation["responses"] = responses;
  if (route.role == Role::kOpen) operation["security"] = ordered_json::array();
  return operation;
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
  document["security"] = ordered_json::array({{{"token", ordered_json::array()}}});
  ordered_json paths = ordered_json::object();
  for (const Route& route : routes) {
    std::string method = route.method;
    std::ranges::transform(method, method.begin(),
                           [](char letter) { return static_cast<char>(letter | 0x20); });
    paths[route.path][method] = document_of(route, takes_key(route));
  }
  document["paths"] = paths;
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
