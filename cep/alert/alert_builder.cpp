#include "cep/alert/alert_builder.h"

#include <algorithm>
#include <utility>

#include "cep/compile/pattern_program.h"
#include "cep/data/row_identity.h"
#include "cep/plan/rule.h"
#include "cep/value/buffer_values.h"
#include "cep/value/identity.h"

namespace tocsin::cep {
namespace {
Value value_of(const EvalScope& scope, const EventView& event, FieldIndex field) {
  const Plan& plan = *scope.program.plan;
  if (event.row != nullptr) return scope.batch->value(plan, *event.row, field);
  return event.kept->value(plan, scope.table->layouts[event.type().value], field);
}

void identify(const EvalScope& scope, const EventView& event, BoundEventsWriter& to) {
  const Plan& plan = *scope.program.plan;
  const EventType& type = plan.event_types[event.type().value];
  if (type.id_field) {
    to.identify_by_id(type.name, value_of(scope, event, *type.id_field));
  } else if (event.row == nullptr) {
    to.identify(event.kept->identity(scope.table->layouts[event.type().value]));
  } else {
    to.identify(row_identity(plan, *scope.batch, *event.row));
  }
}

const Element& element_of_step(const RuleProgram& rule, std::uint32_t step) {
  return rule.pattern ? *rule.pattern->steps[step].element : *rule.steps[step].take.element;
}

// Writes the event that the step took.
void write_event(const EvalScope& scope, const EventView& event, std::uint32_t step,
                 std::size_t subset, BoundEventsWriter& to) {
  const Rule& rule = *scope.rule->rule;
  const Element& element = element_of_step(*scope.rule, step);
  std::string_view as = scope.pattern != nullptr ? scope.pattern->steps[step].name
                                                 : rule.variables[element.var().value].name;
  if (as.empty()) as = element.events()[subset].name;
  to.begin(as, event.type(), event.row != nullptr ? event.row->ts : event.kept->ts());
  identify(scope, event, to);
  for (const Captured& captured : rule.captured) {
    if (captured.type != event.type()) continue;
    for (const FieldIndex field : captured.fields) to.field(value_of(scope, event, field));
  }
}

// Collects the events of a match for its alert, and notes how late the latest came.
class EventLister {
 public:
  // `count`: how many there will be.
  EventLister(const EvalScope& scope, std::size_t count, EventLists& lists, Alert& alert)
      : scope_(scope),
        lists_(lists),
        alert_(alert),
        shares_(count >= scope.program.limits.shared_events_min) {
    if (shares_) shared_.reserve(count);
  }
  void list(const EventView& event, std::uint32_t step, std::size_t subset) {
    alert_.late_us = std::max(alert_.late_us, lateness_us(event));
    if (!shares_) {
      write_event(scope_, event, step, subset, lists_.writer);
      return;
    }
    const ArrivalNumber arrival = event.row != nullptr ? event.row->arrival : event.kept->arrival();
    shared_.push_back(
        lists_.shared.get({scope_.rule->index, step, static_cast<std::uint32_t>(subset),
                           event.engine_time(), arrival},
                          [&] {
                            write_event(scope_, event, step, subset, lists_.writer);
                            return lists_.writer.pack();
                          }));
  }
  void reverse() {
    lists_.writer.reverse();
    std::ranges::reverse(shared_);
  }
  BoundEvents take() {
    return shares_ ? BoundEvents(std::move(shared_)) : BoundEvents(lists_.writer.pack());
  }

 private:
  const EvalScope& scope_;
  EventLists& lists_;
  Alert& alert_;
  bool shares_;
  std::vector<std::shared_ptr<const SharedEvent>> shared_;
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
void list_events(const EvalScope& scope, const EventView& last, EventLists& lists, Alert& alert) {
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
                     lists, alert);
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
  if (scope.head != 0) events.reverse();
  if (last.row != nullptr) {
    const Element& element = element_of_step(program, last_step);
    events.list(last, last_step, subset_of_event(element, last, scope));
  }
  alert.events = events.take();
}
}  // namespace

std::size_t subset_of_event(const Element& element, const EventView& event,
                            const EvalScope& scope) {
  if (element.events().size() == 1) return 0;
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

void build_alert(const EvalScope& scope, const EventView& last, const OrderKey& order,
                 EventLists& lists, Alert& alert) {
  const RuleProgram& program = *scope.rule;
  const Rule& rule = *program.rule;
  alert.order = order;
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
  lists.message.clear();
  for (const MessagePart& part : rule.message) {
    if (part.expr) {
      append_text(lists.message, evaluate(*part.expr, last, scope));
    } else {
      lists.message.append(part.text);
    }
  }
  alert.message = lists.message.text();
  alert.fields.reserve(rule.fields.size());
  for (const AlertField& field : rule.fields) {
    alert.fields.emplace_back(evaluate(*field.expr, last, scope));
    if (field.name == "score") {
      alert.score_field = static_cast<std::int32_t>(alert.fields.size()) - 1;
    }
  }
  list_events(scope, last, lists, alert);
}
}  // namespace tocsin::cep
