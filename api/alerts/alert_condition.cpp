#include "api/alerts/alert_condition.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "api/alerts/alert_line.h"
#include "cep/data/batch.h"
#include "cep/eval/computed.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/value/decimal.h"
#include "rules/load/condition.h"
#include "rules/text/diagnostics.h"
#include "runtime/decode/field_value.h"

namespace tocsin::api {
namespace {
using cep::Type;
using cep::TypeKind;

Type type_of(TypeKind kind, int scale = 0) {
  Type type;
  type.kind = kind;
  type.scale = static_cast<std::uint8_t>(scale);
  return type;
}
bool is_number(TypeKind kind) {
  return kind == TypeKind::kInt || kind == TypeKind::kDecimal || kind == TypeKind::kFloat;
}
bool is_text(TypeKind kind) { return kind == TypeKind::kString || kind == TypeKind::kEnum; }

// A type for the values of both.
std::optional<Type> common_of(const Type& a, const Type& b) {
  if (a == b) return a;
  if (is_text(a.kind) && is_text(b.kind)) return type_of(TypeKind::kString);
  if (!is_number(a.kind) || !is_number(b.kind)) return std::nullopt;
  if (a.kind == TypeKind::kFloat || b.kind == TypeKind::kFloat) return type_of(TypeKind::kFloat);
  return type_of(TypeKind::kDecimal, std::max(a.scale, b.scale));
}

// Puts the fields of several rules together.
class FieldMaker {
 public:
  explicit FieldMaker(AlertFields& into) : into_(into) {}
  // What every alert has, whatever a rule calls its own.
  void add_own(const std::string& name, Type type) {
    own_.insert(name);
    into_.fields.push_back(field_of(name, std::move(type)));
  }
  void add(const cep::Rule& rule, const std::string& name, Type type) {
    if (own_.contains(name) && name != "score") return;
    if (type.kind == TypeKind::kFraction) type = type_of(TypeKind::kDecimal, cep::kScaleMax);
    const auto known = std::ranges::find(into_.fields, name, &cep::Field::name);
    if (known == into_.fields.end()) {
      if (into_.clashes.contains(name)) return;
      first_rule_[name] = rule.id;
      into_.fields.push_back(field_of(name, std::move(type)));
      return;
    }
    const std::optional<Type> common = common_of(known->type, type);
    if (common) {
      known->type = *common;
      return;
    }
    into_.clashes[name] =
        fmt::format("{} is {} in alerts of {} and {} in those of {}", name,
                    cep::type_name(known->type), first_rule_[name], cep::type_name(type), rule.id);
    into_.fields.erase(known);
  }

