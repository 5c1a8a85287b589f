/// One backtest of a server: rules over its archive, on the thread that calls.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/backtest/backtest_rates.h"
#include "api/jobs/backtest_job.h"
#include "api/jobs/job_store.h"
#include "cep/base/result.h"
#include "cep/plan/plan_fwd.h"
#include "runtime/archive/archive_format.h"
#include "runtime/event_time/run_options.h"
#include "runtime/io/files.h"

namespace tocsin::api {
struct BacktestControl {
  std::function<bool()> stop_requested;       // asked often, on any thread
  std::function<void(double)> progress;       // how much of it is done, 0 to 1
  std::vector<std::string>* notes = nullptr;  // gets what of the archive was not read
  /// Gets how often rules alerted, where there were events; without number and end.
  std::shared_ptr<BacktestRates>* rates = nullptr;
};
/// What it runs with.
struct BacktestResources {
  runtime::Files& files;
  std::string data;  // the data directory with the archive
  /// As the server judges events by time; without its threads and clocks.
  runtime::RunOptions options;
  /// Labels::parse()'s lines of what people made of the alerts of a time; nothing: of all.
  std::function<Result<std::string>(const std::optional<runtime::TimeSpan>&)> triage_labels;
  std::uint32_t workers = 1;  // threads that match events
  /// Of what rules remember, and of events that wait to be put in order, each.
  std::uint64_t memory_max = std::uint64_t{1} << 30;
  std::size_t compare_max = 1'000'000;  // TallyOptions::facts_max
  /// What masks personal data in alerts of these rules; empty: nothing does.
  using Masker = std::function<std::string(std::string_view)>;
  std::function<Masker(const std::vector<const cep::Plan*>&)> masker_of = {};
};
using BacktestWork =
    std::function<Result<StoredReport>(const BacktestRequest& request, const BacktestControl&)>;
/// Runs it. Fails with kStopped where it was stopped, kLimit where it needs more memory than it
/// may have, kInvalidArgument for labels that are none.
Result<StoredReport> run_archive_backtest(const BacktestResources& resources,
                                          const BacktestRequest& request,
                                          const BacktestControl& control);
}  // namespace tocsin::api
