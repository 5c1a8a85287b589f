/// What `tocsin run` was told on its command line, and what of it can be refused before anything is
/// opened.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "api/base/exit_code.h"
#include "api/outbox/webhook_outbox.h"
#include "cep/value/time.h"
#include "runtime/effects/effect_store.h"
#include "runtime/event_time/run.h"

namespace tocsin::api {
/// The command line as it was written.
struct RunArguments {
  std::vector<std::string> rules;
  std::vector<std::string> inputs;
  std::string out_of_orderness, late_policy;                         // empty: not said
  std::string late_max, ahead_max, jump_max, heartbeat, idle_after;  // empty: not said
  std::string drift_max;                                             // likewise
  std::string unknown_types;  // dead, ignore; empty: not said
  int final_watermark = 0;    // above 0: asked for; below: asked not to; 0: not said
  std::string alerts = "-";
  std::string late, dead_letter;                                    // empty: not kept
  std::string webhook, secret_file, undelivered, delivery_timeout;  // empty: not said
  std::string data, from, ack, checkpoint_every, journal_segment;   // empty: not said
  std::string reorder_memory, memory_max;                           // empty: not said
  std::string keep_alerts_for, keep_alerts_size, keep_side_output_for,
      keep_side_output_size;  // likewise
  std::string colour;
  bool quiet = false;
  bool replay_as_new = false;

  /// Whether the run keeps what it does.
  bool is_durable() const { return !data.empty(); }
};

/// What could not go on, and how the program then ends.
struct Failure {
  ExitCode code;
  std::string message;
};
template <typename T>
using Outcome = tl::expected<T, Failure>;
inline tl::unexpected<Failure> stop(ExitCode code, std::string message) {
  return tl::unexpected<Failure>(Failure{code, std::move(message)});
}

/// A duration as an option has it, 0 or more.
Outcome<cep::Duration> read_duration(const char* option, const std::string& text);

/// The webhook as the options say it.
struct Webhook {
  WebhookOptions options;
  std::chrono::milliseconds give_up_after{0};
};
/// Nothing without --webhook.
Outcome<std::optional<Webhook>> read_webhook(const RunArguments& arguments);
/// The options of event time and the like.
Outcome<runtime::RunOptions> read_run_options(const RunArguments& arguments);

/// What is said of a durable run alone.
struct DurableArguments {
  cep::Duration checkpoint_every{30'000'000};
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  std::optional<std::uint64_t> memory_max;
  runtime::RetentionPolicy retention;
};
/// Limits of clocks, and what becomes of unknown types, that hold where the command line says
/// nothing and no data directory keeps them. Those that it keeps as nothing stay none, and types
/// that no rule declares ignored.
void use_default_limits(RunArguments& arguments);
/// Refuses options that need --data, or do not go with it.
Outcome<DurableArguments> read_durable_arguments(const RunArguments& arguments);
/// The same options, with lines that fit into a segment of the journal.
runtime::RunOptions with_line_limit(runtime::RunOptions options, const DurableArguments& durable);
/// The options that alerts depend on, as they are kept in a data directory: a later start has the
/// same.
std::vector<std::pair<std::string, std::string>> kept_options(const RunArguments& arguments);
/// Takes over the options that were kept, where the command line does not say them.
void adopt_options(const std::vector<std::pair<std::string, std::string>>& kept,
                   RunArguments& arguments);

/// Where each option writes, for those that write to a file.
using NamedPaths = std::vector<std::pair<std::string, std::string>>;
NamedPaths outputs_of(const RunArguments& arguments, const std::optional<Webhook>& webhook);
/// Refuses an output that is also read, or written twice: it would be destroyed.
Outcome<void> check_paths(const NamedPaths& outputs, const std::vector<std::string>& inputs,
                          const std::vector<std::string>& rule_files);
/// Refuses inputs that cannot be read, or are no JSON lines (runtime/event_time/input_form.h),
/// which would else be found out after outputs were emptied.
Outcome<void> check_inputs(const std::vector<std::string>& inputs);
}  // namespace tocsin::api
