/// How a command joins the program. Each command is a file api/command_NAME.cpp that defines
/// `void add_NAME_command(CLI::App& program, Chosen& chosen)`, declared in api/command_NAME.h and
/// listed once in the table of api/commands/cli.cpp. Help, errors and shell completion come from
/// what it adds to `program`:
///
///   void add_greet_command(CLI::App& program, Chosen& chosen) {
///     auto options = std::make_shared<GreetOptions>();  // lives as long as the callback
///     CLI::App* command = program.add_subcommand("greet", "Say hello");
///     command->add_option("--name", options->name, "Whom to greet")->type_name("NAME");
///     command->footer("Examples:\n  tocsin greet --name Ada");  // every command has some
///     command->callback([&chosen, options] {
///       chosen.run = [options] { return greet(*options); };
///     });
///   }
///
/// `type_name` tells the help and the shell completion what a value is: `FILE` and `FOLDER`
/// complete paths, words separated by `|` (`text|json`) are the choices (api/base/choice_option.h
/// adds such), anything else completes to nothing. A vector option that may be repeated needs
/// `->allow_extra_args(false)`, or it takes the positionals that follow.
#pragma once
#include <functional>
#include <string_view>

#include "api/base/cli11_forward.h"
#include "api/base/exit_code.h"

namespace tocsin::api {
/// What the command line asked for: set by the callback of the chosen subcommand, run once the line
/// is parsed.
struct Chosen {
  std::function<ExitCode()> run;
};
/// Adds one command to the program.
using AddCommand = void (*)(CLI::App& program, Chosen& chosen);

/// Writes text to standard error. Who cannot be told is not told: a closed or full standard error
/// never changes what a command does (fmt::print would throw).
void tell(std::string_view text);
/// Tells of an alert `tocsin.budget` of severity high, a line of JSON, as it is raised.
void tell_budget_exceeded(std::string_view alert);
/// Writes text to standard output; false where it could not be.
bool write_out(std::string_view text);
/// The same as the end of a command: kSuccess, or kInputOutput after saying that it failed.
ExitCode print(std::string_view text);
/// Tells `tocsin: MESSAGE` as one line and gives `code` back:
/// `return end_with(ExitCode::kUsage, "--listen must be on 127.0.0.1: " + address);`.
ExitCode end_with(ExitCode code, std::string_view message);
}  // namespace tocsin::api
