#include "api/commands/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <string_view>

namespace tocsin::api {
namespace {
CompletionOption completion_option(const CLI::Option& option) {
  CompletionOption result;
  if (!option.get_positional()) {
    for (const std::string& name : option.get_snames()) result.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) result.names.push_back("--" + name);
  }
  result.description = option.get_description();
  const bool is_flag = option.get_items_expected_max() == 0;
  if (!is_flag) result.value = option.get_type_name();
  result.repeatable = option.get_items_expected_max() > 1;
  return result;
}

CompletionCommand completion_command(const CLI::App& command) {
  CompletionCommand entry{command.get_name(), command.get_description(), {}, {}};
  for (const CLI::Option* option : command.get_options()) {
    (option->get_positional() ? entry.positionals : entry.options)
        .push_back(completion_option(*option));
  }
  for (const CLI::App* below : command.get_subcommands({}))
    entry.commands.push_back(completion_command(*below));
  return entry;
}

std::vector<std::string> names_of(const std::vector<CompletionCommand>& commands) {
  std::vector<std::string> names;
  for (const CompletionCommand& command : commands) names.push_back(command.name);
  return names;
}

// In single quotes, as sh, zsh and bash read them.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      out += c;
    }
  }
  return out + '\'';
}

std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + '\'';
}

// With a backslash before each character that ends a part of a zsh specification.
std::string zsh_escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string joined_names(const std::vector<CompletionOption>& options) {
  std::string text;
  for (const CompletionOption& option : options) {
    for (const std::string& name : option.names) text += (text.empty() ? "" : " ") + name;
  }
  return text;
}

// What completes a value in bash.
std::string bash_values(const CompletionOption& option) {
  if (option.is_path()) return "compopt -o filenames; _tocsin_reply -f";
  const std::vector<std::string> choices = option.choices();
  if (choices.empty()) return ":";
  return fmt::format("_tocsin_reply -W {}",
                     shell_quoted(fmt::format("{}", fmt::join(choices, " "))));
}

// The part of a zsh specification after the description: ":NAME:ACTION".
std::string zsh_value(const CompletionOption& option, const std::string& name) {
  if (option.is_path()) return fmt::format(":{}:_files", zsh_escaped(name));
  const std::vector<std::string> choices = option.choices();
  if (choices.empty()) return fmt::format(":{}: ", zsh_escaped(name));
  return fmt::format(":{}:({})", zsh_escaped(name), fmt::join(choices, " "));
}

// One argument of _arguments for each name of an option.
std::string zsh_option(const CompletionOption& option) {
  std::string text;
  for (const std::string& name : option.names) {
    std::string spec;
    if (option.repeatable) {
      spec = "*";
    } else if (option.names.size() > 1) {
      spec = fmt::format("({})", fmt::join(option.names, " "));
    }
    // A long name takes its value after `=` too.
    const bool takes_equals = !option.value.empty() && name.starts_with("--");
    spec += name + (takes_equals ? "=[" : "[") + zsh_escaped(option.description) + ']';
    if (!option.value.empty()) spec += zsh_value(option, option.value);
    text += " \\\n        " + shell_quoted(spec);
  }
  return text;
}

std::string fish_option(const CompletionOption& option, const std::string& condition) {
  std::string text = "complete -c tocsin -n " + fish_quoted(condition);
  for (const std::string& name : option.names) {
    text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  const std::vector<std::string> choices = option.choices();
  if (option.is_path()) {
    text += " -r -F";
  } else if (!choices.empty()) {
    text += fmt::format(" -x -a {}", fish_quoted(fmt::format("{}", fmt::join(choices, " "))));
  } else if (!option.value.empty()) {
    text += " -x";
  }
  return text + " -d " + fish_quoted(option.description) + '\n';
}
}  // namespace

std::vector<std::string> CompletionOption::choices() const {
  std::vector<std::string> words;
  if (value.find('|') == std::string::npos) return words;
  std::size_t begin = 0;
  while (begin <= value.size()) {
    const std::size_t end = std::min(value.find('|', begin), value.size());
    words.push_back(value.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

CompletionTree completion_tree(const CLI::App& program) {
  CompletionTree tree;
  tree.program = program.get_name();
  for (const CLI::Option* option : program.get_options()) {
    tree.options.push_back(completion_option(*option));
  }
  for (const CLI::App* command : program.get_subcommands({}))
    tree.commands.push_back(completion_command(*command));
  return tree;
}

namespace {
// The cases of the script for bash, for commands and what is below them.
struct BashCases {
  std::vector<std::string> names;  // in quotes: 'late', 'late list'
  std::string values;              // the word before is an option with a value
  std::string options;             // the word begins with a dash
  std::string positionals;         // anything else

  void add(const CompletionCommand& command, const std::string& before) {
    const std::string name = before + command.name;
    const std::string quoted = shell_quoted(name);
    names.push_back(quoted);
    for (const CompletionOption& option : command.options) {
      if (option.value.empty()) continue;
      std::string pattern;
      for (const std::string& word : option.names)
        pattern += (pattern.empty() ? "" : " | ") + shell_quoted(name + ' ' + word);
      values += fmt::format("    {}) {}; return ;;\n", pattern, bash_values(option));
    }
    options += fmt::format("      {}) _tocsin_reply -W {} ;;\n", quoted,
                           shell_quoted(joined_names(command.options)));
    if (!command.positionals.empty()) {
      positionals +=
          fmt::format("    {}) {} ;;\n", quoted, bash_values(command.positionals.back()));
    } else if (!command.commands.empty()) {
      const std::string below = fmt::format("{}", fmt::join(names_of(command.commands), " "));
      positionals += fmt::format("    {}) _tocsin_reply -W {} ;;\n", quoted, shell_quoted(below));
    }
    for (const CompletionCommand& below : command.commands) add(below, name + ' ');
  }
};
}  // namespace

std::string bash_completion(const CompletionTree& tree) {
  BashCases cases;
  for (const CompletionCommand& command : tree.commands) cases.add(command, "");
  return fmt::format(R"(# bash completion for tocsin: source <(tocsin completion bash)
_tocsin_reply() {{
  mapfile -t COMPREPLY < <(compgen "$@" -- "$word")
}}
_tocsin() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD - 1]}}" command='' i
  COMPREPLY=()
  # Bash takes --name=value apart into three words.
  if [[ $word == '=' ]]; then
    word=''
  elif [[ $previous == '=' ]]; then
    previous="${{COMP_WORDS[COMP_CWORD - 2]}}"
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "${{command:+$command }}${{COMP_WORDS[i]}}" in
      {}) command="${{command:+$command }}${{COMP_WORDS[i]}}" ;;
    esac
  done
  case "$command $previous" in
{}  esac
  if [[ $word == -* ]]; then
    case "$command" in
      '') _tocsin_reply -W {} ;;
{}    esac
    return
  fi
  case "$command" in
    '') _tocsin_reply -W {} ;;
{}  esac
}}
complete -F _tocsin tocsin
)",
                     fmt::join(cases.names, " | "), cases.values,
                     shell_quoted(joined_names(tree.options)), cases.options,
                     shell_quoted(fmt::format("{}", fmt::join(names_of(tree.commands), " "))),
                     cases.positionals);
}

