/// What `tocsin run` was told on its command line, what of it can be refused before anything is
/// opened, and settings as parts of the engine take them, of `run` and `serve` alike.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "api/base/exit_code.h"
#include "api/base/settings.h"
#include "api/outbox/webhook_outbox.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"
#include "runtime/effects/effect_store.h"
#include "runtime/event_time/input_form.h"
#include "runtime/event_time/run.h"

namespace tocsin::api {
/// The command line as it was written.
struct RunArguments {
  std::vector<std::string> rules;
  std::vector<std::string> inputs;
  Configuration settings{run_settings()};
  std::string colour;
  bool quiet = false;
  bool profiles = false;  // says at the end where the time went

  /// A setting as it was written, or its standard value.
  const std::string& text(std::string_view name) const { return settings.text(name); }
  /// Whether the run keeps what it does.
  bool is_durable() const { return !text("data.path").empty(); }
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

/// The webhook as the options say it.
struct Webhook {
  WebhookOptions options;
  std::chrono::milliseconds give_up_after{0};
};
/// Nothing without --webhook. Settings that need it are refused by check_settings().
Outcome<std::optional<Webhook>> read_webhook(const RunArguments& arguments);
/// Refuses settings that need another one, or do not go with one.
Outcome<void> check_settings(const RunArguments& arguments);

/// Settings of event time, of `run` or `serve`; time does not end with the inputs.
runtime::RunOptions event_time_options(const Configuration& settings);
/// How inputs are to be read. Fails for what does not go together.
Outcome<runtime::InputReading> input_reading(const Configuration& settings);
/// The same as event_time_options(), with what is of `run` alone; check_settings() came first.
runtime::RunOptions run_options_of(const RunArguments& arguments);

/// How many threads match events: as many as the setting says, or as there are cores that so many
/// have work for.
std::uint32_t worker_count(const Configuration& settings);
/// Gives a run its workers, which read files ahead too, and sets how large the blocks are that they
/// read and how many events they work through together.
void use_workers(runtime::WorkerThreads& workers, runtime::RunOptions& options);

/// Settings of a durable run or a server.
struct DurableOptions {
  cep::Duration checkpoint_every{30'000'000};
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;
  std::optional<std::uint64_t> memory_max;
  runtime::RetentionPolicy retention;
};
DurableOptions durable_options(const Configuration& settings);
/// The same options, with lines that fit into a segment of the journal.
runtime::RunOptions with_line_limit(runtime::RunOptions options, const DurableOptions& durable);

/// The settings that alerts depend on, as a data directory keeps them: a later start has the same.
std::vector<std::pair<std::string, std::string>> kept_options(const Configuration& settings);
/// Takes over those that were kept, where nobody set them. What a data directory keeps as nothing
/// is none, whatever is standard. Fails for a value that this program does not know.
Outcome<void> adopt_options(const std::vector<std::pair<std::string, std::string>>& kept,
                            Configuration& settings);

/// Where each option writes, for those that write to a file.
using NamedPaths = std::vector<std::pair<std::string, std::string>>;
NamedPaths outputs_of(const RunArguments& arguments, const std::optional<Webhook>& webhook);
/// Refuses an output that is also read, or written twice: it would be destroyed.
Outcome<void> check_paths(const NamedPaths& outputs, const std::vector<std::string>& inputs,
                          const std::vector<std::string>& rule_files);
/// Refuses inputs that cannot be read, or are neither JSON lines nor CSV as they are to be
/// (runtime/event_time/input_form.h), which would else be found out after outputs were emptied.
/// `plan`: of the rules that are to read them; null where a data directory may know of each file
/// how it was read so far. `may_be_missing`: a followed log may be between its rotation and its
/// next file.
Outcome<void> check_inputs(const std::vector<std::string>& inputs,
                           const runtime::InputReading& reading, const cep::Plan* plan,
                           bool may_be_missing = false);
}  // namespace tocsin::api
