/// How often rules alerted in a backtest, and which rules these were: what a gate on the rate of
/// alerts looks at. It is small, and kept beside the report.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "cep/value/time.h"

namespace tocsin::api {
struct BacktestRates {
  /// A rule that ran.
  struct Rule {
    std::string digest;             // PackDigests::rules
    std::uint64_t alerts = 0;       // of all keys, whoever they are let out for
    std::int64_t busiest_day = 0;   // the day (UTC) with most of them, since 1970; the first such
    std::uint64_t on_that_day = 0;  // alerts
  };
  std::uint64_t backtest = 0;  // its number
  cep::EventTime ended_at;     // by the clock
  bool to_the_end = true;      // of the archive as it was then
  cep::EventTime first_event, last_event;
  std::string shared;                 // PackDigests::shared
  std::map<std::string, Rule> rules;  // by id
};
}  // namespace tocsin::api
