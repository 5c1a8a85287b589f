#include "api/commands/analysis_run.h"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "api/base/command.h"
#include "api/base/progress.h"
#include "api/base/stop_signal.h"
#include "api/node/run_report.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;

// What was read, and what of it the rules did not see.
std::string read_text(const RunReport& report) {
  const runtime::RunSummary& summary = report.summary;
  std::string text = fmt::format("{} in {}", rules::format_count(summary.events, "event"),
                                 rules::format_seconds(summary.seconds));
  if (summary.late != 0) text += fmt::format("; {} late", rules::format_count(summary.late));
  if (summary.dead_letters != 0) {
    const auto [reason, lines] = report.rejected.by_count().front();
    text += fmt::format("; {} rejected, first at {}: {}",
                        rules::format_count(summary.dead_letters, "line"), lines.first, reason);
  }
  return text + '\n';
}
}  // namespace

Outcome<runtime::RunSummary> run_for_analysis(const cep::Program& program,
                                              const std::vector<std::string>& inputs) {
  runtime::RunOptions options = run_options_of(RunArguments{});
  const Outcome<void> checked = check_inputs(inputs, options.reading, &program.plan());
  if (!checked) return tl::unexpected(checked.error());
  options.profiles = true;
  const StopSignal stop_signal;
  options.stop_requested = [&] { return stop_signal.requested(); };
  ProgressLine line(true);
  const auto began = steady_clock::now();
  RunReport report;
  runtime::Sinks sinks;
  sinks.progress = [&](const runtime::Progress& progress) {
    line.show(progress, std::chrono::duration<double>(steady_clock::now() - began).count());
  };
  sinks.dead_letter = [&](const runtime::DeadLetter& dead) { report.rejected.add(dead); };
  std::vector<runtime::Input> from;
  for (const std::string& input : inputs) from.push_back({input, std::nullopt});
  Result<runtime::RunSummary> summary = runtime::run(program, from, options, sinks);
  line.clear();
  if (!summary) {
    return stop(ExitCode::kInputOutput,
                stop_signal.requested()
                    ? fmt::format("stopped by {} before the inputs ended", stop_signal.name())
                    : summary.error().message);
  }
  report.summary = std::move(*summary);
  if (const auto unusable = nothing_usable(report)) return stop(ExitCode::kInputOutput, *unusable);
  tell(read_text(report));
  return std::move(report.summary);
}
}  // namespace tocsin::api