namespace {
std::string zsh_described(const CompletionCommand& command) {
  return shell_quoted(command.name + ':' + zsh_escaped(command.description));
}

// The case of one command: what completes behind its name.
std::string zsh_arguments(const CompletionCommand& command) {
  std::string specs;
  for (const CompletionOption& option : command.options) specs += zsh_option(option);
  for (const CompletionOption& positional : command.positionals) {
    const std::string many = positional.repeatable ? "*" : "";
    specs += " \\\n        " + shell_quoted(many + zsh_value(positional, positional.description));
  }
  if (command.commands.empty())
    return fmt::format("        {}) _arguments{} ;;\n", command.name, specs);
  std::string text = fmt::format(
      "        {0})\n        _arguments -C{1} \\\n        '1:command:->{0}' \\\n        "
      "'*::argument:->{0}_argument'\n        case $state in\n        {0})\n        commands=(\n",
      command.name, specs);
  for (const CompletionCommand& below : command.commands)
    text += "        " + zsh_described(below) + '\n';
  text += fmt::format(
      "        )\n        _describe command commands ;;\n        {}_argument)\n        case "
      "$words[1] in\n",
      command.name);
  for (const CompletionCommand& below : command.commands) text += zsh_arguments(below);
  return text + "        esac ;;\n        esac ;;\n";
}
}  // namespace

std::string zsh_completion(const CompletionTree& tree) {
  std::string own;
  for (const CompletionOption& option : tree.options) own += zsh_option(option);
  std::string commands;
  std::string arguments;
  for (const CompletionCommand& command : tree.commands) {
    commands += "        " + zsh_described(command) + '\n';
    arguments += zsh_arguments(command);
  }
  return fmt::format(R"(#compdef tocsin
# zsh completion for tocsin: source <(tocsin completion zsh), or a file _tocsin in a folder of $fpath
_tocsin() {{
  local context state state_descr line
  typeset -A opt_args
  local -a commands
  _arguments -C{} \
        '1:command:->command' \
        '*::argument:->argument'
  case $state in
    command)
      commands=(
{}      )
      _describe command commands ;;
    argument)
      case $words[1] in
{}      esac ;;
  esac
}}
if [[ $funcstack[1] == _tocsin ]]; then _tocsin "$@"; else compdef _tocsin tocsin; fi
)",
                     own, commands, arguments);
}

namespace {
// What completes behind a command's name, which `condition` looks for.
std::string fish_command(const CompletionCommand& command, const std::string& condition) {
  std::string text;
  for (const CompletionOption& option : command.options) text += fish_option(option, condition);
  for (const CompletionOption& positional : command.positionals) {
    text += fmt::format("complete -c tocsin -n {}", fish_quoted(condition));
    if (positional.is_path()) {
      text += " -F\n";
    } else {
      text += fmt::format(" -a {}\n",
                          fish_quoted(fmt::format("{}", fmt::join(positional.choices(), " "))));
    }
  }
  const std::string below = fmt::format("{}", fmt::join(names_of(command.commands), " "));
  for (const CompletionCommand& part : command.commands) {
    text += fmt::format("complete -c tocsin -n {} -a {} -d {}\n",
                        fish_quoted(condition + "; and not __fish_seen_subcommand_from " + below),
                        part.name, fish_quoted(part.description));
  }
  for (const CompletionCommand& part : command.commands)
    text += fish_command(part, condition + "; and __fish_seen_subcommand_from " + part.name);
  return text;
}
}  // namespace

std::string fish_completion(const CompletionTree& tree) {
  std::string text =
      "# fish completion for tocsin: tocsin completion fish | source\n"
      "complete -c tocsin -f\n";
  for (const CompletionOption& option : tree.options) {
    text += fish_option(option, "__fish_use_subcommand");
  }
  for (const CompletionCommand& command : tree.commands) {
    text += fmt::format("complete -c tocsin -n __fish_use_subcommand -a {} -d {}\n", command.name,
                        fish_quoted(command.description));
  }
  for (const CompletionCommand& command : tree.commands)
    text += fish_command(command, "__fish_seen_subcommand_from " + command.name);
  return text;
}
}  // namespace tocsin::api
