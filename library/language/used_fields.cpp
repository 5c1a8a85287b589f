#include "library/language/used_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include "cep/plan/aggregate.h"
#include "rules/syntax/keywords.h"

namespace tocsin::library {
namespace tree = rules::tree;
using rules::SymbolKind;
using tree::Expr;
using tree::ExprKind;

namespace {
constexpr const char* kText = "string";
constexpr const char* kNumber = "decimal(2)";

bool is_decimal(std::string_view type) { return type.starts_with("decimal"); }

// What a literal says of the type of what it is compared with; empty: nothing.
std::string type_of(const Expr& expr) {
  if (expr.kind == ExprKind::kNegate && !expr.args.empty()) return type_of(*expr.args.front());
  if (expr.kind != ExprKind::kLiteral) return {};
  const cep::Value value = expr.literal.view();
  switch (value.kind) {
    case cep::ValueKind::kBool:
      return "bool";
    case cep::ValueKind::kInt:
      return "int";
    case cep::ValueKind::kDecimal:
      return fmt::format("decimal({})", std::max<int>(value.scale, 2));
    case cep::ValueKind::kFloat:
      return "float";
    case cep::ValueKind::kString:
      return kText;
    case cep::ValueKind::kTime:
      return "time";
    case cep::ValueKind::kDate:
      return "date";
    case cep::ValueKind::kDuration:
      return "duration";
    default:
      return {};
  }
}

// What an aggregate says of its argument's type.
std::string argument_type(cep::Aggregate aggregate) {
  const cep::AggregateInput takes = cep::traits_of(aggregate).takes;
  const bool is_number =
      takes == cep::AggregateInput::kNumbers || takes == cep::AggregateInput::kNumbersOrDurations;
  return is_number ? kNumber : "";
}

bool is_position(std::string_view name) { return name == "first" || name == "last"; }
void add_once(std::vector<std::string>& words, std::string_view word) {
  if (std::ranges::find(words, word) == words.end()) words.emplace_back(word);
}
void note_text(UsedField& field, const Expr& value) {
  if (value.kind != ExprKind::kLiteral) return;
  const cep::Value literal = value.literal.view();
  if (literal.kind == cep::ValueKind::kString) add_once(field.texts, literal.text);
}

class FieldCollector {
 public:
  FieldCollector(const CheckedPack& pack, std::string_view event) : pack_(pack) {
    events_.emplace(event);
  }
  std::vector<UsedField> take() && { return std::move(fields_); }

  void visit(const tree::Kind& kind) {
    for (const tree::Subset& subset : kind.subsets) {
      if (!is_of(subset.kind)) continue;
      events_.insert(kind.name.text);
      walk_where(subset.where, true);
    }
  }
  void visit(const tree::Key& key) { visit(key.part); }
  void visit(const tree::Defaults& defaults) {
    if (events_.contains(defaults.event.text)) visit(defaults.values);
  }
  void visit(const tree::Feature& feature) {
    walk_value(feature.aggregate, false);
    const tree::AggregateCall* call =
        feature.aggregate ? feature.aggregate->aggregate.get() : nullptr;
    if (call == nullptr) return;
    if (is_of(*call)) add_keys(feature.by);
  }
  void visit(const tree::Features& features) {
    if (!is_of(features.of)) return;
    add_keys(features.by);
    for (const tree::FeatureEntry& entry : features.entries) {
      walk_value(entry.argument, true, argument_type(entry.aggregate));
      walk_where(entry.where, true);
    }
  }
  void visit(const tree::Test& test) {
    for (const tree::TestLine& line : test.lines) {
      if (events_.contains(line.event.text)) visit(line.values);
    }
  }
  void visit(const tree::Rule& rule) {
    steps_.clear();
    own_steps_ = events_;
    // Where all steps are events of this type, other clauses may name its fields alone.
    bool all_own = rule.when.has_value();
    has_own_step_ = rule.without && is_of(rule.without->kinds);
    if (rule.when) name_steps(rule.when->what, all_own);
    if (rule.by) {
      for (const tree::KeyPart& part : rule.by->parts) visit(part);
    }
    if (rule.when) walk_pattern(rule.when->what);
    const auto walk_clause = [&](const tree::ExprPtr& expr) { walk_value(expr, all_own); };
    if (rule.severity) walk_clause(rule.severity->expr);
    if (rule.having) walk_where(rule.having->expr, all_own);
    if (rule.without) walk_where(rule.without->where, is_of(rule.without->kinds));
    for (const tree::ExceptClause& except : rule.excepts) walk_where(except.where, all_own);
    if (rule.once) {
      walk_where(rule.once->condition, all_own);
      for (const tree::ExprPtr& each : rule.once->for_each) walk_clause(each);
    }
    if (rule.at_most) {
      for (const tree::ExprPtr& each : rule.at_most->for_each) walk_clause(each);
    }
    if (!rule.alert) return;
    for (const tree::MessagePart& part : rule.alert->parts) walk_clause(part.expr);
    for (const tree::Record::Entry& entry : rule.alert->fields.entries) walk_clause(entry.value);
  }
  // Use, Allow, Event, List, Table, Const: they name no event.
  template <typename Other>
  void visit(const Other&) {}

