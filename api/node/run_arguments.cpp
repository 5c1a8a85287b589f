#include "api/node/run_arguments.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <tuple>

#include "api/base/output_file.h"
#include "api/delivery/signature.h"
#include "api/net/webhook_url.h"
#include "runtime/event_time/input_form.h"
#include "runtime/io/byte_source.h"

namespace tocsin::api {
namespace {
constexpr const char* kDeliveryTimeoutDefault = "30s";

// "65536", "64KiB", "1MiB", "1GiB".
std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number > UINT32_MAX) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<std::size_t>(rest - text.data()));
  for (const auto& [name, shift] :
       {std::pair{"", 0}, std::pair{"KiB", 10}, std::pair{"MiB", 20}, std::pair{"GiB", 30}}) {
    if (unit == name) return number << shift;
  }
  return std::nullopt;
}

Outcome<std::uint64_t> read_size(const char* option, const std::string& text) {
  const std::optional<std::uint64_t> bytes = parse_size(text);
  if (bytes && *bytes != 0) return *bytes;
  return stop(ExitCode::kUsage,
              fmt::format("{} takes a size such as 500MiB or 2GiB, not {}", option, text));
}
}  // namespace

Outcome<cep::Duration> read_duration(const char* option, const std::string& text) {
  const std::optional<cep::Duration> duration = cep::parse_duration(text == "0" ? "0s" : text);
  if (!duration || duration->us < 0 || duration->us > cep::kEventTimeMax.us) {
    return stop(
        ExitCode::kUsage,
        fmt::format("{} takes a duration such as 800ms, 1s or 1h30m, not {}", option, text));
  }
  return *duration;
}

Outcome<std::optional<Webhook>> read_webhook(const RunArguments& arguments) {
  if (arguments.webhook.empty()) {
    for (const auto& [name, value] :
         {std::pair{"--secret-file", &arguments.secret_file},
          std::pair{"--undelivered", &arguments.undelivered},
          std::pair{"--delivery-timeout", &arguments.delivery_timeout}}) {
      if (!value->empty())
        return stop(ExitCode::kUsage, fmt::format("{} needs --webhook URL", name));
    }
    return std::nullopt;
  }
  if (arguments.secret_file.empty()) {
    return stop(
        ExitCode::kUsage,
        "--webhook needs --secret-file FILE: every delivery is signed with a secret, `whsec_…`");
  }
  if (const Result<WebhookUrl> url = parse_webhook_url(arguments.webhook); !url) {
    return stop(ExitCode::kUsage, "--webhook: " + url.error().message);
  }
  const Result<std::string> secret = read_secret_text(arguments.secret_file);
  if (!secret) return stop(ExitCode::kUsage, "--secret-file: " + secret.error().message);
  const Outcome<cep::Duration> timeout = read_duration(
      "--delivery-timeout",
      arguments.delivery_timeout.empty() ? kDeliveryTimeoutDefault : arguments.delivery_timeout);
  if (!timeout) return tl::unexpected(timeout.error());
  Webhook webhook;
  webhook.options.url = arguments.webhook;
  webhook.options.secret = *secret;
  if (!arguments.undelivered.empty()) webhook.options.undelivered_path = arguments.undelivered;
  webhook.give_up_after = std::chrono::milliseconds(timeout->us / 1000);
  return webhook;
}

NamedPaths outputs_of(const RunArguments& arguments, const std::optional<Webhook>& webhook) {
  NamedPaths outputs;
  if (arguments.alerts != "-") outputs.emplace_back("--alerts", arguments.alerts);
  if (!arguments.late.empty()) outputs.emplace_back("--late", arguments.late);
  if (!arguments.dead_letter.empty()) outputs.emplace_back("--dead-letter", arguments.dead_letter);
  if (webhook && !arguments.is_durable())
    outputs.emplace_back("--undelivered", webhook->options.undelivered_path);
  return outputs;
}

Outcome<void> check_paths(const NamedPaths& outputs, const std::vector<std::string>& inputs,
                          const std::vector<std::string>& rule_files) {
  if (std::ranges::count(inputs, "-") > 1) {
    return stop(ExitCode::kUsage,
                "standard input can be read once, but --input - stands more than once");
  }
  for (auto input = inputs.begin(); input != inputs.end(); ++input) {
    const auto is_it = [&](const std::string& other) { return is_same_file(*input, other); };
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
Outcome<void> check_form(const std::string& path) {
  const Result<std::unique_ptr<runtime::ByteSource>> bytes = runtime::open_source(path);
  if (!bytes) return {};
  std::string block(runtime::kFormBytes, '\0');
  const Result<std::size_t> count = (*bytes)->read(block.data(), block.size());
  if (!count) return {};
  const auto form = runtime::other_form(std::string_view(block).substr(0, *count));
  if (!form) return {};
  return stop(ExitCode::kInputOutput, runtime::describe_form(*form, path));
}
}  // namespace

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
    if (error == EISDIR) {
      return stop(ExitCode::kInputOutput,
                  fmt::format("cannot read {}: it is a folder; name the files in it, each with an "
                              "--input of its own",
                              input));
    }
    if (error != 0) {
      return stop(ExitCode::kInputOutput,
                  fmt::format("cannot read {}: {}", input, std::strerror(error)));
    }
    // What comes from a pipe can be read only once.
    if (!S_ISREG(status.st_mode)) continue;
    if (auto checked = check_form(input); !checked) return checked;
  }
  return {};
}

