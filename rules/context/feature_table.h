/// The features of a plan while it is made: named ones, and those that a condition uses without a
/// name, shared where their meaning is equal. A rule's additions can be taken back, so that a draft
/// leaves nothing in the plan.
#pragma once
#include <cstddef>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cep/plan/feature.h"
#include "rules/syntax/tree.h"

namespace tocsin::rules {
/// For each part of a feature's key the field that holds it in an event type at which the feature
/// is read.
struct FeatureReader {
  cep::EventTypeIndex type;
  std::vector<cep::FieldIndex> fields;
};
class FeatureTable {
 public:
  const cep::Feature& operator[](cep::FeatureIndex index) const { return features_[index.value]; }
  /// Adds a feature with a name, while no rule is being checked.
  cep::FeatureIndex add_named(cep::Feature feature, const tree::Unless* unless);
  /// The feature without a name that has this meaning and is readable by `readers`; made where
  /// there is none. `meaning` is equal for equal features, names left out.
  cep::FeatureIndex add_unnamed(cep::Feature feature, const std::string& meaning,
                                const std::vector<FeatureReader>& readers,
                                const tree::Unless* unless);
  /// Gives each feature with `unless alerted by` the rule that `rule_of(unless)` says, if any.
  template <typename RuleOf>
  void for_each_unless(RuleOf&& rule_of) {
    for (std::size_t i = 0; i < features_.size(); ++i) {
      if (unless_[i] != nullptr) features_[i].unless_alerted_by = rule_of(*unless_[i]);
    }
  }
  /// Notes that events of these types read the feature: its key then says where they hold it.
  /// False, with nothing noted, where one already reads it by other fields.
  bool add_readers(cep::FeatureIndex index, const std::vector<FeatureReader>& readers);

  /// Begins a rule; `take_back` undoes what has been added since.
  void begin_rule();
  void take_back();
  /// All features, in order; leaves the table empty.
  std::vector<cep::Feature> take() { return std::move(features_); }

 private:
  struct MemberAdded {
    cep::FeatureIndex feature;
    cep::EventTypeIndex type;
  };
  bool can_read(const cep::Feature& feature, const std::vector<FeatureReader>& readers) const;

  std::vector<cep::Feature> features_;
  std::vector<const tree::Unless*> unless_;  // by feature; null where none
  std::size_t unnamed_ = 0;
  std::unordered_map<std::string, std::vector<cep::FeatureIndex>> by_meaning_;
  // Since begin_rule():
  std::size_t features_before_ = 0;
  std::vector<std::string> meanings_added_;
  std::vector<MemberAdded> members_added_;
};
}  // namespace tocsin::rules
