#include "api/backtest/backtest_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <utility>

#include "api/backtest/archive_source.h"
#include "api/backtest/backtest_report.h"
#include "api/backtest/report_html.h"
#include "api/backtest/report_json.h"
#include "api/backtest/report_text.h"
#include "api/backtest/varied_rules.h"
#include "api/base/colour.h"
#include "api/base/command.h"
#include "api/base/output_file.h"
#include "api/base/progress.h"
#include "api/base/stop_signal.h"
#include "api/node/run_report.h"
#include "api/node/side_output.h"
#include "api/rules/rule_files.h"
#include "api/rules/rule_loader.h"
#include "cep/plan/plan.h"
#include "runtime/event_time/input_form.h"
#include "runtime/event_time/run.h"
#include "runtime/io/system_files.h"
#include "runtime/io/worker_threads.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
// Slices of 2,048 events. A whole profile costs an eighth of the speed of a run.
constexpr std::uint64_t kProfiledOnceIn = 64;

// A set of rules, checked and compiled.
struct RuleSetFiles {
  std::vector<std::string> files;
  LoadedRules loaded;
};
Outcome<RuleSetFiles> load_set(const std::vector<std::string>& named, const std::string& colour) {
  Result<std::vector<std::string>> files = find_rule_files(named);
  if (!files) return stop(ExitCode::kCheckFailed, files.error().message);
  RuleSetFiles set;
  set.loaded = load_rules(*files);
  set.files = std::move(*files);
  tell(render_diagnostics(set.loaded, is_coloured(colour, STDERR_FILENO)));
  if (!set.loaded.program) {
    return stop(ExitCode::kCheckFailed, "the rules have errors; nothing was run");
  }
  if (set.loaded.program->plan().rules.empty()) {
    return stop(ExitCode::kCheckFailed,
                fmt::format("there is no rule to run in {}: `status draft` leaves a rule out",
                            fmt::join(named, ", ")));
  }
  return set;
}

// A program while it runs over the past, and afterwards.
struct SetRun {
  SetRun(const cep::Program& of, const Labels* labels, const TallyOptions& options)
      : program(of), tally(of.plan(), labels, options) {}
  SetResult result() const { return {program.plan(), summary, tally}; }

  const cep::Program& program;
  AlertTally tally;
  runtime::RunSummary summary;
  bool is_profiled = true;
};

// Everything that is read before the events are.
struct Prepared {
  RuleSetFiles fresh;
  std::optional<RuleSetFiles> old;
  std::optional<Labels> labels;
  std::optional<VariedRules> varied;
  std::optional<ArchiveInput> archive;
  const Labels* labels_or_null() const { return labels ? &*labels : nullptr; }
};

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

// Everything that is run, in as few readings of the inputs as the event types allow.
class Backtest {
 public:
  Backtest(const BacktestArguments& arguments, const Prepared& prepared, Outputs& outputs)
      : arguments_(arguments),
        archive_(prepared.archive ? &*prepared.archive : nullptr),
        plan_(prepared.fresh.loaded.program->plan()),
        outputs_(outputs),
        progress_(!arguments.run.quiet) {
    input_.plan = &plan_;
    input_.inputs = inputs_of(arguments);
    input_.late_path = arguments.late();
    input_.dead_letter_path = arguments.dead_letter();
    options_ = run_options_of(arguments.run);
    input_.out_of_orderness = options_.out_of_orderness;
    options_.stop_requested = [this] { return stop_signal_.requested() || !failure_.empty(); };
    options_.decode_threads = decode_thread_count(arguments.run.settings);
  }

