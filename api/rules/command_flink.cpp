#include "api/rules/command_flink.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "api/base/choice_option.h"
#include "api/base/colour.h"
#include "api/base/output_file.h"
#include "api/rules/rule_loader.h"
#include "cep/stage/spread.h"
#include "library/explain/job_plan.h"
#include "runtime/io/rule_files.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kColumns = 100;

struct FlinkPlanOptions {
  std::vector<std::string> rules;
  std::string format = "text";
  std::string colour;
};

ExitCode print_plan(const FlinkPlanOptions& options) {
  const Result<std::vector<std::string>> files = runtime::find_rule_files(options.rules);
  if (!files) return end_with(ExitCode::kCheckFailed, files.error().message);
  const LoadedRules loaded = load_rules(*files);
  if (!loaded.program) {
    tell(render_diagnostics(loaded, is_coloured(options.colour, STDERR_FILENO)));
    return end_with(ExitCode::kCheckFailed, "the rules have errors; there is no job of them");
  }
  const Result<cep::Program> program = library::spread_program(*loaded.program);
  if (!program) return end_with(ExitCode::kCheckFailed, program.error().message);
  std::string text = options.format == "json" ? library::job_plan_json(*program)
                                              : library::job_plan_text(*program, kColumns);
  if (text.ends_with('\n')) text.pop_back();  // write_line adds it
  Result<OutputFile> output = OutputFile::open("-");
  if (!output) return end_with(ExitCode::kInputOutput, output.error().message);
  Result<void> written = output->write_line(text);
  if (written) written = output->close();
  if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
  return cep::spread_obstacles(*program).empty() ? ExitCode::kSuccess : ExitCode::kCheckFailed;
}
}  // namespace

void add_flink_command(CLI::App& program, Chosen& chosen) {
  CLI::App* group =
      program.add_subcommand("flink", "Rules as a job of Apache Flink, over several machines");
  group->require_subcommand(1);
  auto options = std::make_shared<FlinkPlanOptions>();
  CLI::App* command =
      group->add_subcommand("plan", "Say how rules are spread over several machines");
  command
      ->add_option("RULES", options->rules, "Rule files, or folders with .tocsin files below them")
      ->type_name("FILE")
      ->required();
  add_choice(*command, "--format", options->format, "text|json",
             "The output format: text to read; json, one object (default: text)");
  add_colour_option(*command, options->colour);
  command->footer(
      R"(Shows the stages of the job, the rules and features of each, and what each sends to the next. Byte
counts are estimates. Rules that cannot be spread are named with the reason and what to change.

Exit codes: 0 the rules can be spread; 1 they cannot, or have errors.

Examples:
  tocsin flink plan rules/
  tocsin flink plan rules/ --format json)");
  command->callback(
      [&chosen, options] { chosen.run = [options] { return print_plan(*options); }; });
}
}  // namespace tocsin::api
