#include "api/trace/alert_test.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "api/alerts/alert_line.h"
#include "api/rules/text_cache.h"
#include "cep/data/alert_format.h"
#include "cep/diagnose/key_condition.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "library/testing/test_runner.h"
#include "library/testing/test_text.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kOthersFirst = 4;     // then four times as many, and so on
constexpr std::size_t kOthersFailing = 20;  // beside an alert that is not raised
constexpr std::int64_t kMillisecond = 1000;

cep::Duration up_to_millisecond(cep::Duration duration) {
  return {(duration.us + kMillisecond - 1) / kMillisecond * kMillisecond};
}
std::int64_t whole(std::string_view json) { return cep::parse_decimal(json, 0).value_or(0); }
}  // namespace

Result<AlertTestWriter> AlertTestWriter::prepare(const LoadedRules& rules,
                                                 const TestedAlert& alert) {
  const cep::Plan& whole = rules.program->plan();
  const auto found = std::ranges::find(whole.rules, alert.match.rule, &cep::Rule::id);
  if (found == whole.rules.end()) {
    return fail(Errc::kNotFound, fmt::format("there is no rule {}", alert.match.rule));
  }
  const std::unique_ptr<TextCacheFolder> cache = open_text_cache();
  cep::PlanPart part = cep::PlanParts(whole).of(
      cep::RuleIndex(static_cast<std::size_t>(found - whole.rules.begin())));
  const cep::RuleIndex index = part.rule;
  Result<cep::Program> program =
      cep::compile(std::make_shared<const cep::Plan>(std::move(part.plan)), {}, cache.get());
  if (!program) return tl::unexpected(program.error());
  AlertTestWriter made(alert, found->name, *std::move(program), index);
  if (made.rule().key.parts.empty()) {
    made.needs_other_keys_ = true;
    return made;
  }
  const auto parts = key_parts_of(made.rule(), alert.match);
  if (!parts) return tl::unexpected(parts.error());
  Result<std::vector<cep::KeyQuery>> keys = cep::find_keys(made.program_, *parts);
  if (!keys) return tl::unexpected(keys.error());
  made.keys_ = *std::move(keys);
  std::vector<std::uint32_t> tables;
  for (const cep::KeyQuery& key : made.keys_) tables.push_back(key.table);
  made.needs_other_keys_ = cep::depends_on_other_keys(made.program_, {index}, tables);
  return made;
}

const cep::Rule& AlertTestWriter::rule() const { return program_.plan().rules[index_.value]; }

void AlertTestWriter::fill_key(ValuedEvent& event) const {
  for (const cep::KeyPart& part : rule().key.parts) {
    const auto of_type = [&](const cep::KeyMember& member) { return member.type == event.type; };
    // Of several roles it is not known which.
    if (std::ranges::count_if(part.members, of_type) != 1) continue;
    const cep::FieldIndex field = std::ranges::find_if(part.members, of_type)->field;
    if (!event.fields[field.value].view().is_missing()) continue;
    event.fields[field.value] =
        value_of_json(part.type, json_member(json_member(alert_.line, "key"), part.name));
  }
}

rules::EmbeddedTest AlertTestWriter::test_of(const AlertEvents& events, std::size_t others) const {
  std::vector<const ValuedEvent*> all;
  for (std::size_t i = events.others.size() - others; i < events.others.size(); ++i) {
    all.push_back(&events.others[i]);
  }
  std::vector<ValuedEvent> own = events.own;
  for (ValuedEvent& event : own) fill_key(event);
  for (const ValuedEvent& event : own) all.push_back(&event);
  std::ranges::stable_sort(all, {}, &ValuedEvent::ts);
  rules::EmbeddedTest test;
  test.rule = rule_;
  const cep::EventTime at{whole(json_member(alert_.line, "ts"))};
  test.title = fmt::format("alert {} of {}", alert_.match.id.substr(0, 8), cep::format_time(at));
  test.starting = all.empty() ? at : all.front()->ts;
  for (const ValuedEvent* const event : all) {
    const cep::EventType& type = program_.plan().event_types[event->type.value];
    rules::TestEvent made;
    made.type = event->type;
    made.offset = event->ts - test.starting;
    made.fields = event->fields;
    made.fields[type.time_field.value] = cep::OwnedValue(cep::Value::time(event->ts));
    test.events.push_back(std::move(made));
  }
  if (all.empty() || at > all.back()->ts) test.until = up_to_millisecond(at - test.starting);
  return test;
}

