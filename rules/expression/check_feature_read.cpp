// Features read at an event: by its own key, or under other fields, as in `NAME(from_account)`.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "cep/plan/expr_walk.h"
#include "rules/context/occurrences.h"
#include "rules/context/report.h"
#include "rules/context/types.h"
#include "rules/expression/check_expression.h"
#include "rules/expression/check_features.h"
#include "rules/expression/check_key.h"
#include "rules/expression/expression_parts.h"

namespace tocsin::rules {
using cep::Op;

namespace {
// Where events of `type` hold the key of a feature; absent, reported, where they do not.
std::optional<FeatureReader> reader_of(const ExprContext& c, const tree::Expr& expr,
                                       const ValueSymbol& symbol, const cep::Feature& feature,
                                       cep::EventTypeIndex type) {
  FeatureReader reader{type, {}};
  for (const cep::KeyPart& part : feature.key.parts) {
    if (const KeySymbol* declared = find_declared_key(c.context, part.name)) {
      const std::vector<cep::KeyMember> members = members_of(c.context, *declared, type);
      if (!members.empty()) {
        reader.fields.push_back(members.front().field);
        continue;
      }
      Diagnostic diagnostic = outside_of_key(c.context, Code::kE0221, expr.span, *declared, type);
      diagnostic.notes.push_back(
          fmt::format("the feature {} is by {}", in_code(feature.name), in_code(part.name)));
      c.context.sink.report(std::move(diagnostic));
      return std::nullopt;
    }
    const FieldLookup field = look_up_field(c.context, {type}, false, part.name);
    if (field.presence == FieldPresence::kUnknown) return std::nullopt;
    if (field.presence != FieldPresence::kEverywhere || !(field.type == part.type)) {
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0221, expr.span,
          fmt::format("{} is by {}, which {} {}", in_code(feature.name), in_code(part.name),
                      c.context.event_type(type).name,
                      field.presence == FieldPresence::kEverywhere ? "has with another type"
                                                                   : "does not have"));
      diagnostic.labels.push_back({symbol.name->span, "the feature"});
      diagnostic.notes.push_back(declared_text(c.context, type));
      c.context.sink.report(std::move(diagnostic));
      return std::nullopt;
    }
    reader.fields.push_back(field.field.by_type.front().second);
  }
  return reader;
}

// The parts of the rule's key that are the parts of a feature's key, where each is the same
// declared key in both.
std::vector<cep::ExprPtr> key_of_rule(const ExprContext& c, const cep::KeySpec& key) {
  std::vector<cep::ExprPtr> parts;
  if (!c.scope.rule || !c.scope.rule->key || c.scope.rule->key_broken) return {};
  const RuleScope& rule = *c.scope.rule;
  for (const cep::KeyPart& part : key.parts) {
    const auto own = std::ranges::find(rule.key->parts, part.name, &cep::KeyPart::name);
    const auto place = static_cast<std::size_t>(own - rule.key->parts.begin());
    if (own == rule.key->parts.end() || rule.declared_keys[place] == nullptr) return {};
    auto read = std::make_shared<cep::Expr>();
    read->op = Op::kKey;
    read->type = own->type;
    read->payload = cep::KeyRead{static_cast<std::uint32_t>(place)};
    parts.push_back(std::move(read));
  }
  return parts;
}
}  // namespace

Checked read_feature(const ExprContext& c, const tree::Expr& expr, ValueSymbol& symbol) {
  note_use(c.context, expr.name.span, symbol.name->span);
  if (!may_read_feature(c, expr, symbol)) return error_type(c, expr);
  const std::optional<cep::FeatureIndex> index = find_feature(c.context, symbol, expr.span);
  if (!index) return error_type(c, expr);
  const cep::Feature& feature = c.context.features[*index];
  std::vector<FeatureReader> readers;
  const KeySymbol* in_roles = nullptr;  // a part that some event holds in several roles
  cep::EventTypeIndex of_roles;
  for (const cep::EventTypeIndex type : c.scope.types) {
    std::optional<FeatureReader> reader = reader_of(c, expr, symbol, feature, type);
    if (!reader) return error_type(c, expr);
    readers.push_back(std::move(*reader));
    for (const cep::KeyPart& part : feature.key.parts) {
      const KeySymbol* declared = find_declared_key(c.context, part.name);
      if (declared == nullptr || members_of(c.context, *declared, type).size() < 2) continue;
      in_roles = declared;
      of_roles = type;
    }
  }
  if (c.scope.types_broken) return error_type(c, expr);
  auto read = std::make_shared<cep::Expr>();
  read->op = Op::kFeature;
  read->type = feature.type;
  read->payload = cep::FeatureRead{*index};
  if (in_roles != nullptr) {
    // The one of the event's keys that the rule is looking at.
    read->args = key_of_rule(c, feature.key);
    if (read->args.empty()) {
      const std::vector<cep::KeyMember> members = members_of(c.context, *in_roles, of_roles);
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0435, expr.span,
                          fmt::format("{} has the key {} twice: {}", type_name(c.context, of_roles),
                                      in_code(in_roles->tree->part.name.text), roles_text(members)),
                          "under which of them is the feature read?");
      diagnostic.labels.push_back({symbol.name->span, "the feature"});
      if (feature.key.parts.size() == 1) {
        diagnostic.helps.push_back(
            fmt::format("name the field: `{}({})`", feature.name,
                        c.context.event_type(of_roles).fields[members.front().field.value].name));
      }
      c.context.sink.report(std::move(diagnostic));
      return error_type(c, expr);
    }
  } else if (!c.context.features.add_readers(*index, readers)) {
    return error_type(c, expr);
  }
  return {std::move(read), expr.span, symbol.name->span};
}

