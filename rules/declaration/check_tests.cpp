#include "rules/declaration/check_tests.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "cep/plan/rule.h"
#include "rules/context/occurrences.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/check_expression.h"
#include "rules/expression/coerce_literal.h"

namespace tocsin::rules {
using cep::TypeKind;
using tree::ExprKind;

namespace {
constexpr cep::EventTime kStartingDefault{1'767'225'600'000'000};  // 2026-01-01T00:00:00Z
constexpr std::int64_t kTimesMax = 1'000'000;

class TestChecker {
 public:
  TestChecker(CheckContext& context, const tree::Test& tree) : context_(context), tree_(tree) {}

  EmbeddedTest check(const tree::Rule* rule) {
    test_.rule = tree_.rule.text;
    test_.title = tree_.title.text;
    test_.starting = tree_.starting.value_or(kStartingDefault);
    test_.span = tree_.rule.span;
    for (const tree::TestLine& line : tree_.lines) {
      note_offset(line.offset);
      if (line.until) {
        add_until(line);
      } else {
        add_event(line);
      }
    }
    for (const tree::Expected& expected : tree_.expected) {
      if (expected.at) note_offset(*expected.at);
    }
    warn_if_late();
    for (const tree::Expected& expected : tree_.expected) add_expected(expected, rule);
    return std::move(test_);
  }

 private:
  void report(Code code, SourceSpan span, std::string message, std::string help = {}) {
    Diagnostic diagnostic = make_diagnostic(code, span, std::move(message));
    if (!help.empty()) diagnostic.helps.push_back(std::move(help));
    context_.sink.report(std::move(diagnostic));
  }

  void note_offset(const tree::DurationLiteral& offset) {
    if (!offset.text.empty()) test_.offsets_written.emplace(offset.value.us, offset.text);
  }

  void add_until(const tree::TestLine& line) {
    if (test_.until) {
      report(Code::kE0502, line.span, "`until` appears twice",
             "time passes up to the last one: keep that");
      return;
    }
    test_.until = line.offset.value;
    until_span_ = line.span;
  }

  void add_event(const tree::TestLine& line) {
    if (test_.until && !until_reported_) {
      until_reported_ = true;
      report(Code::kE0502, until_span_, "`until` before an event",
             "it is written after the last event");
    }
    if (line.event.text.empty()) return;
    const auto kind = context_.names.kinds.find(line.event.text);
    if (kind == context_.names.kinds.end()) {
      report_unknown_event(line.event);
      return;
    }
    if (!kind->second.event) {
      if (kind->second.kind) {
        report(Code::kE0219, line.event.span,
               fmt::format("{} is a kind: a test's events are of an event type",
                           in_code(line.event.text)));
      }
      return;
    }
    note_use(context_, line.event.span, kind->second.name->span);
    const cep::EventTypeIndex index = *kind->second.event;
    const cep::EventType& type = context_.event_type(index);
    note_time(line, type);
    TestEvent event;
    event.offset = line.offset.value;
    event.type = index;
    event.fields = context_.event_symbol(index).defaults;
    fill_record(context_, line.values, index, event.fields);
    event.by_default.assign(event.fields.size(), true);
    for (const tree::Record::Entry& entry : line.values.entries) {
      const auto field = context_.event_symbol(index).fields.find(entry.name.text);
      if (field == context_.event_symbol(index).fields.end()) continue;
      const cep::FieldIndex place = field->second.index;
      if (place.value < event.by_default.size()) event.by_default[place.value] = false;
    }
    if (type.time_field.value < event.fields.size()) {
      event.fields[type.time_field.value] =
          cep::OwnedValue(cep::Value::time(test_.starting + event.offset));
    }
    test_.events.push_back(std::move(event));
  }

  void note_time(const tree::TestLine& line, const cep::EventType& type) {
    if (type.bound > bound_) bound_ = type.bound;
    if (newest_ == nullptr || line.offset.value >= newest_->offset.value) {
      newest_ = &line;
    } else if (late_ == nullptr) {
      late_ = &line;
      late_behind_ = newest_;
    }
  }

  // Where some type waits for late events, a test may show what becomes of those that are later.
  void warn_if_late() {
    if (late_ == nullptr || bound_ > cep::Duration{0}) return;
    const cep::Duration behind = late_behind_->offset.value - late_->offset.value;
    const std::string behind_text = cep::format_duration(behind);
    Diagnostic diagnostic =
        make_diagnostic(Code::kW0039, late_->offset.span,
                        fmt::format("this event comes {} too late: the test drops it", behind_text),
                        "earlier than the event before it");
    diagnostic.labels.push_back({late_behind_->offset.span, "time has advanced to here"});
    diagnostic.helps.push_back(
        fmt::format("write the events in the order of their time, or let the event type wait for "
                    "late ones: `ts: "
                    "time up to {} late`",
                    behind_text));
    context_.sink.report(std::move(diagnostic));
  }

  void report_unknown_event(const tree::Name& name) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0202, name.span, fmt::format("no event type is named {}", in_code(name.text)));
    std::vector<std::string> candidates;
    if (context_.suggestions_left > 0) {
      for (const cep::EventType& type : context_.plan.event_types) {
        if (!type.is_alert()) candidates.push_back(type.name);
      }
    }
    const bool near = suggest(context_, diagnostic, name.text, candidates);
    if (near || !context_.names.incomplete) context_.sink.report(std::move(diagnostic));
  }

