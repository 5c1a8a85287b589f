/// Schemas of the report of a backtest, in the short form of api/rest/schema_text.h.
#pragma once
#include <string_view>

namespace tocsin::api {
/// What `backtest_json` gives.
inline constexpr std::string_view kReportSchemas = R"({
  "LabelFigures": {
    "alerts_fraud": "whole",
    "alerts_ok": "whole",
    "alerts_unlabelled": "whole",
    "frauds_found": "whole",
    "frauds": "whole",
    "precision": "number or null",
    "recall": "number or null",
    "delay?": {
      "frauds": "whole; of those found, that say when they began",
      "half_us": "whole; microseconds from then to the first alert, of half of them at most",
      "most_us": "whole; of all of them"
    }
  },
  "ValueSum": {
    "sum": "text like ^-?[0-9]+([.][0-9]{1,9})?$; exact, whatever its length",
    "alerts": "whole; that were added up",
    "without": "whole; alerts without such a number"
  },
  "ValueSums": {
    "like": "ValueSum",
    "caught?": "ValueSum; of alerts that found a fraud, where there are labels"
  },
  "BacktestedRule": {
    "rule": "text",
    "title": "text",
    "status": "text",
    "alerts": "whole",
    "keys": "whole",
    "held_back": "whole",
    "by_day": "map of whole",
    "by_hour": "list of whole; 24 of them, UTC",
    "cost": {
      "events": "whole",
      "asked": "whole",
      "ns": "whole",
      "share": "number",
      "steps": [{"name": "text", "share": "number"}],
      "alerts?": "whole",
      "partial_matches?": "whole",
      "keys?": "whole",
      "bytes?": "whole"
    },
    "labels?": "LabelFigures",
    "sums?": "ValueSums",
    "samples": "list of Alert"
  },
  "BacktestedRules": {
    "files": "list of text",
    "alerts": "whole",
    "suppressed": "whole",
    "budget_alerts": "whole",
    "alerts_not_compared": "whole",
    "labels?": "LabelFigures",
    "sums?": "ValueSums; of all rules together",
    "rules": "list of BacktestedRule"
  },
  "BacktestReport": {
    "format": "whole",
    "inputs": "list of text",
    "events": "whole",
    "late": "whole",
    "rejected": "whole",
    "ignored": "whole",
    "seconds": "number",
    "first_event?": "time",
    "last_event?": "time",
    "value?": "text; the field of alerts that is added up",
    "backtest": "BacktestedRules",
    "against?": "BacktestedRules",
    "comparison?": {
      "changes": [{
        "rule": "text",
        "same": "whole",
        "added": "whole",
        "gone": "whole",
        "added_samples": "list of Alert",
        "gone_samples": "list of Alert",
        "sums?": {
          "same": "ValueSum; as the alerts of the new rules have it",
          "added": "ValueSum",
          "gone": "ValueSum"
        }
      }],
      "overlaps": [{
        "rule": "text",
        "against": "text",
        "same_key_and_day": "whole",
        "same_last_event": "whole"
      }]
    },
    "scenarios?": [{
      "scenario": "text",
      "frauds": "whole",
      "found": "whole",
      "found_by_against?": "whole"
    }],
    "frauds_of_another_time?": "whole",
    "variation?": {
      "variants": [{
        "rule": "text",
        "place": "text",
        "written": "text",
        "value": "text",
        "instead": "text",
        "is_as_written": "boolean",
        "alerts": "whole",
        "keys": "whole",
        "labels?": "LabelFigures",
        "sums?": "ValueSums"
      }],
      "left_out": "whole",
      "refused": "list of text",
      "not_varied": "list of text"
    }
  }
})";
}  // namespace tocsin::api
