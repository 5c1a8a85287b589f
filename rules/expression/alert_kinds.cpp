#include "rules/expression/alert_kinds.h"

#include <fmt/format.h>

#include <algorithm>

#include "cep/plan/rule.h"
#include "rules/context/occurrences.h"
#include "rules/context/report.h"
#include "rules/context/types.h"

namespace tocsin::rules {
using cep::TypeKind;

namespace {
bool is_own(const CheckContext& context, const tree::Rule& rule) {
  const auto symbol = context.names.rules.find(rule.name.text);
  return symbol != context.names.rules.end() && symbol->second.tree == &rule;
}

tree::StatusWord status_of(const tree::Rule& rule) {
  return rule.status ? rule.status->status : tree::StatusWord::kLive;
}

// One event type of alerts while its fields are put together.
class TypeMaker {
 public:
  TypeMaker(CheckContext& context, cep::EventTypeIndex index)
      : context_(context),
        type_(context.plan.event_types[index.value]),
        symbol_(context.names.events[index.value]) {}

  // False where there is a field of that name already.
  bool add(const std::string& name, SourceSpan declared, cep::Type type, bool optional) {
    if (type.kind == TypeKind::kFraction) {
      // Kept, a quotient is a decimal.
      type = plain_type(TypeKind::kDecimal);
      type.scale = cep::kScaleMax;
    }
    tree::Field& tree = context_.alert_fields.emplace_back();
    tree.name.text = name;
    tree.name.span = declared;
    const cep::FieldIndex index(type_.fields.size());
    if (!symbol_.fields.emplace(tree.name.text, FieldSymbol{index, &tree}).second) return false;
    cep::Field field;
    field.name = name;
    field.type = std::move(type);
    field.optional = optional;
    type_.fields.push_back(std::move(field));
    symbol_.defaults.emplace_back();
    return true;
  }

 private:
  CheckContext& context_;
  cep::EventType& type_;
  EventSymbol& symbol_;
};

cep::EventTypeIndex reserve(CheckContext& context, KindSymbol& kind, std::string name,
                            SourceSpan declared) {
  const cep::EventTypeIndex index(context.plan.event_types.size());
  cep::EventType type;
  type.name = std::move(name);
  type.time_field = cep::FieldIndex(0U);
  type.bound = cep::Duration{0};
  tree::Event& tree = context.alert_events.emplace_back();
  tree.name.text = type.name;
  tree.name.span = declared;
  EventSymbol symbol;
  symbol.tree = &tree;
  context.plan.event_types.push_back(std::move(type));
  context.names.events.push_back(std::move(symbol));
  kind.name = &tree.name;
  kind.event = index;
  kind.resolution = Resolution::kDone;
  kind.alternatives.push_back({.type = index, .conjuncts = {}, .condition = nullptr});
  return index;
}

void reserve_of(CheckContext& context, const tree::Rule& rule) {
  if (!is_own(context, rule)) return;
  KindSymbol& kind = context.names.alert_kinds[rule.name.text];
  kind.broken = true;  // until it is complete
  const cep::EventTypeIndex index = reserve(context, kind, rule.name.text, rule.name.span);
  const auto place = context.names.rules.find(rule.name.text)->second.index;
  // One that is no part of the plan is dropped with it in the end.
  context.plan.event_types[index.value].alert_of = place.value_or(cep::RuleIndex(0U));
}

void reserve_any(CheckContext& context, const CheckOrder& order) {
  if (order.any_alert_of.empty()) return;
  const SourceSpan declared = order.any_alert_of.front()->name.span;
  const cep::EventTypeIndex index = reserve(context, context.names.any_alert, "alert", declared);
  for (const tree::Rule* rule : order.any_alert_of) {
    const auto place = context.names.rules.find(rule->name.text)->second.index;
    if (place) context.plan.event_types[index.value].any_alert_of.push_back(*place);
  }
  TypeMaker maker(context, index);
  maker.add("ts", declared, plain_type(TypeKind::kTime), false);
  maker.add("rule", declared, plain_type(TypeKind::kString), false);
  maker.add("severity", declared, cep::severity_type(), false);
  maker.add("score", declared, plain_type(TypeKind::kFloat), false);
  maker.add("key", declared, plain_type(TypeKind::kString), false);
  maker.add("tags", declared, plain_type(TypeKind::kString), false);
}
}  // namespace

void reserve_alert_types(CheckContext& context, const std::vector<const tree::Rule*>& rules,
                         const CheckOrder& order) {
  std::size_t places = 0;
  for (const tree::Rule* rule : rules) {
    if (!is_own(context, *rule) || status_of(*rule) == tree::StatusWord::kDraft) continue;
    context.names.rules.find(rule->name.text)->second.index = cep::RuleIndex(places++);
  }
  context.plan.rules.resize(places);
  for (const tree::Rule* rule : order.read) reserve_of(context, *rule);
  if (order.any_alert) reserve_any(context, order);
  context.event_types_kept = context.plan.event_types.size();
  for (const tree::Rule* rule : order.read_by_drafts) reserve_of(context, *rule);
}

void complete_alert_type(CheckContext& context, const tree::Rule& tree, const cep::Rule& rule,
                         bool right) {
  const auto found = context.names.alert_kinds.find(tree.name.text);
  if (found == context.names.alert_kinds.end()) return;
  KindSymbol& kind = found->second;
  kind.broken = false;
  TypeMaker maker(context, *kind.event);
  maker.add("ts", tree.name.span, plain_type(TypeKind::kTime), false);
  const auto own = [&](const std::string& name, cep::Type type) {
    const auto part = std::ranges::find(rule.key.parts, name, &cep::KeyPart::name);
    const bool clashes = part != rule.key.parts.end();
    if (!maker.add(name, tree.name.span, std::move(type), false) || clashes) kind.broken = true;
  };
  for (const cep::KeyPart& part : rule.key.parts) {
    SourceSpan span;
    for (const tree::KeyPart& written : tree.by->parts) {
      if (written.name.text == part.name) span = written.name.span;
    }
    const bool taken = part.name == "score" || part.name == "severity";
    if (maker.add(part.name, span, part.type, false) && !taken) continue;
    kind.broken = true;
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0402, span, fmt::format("every alert has its own {}", in_code(part.name)),
        "a part of the key, in alerts that are read");
    diagnostic.helps.push_back(
        fmt::format("give it another name: `by of_{0} = EVENT.{0}`", part.name));
    context.sink.report(std::move(diagnostic));
  }
  const auto score = std::ranges::find(rule.fields, "score", &cep::AlertField::name);
  own("score", score == rule.fields.end() ? plain_type(TypeKind::kInt) : score->expr->type);
  own("severity", cep::severity_type());
  for (const cep::AlertField& field : rule.fields) {
    if (field.name == "score") continue;
    SourceSpan span = tree.name.span;
    for (const tree::Record::Entry& entry : tree.alert->fields.entries) {
      if (entry.name.text == field.name) span = entry.name.span;
    }
    maker.add(field.name, span, field.expr->type, true);
  }
  // What is wrong with the rule may hide a field.
  context.names.events[kind.event->value].broken = !right;
}

