/// A backtest's report as one page for a browser. It needs nothing from outside and no script.
#pragma once
#include <string>

#include "api/backtest/backtest_report.h"

namespace tocsin::api {
/// The page, without a line end after its last tag. All texts of rules and events are escaped.
std::string backtest_html(const BacktestReport& report);
}  // namespace tocsin::api
