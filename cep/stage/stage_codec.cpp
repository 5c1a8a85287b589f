#include "cep/stage/stage_codec.h"

#include "cep/data/bound_events.h"
#include "cep/plan/rule.h"
#include "cep/record/state_values.h"
#include "cep/value/order_codec.h"

namespace tocsin::cep {
namespace {
// An order is that of a cause, which is no alert.
bool read_cause_order(ByteReader& from, OrderKey& order) {
  order = read_order(from);
  return from.ok() && order.arrival.after == 0 && order.time >= kEventTimeMin &&
         order.time <= kEventTimeMax;
}
BudgetCause read_cause(ByteReader& from) {
  return static_cast<BudgetCause>(
      from.varint_up_to(static_cast<std::uint64_t>(BudgetCause::kStepsPerEvent)));
}
}  // namespace

void write_groups(ByteWriter& to, std::span<const KeyGroup> groups) {
  to.varint(groups.size());
  for (const KeyGroup group : groups) to.varint(group.value);
}

bool read_groups(ByteReader& from, std::vector<KeyGroup>& groups) {
  groups.clear();
  const std::uint64_t count = from.varint_up_to(kKeyGroupCount);
  for (std::uint64_t i = 0; i < count && from.ok(); ++i) {
    groups.push_back({static_cast<std::uint32_t>(from.varint_up_to(kKeyGroupCount - 1))});
    if (i > 0 && groups[i] <= groups[i - 1]) return false;
  }
  return from.ok();
}

void write_place(ByteWriter& to, const RowPlace& place) {
  to.varint(place.type.value);
  to.u8(place.is_alert ? 1 : 0);
  if (place.is_alert) {
    write_order(place.order, to);
  } else {
    to.signed_varint(place.order.time.us);
    to.varint(place.order.arrival.record);
    to.varint(place.order.arrival.index);
  }
}

bool read_place(ByteReader& from, const Plan& plan, RowPlace& place) {
  const std::uint64_t types = plan.event_types.size();
  if (types == 0) return false;
  place = {};
  place.type = EventTypeIndex(from.varint_up_to(types - 1));
  place.is_alert = from.varint_up_to(1) != 0;
  if (place.is_alert) return read_cause_order(from, place.order);
  EventTime time;
  if (!restore_time(from, time.us)) return false;
  ArrivalNumber arrival;
  arrival.record = from.varint();
  arrival.index = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
  place.order = order_at_event(time, arrival);
  return from.ok();
}

void write_shown(ByteWriter& to, const Value& value) {
  save_value(to, value);
  if (value.kind == ValueKind::kEnum) to.text(value.text);
}

bool read_shown(ByteReader& from, Value& value) {
  if (!restore_value(from, nullptr, value)) return false;
  if (value.kind == ValueKind::kEnum) value.text = from.text();
  return from.ok();
}

namespace {
void write_values(ByteWriter& to, const std::vector<OwnedValue>& values) {
  to.varint(values.size());
  for (const OwnedValue& value : values) write_shown(to, value.view());
}
bool read_values(ByteReader& from, std::vector<OwnedValue>& values) {
  const std::uint64_t count = from.varint_up_to(from.left());
  for (std::uint64_t i = 0; i < count; ++i) {
    Value value;
    if (!read_shown(from, value)) return false;
    values.emplace_back(value);
  }
  return from.ok();
}

void write_events(ByteWriter& to, const BoundEvents& events) {
  to.varint(events.size());
  for (const BoundEvent& event : events) {
    to.text(event.as);
    to.varint(event.type.value);
    to.text(event.identity);
    to.text(event.id);
    to.signed_varint(event.ts.us);
    to.varint(event.fields.size());
    for (const Value& field : event.fields) write_shown(to, field);
  }
}
bool read_events(ByteReader& from, const Plan& plan, BoundEvents& into) {
  const std::uint64_t count = from.varint_up_to(from.left());
  std::vector<BoundEvent> events;
  std::vector<Value> values;      // of all events
  std::vector<std::size_t> ends;  // in values
  for (std::uint64_t i = 0; i < count; ++i) {
    BoundEvent& event = events.emplace_back();
    event.as = from.text();
    event.type = EventTypeIndex(from.varint_up_to(plan.event_types.size() - 1));
    event.identity = from.text();
    event.id = from.text();
    if (!restore_time(from, event.ts.us)) return false;
    const std::uint64_t fields = from.varint_up_to(from.left());
    for (std::uint64_t f = 0; f < fields; ++f) {
      if (!read_shown(from, values.emplace_back())) return false;
    }
    ends.push_back(values.size());
  }
  if (!from.ok()) return false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    events[i].fields = std::span(values).subspan(begin, ends[i] - begin);
    begin = ends[i];
  }
  into = PackedEvents(events);
  return true;
}
}  // namespace

void write_alert(ByteWriter& to, const Alert& alert) {
  write_order(alert.order, to);
  to.varint(alert.rule.value);
  to.u8(alert.budget ? 1 : 0);
  if (alert.budget) {
    to.u8(static_cast<std::uint8_t>(alert.budget->cause));
    to.varint(alert.budget->limit);
  }
  // Empty before it is given.
  to.text(alert.digest == AlertDigest{} ? std::string() : alert_id(alert.digest));
  write_values(to, alert.key);
  to.signed_varint(alert.ts.us);
  to.u8(static_cast<std::uint8_t>(alert.severity));
  write_shown(to, alert.score());
  to.text(alert.message);
  write_values(to, alert.fields);
  write_events(to, alert.events);
  for (const std::uint64_t count :
       {alert.events_omitted, alert.held_back, alert.late_us, alert.truncated, alert.lost_runs}) {
    to.varint(count);
  }
  to.u8(alert.window_begin ? 1 : 0);
  if (alert.window_begin) to.signed_varint(alert.window_begin->us);
}

