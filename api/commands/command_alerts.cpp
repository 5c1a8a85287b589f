#include "api/commands/command_alerts.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "api/alerts/stored_effects.h"
#include "api/base/exit_code.h"
#include "api/base/output_file.h"
#include "api/base/stop_signal.h"

namespace tocsin::api {
namespace {
struct AlertsOptions {
  std::string data;
  std::string rule;  // empty: all
};

ExitCode print_alerts(const AlertsOptions& options) {
  ignore_write_signals();
  const Result<StoredEffects> effects = StoredEffects::open(options.data);
  if (!effects) return end_with(exit_code_of(effects.error().code), effects.error().message);
  Result<OutputFile> output = OutputFile::open("-");
  if (!output) return end_with(ExitCode::kInputOutput, output.error().message);
  Result<void> written;
  if (effects->reader()) {
    const Result<void> read = effects->reader()->alerts(1, [&](const runtime::StoredAlert& alert) {
      const bool is_shown = alert.is_live && alert.repeat_of == 0 &&
                            (options.rule.empty() || alert.rule == options.rule);
      if (is_shown) written = output->write_line(alert.line);
      return written.has_value();
    });
    if (written && !read) return end_with(exit_code_of(read.error().code), read.error().message);
  }
  if (written) written = output->close();
  if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
  return ExitCode::kSuccess;
}
}  // namespace

void add_alerts_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<AlertsOptions>();
  CLI::App* command = program.add_subcommand("alerts", "Print the alerts in a data directory");
  command->add_option("--data", options->data, "The data directory of `tocsin run --data`")
      ->type_name("FOLDER")
      ->required();
  command->add_option("--rule", options->rule, "Only the alerts of the rule with this id")
      ->type_name("ID");
  command->footer(
      R"(Each alert is one line of JSON, as `tocsin run` writes it, in the order in which they were raised.
Alerts of shadow rules are left out. A run may be using the directory: the command prints what is
stored up to now.

Exit codes:
  0  all were printed, or there is none
  2  wrong command line
  3  standard output or a file of the directory failed
  5  there is no such data directory, it is damaged, or a newer tocsin wrote it

Examples:
  tocsin alerts --data data
  tocsin alerts --data data --rule card_testing > card_testing.ndjson)");
  command->callback(
      [&chosen, options] { chosen.run = [options] { return print_alerts(*options); }; });
}
}  // namespace tocsin::api
