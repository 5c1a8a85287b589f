#include "api/commands/run_session.h"

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/base/command.h"
#include "api/base/output_file.h"
#include "api/base/progress.h"
#include "api/base/stop_signal.h"
#include "api/node/run_report.h"
#include "api/node/side_output.h"
#include "api/outbox/alert_writer.h"
#include "api/outbox/webhook_outbox.h"
#include "api/rules/profile_report.h"
#include "cep/data/alert_format.h"
#include "runtime/event_time/run.h"
#include "runtime/io/memory_ahead.h"
#include "runtime/io/worker_threads.h"
#include "runtime/series/file_series.h"

namespace tocsin::api {
namespace {
Outcome<OutputFile> open_output(const std::string& path) {
  Result<OutputFile> output = OutputFile::open(path);
  if (!output) return stop(ExitCode::kInputOutput, output.error().message);
  return std::move(*output);
}

// One run's outputs and what is said of it, from the first event to the last delivery.
class RunSession {
 public:
  // Opens all outputs.
  static Outcome<std::unique_ptr<RunSession>> open(const RunArguments& options,
                                                   const std::optional<Webhook>& webhook,
                                                   const cep::Program& program) {
    Outcome<OutputFile> alerts = open_output(options.text("output.alerts"));
    if (!alerts) return tl::unexpected(alerts.error());
    auto session =
        std::unique_ptr<RunSession>(new RunSession(options, program, std::move(*alerts)));
    for (const auto& [name, place] : {std::pair{"output.late", &session->late_},
                                      std::pair{"output.dead_letter", &session->dead_letter_}}) {
      const std::string& path = options.text(name);
      if (path.empty()) continue;
      Outcome<OutputFile> output = open_output(path);
      if (!output) return tl::unexpected(output.error());
      place->emplace(std::move(*output));
    }
    if (webhook) {
      Result<std::unique_ptr<WebhookOutbox>> outbox = WebhookOutbox::open(webhook->options);
      if (!outbox) {
        const bool is_usage = outbox.error().code == Errc::kInvalidArgument;
        return stop(is_usage ? ExitCode::kUsage : ExitCode::kInputOutput, outbox.error().message);
      }
      session->outbox_ = std::move(*outbox);
      session->give_up_after_ = webhook->give_up_after;
      // A query may hold a token, which has no place in a log.
      session->report_.webhook_url = webhook->options.url.substr(0, webhook->options.url.find('?'));
      session->report_.undelivered_path = webhook->options.undelivered_path;
    }
    return session;
  }

  ExitCode run(const runtime::RunOptions& run_options) {
    std::vector<runtime::Input> inputs;
    for (const std::string& input : options_.inputs) inputs.push_back({input, std::nullopt});
    report_.out_of_orderness = run_options.out_of_orderness;
    runtime::RunOptions with_stop = run_options;
    with_stop.stop_requested = [this] { return must_stop(); };
    runtime::WorkerThreads workers(worker_count(options_.settings));
    use_workers(workers, with_stop);
    std::optional<runtime::MemoryAhead> memory_ahead;  // one worker has one core for all
    if (workers.count() > 1) memory_ahead.emplace();
    AlertWriter alerts(program_.plan(), alerts_, outbox_.get(), &workers);
    const Result<runtime::RunSummary> summary =
        runtime::run(program_, inputs, with_stop, sinks(alerts), &report_.summary);
    if (summary) {
      report_.summary = *summary;
    } else {
      const bool is_end = run_options.series.follows && stop_signal_.requested() && !has_failed_ &&
                          summary.error().code == Errc::kStopped;
      // A signal is the only end of a run that follows its inputs.
      report_.is_complete = is_end;
      if (!is_end)
        note_failure(stop_signal_.requested()
                         ? fmt::format("stopped by {} before the inputs ended", stop_signal_.name())
                         : summary.error().message);
    }
    close_outputs();
    finish_deliveries();
    progress_.clear();
    if (!options_.quiet) tell(format_report(report_));
    if (report_.summary.profile) tell(format_profile(program_.plan(), report_.summary));
    if (!failure_.empty()) return end_with(ExitCode::kInputOutput, failure_);
    if (const auto unusable = nothing_usable(report_)) {
      return end_with(ExitCode::kInputOutput, *unusable);
    }
    if (report_.deliveries && report_.deliveries->left_over != 0) {
      return end_with(ExitCode::kUndelivered,
                      fmt::format("{} of {} alerts were not delivered; they are in {}",
                                  report_.deliveries->left_over, report_.deliveries->enqueued,
                                  report_.undelivered_path));
    }
    return ExitCode::kSuccess;
  }

