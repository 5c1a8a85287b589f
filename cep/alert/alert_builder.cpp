#include "cep/alert/alert_builder.h"

#include <algorithm>
#include <utility>

#include "cep/compile/pattern_program.h"
#include "cep/data/row_identity.h"
#include "cep/plan/rule.h"
#include "cep/value/identity.h"
#include "cep/value/value_text.h"

namespace tocsin::cep {
namespace {
Value value_of(const EvalScope& scope, const EventView& event, FieldIndex field) {
  const Plan& plan = *scope.program.plan;
  if (event.row != nullptr) return scope.batch->value(plan, *event.row, field);
  return event.kept->value(plan, scope.table->layouts[event.type().value], field);
}

EventIdentity identity_of(const EvalScope& scope, const EventView& event) {
  const Plan& plan = *scope.program.plan;
  const EventType& type = plan.event_types[event.type().value];
  if (type.id_field) return identity_of_id(type.name, value_of(scope, event, *type.id_field));
  if (event.row == nullptr) return event.kept->identity(scope.table->layouts[event.type().value]);
  return row_identity(plan, *scope.batch, *event.row);
}

const Element& element_of_step(const RuleProgram& rule, std::uint32_t step) {
  return rule.pattern ? *rule.pattern->steps[step].element : *rule.steps[step].take.element;
}

// The event that the step took.
BoundEvent bound_event(const EvalScope& scope, const EventView& event, std::uint32_t step,
                       std::size_t subset) {
  const Rule& rule = *scope.rule->rule;
  const Element& element = element_of_step(*scope.rule, step);
  BoundEvent bound;
  bound.as = scope.pattern != nullptr ? scope.pattern->steps[step].name
                                      : rule.variables[element.var().value].name;
  if (bound.as.empty()) bound.as = element.events()[subset].name;
  bound.type = event.type();
  EventIdentity identity = identity_of(scope, event);
  bound.identity = std::move(identity.bytes);
  bound.id = std::move(identity.text);
  bound.ts = event.row != nullptr ? event.row->ts : event.kept->ts();
  for (const Captured& captured : rule.captured) {
    if (captured.type != event.type()) continue;
    bound.fields.reserve(captured.fields.size());
    for (const FieldIndex field : captured.fields) {
      bound.fields.emplace_back(value_of(scope, event, field));
    }
  }
  return bound;
}

// Appends the events of a match to its alert, and notes how late the latest came.
class EventLister {
 public:
  // `count`: how many there will be.
  EventLister(const EvalScope& scope, std::size_t count, SharedEvents& shared, Alert& alert)
      : scope_(scope),
        shared_(shared),
        alert_(alert),
        shares_(count >= scope.program.limits.shared_events_min) {
    alert.events.reserve(count, shares_);
  }
  void list(const EventView& event, std::uint32_t step, std::size_t subset) {
    alert_.late_us = std::max(alert_.late_us, lateness_us(event));
    const auto make = [&] { return bound_event(scope_, event, step, subset); };
    if (!shares_) {
      alert_.events.push_back(make());
      return;
    }
    const ArrivalNumber arrival = event.row != nullptr ? event.row->arrival : event.kept->arrival();
    alert_.events.share(shared_.get({scope_.rule->index, step, static_cast<std::uint32_t>(subset),
                                     event.engine_time(), arrival},
                                    make));
  }

