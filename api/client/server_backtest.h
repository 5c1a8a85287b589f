/// `tocsin backtest --server`: a backtest that a server runs over its own archive.
#pragma once
#include "api/backtest/backtest_run.h"
#include "api/base/exit_code.h"
#include "api/client/server_client.h"

namespace tocsin::api {
/// Sends the rules, waits, and writes the report where `arguments` say; a signal cancels it. RULES
/// and --against of the one word `live` mean the rules that are active there. What a server does
/// not take is refused.
ExitCode backtest_on_server(const ServerOptions& server, const BacktestArguments& arguments);
}  // namespace tocsin::api
