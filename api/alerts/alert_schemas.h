/// Schemas of alerts and their triage, in the short form of api/rest/schema_text.h.
#pragma once
#include <string_view>

namespace tocsin::api {
inline constexpr std::string_view kAlertSchemas = R"({
  "AlertEvent": {
    "as": "text",
    "type?": "text",
    "id?": "text",
    "ts": "whole; event time in microseconds",
    "fields": "map of any; decimals with all their digits"
  },
  "AlertSource": {
    "source": "text; the partition",
    "offset": "whole; of the message"
  },
  "Alert": {
    "format": "whole",
    "id": "text",
    "revision": "whole",
    "phase": "text",
    "rule": "text",
    "title?": "text",
    "version": "whole",
    "key": "map of any",
    "ts": "whole; event time in microseconds",
    "time": "time",
    "severity": "one of info, low, medium, high, critical",
    "score": {"$schema": {
      "type": ["number", "string"], "description": "A mark where it is personal data"
    }},
    "tags": "list of text",
    "message": "text",
    "fields": "map of any; decimals with all their digits",
    "events": "list of AlertEvent",
    "events_omitted?": "whole",
    "held_back": "whole",
    "late_us?": "whole",
    "truncated?": "whole",
    "lost_runs?": "whole"
  },
  "ListedAlert": {
    "number": "whole",
    "stored_at": "time",
    "live": "boolean",
    "from?": "AlertSource; of an alert that a topic brought",
    "status": "TriageState",
    "triage_version": "whole; 0: nobody has touched it",
    "assignee?": "text",
    "alert": "Alert"
  },
  "AlertPage": {
    "alerts": "list of ListedAlert",
    "next?": "text; the cursor of the next page"
  },
  "FilterPreviewRequest": {
    "body": true,
    "filter?": "AlertFilter",
    "within?": "duration; at most 366d; 7d unless given"
  },
  "FilterPreview": {
    "matched": "whole; live alerts that the filter admits",
    "examined": "whole; alerts that were looked at, the newest first",
    "complete": "boolean; false: there are older ones of that time, which were not looked at",
    "from": "time; alerts that were stored from then on were looked at",
    "to": "time",
    "samples": "list of ListedAlert; the newest of them, at most 5"
  },
  "AlertFacet": {
    "values": [{"value": "text", "count": "whole"}],
    "left_out": "whole; values beyond the 100 most frequent"
  },
  "AlertFacets": {
    "total": "whole; alerts of the filter",
    "examined": "whole; alerts that were looked at",
    "complete": "boolean; false: there are more, older ones",
    "facets": {
      "status": "AlertFacet",
      "severity": "AlertFacet",
      "rule": "AlertFacet",
      "tag": "AlertFacet",
      "assignee": "AlertFacet; the empty text: nobody's",
      "day": "AlertFacet; of the alert's time in UTC, such as 2026-03-02; without from and to"
    }
  },
  "TriageState": "one of open, assigned, confirmed, dismissed, closed",
  "TriageAction": "one of assign, release, confirm, dismiss, close, reopen, comment",
  "Triage": {
    "state": "TriageState",
    "assignee?": "text",
    "label?": "one of confirmed, dismissed",
    "version": "whole",
    "allowed": "list of TriageAction",
    "history": "list of TriageEntry"
  },
  "TriageEntry": {
    "at": "time",
    "who": "text",
    "action": "TriageAction",
    "from?": "TriageState",
    "to?": "TriageState",
    "assignee?": "text",
    "comment?": "text"
  },
  "TriageChange": {
    "body": true,
    "action?": "TriageAction",
    "assignee?": "text",
    "comment?": "text; at most 16384 bytes"
  },
  "TriageChangeOfAll": {
    "body": true,
    "alerts": {"$schema": {
      "type": "array", "minItems": 1, "maxItems": 1000,
      "items": {"$ref": "#/components/schemas/TriageTarget"}
    }},
    "action?": "TriageAction",
    "assignee?": "text",
    "comment?": "text; at most 16384 bytes"
  },
  "TriageTarget": {
    "body": true,
    "id": "text",
    "version?": "whole; only this version of its triage is changed"
  },
  "TriageOutcomes": {
    "changed": "whole",
    "refused": "whole",
    "alerts": [{
      "id": "text",
      "status": "whole; 200: it was changed; 404, 409 or 412: it was not; 500 or 503: nor could it be",
      "detail?": "text; why it was not changed",
      "state?": "TriageState; that it has now",
      "assignee?": "text",
      "label?": "one of confirmed, dismissed",
      "version?": "whole",
      "last?": "TriageEntry; of one that was not changed: what was done last, without its comment"
    }]
  },
  "AlertDelivery": {
    "subscription?": "text",
    "id?": "text; of a summary or group",
    "webhook_id?": "text",
    "state": "text",
    "next_at?": "time; of the next attempt, or when a message that is open is due",
    "silence?": "text",
    "summary?": "AlertDelivery",
    "group?": "AlertDelivery",
    "attempts?": [{
      "at": "time",
      "status?": "whole",
      "latency_ms": "number",
      "error?": "text"
    }]
  },
  "AlertDetail": {
    "number": "whole",
    "stored_at": "time",
    "live": "boolean",
    "from?": "AlertSource; of an alert that a topic brought",
    "alert": "Alert",
    "triage": "Triage",
    "deliveries": "list of AlertDelivery"
  },
  "RuleSeries": {
    "rule": "text",
    "days": [{
      "day": "text; 2026-03-02",
      "alerts": "whole; live ones",
      "shadow": "whole",
      "confirmed": "whole; by people, whenever",
      "dismissed": "whole",
      "precision?": "number; from 0 to 1; absent: nobody has judged any"
    }],
    "examined": "whole; alerts of all rules that were looked at",
    "complete": "boolean; false: there are more of those days, which were not looked at"
  },
  "AlertsByRule": {
    "days": "list of text; 2026-03-02, in UTC, the oldest first",
    "rules": [{
      "rule": "text",
      "alerts?": "list of whole; live ones on each of the days; absent: none",
      "shadow?": "list of whole",
      "confirmed": "whole; by people, of all its alerts",
      "dismissed": "whole"
    }],
    "left_out": "whole; further rules, as far as they were counted",
    "examined": "whole; alerts of all rules that were looked at",
    "complete": "boolean; false: there are more of those days, which were not looked at"
  },
  "RulePrecision": {
    "rule": "text",
    "confirmed": "whole",
    "dismissed": "whole",
    "precision?": "number; from 0 to 1"
  }
})";
}  // namespace tocsin::api
