#include "library/c/c_pack_needs.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "cep/compile/plan_digest.h"
#include "cep/compile/program.h"
#include "cep/plan/event_type.h"
#include "cep/plan/feature.h"
#include "cep/plan/operator_graph.h"
#include "cep/plan/plan.h"
#include "cep/plan/reference.h"
#include "cep/plan/rule.h"
#include "cep/plan/semantics.h"

namespace tocsin::library {
namespace {
using Json = nlohmann::ordered_json;

class PackNeeds {
 public:
  explicit PackNeeds(const cep::Program& program)
      : program_(program.impl()), plan_(program.plan()), graph_(plan_), levels_(graph_.levels()) {}

  Json all() const {
    Json json = {{"semantics", cep::kSemantics},  {"digest", cep::hex(cep::digest_of(plan_))},
                 {"passes", program_.pass_count}, {"row_by_row", program_.row_by_row},
                 {"types", Json::array()},        {"keys", Json::array()},
                 {"features", Json::array()},     {"rules", Json::array()},
                 {"lists", Json::array()},        {"tables", Json::array()}};
    for (std::size_t t = 0; t < plan_.event_types.size(); ++t) {
      if (!plan_.event_types[t].is_alert()) json["types"].push_back(type(t));
    }
    for (const cep::TableProgram& table : program_.tables) json["keys"].push_back(key(table));
    for (std::size_t f = 0; f < plan_.features.size(); ++f) json["features"].push_back(feature(f));
    for (std::size_t r = 0; r < plan_.rules.size(); ++r) json["rules"].push_back(rule(r));
    for (const cep::List& list : plan_.lists) {
      json["lists"].push_back({{"name", list.name},
                               {"type", cep::type_name(list.element)},
                               {"entries", list.values.size()}});
    }
    for (const cep::Table& table : plan_.tables) json["tables"].push_back(lookup_table(table));
    return json;
  }

 private:
  Json type(std::size_t index) const {
    const cep::EventType& type = plan_.event_types[index];
    Json fields = Json::array();
    for (std::size_t f = 0; f < type.fields.size(); ++f) {
      const cep::Field& field = type.fields[f];
      Json one = {{"name", field.name}, {"type", cep::type_name(field.type)}};
      if (field.computed) {
        one["computed"] = true;
      } else {
        one["path"] = field.path;
      }
      one["optional"] = field.optional;
      one["used"] = bool{program_.used_fields[index][f]};
      fields.push_back(std::move(one));
    }
    Json json = {{"name", type.name},
                 {"json_type", type.json_type},
                 {"used", bool{program_.used_types[index]}},
                 {"time_field", type.fields[type.time_field.value].name},
                 {"id_field", nullptr},
                 {"late_us", type.bound.us},
                 {"unique", type.unique.has_value()}};
    if (type.id_field) json["id_field"] = type.fields[type.id_field->value].name;
    json["fields"] = std::move(fields);
    return json;
  }

  // A key with what shares its state.
  Json key(const cep::TableProgram& table) const {
    Json parts = Json::array();
    for (const cep::KeyPart& part : table.key.parts) {
      Json members = Json::array();
      for (const cep::KeyMember& member : part.members) {
        const cep::EventType& type = plan_.event_types[member.type.value];
        Json one = {{"type", type.name}, {"field", type.fields[member.field.value].name}};
        if (!member.role.empty()) one["role"] = member.role;
        members.push_back(std::move(one));
      }
      parts.push_back({{"name", part.name},
                       {"type", cep::type_name(part.type)},
                       {"fields", std::move(members)}});
    }
    std::set<std::uint32_t> passes;
    for (const cep::OperatorProgram& op : table.operators) passes.insert(op.pass);
    return {{"parts", std::move(parts)}, {"passes", passes}};
  }

  // By what it reads: names of features and of rules.
  void add_reads(cep::OperatorRef of, Json& json) const {
    std::set<std::string> features;
    std::set<std::string> alerts;
    std::set<std::string> unless;
    for (const cep::OperatorInput& input : graph_.inputs(of)) {
      if (!input.from.is_rule) {
        features.insert(plan_.features[input.from.index].name);
      } else {
        const bool is_alert = input.how == cep::OperatorInput::How::kAlerts;
        (is_alert ? alerts : unless).insert(plan_.rules[input.from.index].name);
      }
    }
    json["reads_features"] = features;
    json["reads_alerts"] = alerts;
    json["unless_alerted"] = unless;
  }

  Json types_of(const std::vector<cep::Subset>& events) const {
    std::set<std::string> names;
    for (const cep::Subset& subset : events) {
      const cep::EventType& type = plan_.event_types[subset.type.value];
      if (!type.is_alert()) names.insert(type.name);
    }
    return names;
  }

  Json feature(std::size_t index) const {
    const cep::Feature& feature = plan_.features[index];
    const cep::FeatureProgram& compiled = program_.features[index];
    Json json = {{"name", feature.name},  {"type", cep::type_name(feature.type)},
                 {"key", compiled.table}, {"level", levels_.features[index]},
                 {"pass", compiled.pass}, {"events", types_of(feature.events)}};
    add_reads({false, static_cast<std::uint32_t>(index)}, json);
    return json;
  }

  Json rule(std::size_t index) const {
    const cep::Rule& rule = plan_.rules[index];
    const cep::RuleProgram& compiled = program_.rules[index];
    Json json = {{"id", rule.id},         {"name", rule.name},
                 {"title", rule.title},   {"status", cep::status_name(rule.status)},
                 {"key", compiled.table}, {"level", levels_.rules[index]},
                 {"pass", compiled.pass}, {"events", types_of(rule.considered)}};
    add_reads({true, static_cast<std::uint32_t>(index)}, json);
    return json;
  }

  static Json lookup_table(const cep::Table& table) {
    Json columns = Json::array();
    for (const cep::TableColumn& column : table.columns) columns.push_back(column.name);
    return {{"name", table.name},
            {"key", table.key_names},
            {"columns", std::move(columns)},
            {"rows", table.rows.size()}};
  }

  const cep::ProgramImpl& program_;
  const cep::Plan& plan_;
  cep::OperatorGraph graph_;
  cep::OperatorGraph::Depths levels_;
};
}  // namespace

std::string pack_needs_json(const cep::Program& program) {
  return PackNeeds(program).all().dump(-1, ' ', false, Json::error_handler_t::replace);
}
}  // namespace tocsin::library
