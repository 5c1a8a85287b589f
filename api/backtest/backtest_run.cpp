#include "api/backtest/backtest_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "api/backtest/archive_input.h"
#include "api/backtest/backtest.h"
#include "api/backtest/backtest_report.h"
#include "api/backtest/report_html.h"
#include "api/backtest/report_json.h"
#include "api/backtest/report_text.h"
#include "api/base/colour.h"
#include "api/base/command.h"
#include "api/base/output_file.h"
#include "api/base/progress.h"
#include "api/base/stop_signal.h"
#include "api/node/run_report.h"
#include "api/node/side_output.h"
#include "api/rules/rule_loader.h"
#include "cep/data/alert.h"
#include "cep/data/alert_format.h"
#include "cep/plan/plan.h"
#include "runtime/event_time/input_form.h"
#include "runtime/event_time/run.h"
#include "runtime/io/rule_files.h"
#include "runtime/io/system_files.h"
#include "runtime/io/worker_threads.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
// What is read before the events are.
struct Prepared {
  BacktestRules rules;
  std::vector<std::string> files;  // of all rules
  std::optional<ArchiveInput> archive;
};

Outcome<RuleSet> load_set(const std::vector<std::string>& named, const std::string& colour,
                          std::vector<std::string>& files) {
  Result<std::vector<std::string>> found = runtime::find_rule_files(named);
  if (!found) return stop(ExitCode::kCheckFailed, found.error().message);
  RuleSet set{named, load_rules(*found)};
  tell(render_diagnostics(set.loaded, is_coloured(colour, STDERR_FILENO)));
  if (!set.loaded.program) {
    return stop(ExitCode::kCheckFailed, "the rules have errors; nothing was run");
  }
  if (const auto refusal = nothing_to_run(set)) return stop(ExitCode::kCheckFailed, *refusal);
  files.insert(files.end(), found->begin(), found->end());
  return set;
}

// What is read, as messages name it.
std::vector<std::string> inputs_of(const BacktestArguments& arguments) {
  if (arguments.archive.empty()) return arguments.run.inputs;
  return {"the archive of " + arguments.archive};
}

// What is written while events are read; absent where it is not wanted.
struct Outputs {
  std::optional<OutputFile> alerts, late, dead_letter;
  std::array<std::optional<OutputFile>*, 3> all() { return {&alerts, &late, &dead_letter}; }
};

// The run with its outputs, as the command line wants it.
class CommandRun {
 public:
  CommandRun(const BacktestArguments& arguments, const Prepared& prepared, Outputs& outputs)
      : arguments_(arguments),
        archive_(prepared.archive ? &*prepared.archive : nullptr),
        plan_(prepared.rules.fresh.loaded.program->plan()),
        outputs_(outputs),
        progress_(!arguments.run.quiet) {
    input_.plan = &plan_;
    input_.inputs = inputs_of(arguments);
    input_.late_path = arguments.late();
    input_.dead_letter_path = arguments.dead_letter();
    options_ = run_options_of(arguments.run);
    input_.out_of_orderness = options_.out_of_orderness;
    options_.stop_requested = [this] { return stop_signal_.requested() || !failure_.empty(); };
  }

  Outcome<void> run(Backtest& backtest) {
    runtime::WorkerThreads workers(worker_count(arguments_.run.settings));
    use_workers(workers, options_);
    if (backtest.readings() > 1 && std::ranges::count(arguments_.run.inputs, "-") != 0) {
      return stop(ExitCode::kUsage,
                  "the rules of --against declare other event types, so that the events are read "
                  "twice: standard input cannot be; name files");
    }
    const Result<void> done = backtest.run({input_.inputs, archive_}, options_, sinks());
    progress_.clear();
    for (const std::string& text : backtest.notes().texts) tell(text);
    if (!done) {
      return stop(ExitCode::kInputOutput,
                  !failure_.empty() ? failure_
                  : stop_signal_.requested()
                      ? fmt::format("stopped by {} before the inputs ended; there is no report",
                                    stop_signal_.name())
                      : done.error().message);
    }
    input_.summary = backtest.summary();
    for (std::optional<OutputFile>* const output : outputs_.all()) {
      if (*output) note((*output)->close());
    }
    if (!failure_.empty()) return stop(ExitCode::kInputOutput, failure_);
    return {};
  }
  // What was read and what was left out of it, by the first reading.
  const RunReport& input() const { return input_; }

