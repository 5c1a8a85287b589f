#include "api/commands/command_savepoint.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "api/base/colour.h"
#include "api/base/exit_code.h"
#include "api/base/output_file.h"
#include "api/base/progress.h"
#include "api/node/node_start.h"
#include "api/node/offline_node.h"
#include "api/rules/rule_texts.h"
#include "cep/plan/semantics.h"
#include "cep/stage/spread.h"
#include "library/explain/job_plan.h"
#include "rules/text/human_text.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/checkpoint/savepoint.h"
#include "runtime/inputs/taken_lines.h"
#include "runtime/io/clock.h"
#include "runtime/io/rule_files.h"
#include "runtime/io/system_files.h"
#include "runtime/io/topic_partition.h"
#include "runtime/job_state/conversion.h"
#include "runtime/journal/file_tree.h"
#include "runtime/node/node_settings.h"
#include "runtime/store/rocks_state_store.h"

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

// ---- to the state of a job, and back

struct ExportOptions {
  std::string from;
  std::string to;
  bool one_part = false;
};
struct ImportOptions {
  std::vector<std::string> rules;
  std::string from;
  std::string to;
  std::vector<std::string> left;
  std::string colour;
};

// Without slashes at its end: it is given another name while it is made.
std::string plain_folder(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

struct Ports {
  runtime::SystemFiles files;
  runtime::RocksStateStores states{files};
  runtime::SystemClock clock;
  runtime::ConversionPorts all() { return {files, states, clock}; }
};
runtime::ConversionProgress progress_on(ProgressLine& line) {
  return [&line](std::uint64_t entries) { line.show_text(rules::format_count(entries, "key")); };
}

ExitCode print_converted(const std::string& folder, const runtime::ConvertedState& converted) {
  std::string text = fmt::format(
      "{}: {}, {} waiting, time at {}\n", folder, rules::format_count(converted.entries, "key"),
      rules::format_count(converted.waiting, "event"),
      converted.time == cep::kEventTimeMin ? "its beginning" : cep::format_time(converted.time));
  for (const runtime::ConvertedState::Source& source : converted.sources) {
    if (source.is_left) {
      text += fmt::format("{} is not read any more\n", source.name);
    } else if (runtime::is_partition(source.name)) {
      text += fmt::format("{} goes on with offset {}\n", source.name,
                          source.next == 0 ? 0 : runtime::message_offset(source.next));
    } else {
      text += fmt::format("{} goes on with line {}\n", source.name,
                          std::max<std::uint64_t>(1, source.next));
    }
  }
  return print(text);
}

// The folder of the newest state, and the rules that made it.
struct Exported {
  std::string checkpoint;
  cep::Program program;
};
Outcome<Exported> find_state(Ports& ports, const std::string& from) {
  const Result<bool> is_savepoint = runtime::exists(ports.files, runtime::manifest_path(from));
  if (!is_savepoint) {
    return stop(exit_code_of_named(is_savepoint.error().code), is_savepoint.error().message);
  }
  Outcome<std::unique_ptr<OfflineNode>> offline =
      *is_savepoint ? OfflineNode::look(from) : OfflineNode::open(from);
  if (!offline) return tl::unexpected(offline.error());
  Exported exported{from, (*offline)->program()};
  if (*is_savepoint) return exported;
  runtime::Node& node = (*offline)->node();
  Result<void> done = node.checkpoint();
  const std::uint64_t number = node.checkpoints().number;
  if (done) done = node.close();
  if (!done) return stop(exit_code_of_named(done.error().code), done.error().message);
  exported.checkpoint = runtime::checkpoint_path(runtime::DataPaths(from).checkpoints, number);
  return exported;
}

ExitCode export_state(const ExportOptions& options) {
  Ports ports;
  const Outcome<Exported> state = find_state(ports, options.from);
  if (!state) return end_with(state.error().code, state.error().message);
  const Result<cep::Program> program = library::spread_program(state->program);
  if (!program) return end(program.error());
  const std::vector<cep::SpreadObstacle> obstacles = cep::spread_obstacles(*program);
  if (!obstacles.empty() && !options.one_part) {
    return end_with(ExitCode::kUsage,
                    fmt::format("the rules cannot be spread: {}. With --one-part the state is that "
                                "of a job that runs all rules in one part",
                                obstacles.front().text));
  }
  ProgressLine line(true);
  const Result<runtime::ConvertedState> converted = runtime::job_of_savepoint(
      ports.all(), *program,
      {state->checkpoint, plain_folder(options.to), cep::kSemantics, progress_on(line)});
  line.clear();
  if (!converted) return end(converted.error());
  return print_converted(plain_folder(options.to), *converted);
}

// Where one machine goes on with what the job read.
Result<std::optional<runtime::NodeSource>> find_source(const ImportOptions& options,
                                                       const std::string& name,
                                                       std::uint64_t next) {
  if (std::ranges::count(options.left, name) != 0) return std::nullopt;
  if (runtime::is_partition(name)) {
    return runtime::partition_taken_to(name, next == 0 ? 0 : runtime::message_offset(next));
  }
  Result<runtime::NodeSource> file = runtime::file_taken_to(name, next);
  if (file) return *std::move(file);
  const std::uint64_t lines = next == 0 ? 0 : next - 1;
  return fail(file.error().code,
              fmt::format("the job read {} lines of {}, and one machine cannot go on with it: {}; "
                          "import where the file is, or say --leave {} if no more is read of it",
                          lines, name, file.error().message, name));
}

ExitCode import_state(const ImportOptions& options) {
  const Result<std::vector<std::string>> files = runtime::find_rule_files(options.rules);
  if (!files) return end_with(ExitCode::kCheckFailed, files.error().message);
  runtime::SavepointOfJob job;
  const LoadedRules rules = load_rules_keeping(*files, job.texts);
  if (!rules.program) {
    tell(render_diagnostics(rules, is_coloured(options.colour, STDERR_FILENO)));
    return end_with(ExitCode::kCheckFailed, "the rules have errors; nothing was imported");
  }
  Ports ports;
  job.from = plain_folder(options.from);
  job.to = plain_folder(options.to);
  job.settings = runtime::settings_of(*rules.program, {});
  job.timeline = new_timeline_id();
  job.find_source = [&options](const std::string& name, std::uint64_t next) {
    return find_source(options, name, next);
  };
  ProgressLine line(true);
  job.progress = progress_on(line);
  const Result<runtime::ConvertedState> converted =
      runtime::savepoint_of_job(ports.all(), *rules.program, job);
  line.clear();
  if (!converted) return end(converted.error());
  if (converted->plan != job.settings.plan) {
    tell("tocsin: the job had other rules; what did not change goes on\n");
  }
  return print_converted(plain_folder(options.to), *converted);
}
void add_conversions(CLI::App& savepoint, Chosen& chosen) {
  auto out = std::make_shared<ExportOptions>();
  CLI::App* command = savepoint.add_subcommand(
      "export", "Convert the state of one machine to that of a job of Apache Flink");
  command->add_option("FROM", out->from, "A data directory that no process uses, or a savepoint")
      ->type_name("FOLDER")
      ->required();
  command->add_option("TO", out->to, "The state folder, which must not exist")
      ->type_name("FOLDER")
      ->required();
  command->add_flag("--one-part", out->one_part,
                    "For rules that cannot be spread: the job runs them all in one part");
  command->footer(
      R"(The folder has everything that rules, inputs and events that wait remember. A job that begins from it
(tools of runtime/flink) passes over the lines that were read before.

Examples:
  tocsin savepoint export data/ state/
  tocsin savepoint export data/savepoints/before-easter state/)");
  command->callback([&chosen, out] { chosen.run = [out] { return export_state(*out); }; });

  auto in = std::make_shared<ImportOptions>();
  command = savepoint.add_subcommand(
      "import", "Convert the state of a job of Apache Flink to a savepoint of one machine");
  command->add_option("RULES", in->rules, "Rule files, or folders with .tocsin files below them")
      ->type_name("FILE")
      ->required();
  command->add_option("--from", in->from, "The state folder")->type_name("FOLDER")->required();
  command->add_option("--to", in->to, "The savepoint, a folder which must not exist")
      ->type_name("FOLDER")
      ->required();
  command
      ->add_option("--leave", in->left,
                   "A source of the job that is not read any more; several are possible")
      ->type_name("NAME")
      ->allow_extra_args(false);
  add_colour_option(*command, in->colour);
  command->footer(
      R"(`tocsin run --from` and `tocsin serve --from` go on from the savepoint, with a data directory of their
own. Files and partitions go on behind what the job read; files must be here under the names that the job
read them by.

Examples:
  tocsin savepoint import rules/ --from state/ --to savepoints/from-flink
  tocsin run rules/ --from savepoints/from-flink --data data/ --input payments.ndjson)");
  command->callback([&chosen, in] { chosen.run = [in] { return import_state(*in); }; });
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
  add_conversions(*savepoint, chosen);
}
}  // namespace tocsin::api
