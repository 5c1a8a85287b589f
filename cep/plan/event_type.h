/// What comes in: event types with their fields, and the subsets of their events that rules name.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/expr.h"
#include "cep/value/time.h"
#include "cep/value/time_unit.h"
#include "cep/value/value.h"

namespace tocsin::cep {
struct Field {
  std::string name;
  std::vector<std::string>
      path;  // where it stands in the JSON object, outermost first; {name} by default
  Type type;
  bool optional = false;  // `?`: a missing value is expected
  bool evidence = false;  // kept with an alert whether or not a rule names it
  bool pii = false;
  /// `= expression`: only kField of the same event (computed ones before it too), literals, lists,
  /// tables, functions. Not read from outside (`path` is empty) and no part of the identity;
  /// whoever fills a batch has cep::fill_computed write its column.
  ExprPtr computed = {};
  TimeUnit unit = TimeUnit::kMicroseconds;  // of a time or duration that comes as a number
  /// `from 1970`: a time that comes as a number may lie in any year; else only a plausible one is
  /// accepted (is_plausible).
  bool any_year = true;
};
/// `unique [within D]` on the identity: an event whose id came before, less than `within` earlier
/// in engine time (absent: ever), is dropped and counted.
struct Unique {
  std::optional<Duration> within;
};
struct EventType {
  std::string name;
  std::string json_type;  // the value of the input's top-level `type`
  std::vector<Field> fields;
  FieldIndex time_field;               // of type time
  std::optional<FieldIndex> id_field;  // the event's identity
  Duration bound;                      // `up to D late`; 0 where not said
  std::optional<Unique> unique = {};
  /// Alerts as events: such a type never comes from outside (`json_type` is empty). Its fields are,
  /// in order, for `alert NAME`: ts, the rule's key parts, score, severity, the rule's alert fields
  /// but score; for `any alert`: ts, rule, severity, score (a float), key (the values as text, with
  /// ", " between them), tags (with ", " between them).
  std::optional<RuleIndex> alert_of = {};
  /// `any alert` as read by one reader: alerts of these rules, ascending.
  std::vector<RuleIndex> any_alert_of = {};
  bool is_alert() const { return alert_of.has_value() || !any_alert_of.empty(); }
};
/// The events of one type that satisfy `condition` (absent: all). A kind written as alternatives is
/// several of these.
struct Subset {
  EventTypeIndex type;
  ExprPtr condition;      // only kField, literals, lists and operators
  std::string name = {};  // the kind as the rule wrote it: `as` of an unnamed step's events
  std::string role = {};  // only the event as this role of the rule's key; empty: as any
};
}  // namespace tocsin::cep