// The alert at its time, of its key; times that were written may be less by part of a millisecond.
std::optional<RaisedAlert> AlertTestWriter::raised(const std::vector<cep::Alert>& alerts,
                                                   bool is_exact) const {
  const cep::EventTime at{whole(json_member(alert_.line, "ts"))};
  cep::AlertFormat format(program_.plan());
  std::optional<RaisedAlert> best;
  for (std::size_t i = 0; i < alerts.size(); ++i) {
    const cep::Duration apart = at - alerts[i].ts;
    if (is_exact ? apart.us != 0 : apart.us < -kMillisecond || apart.us > kMillisecond) continue;
    const std::string line(format.line(alerts[i]));
    if (is_exact && json_member(line, "key") != json_member(alert_.line, "key")) continue;
    RaisedAlert found{i, {}};
    for (const char* const name : {"severity", "score", "message"}) {
      if (json_member(line, name) != json_member(alert_.line, name))
        found.differing.push_back(name);
    }
    const std::string_view now = json_member(line, "fields");
    const std::string_view before = json_member(alert_.line, "fields");
    for (const cep::AlertField& field : rule().fields) {
      if (json_member(now, field.name) != json_member(before, field.name)) {
        found.differing.push_back(field.name);
      }
    }
    if (!best || found.differing.size() < best->differing.size()) best = std::move(found);
  }
  return best;
}

bool AlertTestWriter::mask(rules::EmbeddedTest& test) const {
  if (!alert_.mask) return false;
  bool is_masked = false;
  for (rules::TestEvent& event : test.events) {
    const cep::EventType& type = program_.plan().event_types[event.type.value];
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      const cep::Value value = event.fields[i].view();
      if (i == type.time_field.value || value.is_missing()) continue;
      std::string json;
      cep::append_json(json, value);
      const auto mark = alert_.mask(type, type.fields[i].name, json);
      if (!mark) continue;
      is_masked = true;
      event.fields[i] = type.fields[i].type.kind == cep::TypeKind::kString
                            ? cep::OwnedValue(cep::Value::string(json_characters(*mark)))
                            : cep::OwnedValue();
    }
  }
  return is_masked;
}

void AlertTestWriter::expect(const std::vector<cep::Alert>& alerts,
                             const std::optional<RaisedAlert>& raised,
                             rules::EmbeddedTest& test) const {
  const cep::Plan& plan = program_.plan();
  for (std::size_t i = 0; i < alerts.size(); ++i) {
    rules::ExpectedAlert expected;
    expected.at = alerts[i].ts - test.starting;
    std::set<std::string> names;
    const auto add = [&](const std::string& name) {
      const cep::Value value = library::alert_value(plan, alerts[i], name);
      if (!names.insert(name).second) return;
      if (name == "severity" && value.kind == cep::ValueKind::kString) {
        expected.fields.emplace_back(name, cep::Value::enumerated(0, value.text));
      } else {
        expected.fields.emplace_back(name, value);
      }
    };
    for (const cep::KeyPart& part : rule().key.parts) add(part.name);
    if (raised && raised->place == i) {
      for (const cep::AlertField& field : rule().fields) add(field.name);
      add("severity");
      add("message");
    }
    test.expected.push_back(std::move(expected));
  }
}

