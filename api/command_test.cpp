#include "api/command_test.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/colour.h"
#include "api/output_file.h"
#include "api/rule_files.h"
#include "api/rule_loader.h"
#include "api/test_runner.h"

namespace tocsin::api {
namespace {
struct TestOptions {
  std::vector<std::string> rules;
  std::string filter;
  std::string colour;
};
struct Counts {
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
};

bool is_selected(const rules::EmbeddedTest& test, const std::string& filter) {
  return test.title.find(filter) != std::string::npos ||
         test.rule.find(filter) != std::string::npos;
}

// "rules/cards.tocsin:80: card_testing "three probes and a hit"".
std::string test_name(const rules::SourceMap& sources, const rules::EmbeddedTest& test) {
  const rules::SourceMap::Place place = sources.place(test.span.file, test.span.begin);
  return fmt::format("{}:{}: {} \"{}\"", sources.path(test.span.file), place.line, test.rule,
                     test.title);
}

// Runs the selected tests of one file; gives what is to be said of those that did not pass.
std::string run_file(const LoadedRules& rules, const std::string& filter, Counts& counts) {
  std::string text;
  for (const rules::EmbeddedTest& test : rules.loaded.rules->tests) {
    if (!is_selected(test, filter)) continue;
    const std::string name = test_name(rules.loaded.sources, test);
    const Result<TestOutcome> outcome = run_embedded_test(*rules.program, test);
    if (outcome && outcome->passed()) {
      ++counts.passed;
      continue;
    }
    ++counts.failed;
    text += "failed: " + name + '\n';
    text += outcome ? describe_failure(rules.program->plan(), test, *outcome)
                    : "  " + outcome.error().message + '\n';
  }
  return text;
}

// Warnings are for `check`, but for those of tests that do not run.
std::string render_drafts(const LoadedRules& rules, bool coloured) {
  std::string text;
  for (const rules::Diagnostic& diagnostic : rules.loaded.diagnostics) {
    if (diagnostic.code != rules::Code::kW0007) continue;
    text += rules::render(rules.loaded.sources, diagnostic, coloured);
  }
  return text;
}

ExitCode test(const TestOptions& options) {
  const Result<std::vector<std::string>> files = find_rule_files(options.rules);
  if (!files) return end_with(ExitCode::kCheckFailed, files.error().message);
  Result<OutputFile> output = OutputFile::open("-");
  const auto say = [&](const std::string& line) { return output->write_line(line); };
  Counts counts;
  Result<void> written;
  for (const std::string& file : *files) {
    const LoadedRules rules = load_rules({file});
    const bool coloured = is_coloured(options.colour, STDERR_FILENO);
    if (!rules.program) {
      // Its tests, however many they are, did not pass.
      ++counts.failed;
      tell(render_diagnostics(rules, coloured));
      written = say(fmt::format("failed: {}: the rules do not check", file));
    } else {
      tell(render_drafts(rules, coloured));
      if (std::string text = run_file(rules, options.filter, counts); !text.empty()) {
        text.pop_back();  // write_line adds the last line end
        written = say(text);
      }
    }
    if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
  }
  written = say(fmt::format("{} passed, {} failed", counts.passed, counts.failed));
  if (written) written = output->close();
  if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
  return counts.failed == 0 ? ExitCode::kSuccess : ExitCode::kCheckFailed;
}
}  // namespace

void add_test_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<TestOptions>();
  CLI::App* command = program.add_subcommand("test", "Run the tests that stand in rule files");
  command
      ->add_option("RULES", options->rules, "Rule files, or folders with .tocsin files below them")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--filter", options->filter,
                   "Only tests with this text in their title or in the name of their rule")
      ->type_name("TEXT");
  add_colour_option(*command, options->colour);
  command->footer(
      R"(Each file runs alone, with what it uses. The last line is `N passed, N failed`; a file that does
not check counts as one failed. A failed test is shown with its events, what was expected and what came.
Exit code 0 where all passed, 1 where not.

Examples:
  tocsin test rules/
  tocsin test rules/cards.tocsin --filter "two probes")");
  command->callback([&chosen, options] { chosen.run = [options] { return test(*options); }; });
}
}  // namespace tocsin::api
