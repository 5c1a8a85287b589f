#include "api/commands/durable_session.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "api/alerts/alert_copy.h"
#include "api/alerts/stored_effects.h"
#include "api/base/ack_file.h"
#include "api/base/command.h"
#include "api/base/exit_code.h"
#include "api/base/progress.h"
#include "api/base/stop_signal.h"
#include "api/commands/session_inputs.h"
#include "api/custody/private_data.h"
#include "api/node/kept_rules.h"
#include "api/node/node_start.h"
#include "api/node/run_report.h"
#include "api/outbox/stored_deliveries.h"
#include "api/outbox/webhook_outbox.h"
#include "api/privacy/privacy.h"
#include "rules/text/human_text.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/event_time/slice_loop.h"
#include "runtime/inputs/input_file.h"
#include "runtime/io/clock.h"
#include "runtime/io/memory_ahead.h"
#include "runtime/io/system_files.h"
#include "runtime/io/thread_executor.h"
#include "runtime/io/worker_threads.h"
#include "runtime/series/file_series.h"
#include "runtime/store/rocks_state_store.h"
#include "runtime/store/rocks_store.h"

namespace tocsin::api {
namespace {
tl::unexpected<Failure> refuse(const Error& error) {
  return stop(exit_code_of(error.code), error.message);
}

std::string format_difference(const runtime::ReplayReport& report) {
  using rules::format_count;
  std::string text = fmt::format(
      "replayed as new: {} unchanged; {} new, not sent; {} no longer raised\n",
      format_count(report.same, "alert"), format_count(report.added), format_count(report.gone));
  for (const std::string& example : report.examples) text += fmt::format("  {}\n", example);
  if (const auto rest = report.added + report.gone - report.examples.size(); rest != 0)
    text += fmt::format("  and {} more\n", format_count(rest));
  return text;
}

class DurableSession {
 public:
  DurableSession(const RunArguments& arguments, const std::optional<Webhook>& webhook,
                 std::optional<KafkaSettings> kafka, const LoadedRules& rules,
                 std::vector<runtime::NamedContents> texts)
      : arguments_(arguments),
        webhook_(webhook),
        kafka_(std::move(kafka)),
        program_(*rules.program),
        texts_(std::move(texts)),
        state_stores_(files_),
        ranges_(arguments.inputs) {}

  Outcome<void> open();
  ExitCode run();

 private:
  Outcome<void> open_store();
  Outcome<void> open_node();
  Outcome<void> open_outputs();
  Outcome<void> open_deliveries();
  Outcome<void> open_ack();
  Outcome<void> open_inputs();
  runtime::NodeOptions node_options();
  void tell_recovery() const;
  Result<void> read_inputs();
  void finish_deliveries();
  ExitCode finish(const Result<void>& read);
  RunReport report(bool is_complete) const;

  // From other threads.
  void journal_changed(const runtime::JournalStatus& status);
  void effects_changed(const runtime::EffectQueueStatus& status);
  void effects_stored(std::span<const runtime::SliceEffects> stored);
  std::uint64_t alerts_needed_from() const;
  void note_failure(const std::string& message);
  std::string failure() const;
  std::string stopped_text() const {
    return fmt::format("stopped by {} before the inputs ended", stop_signal_.name());
  }
  ExitCode stopped_code() const {
    return run_options_.series.follows ? ExitCode::kSuccess : ExitCode::kInputOutput;
  }
  bool must_stop() const { return stop_signal_.requested() || !failure().empty(); }

