#include "api/commands/command_archive.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/backtest/archive_question.h"
#include "api/base/choice_option.h"
#include "api/base/exit_code.h"
#include "api/base/output_file.h"
#include "api/base/stop_signal.h"
#include "api/node/archive_report.h"
#include "api/node/kept_rules.h"
#include "api/node/node_report.h"
#include "cep/engine/key_report.h"
#include "rules/text/human_text.h"
#include "runtime/archive/archive_lines.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/io/system_files.h"

namespace tocsin::api {
namespace {
struct ArchiveArguments {
  std::string data;
  std::string format;
  std::string from, to, taken_from, taken_to;
  std::vector<std::string> key;
};

// Beyond so many it is the disk, not a block.
constexpr std::size_t kDamagesMax = 1000;

ExitCode refuse(const Error& error) { return end_with(exit_code_of(error.code), error.message); }

ExitCode list(const ArchiveArguments& arguments) {
  ignore_write_signals();
  runtime::SystemFiles files;
  const runtime::DataPaths paths(arguments.data);
  if (const auto is_ours = check_data_directory(files, paths.directory); !is_ours) {
    return refuse(is_ours.error());
  }
  const Result<runtime::ArchiveDirectory> archive = survey_archive(files, paths.archive);
  if (!archive) return refuse(archive.error());
  Result<OutputFile> output = OutputFile::open("-");
  if (!output) return end_with(ExitCode::kInputOutput, output.error().message);
  Result<void> written;
  std::uint64_t events = 0;
  for (const runtime::ArchiveFile& file : archive->files) {
    events += file.footer.events;
    std::string text =
        arguments.format == "json" ? archive_file_json(file) + "\n" : archive_file_text(file);
    text.pop_back();
    if (written) written = output->write_line(text);
  }
  if (arguments.format == "text" && written) {
    written = output->write_line(fmt::format("{}, {}, {}; later events are in the journal",
                                             rules::format_count(archive->files.size(), "file"),
                                             rules::format_count(events, "event"),
                                             rules::format_bytes(archive->bytes())));
  }
  if (written) written = output->close();
  if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
  for (const Error& damage : archive->damaged) tell(archive_damage_text(damage));
  return archive->damaged.empty() ? ExitCode::kSuccess : ExitCode::kInputOutput;
}

struct Question {
  std::optional<cep::Program> program;
  runtime::LineQuestion lines;
};
Outcome<Question> question_of(const ArchiveArguments& arguments, runtime::Files& files,
                              const runtime::DataPaths& paths) {
  Question question;
  auto taken = archive_span(arguments.taken_from, arguments.taken_to, "--taken-from, --taken-to");
  if (!taken) return tl::unexpected(taken.error());
  auto times = archive_span(arguments.from, arguments.to, "--from, --to");
  if (!times) return tl::unexpected(times.error());
  question.lines.taken = *taken;
  question.lines.times = *times;
  if (!*times && arguments.key.empty()) return question;
  Outcome<KeptRules> kept = load_kept_of(files, paths);
  if (!kept) return tl::unexpected(kept.error());
  question.program = std::move(kept->rules.program);
  if (arguments.key.empty()) return question;
  const auto parts = key_parts(arguments.key);
  if (!parts) return stop(ExitCode::kUsage, "--key: " + parts.error().message);
  Result<std::vector<cep::KeyQuery>> queries = cep::find_keys(*question.program, *parts);
  if (!queries) return stop(ExitCode::kUsage, "--key: " + queries.error().message);
  question.lines.keys = *std::move(queries);
  return question;
}

ExitCode cat(const ArchiveArguments& arguments) {
  ignore_write_signals();
  runtime::SystemFiles files;
  const runtime::DataPaths paths(arguments.data);
  if (const auto is_ours = check_data_directory(files, paths.directory); !is_ours) {
    return refuse(is_ours.error());
  }
  Outcome<Question> question = question_of(arguments, files, paths);
  if (!question) return end_with(question.error().code, question.error().message);
  const auto lines = runtime::ArchiveLines::open(files, paths.archive, paths.journal,
                                                 question->program, std::move(question->lines));
  if (!lines) return refuse(lines.error());
  Result<OutputFile> output = OutputFile::open("-");
  if (!output) return end_with(ExitCode::kInputOutput, output.error().message);
  Result<void> written;
  std::size_t damaged = (*lines)->reader().directory().damaged.size();
  for (const Error& damage : (*lines)->reader().directory().damaged)
    tell(archive_damage_text(damage));
  while (written) {
    const Result<std::optional<runtime::ArchivedLine>> line = (*lines)->next();
    if (!line && line.error().code == Errc::kCorrupt && damaged < kDamagesMax) {
      tell(archive_damage_text(line.error()));
      ++damaged;
      continue;
    }
    if (!line) return refuse(line.error());
    if (!*line) break;
    written = output->write_line(arguments.format == "json" ? archived_line_json(**line)
                                                            : std::string((*line)->text));
  }
  if (written) written = output->close();
  if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
  tell(archive_missing_text((*lines)->reader(), (*lines)->lines_by_position()));
  return damaged == 0 ? ExitCode::kSuccess : ExitCode::kInputOutput;
}

void add_data(CLI::App& command, ArchiveArguments& arguments) {
  command.add_option("--data", arguments.data, "The data directory of `tocsin serve`")
      ->type_name("FOLDER")
      ->required();
}

void add_list(CLI::App& archive, Chosen& chosen) {
  auto arguments = std::make_shared<ArchiveArguments>();
  arguments->format = "text";
  CLI::App* command = archive.add_subcommand("list", "Print which events the archive has");
  add_data(*command, *arguments);
  add_choice(*command, "--format", arguments->format, "text|json",
             "The output format (default: text)");
  command->footer(
      R"(Each file has a part of what arrived. Events that are not in the archive yet are in the journal: `cat`
prints both. A server may be using the data directory.

Examples:
  tocsin archive list --data data)");
  command->callback(
      [&chosen, arguments] { chosen.run = [arguments] { return list(*arguments); }; });
}

void add_cat(CLI::App& archive, Chosen& chosen) {
  auto arguments = std::make_shared<ArchiveArguments>();
  arguments->format = "lines";
  CLI::App* command = archive.add_subcommand(
      "cat", "Print archived lines as they arrived, in the order of arrival");
  add_data(*command, *arguments);
  const auto add_time = [&](const char* name, std::string& to, const char* description) {
    command->add_option(name, to, description)->type_name("TIME");
  };
  add_time("--from", arguments->from, "Only events of this time and later");
  add_time("--to", arguments->to, "Only events before this time");
  add_time("--taken-from", arguments->taken_from, "Only what arrived then or later, by the clock");
  add_time("--taken-to", arguments->taken_to, "Only what arrived before, by the clock");
  command
      ->add_option("--key", arguments->key,
                   "Only events of this key, such as card=c1; a key of several parts takes several "
                   "--key")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  add_choice(*command, "--format", arguments->format, "lines|json",
             "lines: as they arrived (default); json: with arrival, input and time");
  command->footer(
      R"(Without options all lines are printed, also those that were rejected. With --from, --to or --key it is
those that are events by the rules in the data directory. A key is one that a rule is `by`. A TIME is
written 2026-03-02T12:00:00Z, or 2026-03-02 for the beginning of that day in UTC. Blocks of the
archive without such an event are not read. A server may be using the data directory.

Examples:
  tocsin archive cat --data data > all.ndjson
  tocsin archive cat --data data --from 2026-03-01 --to 2026-04-01 | tocsin run new.tocsin --input -
  tocsin archive cat --data data --key card=c1 --format json)");
  command->callback([&chosen, arguments] { chosen.run = [arguments] { return cat(*arguments); }; });
}
}  // namespace

void add_archive_command(CLI::App& program, Chosen& chosen) {
  CLI::App* archive =
      program.add_subcommand("archive", "Print the events that a server has archived");
  archive->require_subcommand(1);
  archive->footer("Examples:\n  tocsin archive list --data data");
  add_list(*archive, chosen);
  add_cat(*archive, chosen);
}
}  // namespace tocsin::api