 private:
  bool is_of(const tree::KindRef& ref) const {
    return ref.form == tree::KindForm::kNamed && events_.contains(ref.name.text);
  }
  bool is_of(const std::vector<tree::KindRef>& refs) const {
    return std::ranges::any_of(refs, [this](const tree::KindRef& ref) { return is_of(ref); });
  }
  bool is_of(const tree::Kinds& kinds) const { return is_of(kinds.refs); }
  // The events that an aggregate is of; without `of` they are its subjects.
  bool is_of(const tree::AggregateCall& call) const {
    return call.of ? is_of(*call.of) : is_of(call.subjects);
  }

  void visit(const tree::Record& record) {
    for (const tree::Record::Entry& entry : record.entries) {
      if (entry.value == nullptr) continue;
      UsedField& field = add(entry.name, type_of(*entry.value));
      if (entry.value->kind == ExprKind::kName) add_once(field.words, entry.value->name.text);
      note_text(field, *entry.value);
    }
  }
  void visit(const tree::KeyPart& part) {
    for (const tree::KeyMember& member : part.members) {
      if (is_of(member.kind)) add(member.field, {});
    }
    if (part.members.empty() && has_own_step_ && !is_declared(part.name.text)) add(part.name, {});
  }
  void add_keys(const std::vector<tree::Name>& names) {
    for (const tree::Name& name : names) {
      if (!is_declared(name.text)) add(name, {});
    }
  }

  // ---- patterns
  void name_step(const tree::Kinds& kinds, const std::optional<tree::Name>& as, bool& all_own) {
    const bool own = is_of(kinds);
    has_own_step_ = has_own_step_ || own;
    all_own = all_own && own && kinds.refs.size() == 1;
    if (!as) return;
    steps_.insert(as->text);
    if (own) own_steps_.insert(as->text);
  }
  void name_steps(const std::variant<tree::Pattern, tree::EventWindow>& what, bool& all_own) {
    if (const auto* window = std::get_if<tree::EventWindow>(&what)) {
      return name_step(window->kinds, window->as, all_own);
    }
    for_each_body(
        std::get<tree::Pattern>(what),
        [&](const tree::Step& step) {
          if (step.form == tree::StepForm::kKinds) {
            name_step(step.kinds, step.as, all_own);
          } else if (step.as) {
            steps_.insert(step.as->text);
          }
        },
        [&](const tree::Absence& absence) { has_own_step_ |= is_of(absence.kinds); });
  }
  template <typename VisitStep, typename VisitAbsence>
  static void for_each_body(const tree::Step& step, VisitStep&& visit, VisitAbsence&& absent) {
    visit(step);
    for (const tree::Pattern& pattern : step.patterns) for_each_body(pattern, visit, absent);
    for (const tree::Step& member : step.members) for_each_body(member, visit, absent);
  }
  template <typename VisitStep, typename VisitAbsence>
  static void for_each_body(const tree::Pattern& pattern, VisitStep&& visit,
                            VisitAbsence&& absent) {
    for (const tree::Element& element : pattern.elements) {
      if (const auto* step = std::get_if<tree::Step>(&element.body)) {
        for_each_body(*step, visit, absent);
      } else {
        absent(std::get<tree::Absence>(element.body));
      }
    }
  }
  void walk_pattern(const std::variant<tree::Pattern, tree::EventWindow>& what) {
    if (const auto* window = std::get_if<tree::EventWindow>(&what)) {
      return walk_where(window->where, is_of(window->kinds));
    }
    for_each_body(
        std::get<tree::Pattern>(what),
        [&](const tree::Step& step) {
          walk_where(step.where, is_of(step.kinds));
          if (step.until) walk_where(step.until->where, is_of(step.until->kinds));
        },
        [&](const tree::Absence& absence) { walk_where(absence.where, is_of(absence.kinds)); });
  }