const KindSymbol* find_alert_kind(CheckContext& context, const tree::KindRef& ref) {
  if (ref.form == tree::KindForm::kAnyAlert) {
    if (context.names.any_alert.event) return &context.names.any_alert;
    if (context.names.incomplete) return nullptr;
    Diagnostic diagnostic = make_diagnostic(Code::kE0432, ref.span, "no rule raises such an alert");
    diagnostic.notes.push_back(
        "`any alert` means those of live and internal rules that do not depend on `any alert`");
    diagnostic.helps.push_back("bring in the files with the other rules: `use \"cards.tocsin\"`");
    context.sink.report(std::move(diagnostic));
    return nullptr;
  }
  if (ref.name.text.empty()) return nullptr;
  const auto rule = context.names.rules.find(ref.name.text);
  if (rule == context.names.rules.end()) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0206, ref.name.span, fmt::format("no rule is named {}", in_code(ref.name.text)));
    std::vector<std::string> candidates;
    if (context.suggestions_left > 0) {
      for (const auto& [name, other] : context.names.rules) candidates.emplace_back(name);
      std::ranges::sort(candidates);
    }
    const bool near = suggest(context, diagnostic, ref.name.text, candidates);
    if (near || !context.names.incomplete) context.sink.report(std::move(diagnostic));
    return nullptr;
  }
  const tree::Rule& tree = *rule->second.tree;
  note_use(context, ref.name.span, tree.name.span);
  if (status_of(tree) == tree::StatusWord::kDraft && !context.reads_for_draft) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0431, ref.span,
        fmt::format("the rule {} is a draft and raises no alerts", in_code(ref.name.text)));
    diagnostic.labels.push_back({tree.status->span, "only checked"});
    diagnostic.helps.push_back(
        "`status internal` lets it feed other rules without being delivered");
    context.sink.report(std::move(diagnostic));
    return nullptr;
  }
  if (status_of(tree) == tree::StatusWord::kShadow && !context.reads_for_draft &&
      !context.reads_for_shadow) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kW0021, ref.span,
        fmt::format("alerts of the shadow rule {} are not seen here", in_code(ref.name.text)),
        "only shadow rules see them");
    diagnostic.labels.push_back({tree.status->span, "recorded alone"});
    diagnostic.helps.push_back("make both shadow rules, or this one `status internal`");
    context.sink.report(std::move(diagnostic));
  }
  const auto found = context.names.alert_kinds.find(ref.name.text);
  return found == context.names.alert_kinds.end() ? nullptr : &found->second;
}
}  // namespace tocsin::rules
