#include "api/backtest/comparison.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace tocsin::api {
namespace {
// Something that alerts may have in common, as a digest, and which rule of which set has it.
struct Trait {
  std::uint64_t digest = 0;
  bool is_second = false;
  std::uint32_t rule = 0;
  friend auto operator<=>(const Trait&, const Trait&) = default;
};
using Pairs = std::map<std::pair<std::uint32_t, std::uint32_t>, Overlap>;

// Counts for each pair of rules the alerts of the first that share a trait with the second.
template <typename DigestOf>
void count_shared(std::span<const AlertFacts> first, std::span<const AlertFacts> second,
                  DigestOf&& digest_of_alert, std::uint64_t Overlap::*count, Pairs& pairs) {
  std::vector<Trait> traits;
  traits.reserve(first.size() + second.size());
  for (const AlertFacts& alert : first)
    traits.push_back({digest_of_alert(alert), false, alert.rule});
  for (const AlertFacts& alert : second)
    traits.push_back({digest_of_alert(alert), true, alert.rule});
  std::ranges::sort(traits);
  std::vector<std::uint32_t> others;  // rules of the second set, each once
  for (auto begin = traits.begin(); begin != traits.end();) {
    const auto middle = std::find_if(begin, traits.end(), [&](const Trait& trait) {
      return trait.digest != begin->digest || trait.is_second;
    });
    const auto end = std::find_if(
        middle, traits.end(), [&](const Trait& trait) { return trait.digest != begin->digest; });
    others.clear();
    for (auto other = middle; other != end; ++other) {
      if (others.empty() || others.back() != other->rule) others.push_back(other->rule);
    }
    for (auto one = begin; one != middle; ++one) {
      for (const std::uint32_t other : others) {
        Overlap& overlap = pairs[{one->rule, other}];
        overlap.first = one->rule;
        overlap.second = other;
        ++(overlap.*count);
      }
    }
    begin = end;
  }
}

// What makes an alert the same in both sets, behind its pair of rules.
using Moment = std::tuple<std::uint32_t, std::uint64_t, std::int64_t, std::uint64_t>;
struct PlacedMoment {
  Moment moment;
  std::size_t place = 0;  // of the alert
};

// By moment, those of one moment as they came.
std::vector<PlacedMoment> moments_of(std::span<const AlertFacts> alerts,
                                     const std::map<std::uint32_t, std::uint32_t>& pair_of_rule) {
  std::vector<PlacedMoment> moments;
  for (std::size_t i = 0; i < alerts.size(); ++i) {
    const AlertFacts& alert = alerts[i];
    const auto pair = pair_of_rule.find(alert.rule);
    if (pair == pair_of_rule.end()) continue;
    moments.push_back({{pair->second, alert.key, alert.ts.us, alert.last_event}, i});
  }
  std::ranges::sort(moments, [](const PlacedMoment& a, const PlacedMoment& b) {
    return std::tie(a.moment, a.place) < std::tie(b.moment, b.place);
  });
  return moments;
}
}  // namespace

std::vector<std::uint64_t> count_keys(std::span<const AlertFacts> alerts, std::size_t rules) {
  std::vector<std::pair<std::uint32_t, std::uint64_t>> keys;
  keys.reserve(alerts.size());
  for (const AlertFacts& alert : alerts) keys.emplace_back(alert.rule, alert.key);
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  std::vector<std::uint64_t> counts(rules);
  for (const auto& [rule, key] : keys) ++counts[rule];
  return counts;
}

std::vector<Overlap> find_overlaps(std::span<const AlertFacts> first,
                                   std::span<const AlertFacts> second) {
  Pairs pairs;
  count_shared(
      first, second,
      [](const AlertFacts& alert) {
        return digest_of(alert.key, static_cast<std::uint64_t>(day_of(alert.ts)));
      },
      &Overlap::same_day, pairs);
  count_shared(
      first, second, [](const AlertFacts& alert) { return alert.last_event; }, &Overlap::same_event,
      pairs);
  std::vector<Overlap> overlaps;
  for (const auto& [rules, overlap] : pairs) overlaps.push_back(overlap);
  return overlaps;
}

void count_changes(const ValuedAlerts& first, const ValuedAlerts& second,
                   std::vector<Change>& changes) {
  std::map<std::uint32_t, std::uint32_t> pair_of_first;
  std::map<std::uint32_t, std::uint32_t> pair_of_second;
  for (std::uint32_t i = 0; i < changes.size(); ++i) {
    pair_of_first[changes[i].first] = i;
    pair_of_second[changes[i].second] = i;
  }
  const std::vector<PlacedMoment> now = moments_of(first.facts, pair_of_first);
  const std::vector<PlacedMoment> before = moments_of(second.facts, pair_of_second);
  const auto count = [&](const ValuedAlerts& set, const PlacedMoment& alert,
                         std::uint64_t Change::*counted, ValueSum Change::*sum) {
    Change& change = changes[std::get<0>(alert.moment)];
    ++(change.*counted);
    if (!set.values.empty()) (change.*sum).add(set.values[alert.place]);
  };
  auto one = now.begin();
  auto other = before.begin();
  while (one != now.end() || other != before.end()) {
    if (other == before.end() || (one != now.end() && one->moment < other->moment)) {
      count(first, *one++, &Change::added, &Change::added_value);
    } else if (one == now.end() || other->moment < one->moment) {
      count(second, *other++, &Change::gone, &Change::gone_value);
    } else {
      count(first, *one++, &Change::same, &Change::same_value);
      ++other;
    }
  }
  for (Change& change : changes) {  // they stand beside each other
    const int digits =
        std::max({change.same_value.digits, change.added_value.digits, change.gone_value.digits});
    for (ValueSum* const sum : {&change.same_value, &change.added_value, &change.gone_value}) {
      sum->digits = digits;
    }
  }
}
}  // namespace tocsin::api