  // ---- expressions
  // `bare`: names alone are fields.
  void walk_where(const tree::ExprPtr& expr, bool bare) { walk_value(expr, bare, "bool"); }
  void walk_value(const tree::ExprPtr& expr, bool bare, const std::string& type = {}) {
    if (expr != nullptr) walk(*expr, bare, type);
  }
  // `type`: what stands around the expression says of its type.
  void walk(const Expr& expr, bool bare, const std::string& type) {
    switch (expr.kind) {
      case ExprKind::kName:
        if (bare && may_be_field(expr.name.text)) add(expr.name, type);
        return;
      case ExprKind::kMember:
        return walk_member(expr, bare, type);
      case ExprKind::kAggregate:
        return walk_aggregate(*expr.aggregate, bare);
      case ExprKind::kEqual:
      case ExprKind::kNotEqual:
      case ExprKind::kLess:
      case ExprKind::kLessEqual:
      case ExprKind::kGreater:
      case ExprKind::kGreaterEqual:
      case ExprKind::kBetween:
      case ExprKind::kIn:
      case ExprKind::kNotIn:
        return walk_comparison(expr, bare);
      case ExprKind::kIsMissing:
      case ExprKind::kIsKnown:
        walk_all(expr, bare, {});
        if (UsedField* field = field_of(*expr.args.front(), bare)) field->may_be_missing = true;
        return;
      case ExprKind::kNot:
      case ExprKind::kAnd:
      case ExprKind::kOr:
        return walk_all(expr, bare, "bool");
      case ExprKind::kMatches:
      case ExprKind::kMatchesAnyOf:
      case ExprKind::kContains:
      case ExprKind::kContainsWord:
      case ExprKind::kContainsAnyOf:
      case ExprKind::kContainsAnyWordOf:
      case ExprKind::kStartsWith:
      case ExprKind::kEndsWith:
        return walk_all(expr, bare, kText);
      case ExprKind::kIndex:  // of a list, a table or a step
        for (std::size_t i = 1; i < expr.args.size(); ++i) walk(*expr.args[i], bare, {});
        return;
      case ExprKind::kCall:
      case ExprKind::kIf:
        return walk_all(expr, bare, {});
      case ExprKind::kNegate:
      case ExprKind::kAdd:
      case ExprKind::kSubtract:
      case ExprKind::kMultiply:
      case ExprKind::kDivide:
      case ExprKind::kModulo:
        return walk_all(expr, bare, type.empty() ? kNumber : type);
      default:
        return walk_all(expr, bare, type);
    }
  }
  void walk_all(const Expr& expr, bool bare, const std::string& type) {
    for (const tree::ExprPtr& arg : expr.args) {
      if (arg != nullptr) walk(*arg, bare, type);
    }
  }
  void walk_member(const Expr& expr, bool bare, const std::string& type) {
    if (is_own_event(*expr.args.front(), bare)) {
      if (!is_position(expr.name.text)) add(expr.name, type);
    } else if (expr.args.front()->kind != ExprKind::kName) {
      walk(*expr.args.front(), bare, {});
    }
  }
  // `probes`, `probes.first`, `prev`: an event of this type.
  bool is_own_event(const Expr& expr, bool bare) const {
    if (expr.kind == ExprKind::kPrev) return bare;
    if (expr.kind == ExprKind::kName) return own_steps_.contains(expr.name.text);
    return expr.kind == ExprKind::kMember && is_position(expr.name.text) &&
           is_own_event(*expr.args.front(), bare);
  }