  RunArguments arguments_;
  const std::optional<Webhook>& webhook_;
  std::optional<KafkaSettings> kafka_;
  DurableOptions durable_;
  const cep::Program& program_;
  std::vector<runtime::NamedContents> texts_;
  runtime::RunOptions run_options_;
  StopSignal stop_signal_;
  runtime::SystemFiles files_;
  runtime::SystemClock clock_;
  runtime::RocksStateStores state_stores_;
  runtime::FileRanges ranges_;
  std::optional<runtime::DataDirectory> directory_;
  std::unique_ptr<runtime::RocksStore> store_;
  runtime::ThreadExecutor executor_;
  runtime::WorkerThreads workers_{worker_count(arguments_.settings)};
  runtime::MemoryAhead memory_ahead_;
  std::unique_ptr<runtime::NodePorts> ports_;
  std::unique_ptr<ProgressLine> progress_;
  std::unique_ptr<AckFile> ack_;
  mutable std::mutex mutex_;  // for what other threads touch
  std::string failure_;
  std::unique_ptr<AlertCopy> copy_;
  std::shared_ptr<WebhookOutbox> outbox_;
  bool is_waiting_for_space_ = false, is_store_waiting_ = false;
  std::uint64_t shown_before_ = 0;  // number of the last alert that an earlier start stored
  RejectedTally rejected_;
  LateTally late_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  runtime::RunSummary before_;  // of earlier starts
  std::string webhook_shown_;
  std::optional<DeliverySummary> deliveries_;
  std::unique_ptr<runtime::Node> node_;
  std::unique_ptr<SessionInputs> inputs_;
};

Outcome<void> DurableSession::open() {
  auto directory = take_data_directory(files_, arguments_.text("data.path"), true);
  if (!directory) return refuse(directory.error());
  directory_ = *std::move(directory);
  // Early, but once the directory is this process's own: another one's number is good.
  if (!arguments_.text("data.ack").empty()) {
    if (auto removed = AckFile::remove(arguments_.text("data.ack")); !removed)
      return stop(ExitCode::kInputOutput, removed.error().message);
  }
  Result<std::optional<runtime::Beginning>> beginning =
      runtime::find_beginning(files_, directory_->paths(), false);
  if (!beginning) return refuse(beginning.error());
  if (*beginning) {
    auto adopted = adopt_options((*beginning)->settings.options, arguments_.settings);
    if (!adopted) return adopted;
  }
  durable_ = durable_options(arguments_.settings);
  run_options_ = with_line_limit(run_options_of(arguments_), durable_);
  if (kafka_) run_options_.drift_max = kafka_->drift_max;
  if (auto opened = open_store(); !opened) return opened;
  if (auto opened = open_node(); !opened) return opened;
  if (auto opened = open_outputs(); !opened) return opened;
  if (auto opened = open_deliveries(); !opened) return opened;
  return open_inputs();
}

Outcome<void> DurableSession::open_store() {
  runtime::RocksStoreOptions options;
  options.families = runtime::effect_families();
  options.end_mark = directory_->paths().store_end;
  Result<std::unique_ptr<runtime::RocksStore>> store =
      runtime::RocksStore::open(directory_->paths().store, options);
  if (!store) return refuse(store.error());
  store_ = *std::move(store);
  const Result<std::uint64_t> last = last_alert_number(*store_);
  if (!last) return refuse(last.error());
  shown_before_ = *last;
  const Result<void> learned =
      Privacy::learn_in(directory_->paths().directory, *store_, program_.plan());
  if (!learned) return refuse(learned.error());
  return {};
}

runtime::NodeOptions DurableSession::node_options() {
  runtime::NodeOptions options;
  options.workers = &workers_;
  // Standard input is read on while its lines are on their way to the disk, a file has them anyway,
  // and no request waits for alerts.
  constexpr std::chrono::milliseconds kPipePause{10};
  constexpr std::chrono::milliseconds kAlertPause{250};
  options.journal.value_pause = kPipePause;
  options.effects.pause = kAlertPause;
  options.settings = runtime::settings_of(program_, kept_options(arguments_.settings));
  options.texts = std::move(texts_);
  options.compile = compile_kept;
  options.intake = runtime::intake_options(program_.plan(), run_options_);
  options.timeline = new_timeline_id();
  if (!arguments_.text("data.from").empty()) options.from = arguments_.text("data.from");
  options.checkpoint_every = durable_.checkpoint_every;
  options.segment_bytes = durable_.segment_bytes;
  options.memory_max = durable_.memory_max;
  options.replay_as_new = arguments_.settings.boolean("data.replay_as_new");
  options.effects.retention = durable_.retention;
  options.effects.needed_from = [this] { return alerts_needed_from(); };
  options.stop_requested = [this] { return must_stop(); };
  options.recovering = [this](const runtime::RecoveryProgress& progress) {
    if (progress.records_total == 0) return;
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began_;
    progress_->show({progress.records, progress.records_total, progress.events, 0}, passed.count());
  };
  options.raised = [](const runtime::StoredAlert& alert) {
    if (alert.severity == cep::Severity::kHigh && alert.rule == cep::kBudgetRule)
      tell_budget_exceeded(alert.line);
  };
  options.endpoints.emplace();
  if (webhook_) {
    if (const auto endpoint = endpoint_of_webhook(webhook_->options.url))
      options.endpoints = {*endpoint};
  }
  options.journal_listener = [this](const runtime::JournalStatus& status) {
    journal_changed(status);
  };
  options.effects_listener = [this](const runtime::EffectQueueStatus& status) {
    effects_changed(status);
  };
  options.effects.stored = [this](std::span<const runtime::SliceEffects> stored) {
    effects_stored(stored);
  };
  options.side_output.late = [this](const runtime::LateEvent& late) { late_.add(late); };
  options.side_output.dead_letter = [this](const runtime::DeadLetter& dead) {
    rejected_.add(dead);
  };
  return options;
}

Outcome<void> DurableSession::open_node() {
  progress_ = std::make_unique<ProgressLine>(!arguments_.quiet);
  ports_.reset(new runtime::NodePorts{files_, clock_, *store_, state_stores_, executor_, ranges_});
  Result<std::unique_ptr<runtime::Node>> node =
      runtime::Node::open(*ports_, *directory_, program_, node_options());
  progress_->clear();
  if (!node) {
    if (stop_signal_.requested()) return stop(stopped_code(), node.error().message);
    return refuse(node.error());
  }
  node_ = *std::move(node);
  before_ = node_->summary();
  rejected_ = {};  // of this start, not of what was replayed
  late_ = {};
  if (!arguments_.quiet) tell_recovery();
  return {};
}

void DurableSession::tell_recovery() const {
  const runtime::Recovery& recovery = node_->recovery();
  tell_damaged(recovery);
  if (!arguments_.text("data.from").empty() && recovery.restored) {
    tell(format_restored(*recovery.restored));
  }
  if (recovery.is_new) {
    tell(fmt::format("{} the data directory {}\n",
                     arguments_.text("data.from").empty() ? "began" : "began, from a savepoint,",
                     arguments_.text("data.path")));
    return;
  }
  tell(recovery_text(recovery, arguments_.text("data.path")) + "\n");
  if (recovery.difference) tell(format_difference(*recovery.difference));
}

Outcome<void> DurableSession::open_outputs() {
  Result<std::unique_ptr<AlertCopy>> copy = AlertCopy::open(
      arguments_.text("output.alerts"), node_->effect_store().reader(), shown_before_);
  if (!copy) {
    const bool is_refused = copy.error().code == Errc::kMismatch;
    return stop(is_refused ? ExitCode::kUsage : ExitCode::kInputOutput, copy.error().message);
  }
  const bool is_terminal = (*copy)->is_terminal();
  {
    const std::lock_guard lock(mutex_);
    copy_ = *std::move(copy);
  }
  if (auto written = copy_->catch_up(); !written) note_failure(written.error().message);
  // Alerts on the same terminal would be written into the line.
  if (is_terminal) progress_ = std::make_unique<ProgressLine>(false);
  return {};
}

Outcome<void> DurableSession::open_deliveries() {
  if (!webhook_) return {};
  // A query may hold a token, which has no place in a log or a store.
  webhook_shown_ = webhook_->options.url.substr(0, webhook_->options.url.find('?'));
  const Result<runtime::EndpointId> endpoint = endpoint_of_webhook(webhook_->options.url);
  if (!endpoint) return stop(ExitCode::kUsage, endpoint.error().message);
  runtime::EffectStore& effects = node_->effect_store();
  if (auto named = effects.name_endpoint(*endpoint, webhook_shown_); !named)
    return refuse(named.error());
  const std::uint64_t owed = effects.owed(*endpoint);  // before any of them is made
  Result<std::unique_ptr<WebhookOutbox>> outbox = WebhookOutbox::open(
      webhook_->options, std::make_unique<StoredDeliveries>(effects, *endpoint, clock_));
  if (!outbox) {
    const bool is_usage = outbox.error().code == Errc::kInvalidArgument;
    return stop(is_usage ? ExitCode::kUsage : ExitCode::kInputOutput, outbox.error().message);
  }
  if (owed != 0 && !arguments_.quiet) {
    tell(fmt::format("undelivered alerts of earlier starts: {}\n", rules::format_count(owed)));
  }
  const std::lock_guard lock(mutex_);
  outbox_ = *std::move(outbox);
  return {};
}

// Says the line to go on from: before anything is read, since a sender may wait for it.
Outcome<void> DurableSession::open_ack() {
  if (arguments_.text("data.ack").empty()) return {};
  std::uint64_t lines = 0;
  for (const runtime::NodeSource& source : node_->sources()) {
    if (source.name == "-") lines = source.next_offset;
  }
  if (auto begun = AckFile::begin(arguments_.text("data.ack"), lines); !begun) {
    return stop(ExitCode::kInputOutput, begun.error().message);
  }
  const std::lock_guard lock(mutex_);
  ack_ = std::make_unique<AckFile>(arguments_.text("data.ack"));
  return {};
}

Outcome<void> DurableSession::open_inputs() {
  if (auto said = open_ack(); !said) return said;
  SessionInputOptions options{arguments_, run_options_, std::move(kafka_), {}, {}, {}, {}};
  options.stop_requested = [this] { return must_stop(); };
  options.note = [this](const std::string& note) {
    if (!arguments_.quiet || runtime::FileSeries::is_warning(note)) tell(note + "\n");
  };
  options.progress = [this](const runtime::Progress& progress) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began_;
    progress_->show(progress, passed.count());
  };
  if (!arguments_.text("data.ack").empty()) {
    options.standard_input_taken = [this](std::uint64_t sequence, std::uint64_t lines) {
      ack_->taken(sequence, lines);
    };
  }
  auto inputs = SessionInputs::open(*node_, clock_, std::move(options));
  if (!inputs) {
    if (stop_signal_.requested()) return stop(stopped_code(), stopped_text());
    return inputs.error().code == Errc::kInvalidArgument
               ? stop(ExitCode::kUsage, inputs.error().message)
               : refuse(inputs.error());
  }
  inputs_ = *std::move(inputs);
  return {};
}

void DurableSession::journal_changed(const runtime::JournalStatus& status) {
  AckFile* ack = nullptr;
  bool is_new = false;
  {
    const std::lock_guard lock(mutex_);
    ack = ack_.get();
    const bool is_waiting = status.state == runtime::JournalState::kNoSpace;
    is_new = is_waiting && !is_waiting_for_space_;
    is_waiting_for_space_ = is_waiting;
  }
  if (is_new) tell(fmt::format("tocsin: waiting for space on the disk: {}\n", status.reason));
  if (ack == nullptr) return;
  ack->durable(status.durable_end);
  if (const std::string failed = ack->failure(); !failed.empty()) note_failure(failed);
}

void DurableSession::effects_changed(const runtime::EffectQueueStatus& status) {
  bool is_new = false;
  {
    const std::lock_guard lock(mutex_);
    const bool is_waiting = !status.no_space.empty();
    is_new = is_waiting && !is_store_waiting_;
    is_store_waiting_ = is_waiting;
  }
  if (is_new) tell(fmt::format("tocsin: waiting for space on the disk: {}\n", status.no_space));
}

void DurableSession::effects_stored(std::span<const runtime::SliceEffects> stored) {
  AlertCopy* copy = nullptr;
  std::shared_ptr<WebhookOutbox> outbox;
  {
    const std::lock_guard lock(mutex_);
    copy = copy_.get();
    outbox = outbox_;
  }
  if (outbox) outbox->wake();
  if (copy == nullptr) return;
  if (auto written = copy->catch_up(stored); !written) note_failure(written.error().message);
}

// The copy comes first: none is removed before it, nor the one that its last line is.
std::uint64_t DurableSession::alerts_needed_from() const {
  const std::lock_guard lock(mutex_);
  return copy_ ? copy_->needed_from() : 0;
}

void DurableSession::note_failure(const std::string& message) {
  const std::lock_guard lock(mutex_);
  if (failure_.empty()) failure_ = message;
}

std::string DurableSession::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

Result<void> DurableSession::read_inputs() {
  if (!inputs_) return {};
  if (auto read = inputs_->run(); !read) return read;
  return run_options_.final_watermark ? node_->end_time() : node_->settle();
}

RunReport DurableSession::report(bool is_complete) const {
  RunReport report;
  report.plan = &program_.plan();
  report.summary = node_->summary();
  report.summary.engine = node_->engine_stats();
  report.summary.steps_exceeded = node_->engine().steps_exceeded();
  report.summary.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  report.rejected = rejected_;
  report.late = late_;
  report.inputs = input_names(arguments_);
  report.out_of_orderness = run_options_.out_of_orderness;
  report.alerts_path = arguments_.text("output.alerts");
  report.data_path = arguments_.text("data.path");
  report.before = before_;
  report.is_complete = is_complete;
  report.deliveries = deliveries_;
  report.webhook_url = webhook_shown_;
  return report;
}

void DurableSession::finish_deliveries() {
  if (!outbox_) return;
  outbox_->wake();
  if (const std::uint64_t left = outbox_->summary().left_over;
      left != 0 && !arguments_.quiet && !stop_signal_.requested()) {
    tell(fmt::format("delivering {} more to {}; Ctrl-C leaves the rest for the next start\n", left,
                     webhook_shown_));
  }
  Result<DeliverySummary> summary =
      outbox_->finish(webhook_->give_up_after, [this] { return stop_signal_.requested(); });
  if (summary) {
    deliveries_ = *std::move(summary);
  } else {
    note_failure(summary.error().message);
  }
}

ExitCode DurableSession::finish(const Result<void>& read) {
  const bool is_stopped = stop_signal_.requested();
  const bool was_stopped = !read && is_stopped && read.error().code == Errc::kStopped;
  // A signal is the only end of a run that follows its inputs.
  const bool is_end = read || (was_stopped && run_options_.series.follows);
  if (!is_end) note_failure(was_stopped ? stopped_text() : read.error().message);
  if (auto taken = node_->checkpoint(); !taken) note_failure(taken.error().message);
  const Result<void> node_closed = node_->close();
  if (node_closed) inputs_->finish();
  if (!node_closed) note_failure(node_closed.error().message);
  if (auto written = copy_->catch_up(); !written) note_failure(written.error().message);
  if (auto closed = copy_->close(); !closed) note_failure(closed.error().message);
  progress_->clear();
  finish_deliveries();
  for (const std::string& sentence : inputs_->unfinished()) tell("tocsin: " + sentence + "\n");
  if (!arguments_.quiet) tell(format_report(report(is_end)));
  if (const std::string failed = failure(); !failed.empty()) {
    // Whatever may not be taken here any more is for another directory. A file that cannot be
    // written has stopped the reading before.
    const bool is_refused =
        !read && is_refusal(read.error().code) && !is_stopped && failed == read.error().message;
    return end_with(is_refused ? ExitCode::kDataDirectory : ExitCode::kInputOutput, failed);
  }
  if (const auto unusable = nothing_usable(report(true))) {
    return end_with(ExitCode::kInputOutput, *unusable);
  }
  if (deliveries_ && deliveries_->left_over != 0) {
    return end_with(
        ExitCode::kUndelivered,
        fmt::format(
            "{} of {} alerts were not delivered; the next start with --data {} continues with them",
            deliveries_->left_over, deliveries_->enqueued, arguments_.text("data.path")));
  }
  return ExitCode::kSuccess;
}

ExitCode DurableSession::run() { return finish(read_inputs()); }
}  // namespace

ExitCode run_durable(const RunArguments& arguments, const std::optional<Webhook>& webhook,
                     std::optional<KafkaSettings> kafka, const LoadedRules& rules,
                     std::vector<runtime::NamedContents> texts) {
  DurableSession session(arguments, webhook, std::move(kafka), rules, std::move(texts));
  if (auto opened = session.open(); !opened) {
    return end_with(opened.error().code, opened.error().message);
  }
  return session.run();
}
}  // namespace tocsin::api