// What the alert said of itself, which these events do not raise.
void AlertTestWriter::expect_listed(rules::EmbeddedTest& test) const {
  rules::ExpectedAlert expected;
  const cep::EventTime at{whole(json_member(alert_.line, "ts"))};
  expected.at = up_to_millisecond(at - test.starting);
  const auto add = [&](const std::string& name, const cep::Type& type, std::string_view json) {
    cep::OwnedValue value = value_of_json(type, json);
    if (!value.view().is_missing()) expected.fields.emplace_back(name, std::move(value));
  };
  for (const auto& [name, json] : json_members(json_member(alert_.shown, "key"))) {
    const auto part = std::ranges::find(rule().key.parts, name, &cep::KeyPart::name);
    if (part != rule().key.parts.end()) add(part->name, part->type, json);
  }
  for (const auto& [name, json] : json_members(json_member(alert_.shown, "fields"))) {
    const auto field = std::ranges::find(rule().fields, name, &cep::AlertField::name);
    if (field == rule().fields.end()) continue;
    const bool is_key =
        std::ranges::find(rule().key.parts, name, &cep::KeyPart::name) != rule().key.parts.end();
    if (!is_key) add(field->name, field->expr->type, json);
  }
  test.expected.push_back(std::move(expected));
}

Result<AlertTest> AlertTestWriter::written(rules::EmbeddedTest test, const AlertEvents& events,
                                           std::size_t others) const {
  AlertTest made;
  made.own = events.own.size();
  made.others = others;
  made.is_masked = mask(test);
  const bool is_rounded = std::ranges::any_of(test.events, [](const rules::TestEvent& event) {
    return event.offset.us % kMillisecond != 0;
  });
  const std::set<std::string> left_out = library::keep_writable(program_.plan(), test);
  if (is_rounded) made.notes.emplace_back("Times are rounded down to whole milliseconds.");
  if (!left_out.empty()) {
    made.notes.push_back(fmt::format("No test can say some values of {}: they are left out.",
                                     fmt::join(left_out, ", ")));
  }
  const Result<library::TestOutcome> run = library::run_embedded_test(program_, test);
  if (!run) return tl::unexpected(run.error());
  const std::optional<RaisedAlert> raised = this->raised(run->alerts, false);
  made.is_raised = raised.has_value();
  if (raised) {
    expect(run->alerts, raised, test);
    if (!raised->differing.empty() && !made.is_masked) {
      made.notes.push_back(
          fmt::format("The alert had another {}: what is expected here is what "
                      "these events give.",
                      fmt::join(raised->differing, ", ")));
    }
  } else {
    expect_listed(test);
    made.notes.emplace_back(
        "These events do not raise the alert: what is expected here is what it said.");
  }
  made.test = std::move(test);
  made.text = library::test_text(program_.plan(), made.test, made.notes);
  return made;
}

Result<std::optional<AlertTest>> AlertTestWriter::write(const AlertEvents& events,
                                                        bool is_last) const {
  std::size_t others = 0;
  // Where none raises the alert as it was: those that come nearest.
  std::size_t nearest = std::min(events.others.size(), kOthersFailing);
  std::optional<std::size_t> least;  // how many values differ there
  while (true) {
    const Result<library::TestOutcome> run =
        library::run_embedded_test(program_, test_of(events, others));
    if (!run) return tl::unexpected(run.error());
    const std::optional<RaisedAlert> found = raised(run->alerts, true);
    if (found && (!least || found->differing.size() < *least)) {
      least = found->differing.size();
      nearest = others;
    }
    if (least == 0) break;
    if (others == events.others.size()) {
      if (!is_last) return std::nullopt;
      break;
    }
    others = std::min(events.others.size(), others == 0 ? kOthersFirst : others * 4);
  }
  others = nearest;
  while (true) {
    Result<AlertTest> made = written(test_of(events, others), events, others);
    if (!made) return tl::unexpected(made.error());
    if (made->text.size() <= kAlertTestBytesMax) return std::optional(*std::move(made));
    if (others == 0) {
      return fail(Errc::kLimit,
                  fmt::format("the alert's events are more than the {} KiB that a test may have",
                              kAlertTestBytesMax >> 10U));
    }
    others /= 2;
  }
}

void AlertTestWriter::add_notes(AlertTest& made, const std::vector<std::string>& more) const {
  made.notes.insert(made.notes.end(), more.begin(), more.end());
  made.text = library::test_text(program_.plan(), made.test, made.notes);
}
}  // namespace tocsin::api