  void walk_aggregate(const tree::AggregateCall& call, bool bare) {
    // Without `of`, the argument is a step's field or kinds of events.
    walk_value(call.argument, call.of && is_of(*call.of), argument_type(call.name));
    walk_where(call.where, is_of(call));
    for (const tree::AggregateParam& param : call.params) {
      if (param.expr != nullptr) walk(*param.expr, bare, {});
    }
  }
  void walk_comparison(const Expr& expr, bool bare) {
    std::string type;
    for (const tree::ExprPtr& arg : expr.args) {
      if (arg == nullptr) continue;
      const Expr& typed =
          arg->kind == ExprKind::kList && !arg->args.empty() ? *arg->args.front() : *arg;
      if (type.empty()) type = type_of(typed);
    }
    const Expr& first = *expr.args.front();
    walk(first, bare, type);
    UsedField* field = field_of(first, bare);
    const bool may_be_word = field != nullptr && expr.kind != ExprKind::kBetween;
    for (std::size_t i = 1; i < expr.args.size(); ++i) {
      const Expr& other = *expr.args[i];
      const bool is_list = other.kind == ExprKind::kList;
      if (may_be_word && (is_list || is_value(other))) {
        if (!is_list) note_value(*field, other);
        for (const tree::ExprPtr& each : other.args) note_value(*field, *each);
      } else {
        walk(other, bare, type);
        field = field_of(first, bare);  // it may have moved
      }
    }
  }
  void note_value(UsedField& field, const Expr& value) const {
    if (value.kind == ExprKind::kName) add_once(field.words, value.name.text);
    note_text(field, value);
  }
  // A literal, or what is a word of an enum when it is no name.
  bool is_value(const Expr& expr) const { return expr.kind == ExprKind::kLiteral || is_word(expr); }
  bool is_word(const Expr& expr) const {
    return expr.kind == ExprKind::kName && may_be_field(expr.name.text) &&
           find(expr.name.text) == nullptr;
  }

  // ---- names
  bool is_declared(std::string_view name) const {
    constexpr SymbolKind kWholes[] = {
        SymbolKind::kConstant, SymbolKind::kFeature, SymbolKind::kList, SymbolKind::kTable,
        SymbolKind::kKey,      SymbolKind::kKind,    SymbolKind::kEvent};
    return std::ranges::any_of(kWholes,
                               [&](SymbolKind kind) { return pack_.find(kind, name).has_value(); });
  }
  bool may_be_field(std::string_view name) const {
    const std::string text(name);
    return !steps_.contains(text) && !events_.contains(text) && !is_declared(name) &&
           !rules::is_severity(name);
  }
  UsedField* find(std::string_view name) {
    const auto found = std::ranges::find(fields_, name, &UsedField::name);
    return found == fields_.end() ? nullptr : &*found;
  }
  const UsedField* find(std::string_view name) const {
    const auto found = std::ranges::find(fields_, name, &UsedField::name);
    return found == fields_.end() ? nullptr : &*found;
  }
  // The field that this expression is, one that was added.
  UsedField* field_of(const Expr& expr, bool bare) {
    const bool named = expr.kind == ExprKind::kName && bare && may_be_field(expr.name.text);
    const bool member = expr.kind == ExprKind::kMember && is_own_event(*expr.args.front(), bare);
    return named || member ? find(expr.name.text) : nullptr;
  }
  UsedField& add(const tree::Name& name, const std::string& type) {
    UsedField* field = find(name.text);
    if (field == nullptr) {
      fields_.push_back({.name = name.text, .written = std::string(pack_.text(name.span))});
      field = &fields_.back();
    }
    const bool widens = field->type == "int" && (is_decimal(type) || type == "float");
    if (field->type.empty() || widens ||
        (is_decimal(type) && is_decimal(field->type) && type > field->type)) {
      if (!type.empty()) field->type = type;
    }
    return *field;
  }

  const CheckedPack& pack_;
  std::set<std::string> events_;     // the type, and kinds that are some of its events
  std::set<std::string> steps_;      // of the rule
  std::set<std::string> own_steps_;  // those that are events of the type, and its own name
  bool has_own_step_ = false;
  std::vector<UsedField> fields_;
};
}  // namespace

std::vector<UsedField> used_fields(const CheckedPack& pack, const tree::File& tree,
                                   std::string_view event) {
  FieldCollector collector(pack, event);
  // Kinds first: what is used of one is used of the type.
  for (const tree::Item& item : tree.items) {
    if (const auto* kind = std::get_if<tree::Kind>(&item)) collector.visit(*kind);
  }
  for (const tree::Item& item : tree.items) {
    if (std::holds_alternative<tree::Kind>(item)) continue;
    std::visit([&](const auto& declared) { collector.visit(declared); }, item);
  }
  return std::move(collector).take();
}
}  // namespace tocsin::library
