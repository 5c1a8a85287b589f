#include "api/commands/analysis_run.h"

#include <fmt/format.h>

#include <chrono>
#include <optional>

#include "api/base/command.h"
#include "api/base/human_text.h"
#include "api/base/progress.h"
#include "api/base/stop_signal.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;

// What was read, and what of it the rules did not see.
std::string read_text(const runtime::RunSummary& summary) {
  std::string text = fmt::format("{} in {}", format_count(summary.events, "event"),
                                 format_seconds(summary.seconds));
  if (summary.late != 0) text += fmt::format("; {} late", format_count(summary.late));
  if (summary.dead_letters != 0) {
    text += fmt::format("; {} rejected", format_count(summary.dead_letters, "line"));
  }
  return text + '\n';
}
}  // namespace

Outcome<runtime::RunSummary> run_for_analysis(const cep::Program& program,
                                              const std::vector<std::string>& inputs) {
  if (const Outcome<void> checked = check_inputs(inputs); !checked) {
    return tl::unexpected(checked.error());
  }
  runtime::RunOptions options = run_options_of(RunArguments{});
  options.profiles = true;
  const StopSignal stop_signal;
  options.stop_requested = [&] { return stop_signal.requested(); };
  ProgressLine line(true);
  const auto began = steady_clock::now();
  std::optional<std::string> rejected;
  runtime::Sinks sinks;
  sinks.progress = [&](const runtime::Progress& progress) {
    line.show(progress, std::chrono::duration<double>(steady_clock::now() - began).count());
  };
  sinks.dead_letter = [&](const runtime::DeadLetter& dead) {
    if (!rejected) rejected = fmt::format("{}:{}: {}", dead.input, dead.line, dead.reason);
  };
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
  tell(read_text(*summary));
  if (rejected) tell(fmt::format("the first rejected line: {}\n", *rejected));
  if (summary->events == 0) {
    return stop(ExitCode::kInputOutput,
                "the inputs have no event of a type that the rules declare");
  }
  return std::move(*summary);
}
}  // namespace tocsin::api
