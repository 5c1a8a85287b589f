#include "api/backtest/changed_samples.h"

#include <algorithm>
#include <set>
#include <utility>

namespace tocsin::api {
ChangedSamples::ChangedSamples(const std::vector<Change>& rules, std::size_t samples)
    : samples_(std::min(samples, kWaitingMax)) {
  for (Side& side : sides_) side.waiting.resize(rules.size());
  for (std::size_t pair = 0; pair < rules.size(); ++pair) {
    sides_[0].pair_of_rule[rules[pair].first] = pair;
    sides_[1].pair_of_rule[rules[pair].second] = pair;
  }
}

ChangedSamples::Moment ChangedSamples::moment_of(const AlertFacts& alert) {
  return {alert.ts.us, alert.key, alert.last_event};
}

void ChangedSamples::add(Set set, const AlertFacts& alert,
                         const std::function<SampleAlert()>& sample) {
  if (samples_ == 0) return;
  const std::lock_guard lock(mutex_);
  Side& own = sides_[set == Set::kNew ? 0 : 1];
  Side& other = sides_[set == Set::kNew ? 1 : 0];
  const auto found = own.pair_of_rule.find(alert.rule);
  if (found == own.pair_of_rule.end()) return;
  const std::size_t pair = found->second;
  const Moment moment = moment_of(alert);
  if (const auto same = other.waiting[pair].find(moment); same != other.waiting[pair].end()) {
    other.waiting[pair].erase(same);
  } else if (own.waiting[pair].size() < kWaitingMax) {
    own.waiting[pair].emplace(moment, sample());
  }
}

std::vector<ChangedAlerts> ChangedSamples::take(std::span<const AlertFacts> fresh,
                                                std::span<const AlertFacts> old) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::vector<SampleAlert>> added = examples_of(sides_[0], sides_[1], old);
  std::vector<std::vector<SampleAlert>> gone = examples_of(sides_[1], sides_[0], fresh);
  std::vector<ChangedAlerts> all(added.size());
  for (std::size_t pair = 0; pair < all.size(); ++pair) {
    all[pair] = {std::move(added[pair]), std::move(gone[pair])};
  }
  return all;
}

std::vector<std::vector<SampleAlert>> ChangedSamples::examples_of(
    const Side& side, const Side& other, std::span<const AlertFacts> of_other) const {
  // An alert may have come while too many waited, so that the same one of the other set waits.
  std::vector<std::set<Moment>> known(side.waiting.size());
  for (const AlertFacts& alert : of_other) {
    const auto pair = other.pair_of_rule.find(alert.rule);
    if (pair == other.pair_of_rule.end()) continue;
    const Moment moment = moment_of(alert);
    if (side.waiting[pair->second].contains(moment)) known[pair->second].insert(moment);
  }
  std::vector<std::vector<SampleAlert>> examples(side.waiting.size());
  for (std::size_t pair = 0; pair < examples.size(); ++pair) {
    for (const auto& [moment, sample] : side.waiting[pair]) {
      if (examples[pair].size() == samples_) break;
      if (!known[pair].contains(moment)) examples[pair].push_back(sample);
    }
  }
  return examples;
}
}  // namespace tocsin::api