  // Runs all sets, the first of which gives the alerts that are written.
  Outcome<void> run(std::deque<SetRun>& sets) {
    runtime::WorkerThreads workers(worker_count(arguments_.run.settings));
    options_.workers = &workers;
    std::vector<std::vector<SetRun*>> readings;
    for (SetRun& set : sets) {
      const auto alike = std::ranges::find_if(readings, [&](const std::vector<SetRun*>& reading) {
        return runtime::reads_alike(reading.front()->program.plan(), set.program.plan());
      });
      (alike == readings.end() ? readings.emplace_back() : *alike).push_back(&set);
    }
    if (readings.size() > 1 && std::ranges::count(arguments_.run.inputs, "-") != 0) {
      return stop(ExitCode::kUsage,
                  "the rules of --against declare other event types, so that the events are read "
                  "twice: standard input cannot be; name files");
    }
    for (std::size_t i = 0; i < readings.size(); ++i) {
      if (Outcome<void> done = read(readings[i], i, readings.size()); !done) return done;
    }
    for (std::optional<OutputFile>* const output : outputs_.all()) {
      if (*output) note((*output)->close());
    }
    if (!failure_.empty()) return stop(ExitCode::kInputOutput, failure_);
    return {};
  }
  // What was read and what was left out of it, by the first reading.
  const RunReport& input() const { return input_; }
  // Whether a part of the archive could not be read.
  bool is_damaged() const { return is_damaged_; }

 private:
  Outcome<void> read(const std::vector<SetRun*>& sets, std::size_t number, std::size_t count) {
    std::vector<runtime::ProgramRun> programs;
    for (SetRun* const set : sets) {
      const bool is_written = outputs_.alerts && &set->program.plan() == &plan_;
      programs.push_back({&set->program,
                          [this, set, is_written](const cep::Alert& alert) {
                            set->tally.add(alert);
                            return is_written ? write(alert) : Result<void>();
                          },
                          set->is_profiled ? kProfiledOnceIn : 0});
    }
    std::vector<runtime::Input> inputs;
    for (const std::string& name : input_.inputs) inputs.push_back({name, std::nullopt});
    ArchiveNotes notes;
    if (archive_ != nullptr) {
      inputs.front().open = [&] { return archive_->read(sets.front()->program, notes); };
    }
    Result<std::vector<runtime::RunSummary>> summaries =
        runtime::run_together(programs, inputs, options_, sinks(number, count));
    progress_.clear();
    if (number == 0) {
      for (const std::string& text : notes.texts) tell(text);
      is_damaged_ = notes.is_damaged;
    }
    if (!summaries) {
      return stop(ExitCode::kInputOutput,
                  !failure_.empty() ? failure_
                  : stop_signal_.requested()
                      ? fmt::format("stopped by {} before the inputs ended; there is no report",
                                    stop_signal_.name())
                      : summaries.error().message);
    }
    for (std::size_t i = 0; i < sets.size(); ++i) sets[i]->summary = std::move((*summaries)[i]);
    if (number == 0) input_.summary = sets.front()->summary;
    return {};
  }

