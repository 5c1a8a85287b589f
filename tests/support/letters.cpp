#include "tests/support/letters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/rule.h"
#include "tests/support/plan_parts.h"

namespace tocsin::tests {
using cep::Contiguity;
using cep::Element;
using cep::EventTypeIndex;
using cep::FieldIndex;
using cep::LoopMode;
using cep::OwnedValue;
using cep::TypeKind;
using cep::Value;

namespace {
// Takes `word` from the front of `text`.
bool accept(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}
std::int64_t take_number(std::string_view& text) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  TOCSIN_ASSERT(error == std::errc(), "a number stands here");
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return n;
}

// letter(ts: time, name: string, i: int id)
cep::EventType letter_type() {
  cep::EventType type;
  type.name = type.json_type = "letter";
  for (const auto& [name, kind] : std::vector<std::pair<const char*, TypeKind>>{
           {"ts", TypeKind::kTime}, {"name", TypeKind::kString}, {"i", TypeKind::kInt}}) {
    cep::Field field;
    field.name = name;
    field.path = {name};
    field.type = type_of(kind);
    type.fields.push_back(field);
  }
  type.id_field = FieldIndex(2);
  return type;
}

cep::ExprPtr one_of_letters(const cep::Plan& plan, std::string_view letters) {
  const cep::ExprPtr name = field_read(*find_field(plan, {EventTypeIndex(0)}, "name"));
  std::vector<cep::ExprPtr> args = {name};
  for (std::size_t i = 0; i < letters.size(); ++i) {
    args.push_back(literal(name->type, Value::string(letters.substr(i, 1))));
  }
  return condition(cep::Op::kInValues, std::move(args));
}

Element parse_element(const cep::Plan& plan, std::string_view text, cep::Rule& rule) {
  Element element;
  if (accept(text, "next ")) element.contiguity = Contiguity::kNext;
  if (accept(text, "first ")) element.contiguity = Contiguity::kFirst;
  if (accept(text, "any ")) element.contiguity = Contiguity::kAny;
  if (accept(text, "no ")) {
    cep::Absence absence;
    absence.next = accept(text, "next ");
    element.form = absence;
  }
  element.test()->events = {{EventTypeIndex(0), nullptr, "letter"}};
  const std::size_t letters = std::min(text.find_first_of("{? "), text.size());
  if (text.substr(0, letters) != "*") {
    element.test()->where = one_of_letters(plan, text.substr(0, letters));
  }
  text.remove_prefix(letters);
  if (cep::Absence* const absence = element.absence()) {
    if (accept(text, " for ")) absence->absent_for = cep::Duration{1000 * take_number(text)};
    TOCSIN_ASSERT(text.empty(), "the whole absence is understood");
    return element;
  }
  cep::Step& step = *element.step();
  if (accept(text, "{")) {
    step.quantifier.loop = true;
    step.quantifier.min = static_cast<std::uint32_t>(take_number(text));
    step.quantifier.max.reset();
    accept(text, ",");
    if (!text.starts_with("}")) step.quantifier.max = static_cast<std::uint32_t>(take_number(text));
    accept(text, "}");
    if (accept(text, "next")) step.quantifier.mode = LoopMode::kNext;
    if (accept(text, "each")) step.quantifier.mode = LoopMode::kEach;
    step.quantifier.greedy = accept(text, "greedy");
    if (accept(text, " until ")) {
      const std::size_t end = std::min(text.find('?'), text.size());
      step.until_events = step.events;
      step.until_where = one_of_letters(plan, text.substr(0, end));
      text.remove_prefix(end);
    }
  }
  step.optional = accept(text, "?");
  TOCSIN_ASSERT(text.empty(), "the whole step is understood");
  step.var = cep::VarIndex(rule.variables.size());
  rule.variables.push_back({fmt::format("v{}", rule.variables.size()), step.quantifier.loop});
  return element;
}

}  // namespace

std::vector<std::string> split(std::string_view text, std::string_view separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + separator.size(), text.size()));
  }
  return parts;
}

cep::Plan letters_plan(std::string_view pattern, std::int64_t within_ms) {
  cep::Plan plan;
  plan.event_types.push_back(letter_type());
  cep::Rule rule;
  rule.name = rule.id = "letters";
  for (const std::string& step : split(pattern, "; ")) {
    rule.pattern.push_back(parse_element(plan, step, rule));
  }
  rule.considered = {{EventTypeIndex(0), nullptr, "letter"}};
  if (within_ms > 0) rule.within = cep::Duration{1000 * within_ms};
  plan.rules.push_back(std::move(rule));
  return plan;
}

Element& make_group(std::vector<Element>& sequence, std::size_t begin, std::size_t count,
                    cep::GroupForm form, const std::function<bool()>& joins) {
  const auto first = sequence.begin() + static_cast<std::ptrdiff_t>(begin);
  const auto last = first + static_cast<std::ptrdiff_t>(count);
  const Contiguity contiguity = first->contiguity;
  const std::optional<cep::Duration> gap = first->gap;
  first->gap.reset();
  cep::Group group;
  group.form = form;
  for (auto element = first; element != last; ++element) {
    const bool begins = form == cep::GroupForm::kOneOf &&
                        (group.children.empty() || (!element->is_absence() && !(joins && joins())));
    if (begins) {
      element->gap.reset();
      group.children.emplace_back(cep::Group());
    }
    std::vector<Element>& to =
        form == cep::GroupForm::kOneOf ? group.children.back().group()->children : group.children;
    to.push_back(std::move(*element));
  }
  const auto place = sequence.erase(first, last);
  Element made(std::move(group));
  made.contiguity = contiguity;
  made.gap = gap;
  return *sequence.insert(place, std::move(made));
}

std::vector<oracle::Event> letters_events(std::string_view text) {
  std::vector<oracle::Event> events;
  for (const std::string& event : split(text, " ")) {
    std::string_view rest = event;
    const std::string_view name = rest.substr(0, 1);
    rest.remove_prefix(1);
    const cep::EventTime ts{1000 * take_number(rest)};
    const auto number = static_cast<std::int64_t>(events.size());
    events.push_back({EventTypeIndex(0),
                      ts,
                      {OwnedValue(Value::time(ts)), OwnedValue(Value::string(name)),
                       OwnedValue(Value::integer(number))}});
  }
  return events;
}

std::string letters_match(const cep::Rule& rule, const cep::Alert& alert) {
  std::string text;
  for (std::size_t v = 0; v < rule.variables.size(); ++v) {
    if (v > 0) text += '|';
    bool first = true;
    for (const cep::BoundEvent& event : alert.events) {
      if (event.as != rule.variables[v].name) continue;
      if (!first) text += ',';
      first = false;
      text += event.id;
    }
  }
  return text;
}
}  // namespace tocsin::tests
