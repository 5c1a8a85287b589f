#include "api/server/subscription_schemas.h"

#include <string_view>

namespace tocsin::api {
namespace {
constexpr std::string_view kSettings = R"({
  "AlertFilter": {
    "body": true,
    "rules?": "list of text of 1 to 1000; ids",
    "tags?": "list of text of 1 to 1000",
    "least_severity?": "one of info, low, medium, high, critical",
    "key?": {"$schema": {
      "type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}
    }},
    "condition?": "text of 1 to 10000; of the rule language: amount > 100"
  },
  "AlertGroups": {
    "body": true,
    "by?": {"$schema": {
      "type": "array",
      "maxItems": 10,
      "uniqueItems": true,
      "items": {"type": "string", "minLength": 1, "maxLength": 1000}
    }},
    "wait?": "duration; 0s to 1h",
    "interval?": "duration; 1s to 24h"
  },
  "AlertBrake": {
    "body": true,
    "per_rule?": "whole from 0 to 1000000 or null",
    "in_all?": "whole from 0 to 1000000 or null"
  },
  "WebhookHeaders": {"$schema": {
    "type": "object",
    "description": "Headers of each request, beside those that are set here",
    "propertyNames": {"pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$"},
    "additionalProperties": {"type": "string", "maxLength": 1000, "pattern": "^[^\\x00-\\x1f\\x7f]*$"}
  }},
  "WebhookHeaderChanges": {"$schema": {
    "type": "object",
    "description": "Headers as in WebhookHeaders; null takes one out",
    "propertyNames": {"pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$"},
    "additionalProperties": {
      "type": ["string", "null"], "maxLength": 1000, "pattern": "^[^\\x00-\\x1f\\x7f]*$"
    }
  }},
  "SubscriptionSettings": {
    "body": true,
    "name?": "text",
    "url": {"$schema": {"type": "string", "format": "uri", "pattern": "^https?://"}},
    "filter?": "AlertFilter",
    "payload?": "one of tocsin, cloudevents",
    "headers?": "WebhookHeaders",
    "per_second?": "number from 0.001 to 1000000 or null",
    "concurrency?": {"$schema": {"type": "integer", "minimum": 1}},
    "in_order?": "boolean",
    "group?": "AlertGroups or null",
    "brake?": "AlertBrake or null",
    "pii?": "boolean; whether alerts go with personal data: only admins set it"
  },
  "SubscriptionPatch": {
    "body": true,
    "name?": "text or null",
    "url?": {"$schema": {"type": "string", "format": "uri", "pattern": "^https?://"}},
    "filter?": "object or null; members as in AlertFilter, null takes one out",
    "payload?": "one of tocsin, cloudevents or null",
    "headers?": "WebhookHeaderChanges or null",
    "per_second?": "number from 0.001 to 1000000 or null",
    "concurrency?": {"$schema": {"type": ["integer", "null"], "minimum": 1}},
    "in_order?": "boolean or null",
    "group?": "object or null; members as in AlertGroups",
    "brake?": "object or null; members as in AlertBrake",
    "pii?": "boolean or null"
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
    "pii?": "boolean",
    "status": "one of active, paused, disabled",
    "status_reason?": "text",
    "condition_error?": "text",
    "secret?": "text; only in the answer that created it",
    "secret_before_until?": "text",
    "secrets_before_until?": "list of text; when each earlier secret that still signs expires",
    "created_at?": "text",
    "created_by?": "text",
    "owed?": "whole",
    "oldest_waiting?": "time; when the alert was stored that has waited longest to be sent",
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
  "SecretRotation": {"body": true, "overlap?": "duration; 0s to 30d"},
  "Redelivery": {"$schema": {
    "type": "object",
    "description": "One alert, those of a time, or those that failed since one",
    "minProperties": 1,
    "additionalProperties": false,
    "properties": {
      "alert": {"type": "string"},
      "from": {"type": "string", "format": "date-time"},
      "to": {"type": "string", "format": "date-time"},
      "failed_since": {"type": "string", "format": "date-time"}
    },
    "oneOf": [
      {"required": ["alert"]},
      {"required": ["failed_since"]},
      {"anyOf": [{"required": ["from"]}, {"required": ["to"]}]}
    ]
  }},
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
