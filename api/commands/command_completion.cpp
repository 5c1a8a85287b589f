#include "api/commands/command_completion.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "api/base/choice_option.h"
#include "api/base/output_file.h"
#include "api/commands/completion.h"

namespace tocsin::api {
namespace {
ExitCode print_completion(const CLI::App& program, const std::string& shell) {
  const CompletionTree tree = completion_tree(program);
  std::string script;
  if (shell == "bash") {
    script = bash_completion(tree);
  } else if (shell == "zsh") {
    script = zsh_completion(tree);
  } else {
    script = fish_completion(tree);
  }
  script.pop_back();  // write_line adds the last line end
  Result<OutputFile> output = OutputFile::open("-");
  Result<void> written = output->write_line(script);
  if (written) written = output->close();
  if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
  return ExitCode::kSuccess;
}
}  // namespace

void add_completion_command(CLI::App& program, Chosen& chosen) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = program.add_subcommand(
      "completion", "Print a script that completes tocsin's commands and options");
  add_choice(*command, "SHELL", *shell, "bash|zsh|fish",
             "Which shell reads the script: bash, zsh or fish")
      ->required();
  command->footer(R"(Examples:
  source <(tocsin completion bash)              # in ~/.bashrc
  source <(tocsin completion zsh)               # in ~/.zshrc, after compinit
  tocsin completion fish > ~/.config/fish/completions/tocsin.fish)");
  command->callback([&program, &chosen, shell] {
    chosen.run = [&program, shell] { return print_completion(program, *shell); };
  });
}
}  // namespace tocsin::api