 private:
  const EvalScope& scope_;
  SharedEvents& shared_;
  Alert& alert_;
  bool shares_;
};

// Of those that a closing window collected, the first.
constexpr std::uint32_t kWindowEventsShown = 1'000;
// Whether an event has the subset's type and role.
bool may_be_in(const Subset& subset, const EventView& event, const EvalScope& scope) {
  if (subset.type != event.type()) return false;
  if (subset.role.empty()) return true;
  const std::vector<std::string>& roles = scope.table->roles[event.type().value];
  const std::uint32_t taken = event.row != nullptr ? scope.roles : event.kept->roles();
  for (std::size_t place = 0; place < roles.size(); ++place) {
    if ((taken >> place & 1) != 0 && roles[place] == subset.role) return true;
  }
  return false;
}

// Appends the events of the match, in the order taken, and notes how late the latest came.
void list_events(const EvalScope& scope, const EventView& last, SharedEvents& shared,
                 Alert& alert) {
  const RuleProgram& program = *scope.rule;
  const Rule& rule = *program.rule;
  const auto last_step = static_cast<std::uint32_t>(std::max(scope.taken_step, 0));
  const std::uint64_t taken =
      (scope.head == 0 ? 0 : RecordStore::at<Node>(scope.record, scope.head)->length) +
      (last.row != nullptr ? 1U : 0U);
  const ShownEvents shown(taken, scope.program.limits.events_per_alert_max);
  if (!rule.window) alert.events_omitted = shown.omitted();
  EventLister events(scope,
                     scope.window != nullptr ? last_step + 1
                     : rule.window           ? std::min<std::uint64_t>(taken, kWindowEventsShown)
                                             : taken - shown.omitted(),
                     shared, alert);
  for (std::uint32_t step = 0; scope.window != nullptr && step < last_step; ++step) {
    const EventView event{nullptr, RecordStore::at<KeptEvent>(scope.record, scope.window[step])};
    events.list(event, step, subset_of_event(*program.steps[step].take.element, event, scope));
  }
  if (scope.loop != nullptr) alert.late_us = scope.loop->lateness_us();
  for (Offset at = scope.head; at != 0;) {
    const Node* node = RecordStore::at<Node>(scope.record, at);
    const EventView event{nullptr, RecordStore::at<KeptEvent>(scope.record, node->event)};
    if (!rule.window && !shown.contains(node->length - 1)) {
      alert.late_us = std::max(alert.late_us, lateness_us(event));
      at = node->parent;
      continue;
    }
    if (rule.window && node->length > kWindowEventsShown) {
      ++alert.truncated;
      alert.late_us = std::max(alert.late_us, lateness_us(event));
      at = node->parent;
      continue;
    }
    events.list(event, node->step, node->subset());
    at = node->parent;
  }
  if (scope.head != 0) alert.events.reverse();
  if (last.row != nullptr) {
    const Element& element = element_of_step(program, last_step);
    events.list(last, last_step, subset_of_event(element, last, scope));
  }
}
}  // namespace

std::size_t subset_of_event(const Element& element, const EventView& event,
                            const EvalScope& scope) {
  std::size_t last = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < element.events().size(); ++i) {
    if (!may_be_in(element.events()[i], event, scope)) continue;
    last = i;
    ++count;
  }
  if (count == 1) return last;
  for (std::size_t i = 0; i < last; ++i) {
    const Subset& subset = element.events()[i];
    if (!may_be_in(subset, event, scope)) continue;
    if (!subset.condition || evaluate(*subset.condition, event, scope).is_true()) return i;
  }
  return last;  // it fits, so it is in one of them
}

bool passes_having(const EvalScope& scope, const EventView& last) {
  const Rule& rule = *scope.rule->rule;
  return !rule.having || evaluate(*rule.having, last, scope).is_true();
}

Alert build_alert(const EvalScope& scope, const EventView& last, OrderKey order,
                  SharedEvents& shared) {
  const RuleProgram& program = *scope.rule;
  const Rule& rule = *program.rule;
  Alert alert;
  alert.order = std::move(order);
  alert.rule = program.index;
  alert.ts = alert.order.time;
  alert.key.reserve(rule.key.parts.size());
  for (std::uint32_t i = 0; i < rule.key.parts.size(); ++i) {
    alert.key.emplace_back(key_part_value(rule.key, scope.key, i));
  }
  if (rule.severity) {
    const Value severity = evaluate(*rule.severity, last, scope);
    if (!severity.is_missing()) {
      alert.severity = static_cast<Severity>(static_cast<int>(severity.number));
    }
  }
  for (const MessagePart& part : rule.message) {
    if (part.expr) {
      append_text(alert.message, evaluate(*part.expr, last, scope));
    } else {
      alert.message += part.text;
    }
  }
  alert.fields.reserve(rule.fields.size());
  for (const AlertField& field : rule.fields) {
    alert.fields.emplace_back(evaluate(*field.expr, last, scope));
    if (field.name == "score") alert.score = alert.fields.back();
  }
  list_events(scope, last, shared, alert);
  return alert;
}
}  // namespace tocsin::cep
