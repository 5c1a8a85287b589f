#include "api/commands/command_check.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "api/base/choice_option.h"
#include "api/base/colour.h"
#include "api/base/output_file.h"
#include "api/commands/cache_option.h"
#include "api/rules/rule_check.h"
#include "api/rules/rule_loader.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "rules/text/human_text.h"
#include "runtime/io/rule_files.h"

namespace tocsin::api {
namespace {
struct CheckOptions {
  std::vector<std::string> rules;
  std::string format = "text";
  std::string colour;
  bool warnings_as_errors = false;
};

std::string summary(const LoadedRules& rules, std::size_t files_given) {
  std::string text;
  if (rules.loaded.rules) {
    text = fmt::format("{}, {}, {}",
                       rules::format_count(rules.loaded.rules->rule_files.size(), "file"),
                       rules::format_count(rules.loaded.rules->plan->rules.size(), "rule"),
                       rules::format_count(rules.loaded.rules->tests.size(), "test"));
  } else {
    text = rules::format_count(files_given, "file");
  }
  return fmt::format("checked {}: {}, {}", text, rules::format_count(rules.errors(), "error"),
                     rules::format_count(rules.warnings(), "warning"));
}

ExitCode check(const CheckOptions& options) {
  const Result<std::vector<std::string>> files = runtime::find_rule_files(options.rules);
  if (!files) return end_with(ExitCode::kCheckFailed, files.error().message);
  rules::LoadOptions looked_for;
  looked_for.warn_of_untested = true;
  const LoadedRules rules = check_rules(*files, looked_for);
  if (options.format == "json") {
    Result<OutputFile> output = OutputFile::open("-");
    Result<void> written;
    if (std::string text = render_diagnostics_json(rules); !text.empty()) {
      text.pop_back();  // write_line adds the last line end
      written = output->write_line(text);
    }
    if (written) written = output->close();
    if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
  } else {
    tell(render_diagnostics(rules, is_coloured(options.colour, STDERR_FILENO)));
  }
  tell(fmt::format("{}\n", summary(rules, files->size())));
  const bool failed = rules.errors() != 0 || (options.warnings_as_errors && rules.warnings() != 0);
  return failed ? ExitCode::kCheckFailed : ExitCode::kSuccess;
}
}  // namespace

void add_check_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command =
      program.add_subcommand("check", "Check rules without running them and report every mistake");
  command
      ->add_option("RULES", options->rules, "Rule files, or folders with .tocsin files below them")
      ->type_name("FILE")
      ->required();
  add_choice(*command, "--format", options->format, "text|json",
             "The output format: text to read, on standard error, or json, one object per line on "
             "standard output (default: text)");
  add_colour_option(*command, options->colour);
  add_cache_option(*command);
  command->add_flag("--warnings-as-errors", options->warnings_as_errors,
                    "Exit code 1 when there is a warning");
  command->footer(
      R"(All files are checked as one set, together with the files that they `use`. Exit code 0 if they have
no errors, otherwise 1.

Examples:
  tocsin check rules/
  tocsin check rules/cards.tocsin --format json)");
  command->callback([&chosen, options] { chosen.run = [options] { return check(*options); }; });
}
}  // namespace tocsin::api
