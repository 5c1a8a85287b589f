/// What features and rules read of each other, and so in which order they see an event.
///
/// - **Level**: part of the order of alerts (cep/value/order.h), a function of the plan alone. A
/// reader of
///   alerts is one level above the rule that raises them, a reader of a feature under another key
///   one above the feature; otherwise an operator has its inputs' level.
/// - **Pass**: when an operator runs over a slice. What crosses between tables, or comes as the
/// event
///   of an alert, takes a further pass; in one table an operator reads the features before it in
///   place.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::cep {
struct OperatorRef {
  bool is_rule = false;
  std::uint32_t index = 0;
  friend bool operator==(const OperatorRef&, const OperatorRef&) = default;
};
/// How one operator depends on another.
struct OperatorInput {
  enum class How : std::uint8_t { kFeature, kAlerts, kUnlessAlerted };
  OperatorRef from;
  How how = How::kFeature;
  bool under_another_key = false;  // of features, as levels count it
  bool has_arguments = false;      // of features
};
class OperatorGraph {
 public:
  explicit OperatorGraph(const Plan& plan);
  const std::vector<OperatorInput>& inputs(OperatorRef of) const;
  /// Whether `of` reads `what`, directly or through others; `unless alerted by` is no reading.
  bool depends(OperatorRef of, OperatorRef what) const;
  /// Operators that feed each other: "rule `a` reads alerts of rule `b`, which …"; empty where none
  /// do.
  std::string cycle() const;
  /// For each operator the greatest sum of `step(operator, input)` over a path down its inputs;
  /// requires that there is no cycle among the inputs that `counts` accepts.
  struct Depths {
    std::vector<std::uint32_t> features;
    std::vector<std::uint32_t> rules;
    std::uint32_t of(OperatorRef op) const {
      return op.is_rule ? rules[op.index] : features[op.index];
    }
  };
  using Step = std::function<std::uint32_t(OperatorRef of, const OperatorInput& input)>;
  using Counts = std::function<bool(OperatorRef of, const OperatorInput& input)>;
  /// None is less than `at_least` says; without it there is no such bound.
  using AtLeast = std::function<std::uint32_t(OperatorRef of)>;
  Depths depths(const Step& step, const Counts& counts, const AtLeast& at_least = {}) const;
  /// Levels as the order of alerts has them.
  Depths levels() const;
  /// Features such that each stands after those it reads; among others in the plan's order, those
  /// that read none first.
  std::vector<FeatureIndex> features_in_order() const;

 private:
  void add_events(const std::vector<Subset>& events, std::vector<OperatorInput>& into) const;
  void add_features(const Expr& expr, const KeySpec& key, std::vector<OperatorInput>& into) const;
  std::vector<OperatorRef> all() const;
  std::string name(OperatorRef op) const;

  const Plan& plan_;
  std::vector<std::vector<OperatorInput>> features_;
  std::vector<std::vector<OperatorInput>> rules_;
};
/// Whether two keys say different fields for the same events.
bool keys_differ(const KeySpec& a, const KeySpec& b);
}  // namespace tocsin::cep
