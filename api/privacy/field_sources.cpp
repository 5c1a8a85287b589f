#include "api/privacy/field_sources.h"

#include <cstddef>
#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/event_type.h"
#include "cep/plan/expr.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::api {
namespace {
using cep::Aggregate;
using cep::Op;

bool only_counts(Aggregate aggregate) {
  return aggregate == Aggregate::kCount || aggregate == Aggregate::kDistinct ||
         aggregate == Aggregate::kEntropy;
}
void add_all(FieldNames& into, const FieldNames& from) { into.insert(from.begin(), from.end()); }

// Rules, features and types read each other; what is found of a field is kept, and a cycle ends at
// what is being looked at.
class SourceFinder {
 public:
  explicit SourceFinder(const cep::Plan& plan) : plan_(plan) {}

  FieldNames of_field(cep::EventTypeIndex type, cep::FieldIndex field) {
    const auto [known, is_new] = fields_.try_emplace({type.value, field.value});
    if (!is_new) return known->second;
    FieldNames found = find_field(plan_.event_types[type.value], field.value);
    return fields_[{type.value, field.value}] = std::move(found);
  }
  FieldNames of_part(const cep::KeyPart& part) {
    FieldNames found;
    for (const cep::KeyMember& member : part.members)
      add_all(found, of_field(member.type, member.field));
    return found;
  }
  FieldNames of_expr(const cep::Expr& expr, const cep::Rule* rule) {
    FieldNames found;
    add_expr(expr, rule, found);
    return found;
  }
  FieldNames of_message(const cep::Rule& rule) {
    FieldNames found;
    for (const cep::MessagePart& part : rule.message) {
      if (part.expr) add_expr(*part.expr, &rule, found);
    }
    return found;
  }

 private:
  FieldNames find_field(const cep::EventType& type, std::size_t field) {
    if (type.alert_of) return of_alert_field(plan_.rules[type.alert_of->value], field);
    if (type.is_alert()) return of_any_alert_field(type, type.fields[field].name);
    FieldNames found = {type.name + "." + type.fields[field].name};
    if (type.fields[field].computed) add_expr(*type.fields[field].computed, nullptr, found);
    return found;
  }
  // EventType::alert_of: ts, the key's parts, score, severity, the fields but score.
  FieldNames of_alert_field(const cep::Rule& rule, std::size_t field) {
    const std::size_t parts = rule.key.parts.size();
    if (field == 0) return {};
    if (field <= parts) return of_part(rule.key.parts[field - 1]);
    if (field == parts + 1) return of_score(rule);
    if (field == parts + 2) return rule.severity ? of_expr(*rule.severity, &rule) : FieldNames();
    std::size_t place = parts + 3;
    for (const cep::AlertField& one : rule.fields) {
      if (one.name == "score") continue;
      if (place++ == field) return of_expr(*one.expr, &rule);
    }
    TOCSIN_ASSERT(false, "an alert event has the fields of its rule");
    return {};
  }
  FieldNames of_any_alert_field(const cep::EventType& type, std::string_view name) {
    FieldNames found;
    for (const cep::RuleIndex index : type.any_alert_of) {
      const cep::Rule& rule = plan_.rules[index.value];
      if (name == "score") add_all(found, of_score(rule));
      if (name == "severity" && rule.severity) add_expr(*rule.severity, &rule, found);
      if (name != "key") continue;
      for (const cep::KeyPart& part : rule.key.parts) add_all(found, of_part(part));
    }
    return found;
  }
  FieldNames of_score(const cep::Rule& rule) {
    for (const cep::AlertField& field : rule.fields) {
      if (field.name == "score") return of_expr(*field.expr, &rule);
    }
    return {};
  }

  void add_expr(const cep::Expr& expr, const cep::Rule* rule, FieldNames& into) {
    switch (expr.op) {
      case Op::kIsMissing:
      case Op::kIsKnown:
      case Op::kIsBound:
      case Op::kInKinds:
        return;
      case Op::kFeature:
        return add_feature(plan_.features[cep::feature_of(expr).value], into);
      case Op::kKey:
        TOCSIN_ASSERT(rule != nullptr, "only rules have a key");
        return add_all(into, of_part(rule->key.parts[expr.as<cep::KeyRead>().part]));
      case Op::kAggregate:
        // The second argument is a condition on the elements.
        if (!only_counts(expr.as<cep::VariableAggregate>().aggregate) && !expr.args.empty())
          add_expr(*expr.args.front(), rule, into);
        return;
      default:
        break;
    }
    if (const cep::FieldRef* field = cep::field_of(expr)) {
      for (const auto& [type, index] : field->by_type) add_all(into, of_field(type, index));
    }
    for (const cep::ExprPtr& arg : expr.args) {
      if (arg) add_expr(*arg, rule, into);
    }
  }
  void add_feature(const cep::Feature& feature, FieldNames& into) {
    if (!only_counts(feature.aggregate) && feature.argument)
      add_expr(*feature.argument, nullptr, into);
  }

  const cep::Plan& plan_;
  std::map<std::pair<std::size_t, std::size_t>, FieldNames> fields_;  // of a type
};

void merge_names(SourcesByName& into, const SourcesByName& from) {
  for (const auto& [name, sources] : from) add_all(into[name], sources);
}
}  // namespace

void FieldSources::merge(const FieldSources& other) {
  for (const auto& [type, fields] : other.types) merge_names(types[type], fields);
  for (const auto& [id, sources] : other.rules) {
    AlertSources& own = rules[id];
    merge_names(own.key, sources.key);
    merge_names(own.fields, sources.fields);
    add_all(own.message, sources.message);
    add_all(own.score, sources.score);
  }
  add_all(marked, other.marked);
}

FieldSources sources_of(const cep::Plan& plan) {
  FieldSources all;
  SourceFinder finder(plan);
  for (std::size_t t = 0; t < plan.event_types.size(); ++t) {
    const cep::EventType& type = plan.event_types[t];
    const cep::EventTypeIndex index(t);
    SourcesByName& fields = all.types[type.name];
    FieldNames& id = fields[std::string(kEventId)];
    for (std::size_t f = 0; f < type.fields.size(); ++f) {
      const FieldNames found = finder.of_field(index, cep::FieldIndex(f));
      add_all(fields[type.fields[f].name], found);
      // Without a field for it, the id is a digest of all fields, of which values can be tried.
      const bool is_in_id = type.id_field ? type.id_field->value == f : !type.is_alert();
      if (is_in_id) add_all(id, found);
      if (type.fields[f].pii) all.marked.insert(type.name + "." + type.fields[f].name);
    }
  }
  for (const cep::Rule& rule : plan.rules) {
    AlertSources& sources = all.rules[rule.id];
    for (const cep::KeyPart& part : rule.key.parts)
      add_all(sources.key[part.name], finder.of_part(part));
    for (const cep::AlertField& field : rule.fields) {
      FieldNames& into = field.name == "score" ? sources.score : sources.fields[field.name];
      add_all(into, finder.of_expr(*field.expr, &rule));
    }
    add_all(sources.message, finder.of_message(rule));
  }
  return all;
}

FieldNames sources_of(const cep::Plan& plan, const cep::Rule& rule, const cep::Expr& expr) {
  return SourceFinder(plan).of_expr(expr, &rule);
}
}  // namespace tocsin::api
