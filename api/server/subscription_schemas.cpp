#include "api/server/subscription_schemas.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;

ordered_json list_schema(const char* name, ordered_json items) {
  return {{"type", "object"},
          {"required", {name}},
          {"properties", {{name, {{"type", "array"}, {"items", std::move(items)}}}}}};
}

void add_settings_schemas(Router& router) {
  const ordered_json text = {{"type", "string"}};
  const ordered_json whole = {{"type", "integer"}};
  const ordered_json texts = {{"type", "array"}, {"items", text}};
  const ordered_json limit = {{"type", {"integer", "null"}}, {"minimum", 0}};
  router.add_schema(
      "AlertFilter",
      {{"type", "object"},
       {"properties",
        {{"rules", texts},
         {"tags", texts},
         {"least_severity",
          {{"type", "string"}, {"enum", {"info", "low", "medium", "high", "critical"}}}},
         {"key", {{"type", "object"}}},
         {"condition", text}}},
       {"additionalProperties", false}});
  const ordered_json settings = {
      {"name", text},
      {"url", {{"type", "string"}, {"format", "uri"}}},
      {"filter", {{"$ref", "#/components/schemas/AlertFilter"}}},
      {"payload", {{"type", "string"}, {"enum", {"tocsin", "cloudevents"}}}},
      {"headers", {{"type", "object"}, {"additionalProperties", text}}},
      {"per_second", {{"type", {"number", "null"}}}},
      {"concurrency", {{"type", "integer"}, {"minimum", 1}}},
      {"in_order", {{"type", "boolean"}}},
      {"group",
       {{"type", {"object", "null"}},
        {"properties", {{"by", texts}, {"wait", text}, {"interval", text}}},
        {"additionalProperties", false}}},
      {"brake",
       {{"type", {"object", "null"}},
        {"properties", {{"per_rule", limit}, {"in_all", limit}}},
        {"additionalProperties", false}}}};
  router.add_schema("SubscriptionSettings", {{"type", "object"},
                                             {"properties", settings},
                                             {"required", {"url"}},
                                             {"additionalProperties", false}});
  ordered_json shown = {{"id", text}, {"version", whole}};
  shown.update(settings);
  shown["status"] = {{"type", "string"}, {"enum", {"active", "paused", "disabled"}}};
  shown["status_reason"] = text;
  shown["condition_error"] = text;
  shown["secret"] = {{"type", "string"}, {"description", "Only in the answer that created it"}};
  shown["secret_before_until"] = text;
  shown["secrets_before_until"] = {
      {"type", "array"},
      {"items", text},
      {"description", "When each earlier secret that still signs expires, newest first"}};
  shown["created_at"] = text;
  shown["created_by"] = text;
  shown["owed"] = whole;
  shown["circuit"] = {{"type", "string"}, {"enum", {"closed", "open", "half_open", "disabled"}}};
  shown["last_succeeded"] = {{"type", "boolean"}};
  router.add_schema("Subscription", {{"type", "object"},
                                     {"required", {"id", "version", "url", "status"}},
                                     {"properties", shown}});
  router.add_schema("SubscriptionList",
                    list_schema("subscriptions", {{"$ref", "#/components/schemas/Subscription"}}));
}

void add_delivery_schemas(Router& router) {
  const ordered_json text = {{"type", "string"}};
  const ordered_json whole = {{"type", "integer"}};
  router.add_schema("DeliveryAttempt", {{"type", "object"},
                                        {"required", {"webhook_id", "attempt", "at", "delivered"}},
                                        {"properties",
                                         {{"sequence", whole},
                                          {"test", {{"type", "boolean"}}},
                                          {"alert", text},
                                          {"number", whole},
                                          {"webhook_id", text},
                                          {"attempt", whole},
                                          {"at", text},
                                          {"delivered", {{"type", "boolean"}}},
                                          {"status", whole},
                                          {"latency_ms", {{"type", "number"}}},
                                          {"error", text},
                                          {"answer", text}}}});
  router.add_schema("DeliveryLog",
                    list_schema("deliveries", {{"$ref", "#/components/schemas/DeliveryAttempt"}}));
  router.add_schema("DeadDeliveries", list_schema("dead", {{"type", "object"}}));
  router.add_schema(
      "SecretRotation",
      {{"type", "object"}, {"properties", {{"overlap", text}}}, {"additionalProperties", false}});
  const ordered_json time = {{"type", "string"}, {"format", "date-time"}};
  router.add_schema(
      "Redelivery",
      {{"type", "object"},
       {"properties", {{"alert", text}, {"from", time}, {"to", time}, {"failed_since", time}}},
       {"additionalProperties", false}});
  router.add_schema(
      "Redelivered",
      {{"type", "object"}, {"required", {"owed"}}, {"properties", {{"owed", whole}}}});
  router.add_schema("NoticeList", list_schema("notices", {{"type", "object"}}));
}
}  // namespace

void add_subscription_schemas(Router& router) {
  add_settings_schemas(router);
  add_delivery_schemas(router);
}
}  // namespace tocsin::api
