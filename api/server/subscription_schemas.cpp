#include "api/server/subscription_schemas.h"

#include <string_view>

namespace tocsin::api {
namespace {
constexpr std::string_view kSettings = R"({
  "AlertFilter": {
    "body": true,
    "rules?": "list of text; ids",
    "tags?": "list of text",
    "least_severity?": "one of info, low, medium, high, critical",
    "key?": "map of any",
    "condition?": "text"
  },
  "AlertGroups": {"body": true, "by?": "list of text", "wait?": "text", "interval?": "text"},
  "AlertBrake": {
    "body": true,
    "per_rule?": {"$schema": {"type": ["integer", "null"], "minimum": 0}},
    "in_all?": {"$schema": {"type": ["integer", "null"], "minimum": 0}}
  },
  "SubscriptionSettings": {
    "body": true,
    "name?": "text",
    "url": {"$schema": {"type": "string", "format": "uri"}},
    "filter?": "AlertFilter",
    "payload?": "one of tocsin, cloudevents",
    "headers?": "map of text",
    "per_second?": "number or null",
    "concurrency?": {"$schema": {"type": "integer", "minimum": 1}},
    "in_order?": "boolean",
    "group?": "AlertGroups or null",
    "brake?": "AlertBrake or null"
  },
  "SubscriptionPatch": {
    "body": true,
    "name?": "text or null",
    "url?": {"$schema": {"type": "string", "format": "uri"}},
    "filter?": "object or null; members as in AlertFilter, null takes one out",
    "payload?": "one of tocsin, cloudevents or null",
    "headers?": "map of text or null",
    "per_second?": "number or null",
    "concurrency?": {"$schema": {"type": ["integer", "null"], "minimum": 1}},
    "in_order?": "boolean or null",
    "group?": "object or null; members as in AlertGroups",
    "brake?": "object or null; members as in AlertBrake"
  },
  "Subscription": {
    "id": "text",
    "version": "whole",
    "name?": "text",
    "url": {"$schema": {"type": "string", "format": "uri"}},
    "filter?": "AlertFilter",
    "payload?": "one of tocsin, cloudevents",
    "headers?": "map of text",
    "per_second?": "number or null",
    "concurrency?": "whole",
    "in_order?": "boolean",
    "group?": "AlertGroups or null",
    "brake?": "AlertBrake or null",
    "status": "one of active, paused, disabled",
    "status_reason?": "text",
    "condition_error?": "text",
    "secret?": "text; only in the answer that created it",
    "secret_before_until?": "text",
    "secrets_before_until?": "list of text; when each earlier secret that still signs expires",
    "created_at?": "text",
    "created_by?": "text",
    "owed?": "whole",
    "circuit?": "one of closed, open, half_open, disabled",
    "last_succeeded?": "boolean",
    "withheld?": "list of text; members that an answer given again leaves out"
  },
  "SubscriptionList": {"subscriptions": "list of Subscription"}
})";

constexpr std::string_view kDeliveries = R"({
  "DeliveryAttempt": {
    "sequence?": "whole",
    "test?": "boolean",
    "alert?": "text",
    "message?": "text; a summary or group",
    "number?": "whole",
    "webhook_id": "text",
    "attempt": "whole",
    "at": "time",
    "delivered": "boolean",
    "status?": "whole",
    "latency_ms?": "number",
    "error?": "text",
    "answer?": "text"
  },
  "DeliveryLog": {
    "deliveries": "list of DeliveryAttempt",
    "before?": "whole; the `before` of the next page"
  },
  "DeadDeliveries": {
    "dead": [{
      "number?": "whole",
      "alert?": "text",
      "rule?": "text",
      "message?": "text; a summary or group",
      "attempts": "whole",
      "at": "time",
      "status?": "whole",
      "error": "text"
    }],
    "from?": "whole; the `from` of the next page"
  },
  "SecretRotation": {"body": true, "overlap?": "text; a duration"},
  "Redelivery": {
    "body": true,
    "alert?": "text",
    "from?": "time",
    "to?": "time",
    "failed_since?": "time"
  },
  "Redelivered": {"owed": "whole"},
  "NoticeList": {
    "notices": [{
      "sequence": "whole",
      "kind": "text",
      "subject": "text",
      "text": "text",
      "first_at": "time",
      "last_at": "time",
      "count": "whole"
    }]
  }
})";
}  // namespace

void add_subscription_schemas(Router& router) {
  router.add_schemas(kSettings);
  router.add_schemas(kDeliveries);
}
}  // namespace tocsin::api
