#include "api/commands/command_savepoint.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "api/base/exit_code.h"
#include "api/base/output_file.h"
#include "api/commands/savepoint_conversion.h"
#include "api/node/offline_node.h"
#include "rules/text/human_text.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/checkpoint/savepoint.h"
#include "runtime/io/system_files.h"

namespace tocsin::api {
namespace {
struct SavepointOptions {
  std::string data;
  std::string name;
};

ExitCode end(const Error& error) { return end_with(exit_code_of_named(error.code), error.message); }

ExitCode print_lines(const std::vector<std::string>& lines) {
  Result<OutputFile> output = OutputFile::open("-");
  Result<void> written;
  if (!output) written = tl::unexpected(output.error());
  for (const std::string& line : lines) {
    if (written) written = output->write_line(line);
  }
  if (written) written = output->close();
  return written ? ExitCode::kSuccess : end(written.error());
}

std::string describe_watermark(cep::EventTime watermark) {
  if (watermark == cep::kEventTimeMin) return "its beginning";
  if (watermark == cep::kEventTimeMax) return "its end";
  return cep::format_time(watermark);
}

std::string describe(const runtime::Manifest& manifest) {
  return fmt::format("before record {}, time at {}, made {}", manifest.meta.position,
                     describe_watermark(manifest.meta.watermark),
                     cep::format_time(manifest.meta.taken_at));
}

ExitCode make(const SavepointOptions& options) {
  if (auto checked = runtime::check_savepoint_name(options.name); !checked) {
    return end(checked.error());
  }
  Outcome<std::unique_ptr<OfflineNode>> offline = OfflineNode::open(options.data);
  if (!offline) return end_with(offline.error().code, offline.error().message);
  runtime::Node& node = (*offline)->node();
  const Result<runtime::Manifest> made = node.savepoint(options.name);
  if (!made) return end(made.error());
  if (auto closed = node.close(); !closed) return end(closed.error());
  return print_lines(
      {fmt::format("{}: {}", runtime::DataPaths(options.data).savepoints + "/" + options.name,
                   describe(*made))});
}

ExitCode list(const SavepointOptions& options) {
  runtime::SystemFiles files;
  if (auto checked = runtime::check_data_directory(files, options.data); !checked) {
    return end(checked.error());
  }
  const Result<std::vector<runtime::SavepointEntry>> entries =
      runtime::list_savepoints(files, runtime::DataPaths(options.data).savepoints);
  if (!entries) return end(entries.error());
  std::vector<std::string> lines;
  for (const runtime::SavepointEntry& entry : *entries) {
    lines.push_back(entry.manifest
                        ? fmt::format("{}: {}, {}", entry.name, describe(*entry.manifest),
                                      rules::format_bytes(entry.bytes))
                        : fmt::format("{}: {}", entry.name, entry.manifest.error().message));
  }
  return print_lines(lines);
}

// The folder of a savepoint, which must have a name that it may have.
Result<std::string> folder_of(const SavepointOptions& options) {
  if (auto checked = runtime::check_savepoint_name(options.name); !checked) {
    return tl::unexpected(checked.error());
  }
  return runtime::DataPaths(options.data).savepoints + "/" + options.name;
}

ExitCode verify(const SavepointOptions& options) {
  const Result<std::string> folder = folder_of(options);
  if (!folder) return end(folder.error());
  runtime::SystemFiles files;
  const Result<runtime::Manifest> manifest = runtime::verify_checkpoint(files, *folder);
  if (!manifest) return end(manifest.error());
  return print_lines({fmt::format("{} is good: {}", *folder, describe(*manifest))});
}

ExitCode remove(const SavepointOptions& options) {
  const Result<std::string> folder = folder_of(options);
  if (!folder) return end(folder.error());
  runtime::SystemFiles files;
  if (auto deleted = runtime::delete_savepoint(files, *folder); !deleted) {
    return end(deleted.error());
  }
  return ExitCode::kSuccess;
}

void add(CLI::App& parent, Chosen& chosen, const char* name, const char* description, bool is_named,
         const char* footer, ExitCode (*act)(const SavepointOptions&)) {
  auto options = std::make_shared<SavepointOptions>();
  CLI::App* command = parent.add_subcommand(name, description);
  command->add_option("--data", options->data, "The data directory of `tocsin run --data`")
      ->type_name("FOLDER")
      ->required();
  if (is_named) {
    command->add_option("NAME", options->name, "The savepoint's name")
        ->type_name("NAME")
        ->required();
  }
  command->footer(footer);
  command->callback(
      [&chosen, act, options] { chosen.run = [act, options] { return act(*options); }; });
}
}  // namespace

void add_savepoint_command(CLI::App& program, Chosen& chosen) {
  CLI::App* savepoint = program.add_subcommand(
      "savepoint", "Save the state of a data directory, to start from it again");
  savepoint->require_subcommand(1);
  savepoint->footer(R"(Examples:
  tocsin savepoint make --data data before-easter
  tocsin run rules/ --from data/savepoints/before-easter --data data2 --input payments.ndjson)");
  add(*savepoint, chosen, "make", "Save the state and the rules of a data directory", true,
      R"(The savepoint is a folder of its own, FOLDER/savepoints/NAME, with the state up to the last record of
the journal, and the rules. It stays whatever the run does later, and may be copied anywhere. No other
process may use the data directory.

Examples:
  tocsin savepoint make --data data before-easter)",
      make);
  add(*savepoint, chosen, "list", "List the savepoints of a data directory", false,
      R"(Examples:
  tocsin savepoint list --data data)",
      list);
  add(*savepoint, chosen, "verify",
      "Read every byte of a savepoint and compare it with its digests", true,
      R"(If a file is damaged, its name is shown and the exit code is 5.

Examples:
  tocsin savepoint verify --data data before-easter)",
      verify);
  add(*savepoint, chosen, "delete", "Remove a savepoint", true,
      R"(Examples:
  tocsin savepoint delete --data data before-easter)",
      remove);
  add_conversion_commands(*savepoint, chosen);
}
}  // namespace tocsin::api
