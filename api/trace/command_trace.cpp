#include "api/trace/command_trace.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "api/base/choice_option.h"
#include "api/base/colour.h"
#include "api/base/exit_code.h"
#include "api/base/progress.h"
#include "api/base/setting_options.h"
#include "api/base/settings.h"
#include "api/base/stop_signal.h"
#include "api/node/node_report.h"
#include "api/node/run_report.h"
#include "api/rules/rule_loader.h"
#include "api/trace/archived_keys.h"
#include "api/trace/key_trace.h"
#include "api/trace/silenced_alerts.h"
#include "api/trace/trace_json.h"
#include "api/trace/trace_text.h"
#include "cep/value/time.h"
#include "runtime/io/rule_files.h"
#include "runtime/io/system_files.h"
#include "runtime/io/worker_threads.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;

struct TraceCommand {
  std::vector<std::string> arguments;
  std::vector<std::string> rules;
  std::string archive, from, to, at;
  std::string format = "text";
  std::size_t limit = 1000;
  RunArguments run;
  OptionValues values;
};

// Settings of `tocsin run` that alerts depend on.
std::span<const Setting> offered_settings() {
  constexpr std::array<std::string_view, 11> kOffered = {
      "input.format",          "csv.separator",        "csv.type",
      "csv.columns",           "csv.rename",           "csv.decimal",
      "rules.event_steps_max", "memory.reorder",       "time.out_of_orderness",
      "time.late_max",         "input.directory_files"};
  static const std::vector<Setting> kSettings = [&] {
    std::vector<Setting> settings;
    std::ranges::copy_if(run_settings(), std::back_inserter(settings), [&](const Setting& s) {
      return std::ranges::find(kOffered, s.name) != kOffered.end();
    });
    return settings;
  }();
  return kSettings;
}

