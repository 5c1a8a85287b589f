/// Counts the alerts of one set of rules while they are raised.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "api/backtest/alert_facts.h"
#include "api/backtest/labels.h"
#include "cep/data/alert.h"
#include "cep/data/alert_format.h"
#include "cep/plan/plan_fwd.h"

namespace tocsin::api {
struct TallyOptions {
  std::size_t samples = 3;  // alerts of each rule that are kept as they are
  /// Alerts whose facts are kept (32 bytes each): later ones are counted, and neither compared nor
  /// looked at for keys.
  std::size_t facts_max = 10'000'000;
};
/// An alert as it is, and as people read it.
struct SampleAlert {
  std::string json;  // format 1
  std::string time;
  std::string key;  // "card c1, merchant m7"
  std::string message;
  std::vector<std::string> events;  // "hit 2026-03-02T12:00:00Z: amount 250.00", the values read
  std::uint64_t events_omitted = 0;
};
struct RuleTally {
  std::uint64_t alerts = 0;
  std::uint64_t held_back = 0;  // that these alerts say were suppressed before them
  std::map<std::int64_t, std::uint64_t> by_day;  // alerts, by day_of()
  std::array<std::uint64_t, 24> by_hour = {};
  LabelTally labels;
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
  /// Of the first alerts, in their order.
  const std::vector<AlertFacts>& facts() const { return facts_; }
  /// How many alerts came after those.
  std::uint64_t facts_left_out() const { return facts_left_out_; }

 private:
  SampleAlert sample_of(const cep::Alert& alert);

  const cep::Plan& plan_;
  const Labels* labels_;
  const TallyOptions options_;
  AlertFactsMaker facts_maker_;
  cep::AlertFormat format_;
  std::vector<RuleTally> rules_;
  LabelTally labels_of_all_;
  std::vector<AlertFacts> facts_;
  std::uint64_t facts_left_out_ = 0;
  std::vector<std::uint32_t> found_;
};
}  // namespace tocsin::api
