/// Shell completion, made from the program's own options.
#pragma once
#include <string>
#include <vector>

#include "api/base/cli11_forward.h"

namespace tocsin::api {
/// One option or positional as a shell needs it.
struct CompletionOption {
  std::vector<std::string> names;  // "-i", "--input"; empty for a positional
  std::string description;
  std::string
      value;  // what its value is, as in the help (FILE, text|json, DURATION); empty for a flag
  bool repeatable = false;

  /// The value's words where it is one of several ("text|json"), else none.
  std::vector<std::string> choices() const;
  /// True when the value is a path.
  bool is_path() const { return value == "FILE" || value == "FOLDER" || value == "PLACE"; }
};
struct CompletionCommand {
  std::string name;
  std::string description;
  std::vector<CompletionOption> options;
  std::vector<CompletionOption> positionals;
  std::vector<CompletionCommand> commands = {};  // below it: `list` of `late`
};
/// The program's own options and its commands.
struct CompletionTree {
  std::string program;
  std::vector<CompletionOption> options;
  std::vector<CompletionCommand> commands;
};
CompletionTree completion_tree(const CLI::App& program);
/// Scripts that the shells read; each needs nothing but its shell.
std::string bash_completion(const CompletionTree& tree);
std::string zsh_completion(const CompletionTree& tree);
std::string fish_completion(const CompletionTree& tree);
}  // namespace tocsin::api
