#include "api/commands/command_backtest.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/backtest/backtest_run.h"
#include "api/base/colour.h"
#include "api/base/setting_options.h"
#include "api/base/settings.h"
#include "api/client/server_backtest.h"
#include "api/client/server_client.h"
#include "api/commands/cache_option.h"

namespace tocsin::api {
namespace {
// Settings of `tocsin run` that alerts depend on, or that a run without a data directory has.
struct Offered {
  std::string_view name;
  std::string_view description;  // empty: that of `run`
};
constexpr Offered kOffered[] = {
    {"input.format", ""},
    {"input.directory_files", "Files that a directory may have"},
    {"csv.separator", ""},
    {"csv.type", ""},
    {"csv.columns", ""},
    {"csv.rename", ""},
    {"csv.decimal", ""},
    {"rules.event_steps_max", ""},
    {"rules.workers", ""},
    {"events.unknown_types", ""},
    {"memory.reorder",
     "Memory for events that wait to be put in order. Beyond it the backtest ends"},
    {"time.out_of_orderness", ""},
    {"time.late_policy", ""},
    {"time.late_max", ""},
    {"time.ahead_max", ""},
    {"time.jump_max", ""},
    {"time.final_watermark",
     "At the end of the inputs, move time past every deadline, so that absences are decided "
     "(default), or leave them pending"},
    {"output.late", ""},
    {"output.dead_letter", ""},
};

std::span<const Setting> offered_settings() {
  static const std::vector<Setting> kSettings = [] {
    std::vector<Setting> settings;
    for (const Setting& setting : run_settings()) {
      const auto* const offered = std::ranges::find(kOffered, setting.name, &Offered::name);
      if (offered == std::end(kOffered)) continue;
      settings.push_back(setting);
      if (!offered->description.empty()) settings.back().description = offered->description;
    }
    return settings;
  }();
  return kSettings;
}

struct BacktestCommand {
  BacktestArguments arguments;
  ServerOptions server;
  OptionValues values;
};

ExitCode run(const BacktestCommand& command) {
  BacktestArguments arguments = command.arguments;
  if (auto set = arguments.run.settings.set_options(command.values); !set)
    return end_with(ExitCode::kUsage, set.error().message);
  if (!command.server.url.empty()) return backtest_on_server(command.server, arguments);
  return run_backtest(arguments);
}

void add_outputs(CLI::App& command, BacktestArguments& arguments) {
  const auto add = [&](const char* name, std::string& to, const char* description) {
    command.add_option(name, to, description)->type_name("FILE")->group("Output");
  };
  add("--alerts", arguments.alerts, "Write the alerts of RULES, as `tocsin run` would");
  add("--report-json", arguments.json, "Write the report as JSON");
  add("--html", arguments.html, "Write the report as one page for a browser, with charts");
  command
      .add_option("--samples", arguments.tally.samples,
                  "Alerts of each rule that the report shows (default: 3)")
      ->type_name("N")
      ->check(CLI::Range(0, 1000).description(""))
      ->group("Output");
  command.add_flag("-q,--quiet", arguments.run.quiet,
                   "No progress, and no summary of what was read; errors and warnings are still "
                   "shown");
}

void add_comparisons(CLI::App& command, BacktestArguments& arguments) {
  command
      .add_option("--against", arguments.against,
                  "Compare with the alerts of these rules on the same events; files or folders")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->group("Comparison");
  command
      .add_option("--labels", arguments.labels,
                  "What is known to be fraud, one JSON object per line: precision and recall")
      ->type_name("FILE")
      ->group("Comparison");
  command
      .add_option("--value", arguments.tally.value,
                  "Add up this field of the alerts, such as amount, exactly; with --labels also "
                  "what was caught")
      ->type_name("FIELD")
      ->check([](const std::string& field) {
        return field.empty() ? std::string("FIELD is empty") : std::string();
      })
      ->group("Comparison");
  command
      .add_flag("--vary", arguments.varies,
                "Also run the rules with neighbouring bounds: numbers compared with, counts of "
                "loops, durations")
      ->group("Comparison");
  command
      .add_option("--vary-max", arguments.variants_max,
                  "The most variants of rules that --vary runs (default: 200)")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000).description(""))
      ->group("Comparison");
  command
      .add_option("--compare-max", arguments.tally.facts_max,
                  "Alerts of a set of rules that are compared and whose keys are counted, in "
                  "about 50 bytes each (default: 10000000)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000'000}).description(""))
      ->group("Comparison");
}

constexpr const char* kFooter =
    R"(The rules run as `tocsin run` runs them. The report goes to standard output: what each rule looked at,
raised and cost. Nothing is delivered. Several inputs are merged by event time. An interrupt (Ctrl-C)
ends the backtest without a report. A TIME is written 2026-03-02T12:00:00Z, or 2026-03-02 for the
beginning of that day in UTC; rules know nothing of the events before --from. A server may be using
the data directory of --archive. With --server `live` as RULES or --against means the rules that are active
there, and `--labels triage` what people made of its alerts.

Exit codes:
  0  success, whatever was alerted, warned about or rejected
  1  rules have errors or cannot be read
  2  wrong command line
  3  an input or output failed, an input is neither JSON lines nor CSV, no line could be used,
     labels could not be read, or a signal ended the backtest

Examples:
  tocsin backtest new.tocsin --input march.ndjson.gz
  tocsin backtest new.tocsin --input march.ndjson --against rules/ --html report.html
  tocsin backtest new.tocsin --input march.ndjson --labels frauds.ndjson --vary
  tocsin backtest new.tocsin --input march.ndjson --labels frauds.ndjson --value amount
  tocsin backtest new.tocsin --archive data --from 2026-03-01 --to 2026-04-01
  tocsin backtest new.tocsin --server http://127.0.0.1:8627 --token-file token --against live)";
}  // namespace

void add_backtest_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<BacktestCommand>();
  BacktestArguments& arguments = options->arguments;
  CLI::App* command = program.add_subcommand(
      "backtest", "Run rules over past events; report what they would have raised and cost");
  command
      ->add_option("RULES", arguments.run.rules,
                   "Rule files, or folders with .tocsin files below them")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("-i,--input", arguments.run.inputs,
                   "Events as JSON, one object per line, or as CSV (.csv, .tsv); .gz and .zst are "
                   "decompressed, - is standard input")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->group("Input");
  const auto add_input = [&](const char* name, std::string& to, const char* value,
                             const char* description) {
    command->add_option(name, to, description)->type_name(value)->group("Input");
  };
  add_input("--archive", arguments.archive, "FOLDER",
            "Read the events that a server has archived instead: its data directory");
  add_input("--from", arguments.from, "TIME", "Of an archive, only events of this time and later");
  add_input("--to", arguments.to, "TIME", "Of an archive, only events before this time");
  add_input("--lists-as-of", arguments.lists_as_of, "TIME",
            "Of an archive, lists and tables as they were at this time; default: they change as "
            "they did");
  command
      ->add_option("--server", options->server.url,
                   "Let this server run it over its own archive: http://HOST:PORT or "
                   "https://HOST:PORT")
      ->type_name("URL")
      ->group("Input");
  add_token_options(*command, options->server);
  add_setting_options(*command, offered_settings(), options->values);
  add_comparisons(*command, arguments);
  add_outputs(*command, arguments);
  add_colour_option(*command, arguments.run.colour);
  add_cache_option(*command);
  command->footer(kFooter);
  command->callback([&chosen, options] { chosen.run = [options] { return run(*options); }; });
}
}  // namespace tocsin::api
