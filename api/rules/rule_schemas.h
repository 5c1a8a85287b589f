/// Schemas of what is said of rules, in the short form of api/rest/schema_text.h.
#pragma once
#include <string_view>

namespace tocsin::api {
/// What `tocsin check --format json` and `tocsin explain --format json` print.
inline constexpr std::string_view kRuleTextSchemas = R"({
  "Diagnostic": {
    "code": "text",
    "level": "one of error, warning",
    "message": "text",
    "file": "text",
    "line": "whole",
    "column": "whole; counts characters, from 1",
    "end_line": "whole",
    "end_column": "whole",
    "label": "text",
    "labels": [{
      "file": "text",
      "line": "whole",
      "column": "whole",
      "end_line": "whole",
      "end_column": "whole",
      "text": "text"
    }],
    "notes": "list of text",
    "helps": "list of text",
    "edit": "DiagnosticEdit or null"
  },
  "DiagnosticEdit": {
    "file": "text",
    "line": "whole",
    "column": "whole",
    "end_line": "whole",
    "end_column": "whole",
    "text": "text; what to put there"
  },
  "ExplainedPassage": {
    "text": "text",
    "numbered?": "boolean",
    "parts?": "list of ExplainedPassage"
  },
  "Automaton": {
    "method": "text",
    "conditions": [{"name": "text", "text": "text", "asked": "one of event, key, match"}],
    "states": [{
      "name": "text",
      "kind": "one of start, step, match",
      "takes?": "text",
      "conditions?": "list of text",
      "called?": "list of text; what alerts call its events: any of these"
    }],
    "transitions": [{
      "from": "whole; the place of a state",
      "to": "whole",
      "kind": "one of take, complete",
      "to_last?": "whole",
      "passes?": "text",
      "gives?": "text",
      "needs": "list of text",
      "ended_by": "list of text",
      "within_us?": "whole; of the step: since the event before"
    }],
    "ended_by": "list of text",
    "drawing": {
      "width": "whole",
      "height": "whole",
      "label_radius": "whole",
      "states": [{
        "text": "text; the name, cut to fit",
        "x": "whole",
        "y": "whole",
        "width": "whole",
        "height": "whole"
      }],
      "transitions": [{
        "path": "text; its lines, as a path of SVG",
        "labels": [{"x": "whole", "y": "whole"}]
      }],
      "heads": "list of text; those of arrows, as paths of SVG"
    }
  },
  "Explanation": {
    "rule": "text",
    "id": "text",
    "title": "text",
    "status": "text",
    "says": [{
      "aspect": "text",
      "heading": "text",
      "numbered": "boolean",
      "passages": "list of ExplainedPassage"
    }],
    "automaton": "Automaton",
    "state": {
      "lives_us": "whole or null",
      "kept": [{"type": "text", "fields": "list of text", "bytes": "whole"}],
      "features": [{
        "feature": "text",
        "keeps_us": "whole or null",
        "bytes_first": "whole",
        "bytes_more": "whole"
      }],
      "bytes": {
        "key": "whole",
        "record": "whole",
        "rule": "whole",
        "match": "whole",
        "link": "whole",
        "one_match": "whole"
      }
    },
    "shared": {
      "rules_of_key": "list of text",
      "features_of_key": "list of text",
      "rules_of_ring": "list of text",
      "alert_readers": "list of text"
    },
    "cost": {
      "events": [{
        "type": "text",
        "tests": "whole",
        "tests_shared": "whole",
        "searches": "whole",
        "lookups": "whole",
        "features": "whole",
        "key_conditions": "whole",
        "match_conditions": "whole"
      }],
      "pass": "whole"
    },
    "growth": {
      "kept": "one of nothing, last_events, places, partial_matches, window",
      "because": "list of text",
      "work": "one of constant, partial_matches",
      "work_most": "whole or null",
      "bytes": {"event": "whole", "entry": "whole", "partial_match": "whole"},
      "events_most": "whole or null"
    }
  }
})";
}  // namespace tocsin::api
