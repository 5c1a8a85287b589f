#include "api/cli.h"

#include <doctest/doctest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>
#include <string>

#include "api/completion.h"

namespace tocsin::api {
namespace {
TEST_CASE("command line: every command says what it does and shows examples") {
  Chosen chosen;
  const auto program = build_program(chosen);
  const auto commands = program->get_subcommands({});
  REQUIRE(commands.size() >= 6);
  for (const CLI::App* command : commands) {
    CAPTURE(command->get_name());
    CHECK_FALSE(command->get_description().empty());
    CHECK(command->get_footer().find("Examples:\n  ") != std::string::npos);
    for (const CLI::Option* option : command->get_options()) {
      CAPTURE(option->get_name());
      CHECK_FALSE(option->get_description().empty());
    }
  }
}

TEST_CASE("command line: the value of every option has a name that completion knows") {
  const std::set<std::string> kinds = {"FILE", "FOLDER", "DURATION", "TIME", "URL",
                                       "TEXT", "N",      "ADDRESS",  ""};
  Chosen chosen;
  const auto program = build_program(chosen);
  for (const CompletionCommand& command : completion_tree(*program).commands) {
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