bool read_alert(ByteReader& from, const Plan& plan, Alert& alert) {
  alert = {};
  if (plan.rules.empty() || !read_cause_order(from, alert.order)) return false;
  alert.rule = RuleIndex(from.varint_up_to(plan.rules.size() - 1));
  if (from.varint_up_to(1) != 0) {
    const BudgetCause cause = read_cause(from);
    alert.budget = ExceededBudget{cause, from.varint()};
  }
  if (const std::string_view id = from.text(); !id.empty()) {
    const std::optional<AlertDigest> digest = read_alert_digest(id);
    if (!digest) return false;
    alert.digest = *digest;
  }
  if (!read_values(from, alert.key) || !restore_time(from, alert.ts.us)) return false;
  const Rule& rule = plan.rules[alert.rule.value];
  // That a budget was exceeded has none of the rule's fields, and its key where it was one key's.
  const bool lacks_key = alert.budget && alert.key.empty();
  if (!lacks_key && alert.key.size() != rule.key.parts.size()) return false;
  alert.severity =
      static_cast<Severity>(from.varint_up_to(static_cast<std::uint64_t>(Severity::kCritical)));
  if (Value score; !read_shown(from, score)) return false;  // it is one of the fields
  alert.message = from.text();
  if (!read_values(from, alert.fields)) return false;
  if (alert.fields.size() != (alert.budget ? 0 : rule.fields.size())) return false;
  alert.score_field = alert.budget ? -1 : score_field_of(rule);
  if (!read_events(from, plan, alert.events)) return false;
  for (std::uint64_t* const count : {&alert.events_omitted, &alert.held_back, &alert.late_us,
                                     &alert.truncated, &alert.lost_runs}) {
    *count = from.varint();
  }
  if (from.varint_up_to(1) != 0) {
    EventTime begin;
    if (!restore_time(from, begin.us)) return false;
    alert.window_begin = begin;
  }
  return from.ok();
}

namespace {
void write_facts(ByteWriter& to, const MatchFacts& facts) {
  to.signed_varint(facts.time_us);
  to.u8(facts.unit ? 1 : 0);
  if (facts.unit) to.signed_varint(*facts.unit);
  to.varint(facts.var_events.size());
  for (const VariableEvent& taken : facts.var_events) {
    to.signed_varint(taken.time_us);
    save_arrival(to, taken.event);
  }
}
bool read_facts(ByteReader& from, MatchFacts& facts) {
  if (!restore_time(from, facts.time_us)) return false;
  if (from.varint_up_to(1) != 0) facts.unit = from.signed_varint();
  const std::uint64_t count = from.varint_up_to(from.left());
  for (std::uint64_t i = 0; i < count; ++i) {
    VariableEvent taken;
    if (!restore_time(from, taken.time_us)) return false;
    taken.event = restore_arrival(from);
    facts.var_events.push_back(taken);
  }
  return from.ok();
}
enum MatchesBit : std::uint8_t { kResets = 1, kOnlyOne = 2 };
}  // namespace

void write_matches(ByteWriter& to, const DeferredMatches& matches) {
  write_order(matches.order, to);
  to.varint(matches.rule->index.value);
  to.u8(static_cast<std::uint8_t>((matches.resets ? kResets : 0) |
                                  (matches.only_one ? kOnlyOne : 0)));
  to.text(matches.once_key);
  to.varint(matches.matches.size());
  for (const DeferredMatches::Match& match : matches.matches) {
    to.text(match.once_key);
    to.text(match.most_key);
    write_facts(to, match.facts);
    to.u8(match.is_muted ? 1 : 0);
    if (!match.is_muted) write_alert(to, match.alert);
  }
}

bool read_matches(ByteReader& from, const ProgramImpl& program, DeferredMatches& matches) {
  matches = {};
  if (program.rules.empty() || !read_cause_order(from, matches.order)) return false;
  matches.rule = &program.rules[from.varint_up_to(program.rules.size() - 1)];
  const std::uint64_t bits = from.varint_up_to(kResets | kOnlyOne);
  matches.resets = (bits & kResets) != 0;
  matches.only_one = (bits & kOnlyOne) != 0;
  matches.once_key = from.text();
  const std::uint64_t count = from.varint_up_to(from.left());
  for (std::uint64_t i = 0; i < count; ++i) {
    DeferredMatches::Match& match = matches.matches.emplace_back();
    match.once_key = from.text();
    match.most_key = from.text();
    if (!read_facts(from, match.facts)) return false;
    match.is_muted = from.varint_up_to(1) != 0;
    if (!match.is_muted && !read_alert(from, *program.plan, match.alert)) return false;
  }
  return from.ok();
}

void write_budget(ByteWriter& to, const BudgetLog::Noted& noted) {
  to.varint(noted.rule.value);
  to.u8(static_cast<std::uint8_t>(noted.cause));
  write_order(noted.at, to);
}

bool read_budget(ByteReader& from, const Plan& plan, BudgetLog::Noted& noted) {
  if (plan.rules.empty()) return false;
  noted.rule = RuleIndex(from.varint_up_to(plan.rules.size() - 1));
  noted.cause = read_cause(from);
  return read_cause_order(from, noted.at);
}
}  // namespace tocsin::cep
