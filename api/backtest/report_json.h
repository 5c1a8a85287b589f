/// A backtest's report for programs (docs/backtest.md says what stands in it).
#pragma once
#include <string>

#include "api/backtest/backtest_report.h"

namespace tocsin::api {
/// One JSON object, indented by two, without a line end.
std::string backtest_json(const BacktestReport& report);
}  // namespace tocsin::api
