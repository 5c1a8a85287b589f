// Events that come late or twice, and what their times count.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/expr_walk.h"
#include "cep/plan/feature.h"
#include "cep/value/time_unit_words.h"
#include "rules/explain/explain.h"
#include "rules/explain/expression_text.h"

namespace tocsin::rules {
using cep::Subset;

namespace {
// The event types whose events the rule or its features take.
std::set<cep::EventTypeIndex> types_of(const cep::Plan& plan, const cep::Rule& rule) {
  std::set<cep::EventTypeIndex> types;
  const auto add = [&](const std::vector<Subset>& kinds) {
    for (const Subset& kind : kinds) types.insert(kind.type);
  };
  cep::for_each_kinds(rule, add);
  for (const cep::FeatureIndex index : features_of(plan, rule)) {
    add(plan.features[index.value].events);
  }
  return types;
}
}  // namespace

std::vector<Passage> late_passages(const Words& words) {
  const cep::Plan& plan = words.plan();
  std::vector<Passage> out;
  std::map<cep::Duration, std::vector<std::string>> bounds;
  std::map<std::string, std::vector<std::string>> repeats;
  std::map<cep::TimeUnit, std::vector<std::string>> units;
  for (const cep::EventTypeIndex index : types_of(plan, *words.rule())) {
    const cep::EventType& type = plan.event_types[index.value];
    if (type.is_alert()) continue;
    bounds[type.bound].push_back(in_code(type.name));
    const cep::Field& time = type.fields[type.time_field.value];
    if (time.unit != cep::TimeUnit::kMicroseconds) {
      units[time.unit].push_back(fmt::format("{} of {}", in_code(time.name), in_code(type.name)));
    }
    if (type.unique && type.id_field) {
      const std::string since =
          type.unique->within
              ? fmt::format(" that came less than {} before", duration_text(*type.unique->within))
              : std::string(" that came before");
      repeats[fmt::format("{{}} events with an {}{} are repeats: they are dropped and counted.",
                          in_code(type.fields[type.id_field->value].name), since)]
          .push_back(in_code(type.name));
    }
  }
  for (const auto& [unit, fields] : units) {
    out.push_back({fmt::format("{}: where the time is a number, it counts {} since 1970.",
                               listed(fields), cep::time_unit_words(unit))});
  }
  for (const auto& [bound, types] : bounds) {
    if (bound.us == 0) continue;
    out.push_back({fmt::format("{} events may arrive up to {} out of order.", listed(types),
                               duration_text(bound))});
  }
  if (!bounds.empty()) {
    cep::Duration most;
    for (const cep::EventType& type : plan.event_types) most = std::max(most, type.bound);
    const std::string waits =
        most.us == 0
            ? "Events are taken in the order of time: no event type of the files may come out "
              "of order."
            : fmt::format(
                  "Every event is waited for {}, the most that an event type of the "
                  "files says.",
                  duration_text(most));
    out.push_back({waits + " Later events are late: they go to the side output and are counted, or "
                           "are processed at the time already reached. A run can override this."});
  }
  for (const auto& [text, types] : repeats) {
    out.push_back({fmt::format(fmt::runtime(text), listed(types))});
  }
  return out;
}
}  // namespace tocsin::rules