 private:
  RunSession(const RunArguments& options, const cep::Program& program, OutputFile alerts)
      : options_(options),
        program_(program),
        alerts_(std::move(alerts)),
        // Alerts on the same terminal would be written into the line.
        progress_(!options.quiet && !alerts_.is_terminal()) {
    report_.plan = &program_.plan();
    report_.inputs = options.inputs;
    report_.alerts_path = options.text("output.alerts");
    report_.late_path = options.text("output.late");
    report_.dead_letter_path = options.text("output.dead_letter");
  }

  // Keeps the first reason why the run ends early.
  void note_failure(const std::string& message) {
    if (failure_.empty()) failure_ = message;
    has_failed_ = true;
  }
  void note(const Result<void>& written) {
    if (!written) note_failure(written.error().message);
  }
  // On any thread.
  bool must_stop() const { return stop_signal_.requested() || has_failed_; }

  runtime::Sinks sinks(AlertWriter& alerts) {
    runtime::Sinks sinks;
    sinks.alert = [this, &alerts](const cep::Alert& alert) -> Result<void> {
      if (alert.budget && alert.severity == cep::Severity::kHigh) {
        progress_.clear();
        tell_budget_exceeded(cep::format_alert(program_.plan(), alert));
      }
      if (cep::status_of(program_.plan(), alert) != cep::Status::kLive) return {};
      Result<void> written = alerts.write(alert);
      note(written);
      return written;
    };
    sinks.upcoming = [&alerts](std::span<const cep::Alert> upcoming) { alerts.prepare(upcoming); };
    sinks.late = [this](const runtime::LateEvent& late) {
      report_.late.add(late);
      if (late_) note(late_->write_line(format_late_event(late)));
    };
    sinks.dead_letter = [this](const runtime::DeadLetter& dead_letter) {
      report_.rejected.add(dead_letter);
      if (dead_letter_) note(dead_letter_->write_line(format_dead_letter(dead_letter)));
    };
    sinks.note = [this](const std::string& note) {
      if (!options_.quiet || runtime::FileSeries::is_warning(note)) tell(note + "\n");
    };
    sinks.progress = [this](const runtime::Progress& progress) {
      for (OutputFile* output : outputs()) note(output->flush());
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began_;
      progress_.show(progress, passed.count());
    };
    return sinks;
  }

  std::vector<OutputFile*> outputs() {
    std::vector<OutputFile*> all = {&alerts_};
    if (late_) all.push_back(&*late_);
    if (dead_letter_) all.push_back(&*dead_letter_);
    return all;
  }

  void close_outputs() {
    for (OutputFile* output : outputs()) note(output->close());
  }

  void finish_deliveries() {
    if (!outbox_) return;
    progress_.clear();
    const DeliverySummary so_far = outbox_->summary();
    if (const std::uint64_t owed = so_far.enqueued - so_far.delivered;
        owed != 0 && !options_.quiet && !stop_signal_.requested()) {
      tell(fmt::format("delivering {} more to {}; Ctrl-C leaves the rest in {}\n", owed,
                       report_.webhook_url, report_.undelivered_path));
    }
    Result<DeliverySummary> summary =
        outbox_->finish(give_up_after_, [this] { return stop_signal_.requested(); });
    if (summary) {
      report_.deliveries = std::move(*summary);
    } else {
      note_failure(summary.error().message);
    }
  }

  const RunArguments& options_;
  const cep::Program& program_;
  OutputFile alerts_;
  std::optional<OutputFile> late_, dead_letter_;
  std::unique_ptr<WebhookOutbox> outbox_;
  std::chrono::milliseconds give_up_after_{0};
  ProgressLine progress_;
  StopSignal stop_signal_;
  RunReport report_;
  std::string failure_;  // empty: none
  std::atomic<bool> has_failed_ = false;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};
}  // namespace

ExitCode run_session(const RunArguments& arguments, const std::optional<Webhook>& webhook,
                     const runtime::RunOptions& run_options, const cep::Program& program) {
  Outcome<std::unique_ptr<RunSession>> session = RunSession::open(arguments, webhook, program);
  if (!session) return end_with(session.error().code, session.error().message);
  return (*session)->run(run_options);
}
}  // namespace tocsin::api
