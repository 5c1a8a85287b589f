#include "api/commands/cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "api/base/version.h"
#include "api/client/command_backup.h"
#include "api/client/command_change.h"
#include "api/client/command_deploy.h"
#include "api/client/command_forget.h"
#include "api/client/command_stage.h"
#include "api/commands/command_alerts.h"
#include "api/commands/command_archive.h"
#include "api/commands/command_backtest.h"
#include "api/commands/command_check.h"
#include "api/commands/command_completion.h"
#include "api/commands/command_explain.h"
#include "api/commands/command_fmt.h"
#include "api/commands/command_inspect.h"
#include "api/commands/command_new.h"
#include "api/commands/command_receive.h"
#include "api/commands/command_run.h"
#include "api/commands/command_savepoint.h"
#include "api/commands/command_serve.h"
#include "api/commands/command_side_output.h"
#include "api/commands/command_test.h"
#include "api/commands/command_verify.h"
#include "api/commands/help_formatter.h"
#include "api/custody/command_audit.h"
#include "api/custody/command_secrets.h"
#include "api/doctor/command_doctor.h"
#include "api/generate/command_generate.h"
#include "api/lsp/command_lsp.h"
#include "api/rules/command_flink.h"
#include "api/trace/command_trace.h"
#include "rules/text/suggest.h"

namespace tocsin::api {
namespace {
// Every command of the program, in the order of the help.
constexpr AddCommand kCommands[] = {
    add_run_command,       add_backtest_command, add_serve_command,      add_check_command,
    add_test_command,      add_explain_command,  add_trace_command,      add_fmt_command,
    add_lsp_command,       add_new_command,      add_generate_command,   add_receive_command,
    add_alerts_command,    add_late_command,     add_dead_command,       add_archive_command,
    add_savepoint_command, add_inspect_command,  add_verify_command,     add_doctor_command,
    add_plan_command,      add_deploy_command,   add_stage_command,      add_rollback_command,
    add_change_command,    add_backup_command,   add_forget_command,     add_flink_command,
    add_secrets_command,   add_audit_command,    add_completion_command,
};

constexpr const char* kProgramFooter = R"(Exit codes:
  0  success, whatever was alerted, warned about or rejected
  1  the rules have errors, a test failed, or fmt --check found a file to change
  2  wrong command line or configuration
  3  an input or output failed, or a signal ended the run
  4  finished, but some alerts were not delivered
  5  the data directory was refused

Examples:
  tocsin check rules/
  tocsin test rules/
  tocsin run rules/ --input payments.ndjson --alerts alerts.ndjson
  tocsin run --help)";

// The command that the line named before it went wrong; the program itself where there is none.
const CLI::App& parsed_command(const CLI::App& program) {
  const CLI::App* command = &program;
  for (auto parsed = command->get_subcommands(); !parsed.empty();
       parsed = command->get_subcommands()) {
    command = parsed.back();
  }
  return *command;
}

// As it is typed after the program's name, with a blank behind it; empty for the program.
std::string typed_name(const CLI::App& program, const CLI::App& command) {
  std::string name;
  for (const CLI::App* part = &command; part != &program; part = part->get_parent())
    name = part->get_name() + ' ' + name;
  return name;
}

// An option that the command does not have, and the one that was meant where one is near. Another
// that is missing may be the one that was misspelt.
std::optional<std::string> describe_unknown_option(const CLI::App& command) {
  std::vector<std::string> known;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  for (const std::string& word : command.remaining()) {
    if (word.size() < 2 || !word.starts_with('-')) continue;
    const std::string option = word.substr(0, word.find('='));
    const std::optional<std::string> near = rules::nearest(option, known);
    return near ? fmt::format("there is no option {}; did you mean {}?", option, *near)
                : fmt::format("there is no option {}", option);
  }
  return std::nullopt;
}

ExitCode report_usage_error(const CLI::App& program, const CLI::ParseError& error) {
  const CLI::App& command = parsed_command(program);
  tell(fmt::format("tocsin: {}\n", describe_unknown_option(command).value_or(error.what())));
  tell(fmt::format("see tocsin {}--help\n", typed_name(program, command)));
  return ExitCode::kUsage;
}

// An empty name is mostly a variable that is not set; without the option the run would be another
// one.
std::optional<std::string> find_empty_name(const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    const std::string type = option->get_type_name();
    if (type != "FILE" && type != "FOLDER" && type != "PLACE" && type != "URL") continue;
    if (std::ranges::count(option->results(), "") == 0) continue;
    return fmt::format("{} has an empty value: name a {}, or leave it out (is a variable not set?)",
                       option->get_name(),
                       type == "FILE"    ? "file"
                       : type == "URL"   ? "URL"
                       : type == "PLACE" ? "place"
                                         : "folder");
  }
  return std::nullopt;
}

std::vector<std::string> command_names(const CLI::App& program) {
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

// Names the first word that should be a command and is none, if there is one.
ExitCode refuse_unknown_command(const CLI::App& program, int argc, const char* const* argv) {
  const CLI::App* parent = &program;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const std::vector<std::string> commands = command_names(*parent);
    if (commands.empty() || name.starts_with('-')) break;
    if (std::ranges::count(commands, name) == 0) {
      const std::optional<std::string> near = rules::nearest(name, commands);
      const std::string before = typed_name(program, *parent);
      return end_with(
          ExitCode::kUsage,
          near
              ? fmt::format("there is no command {}{}; did you mean {}?", before, name, *near)
              : fmt::format("there is no command {}{}\nsee tocsin {}--help", before, name, before));
    }
    parent = parent->get_subcommand(name);
  }
  return ExitCode::kSuccess;
}

ExitCode parse_and_run(int argc, const char* const* argv) {
  Chosen chosen;
  const std::unique_ptr<CLI::App> program = build_program(chosen);
  if (argc <= 1) {
    tell(program->help());
    return ExitCode::kUsage;
  }
  if (const ExitCode refused = refuse_unknown_command(*program, argc, argv);
      refused != ExitCode::kSuccess) {
    return refused;
  }
  try {
    program->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return print(parsed_command(*program).help());
  } catch (const CLI::CallForVersion&) {
    return print(version_text());
  } catch (const CLI::ParseError& error) {
    return report_usage_error(*program, error);
  }
  if (const auto problem = find_empty_name(parsed_command(*program))) {
    return end_with(ExitCode::kUsage, *problem);
  }
  if (!chosen.run) return end_with(ExitCode::kUsage, "a command is missing\nsee tocsin --help");
  return chosen.run();
}
}  // namespace

std::unique_ptr<CLI::App> build_program(Chosen& chosen) {
  auto program = std::make_unique<CLI::App>(
      "Tocsin raises alerts from streams of events, by rules that analysts write.", "tocsin");
  program->formatter(std::make_shared<HelpFormatter>());
  program->set_help_flag("-h,--help", "Show this help and exit");
  program->set_version_flag(
      "--version", [] { return version_text(); },
      "Show the versions of the program, its compiler and its main libraries, and exit");
  program->require_subcommand(0, 1);
  program->footer(kProgramFooter);
  for (const AddCommand add_command : kCommands) add_command(*program, chosen);
  return program;
}

int run_command_line(int argc, const char* const* argv) {
  return static_cast<int>(parse_and_run(argc, argv));
}
}  // namespace tocsin::api
