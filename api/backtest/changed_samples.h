/// Examples of the alerts that one of two sets of rules raises alone.
#pragma once
#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <tuple>
#include <vector>

#include "api/backtest/alert_facts.h"
#include "api/backtest/comparison.h"
#include "api/backtest/sample_alert.h"

namespace tocsin::api {
/// Of a rule that both sets have, the first of each kind.
struct ChangedAlerts {
  std::vector<SampleAlert> added;
  std::vector<SampleAlert> gone;
};
/// Takes the alerts of both sets while they run. An alert waits for the same one of the other set;
/// those that waited in vain are the examples. Both sets are best run together: where one comes
/// after the other, there may be fewer examples than alerts. Threading: any.
class ChangedSamples {
 public:
  /// Alerts of each rule and set that wait at most; others that come meanwhile are no examples.
  static constexpr std::size_t kWaitingMax = 64;

  /// `rules`: the pairs of rules, of which each is in one at most. `samples`: examples of a kind.
  ChangedSamples(const std::vector<Change>& rules, std::size_t samples);
  ChangedSamples(const ChangedSamples&) = delete;
  ChangedSamples& operator=(const ChangedSamples&) = delete;

  enum class Set { kNew, kOld };
  /// `sample` makes the example; it is called where one is kept.
  void add(Set set, const AlertFacts& alert, const std::function<SampleAlert()>& sample);
  /// By pair. Given all alerts of both sets: an example is in none of those of the other.
  std::vector<ChangedAlerts> take(std::span<const AlertFacts> fresh,
                                  std::span<const AlertFacts> old) const;

 private:
  // What makes an alert the same in both sets; in the order of time.
  using Moment = std::tuple<std::int64_t, std::uint64_t, std::uint64_t>;
  using Waiting = std::multimap<Moment, SampleAlert>;
  struct Side {
    std::map<std::uint32_t, std::size_t> pair_of_rule;
    std::vector<Waiting> waiting;  // by pair
  };
  static Moment moment_of(const AlertFacts& alert);
  std::vector<std::vector<SampleAlert>> examples_of(const Side& side, const Side& other,
                                                    std::span<const AlertFacts> of_other) const;

  const std::size_t samples_;
  mutable std::mutex mutex_;
  std::array<Side, 2> sides_;
};
}  // namespace tocsin::api