 private:
  runtime::Sinks sinks() {
    runtime::Sinks sinks;
    if (outputs_.alerts) {
      sinks.alert = [this](const cep::Alert& alert) { return write(alert); };
    }
    sinks.progress = [this](const runtime::Progress& progress) {
      const std::chrono::duration<double> passed = steady_clock::now() - began_;
      progress_.show(progress, passed.count());
    };
    sinks.note = [this](const std::string& note) {
      if (!arguments_.run.quiet) tell(note + "\n");
    };
    sinks.late = [this](const runtime::LateEvent& late) {
      input_.late.add(late);
      if (outputs_.late) note(outputs_.late->write_line(format_late_event(late)));
    };
    sinks.dead_letter = [this](const runtime::DeadLetter& dead) {
      input_.rejected.add(dead);
      if (outputs_.dead_letter) note(outputs_.dead_letter->write_line(format_dead_letter(dead)));
    };
    return sinks;
  }

  // As `tocsin run` does: those of live rules.
  Result<void> write(const cep::Alert& alert) {
    if (cep::status_of(plan_, alert) != cep::Status::kLive) return {};
    return outputs_.alerts->write_line(format_.line(alert));
  }
  // Keeps the first reason why something could not be written.
  void note(const Result<void>& written) {
    if (!written && failure_.empty()) failure_ = written.error().message;
  }

  const BacktestArguments& arguments_;
  const ArchiveInput* archive_;  // null: files
  const cep::Plan& plan_;
  Outputs& outputs_;
  cep::AlertFormat format_{plan_};
  ProgressLine progress_;
  StopSignal stop_signal_;
  runtime::RunOptions options_;
  RunReport input_;
  std::string failure_;  // empty: none
  steady_clock::time_point began_ = steady_clock::now();
};

Outcome<void> check_outputs(const BacktestArguments& arguments, const Prepared& prepared) {
  NamedPaths outputs;
  if (arguments.alerts == "-") {
    return stop(ExitCode::kUsage, "--alerts takes a file: the report goes to standard output");
  }
  for (const auto& [option, path] :
       {std::pair{"--alerts", &arguments.alerts}, std::pair{"--report-json", &arguments.json},
        std::pair{"--html", &arguments.html}, std::pair{"--late", &arguments.late()},
        std::pair{"--dead-letter", &arguments.dead_letter()}}) {
    if (!path->empty()) outputs.emplace_back(option, *path);
  }
  if (!arguments.labels.empty()) {
    if (Outcome<void> kept = check_paths(outputs, {arguments.labels}, {}); !kept) return kept;
  }
  return check_paths(outputs, arguments.run.inputs, prepared.files);
}

Outcome<void> check_sources(const BacktestArguments& arguments) {
  const bool has_archive = !arguments.archive.empty();
  if (!has_archive && arguments.run.inputs.empty()) {
    return stop(ExitCode::kUsage, "there is nothing to read: name an --input, or an --archive");
  }
  if (has_archive && !arguments.run.inputs.empty()) {
    return stop(ExitCode::kUsage,
                "--archive does not go with --input: a backtest reads one or the other");
  }
  if (!has_archive && !(arguments.from.empty() && arguments.to.empty())) {
    return stop(ExitCode::kUsage, "--from and --to need --archive FOLDER: files are read whole");
  }
  if (!has_archive && !arguments.lists_as_of.empty()) {
    return stop(ExitCode::kUsage,
                "--lists-as-of needs --archive FOLDER or --server URL: files know of no changes of "
                "lists");
  }
  if (arguments.labels == "-") {
    return stop(ExitCode::kUsage, "--labels takes a file: only events come by standard input");
  }
  return {};
}