 private:
  static cep::Field field_of(const std::string& name, Type type) {
    cep::Field field;
    field.name = name;
    field.type = std::move(type);
    field.optional = true;
    return field;
  }
  AlertFields& into_;
  std::set<std::string> own_;
  std::map<std::string, std::string> first_rule_;
};

// The value of a field from its token in an alert's line; texts are put in `texts`.
cep::Value value_of(const Type& type, std::string_view token, cep::TextArena& texts) {
  if (token.empty()) return cep::Value::missing();
  if (type.kind == TypeKind::kString) {
    return cep::Value::string(texts.store(json_characters(token)));
  }
  if (type.kind == TypeKind::kEnum) {
    const std::string word = json_characters(token);
    const auto found = std::ranges::find(*type.words, word);
    if (found == type.words->end()) return cep::Value::missing();
    return cep::Value::enumerated(found - type.words->begin(), *found);
  }
  const runtime::Scalar scalar = runtime::scalar_value(type.kind, type.scale, token);
  if (!scalar.ok) return cep::Value::missing();
  cep::Column column;
  column.words = {scalar.word};
  column.known = {1};
  return cep::column_value(type, column, 0);
}

std::string joined_tags(std::string_view array) {
  std::string text;
  for (const std::string_view tag : json_elements(array)) {
    if (!text.empty()) text += ", ";
    text += json_characters(tag);
  }
  return text;
}
}  // namespace

AlertFields alert_fields(const cep::Plan& plan, const std::set<std::string, std::less<>>& rules) {
  AlertFields made;
  FieldMaker maker(made);
  maker.add_own("ts", type_of(TypeKind::kTime));
  maker.add_own("rule", type_of(TypeKind::kString));
  maker.add_own("severity", cep::severity_type());
  maker.add_own("tags", type_of(TypeKind::kString));
  maker.add_own("score", type_of(TypeKind::kInt));
  for (const cep::Rule& rule : plan.rules) {
    if (rule.status != cep::Status::kLive) continue;
    if (!rules.empty() && !rules.contains(rule.id)) continue;
    for (const cep::KeyPart& part : rule.key.parts) {
      if (part.name != "score") maker.add(rule, part.name, part.type);
    }
    for (const cep::AlertField& field : rule.fields) maker.add(rule, field.name, field.expr->type);
  }
  return made;
}

tl::expected<std::shared_ptr<const AlertCondition>, ConditionRefusal> AlertCondition::make(
    const std::string& text, const AlertFields& fields) {
  const rules::ConditionCheck check = rules::check_condition(text, fields.fields);
  if (!check.plan) {
    ConditionRefusal refusal;
    refusal.detail = "the condition is not valid for the alerts that it filters";
    for (const rules::Diagnostic& diagnostic : check.diagnostics) {
      if (rules::level_of(diagnostic.code) == rules::Level::kError) {
        refusal.detail += ": " + diagnostic.message;
        break;
      }
    }
    for (const auto& [name, clash] : fields.clashes) {
      if (text.find(name) != std::string::npos)
        refusal.detail += fmt::format("; {}: name the rules in the filter", clash);
    }
    for (const rules::Diagnostic& diagnostic : check.diagnostics) {
      refusal.diagnostics += rules::render_json(check.sources, diagnostic);
      if (!refusal.diagnostics.ends_with('\n')) refusal.diagnostics += '\n';
    }
    return tl::unexpected(std::move(refusal));
  }
  Result<cep::Program> program = cep::compile(check.plan);
  if (!program) {
    return tl::unexpected(
        ConditionRefusal{"the condition cannot be made ready: " + program.error().message, ""});
  }
  return std::shared_ptr<const AlertCondition>(new AlertCondition(*std::move(program)));
}

bool AlertCondition::holds(const runtime::StoredAlert& alert) const {
  const cep::Plan& plan = program_.plan();
  const cep::EventType& type = plan.event_types.front();
  const JsonMembers members = json_members(alert.line);
  const auto member = [](const JsonMembers& of, std::string_view name) {
    const auto found = std::ranges::find(of, name, &JsonMembers::value_type::first);
    return found == of.end() ? std::string_view() : found->second;
  };
  const auto inside = [&](std::string_view name) {
    const std::string_view object = member(members, name);
    return object.empty() ? JsonMembers() : json_members(object);
  };
  const JsonMembers key = inside("key");
  const JsonMembers fields = inside("fields");
  cep::Batch batch(plan);
  std::vector<cep::Value> values;
  values.reserve(type.fields.size());
  for (const cep::Field& field : type.fields) {
    if (field.computed) continue;
    const std::string& name = field.name;
    if (name == "tags") {
      values.push_back(cep::Value::string(batch.texts.store(joined_tags(member(members, name)))));
    } else if (name == "ts" || name == "rule" || name == "severity" || name == "score") {
      values.push_back(value_of(field.type, member(members, name), batch.texts));
    } else {
      const std::string_view part = member(key, name);
      values.push_back(
          value_of(field.type, part.empty() ? member(fields, name) : part, batch.texts));
    }
  }
  batch.append(plan, cep::EventTypeIndex(std::size_t{0}), alert.ts, alert.ts, {}, values);
  cep::fill_computed(program_, batch);
  return batch.value(plan, batch.rows.front(), cep::FieldIndex(type.fields.size() - 1)).is_true();
}
}  // namespace tocsin::api
