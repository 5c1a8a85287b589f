#include "api/node/run_arguments.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <span>
#include <system_error>

#include "api/base/output_file.h"
#include "api/delivery/signature.h"
#include "api/net/webhook_url.h"
#include "runtime/csv/csv_format.h"
#include "runtime/event_time/input_form.h"
#include "runtime/io/byte_source.h"
#include "runtime/io/cores.h"
#include "runtime/io/line_blocks.h"
#include "runtime/io/topic_partition.h"
#include "runtime/io/worker_threads.h"
#include "runtime/series/series_options.h"

namespace tocsin::api {
Outcome<std::optional<Webhook>> read_webhook(const RunArguments& arguments) {
  const std::string& url = arguments.text("delivery.webhook");
  if (url.empty()) return std::nullopt;
  const std::string& secret_file = arguments.text("delivery.secret_file");
  if (secret_file.empty()) {
    return stop(
        ExitCode::kUsage,
        "--webhook needs --secret-file FILE: every delivery is signed with a secret, `whsec_…`");
  }
  if (const Result<WebhookUrl> parsed = parse_webhook_url(url); !parsed) {
    return stop(ExitCode::kUsage, "--webhook: " + parsed.error().message);
  }
  const Result<std::string> secret = read_secret_text(secret_file);
  if (!secret) return stop(ExitCode::kUsage, "--secret-file: " + secret.error().message);
  Webhook webhook;
  webhook.options.url = url;
  webhook.options.secret = *secret;
  webhook.options.undelivered_path = arguments.text("delivery.undelivered");
  webhook.give_up_after =
      std::chrono::milliseconds(arguments.settings.duration("delivery.timeout").us / 1000);
  return webhook;
}

NamedPaths outputs_of(const RunArguments& arguments, const std::optional<Webhook>& webhook) {
  NamedPaths outputs;
  if (arguments.text("output.alerts") != "-")
    outputs.emplace_back("--alerts", arguments.text("output.alerts"));
  for (const auto& [option, name] :
       {std::pair{"--late", "output.late"}, std::pair{"--dead-letter", "output.dead_letter"}}) {
    if (!arguments.text(name).empty()) outputs.emplace_back(option, arguments.text(name));
  }
  if (webhook && !arguments.is_durable())
    outputs.emplace_back("--undelivered", webhook->options.undelivered_path);
  return outputs;
}

namespace {
bool is_same_directory(const std::string& a, const std::string& b) {
  std::error_code ignored;
  return std::filesystem::is_directory(a, ignored) && std::filesystem::equivalent(a, b, ignored);
}
// Whether a file is one of those that are read of a directory.
bool is_in(const std::string& file, const std::string& directory) {
  if (file == "-" || directory == "-") return false;
  const std::filesystem::path path(file);
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
  return !is_same_directory(file, directory) && is_same_directory(directory, parent.string());
}
}  // namespace

Outcome<void> check_paths(const NamedPaths& outputs, const std::vector<std::string>& inputs,
                          const std::vector<std::string>& rule_files) {
  if (std::ranges::count(inputs, "-") > 1) {
    return stop(ExitCode::kUsage,
                "standard input can be read only once, but --input - is given more than once");
  }
  for (auto input = inputs.begin(); input != inputs.end(); ++input) {
    const auto is_it = [&](const std::string& other) {
      return is_same_file(*input, other) || is_same_directory(*input, other);
    };
    if (const auto around = std::ranges::find_if(
            inputs, [&](const std::string& other) { return is_in(*input, other); });
        around != inputs.end()) {
      return stop(ExitCode::kUsage,
                  fmt::format("--input {} is in {}, whose files are read too, and each of its "
                              "events would count twice: name one of them",
                              *input, *around));
    }
    if (*input == "-" || std::none_of(inputs.begin(), input, is_it)) continue;
    return stop(ExitCode::kUsage,
                fmt::format("--input names {} twice, and each of its events would count twice: "
                            "name it once",
                            *input));
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
    const auto is_around = [&](const std::string& input) { return is_in(path, input); };
    if (const auto around = std::ranges::find_if(inputs, is_around); around != inputs.end()) {
      return stop(ExitCode::kUsage,
                  fmt::format("{} {} is in {}, whose files are read: name a file elsewhere", option,
                              path, *around));
    }
    const auto is_it = [&](const std::string& other) { return is_same_file(path, other); };
    if (std::ranges::any_of(inputs, is_it)) return refuse("an input");
    if (std::ranges::any_of(rule_files, is_it)) return refuse("a rule file");
    for (auto other = outputs.begin(); other != output; ++other) {
      if (is_it(other->second)) return refuse(("the file of " + other->first).c_str());
    }
  }
  return {};
}

namespace {
// Damage is found where the file is read, after what stands before it was used.
Outcome<void> check_form(const std::string& path, const runtime::InputReading& reading,
                         const cep::Plan* plan) {
  Result<std::unique_ptr<runtime::ByteSource>> bytes = runtime::open_source(path);
  if (!bytes) return {};
  if (runtime::is_csv(path, reading.format)) {
    if (plan == nullptr) return {};
    const auto table = runtime::open_csv(*std::move(bytes), path, reading.csv, *plan);
    if (table || table.error().code == Errc::kCorrupt) return {};
    const bool is_usage = table.error().code == Errc::kInvalidArgument;
    return stop(is_usage ? ExitCode::kUsage : ExitCode::kInputOutput, table.error().message);
  }
  std::string block(runtime::kFormBytes, '\0');
  const Result<std::size_t> count = (*bytes)->read(block.data(), block.size());
  if (!count) return {};
  const auto form = runtime::other_form(std::string_view(block).substr(0, *count));
  if (!form || (form->is_table && plan == nullptr)) return {};
  return stop(ExitCode::kInputOutput, runtime::describe_form(*form, path));
}
}  // namespace

Outcome<void> check_inputs(const std::vector<std::string>& inputs,
                           const runtime::InputReading& reading, const cep::Plan* plan,
                           bool may_be_missing) {
  for (const std::string& input : inputs) {
    if (input == "-") continue;
    struct stat status = {};
    int error = 0;
    if (stat(input.c_str(), &status) != 0 || access(input.c_str(), R_OK) != 0) error = errno;
    if (error == ENOENT && may_be_missing) continue;
    if (error != 0) {
      return stop(ExitCode::kInputOutput,
                  fmt::format("cannot read {}: {}", input, std::strerror(error)));
    }
    // What comes from a pipe can be read only once.
    if (!S_ISREG(status.st_mode)) continue;
    if (auto checked = check_form(input, reading, plan); !checked) return checked;
  }
  return {};
}

namespace {
const Setting& setting_of_run(std::string_view name) {
  const std::span<const Setting> settings = run_settings();
  return *std::ranges::find(settings, name, &Setting::name);
}

// Settings without the one that they need.
Outcome<void> check_needs(const RunArguments& arguments) {
  for (const Setting& setting : run_settings()) {
    if (setting.needs.empty() || !arguments.settings.is_set(setting.name)) continue;
    if (!arguments.text(setting.needs).empty()) continue;
    const Setting& needed = setting_of_run(setting.needs);
    const char* why = "";
    if (setting.name == "data.from") {
      why =
          ": what goes on from a savepoint has a journal of its own, in a folder that does not "
          "exist yet";
    } else if (setting.name == "kafka.topics") {
      why = ": how far topics were read is kept there";
    }
    return stop(ExitCode::kUsage, fmt::format("{} needs {} {}{}", option_name(setting),
                                              option_name(needed), value_name(needed), why));
  }
  return {};
}

// What is read: files and standard input, or topics.
Outcome<void> check_sources(const RunArguments& arguments) {
  const bool has_topics = !arguments.text("kafka.topics").empty();
  if (!has_topics && arguments.inputs.empty())
    return stop(ExitCode::kUsage, "there is nothing to read: name an --input, or --kafka-topics");
  if (has_topics && !arguments.inputs.empty()) {
    return stop(ExitCode::kUsage,
                "--kafka-topics does not go with --input: a run reads one or the other");
  }
  for (const auto& [name, instead] : {std::pair{"time.idle_after", "kafka.idle_after"},
                                      std::pair{"time.drift_max", "kafka.drift_max"}}) {
    if (!has_topics || !arguments.settings.is_set(name)) continue;
    return stop(
        ExitCode::kUsage,
        fmt::format("{} does not go with --kafka-topics: of topics it is {}",
                    option_name(setting_of_run(name)), option_name(setting_of_run(instead))));
  }
  if (arguments.is_durable() && arguments.text("time.order") == "position") {
    return stop(ExitCode::kUsage,
                "--order position does not go with --data: events keep the order in which the "
                "journal has them. Leave out one of the two");
  }
  const bool follows = arguments.settings.boolean("input.follow");
  const auto is_file = [](const std::string& input) { return input != "-"; };
  if (follows && std::ranges::none_of(arguments.inputs, is_file)) {
    return stop(ExitCode::kUsage,
                "--follow needs a file or directory to follow: name one with --input. Standard "
                "input and topics are read on anyway");
  }
  for (const std::string& loss : arguments.settings.texts("input.accept_loss")) {
    if (runtime::parse_accepted_loss(loss)) continue;
    return stop(ExitCode::kUsage,
                fmt::format("--accept-loss takes FILE=BYTES, as a start named it: {}", loss));
  }
  for (const std::string& input : arguments.inputs) {
    if (!runtime::is_partition(input)) continue;
    return stop(ExitCode::kUsage,
                fmt::format("--input takes files; topics are read with --kafka-topics, and a file "
                            "of this name is ./{}",
                            input));
  }
  return {};
}
}  // namespace

Outcome<void> check_settings(const RunArguments& arguments) {
  if (auto checked = check_needs(arguments); !checked) return checked;
  if (auto checked = check_sources(arguments); !checked) return checked;
  const Outcome<runtime::InputReading> reading = input_reading(arguments.settings);
  if (!reading) return tl::unexpected(reading.error());
  if (!arguments.is_durable()) return {};
  for (const auto& [name, instead] :
       {std::pair{"output.late", "`tocsin late list --data FOLDER` shows them"},
        std::pair{"output.dead_letter", "`tocsin dead list --data FOLDER` shows them"},
        std::pair{"delivery.undelivered", "undelivered alerts are continued at the next start"}}) {
    if (!arguments.settings.is_set(name)) continue;
    return stop(ExitCode::kUsage,
                fmt::format("{} does not go with --data, which keeps it in its folder: {}",
                            option_name(setting_of_run(name)), instead));
  }
  if (arguments.profiles) {
    return stop(ExitCode::kUsage,
                "--profile does not go with --data: run the same rules and inputs without it");
  }
  const bool has_standard_input = std::ranges::count(arguments.inputs, "-") != 0;
  if (has_standard_input && reading->format == runtime::InputFormat::kCsv) {
    return stop(ExitCode::kUsage,
                "standard input is JSON lines in a run with --data: name a file of CSV with "
                "--input, or leave --data out");
  }
  if (!arguments.text("data.ack").empty() && !has_standard_input) {
    return stop(ExitCode::kUsage, "--ack counts lines of standard input: it needs --input -");
  }
  return {};
}

Outcome<runtime::InputReading> input_reading(const Configuration& settings) {
  runtime::InputReading reading;
  const std::string& format = settings.text("input.format");
  if (format == "json") reading.format = runtime::InputFormat::kJson;
  if (format == "csv") reading.format = runtime::InputFormat::kCsv;
  reading.csv.separator = runtime::separator_of(settings.text("csv.separator"));
  reading.csv.type = settings.text("csv.type");
  reading.csv.columns = settings.texts("csv.columns");
  reading.csv.has_decimal_comma = settings.text("csv.decimal") == "comma";
  for (const std::string& rename : settings.texts("csv.rename")) {
    const std::size_t sign = rename.rfind('=');
    if (sign == std::string::npos || sign == 0 || sign + 1 == rename.size()) {
      return stop(
          ExitCode::kUsage,
          fmt::format("--csv-rename takes COLUMN=NAME, as \"Booking date=ts\": {}", rename));
    }
    reading.csv.renames.emplace_back(rename.substr(0, sign), rename.substr(sign + 1));
  }
  if (!reading.csv.columns.empty() && !reading.csv.renames.empty()) {
    return stop(ExitCode::kUsage,
                "--csv-rename does not go with --csv-columns, which names every column");
  }
  if (reading.csv.is_given() && reading.format == runtime::InputFormat::kJson) {
    return stop(ExitCode::kUsage, "--csv-… does not go with --input-format json");
  }
  return reading;
}

runtime::RunOptions event_time_options(const Configuration& settings) {
  runtime::RunOptions options;
  options.out_of_orderness = settings.duration_limit("time.out_of_orderness");
  options.late = settings.text("time.late_policy") == "clamp" ? runtime::LatePolicy::kClamp
                                                              : runtime::LatePolicy::kSide;
  options.late_max = settings.duration_limit("time.late_max");
  options.ahead_max = settings.duration_limit("time.ahead_max");
  options.jump_max = settings.duration_limit("time.jump_max");
  options.unknown_types = settings.text("events.unknown_types") == "dead"
                              ? runtime::UnknownTypes::kDead
                              : runtime::UnknownTypes::kIgnore;
  options.steps_per_event_max =
      static_cast<std::uint64_t>(settings.integer("rules.event_steps_max"));
  if (const auto bytes = settings.size_limit("memory.reorder")) options.reorder_bytes_max = *bytes;
  options.final_watermark = false;
  return options;
}

runtime::RunOptions run_options_of(const RunArguments& arguments) {
  const Configuration& settings = arguments.settings;
  runtime::RunOptions options = event_time_options(settings);
  options.reading = input_reading(settings).value_or(runtime::InputReading{});
  options.heartbeat = settings.duration_limit("time.heartbeat");
  options.idle_after = settings.duration_limit("time.idle_after");
  options.drift_max = settings.duration_limit("time.drift_max");
  options.order = settings.text("time.order") == "position" ? runtime::EqualTimeOrder::kPosition
                                                            : runtime::EqualTimeOrder::kMerged;
  // Who keeps the state wants to go on with it.
  options.final_watermark = settings.is_set("time.final_watermark")
                                ? settings.boolean("time.final_watermark")
                                : !arguments.is_durable();
  options.profiles = arguments.profiles;
  const auto milliseconds = [&](std::string_view name) {
    return std::chrono::milliseconds(settings.duration(name).us / 1000);
  };
  options.series.follows = settings.boolean("input.follow");
  options.series.look_every = milliseconds("input.follow_every");
  options.series.rotate_wait = milliseconds("input.rotate_wait");
  options.series.files_max = static_cast<std::size_t>(settings.integer("input.directory_files"));
  for (const std::string& loss : settings.texts("input.accept_loss")) {
    if (auto accepted = runtime::parse_accepted_loss(loss))
      options.series.accepted_losses.push_back(*std::move(accepted));
  }
  return options;
}

std::uint32_t worker_count(const Configuration& settings) {
  // A slice has not enough rows for more.
  constexpr std::uint32_t kMost = 16;
  const std::int64_t asked = settings.integer("rules.workers");
  return asked > 0 ? static_cast<std::uint32_t>(asked)
                   : std::min(runtime::available_cores(), kMost);
}

void use_workers(runtime::WorkerThreads& workers, runtime::RunOptions& options) {
  // Larger blocks keep more workers busy, for whose part of a block the caches are as large as
  // before.
  constexpr std::uint32_t kTimesMost = 16;
  const std::uint32_t times = workers.count() <= 2 ? 1 : std::min(workers.count(), kTimesMost);
  options.workers = options.decode_by = &workers;
  options.block_bytes = runtime::LineBlocks::kReadBytes * times;
  options.slice_rows_max *= times;
}

DurableOptions durable_options(const Configuration& settings) {
  DurableOptions durable;
  durable.checkpoint_every = settings.duration("checkpoint.every");
  if (const auto bytes = settings.size_limit("journal.segment_bytes"))
    durable.segment_bytes = *bytes;
  durable.memory_max = settings.size_limit("memory.max");
  durable.retention.alerts = {settings.duration_limit("retention.alerts_age"),
                              settings.size_limit("retention.alerts_bytes")};
  durable.retention.side_output = {settings.duration_limit("retention.aside_age"),
                                   settings.size_limit("retention.aside_bytes")};
  return durable;
}

runtime::RunOptions with_line_limit(runtime::RunOptions options, const DurableOptions& durable) {
  options.line_bytes_max = std::min<std::size_t>(options.line_bytes_max, durable.segment_bytes / 4);
  return options;
}

namespace {
// One spelling of a value, however it was written.
std::string canonical(const std::string& value) {
  const std::optional<cep::Duration> duration = cep::parse_duration(value == "0" ? "0s" : value);
  return duration ? cep::format_duration(*duration) : value;
}
}  // namespace

std::vector<std::pair<std::string, std::string>> kept_options(const Configuration& settings) {
  std::vector<std::pair<std::string, std::string>> kept;
  for (const Setting& setting : settings.settings()) {
    if (setting.kept.empty()) continue;
    std::string value =
        settings.is_none(setting.name) ? "" : canonical(settings.text(setting.name));
    // Older directories, which do not keep it, have unknown types ignored.
    if (setting.name == "events.unknown_types" && value == "ignore") value.clear();
    // They have the standard number of steps.
    if (setting.name == "rules.event_steps_max" && value == setting.standard) value.clear();
    kept.emplace_back(setting.kept, std::move(value));
  }
  std::ranges::sort(kept);  // by name, as they are written
  return kept;
}

Outcome<void> adopt_options(const std::vector<std::pair<std::string, std::string>>& kept,
                            Configuration& settings) {
  for (const Setting& setting : settings.settings()) {
    if (setting.kept.empty()) continue;
    const auto found =
        std::ranges::find(kept, setting.kept, &std::pair<std::string, std::string>::first);
    std::string value = found == kept.end() ? "" : found->second;
    if (setting.name == "time.late_policy" && value.empty()) value = "side";
    if (setting.name == "rules.event_steps_max" && value.empty()) value = setting.standard;
    if (Result<void> done = settings.keep(setting.name, std::move(value), "kept", ""); !done)
      return stop(ExitCode::kUsage, done.error().message);
  }
  return {};
}
}  // namespace tocsin::api
