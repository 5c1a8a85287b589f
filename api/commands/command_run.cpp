#include "api/commands/command_run.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/base/choice_option.h"
#include "api/base/colour.h"
#include "api/commands/durable_session.h"
#include "api/commands/run_session.h"
#include "api/node/run_arguments.h"
#include "api/rules/rule_files.h"
#include "api/rules/rule_loader.h"
#include "api/rules/rule_texts.h"

namespace tocsin::api {
namespace {
// Everything that can be refused is refused before an output is emptied or an event is read.
ExitCode run(const RunArguments& arguments) {
  const auto end = [](const Failure& failure) { return end_with(failure.code, failure.message); };
  RunArguments with_limits = arguments;
  use_default_limits(with_limits);
  const Outcome<runtime::RunOptions> run_options = read_run_options(with_limits);
  if (!run_options) return end(run_options.error());
  const Outcome<std::optional<Webhook>> webhook = read_webhook(arguments);
  if (!webhook) return end(webhook.error());
  const Outcome<DurableArguments> durable = read_durable_arguments(arguments);
  if (!durable) return end(durable.error());

  const Result<std::vector<std::string>> files = find_rule_files(arguments.rules);
  if (!files) return end_with(ExitCode::kCheckFailed, files.error().message);
  const Outcome<void> paths =
      check_paths(outputs_of(arguments, *webhook), arguments.inputs, *files);
  if (!paths) return end(paths.error());
  std::vector<runtime::NamedContents> texts;
  const LoadedRules rules =
      arguments.is_durable() ? load_rules_keeping(*files, texts) : load_rules(*files);
  tell(render_diagnostics(rules, is_coloured(arguments.colour, STDERR_FILENO)));
  if (!rules.program)
    return end_with(ExitCode::kCheckFailed, "the rules do not check; nothing was run");
  if (const Outcome<void> inputs = check_inputs(arguments.inputs); !inputs)
    return end(inputs.error());
  if (arguments.is_durable()) {
    return run_durable(arguments, *webhook, rules, std::move(texts));
  }
  return run_session(arguments, *webhook, *run_options, *rules.program);
}
}  // namespace

void add_run_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<RunArguments>();
  CLI::App* command = program.add_subcommand(
      "run", "Run rules over files or standard input; write alerts as JSON lines");
  command
      ->add_option("RULES", options->rules, "Rule files, or folders with .tocsin files below them")
      ->type_name("FILE")
      ->required();

  const char* const input_group = "Input";
  command
      ->add_option("-i,--input", options->inputs,
                   "Events as JSON lines; .gz and .zst are unpacked, - is standard input")
      ->type_name("FILE")
      ->required()
      ->allow_extra_args(false)
      ->group(input_group);
  command
      ->add_option(
          "--out-of-orderness", options->out_of_orderness,
          "How long to wait for events out of time order, instead of what the event types say "
          "(`up to D late`)")
      ->type_name("DURATION")
      ->group(input_group);
  add_choice(
      *command, "--late-policy", options->late_policy, "side|clamp",
      "An event that comes later still: set it aside, or clamp, take it as if it happened now "
      "(default: side)")
      ->group(input_group);
  const auto add_duration = [&](const char* name, std::string& place, const char* help) {
    command->add_option(name, place, help)->type_name("DURATION")->group(input_group);
  };
  add_duration("--late-max", options->late_max,
               "Set an event aside that is later than this, also with --late-policy clamp "
               "(default: none is too late)");
  add_duration("--ahead-max", options->ahead_max,
               "Reject an event that is further ahead of the clock than this, so that one wrong "
               "clock does not move time; 0: none is rejected (default: 10m)");
  add_duration(
      "--jump-max", options->jump_max,
      "Hold an event that jumps ahead of its input's time by more than this until the next "
      "one confirms it; if the next three are back at the old time, reject it; 0: none is "
      "held (default: 1d; not with --late-policy clamp)");
  add_choice(
      *command, "--unknown-types", options->unknown_types, "dead|ignore",
      "An event of a type that no rule file declares: a dead letter, or ignore, count it and "
      "pass it by (default: dead)")
      ->group(input_group);
  add_duration("--heartbeat", options->heartbeat,
               "On a pipe: after so long without a line let time move on with the clock, so that "
               "absences are decided (default: time waits for events)");
  add_duration("--idle-after", options->idle_after,
               "On a pipe: after so long without a line its input no longer holds back the others "
               "(default: it does for ever)");
  add_duration("--drift-max", options->drift_max,
               "While the input that is behind has nothing at hand, read the others on, up to this "
               "much ahead of it in event time; 0: each waits for its turn (default: 0)");
  command
      ->add_option("--reorder-memory", options->reorder_memory,
                   "How much memory events may take that wait to be put in order; beyond it the "
                   "run ends, and with --data a later start goes on (default: 1GiB)")
      ->type_name("SIZE")
      ->group(input_group);
  command
      ->add_flag(
          "--final-watermark,!--no-final-watermark", options->final_watermark,
          "At the end of the inputs let time move on past every deadline, so that absences are "
          "decided (default without --data), or leave them pending")
      ->group(input_group);

