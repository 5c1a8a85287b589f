/// A rule: a pattern or a closing window, the conditions on it, and the alert that it raises.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/event_type.h"
#include "cep/plan/expr.h"
#include "cep/plan/key_spec.h"
#include "cep/plan/pattern.h"
#include "cep/plan/severity.h"
#include "cep/plan/suppression_spec.h"
#include "cep/value/key_share.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// `except "reason" where C [expires DATE]`.
struct Exception {
  std::string reason;
  ExprPtr condition;
  std::optional<std::int64_t> expires;  // days since the epoch: not from this day's begin (UTC) on
};
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
  /// The keys for which it is as `status` says. For others its alerts are those of a shadow rule,
  /// and no rule or feature sees them.
  KeyShare share;
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
}  // namespace tocsin::cep
