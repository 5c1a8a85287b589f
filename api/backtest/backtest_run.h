/// `tocsin backtest`: rules over events of the past, and what they would have raised.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "api/backtest/alert_tally.h"
#include "api/base/exit_code.h"
#include "api/node/run_arguments.h"

namespace tocsin::api {
/// The command line as it was written.
struct BacktestArguments {
  /// RULES, --input, the settings of event time, --colour and --quiet, as of `tocsin run`.
  RunArguments run;
  std::string archive;      // a data directory instead of --input; empty: none
  std::string from, to;     // of it; empty: all
  std::string lists_as_of;  // of it; empty: lists change as they did
  std::vector<std::string> against;
  std::string labels;              // a file; empty: none
  std::string alerts, json, html;  // outputs; empty: none
  bool varies = false;
  std::size_t variants_max = 200;
  TallyOptions tally;

  const std::string& late() const { return run.text("output.late"); }
  const std::string& dead_letter() const { return run.text("output.dead_letter"); }
};
/// Reads, runs, reports on standard output and in files; says how the program then ends.
ExitCode run_backtest(const BacktestArguments& arguments);
}  // namespace tocsin::api