// Whether an argument is a part of a key, such as card=c1, and no path.
bool is_key_part(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  const bool is_name = std::ranges::all_of(
      argument.substr(0, equals), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  std::error_code ignored;
  return is_name && !std::filesystem::exists(argument, ignored);
}

Outcome<void> check_sources(const TraceCommand& command) {
  const bool has_archive = !command.archive.empty();
  if (has_archive == !command.run.inputs.empty()) {
    return stop(ExitCode::kUsage,
                has_archive ? "--archive does not go with --input: a trace reads one or the other"
                            : "there is nothing to read: name an --input, or an --archive");
  }
  if (!has_archive && !(command.from.empty() && command.to.empty())) {
    return stop(ExitCode::kUsage, "--from and --to need --archive FOLDER: files are read whole");
  }
  return {};
}

// The key, the rules' files and what is asked of them.
struct Asked {
  TraceRequest request;
  std::vector<std::string> files;
};
Outcome<Asked> asked_of(const TraceCommand& command) {
  Asked asked;
  std::vector<std::string> parts, named;
  for (const std::string& argument : command.arguments) {
    (is_key_part(argument) ? parts : named).push_back(argument);
  }
  if (named.empty()) {
    return stop(ExitCode::kUsage, "rule files are missing\nsee tocsin trace --help");
  }
  const auto key = key_parts(parts);
  if (!key) return stop(ExitCode::kUsage, key.error().message);
  asked.request.key = *key;
  asked.request.rules = command.rules;
  asked.request.entries_max = command.limit;
  if (!command.at.empty()) {
    asked.request.at = cep::parse_time(command.at);
    if (!asked.request.at) {
      return stop(ExitCode::kUsage,
                  "--at is a time such as 2026-03-02T12:00:00Z, not " + command.at);
    }
  }
  Result<std::vector<std::string>> files = runtime::find_rule_files(named);
  if (!files) return stop(ExitCode::kCheckFailed, files.error().message);
  asked.files = std::move(*files);
  return asked;
}

Outcome<KeyTracer> tracer_of(const TraceCommand& command, const Asked& asked) {
  const LoadedRules loaded = load_rules(asked.files);
  if (!loaded.program) {
    tell(render_diagnostics(loaded, is_coloured(command.run.colour, STDERR_FILENO)));
    return stop(ExitCode::kCheckFailed, "the rules have errors; nothing is traced");
  }
  Result<KeyTracer> tracer = KeyTracer::prepare(*loaded.program, asked.request);
  if (!tracer) return stop(ExitCode::kUsage, tracer.error().message);
  return std::move(*tracer);
}

// Nothing: files are read. Says in the request how the archive is.
Outcome<std::optional<ArchivedKeys>> archive_of(const TraceCommand& command, runtime::Files& files,
                                                TraceRequest& request) {
  if (command.archive.empty()) return std::nullopt;
  Outcome<ArchivedKeys> archive =
      ArchivedKeys::open(files, command.archive, command.from, command.to);
  if (!archive) return tl::unexpected(archive.error());
  if (const Result<void> known = archive->describe(request); !known) {
    return stop(exit_code_of(known.error().code), known.error().message);
  }
  return std::move(*archive);
}

// Runs it, showing how far it is.
Outcome<KeyTrace> traced(TraceCommand& command, runtime::Files& files,
                         const std::optional<ArchivedKeys>& archive, KeyTracer& tracer) {
  const Outcome<runtime::InputReading> reading = input_reading(command.run.settings);
  if (!reading) return tl::unexpected(reading.error());
  if (archive) {
    const Outcome<void> adopted =
        adopt_archive_settings(files, command.archive, command.run.settings);
    if (!adopted) return tl::unexpected(adopted.error());
  } else if (Outcome<void> inputs =
                 check_inputs(command.run.inputs, *reading, &tracer.program().plan());
             !inputs) {
    return tl::unexpected(inputs.error());
  }
  ArchiveNotes notes;
  std::vector<runtime::Input> inputs;
  for (const std::string& name : command.run.inputs) inputs.push_back({name, std::nullopt});
  runtime::RunOptions options = run_options_of(command.run);
  runtime::WorkerThreads workers(worker_count(command.run.settings));
  use_workers(workers, options);
  options.workers = nullptr;  // there is one key
  const StopSignal stop_signal;
  options.stop_requested = [&] { return stop_signal.requested(); };
  ProgressLine line(!command.run.quiet);
  const auto began = steady_clock::now();
  RunReport report;
  runtime::Sinks sinks;
  sinks.progress = [&](const runtime::Progress& progress) {
    line.show(progress, std::chrono::duration<double>(steady_clock::now() - began).count());
  };
  sinks.note = [&](const std::string& note) {
    if (!command.run.quiet) tell(note + "\n");
  };
  sinks.dead_letter = [&](const runtime::DeadLetter& dead) { report.rejected.add(dead); };
  Result<KeyTrace> trace =
      archive ? trace_archive(tracer, *archive, "the archive of " + command.archive, options, sinks,
                              notes)
              : tracer.run(inputs, options, sinks);
  line.clear();
  if (trace && archive) {
    const Result<void> silences = note_silenced(command.archive, tracer, *trace);
    if (!silences) notes.texts.push_back(silences_missing_text(silences.error()));
  }
  for (const std::string& text : notes.texts) tell(text);
  if (trace) trace->missing = notes.texts;
  if (!trace) {
    return stop(ExitCode::kInputOutput,
                stop_signal.requested()
                    ? fmt::format("stopped by {} before the inputs ended", stop_signal.name())
                    : trace.error().message);
  }
  report.summary = trace->summary;
  if (const auto unusable = nothing_usable(report)) return stop(ExitCode::kInputOutput, *unusable);
  return std::move(*trace);
}

ExitCode trace(TraceCommand& command) {
  const auto end = [](const Failure& failure) { return end_with(failure.code, failure.message); };
  if (auto set = command.run.settings.set_options(command.values); !set) {
    return end_with(ExitCode::kUsage, set.error().message);
  }
  if (Outcome<void> sources = check_sources(command); !sources) return end(sources.error());
  Outcome<Asked> asked = asked_of(command);
  if (!asked) return end(asked.error());
  runtime::SystemFiles files;
  const Outcome<std::optional<ArchivedKeys>> archive = archive_of(command, files, asked->request);
  if (!archive) return end(archive.error());
  Outcome<KeyTracer> tracer = tracer_of(command, *asked);
  if (!tracer) return end(tracer.error());
  const Outcome<KeyTrace> trace = traced(command, files, *archive, *tracer);
  if (!trace) return end(trace.error());
  return print(command.format == "json" ? trace_json(*tracer, *trace) + "\n"
                                        : trace_text(*tracer, *trace));
}

constexpr const char* kFooter =
    R"(Rules run as `tocsin run` runs them, and no alert is written. An argument NAME=VALUE that is no file is
a part of the key; a key of several parts takes several. Rules that are by another key are not traced.
Of each event of the key it is shown which step took it, and which refused it by which condition, with
its values; what ended a partial match; what kept an alert back; and what is remembered at the end. Time
ends at the newest event, or at --at: deadlines after it have not passed. A TIME is written
2026-03-02T12:00:00Z. A server may be using the data directory of --archive.

Exit codes:
  0  success
  1  rules have errors or cannot be read
  2  wrong command line; there is no such rule or key
  3  an input or output failed, no line could be used, or a signal ended the trace
  5  the data directory of --archive was refused

Examples:
  tocsin trace card=c1 rules/ --input payments.ndjson
  tocsin trace card=c1 rules/ --rule card_testing --input payments.ndjson --at 2026-03-02T10:00:00Z
  tocsin trace card=c1 rules/ --archive data --from 2026-03-01 --to 2026-03-03 --format json)";
}  // namespace