  void add_expected(const tree::Expected& tree, const tree::Rule* rule) {
    ExpectedAlert expected;
    expected.span = tree.span;
    if (tree.times) {
      if (tree.times->value < 1 || tree.times->value > kTimesMax) {
        report(Code::kE0503, tree.times->span,
               tree.times->value < 1 ? "an alert that is expected no times"
                                     : "an alert expected too many times",
               tree.times->value < 1 ? "write `expect no alert`" : "");
      } else {
        expected.times = static_cast<std::uint32_t>(tree.times->value);
      }
    }
    if (tree.at) expected.at = tree.at->value;
    if (tree.fields && rule) {
      std::unordered_map<std::string_view, SourceSpan> seen;
      for (const tree::Record::Entry& entry : tree.fields->entries) {
        const auto [earlier, is_new] = seen.emplace(entry.name.text, entry.name.span);
        if (is_new) {
          add_expected_field(entry, *rule, expected);
          continue;
        }
        Diagnostic diagnostic =
            make_diagnostic(Code::kE0215, entry.name.span,
                            fmt::format("{} appears twice", in_code(entry.name.text)));
        diagnostic.labels.push_back({earlier->second, "the first"});
        context_.sink.report(std::move(diagnostic));
      }
    }
    test_.expected.push_back(std::move(expected));
  }

  // The type of what an alert of the rule has by this name; nothing where the rule's own mistakes
  // hide it.
  std::optional<cep::Type> type_of(const std::string& name, const tree::Rule& tree) const {
    if (name == "severity") return cep::severity_type();
    if (name == "message") return plain_type(TypeKind::kString);
    const auto symbol = context_.names.rules.find(tree.name.text);
    if (symbol != context_.names.rules.end() && symbol->second.index) {
      const cep::Rule& rule = context_.plan.rules[symbol->second.index->value];
      for (const cep::AlertField& field : rule.fields) {
        if (field.name == name) return field.expr->type;
      }
      for (const cep::KeyPart& part : rule.key.parts) {
        if (part.name == name && !part.members.empty()) return part.type;
      }
    }
    return std::nullopt;
  }

  static std::vector<std::string> names_of(const tree::Rule& rule) {
    std::vector<std::string> names;
    if (rule.alert) {
      for (const tree::Record::Entry& entry : rule.alert->fields.entries)
        names.push_back(entry.name.text);
    }
    if (rule.by) {
      for (const tree::KeyPart& part : rule.by->parts) names.push_back(part.name.text);
    }
    names.insert(names.end(), {"severity", "score", "message", "held_back"});
    std::vector<std::string> once;
    for (std::string& name : names) {
      if (std::ranges::find(once, name) == once.end()) once.push_back(std::move(name));
    }
    return once;
  }

