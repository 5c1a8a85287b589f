/// A backtest's report for a terminal.
#pragma once
#include <string>

#include "api/backtest/alert_value.h"
#include "api/backtest/backtest_report.h"

namespace tocsin::api {
/// Several lines, each with its end. Rules beyond the tenth with most alerts are in the tables
/// alone.
std::string backtest_text(const BacktestReport& report);
/// "-1,234,567.50".
std::string sum_text(const ValueSum& sum);
/// "12.5 %"; "-" for nothing.
std::string share_text(const std::optional<double>& share);
}  // namespace tocsin::api