void add_trace_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<TraceCommand>();
  CLI::App* command = program.add_subcommand(
      "trace", "Explain why rules did not alert for a key: each event, each step, each condition");
  command
      ->add_option("KEY_AND_RULES", options->arguments,
                   "The key, such as card=c1, and rule files, or folders with .tocsin files below "
                   "them")
      ->type_name("FILE")
      ->required();
  const auto add = [&](const char* name, std::string& to, const char* value,
                       const char* description, const char* group) {
    command->add_option(name, to, description)->type_name(value)->group(group);
  };
  command
      ->add_option("--rule", options->rules,
                   "Trace only the rule with this name or id; may be repeated (default: every rule "
                   "that is by the key)")
      ->type_name("RULE")
      ->allow_extra_args(false);
  command
      ->add_option("-i,--input", options->run.inputs,
                   "Events as JSON, one object per line; .gz and .zst are decompressed, - is "
                   "standard input")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->group("Input");
  add("--archive", options->archive, "FOLDER",
      "Read the events that a server has archived instead: its data directory", "Input");
  add("--from", options->from, "TIME", "Of --archive, only events of this time and later", "Input");
  add("--to", options->to, "TIME", "Of --archive, only events before this time", "Input");
  add("--at", options->at, "TIME",
      "Take nothing later, and show what is remembered at this time (default: the newest event)",
      "Input");
  add_setting_options(*command, offered_settings(), options->values);
  command
      ->add_option("--limit", options->limit,
                   "Events and deadlines that are shown, the newest (default: 1000)")
      ->type_name("N")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}).description(""))
      ->group("Output");
  add_choice(*command, "--format", options->format, "text|json",
             "The output format (default: text)");
  command->add_flag("-q,--quiet", options->run.quiet, "No progress on standard error")
      ->group("Output");
  add_colour_option(*command, options->run.colour);
  command->footer(kFooter);
  command->callback([&chosen, options] { chosen.run = [options] { return trace(*options); }; });
}
}  // namespace tocsin::api