Outcome<Prepared> prepare(const BacktestArguments& arguments, runtime::Files& files) {
  Prepared prepared;
  if (Outcome<void> sources = check_sources(arguments); !sources) {
    return tl::unexpected(sources.error());
  }
  BacktestRules& rules = prepared.rules;
  Outcome<RuleSet> fresh = load_set(arguments.run.rules, arguments.run.colour, prepared.files);
  if (!fresh) return tl::unexpected(fresh.error());
  rules.fresh = std::move(*fresh);
  const std::vector<std::string> varied_files = prepared.files;
  if (!arguments.against.empty()) {
    Outcome<RuleSet> old = load_set(arguments.against, arguments.run.colour, prepared.files);
    if (!old) return tl::unexpected(old.error());
    rules.old = std::move(*old);
  }
  if (Outcome<void> outputs = check_outputs(arguments, prepared); !outputs) {
    return tl::unexpected(outputs.error());
  }
  if (!arguments.labels.empty()) {
    Result<Labels> labels = Labels::read(arguments.labels);
    if (!labels) {
      return stop(ExitCode::kInputOutput, "--labels: " + labels.error().message);
    }
    rules.labels = std::move(*labels);
  }
  if (!arguments.tally.value.empty()) {
    if (const auto refusal = why_no_value(arguments.tally.value, rules)) {
      return stop(ExitCode::kUsage, "--value: " + *refusal);
    }
  }
  if (arguments.varies) {
    Result<VariedRules> varied = vary_rules(rules.fresh.loaded, varied_files,
                                            runtime::read_rule_file, arguments.variants_max);
    if (!varied) return stop(ExitCode::kCheckFailed, "--vary: " + varied.error().message);
    rules.varied = std::move(*varied);
  }
  Outcome<runtime::InputReading> reading = input_reading(arguments.run.settings);
  if (!reading) return tl::unexpected(reading.error());
  const cep::Plan& plan = rules.fresh.loaded.program->plan();
  if (Outcome<void> inputs = check_inputs(arguments.run.inputs, *reading, &plan); !inputs) {
    return tl::unexpected(inputs.error());
  }
  if (!arguments.archive.empty()) {
    Outcome<ArchiveInput> archive = ArchiveInput::open(files, arguments.archive, arguments.from,
                                                       arguments.to, arguments.lists_as_of);
    if (!archive) return tl::unexpected(archive.error());
    prepared.archive = std::move(*archive);
  }
  return prepared;
}

Result<void> write_report(const BacktestArguments& arguments, const BacktestReport& report) {
  Result<OutputFile> output = OutputFile::open("-");
  if (!output) return tl::unexpected(output.error());
  std::string text = backtest_text(report);
  text.pop_back();
  if (auto written = output->write_line(text); !written) return written;
  if (auto closed = output->close(); !closed) return closed;
  for (const auto& [path, contents] :
       {std::pair{&arguments.json, &backtest_json}, std::pair{&arguments.html, &backtest_html}}) {
    if (path->empty()) continue;
    Result<OutputFile> file = OutputFile::open(*path);
    if (!file) return tl::unexpected(file.error());
    if (auto written = file->write_line(contents(report)); !written) return written;
    if (auto closed = file->close(); !closed) return closed;
  }
  return {};
}
}  // namespace

ExitCode run_backtest(const BacktestArguments& written) {
  const auto end = [](const Failure& failure) { return end_with(failure.code, failure.message); };
  runtime::SystemFiles files;
  BacktestArguments own = written;
  const BacktestArguments& arguments = own;
  Outcome<Prepared> prepared = prepare(arguments, files);
  if (!prepared) return end(prepared.error());
  if (prepared->archive) {
    const Outcome<void> adopted =
        adopt_archive_settings(files, arguments.archive, own.run.settings);
    if (!adopted) return end(adopted.error());
  }
  Outputs outputs;
  for (const auto& [path, place] :
       {std::pair{&arguments.alerts, &outputs.alerts}, std::pair{&arguments.late(), &outputs.late},
        std::pair{&arguments.dead_letter(), &outputs.dead_letter}}) {
    if (path->empty()) continue;
    Result<OutputFile> opened = OutputFile::open(*path);
    if (!opened) return end_with(ExitCode::kInputOutput, opened.error().message);
    place->emplace(std::move(*opened));
  }
  Backtest backtest(prepared->rules, arguments.tally);
  CommandRun run(arguments, *prepared, outputs);
  if (Outcome<void> done = run.run(backtest); !done) return end(done.error());
  if (!arguments.run.quiet) tell(format_input_report(run.input()));
  if (const auto unusable = nothing_usable(run.input())) {
    return end_with(ExitCode::kInputOutput, *unusable);
  }
  if (const auto written = write_report(arguments, backtest.report()); !written) {
    return end_with(ExitCode::kInputOutput, written.error().message);
  }
  return backtest.notes().is_damaged ? ExitCode::kInputOutput : ExitCode::kSuccess;
}
}  // namespace tocsin::api
