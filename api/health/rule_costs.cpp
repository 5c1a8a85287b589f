#include "api/health/rule_costs.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "runtime/io/background_thread.h"

namespace tocsin::api {
std::vector<RuleCost> rule_costs(const cep::Plan& plan, const cep::EngineProfile& profile,
                                 double seconds, std::size_t rules_max) {
  std::uint64_t features_ns = 0;
  for (const cep::EngineProfile::Part& feature : profile.features) features_ns += feature.ns;
  std::uint64_t rules_ns = 0;
  std::vector<std::size_t> dearest;
  for (std::size_t i = 0; i < std::min(profile.rules.size(), plan.rules.size()); ++i) {
    rules_ns += profile.rules[i].ns;
    if (profile.rules[i].ns != 0) dearest.push_back(i);
  }
  std::ranges::stable_sort(dearest, [&](std::size_t a, std::size_t b) {
    return profile.rules[a].ns > profile.rules[b].ns;
  });
  dearest.resize(std::min(dearest.size(), rules_max));
  const std::uint64_t all_ns = rules_ns + features_ns;
  std::vector<RuleCost> costs;
  const auto add = [&](std::string name, std::uint64_t ns) {
    const auto taken = static_cast<double>(ns);
    costs.push_back({std::move(name), seconds > 0 ? taken / 1e9 / seconds : 0,
                     all_ns > 0 ? taken / static_cast<double>(all_ns) : 0});
  };
  std::uint64_t other_ns = rules_ns;
  for (const std::size_t rule : dearest) {
    add(plan.rules[rule].id, profile.rules[rule].ns);
    other_ns -= profile.rules[rule].ns;
  }
  if (plan.rules.size() > dearest.size()) add(kOtherRules, other_ns);
  if (!plan.features.empty()) add(kAllFeatures, features_ns);
  return costs;
}

Result<std::optional<RuleCostOptions>> rule_cost_options(const Configuration& configuration) {
  const std::optional<cep::Duration> every = configuration.duration_limit("profile.every");
  if (!every) return std::nullopt;
  RuleCostOptions options;
  options.every = std::chrono::milliseconds(every->us / 1000);
  options.time = std::chrono::milliseconds(configuration.duration("profile.time").us / 1000);
  options.rules_max = static_cast<std::size_t>(configuration.integer("profile.rules_max"));
  if (options.time > options.every) {
    return fail(Errc::kInvalidArgument,
                "profile.time is longer than profile.every: a measurement ends before the next one "
                "begins");
  }
  return options;
}

RuleCostWatch::RuleCostWatch(RuleProfiler& profiler, runtime::Clock& clock, RuleCostOptions options)
    : profiler_(profiler), clock_(clock), options_(options), thread_([this] { work(); }) {}
RuleCostWatch::~RuleCostWatch() { stop(); }

void RuleCostWatch::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  stopping_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::optional<RuleCostWatch::Last> RuleCostWatch::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

void RuleCostWatch::work() {
  runtime::begin_background_thread("rule-costs");
  while (wait_for(options_.every - options_.time)) {
    const auto measured = profiler_.measure_for_figures(options_.time);
    if (measured) {
      keep(Last{clock_.now(), rule_costs(measured->program.plan(), measured->profile,
                                         measured->seconds, options_.rules_max)});
    } else if (measured.error().why == NotMeasured::Why::kOtherRules) {
      keep(std::nullopt);
    } else if (!wait_for(options_.time)) {
      return;
    }
  }
}

// False: it is to stop.
bool RuleCostWatch::wait_for(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !stopping_.wait_for(lock, time, [this] { return is_stopping_; });
}

void RuleCostWatch::keep(std::optional<Last> last) {
  const std::lock_guard lock(mutex_);
  last_ = std::move(last);
}
}  // namespace tocsin::api
