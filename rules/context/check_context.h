/// What all checks share: the sources, the sink, the symbols, and the plan as it grows.
#pragma once
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "cep/plan/event_type.h"
#include "cep/plan/feature.h"
#include "cep/plan/key_spec.h"
#include "cep/plan/plan.h"
#include "rules/context/data_files.h"
#include "rules/context/declarations.h"
#include "rules/context/feature_table.h"
#include "rules/context/rules.h"
#include "rules/context/zone_table.h"
#include "rules/text/diagnostics.h"

namespace tocsin::rules {
struct Occurrence;
struct ResolvedKinds;
/// What the entries of `features of …` share; `window` and `key` are absent where they have a
/// mistake.
struct FeatureGroup {
  std::shared_ptr<const ResolvedKinds> kinds;
  std::optional<cep::FeatureWindow> window;
  std::optional<cep::KeySpec> key;
};
struct CheckContext {
  CheckContext(SourceMap& all_sources, DiagnosticSink& diagnostics, const LoadOptions& options,
               DataFiles& files)
      : sources(all_sources),
        sink(diagnostics),
        limits(options.limits),
        zones(options.read_zone ? options.read_zone : read_system_zone),
        data(files) {}

  SourceMap& sources;
  DiagnosticSink& sink;
  const RuleLimits& limits;
  ZoneTable zones;
  DataFiles& data;
  Declarations names;
  cep::Plan plan;  // but its features
  FeatureTable features;
  std::unordered_map<const cep::Expr*, WrittenCondition> written;
  std::unordered_map<const tree::Features*, FeatureGroup> feature_groups;
  std::unordered_map<const tree::Name*, ValueSymbol*> feature_symbols;
  std::deque<ValueSymbol> repeated_features;
  int feature_depth = 0;        // of features whose checking waits for one that they read
  bool has_error_type = false;  // some expression was left out of the plan: there must be a report
  std::unordered_set<std::string> hidden_names;  // already warned of
  // For whom kinds are resolved now: alerts of drafts and shadow rules are not for everybody.
  bool reads_for_draft = false;
  bool reads_for_shadow = false;
  std::deque<tree::Event> alert_events;  // what the event types of alerts stand on
  std::deque<tree::Field> alert_fields;
  std::size_t event_types_kept = 0;                // the rest is read by drafts alone
  std::size_t conditions_compared = 0;             // RuleSet::conditions_compared
  std::vector<Occurrence>* occurrences = nullptr;  // where names are used; null: not asked for
  std::size_t suggestions_left = 2'000'000;  // names that may still be compared for "did you mean"

  const cep::EventType& event_type(cep::EventTypeIndex type) const {
    return plan.event_types[type.value];
  }
  const EventSymbol& event_symbol(cep::EventTypeIndex type) const {
    return names.events[type.value];
  }
};
}  // namespace tocsin::rules
