/// Alerts of one set of rules beside those of another, or of the same set as it was.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "api/backtest/alert_facts.h"
#include "api/backtest/alert_value.h"

namespace tocsin::api {
/// How many different keys the alerts of each rule have, by RuleIndex; `rules`: how many there are.
std::vector<std::uint64_t> count_keys(std::span<const AlertFacts> alerts, std::size_t rules);

/// How much of one rule's alerts another rule raises too.
struct Overlap {
  std::uint32_t first = 0;       // RuleIndex in one set
  std::uint32_t second = 0;      // in the other
  std::uint64_t same_day = 0;    // alerts of the first with one of the second on the same key on
                                 // the same day (UTC)
  std::uint64_t same_event = 0;  // with one of the second by the same last event
};
/// The pairs that have anything in common, by first and second. Takes n log n of all alerts, and
/// for each key and day (or event) the rules that alert on it in one set times those in the other.
std::vector<Overlap> find_overlaps(std::span<const AlertFacts> first,
                                   std::span<const AlertFacts> second);

/// What became of the alerts of a rule that both sets have. An alert is the same if it is on the
/// same key, at the same time, with the same last event.
struct Change {
  std::uint32_t first = 0;   // RuleIndex in the new set
  std::uint32_t second = 0;  // in the old one
  std::uint64_t same = 0;
  std::uint64_t added = 0;  // in the new one alone
  std::uint64_t gone = 0;   // in the old one alone
  /// What these alerts have in common as values; of the same ones those of the new set.
  ValueSum same_value = {}, added_value = {}, gone_value = {};
};
/// Alerts of a set, with their values, by place, or without any.
struct ValuedAlerts {
  std::span<const AlertFacts> facts;
  std::span<const AlertValue> values = {};
};
/// Of the pairs of rules in `changes`, whose `first` and `second` are given and of which each rule
/// is in one at most: fills in the counts, and the sums where there are values.
void count_changes(const ValuedAlerts& first, const ValuedAlerts& second,
                   std::vector<Change>& changes);
}  // namespace tocsin::api
