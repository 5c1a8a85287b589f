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
#include "cep/expr.h"
#include "cep/time.h"
#include "cep/value.h"

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
};
struct EventType {
  std::string name;
  std::string json_type;  // the value of the input's top-level `type`
  std::vector<Field> fields;
  FieldIndex time_field;               // of type time
  std::optional<FieldIndex> id_field;  // the event's identity
  Duration bound;                      // `up to D late`; 0 where not said
};
/// The events of one type that satisfy `condition` (absent: all). A kind written as alternatives is
/// several of these.
struct Subset {
  EventTypeIndex type;
  ExprPtr condition;  // only kField, literals, lists and operators
  std::string name;   // the kind as the rule wrote it: `as` of an unnamed step's events
};
struct List {
  std::string name;
  Type element;
  std::vector<OwnedValue> values;
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
  kToday,
  kSession,
  kEver,
  kPreviousEver
};
struct FeatureWindow {
  WindowKind kind = WindowKind::kLast;
  std::optional<Duration> duration;  // kLast: t - D < ts <= t, the current event included
};
struct Feature {
  std::string name;  // unique; a feature without a name has a generated one with a leading `$`
  Aggregate aggregate = Aggregate::kCount;
  ExprPtr argument;  // absent for count
  Type type;
  std::vector<Subset> events;
  ExprPtr where;
  KeySpec key;
  FeatureWindow window;
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
/// by none).
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

  std::vector<Element> children;  // groups
};
struct Variable {
  std::string name;  // empty for a step without `as`
  bool loop = false;
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
enum class Once : std::uint8_t { kNone, kPerDuration, kPerVariable, kPerDay, kWhile };
struct Suppression {
  Once once = Once::kNone;
  Duration duration;              // kPerDuration: not again at t <= ts < t + duration
  VarIndex var;                   // kPerVariable
  ExprPtr while_condition;        // kWhile
  std::vector<ExprPtr> for_each;  // replaces the rule's key
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
  std::vector<Variable> variables;  // in the order of the steps
  std::vector<Element> pattern;     // a sequence; the first element is a step
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
