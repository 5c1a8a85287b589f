/// What of a plan the engine's state depends on, as digests: SHA-256 over a canonical text.
///
/// State is handed from one plan to another where digests are equal. All that is used of zones and
/// features is in it by value; the order of declarations, other rules beside it, and the names of
/// features, variables, kinds and key parts are in none but the presentation's and the plan's.
/// Lists and tables are in it by name and type, not by contents: these change while they are in
/// use, and what was decided by earlier contents is a fact. A rule whose alerts are read as events
/// is in it by its id: alerts that were raised are facts, like events.
#pragma once
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/identity.h"

namespace tocsin::cep {
class ProgramImpl;

struct RuleDigests {
  /// What the rule's partial matches depend on: key, pattern with its conditions, the features,
  /// lists and tables that those read, `within`, windows, `having` and selection; how events that
  /// it takes are identified; the method, and what it forgets. Not what only the alert shows: a
  /// field or feature that it shows anew is missing for events that were taken before.
  Digest state{};
  /// What is suppressed: the rule's id, key and clauses `once` and `at most`.
  Digest suppression{};
  /// All else that an alert shows or is for: name, id, title, message, fields, severity, status,
  /// exceptions, …
  Digest presentation{};
};
struct PlanDigests {
  std::vector<RuleDigests> rules;  // by RuleIndex
  /// By FeatureIndex: events, argument, key and window; not its name.
  std::vector<Digest> features;
};
PlanDigests digests(const ProgramImpl& program);
/// Of what its lists and tables hold as they are declared.
Digest digest_of_data(const Plan& plan);
/// Of what a feature's values depend on.
Digest digest_of_feature(const Plan& plan, FeatureIndex feature);
/// Of everything: plans of one digest give the same alerts, byte for byte and in the same order.
Digest digest_of(const Plan& plan);
}  // namespace tocsin::cep