  runtime::Sinks sinks(std::size_t number, std::size_t count) {
    runtime::Sinks sinks;
    sinks.progress = [this, number, count](const runtime::Progress& progress) {
      runtime::Progress of_all = progress;
      of_all.bytes_done += number * progress.bytes_total;
      of_all.bytes_total *= count;
      const std::chrono::duration<double> passed = steady_clock::now() - began_;
      progress_.show(of_all, passed.count());
    };
    if (number != 0) return sinks;
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
  bool is_damaged_ = false;
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
  std::vector<std::string> files = prepared.fresh.files;
  if (prepared.old)
    files.insert(files.end(), prepared.old->files.begin(), prepared.old->files.end());
  if (!arguments.labels.empty()) {
    if (Outcome<void> kept = check_paths(outputs, {arguments.labels}, {}); !kept) return kept;
  }
  return check_paths(outputs, arguments.run.inputs, files);
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
  Outcome<RuleSetFiles> fresh = load_set(arguments.run.rules, arguments.run.colour);
  if (!fresh) return tl::unexpected(fresh.error());
  prepared.fresh = std::move(*fresh);
  if (!arguments.against.empty()) {
    Outcome<RuleSetFiles> old = load_set(arguments.against, arguments.run.colour);
    if (!old) return tl::unexpected(old.error());
    prepared.old = std::move(*old);
  }
  if (Outcome<void> outputs = check_outputs(arguments, prepared); !outputs) {
    return tl::unexpected(outputs.error());
  }
  if (!arguments.labels.empty()) {
    Result<Labels> labels = Labels::read(arguments.labels);
    if (!labels) {
      return stop(ExitCode::kInputOutput, "--labels: " + labels.error().message);
    }
    prepared.labels = std::move(*labels);
  }
  if (arguments.varies) {
    Result<VariedRules> varied =
        vary_rules(prepared.fresh.loaded, prepared.fresh.files, arguments.variants_max);
    if (!varied) return stop(ExitCode::kCheckFailed, "--vary: " + varied.error().message);
    prepared.varied = std::move(*varied);
  }
  Outcome<runtime::InputReading> reading = input_reading(arguments.run.settings);
  if (!reading) return tl::unexpected(reading.error());
  const cep::Plan& plan = prepared.fresh.loaded.program->plan();
  if (Outcome<void> inputs = check_inputs(arguments.run.inputs, *reading, &plan); !inputs) {
    return tl::unexpected(inputs.error());
  }
  if (!arguments.archive.empty()) {
    Outcome<ArchiveInput> archive =
        ArchiveInput::open(files, arguments.archive, arguments.from, arguments.to);
    if (!archive) return tl::unexpected(archive.error());
    prepared.archive = std::move(*archive);
  }
  return prepared;
}

BacktestReport make_report(const BacktestArguments& arguments, const Prepared& prepared,
                           const std::deque<SetRun>& sets) {
  const SetRun& fresh = sets.front();
  const SetRun* const old = prepared.old ? &sets[1] : nullptr;
  const Labels* const labels = prepared.labels_or_null();
  BacktestReport report;
  report.inputs = inputs_of(arguments);
  report.events = fresh.summary.events;
  report.late = fresh.summary.late;
  report.rejected = fresh.summary.dead_letters;
  report.ignored = fresh.summary.ignored;
  report.first_event = fresh.summary.first_event;
  report.last_event = fresh.summary.last_event;
  report.seconds = fresh.summary.seconds;
  report.fresh = set_figures(fresh.result(), labels);
  report.fresh.files = arguments.run.rules;
  if (old != nullptr) {
    const SetResult before = old->result();
    report.old = set_figures(before, labels);
    report.old->files = arguments.against;
    compare_sets(fresh.result(), before, report);
  }
  if (labels != nullptr) {
    add_scenarios(*labels, fresh.tally.labels(), old != nullptr ? &old->tally.labels() : nullptr,
                  report);
  }
  if (prepared.varied) {
    report.variation = prepared.varied->program
                           ? variation_figures(*prepared.varied, sets.back().result(), labels)
                           : prepared.varied->figures;
  }
  return report;
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

ExitCode run_backtest(const BacktestArguments& arguments) {
  const auto end = [](const Failure& failure) { return end_with(failure.code, failure.message); };
  runtime::SystemFiles files;
  Outcome<Prepared> prepared = prepare(arguments, files);
  if (!prepared) return end(prepared.error());
  Outputs outputs;
  for (const auto& [path, place] :
       {std::pair{&arguments.alerts, &outputs.alerts}, std::pair{&arguments.late(), &outputs.late},
        std::pair{&arguments.dead_letter(), &outputs.dead_letter}}) {
    if (path->empty()) continue;
    Result<OutputFile> opened = OutputFile::open(*path);
    if (!opened) return end_with(ExitCode::kInputOutput, opened.error().message);
    place->emplace(std::move(*opened));
  }
  const Labels* const labels = prepared->labels_or_null();
  std::deque<SetRun> sets;
  sets.emplace_back(*prepared->fresh.loaded.program, labels, arguments.tally);
  if (prepared->old) {
    sets.emplace_back(*prepared->old->loaded.program, labels, arguments.tally);
  }
  if (prepared->varied && prepared->varied->program) {
    TallyOptions without_samples = arguments.tally;
    without_samples.samples = 0;
    sets.emplace_back(*prepared->varied->program, labels, without_samples);
    sets.back().is_profiled = false;
  }
  Backtest backtest(arguments, *prepared, outputs);
  if (Outcome<void> done = backtest.run(sets); !done) return end(done.error());
  if (!arguments.run.quiet) tell(format_input_report(backtest.input()));
  if (const auto unusable = nothing_usable(backtest.input())) {
    return end_with(ExitCode::kInputOutput, *unusable);
  }
  if (const auto written = write_report(arguments, make_report(arguments, *prepared, sets));
      !written) {
    return end_with(ExitCode::kInputOutput, written.error().message);
  }
  return backtest.is_damaged() ? ExitCode::kInputOutput : ExitCode::kSuccess;
}
}  // namespace tocsin::api
