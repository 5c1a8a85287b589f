/// A rule said back in plain English, made from the plan: what will run, not what was typed.
/// Whoever knows the field reads it aloud and finds it right or wrong. Deterministic; no text
/// depends on anything but the plan.
///
/// The parts of the sentences are in explain_words.h (expressions, kinds), the ideas of a rule in
/// files of their own: explain_pattern.cpp (steps), explain_clauses.cpp (limits, selection,
/// repeated alerts, the alert), explain_data.cpp (keys, features, kinds, missing values),
/// explain_late.cpp (late and repeated events).
#pragma once
#include <string>
#include <vector>

#include "cep/plan/plan_fwd.h"
#include "rules/explain/explain_words.h"

namespace tocsin::rules {
/// A sentence or two, and what stands below it: as a list, numbered where it is a sequence.
struct Passage {
  std::string text;
  std::vector<Passage> parts = {};
  bool numbered = false;
};
/// One aspect of a rule: `name` is a stable word for programs, `heading` is for people.
struct ExplainedAspect {
  std::string name;
  std::string heading;
  std::vector<Passage> passages;
  bool numbered = false;
};
/// All of a rule; only aspects that there is something to say about.
std::vector<ExplainedAspect> explain(const cep::Plan& plan, cep::RuleIndex rule);

// ---- the parts of it

/// "of the same `card`"; "of the same `merchant` and `bin`"; empty without a key.
std::string of_same_key(const cep::KeySpec& key);
/// "each `card`": whom the rule looks at on its own.
std::string each_key(const cep::KeySpec& key);
std::vector<Passage> key_passages(const Words& words);
/// The steps of the pattern in their order, or the window.
std::vector<Passage> pattern_passages(const Words& words);
/// What holds for all of the pattern: "very next", `within`, `without`, `having`, `except`.
std::vector<Passage> limit_passages(const Words& words);
std::vector<Passage> selection_passages(const Words& words);
std::vector<Passage> suppression_passages(const Words& words);
std::vector<Passage> alert_passages(const Words& words);
/// The features that the rule reads, and those that these read.
std::vector<Passage> feature_passages(const Words& words);
std::vector<Passage> kind_passages(const Words& words);
/// Lists, tables and computed fields.
std::vector<Passage> data_passages(const Words& words);
std::vector<Passage> late_passages(const Words& words);
std::vector<Passage> missing_passages(const Words& words);
std::vector<Passage> status_passages(const Words& words);
/// What the rule reads, its features' features included, ascending.
std::vector<cep::FeatureIndex> features_of(const cep::Plan& plan, const cep::Rule& rule);
/// " where A and B" of conditions; empty for none.
std::string where_words(const std::vector<std::string>& conditions);
}  // namespace tocsin::rules
