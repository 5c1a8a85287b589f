/// What of a program can be spread over stages and key groups, and what cannot.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cep/base/index.h"
#include "cep/compile/compile.h"

namespace tocsin::cep {
/// Why a program cannot be spread: it needs one engine, in which each row waits for what was made
/// of the one before.
struct SpreadObstacle {
  RuleIndex rule;
  std::optional<FeatureIndex> feature;  // that waits for the rule, and that the rule reads
  std::string text;                     // for people: what waits for what, both keys, the remedy
};
/// Each once; empty for a program that the stages of this folder can run.
std::vector<SpreadObstacle> spread_obstacles(const Program& program);

/// How a program by pass is spread.
struct SpreadPlan {
  struct Pass {
    std::vector<std::string> keys;  // of its tables: "card"; "no key"
    bool has_hold = false;          // some rule of the pass holds back by other values than its key
    std::vector<FeatureIndex> features;  // that are read, or take events, in the pass
    std::vector<RuleIndex> rules;
    std::vector<RuleIndex> held;  // of the rules those that the hold decides
  };
  std::vector<Pass> passes;
  /// The program cannot be spread: its one pass is all of it, in one part (whole_engine.h).
  bool is_whole = false;
  /// Rules and features without a key: all their events go to one part.
  std::vector<RuleIndex> rules_without_key;
  std::vector<FeatureIndex> features_without_key;
};
SpreadPlan spread_plan(const Program& program);
}  // namespace tocsin::cep
