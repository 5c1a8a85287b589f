#include "api/command_run.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "api/alert_writer.h"
#include "api/choice_option.h"
#include "api/colour.h"
#include "api/output_file.h"
#include "api/progress.h"
#include "api/rule_files.h"
#include "api/rule_loader.h"
#include "api/run_report.h"
#include "api/side_output.h"
#include "api/signature.h"
#include "api/stop_signal.h"
#include "api/webhook_outbox.h"
#include "api/webhook_url.h"
#include "runtime/run.h"

namespace tocsin::api {
namespace {
// The command line as it was written.
struct RunOptions {
  std::vector<std::string> rules;
  std::vector<std::string> inputs;
  std::string out_of_orderness;  // empty: not said
  std::string late_policy = "side";
  bool final_watermark = true;
  std::string alerts = "-";
  std::string late, dead_letter;                                    // empty: not kept
  std::string webhook, secret_file, undelivered, delivery_timeout;  // empty: not said
  std::string colour;
  bool quiet = false;
};
constexpr const char* kDeliveryTimeoutDefault = "30s";

// What could not go on, and how the program then ends.
struct Failure {
  ExitCode code;
  std::string message;
};
template <typename T>
using Outcome = tl::expected<T, Failure>;
tl::unexpected<Failure> stop(ExitCode code, std::string message) {
  return tl::unexpected<Failure>(Failure{code, std::move(message)});
}

Outcome<cep::Duration> read_duration(const char* option, const std::string& text) {
  const std::optional<cep::Duration> duration = cep::parse_duration(text == "0" ? "0s" : text);
  if (!duration || duration->us < 0) {
    return stop(
        ExitCode::kUsage,
        fmt::format("{} takes a duration such as 800ms, 1s or 1h30m, not {}", option, text));
  }
  return *duration;
}

// The webhook as the options say it; nothing without --webhook.
struct Webhook {
  WebhookOptions options;
  std::chrono::milliseconds give_up_after{0};
};
Outcome<std::optional<Webhook>> read_webhook(const RunOptions& options) {
  if (options.webhook.empty()) {
    for (const auto& [name, value] : {std::pair{"--secret-file", &options.secret_file},
                                      std::pair{"--undelivered", &options.undelivered},
                                      std::pair{"--delivery-timeout", &options.delivery_timeout}}) {
      if (!value->empty())
        return stop(ExitCode::kUsage, fmt::format("{} needs --webhook URL", name));
    }
    return std::nullopt;
  }
  if (options.secret_file.empty()) {
    return stop(
        ExitCode::kUsage,
        "--webhook needs --secret-file FILE: every delivery is signed with a secret, `whsec_…`");
  }
  if (const Result<WebhookUrl> url = parse_webhook_url(options.webhook); !url) {
    return stop(ExitCode::kUsage, "--webhook: " + url.error().message);
  }
  const Result<std::string> secret = read_secret_text(options.secret_file);
  if (!secret) return stop(ExitCode::kUsage, "--secret-file: " + secret.error().message);
  const Outcome<cep::Duration> timeout = read_duration(
      "--delivery-timeout",
      options.delivery_timeout.empty() ? kDeliveryTimeoutDefault : options.delivery_timeout);
  if (!timeout) return tl::unexpected(timeout.error());
  Webhook webhook;
  webhook.options.url = options.webhook;
  webhook.options.secret = *secret;
  if (!options.undelivered.empty()) webhook.options.undelivered_path = options.undelivered;
  webhook.give_up_after = std::chrono::milliseconds(timeout->us / 1000);
  return webhook;
}

// Where each option writes, for those that write to a file.
using NamedPaths = std::vector<std::pair<std::string, std::string>>;
NamedPaths outputs_of(const RunOptions& options, const std::optional<Webhook>& webhook) {
  NamedPaths outputs;
  if (options.alerts != "-") outputs.emplace_back("--alerts", options.alerts);
  if (!options.late.empty()) outputs.emplace_back("--late", options.late);
  if (!options.dead_letter.empty()) outputs.emplace_back("--dead-letter", options.dead_letter);
  if (webhook) outputs.emplace_back("--undelivered", webhook->options.undelivered_path);
  return outputs;
}

// An output that is also read, or written twice, would be destroyed.
Outcome<void> check_paths(const NamedPaths& outputs, const std::vector<std::string>& inputs,
                          const std::vector<std::string>& rule_files) {
  if (std::ranges::count(inputs, "-") > 1) {
    return stop(ExitCode::kUsage,
                "standard input can be read once, but --input - stands more than once");
  }
  for (auto output = outputs.begin(); output != outputs.end(); ++output) {
    const std::string& option = output->first;
    const std::string& path = output->second;
    if (path == "-") {
      return stop(ExitCode::kUsage, option + " takes a file; only --alerts can be standard output");
    }
    const auto refuse = [&](const char* what) {
      return stop(ExitCode::kUsage, fmt::format("{} would overwrite {}: {}", option, what, path));
    };
    const auto is_it = [&](const std::string& other) { return is_same_file(path, other); };
    if (std::ranges::any_of(inputs, is_it)) return refuse("an input");
    if (std::ranges::any_of(rule_files, is_it)) return refuse("a rule file");
    for (auto other = outputs.begin(); other != output; ++other) {
      if (is_it(other->second)) return refuse(("the file of " + other->first).c_str());
    }
  }
  return {};
}

// Says now what would else be found out after the outputs were emptied.
Outcome<void> check_inputs(const std::vector<std::string>& inputs) {
  for (const std::string& input : inputs) {
    if (input == "-") continue;
    struct stat status = {};
    int error = 0;
    if (stat(input.c_str(), &status) != 0 || access(input.c_str(), R_OK) != 0) {
      error = errno;
    } else if (S_ISDIR(status.st_mode)) {
      error = EISDIR;
    }
    if (error != 0) {
      return stop(ExitCode::kInputOutput,
                  fmt::format("cannot read {}: {}", input, std::strerror(error)));
    }
  }
  return {};
}

Outcome<OutputFile> open_output(const std::string& path) {
  Result<OutputFile> output = OutputFile::open(path);
  if (!output) return stop(ExitCode::kInputOutput, output.error().message);
  return std::move(*output);
}

// One run's outputs and what is said of it, from the first event to the last delivery.
class Session {
 public:
  // Opens all outputs.
  static Outcome<std::unique_ptr<Session>> open(const RunOptions& options,
                                                const std::optional<Webhook>& webhook,
                                                const cep::Program& program) {
    Outcome<OutputFile> alerts = open_output(options.alerts);
    if (!alerts) return tl::unexpected(alerts.error());
    auto session = std::unique_ptr<Session>(new Session(options, program, std::move(*alerts)));
    for (const auto& [path, place] : {std::pair{&options.late, &session->late_},
                                      std::pair{&options.dead_letter, &session->dead_letter_}}) {
      if (path->empty()) continue;
      Outcome<OutputFile> output = open_output(*path);
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
    runtime::RunOptions with_stop = run_options;
    with_stop.stop_requested = [this] { return must_stop(); };
    AlertWriter alerts(program_.plan(), alerts_, outbox_.get());
    const Result<runtime::RunSummary> summary =
        runtime::run(program_, inputs, with_stop, sinks(alerts), &report_.summary);
    if (summary) {
      report_.summary = *summary;
    } else {
      report_.is_complete = false;
      note_failure(stop_signal_.requested()
                       ? fmt::format("stopped by {} before the inputs ended", stop_signal_.name())
                       : summary.error().message);
    }
    close_outputs();
    finish_deliveries();
    progress_.clear();
    if (!options_.quiet) tell(format_report(report_));
    if (!failure_.empty()) return end_with(ExitCode::kInputOutput, failure_);
    if (report_.deliveries && report_.deliveries->left_over != 0) {
      return end_with(ExitCode::kUndelivered,
                      fmt::format("{} of {} deliveries are left over, kept in {}",
                                  report_.deliveries->left_over, report_.deliveries->enqueued,
                                  report_.undelivered_path));
    }
    return ExitCode::kSuccess;
  }

 private:
  Session(const RunOptions& options, const cep::Program& program, OutputFile alerts)
      : options_(options),
        program_(program),
        alerts_(std::move(alerts)),
        // Alerts on the same terminal would be written into the line.
        progress_(!options.quiet && !alerts_.is_terminal()) {
    report_.plan = &program_.plan();
    report_.inputs = options.inputs;
    report_.alerts_path = options.alerts;
    report_.late_path = options.late;
    report_.dead_letter_path = options.dead_letter;
  }

  // Keeps the first reason why the run ends early.
  void note_failure(const std::string& message) {
    if (failure_.empty()) failure_ = message;
  }
  void note(const Result<void>& written) {
    if (!written) note_failure(written.error().message);
  }
  bool must_stop() const { return stop_signal_.requested() || !failure_.empty(); }

  runtime::Sinks sinks(AlertWriter& alerts) {
    runtime::Sinks sinks;
    sinks.alert = [this, &alerts](const cep::Alert& alert) -> Result<void> {
      if (program_.plan().rules[alert.rule.value].status != cep::Status::kLive) return {};
      Result<void> written = alerts.write(alert);
      note(written);
      return written;
    };
    sinks.late = [this](const runtime::LateEvent& late) {
      report_.late.add(late);
      if (late_) note(late_->write_line(format_late_event(late)));
    };
    sinks.dead_letter = [this](const runtime::DeadLetter& dead_letter) {
      report_.rejected.add(dead_letter);
      if (dead_letter_) note(dead_letter_->write_line(format_dead_letter(dead_letter)));
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

  const RunOptions& options_;
  const cep::Program& program_;
  OutputFile alerts_;
  std::optional<OutputFile> late_, dead_letter_;
  std::unique_ptr<WebhookOutbox> outbox_;
  std::chrono::milliseconds give_up_after_{0};
  ProgressLine progress_;
  StopSignal stop_signal_;
  RunReport report_;
  std::string failure_;  // empty: none
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

Outcome<runtime::RunOptions> read_run_options(const RunOptions& options) {
  runtime::RunOptions run_options;
  if (!options.out_of_orderness.empty()) {
    const Outcome<cep::Duration> bound =
        read_duration("--out-of-orderness", options.out_of_orderness);
    if (!bound) return tl::unexpected(bound.error());
    run_options.out_of_orderness = *bound;
  }
  run_options.late =
      options.late_policy == "clamp" ? runtime::LatePolicy::kClamp : runtime::LatePolicy::kSide;
  run_options.final_watermark = options.final_watermark;
  return run_options;
}

// Everything that can be refused is refused before an output is emptied or an event is read.
ExitCode run(const RunOptions& options) {
  const auto end = [](const Failure& failure) { return end_with(failure.code, failure.message); };
  const Outcome<runtime::RunOptions> run_options = read_run_options(options);
  if (!run_options) return end(run_options.error());
  const Outcome<std::optional<Webhook>> webhook = read_webhook(options);
  if (!webhook) return end(webhook.error());

  const Result<std::vector<std::string>> files = find_rule_files(options.rules);
  if (!files) return end_with(ExitCode::kCheckFailed, files.error().message);
  const Outcome<void> paths = check_paths(outputs_of(options, *webhook), options.inputs, *files);
  if (!paths) return end(paths.error());
  const LoadedRules rules = load_rules(*files);
  tell(render_diagnostics(rules, is_coloured(options.colour, STDERR_FILENO)));
  if (!rules.program)
    return end_with(ExitCode::kCheckFailed, "the rules do not check; nothing was run");
  if (const Outcome<void> inputs = check_inputs(options.inputs); !inputs)
    return end(inputs.error());

  Outcome<std::unique_ptr<Session>> session = Session::open(options, *webhook, *rules.program);
  if (!session) return end(session.error());
  return (*session)->run(*run_options);
}
}  // namespace

void add_run_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<RunOptions>();
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
  command
      ->add_flag(
          "--final-watermark,!--no-final-watermark", options->final_watermark,
          "At the end of the inputs let time move on past every deadline, so that absences are "
          "decided (default), or leave them pending")
      ->group(input_group);

  const char* const output_group = "Output";
  command
      ->add_option("--alerts", options->alerts,
                   "Where alerts go; the file is replaced (default: -, standard output)")
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
  3  an input or output failed before its end, or a signal ended the run
  4  ran to the end, but deliveries are left over (in the file of --undelivered)

Examples:
  tocsin run rules/ --input payments.ndjson --alerts alerts.ndjson
  tocsin run rules/ --input monday.ndjson.gz --input tuesday.ndjson.zst --out-of-orderness 1s
  tail -f events.ndjson | tocsin run rules/ --input - --dead-letter rejected.ndjson
  tocsin run rules/ --input in.ndjson --webhook https://example.com/alerts --secret-file secret)");
  command->callback([&chosen, options] { chosen.run = [options] { return run(*options); }; });
}
}  // namespace tocsin::api