Outcome<runtime::RunOptions> read_run_options(const RunArguments& arguments) {
  runtime::RunOptions run_options;
  if (!arguments.out_of_orderness.empty()) {
    const Outcome<cep::Duration> bound =
        read_duration("--out-of-orderness", arguments.out_of_orderness);
    if (!bound) return tl::unexpected(bound.error());
    run_options.out_of_orderness = *bound;
  }
  run_options.late =
      arguments.late_policy == "clamp" ? runtime::LatePolicy::kClamp : runtime::LatePolicy::kSide;
  run_options.unknown_types = arguments.unknown_types == "dead" ? runtime::UnknownTypes::kDead
                                                                : runtime::UnknownTypes::kIgnore;
  for (const auto& [name, text, place] :
       {std::tuple{"--late-max", &arguments.late_max, &run_options.late_max},
        std::tuple{"--ahead-max", &arguments.ahead_max, &run_options.ahead_max},
        std::tuple{"--jump-max", &arguments.jump_max, &run_options.jump_max},
        std::tuple{"--heartbeat", &arguments.heartbeat, &run_options.heartbeat},
        std::tuple{"--idle-after", &arguments.idle_after, &run_options.idle_after},
        std::tuple{"--drift-max", &arguments.drift_max, &run_options.drift_max}}) {
    if (text->empty()) continue;
    const Outcome<cep::Duration> duration = read_duration(name, *text);
    if (!duration) return tl::unexpected(duration.error());
    *place = *duration;
  }
  // 0 is no limit, as for a server, and no reading ahead.
  for (std::optional<cep::Duration>* const limit :
       {&run_options.ahead_max, &run_options.jump_max, &run_options.drift_max}) {
    if (*limit && (*limit)->us == 0) limit->reset();
  }
  for (const auto& [name, duration] : {std::pair{"--heartbeat", run_options.heartbeat},
                                       std::pair{"--idle-after", run_options.idle_after}}) {
    if (duration && duration->us == 0) {
      return stop(ExitCode::kUsage,
                  fmt::format("{} takes a duration above 0; without it there is none", name));
    }
  }
  if (!arguments.reorder_memory.empty()) {
    const Outcome<std::uint64_t> bytes = read_size("--reorder-memory", arguments.reorder_memory);
    if (!bytes) return tl::unexpected(bytes.error());
    run_options.reorder_bytes_max = *bytes;
  }
  // Who keeps the state wants to go on with it.
  const bool is_kept = arguments.is_durable() || !arguments.from.empty();
  run_options.final_watermark =
      arguments.final_watermark == 0 ? !is_kept : arguments.final_watermark > 0;
  return run_options;
}

