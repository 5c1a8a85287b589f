#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "api/rest/json_body.h"
#include "api/server/operation_routes.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::int64_t kLimit = 1000;
constexpr std::int64_t kLimitMax = 10'000;

ordered_json producer_json(const ProducerFigures& producer) {
  return {{"producer", producer.name},
          {"next_sequence", producer.next_sequence},
          {"token", producer.owner.empty() ? ordered_json() : ordered_json(producer.owner)},
          {"used_at", cep::format_time(producer.used_at)}};
}

HttpResponse not_found(std::string_view name) {
  return problem_response(ProblemKind::kNotFound,
                          fmt::format("the producer {} is unknown: its first sequence is 0", name));
}

HttpResponse list_producers(ServerContext& context, const ApiRequest& request) {
  const auto limit = static_cast<std::size_t>(request.integer("limit").value_or(kLimit));
  const auto found =
      context.node.producers(std::string(request.text("cursor").value_or("")), limit, kAskPatience);
  if (!found) return refusal_response(found.error());
  ordered_json list = ordered_json::array();
  for (const ProducerFigures& producer : *found) list.push_back(producer_json(producer));
  ordered_json answer = {{"producers", list}};
  if (found->size() == limit) answer["next"] = found->back().name;
  return json_response(200, answer);
}

HttpResponse get_producer(ServerContext& context, const ApiRequest& request) {
  const std::string name(*request.text("producer"));
  const auto found = context.node.producer(name, kAskPatience);
  if (!found) return refusal_response(found.error());
  if (!*found) return not_found(name);
  const ProducerFigures& producer = **found;
  const bool is_of_another = !producer.owner.empty() && producer.owner != request.grant.name;
  if (is_of_another && request.grant.role == Role::kProducer) {
    return problem_response(ProblemKind::kProducerOwned,
                            fmt::format("the producer {} belongs to another token", name));
  }
  return json_response(200, producer_json(producer));
}

HttpResponse remove_producer(ServerContext& context, const ApiRequest& request) {
  const std::string name(*request.text("producer"));
  const auto removed = context.node.remove_producer(name, kDiskPatience);
  if (!removed) return refusal_response(removed.error());
  if (!*removed) return problem_of_error(removed->error());
  return **removed ? HttpResponse{204, {}, "", ""} : not_found(name);
}
constexpr std::string_view kSchemas = R"({
  "Producer": {
    "producer": "text",
    "next_sequence": "whole",
    "token": "text or null; the name of the token that it belongs to",
    "used_at": "time"
  },
  "ProducerPage": {"producers": "list of Producer", "next?": "text; the `cursor` of the next page"}
})";
}  // namespace

void add_producer_routes(Router& router, ServerContext& context) {
  router.add_schemas(kSchemas);
  using Type = RouteParameter::Type;
  const RouteParameter name{"producer", Type::kText, "The value of its header Tocsin-Producer"};
  router.add(
      {.method = "GET",
       .path = "/v1/producers",
       .operation_id = "listProducers",
       .tag = "events",
       .summary = "Producers by name: their sequences, and the tokens that they belong to",
       .role = Role::kReader,
       .query_parameters = {{.name = "limit",
                             .type = Type::kInteger,
                             .description = "Maximum number of producers; default 1000",
                             .least = 1,
                             .most = kLimitMax},
                            {.name = "cursor", .description = "`next` of the page before"}},
       .answers = {{200, "A page of producers", "application/json", "ProducerPage"}},
       .handler = [&context](ApiRequest& request) { return list_producers(context, request); }});
  router.add(
      {.method = "GET",
       .path = "/v1/producers/{producer}",
       .operation_id = "getProducer",
       .tag = "events",
       .summary = "A producer's next sequence",
       .description = "A token with the role producer sees its own producers only.",
       .role = Role::kProducer,
       .path_parameters = {name},
       .answers = {{200, "Its sequence", "application/json", "Producer"}},
       .handler = [&context](ApiRequest& request) { return get_producer(context, request); }});
  router.add(
      {.method = "DELETE",
       .path = "/v1/producers/{producer}",
       .operation_id = "deleteProducer",
       .tag = "events",
       .summary = "Forget a producer and its sequence; its name becomes free",
       .description = "Its next sequence is 0, and none of its events counts as a repeat. The "
                      "events that it sent stay.",
       .role = Role::kOperator,
       .path_parameters = {name},
       .answers = {{204, "The producer is forgotten"}},
       .problems = {409},
       .handler = [&context](ApiRequest& request) { return remove_producer(context, request); }});
}
}  // namespace tocsin::api
