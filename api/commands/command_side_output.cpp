#include "api/commands/command_side_output.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "api/alerts/stored_effects.h"
#include "api/base/arrival_text.h"
#include "api/base/exit_code.h"
#include "api/base/output_file.h"
#include "api/base/stop_signal.h"
#include "api/custody/private_data.h"
#include "api/node/side_output.h"
#include "rules/text/human_text.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/io/clock.h"
#include "runtime/io/files.h"
#include "runtime/io/system_files.h"
#include "runtime/node/reinjection.h"

namespace tocsin::api {
namespace {
using runtime::SideOutputKind;

ExitCode list(SideOutputKind kind, const std::string& data) {
  ignore_write_signals();
  const Result<StoredEffects> effects = StoredEffects::open(data);
  if (!effects) return end_with(exit_code_of(effects.error().code), effects.error().message);
  Result<OutputFile> output = OutputFile::open("-");
  if (!output) return end_with(ExitCode::kInputOutput, output.error().message);
  Result<void> written;
  if (const std::optional<runtime::EffectReader>& reader = effects->reader()) {
    const Result<std::vector<runtime::TimelineRow>> timelines = reader->timelines();
    if (!timelines)
      return end_with(exit_code_of(timelines.error().code), timelines.error().message);
    const std::uint32_t current = timelines->empty() ? 0 : timelines->back().ordinal;
    const Result<void> read = reader->side_output(kind, [&](const runtime::SideOutputRow& row) {
      written = output->write_line(format_side_output_row(row, current));
      return written.has_value();
    });
    if (written && !read) return end_with(exit_code_of(read.error().code), read.error().message);
  }
  if (written) written = output->close();
  if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
  return ExitCode::kSuccess;
}

struct ReinjectOptions {
  std::string data;
  std::vector<std::string> arrivals;  // "RECORD:INDEX"; empty: all
  std::string corrected;              // a file of lines as `list` prints them
};

// Rows as `list` prints them, each of which is wanted with its `text`: once it was corrected.
Result<std::vector<runtime::WantedRow>> read_corrected(const std::string& path) {
  const auto wrong = [&](std::size_t number, std::string_view what) {
    return fail(Errc::kInvalidArgument, fmt::format("{}:{}: {}", path, number, what));
  };
  runtime::SystemFiles files;
  const auto contents = runtime::read_whole(files, path);
  if (!contents) return tl::unexpected(runtime::to_error(contents.error()));
  std::vector<runtime::WantedRow> wanted;
  std::size_t number = 0;
  std::istringstream lines(*contents);
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto row = nlohmann::json::parse(line, nullptr, false);
    if (!row.is_object() || !row.contains("arrival") || !row["arrival"].is_string() ||
        !row.contains("text") || !row["text"].is_string()) {
      return wrong(number, R"(a line is an object with "arrival" and "text", as `list` prints it)");
    }
    const auto arrival = read_arrival(row["arrival"].get_ref<const std::string&>());
    if (!arrival) return wrong(number, R"("arrival" is written RECORD:INDEX)");
    wanted.push_back({*arrival, {}});
    if (!row.contains("base64")) wanted.back().text = row["text"].get<std::string>();
  }
  if (wanted.empty()) return wrong(1, "there is no line");
  return wanted;
}

// The store, which must be closed again before the journal's owner may go on.
Result<runtime::AppendedReinjection> reinject_rows(SideOutputKind kind, const std::string& data,
                                                   const std::vector<runtime::WantedRow>& wanted) {
  runtime::SystemFiles files;
  runtime::SystemClock clock;
  const Result<runtime::DataDirectory> directory = take_data_directory(files, data, false);
  if (!directory) return tl::unexpected(directory.error());
  const Result<StoredEffects> effects = StoredEffects::open(data);
  if (!effects) return tl::unexpected(effects.error());
  if (!effects->reader()) return runtime::AppendedReinjection{};
  return append_reinjection(files, clock, *directory, *effects->reader(), kind, wanted);
}

ExitCode reinject(SideOutputKind kind, const ReinjectOptions& options) {
  std::vector<runtime::WantedRow> wanted;
  if (!options.corrected.empty()) {
    Result<std::vector<runtime::WantedRow>> read = read_corrected(options.corrected);
    if (!read) return end_with(exit_code_of(read.error().code), read.error().message);
    wanted = *std::move(read);
  }
  for (const std::string& text : options.arrivals) {
    const std::optional<cep::ArrivalNumber> arrival = read_arrival(text);
    if (!arrival) {
      return end_with(ExitCode::kUsage, "an arrival is written RECORD:INDEX, not " + text);
    }
    wanted.push_back({*arrival, {}});
  }
  const Result<runtime::AppendedReinjection> done = reinject_rows(kind, options.data, wanted);
  if (!done) return end_with(exit_code_of(done.error().code), done.error().message);
  const char* const what = kind == SideOutputKind::kLate ? "late event" : "line";
  std::string text = rules::format_count(done->rows, what) + " put in again";
  if (done->corrected != 0) {
    text += fmt::format(" ({} corrected)", rules::format_count(done->corrected));
  }
  if (done->rows != 0) text += ": the next run processes them first";
  if (done->waiting != 0) {
    text +=
        fmt::format("; already waiting for the next run: {}", rules::format_count(done->waiting));
  }
  if (done->done != 0)
    text += fmt::format("; put in again before: {}", rules::format_count(done->done));
  tell(text + "\n");
  return ExitCode::kSuccess;
}

void add_reinject(CLI::App& parent, Chosen& chosen, SideOutputKind kind, const char* description,
                  const char* footer) {
  auto options = std::make_shared<ReinjectOptions>();
  CLI::App* command = parent.add_subcommand("reinject", description);
  command->add_option("--data", options->data, "The data directory of `tocsin run --data`")
      ->type_name("FOLDER")
      ->required();
  command
      ->add_option(
          "ARRIVALS", options->arrivals,
          "Only those with these values of \"arrival\", as `list` shows them (default: all)")
      ->type_name("RECORD:INDEX");
  if (kind == SideOutputKind::kDead) {
    command
        ->add_option(
            "--corrected", options->corrected,
            "Those in this file, each with its \"text\": lines as `list` prints them, edited")
        ->type_name("FILE");
  }
  command->footer(footer);
  command->callback([&chosen, kind, options] {
    chosen.run = [kind, options] { return reinject(kind, *options); };
  });
}

void add_list(CLI::App& parent, Chosen& chosen, SideOutputKind kind, const char* description,
              const char* footer) {
  auto data = std::make_shared<std::string>();
  CLI::App* command = parent.add_subcommand("list", description);
  command->add_option("--data", *data, "The data directory of `tocsin run --data`")
      ->type_name("FOLDER")
      ->required();
  command->footer(footer);
  command->callback(
      [&chosen, kind, data] { chosen.run = [kind, data] { return list(kind, *data); }; });
}
}  // namespace