  const char* const keeping_group = "Keeping";
  command
      ->add_option("--data", options->data,
                   "Keep everything in this folder, made where it is missing: a killed run goes on "
                   "where it was, and no alert is lost or raised twice")
      ->type_name("FOLDER")
      ->group(keeping_group);
  command
      ->add_option("--from", options->from,
                   "Begin the new folder of --data with the state of a savepoint")
      ->type_name("FOLDER")
      ->group(keeping_group);
  command
      ->add_option("--ack", options->ack,
                   "Write how many lines of standard input are safe, each time there are more. A "
                   "start removes the file; once it is there again, it says after how many lines "
                   "to go on")
      ->type_name("FILE")
      ->group(keeping_group);
  command
      ->add_option("--checkpoint-every", options->checkpoint_every,
                   "How often the state is written, so that a start need not begin from the first "
                   "event (default: 30s)")
      ->type_name("DURATION")
      ->group(keeping_group);
  command
      ->add_option("--journal-segment", options->journal_segment,
                   "How large a file of the journal becomes, such as 64MiB (the default)")
      ->type_name("SIZE")
      ->group(keeping_group);
  command
      ->add_flag("--replay-as-new", options->replay_as_new,
                 "Go on in a folder that another version of tocsin wrote, of which the same events "
                 "could give other alerts: the alerts that differ are told and not sent")
      ->group(keeping_group);
  const auto add_keeping = [&](const char* name, std::string& place, const char* type,
                               const char* help) {
    command->add_option(name, place, help)->type_name(type)->group(keeping_group);
  };
  add_keeping("--keep-alerts-for", options->keep_alerts_for, "DURATION",
              "Remove alerts from the folder that were stored longer ago, save those that are yet "
              "to be delivered (default: all are kept)");
  add_keeping("--keep-alerts-size", options->keep_alerts_size, "SIZE",
              "Remove the oldest alerts, likewise, where all together take more (default: no "
              "limit)");
  add_keeping("--keep-aside-for", options->keep_side_output_for, "DURATION",
              "Remove late events and rejected lines that came longer ago (default: all are kept)");
  add_keeping("--keep-aside-size", options->keep_side_output_size, "SIZE",
              "Remove the oldest late events, and the oldest rejected lines, where either take "
              "more (default: no limit)");
  add_keeping("--memory-max", options->memory_max, "SIZE",
              "Take no more events where the state takes more memory: the run ends, and goes on "
              "with a larger limit (default: no limit)");

  const char* const output_group = "Output";
  command
      ->add_option(
          "--alerts", options->alerts,
          "Where alerts go; the file is replaced, or with --data gone on with (default: -, "
          "standard output)")
      ->type_name("FILE")
      ->group(output_group);
  command
      ->add_option("--late", options->late,
                   "Keep events that were set aside as late; the file is replaced")
      ->type_name("FILE")
      ->group(output_group);
  command
      ->add_option("--dead-letter", options->dead_letter,
                   "Keep lines that were rejected, with the reason; the file is replaced")
      ->type_name("FILE")
      ->group(output_group);
  add_colour_option(*command, options->colour);
  command->add_flag("-q,--quiet", options->quiet,
                    "No progress and no summary; errors and warnings are still shown");

  const char* const delivery_group = "Delivery";
  command
      ->add_option("--webhook", options->webhook,
                   "Also deliver each alert there by HTTP POST, signed (standardwebhooks.com)")
      ->type_name("URL")
      ->group(delivery_group);
  command
      ->add_option("--secret-file", options->secret_file,
                   "The file that holds the secret to sign with, `whsec_…`; --webhook needs it")
      ->type_name("FILE")
      ->group(delivery_group);
  command
      ->add_option(
          "--undelivered", options->undelivered,
          "Where alerts are kept that could not be delivered; appended to, made only when needed "
          "(default: tocsin-undelivered.ndjson)")
      ->type_name("FILE")
      ->group(delivery_group);
  command
      ->add_option("--delivery-timeout", options->delivery_timeout,
                   "How long to go on delivering after the inputs have ended (default: 30s)")
      ->type_name("DURATION")
      ->group(delivery_group);

  command->footer(
      R"(Alerts go to --alerts, everything else to standard error. Several inputs are merged by event time.
An interrupt (Ctrl-C) ends the run, with everything before it written.

Exit codes:
  0  ran to the end, whatever it alerted, warned about or rejected
  1  the rules do not check
  2  wrong command line or configuration
  3  an input or output failed before its end, an input is no JSON lines, not one line could be
     used, or a signal ended the run
  4  ran to the end, but deliveries are left over (in the file of --undelivered)
  5  the data directory was refused: in use, damaged, or begun with other rules or inputs

Examples:
  tocsin run rules/ --input payments.ndjson --alerts alerts.ndjson
  tocsin run rules/ --input monday.ndjson.gz --input tuesday.ndjson.zst --out-of-orderness 1s
  tail -f events.ndjson | tocsin run rules/ --input - --dead-letter rejected.ndjson
  tail -f events.ndjson | tocsin run rules/ --input - --heartbeat 1s
  tocsin run rules/ --input in.ndjson --webhook https://example.com/alerts --secret-file secret
  tocsin run rules/ --data state/ --input payments.ndjson --alerts alerts.ndjson)");
  command->callback([&chosen, options] { chosen.run = [options] { return run(*options); }; });
}
}  // namespace tocsin::api
