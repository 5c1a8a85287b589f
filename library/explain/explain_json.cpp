#include "library/explain/explain_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cep/plan/rule.h"
#include "library/explain/automaton_layout.h"
#include "rules/explain/explain_automaton.h"
#include "rules/explain/explain_profile.h"

namespace tocsin::library {
namespace {
using Json = nlohmann::ordered_json;

Json microseconds(const std::optional<cep::Duration>& duration) {
  return duration ? Json(duration->us) : Json(nullptr);
}
Json rule_names(const cep::Plan& plan, const std::vector<cep::RuleIndex>& rules) {
  Json names = Json::array();
  for (const cep::RuleIndex rule : rules) names.push_back(plan.rules[rule.value].name);
  return names;
}

Json passages(const std::vector<rules::Passage>& all) {
  Json out = Json::array();
  for (const rules::Passage& passage : all) {
    Json said = {{"text", passage.text}};
    if (!passage.parts.empty()) {
      said["numbered"] = passage.numbered;
      said["parts"] = passages(passage.parts);
    }
    out.push_back(std::move(said));
  }
  return out;
}
Json aspects(const std::vector<rules::ExplainedAspect>& all) {
  Json out = Json::array();
  for (const rules::ExplainedAspect& aspect : all) {
    out.push_back({{"aspect", aspect.name},
                   {"heading", aspect.heading},
                   {"numbered", aspect.numbered},
                   {"passages", passages(aspect.passages)}});
  }
  return out;
}

const char* asked_name(cep::AskedAt at) {
  switch (at) {
    case cep::AskedAt::kColumns:
      return "event";
    case cep::AskedAt::kKey:
      return "key";
    case cep::AskedAt::kMatch:
      break;
  }
  return "match";
}
const char* kind_name(cep::AutomatonState::Kind kind) {
  switch (kind) {
    case cep::AutomatonState::Kind::kStart:
      return "start";
    case cep::AutomatonState::Kind::kMatch:
      return "match";
    case cep::AutomatonState::Kind::kStep:
      break;
  }
  return "step";
}

// How the console draws it.
Json drawing_json(const rules::NamedAutomaton& automaton) {
  const AutomatonDrawing drawing = lay_out(automaton);
  Json states = Json::array();
  for (const DrawnState& state : drawing.states) {
    states.push_back({{"text", state.text},
                      {"x", state.x},
                      {"y", state.y},
                      {"width", state.width},
                      {"height", state.height}});
  }
  Json transitions = Json::array();
  for (const DrawnTransition& transition : drawing.transitions) {
    Json labels = Json::array();
    for (const Point& label : transition.labels) {
      labels.push_back({{"x", label.x}, {"y", label.y}});
    }
    transitions.push_back({{"path", path_of(transition)}, {"labels", std::move(labels)}});
  }
  return {{"width", drawing.width},
          {"height", drawing.height},
          {"label_radius", kLabelRadius},
          {"states", std::move(states)},
          {"transitions", std::move(transitions)},
          {"heads", drawing.heads}};
}

Json automaton_json(const rules::NamedAutomaton& automaton, cep::Method method) {
  Json conditions = Json::array();
  for (const rules::NamedCondition& condition : automaton.conditions) {
    conditions.push_back({{"name", condition.name},
                          {"text", condition.text},
                          {"asked", asked_name(condition.asked)}});
  }
  Json states = Json::array();
  for (const rules::NamedState& state : automaton.states) {
    Json said = {{"name", state.name}, {"kind", kind_name(state.kind)}};
    if (state.kind == cep::AutomatonState::Kind::kStep) {
      said["takes"] = state.takes;
      said["conditions"] = state.conditions;
      said["called"] = state.called;
    }
    states.push_back(std::move(said));
  }
  Json transitions = Json::array();
  for (const rules::NamedTransition& transition : automaton.transitions) {
    Json said = {{"from", transition.from},
                 {"to", transition.to},
                 {"kind", transition.takes ? "take" : "complete"}};
    if (transition.to_last) said["to_last"] = *transition.to_last;
    if (!transition.passes.empty()) said["passes"] = transition.passes;
    if (!transition.gives.empty()) said["gives"] = transition.gives;
    said["needs"] = transition.needs;
    said["ended_by"] = transition.ends;
    if (transition.within) said["within_us"] = microseconds(transition.within);
    transitions.push_back(std::move(said));
  }
  return {{"method", rules::method_name(method)}, {"conditions", std::move(conditions)},
          {"states", std::move(states)},          {"transitions", std::move(transitions)},
          {"ended_by", automaton.always_ends},    {"drawing", drawing_json(automaton)}};
}

Json state_json(const cep::Plan& plan, const cep::RuleProfile& profile) {
  const cep::RuleMemory& memory = profile.memory;
  Json kept = Json::array();
  for (const cep::KeptType& type : memory.kept) {
    const cep::EventType& event_type = plan.event_types[type.type.value];
    Json fields = Json::array();
    for (const cep::FieldIndex field : type.fields) {
      fields.push_back(event_type.fields[field.value].name);
    }
    for (const cep::FeatureIndex feature : type.features) {
      fields.push_back(plan.features[feature.value].name);
    }
    kept.push_back(
        {{"type", event_type.name}, {"fields", std::move(fields)}, {"bytes", type.bytes}});
  }
  Json features = Json::array();
  for (const cep::FeatureMemory& feature : memory.features) {
    features.push_back({{"feature", plan.features[feature.feature.value].name},
                        {"keeps_us", microseconds(feature.keeps)},
                        {"bytes_first", feature.bytes_first},
                        {"bytes_more", feature.bytes_more}});
  }
  return {{"lives_us", microseconds(profile.lives)},
          {"kept", std::move(kept)},
          {"features", std::move(features)},
          {"bytes",
           {{"key", memory.key_bytes},
            {"record", memory.record_bytes},
            {"rule", memory.rule_bytes},
            {"match", memory.match_bytes},
            {"link", memory.link_bytes},
            {"one_match", memory.bytes(1, 1)}}}};
}

Json cost_json(const cep::Program& program, const cep::RuleProfile& profile) {
  Json events = Json::array();
  for (const cep::EventCost& cost : profile.costs) {
    events.push_back({{"type", program.plan().event_types[cost.type.value].name},
                      {"tests", cost.tests},
                      {"tests_shared", cost.tests_shared},
                      {"searches", cost.searches},
                      {"lookups", cost.lookups},
                      {"features", cost.features},
                      {"key_conditions", cost.key_conditions},
                      {"match_conditions", cost.match_conditions}});
  }
  return {{"events", std::move(events)}, {"pass", profile.pass + 1}};
}

const char* kept_name(cep::Kept kept) {
  switch (kept) {
    case cep::Kept::kNothing:
      return "nothing";
    case cep::Kept::kLastEvents:
      return "last_events";
    case cep::Kept::kPlaces:
      return "places";
    case cep::Kept::kPartialMatches:
      return "partial_matches";
    case cep::Kept::kWindow:
      break;
  }
  return "window";
}
Json growth_json(const cep::Program& program, const cep::RuleProfile& profile) {
  const cep::Growth& growth = profile.growth;
  const cep::KeyBudget& budget = profile.budget;
  Json because = Json::array();
  for (const cep::Obstacle& obstacle : growth.obstacles) {
    const std::string name(cep::name_of(obstacle.kind));
    if (std::ranges::find(because, Json(name)) == because.end()) because.push_back(name);
  }
  const bool grows = growth.kept == cep::Kept::kPartialMatches && growth.piles_up;
  return {{"kept", kept_name(growth.kept)},
          {"because", std::move(because)},
          {"work", grows ? "partial_matches" : "constant"},
          {"work_most", grows ? Json(program.impl().limits.runs_per_key_max) : Json(nullptr)},
          {"bytes",
           {{"event", budget.event_bytes},
            {"entry", budget.entry_bytes},
            {"partial_match", budget.match_bytes}}},
          {"events_most", budget.events_most ? Json(*budget.events_most) : Json(nullptr)}};
}
}  // namespace

std::string explain_json(const cep::Program& program, cep::RuleIndex index,
                         const RuleAnalysis* analysis) {
  const cep::Plan& plan = program.plan();
  const cep::Rule& rule = plan.rules[index.value];
  const cep::RuleProfile profile = cep::describe_profile(program, index);
  const rules::Words words(plan, &rule);
  Json features = Json::array();
  for (const cep::FeatureIndex feature : profile.features_of_key) {
    features.push_back(plan.features[feature.value].name);
  }
  std::vector<rules::ExplainedAspect> says = rules::explain(plan, index);
  for (rules::ExplainedAspect& more : rules::explain_profile(program, index)) {
    says.push_back(std::move(more));
  }
  Json out = {{"rule", rule.name},
              {"id", rule.id},
              {"title", rule.title},
              {"status", status_name(rule.status)},
              {"says", aspects(says)},
              {"automaton", automaton_json(rules::name_automaton(words, profile), profile.method)},
              {"state", state_json(plan, profile)},
              {"shared",
               {{"rules_of_key", rule_names(plan, profile.rules_of_key)},
                {"features_of_key", std::move(features)},
                {"rules_of_ring", rule_names(plan, profile.rules_of_ring)},
                {"alert_readers", rule_names(plan, profile.alert_readers)}}},
              {"cost", cost_json(program, profile)},
              {"growth", growth_json(program, profile)}};
  if (analysis != nullptr) out["analysis"] = analysis_json(*analysis);
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}
}  // namespace tocsin::library