Outcome<DurableArguments> read_durable_arguments(const RunArguments& arguments) {
  DurableArguments durable;
  if (!arguments.is_durable()) {
    if (arguments.replay_as_new) {
      return stop(ExitCode::kUsage, "--replay-as-new needs --data FOLDER");
    }
    for (const auto& [name, value] :
         {std::pair{"--ack", &arguments.ack},
          std::pair{"--checkpoint-every", &arguments.checkpoint_every},
          std::pair{"--journal-segment", &arguments.journal_segment},
          std::pair{"--memory-max", &arguments.memory_max},
          std::pair{"--keep-alerts-for", &arguments.keep_alerts_for},
          std::pair{"--keep-alerts-size", &arguments.keep_alerts_size},
          std::pair{"--keep-aside-for", &arguments.keep_side_output_for},
          std::pair{"--keep-aside-size", &arguments.keep_side_output_size},
          std::pair{"--from", &arguments.from}}) {
      if (value->empty()) continue;
      const bool is_from = value == &arguments.from;
      return stop(ExitCode::kUsage,
                  fmt::format("{} needs --data FOLDER{}", name,
                              is_from ? ": what goes on from a savepoint has a journal of its own, "
                                        "in a folder that does not exist yet"
                                      : ""));
    }
    return durable;
  }
  for (const auto& [name, value, instead] :
       {std::tuple{"--late", &arguments.late, "`tocsin late list --data FOLDER` shows them"},
        std::tuple{"--dead-letter", &arguments.dead_letter,
                   "`tocsin dead list --data FOLDER` shows them"},
        std::tuple{"--undelivered", &arguments.undelivered,
                   "what is left over goes on at the next start"}}) {
    if (value->empty()) continue;
    return stop(
        ExitCode::kUsage,
        fmt::format("{} does not go with --data, which keeps it in its folder: {}", name, instead));
  }
  const bool has_standard_input = std::ranges::count(arguments.inputs, "-") != 0;
  if (!arguments.ack.empty() && !has_standard_input) {
    return stop(ExitCode::kUsage, "--ack counts lines of standard input: it needs --input -");
  }
  if (!arguments.checkpoint_every.empty()) {
    const Outcome<cep::Duration> every =
        read_duration("--checkpoint-every", arguments.checkpoint_every);
    if (!every) return tl::unexpected(every.error());
    if (every->us == 0)
      return stop(ExitCode::kUsage, "--checkpoint-every takes a duration above 0");
    durable.checkpoint_every = *every;
  }
  if (!arguments.journal_segment.empty()) {
    const std::optional<std::uint64_t> bytes = parse_size(arguments.journal_segment);
    constexpr std::uint64_t kLeast = std::uint64_t{8} << 10;
    constexpr std::uint64_t kMost = std::uint64_t{1} << 30;
    if (!bytes || *bytes < kLeast || *bytes > kMost) {
      return stop(ExitCode::kUsage, "--journal-segment takes a size from 8KiB to 1GiB, not " +
                                        arguments.journal_segment);
    }
    durable.segment_bytes = *bytes;
  }
  for (const auto& [name, text, place] :
       {std::tuple{"--keep-alerts-for", &arguments.keep_alerts_for,
                   &durable.retention.alerts.age_max},
        std::tuple{"--keep-aside-for", &arguments.keep_side_output_for,
                   &durable.retention.side_output.age_max}}) {
    if (text->empty()) continue;
    const Outcome<cep::Duration> duration = read_duration(name, *text);
    if (!duration) return tl::unexpected(duration.error());
    *place = *duration;
  }
  for (const auto& [name, text, place] :
       {std::tuple{"--keep-alerts-size", &arguments.keep_alerts_size,
                   &durable.retention.alerts.bytes_max},
        std::tuple{"--keep-aside-size", &arguments.keep_side_output_size,
                   &durable.retention.side_output.bytes_max},
        std::tuple{"--memory-max", &arguments.memory_max, &durable.memory_max}}) {
    if (text->empty()) continue;
    const Outcome<std::uint64_t> bytes = read_size(name, *text);
    if (!bytes) return tl::unexpected(bytes.error());
    *place = *bytes;
  }
  return durable;
}

runtime::RunOptions with_line_limit(runtime::RunOptions options, const DurableArguments& durable) {
  options.line_bytes_max = std::min<std::size_t>(options.line_bytes_max, durable.segment_bytes / 4);
  return options;
}

namespace {
// The names under which options are kept, and where their values stand.
std::vector<std::pair<const char*, std::string RunArguments::*>> kept_members() {
  return {{"--ahead-max", &RunArguments::ahead_max},
          {"--journal-segment", &RunArguments::journal_segment},
          {"--jump-max", &RunArguments::jump_max},
          {"--late-max", &RunArguments::late_max},
          {"--late-policy", &RunArguments::late_policy},
          {"--out-of-orderness", &RunArguments::out_of_orderness},
          {"--unknown-types", &RunArguments::unknown_types}};
}
// One way to write a value, whichever way it was written.
std::string canonical(const std::string& value) {
  const std::optional<cep::Duration> duration = cep::parse_duration(value == "0" ? "0s" : value);
  return duration ? cep::format_duration(*duration) : value;
}
}  // namespace

std::vector<std::pair<std::string, std::string>> kept_options(const RunArguments& arguments) {
  std::vector<std::pair<std::string, std::string>> kept;
  for (const auto& [name, member] : kept_members()) {
    const std::string value = arguments.*member;
    const bool is_policy = std::string_view(name) == "--late-policy";
    const bool is_limit = member == &RunArguments::ahead_max || member == &RunArguments::jump_max;
    const std::string kept_value = is_policy && value.empty() ? "side" : canonical(value);
    const bool is_nothing = (is_limit && kept_value == "0s") ||
                            (member == &RunArguments::unknown_types && value == "ignore");
    kept.emplace_back(name, is_nothing ? "" : kept_value);
  }
  return kept;
}

void use_default_limits(RunArguments& arguments) {
  if (arguments.ahead_max.empty()) arguments.ahead_max = "10m";
  if (arguments.jump_max.empty()) arguments.jump_max = "1d";
  if (arguments.unknown_types.empty()) arguments.unknown_types = "dead";
}

void adopt_options(const std::vector<std::pair<std::string, std::string>>& kept,
                   RunArguments& arguments) {
  for (const auto& [name, member] : kept_members()) {
    std::string& value = arguments.*member;
    if (!value.empty()) continue;
    for (const auto& [kept_name, kept_value] : kept) {
      if (kept_name == name) value = kept_value;
    }
  }
}
}  // namespace tocsin::api
