#include "api/commands/command_run.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/base/colour.h"
#include "api/base/setting_options.h"
#include "api/commands/cache_option.h"
#include "api/commands/durable_session.h"
#include "api/commands/run_session.h"
#include "api/node/kafka_settings.h"
#include "api/node/run_arguments.h"
#include "api/rules/rule_loader.h"
#include "api/rules/rule_texts.h"
#include "api/rules/text_cache.h"
#include "runtime/io/rule_files.h"

namespace tocsin::api {
namespace {
struct RunCommand {
  RunArguments arguments;
  OptionValues values;
};

// Everything that can be refused is refused before an output is emptied or an event is read.
ExitCode run(const RunCommand& command) {
  const auto end = [](const Failure& failure) { return end_with(failure.code, failure.message); };
  RunArguments arguments = command.arguments;
  if (auto set = arguments.settings.set_options(command.values); !set)
    return end_with(ExitCode::kUsage, set.error().message);
  if (const Outcome<void> checked = check_settings(arguments); !checked)
    return end(checked.error());
  const Outcome<std::optional<Webhook>> webhook = read_webhook(arguments);
  if (!webhook) return end(webhook.error());
  Result<std::optional<KafkaSettings>> kafka = kafka_settings(arguments.settings);
  if (!kafka) return end_with(ExitCode::kUsage, kafka.error().message);

  const Result<std::vector<std::string>> files = runtime::find_rule_files(arguments.rules);
  if (!files) return end_with(ExitCode::kCheckFailed, files.error().message);
  const Outcome<void> paths =
      check_paths(outputs_of(arguments, *webhook), arguments.inputs, *files);
  if (!paths) return end(paths.error());
  if (arguments.is_durable()) use_text_cache_of_data(arguments.text("data.path"));
  std::vector<runtime::NamedContents> texts;
  const LoadedRules rules =
      arguments.is_durable() ? load_rules_keeping(*files, texts) : load_rules(*files);
  tell(render_diagnostics(rules, is_coloured(arguments.colour, STDERR_FILENO)));
  if (!rules.program)
    return end_with(ExitCode::kCheckFailed, "the rules have errors; nothing was run");
  const runtime::RunOptions options = run_options_of(arguments);
  const cep::Plan* const plan = arguments.is_durable() ? nullptr : &rules.program->plan();
  const bool may_be_missing = arguments.is_durable() && options.series.follows;
  if (const Outcome<void> inputs =
          check_inputs(arguments.inputs, options.reading, plan, may_be_missing);
      !inputs)
    return end(inputs.error());
  if (arguments.is_durable()) {
    return run_durable(arguments, *webhook, *std::move(kafka), rules, std::move(texts));
  }
  return run_session(arguments, *webhook, options, *rules.program);
}

constexpr const char* kFooter =
    R"(Alerts go to --alerts, everything else to standard error. Several inputs are merged by event time.
An interrupt (Ctrl-C) ends the run; what was read is processed and written.

Exit codes:
  0  success, whatever was alerted, warned about or rejected
  1  the rules have errors or cannot be read
  2  wrong command line or configuration
  3  an input or output failed, an input is neither JSON lines nor CSV, no line could be used, or
     a signal ended the run
  4  finished, but some alerts were not delivered (they are in the file of --undelivered)
  5  the data directory was refused: in use, damaged, or created with other rules or inputs

Examples:
  tocsin run rules/ --input payments.ndjson --alerts alerts.ndjson
  tocsin run rules/ --input payments.csv --csv-type payment --csv-rename "Booking date=ts"
  tocsin run rules/ --input monday.ndjson.gz --input tuesday.ndjson.zst --out-of-orderness 1s
  tail -f events.ndjson | tocsin run rules/ --input - --dead-letter rejected.ndjson
  tail -f events.ndjson | tocsin run rules/ --input - --heartbeat 1s
  tocsin run rules/ --data state/ --input /var/log/payments.log --follow --heartbeat 1s
  tocsin run rules/ --input in.ndjson --webhook https://example.com/alerts --secret-file secret
  tocsin run rules/ --data state/ --input payments.ndjson --alerts alerts.ndjson
  tocsin run rules/ --data state/ --kafka-brokers broker:9092 --kafka-topics payments)";
}  // namespace

void add_run_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<RunCommand>();
  RunArguments& arguments = options->arguments;
  CLI::App* command = program.add_subcommand(
      "run", "Run rules over files or standard input; write alerts as JSON lines");
  command
      ->add_option("RULES", arguments.rules, "Rule files, or folders with .tocsin files below them")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("-i,--input", arguments.inputs,
                   "Events as JSON, one object per line, or as CSV (.csv, .tsv); .gz and .zst are "
                   "decompressed, - is standard input; of a directory all files are read, in the "
                   "order of their names")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->group("Input");
  add_setting_options(*command, run_settings(), options->values);
  add_colour_option(*command, arguments.colour);
  add_cache_option(*command);
  command->add_flag("-q,--quiet", arguments.quiet,
                    "No progress and no summary; errors and warnings are still shown");
  command->add_flag("--profile", arguments.profiles,
                    "At the end, say which stages, rules and features took the time; not with "
                    "--data");
  command->footer(kFooter);
  command->callback([&chosen, options] { chosen.run = [options] { return run(*options); }; });
}
}  // namespace tocsin::api