void add_late_command(CLI::App& program, Chosen& chosen) {
  CLI::App* late = program.add_subcommand(
      "late", "Print the late events in a data directory, or put them in again");
  late->require_subcommand(1);
  late->footer("Examples:\n  tocsin late list --data data");
  add_list(
      *late, chosen, SideOutputKind::kLate, "Print the late events in a data directory",
      R"(Each is one line of JSON, in the order of arrival: "arrival" (the journal record with the event, and its
index in it), "input" and "line", "late_us" (how far it was behind the time already reached), "text".
An event that was put in again has "reinjected_as", the record that did it. A run may be using the
directory: the command prints what is stored up to now.

Examples:
  tocsin late list --data data > late.ndjson)");
  add_reinject(
      *late, chosen, SideOutputKind::kLate,
      "Put late events in again: the next run processes them at the time already reached",
      R"(The events are appended to the journal. The next run processes them before it reads its inputs, at
the time already reached. Each event can be put in again only once. No run may be using the data
directory.

Examples:
  tocsin late reinject --data data
  tocsin late reinject --data data 812:4 812:9)");
}

void add_dead_command(CLI::App& program, Chosen& chosen) {
  CLI::App* dead = program.add_subcommand(
      "dead", "Print the rejected lines in a data directory, or try them again");
  dead->require_subcommand(1);
  dead->footer("Examples:\n  tocsin dead list --data data");
  add_list(
      *dead, chosen, SideOutputKind::kDead, "Print the rejected lines in a data directory",
      R"(Each is one line of JSON, in the order of arrival: "arrival" (the journal record with the line, and its
index in it), "input" and "line", "reason", "text" (and "base64" if the line is not UTF-8). A line
that was put in again has "reinjected_as", the record that did it. A run may be using the directory:
the command prints what is stored up to now.

Examples:
  tocsin dead list --data data > dead.ndjson)");
  add_reinject(
      *dead, chosen, SideOutputKind::kDead,
      "Put rejected lines in again, after the cause was fixed",
      R"(The lines are appended to the journal. The next run parses them again before it reads its inputs: a
line that was ahead of the clock, for example, is valid later. Each line can be put in again only
once. To correct lines, edit "text" in what `tocsin dead list` printed, and name the file. (A row with
"base64" is taken unchanged; remove that member to have its "text" taken.) No run may be using the
data directory.

Examples:
  tocsin dead reinject --data data
  tocsin dead reinject --data data 812:4
  tocsin dead reinject --data data --corrected dead.ndjson)");
}
}  // namespace tocsin::api
