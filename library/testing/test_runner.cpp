#include "library/testing/test_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/value/json_path.h"
#include "rules/text/human_text.h"
#include "runtime/event_time/run.h"

namespace tocsin::library {
namespace {
// What stands in an object or an array while it is gathered: a value, or what is inside. `name` is
// a step of a path: a key, or a place such as "[0]".
struct JsonMember {
  std::string name;
  std::string value;
  std::vector<JsonMember> members;
};

bool is_array(const std::vector<JsonMember>& members) {
  return !members.empty() && cep::array_place(members.front().name).has_value();
}

// Puts a value at the end of a path. Of two fields that stand in the same place the first counts,
// as for a reader; where one asks for an object and one for an array, too.
void put(std::vector<JsonMember>& members, const std::vector<std::string>& path, std::size_t depth,
         const std::string& value) {
  auto member = std::ranges::find(members, path[depth], &JsonMember::name);
  const bool is_new = member == members.end();
  if (is_new) member = members.insert(members.end(), {path[depth], "", {}});
  if (depth + 1 < path.size()) {
    const bool to_array = cep::array_place(path[depth + 1]).has_value();
    const bool fits = member->members.empty() || is_array(member->members) == to_array;
    if (member->value.empty() && fits) put(member->members, path, depth + 1, value);
  } else if (is_new) {
    member->value = value;
  }
}

void append_object(std::string& out, const std::vector<JsonMember>& members);
void append_array(std::string& out, const std::vector<JsonMember>& elements);

void append_value(std::string& out, const JsonMember& member) {
  if (!member.value.empty()) {
    out += member.value;
  } else if (is_array(member.members)) {
    append_array(out, member.members);
  } else {
    append_object(out, member.members);
  }
}

void append_object(std::string& out, const std::vector<JsonMember>& members) {
  out += '{';
  for (const JsonMember& member : members) {
    if (&member != &members.front()) out += ',';
    cep::append_json_string(out, member.name);
    out += ':';
    append_value(out, member);
  }
  out += '}';
}

// Places that no field says are null.
void append_array(std::string& out, const std::vector<JsonMember>& elements) {
  std::map<std::uint32_t, const JsonMember*> by_place;
  for (const JsonMember& element : elements) by_place[*cep::array_place(element.name)] = &element;
  out += '[';
  std::uint32_t next = 0;
  for (const auto& [place, element] : by_place) {
    for (; next < place; ++next) out += "null,";
    append_value(out, *element);
    if (element != by_place.rbegin()->second) out += ',';
    ++next;
  }
  out += ']';
}

const cep::EventType& type_of(const cep::Plan& plan, const rules::TestEvent& event) {
  return plan.event_types[event.type.value];
}

// All its events are one source.
runtime::RunOptions options_of(const cep::Plan& plan, const rules::EmbeddedTest& test) {
  runtime::RunOptions options;
  options.out_of_orderness = cep::Duration{0};
  for (const rules::TestEvent& event : test.events) {
    options.out_of_orderness = std::max(*options.out_of_orderness, type_of(plan, event).bound);
  }
  return options;
}

cep::EventTime newest_event(const rules::EmbeddedTest& test) {
  cep::Duration newest{0};
  if (!test.events.empty())
    newest = std::ranges::max(test.events, {}, &rules::TestEvent::offset).offset;
  return test.starting + newest;
}

bool is_exact_number(const cep::Value& value) {
  return value.kind == cep::ValueKind::kInt || value.kind == cep::ValueKind::kDecimal ||
         value.kind == cep::ValueKind::kFraction;
}

bool is_word(const cep::Value& value) {
  return value.kind == cep::ValueKind::kString || value.kind == cep::ValueKind::kEnum;
}

// A quotient as an alert shows it: decimal(9), rounded half even.
cep::Value as_shown(const cep::Value& value) {
  if (value.kind != cep::ValueKind::kFraction) return value;
  const auto mantissa = cep::divide_half_even(value.number, value.denominator, cep::kScaleMax);
  return mantissa ? cep::Value::decimal(*mantissa, cep::kScaleMax) : cep::Value::missing();
}

bool agrees_as_float(const cep::Value& expected, double got) {
  const std::string written = cep::to_text(as_shown(expected));
  const std::size_t exponent = written.find('e');
  const std::size_t point = written.find('.');
  const std::size_t digits_end = std::min(exponent, written.size());
  const int digits = point == std::string::npos ? 0 : static_cast<int>(digits_end - point - 1);
  const std::string rounded = exponent == std::string::npos ? fmt::format("{:.{}f}", got, digits)
                                                            : fmt::format("{:.{}e}", got, digits);
  // As numbers, so that "-0.0" is "0.0" and "1e-07" is "1e-7".
  return std::stod(rounded) == std::stod(written);
}

std::string literal(const cep::Value& value) {
  if (value.kind != cep::ValueKind::kString) return cep::to_text(value);
  std::string text;
  cep::append_json_string(text, value.text);
  return text;
}

std::string literal_of(const std::string& text) { return literal(cep::Value::string(text)); }

// Events whose type asks for a `unique` id, and which another one before them had.
std::string describe_repeats(const cep::Plan& plan, const rules::EmbeddedTest& test) {
  std::vector<const rules::TestEvent*> in_order;
  for (const rules::TestEvent& event : test.events) in_order.push_back(&event);
  std::ranges::stable_sort(in_order, {}, &rules::TestEvent::offset);
  std::string text;
  for (std::size_t i = 0; i < in_order.size(); ++i) {
    const rules::TestEvent& event = *in_order[i];
    const cep::EventType& type = type_of(plan, event);
    if (!type.unique || !type.id_field) continue;
    const cep::Value id = event.fields[type.id_field->value].view();
    for (std::size_t j = 0; j < i && !id.is_missing(); ++j) {
      const rules::TestEvent& before = *in_order[j];
      const bool same = before.type == event.type &&
                        cep::same_value(before.fields[type.id_field->value].view(), id);
      if (!same || (type.unique->within && event.offset - before.offset >= *type.unique->within)) {
        continue;
      }
      text +=
          fmt::format("  the {} at {} has the id of the one at {} and was ignored (`unique`)\n",
                      type.name, offset_text(test, event.offset), offset_text(test, before.offset));
      break;
    }
  }
  return text;
}

// One alert that is expected, of those that `N times` stands for.
using Expectations = std::vector<const rules::ExpectedAlert*>;
Expectations each_expected(const rules::EmbeddedTest& test) {
  Expectations each;
  for (const rules::ExpectedAlert& expected : test.expected) {
    each.insert(each.end(), expected.times, &expected);
  }
  return each;
}

std::string describe_expected(const rules::EmbeddedTest& test,
                              const rules::ExpectedAlert& expected) {
  std::string text = "alert";
  if (expected.times != 1) text += fmt::format(" {} times", expected.times);
  if (expected.at) text += " at " + offset_text(test, *expected.at);
  std::string fields;
  for (const auto& [name, value] : expected.fields) {
    fields += fmt::format("{}{}: {}", fields.empty() ? "" : ", ", name, literal(value.view()));
  }
  return fields.empty() ? text : text + " { " + fields + " }";
}

// Marks what is not as it was expected: "amount: 100.01 (not 100.02)".
std::string describe_alert(const cep::Plan& plan, const rules::EmbeddedTest& test,
                           const cep::Alert& alert, const rules::ExpectedAlert* expected) {
  const cep::Rule& rule = plan.rules[alert.rule.value];
  const auto field = [&](const std::string& name, const std::string& shown) {
    std::string text = fmt::format("{}: {}", name, shown);
    if (expected == nullptr) return text;
    for (const auto& [wanted, value] : expected->fields) {
      if (wanted != name || agrees(value.view(), alert_value(plan, alert, name))) continue;
      text += fmt::format(" (not {})", literal(value.view()));
    }
    return text;
  };
  std::string text = "alert at " + offset_text(test, alert.ts - test.starting);
  if (expected != nullptr && expected->at && test.starting + *expected->at != alert.ts) {
    text += fmt::format(" (not {})", offset_text(test, *expected->at));
  }
  text += " { ";
  for (std::size_t i = 0; i < alert.key.size(); ++i) {
    text += field(rule.key.parts[i].name, literal(alert.key[i].view())) + ", ";
  }
  for (std::size_t i = 0; i < alert.fields.size(); ++i) {
    text += field(rule.fields[i].name, literal(as_shown(alert.fields[i].view()))) + ", ";
  }
  text += field("severity", cep::severity_name(alert.severity)) + ", ";
  text += field("message", literal_of(alert.message)) + " }";
  if (alert.held_back != 0) text += fmt::format(", {} held back before it", alert.held_back);
  return text;
}

using NamedFields = std::set<std::pair<cep::EventTypeIndex, cep::FieldIndex>>;

void add_named(const cep::Expr* root, NamedFields& named) {
  if (root == nullptr) return;
  cep::for_each_expr(*root, [&](const cep::Expr& expr) {
    if (const cep::FieldRef* field = field_of(expr)) {
      named.insert(field->by_type.begin(), field->by_type.end());
    }
    // A test of kinds names no field. The first field of its types is shown all the same.
    if (const auto* test = std::get_if<cep::KindTest>(&expr.payload)) {
      for (const cep::EventTypeIndex type : test->types) named.emplace(type, cep::FieldIndex());
    }
  });
}
void add_named(const std::vector<cep::Subset>& kinds, NamedFields& named) {
  for (const cep::Subset& subset : kinds) add_named(subset.condition.get(), named);
}
void add_named(const cep::KeySpec& key, NamedFields& named) {
  for (const cep::KeyPart& part : key.parts) {
    for (const cep::KeyMember& member : part.members) named.emplace(member.type, member.field);
  }
}

// The fields that a rule names, itself or through the features that it reads.
NamedFields fields_named(const cep::Plan& plan, const cep::Rule& rule) {
  NamedFields named;
  add_named(rule.key, named);
  cep::for_each_kinds(rule, [&](const auto& kinds) { add_named(kinds, named); });
  const std::vector<const cep::Expr*> exprs = cep::all_exprs(rule);
  for (const cep::Expr* expr : exprs) add_named(expr, named);
  for (const cep::FeatureIndex index : cep::features_read(exprs)) {
    const cep::Feature& feature = plan.features[index.value];
    add_named(feature.key, named);
    add_named(feature.events, named);
    for (const cep::Expr* expr : cep::feature_exprs(feature)) add_named(expr, named);
  }
  return named;
}

// With what the test says of it, and those of its defaults that its rule names.
std::string describe_event(const cep::Plan& plan, const rules::TestEvent& event,
                           const NamedFields& named, std::size_t width) {
  const cep::EventType& type = type_of(plan, event);
  std::string fields;
  for (std::size_t i = 0; i < event.fields.size(); ++i) {
    const cep::Value value = event.fields[i].view();
    if (value.is_missing() || i == type.time_field.value) continue;
    const bool by_default = i < event.by_default.size() && event.by_default[i];
    if (by_default && !named.contains({event.type, cep::FieldIndex(i)})) continue;
    fields +=
        fmt::format("{}{}: {}", fields.empty() ? " " : ", ", type.fields[i].name, literal(value));
  }
  return fmt::format("{:<{}} {{{} }}", type.name, width, fields);
}
}  // namespace

std::string offset_text(const rules::EmbeddedTest& test, cep::Duration offset) {
  const auto written = test.offsets_written.find(offset.us);
  return written == test.offsets_written.end() ? cep::format_duration(offset) : written->second;
}

cep::EventTime end_of(const rules::EmbeddedTest& test) {
  return test.until ? test.starting + *test.until : newest_event(test);
}

std::optional<cep::RuleIndex> rule_of(const cep::Plan& plan, const rules::EmbeddedTest& test) {
  const auto rule = std::ranges::find(plan.rules, test.rule, &cep::Rule::name);
  if (rule == plan.rules.end()) return std::nullopt;
  return cep::RuleIndex(static_cast<std::size_t>(rule - plan.rules.begin()));
}

namespace {
// What makes a number of microseconds one of the unit.
std::string_view exponent_of(cep::TimeUnit unit) {
  switch (unit) {
    case cep::TimeUnit::kSeconds:
      return "e-6";
    case cep::TimeUnit::kMilliseconds:
      return "e-3";
    case cep::TimeUnit::kNanoseconds:
      return "e3";
    case cep::TimeUnit::kMicroseconds:
      break;
  }
  return "";
}

// A value as the field's type reads it from a line: a number counts what the schema says, and text
// may be a time of any year.
std::string input_value(const cep::Field& field, const cep::Value& value) {
  std::string text;
  if (value.kind == cep::ValueKind::kTime) {
    const cep::EventTime time{static_cast<std::int64_t>(value.number)};
    const bool is_number =
        field.unit == cep::TimeUnit::kMicroseconds && (field.any_year || cep::is_plausible(time));
    if (!is_number) {
      cep::append_json_string(text, cep::format_time(time));
      return text;
    }
  }
  cep::append_json(text, value);
  if (value.kind == cep::ValueKind::kDuration) text += exponent_of(field.unit);
  return text;
}
}  // namespace

std::string events_as_ndjson(const cep::Plan& plan, const rules::EmbeddedTest& test) {
  std::string text;
  for (const rules::TestEvent& event : test.events) {
    const cep::EventType& type = type_of(plan, event);
    TOCSIN_ASSERT(event.fields.size() == type.fields.size(),
                  "a test event has all declared fields");
    std::vector<JsonMember> members;
    std::string json_type;
    cep::append_json_string(json_type, type.json_type);
    put(members, {"type"}, 0, json_type);
    for (std::size_t i = 0; i < event.fields.size(); ++i) {
      if (type.fields[i].computed || event.fields[i].view().is_missing()) continue;
      put(members, type.fields[i].path, 0, input_value(type.fields[i], event.fields[i].view()));
    }
    append_object(text, members);
    text += '\n';
  }
  return text;
}

Result<TestOutcome> run_embedded_test(const cep::Program& program,
                                      const rules::EmbeddedTest& test) {
  const cep::Plan& plan = program.plan();
  const std::optional<cep::RuleIndex> rule = rule_of(plan, test);
  TOCSIN_ASSERT(rule.has_value(), "the loader leaves out tests of rules that are not in the plan");
  runtime::RunOptions options = options_of(plan, test);
  options.final_watermark = false;
  options.until = end_of(test);

  TestOutcome outcome;
  std::vector<std::string> rejected;
  runtime::Sinks sinks;
  sinks.alert = [&](const cep::Alert& alert) -> Result<void> {
    if (alert.rule == *rule && !alert.budget) outcome.alerts.push_back(alert);
    return {};
  };
  sinks.late = [&](const runtime::LateEvent& late) {
    outcome.late.push_back({static_cast<std::size_t>(late.line) - 1, late.late_by});
  };
  sinks.dead_letter = [&](const runtime::DeadLetter& dead_letter) {
    rejected.push_back(
        fmt::format("event {} was rejected: {}", dead_letter.line, dead_letter.reason));
  };
  const runtime::Input input{.name = "events", .contents = events_as_ndjson(plan, test)};
  const Result<runtime::RunSummary> summary = runtime::run(program, {input}, options, sinks);
  if (!summary) return tl::unexpected(summary.error());
  outcome.repeats = summary->repeats;
  outcome.differences = compare_alerts(plan, test, outcome.alerts);
  outcome.differences.insert(outcome.differences.end(), rejected.begin(), rejected.end());
  return outcome;
}

Result<std::vector<cep::Alert>> replay_test(const cep::Program& program,
                                            const rules::EmbeddedTest& test) {
  std::vector<cep::Alert> alerts;
  runtime::Sinks sinks;
  sinks.alert = [&](const cep::Alert& alert) -> Result<void> {
    alerts.push_back(alert);
    return {};
  };
  const runtime::Input input{.name = "events", .contents = events_as_ndjson(program.plan(), test)};
  const Result<runtime::RunSummary> summary =
      runtime::run(program, {input}, options_of(program.plan(), test), sinks);
  if (!summary) return tl::unexpected(summary.error());
  return alerts;
}

bool agrees(const cep::Value& expected, const cep::Value& got) {
  if (expected.is_missing() || got.is_missing()) return expected.is_missing() && got.is_missing();
  if (is_word(expected) && is_word(got)) return expected.text == got.text;
  if (is_exact_number(expected) && is_exact_number(got)) {
    return cep::same_value(as_shown(expected), as_shown(got));
  }
  const bool float_got = got.kind == cep::ValueKind::kFloat;
  if (float_got && (is_exact_number(expected) || expected.kind == cep::ValueKind::kFloat)) {
    return agrees_as_float(expected, got.real);
  }
  if (expected.kind == cep::ValueKind::kFloat && is_exact_number(got)) {
    return cep::to_float(got).real == expected.real;
  }
  return expected.kind == got.kind && cep::same_value(expected, got);
}

cep::Value alert_value(const cep::Plan& plan, const cep::Alert& alert, const std::string& name) {
  const cep::Rule& rule = plan.rules[alert.rule.value];
  for (std::size_t i = 0; i < rule.fields.size(); ++i) {
    if (rule.fields[i].name == name) return alert.fields[i].view();
  }
  for (std::size_t i = 0; i < rule.key.parts.size(); ++i) {
    if (rule.key.parts[i].name == name) return alert.key[i].view();
  }
  if (name == "severity") return cep::Value::string(cep::severity_name(alert.severity));
  if (name == "score") return cep::Value::integer(0);
  if (name == "message") return cep::Value::string(alert.message);
  if (name == "held_back") return cep::Value::integer(static_cast<std::int64_t>(alert.held_back));
  return cep::Value::missing();
}

std::vector<std::string> compare_alerts(const cep::Plan& plan, const rules::EmbeddedTest& test,
                                        const std::vector<cep::Alert>& alerts) {
  const Expectations expected = each_expected(test);
  std::vector<std::string> differences;
  for (std::size_t i = 0; i < std::min(expected.size(), alerts.size()); ++i) {
    const cep::Duration at = alerts[i].ts - test.starting;
    if (expected[i]->at && *expected[i]->at != at) {
      differences.push_back(fmt::format("alert {} came at {}, not at {}", i + 1,
                                        offset_text(test, at),
                                        offset_text(test, *expected[i]->at)));
    }
    for (const auto& [name, value] : expected[i]->fields) {
      const cep::Value got = alert_value(plan, alerts[i], name);
      if (agrees(value.view(), got)) continue;
      const std::string shown = name == "severity" ? std::string(got.text) : literal(as_shown(got));
      differences.push_back(
          fmt::format("alert {}: `{}` is {}, not {}", i + 1, name, shown, literal(value.view())));
    }
  }
  if (expected.size() != alerts.size()) {
    const std::string came =
        alerts.empty() ? "no alert" : rules::format_count(alerts.size(), "alert");
    const std::string wanted = expected.empty() ? "none" : rules::format_count(expected.size());
    differences.push_back(fmt::format("{} came, {} expected", came, wanted));
  }
  return differences;
}

std::string describe_failure(const cep::Plan& plan, const rules::EmbeddedTest& test,
                             const TestOutcome& outcome) {
  std::string text;
  for (const std::string& difference : outcome.differences) text += "  " + difference + '\n';
  for (const LateTestEvent& late : outcome.late) {
    const rules::TestEvent& event = test.events[late.event];
    text += fmt::format("  the {} at {} came too late, by {}, and was dropped\n",
                        type_of(plan, event).name, offset_text(test, event.offset),
                        cep::format_duration(late.late_by));
  }
  if (outcome.repeats != 0) text += describe_repeats(plan, test);
  text += "  events, from " + cep::format_time(test.starting) + '\n';
  std::size_t width = 0;
  std::size_t type_width = 0;
  NamedFields named;
  if (const std::optional<cep::RuleIndex> rule = rule_of(plan, test)) {
    named = fields_named(plan, plan.rules[rule->value]);
  }
  for (const rules::TestEvent& event : test.events) {
    type_width = std::max(type_width, type_of(plan, event).name.size());
    width = std::max(width, offset_text(test, event.offset).size());
  }
  for (const rules::TestEvent& event : test.events) {
    text += fmt::format("    {:<{}}  {}\n", offset_text(test, event.offset), width,
                        describe_event(plan, event, named, type_width));
  }
  if (test.until) text += "    until " + offset_text(test, *test.until) + '\n';
  text += "  expected\n";
  for (const rules::ExpectedAlert& expected : test.expected) {
    text += "    " + describe_expected(test, expected) + '\n';
  }
  if (test.expected.empty()) text += "    no alert\n";
  text += "  came\n";
  const Expectations expected = each_expected(test);
  for (std::size_t i = 0; i < outcome.alerts.size(); ++i) {
    const rules::ExpectedAlert* const wanted = i < expected.size() ? expected[i] : nullptr;
    text += "    " + describe_alert(plan, test, outcome.alerts[i], wanted) + '\n';
  }
  if (outcome.alerts.empty()) text += "    no alert\n";
  return text;
}
}  // namespace tocsin::library
