/// The budgets of one rule, counted afresh at each event: a payment, then a transfer of the same
/// card, within so long, every pair.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cep/data/alert.h"
#include "cep/plan/limits.h"
#include "cep/record/budget.h"
#include "tests/support/oracle.h"

namespace tocsin::tests {
struct NaiveBudget {
  struct Run {
    std::int64_t time_us = 0;
    std::size_t arrival = 0;
    std::string key;
    std::uint64_t bytes = 0;
  };
  cep::Limits limits;
  std::int64_t within_us = 0;
  std::vector<Run> runs;  // of all keys, the oldest first
  std::map<std::string, std::pair<std::uint64_t, std::int64_t>> lost;  // how many, until when
  std::map<std::pair<std::string, cep::BudgetCause>, std::int64_t> hours;
  std::vector<std::string> out;    // alerts, and what was said of budgets
  std::vector<std::string> later;  // after the event's own alerts

  /// `event_bytes`: what the event takes where it is captured.
  void take(const oracle::PlacedEvent& event, bool is_start, const std::string& key,
            std::uint64_t event_bytes);

 private:
  void exceed(std::int64_t now, const std::string& key, cep::BudgetCause cause);
  void lose(std::vector<Run>::iterator run, std::int64_t now);
  void keep_key(const std::string& key, std::int64_t now);
  void keep_group(const std::string& key, std::int64_t now);
};
}  // namespace tocsin::tests
