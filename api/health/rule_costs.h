/// What rules cost, measured for a moment now and then, for metrics.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "api/base/configuration.h"
#include "api/health/rule_profiler.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"
#include "runtime/io/clock.h"

namespace tocsin::api {
/// What stands for all rules beyond the dearest, and for all features; no rule has such an id.
inline constexpr const char* kOtherRules = "(other)";
inline constexpr const char* kAllFeatures = "(features)";

struct RuleCost {
  std::string rule;  // its id, kOtherRules or kAllFeatures
  double cpu = 0;    // seconds of a processor that it took in a second
  double share = 0;  // of the time of all rules and features
};
/// The dearest `rules_max` rules by themselves, with the dearest first; then kOtherRules, if there
/// are more, and kAllFeatures, if there are any. Those that had nothing to do are among the others.
std::vector<RuleCost> rule_costs(const cep::Plan& plan, const cep::EngineProfile& profile,
                                 double seconds, std::size_t rules_max);

struct RuleCostOptions {
  std::chrono::milliseconds every{60'000};
  std::chrono::milliseconds time{2'000};  // of one measurement; at most `every`
  std::size_t rules_max = 20;
};
/// The settings `profile.…`; nothing: rules are not measured. Errors: kInvalidArgument where a
/// measurement would take longer than until the next one.
Result<std::optional<RuleCostOptions>> rule_cost_options(const Configuration& configuration);

/// Measures with a thread of its own. Threading: any.
class RuleCostWatch {
 public:
  /// The profiler and the clock outlive it.
  RuleCostWatch(RuleProfiler& profiler, runtime::Clock& clock, RuleCostOptions options);
  RuleCostWatch(const RuleCostWatch&) = delete;
  RuleCostWatch& operator=(const RuleCostWatch&) = delete;
  ~RuleCostWatch();
  /// Before the node ends.
  void stop();
  struct Last {
    cep::EventTime at;  // when it had been measured
    std::vector<RuleCost> rules;
  };
  /// Of the last measurement; nothing before the first, and once other rules hold: until the next.
  std::optional<Last> last() const;

 private:
  void work();
  bool wait_for(std::chrono::milliseconds time);
  void keep(std::optional<Last> last);

  RuleProfiler& profiler_;
  runtime::Clock& clock_;
  const RuleCostOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable stopping_;
  bool is_stopping_ = false;
  std::optional<Last> last_;
  std::thread thread_;
};
}  // namespace tocsin::api
