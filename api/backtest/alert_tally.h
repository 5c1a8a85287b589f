/// Counts the alerts of one set of rules while they are raised.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/backtest/alert_facts.h"
#include "api/backtest/alert_value.h"
#include "api/backtest/changed_samples.h"
#include "api/backtest/labels.h"
#include "api/backtest/sample_alert.h"
#include "cep/data/alert.h"
#include "cep/data/alert_format.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::api {
struct TallyOptions {
  std::size_t samples = 3;  // alerts of each rule that are kept as they are
  /// Alerts whose facts are kept (32 bytes each): later ones are counted, and neither compared nor
  /// looked at for keys.
  std::size_t facts_max = 10'000'000;
  /// Gets each alert whose facts are kept, as one of this set; may be null.
  ChangedSamples* changed = nullptr;
  ChangedSamples::Set set = ChangedSamples::Set::kNew;
  std::string value = {};  // the field of alerts that is added up; empty: none
};
struct RuleTally {
  std::uint64_t alerts = 0;
  std::uint64_t held_back = 0;  // that these alerts say were suppressed before them
  std::map<std::int64_t, std::uint64_t> by_day;  // alerts, by day_of()
  std::array<std::uint64_t, 24> by_hour = {};
  LabelTally labels;
  ValueTally value;
  std::vector<SampleAlert> samples;  // the first ones
};
/// Threading: one caller at a time.
class AlertTally {
 public:
  /// `plan` and `labels` must outlive it; no labels: null.
  AlertTally(const cep::Plan& plan, const Labels* labels, const TallyOptions& options);
  /// Counts it, whatever the status of its rule; the engine's own are left out.
  void add(const cep::Alert& alert);

  /// By RuleIndex.
  const std::vector<RuleTally>& rules() const { return rules_; }
  /// Of all rules together.
  const LabelTally& labels() const { return labels_of_all_; }
  /// Whether values are added up.
  bool has_values() const { return value_reader_.has_value(); }
  /// Of all rules together.
  const ValueTally& value() const { return value_of_all_; }
  /// Of the first alerts, in their order.
  const std::vector<AlertFacts>& facts() const { return facts_; }
  /// The values of those alerts; empty where values are not added up.
  const std::vector<AlertValue>& values() const { return values_; }
  /// How many alerts came after those.
  std::uint64_t facts_left_out() const { return facts_left_out_; }

 private:
  SampleAlert sample_of(const cep::Alert& alert);

  const cep::Plan& plan_;
  const Labels* labels_;
  const TallyOptions options_;
  AlertFactsMaker facts_maker_;
  std::optional<AlertValueReader> value_reader_;  // where values are added up
  cep::AlertFormat format_;
  std::vector<RuleTally> rules_;
  LabelTally labels_of_all_;
  ValueTally value_of_all_;
  std::vector<AlertFacts> facts_;
  std::vector<AlertValue> values_;
  std::uint64_t facts_left_out_ = 0;
  std::vector<std::uint32_t> found_;
};
}  // namespace tocsin::api
