/// The plan: checked rules as data, declarative and immutable. The only thing that rules/ and
/// runtime/ share. It says what the rules mean, not how they run; cep::compile makes a Program from
/// it, and the tests' oracle reads it alone. Names are resolved to indices and every expression is
/// typed.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/expr.h"
#include "cep/value/calendar_unit.h"
#include "cep/value/time.h"
#include "cep/value/time_unit.h"
#include "cep/value/value.h"

namespace tocsin::cep {
// ---- what comes in
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
enum class ListKind : std::uint8_t {
  kValues,
  kText,     // phrases: a space stands for one or more white-space characters
  kRegex,    // patterns
  kNetwork,  // of IP addresses, as network_text() writes them: `in` asks whether one has an address
};
struct List {
  std::string name;
  Type element;
  std::vector<OwnedValue> values;
  ListKind kind = ListKind::kValues;
  std::vector<bool> ignore_case = {};  // kRegex, by value: `/…/i`; kText: all alike
};
struct TableColumn {
  std::string name;
  Type type;
  bool list_of_string = false;  // then `type` says nothing
};
struct TableRow {
  std::vector<OwnedValue> key;                  // by key part
  std::vector<OwnedValue> values;               // by column; missing where missing, and for lists
  std::vector<std::vector<std::string>> lists;  // by column; empty for others
};
/// Reference data. No two rows have one key.
struct Table {
  std::string name;
  std::vector<std::string> key_names;
  std::vector<Type> key_types;
  /// The key part that is a network (a string, as network_text() writes it). It is looked up by an
  /// address: of the rows whose networks have it, the one with the longest prefix is found.
  std::optional<std::uint32_t> network_key = {};
  std::vector<TableColumn> columns;
  std::vector<TableRow> rows;
};
/// The rules of a time zone, as data: from `from` on local time is UTC + `offset`. Ascending; the
/// first holds before it too.
struct Zone {
  struct Change {
    EventTime from;
    std::int32_t offset_seconds = 0;
  };
  std::string name;
  std::vector<Change> changes;
};

// ---- keys
/// One part of a key: for each event type of the rule the field that holds it. A role splits one
/// event type in two.
struct KeyMember {
  EventTypeIndex type;
  FieldIndex field;
  std::string role;  // empty where none
};
struct KeyPart {
  std::string name;
  Type type;
  std::vector<KeyMember> members;
};
/// No parts: one global partition. An event with a missing part is not for the rule.
struct KeySpec {
  std::vector<KeyPart> parts;
};

// ---- features
enum class WindowKind : std::uint8_t {
  kLast,
  kPrevious,
  kTumbling,
  kCalendar,
  kSession,
  kEver,
  kPreviousEver,
  kLastEvents,
  kPreviousEvents,
};
/// Which events of the key a feature at engine time t looks at. `previous` forms leave the current
/// event out.
struct FeatureWindow {
  WindowKind kind = WindowKind::kLast;
  /// kLast, kPrevious: t - D < time <= t. kTumbling: since the last multiple of D after the epoch.
  /// kSession: since the last silence of D or longer. kPreviousEvents: at most that long ago.
  std::optional<Duration> duration;
  std::optional<Duration> excluding =
      {};  // kLast: without the last this long: time <= t - excluding
  std::optional<std::uint32_t> events = {};  // kLastEvents, kPreviousEvents
  CalendarUnit unit = CalendarUnit::kDay;    // kCalendar: the one that a clock in `zone` shows
  ExprPtr zone = {};                         // kCalendar: text; a literal or of the current event
  /// Panes aligned to the epoch: the old edge, t - D, is moved down to a multiple of this.
  std::optional<Duration> every = {};
  std::optional<std::uint32_t> needs = {};  // missing until the window has this many events
  ExprPtr where = {};  // kLastEvents, kPreviousEvents: only such events take a place
};
/// A window has all events of the feature's kinds under its key. Those that satisfy `where` and
/// have a known argument are aggregated; the others count for `last N events` and `needs` alone.
struct Feature {
  std::string name;  // unique; a feature without a name has a generated one with a leading `$`
  Aggregate aggregate = Aggregate::kCount;
  ExprPtr argument;  // absent for count
  Type type;
  std::vector<Subset> events;
  ExprPtr where;
  KeySpec key;
  FeatureWindow window;
  std::optional<Duration> half_life;  // kEwma: this or
  std::optional<double> weight;       // kEwma
  double percentile = 0;              // kPercentile: 0 < p <= 100
  /// Leaves out the events at which this rule raised or held back an alert.
  std::optional<RuleIndex> unless_alerted_by;
  /// Whether events that are not aggregated make a difference.
  bool takes_all() const { return (window.events || window.needs) && (where || argument); }
};

// ---- patterns
enum class Contiguity : std::uint8_t {
  kAny,    // `then`: non-deterministic relaxed (skip till any match)
  kFirst,  // `then first`: relaxed (skip till next match)
  kNext,   // `then next`: strict
};
enum class LoopMode : std::uint8_t { kRelaxed, kNext, kEach };  // nothing said, `next`, `each`
/// How often a step repeats. `loop` is true when a count was written (also `1`): its events are
/// then a loop's.
struct Quantifier {
  std::uint32_t min = 1;
  std::optional<std::uint32_t> max = 1;  // absent: unbounded
  LoopMode mode = LoopMode::kRelaxed;
  bool greedy = false;
  bool loop = false;
};
enum class ElementKind : std::uint8_t { kStep, kAbsence, kGroup, kOneOf, kAllOf };
/// One element of a pattern's sequence, reached from the one before it by `contiguity` (the first
/// by none). A group counts as one: its contiguity holds for its first child, its gap for the first
/// event inside, `optional` for the whole, its quantifier's mode for how a further round begins.
struct Element {
  ElementKind kind = ElementKind::kStep;
  Contiguity contiguity = Contiguity::kAny;
  std::optional<Duration> gap;  // `then within D`: less than D after the previous step's last event