  void note_expected(const tree::Name& name, const tree::Rule& rule) const {
    if (rule.alert) {
      for (const tree::Record::Entry& field : rule.alert->fields.entries) {
        if (field.name.text == name.text) note_use(context_, name.span, field.name.span);
      }
    }
    if (!rule.by) return;
    for (const tree::KeyPart& part : rule.by->parts) {
      if (part.name.text == name.text) note_use(context_, name.span, part.name.span);
    }
  }

  void add_expected_field(const tree::Record::Entry& entry, const tree::Rule& rule,
                          ExpectedAlert& expected) {
    if (!entry.value || entry.name.text.empty()) return;
    const std::vector<std::string> names = names_of(rule);
    if (std::ranges::find(names, entry.name.text) == names.end()) {
      if (rule.broken) return;
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0214, entry.name.span,
                          fmt::format("alerts of {} have no {}", in_code(rule.name.text),
                                      in_code(entry.name.text)));
      if (!suggest(context_, diagnostic, entry.name.text, names)) {
        diagnostic.helps.push_back("they have " + one_of(names));
      }
      context_.sink.report(std::move(diagnostic));
      return;
    }
    note_expected(entry.name, rule);
    // A number keeps the digits written: they say how exactly a float is compared.
    const cep::Value plain = plain_literal(*entry.value);
    const bool numeric = plain.kind == cep::ValueKind::kInt ||
                         plain.kind == cep::ValueKind::kDecimal ||
                         plain.kind == cep::ValueKind::kFloat;
    const std::optional<cep::Type> type = type_of(entry.name.text, rule);
    const bool is_count = !type && entry.name.text == "held_back";
    const bool of_all = entry.name.text == "score" || is_count;
    if (numeric && (of_all || (type && is_number(*type)))) {
      expected.fields.emplace_back(entry.name.text, cep::OwnedValue(plain));
      return;
    }
    if (of_all && !type) {
      const cep::Type number = plain_type(TypeKind::kInt);
      coerce_literal(context_, *entry.value, number, in_code(entry.name.text), std::nullopt);
      return;
    }
    if (!type) return;
    if (const auto value =
            coerce_literal(context_, *entry.value, *type, in_code(entry.name.text), std::nullopt)) {
      expected.fields.emplace_back(entry.name.text, *value);
    }
  }

  CheckContext& context_;
  const tree::Test& tree_;
  EmbeddedTest test_;
  SourceSpan until_span_;
  bool until_reported_ = false;
  cep::Duration bound_{0};                  // the greatest `up to … late` of its types
  const tree::TestLine* newest_ = nullptr;  // of the events so far
  const tree::TestLine* late_ = nullptr;    // the first that comes before its like
  const tree::TestLine* late_behind_ = nullptr;
};
}  // namespace

void check_test(CheckContext& context, const tree::Test& tree, std::vector<EmbeddedTest>& tests) {
  const auto symbol = context.names.rules.find(tree.rule.text);
  const tree::Rule* rule = symbol == context.names.rules.end() ? nullptr : symbol->second.tree;
  if (!rule && !tree.rule.text.empty()) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0206, tree.rule.span, fmt::format("no rule is named {}", in_code(tree.rule.text)));
    std::vector<std::string> candidates;
    if (context.suggestions_left > 0) {
      for (const auto& [name, other] : context.names.rules) candidates.emplace_back(name);
      std::ranges::sort(candidates);
    }
    const bool near = suggest(context, diagnostic, tree.rule.text, candidates);
    if (near || !context.names.incomplete) context.sink.report(std::move(diagnostic));
  }
  if (rule != nullptr) note_use(context, tree.rule.span, rule->name.span);
  EmbeddedTest test = TestChecker(context, tree).check(rule);
  if (!rule) return;
  if (rule->status && rule->status->status == tree::StatusWord::kDraft) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kW0007, tree.rule.span,
        fmt::format("the rule {} is a draft: this test does not run", in_code(rule->name.text)));
    diagnostic.labels.push_back({rule->status->span, "only checked"});
    context.sink.report(std::move(diagnostic));
    return;
  }
  tests.push_back(std::move(test));
}
}  // namespace tocsin::rules