ValueSymbol* feature_of_step(const ExprContext& c, const tree::Expr& expr, const StepSymbol& step) {
  const auto symbol = c.context.names.values.find(expr.name.text);
  const bool is_feature =
      symbol != c.context.names.values.end() && symbol->second.form == ValueForm::kFeature;
  if (!is_feature || look_up_field(c.context, step.types, step.broken, expr.name.text).presence !=
                         FieldPresence::kNowhere) {
    return nullptr;
  }
  return &symbol->second;
}

Checked read_feature_of_step(const ExprContext& c, const tree::Expr& expr, ValueSymbol& symbol,
                             const StepSymbol& step, cep::Which which) {
  ExprScope scope = c.scope;
  scope.types = step.types;
  scope.types_broken = step.broken;
  const Checked read = read_feature({c.context, scope}, expr, symbol);
  if (!read) return error_type(c, expr);
  if (!read.expr->args.empty()) {
    Diagnostic diagnostic = make_diagnostic(
        Code::kE0435, expr.span,
        fmt::format("{} as of an earlier step, whose event holds its key in several roles",
                    in_code(expr.name.text)),
        "under which of them was the feature read?");
    diagnostic.labels.push_back({symbol.name->span, "the feature"});
    diagnostic.helps.push_back("make it a feature by one of the fields");
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  auto bound = std::make_shared<cep::Expr>();
  bound->op = Op::kBound;
  bound->type = read.type();
  bound->payload = cep::BoundField{step.var, which, {}};
  bound->args = {read.expr};
  return {std::move(bound), expr.span, symbol.name->span};
}

ValueSymbol* called_feature(const ExprContext& c, const tree::Expr& expr) {
  const auto symbol = c.context.names.values.find(expr.name.text);
  const bool is_feature =
      symbol != c.context.names.values.end() && symbol->second.form == ValueForm::kFeature;
  return is_feature ? &symbol->second : nullptr;
}

Checked read_feature_under(const ExprContext& c, const tree::Expr& expr, ValueSymbol& symbol) {
  note_use(c.context, expr.name.span, symbol.name->span);
  if (!may_read_feature(c, expr, symbol)) return error_type(c, expr);
  const std::optional<cep::FeatureIndex> index = find_feature(c.context, symbol, expr.op_span);
  std::vector<Checked> arguments;
  for (const tree::ExprPtr& arg : expr.args) arguments.push_back(check_expr(c, *arg));
  if (!index) return error_type(c, expr);
  // A copy: checking an argument may have added features.
  const cep::KeySpec key = c.context.features[*index].key;
  const std::string& name = expr.name.text;
  if (arguments.size() != key.parts.size()) {
    std::vector<std::string> parts;
    for (const cep::KeyPart& part : key.parts) parts.push_back(part.name);
    Diagnostic diagnostic =
        make_diagnostic(Code::kE0311, expr.span,
                        fmt::format("{} is by {} value{}, not {}", in_code(name), key.parts.size(),
                                    key.parts.size() == 1 ? "" : "s", arguments.size()));
    diagnostic.labels.push_back({symbol.name->span, "the feature"});
    c.context.sink.report(std::move(diagnostic));
    return error_type(c, expr);
  }
  auto read = std::make_shared<cep::Expr>();
  bool broken = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Checked& argument = arguments[i];
    if (!argument) {
      broken = true;
      continue;
    }
    const bool is_of_event = !cep::any_expr(*argument.expr, [](const cep::Expr& part) {
      return part.op == Op::kFeature || part.op == Op::kPrev || cep::reads_variable(part);
    });
    if (!is_of_event) {
      Diagnostic diagnostic =
          make_diagnostic(Code::kE0457, argument.span,
                          fmt::format("{} is read by fields of this event alone", in_code(name)));
      diagnostic.labels.push_back({symbol.name->span, "the feature"});
      c.context.sink.report(std::move(diagnostic));
      broken = true;
      continue;
    }
    const cep::KeyPart& part = key.parts[i];
    if (!(argument.type() == part.type)) {
      Diagnostic diagnostic = make_diagnostic(
          Code::kE0313, argument.span,
          fmt::format("{} is by {}, a {}", in_code(name), in_code(part.name), type_text(part.type)),
          type_label(c.context, argument));
      diagnostic.labels.push_back({symbol.name->span, "the feature"});
      c.context.sink.report(std::move(diagnostic));
      broken = true;
      continue;
    }
    read->args.push_back(argument.expr);
  }
  if (broken) return error_type(c, expr);
  read->op = Op::kFeature;
  read->type = c.context.features[*index].type;
  read->payload = cep::FeatureRead{*index};
  return {std::move(read), expr.span, symbol.name->span};
}
}  // namespace tocsin::rules
