#include "api/commands/cli.h"

#include <doctest/doctest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>
#include <string>

#include "api/commands/completion.h"

namespace tocsin::api {
namespace {
TEST_CASE("command line: every command says what it does and shows examples") {
  Chosen chosen;
  const auto program = build_program(chosen);
  const CLI::App& root = *program;
  std::vector<const CLI::App*> commands = root.get_subcommands({});
  REQUIRE(commands.size() >= 6);
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const CLI::App* const command = commands[i];
    for (const CLI::App* below : command->get_subcommands({})) commands.push_back(below);
    CAPTURE(command->get_name());
    CHECK_FALSE(command->get_description().empty());
    CHECK(command->get_footer().find("Examples:\n  ") != std::string::npos);
    for (const CLI::Option* option : command->get_options()) {
      CAPTURE(option->get_name());
      CHECK_FALSE(option->get_description().empty());
      // Newer releases of CLI11 refuse others, when the program starts.
      CHECK(option->get_name(true).find_first_of(" \t:={") == std::string::npos);
    }
  }
}

TEST_CASE("command line: the value of every option has a name that completion knows") {
  const std::set<std::string> kinds = {"FILE",   "FOLDER",     "DURATION",     "TIME",    "URL",
                                       "TEXT",   "N",          "ADDRESS",      "ID",      "SIZE",
                                       "NAME",   "NAME=VALUE", "RECORD:INDEX", "BROKERS", "RANGE",
                                       "TOPICS", "GAPS",       "LOSSES",       "TYPE",    "NAMES",
                                       "TOPIC",  "RULE",       "PLACE",        "FIELD",   ""};
  Chosen chosen;
  const auto program = build_program(chosen);
  std::vector<CompletionCommand> commands = completion_tree(*program).commands;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const CompletionCommand command = commands[i];
    commands.insert(commands.end(), command.commands.begin(), command.commands.end());
    for (const auto* options : {&command.options, &command.positionals}) {
      for (const CompletionOption& option : *options) {
        CAPTURE(command.name);
        CAPTURE(option.value);
        CHECK((kinds.contains(option.value) || option.choices().size() >= 2));
      }
    }
  }
}

TEST_CASE("command line: an option that may be repeated leaves the arguments after it alone") {
  Chosen chosen;
  const auto program = build_program(chosen);
  const char* const line[] = {"tocsin", "run", "--input", "a", "rules", "-i", "b", "more"};
  program->parse(static_cast<int>(std::size(line)), line);
  const CLI::App* run = program->get_subcommand("run");
  CHECK(run->get_option("--input")->results() == std::vector<std::string>{"a", "b"});
  CHECK(run->get_option("RULES")->results() == std::vector<std::string>{"rules", "more"});
  CHECK(chosen.run != nullptr);
}

TEST_CASE("command line: a folder of rules may have a command's name") {
  Chosen chosen;
  const auto program = build_program(chosen);
  const char* const line[] = {"tocsin", "run", "test", "check", "--input", "run"};
  program->parse(static_cast<int>(std::size(line)), line);
  CHECK(program->get_subcommand("run")->get_option("RULES")->results() ==
        std::vector<std::string>{"test", "check"});
}
}  // namespace
}  // namespace tocsin::api