  // kStep and kAbsence
  std::vector<Subset> events;
  ExprPtr where;
  // kStep
  VarIndex var;
  Quantifier quantifier;  // groups too
  bool optional = false;  // groups too
  std::vector<Subset> until_events;
  ExprPtr until_where;
  // kAbsence: `no X [for D]`, `no next X`
  bool next = false;
  std::optional<Duration> absent_for;  // a last absence without it runs to the end of `within`

  /// kGroup: a sequence. kOneOf: alternatives, each a kGroup. kAllOf: steps, done one after another
  /// in any order, each after the first reached by `then`.
  std::vector<Element> children;
};
/// What a step binds. Over the rounds of a group a variable collects its events in order.
struct Variable {
  std::string name;  // empty for a step without `as`
  bool loop = false;
  /// `one of { … } as NAME`: NAME's variable, which all events of the steps inside belong to as
  /// well; no step has NAME's for its own.
  std::optional<VarIndex> parent = {};
};
enum class SelectionKind : std::uint8_t {
  kDefault,  // nothing is consumed; an event raises at most one alert for each key
  kNoSkip,
  kSkipPastLast,
  kSkipToNext,
  kSkipToFirst,
  kSkipToLast,
  kConsume,
};
struct Selection {
  SelectionKind kind = SelectionKind::kDefault;
  VarIndex var;  // kSkipToFirst, kSkipToLast
  bool in_order = false;
  bool prefer_latest = false;
};
enum class Once : std::uint8_t { kNone, kPerDuration, kPerVariable, kPerUnit, kWhile };
/// `at most N per D`: an alert is suppressed while N of them lie at t - D < time <= t.
struct AtMost {
  std::uint32_t count = 1;
  Duration duration;
  std::vector<ExprPtr> for_each = {};
};
/// A match that either of both holds back is suppressed. `for_each`, where not empty, replaces the
/// rule's key; its values are as of the match's last event, missing ones are equal.
struct Suppression {
  Once once = Once::kNone;
  Duration duration;                       // kPerDuration: not again at t <= ts < t + duration
  VarIndex var;                            // kPerVariable
  CalendarUnit unit = CalendarUnit::kDay;  // kPerUnit: not again while a clock shows the same one
  ExprPtr zone = {};                       // kPerUnit: text; a literal or of the match's last event
  ExprPtr while_condition;                 // kWhile
  std::vector<ExprPtr> for_each = {};      // replaces the rule's key
  std::optional<AtMost> at_most = {};
};
/// `except "reason" where C [expires DATE]`.
struct Exception {
  std::string reason;
  ExprPtr condition;
  std::optional<std::int64_t> expires;  // days since the epoch: not from this day's begin (UTC) on
};
/// `without KINDS [where C]`: none after the first event and before the match completes. With
/// `for`: the alert comes at first + for; none, and all steps done, less than that after the first
/// event.
struct Without {
  std::vector<Subset> events;
  ExprPtr where;
  std::optional<Duration> absent_for;
};
/// `when session of KINDS gap D as NAME where C`, `when tumbling D of KINDS as NAME where C`, `when
/// tumbling month in ZONE of …`: given when the window closes. `considering` is collected too, but
/// neither opens nor extends it.
struct ClosingWindow {
  bool session = true;  // else tumbling: aligned to the epoch, or a unit of the calendar
  Duration duration;    // the gap, or the length; 0 for a unit of the calendar
  std::vector<Subset> events;
  VarIndex var;  // holds every event collected, in order
  ExprPtr where;
  std::optional<CalendarUnit> unit = {};  // tumbling
  std::string zone = {};                  // of `unit`
};

// ---- rules
enum class Severity : std::uint8_t { kInfo, kLow, kMedium, kHigh, kCritical };
enum class Status : std::uint8_t { kDraft, kInternal, kShadow, kLive };
/// A piece of an alert's message: literal text, or an expression shown by to_text.
struct MessagePart {
  std::string text;
  ExprPtr expr;
};
struct AlertField {
  std::string name;  // `score` is the alert's score
  ExprPtr expr;
};
/// The fields of an event type that a rule's alerts keep, ascending: those that the rule names (its
/// kinds' conditions included) and those marked `evidence`.
struct Captured {
  EventTypeIndex type;
  std::vector<FieldIndex> fields;
};
struct Rule {
  std::string name;
  std::string id;  // NAME where no `id` clause stands
  std::string title;
  std::string description;
  std::string owner;
  std::vector<std::string> tags, references, false_positives;
  Status status = Status::kLive;
  ExprPtr severity;  // absent: medium. A kEnum of info, low, medium, high, critical
  KeySpec key;
  std::vector<Variable> variables;      // in the order of the steps
  std::vector<Element> pattern;         // a sequence; the first element is no absence
  std::optional<ClosingWindow> window;  // then `pattern` is empty
  std::optional<Without> without;
  std::vector<Exception> exceptions;
  std::vector<Subset>
      considered;  // all events that `next` counts: the kinds the rule names, and `considering`
  std::optional<Duration> within;
  ExprPtr having;
  Selection selection;
  Suppression suppression;
  std::vector<MessagePart> message;
  std::vector<AlertField> fields;
  std::vector<Captured> captured;  // ascending by type
};

struct Plan {
  std::vector<EventType> event_types;
  std::vector<List> lists;
  std::vector<Table> tables;
  std::vector<Zone> zones;  // that anything names, ascending by name; all that are known where a
                            // field names one
  std::vector<Feature> features;
  std::vector<Rule> rules;  // draft rules are left out
};

/// The five severities as an enum type, in rising order.
Type severity_type();
/// "info" … "critical".
const char* severity_name(Severity severity);
/// A canonical text of all that the plan means, one line an item; equal texts are equal plans. For
/// tests, digests and people.
std::string describe(const Plan& plan);
/// The same for one expression.
std::string describe(const Plan& plan, const Expr& expr);
/// What is wrong with a plan that no rule text could have made (an index out of range, two
/// variables of one name, an absence first, …); empty when nothing is. cep::compile refuses a plan
/// with any.
std::vector<std::string> validate(const Plan& plan);
}  // namespace tocsin::cep
