#include "api/commands/command_explain.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "api/base/choice_option.h"
#include "api/base/colour.h"
#include "api/base/output_file.h"
#include "api/commands/analysis_run.h"
#include "api/commands/cache_option.h"
#include "api/node/run_arguments.h"
#include "api/rules/explain_dot.h"
#include "api/rules/rule_loader.h"
#include "library/explain/automaton_svg.h"
#include "library/explain/explain_json.h"
#include "library/explain/explain_text.h"
#include "library/explain/find_rules.h"
#include "library/explain/rule_analysis.h"
#include "runtime/io/rule_files.h"

namespace tocsin::api {
namespace {
struct ExplainOptions {
  std::vector<std::string> arguments;
  std::string format = "text";
  std::string output = "-";
  std::string colour;
  bool analyses = false;
  std::vector<std::string> inputs;
};
struct Arguments {
  std::vector<std::string> rules;  // names or ids; none: all rules
  std::vector<std::string> files;
};

// What exists or looks like a path is one; anything else is a rule.
Arguments sorted_out(const std::vector<std::string>& arguments) {
  Arguments sorted;
  for (const std::string& argument : arguments) {
    std::error_code ignored;
    const bool is_path = argument.find('/') != std::string::npos || argument.ends_with(".tocsin") ||
                         std::filesystem::exists(argument, ignored);
    (is_path ? sorted.files : sorted.rules).push_back(argument);
  }
  return sorted;
}

// As wide as the terminal, within reason; elsewhere always the same.
std::size_t columns_of(const OutputFile& output) {
  constexpr std::size_t kMost = 100;
  if (!output.is_terminal()) return kMost;
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kMost;
  return std::clamp<std::size_t>(size.ws_col, 40, kMost);
}

// What does not go together.
std::optional<std::string> refused(const ExplainOptions& options) {
  if (options.analyses && options.inputs.empty()) {
    return "--analyze needs events: name them with --input FILE";
  }
  if (!options.analyses && !options.inputs.empty()) return "--input needs --analyze";
  if (options.analyses && (options.format == "dot" || options.format == "svg")) {
    return fmt::format("--analyze goes with --format text or json, not {}", options.format);
  }
  return std::nullopt;
}

// What all rules do with the inputs, by RuleIndex; nothing without inputs.
Outcome<std::vector<library::RuleAnalysis>> analyses_of(const cep::Program& program,
                                                        const ExplainOptions& options) {
  if (!options.analyses) return std::vector<library::RuleAnalysis>();
  const Outcome<runtime::RunSummary> summary = run_for_analysis(program, options.inputs);
  if (!summary) return tl::unexpected(summary.error());
  return library::analyse_rules(program.plan(), {summary->profile->engine, summary->alerts_by_rule,
                                                 summary->profile->totals});
}

// The chosen rules in the format; each piece is a line or lines without the last end.
Result<void> write_explanation(const cep::Program& program,
                               const std::vector<cep::RuleIndex>& rules,
                               const std::vector<library::RuleAnalysis>& analyses,
                               const std::string& format, const library::TextStyle& style,
                               OutputFile& output) {
  const auto write = [&](std::string text) -> Result<void> {
    if (text.ends_with('\n')) text.pop_back();  // write_line adds it
    return output.write_line(text);
  };
  if (format == "svg") return write(library::explain_svg(program, rules));
  if (format == "dot") return write(explain_dot(program, rules));
  Result<void> written;
  for (const cep::RuleIndex rule : rules) {
    const library::RuleAnalysis* const analysis =
        analyses.empty() ? nullptr : &analyses[rule.value];
    if (format == "json") {
      written = write(library::explain_json(program, rule, analysis));
    } else {
      if (rule != rules.front()) written = output.write_line("\n");
      if (written) written = write(library::explanation_text(program, rule, analysis, style));
    }
    if (!written) return written;
  }
  return written;
}

ExitCode explain(const ExplainOptions& options) {
  if (const std::optional<std::string> wrong = refused(options)) {
    return end_with(ExitCode::kUsage, *wrong + "\nsee tocsin explain --help");
  }
  const Arguments arguments = sorted_out(options.arguments);
  if (arguments.files.empty()) {
    return end_with(ExitCode::kUsage, "rule files are missing\nsee tocsin explain --help");
  }
  const Result<std::vector<std::string>> files = runtime::find_rule_files(arguments.files);
  if (!files) return end_with(ExitCode::kCheckFailed, files.error().message);
  NamedPaths outputs;
  if (options.output != "-") outputs.emplace_back("--output", options.output);
  if (const Outcome<void> paths = check_paths(outputs, options.inputs, *files); !paths) {
    return end_with(paths.error().code, paths.error().message);
  }
  const LoadedRules loaded = load_rules(*files);
  if (!loaded.program) {
    tell(render_diagnostics(loaded, is_coloured(options.colour, STDERR_FILENO)));
    return end_with(ExitCode::kCheckFailed, "the rules have errors; nothing is explained");
  }
  const cep::Program& program = *loaded.program;
  const Result<std::vector<cep::RuleIndex>> chosen =
      library::find_rules(program.plan(), arguments.rules);
  if (!chosen) return end_with(ExitCode::kUsage, chosen.error().message);
  if (chosen->empty()) return end_with(ExitCode::kUsage, "the files have no rule that runs");
  const Outcome<std::vector<library::RuleAnalysis>> analyses = analyses_of(program, options);
  if (!analyses) return end_with(analyses.error().code, analyses.error().message);
  Result<OutputFile> output = OutputFile::open(options.output);
  if (!output) return end_with(ExitCode::kInputOutput, output.error().message);
  const bool on_terminal = options.output == "-";
  const library::TextStyle style{columns_of(*output),
                                 on_terminal && is_coloured(options.colour, STDOUT_FILENO)};
  Result<void> written =
      write_explanation(program, *chosen, *analyses, options.format, style, *output);
  if (written) written = output->close();
  if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
  return ExitCode::kSuccess;
}
}  // namespace

void add_explain_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* command = program.add_subcommand(
      "explain",
      "Describe rules in plain English: what they do, how they run, what they keep and cost");
  command
      ->add_option("RULES", options->arguments,
                   "Names or ids of rules (default: all), and rule files, or folders with .tocsin "
                   "files below them")
      ->type_name("FILE")
      ->required();
  add_choice(
      *command, "--format", options->format, "text|json|dot|svg",
      "The output format: text to read; json, one object per line for each rule; dot, the automata "
      "as a graph for Graphviz; svg, the automata as a picture (default: text)");
  command
      ->add_option(
          "-o,--output", options->output,
          "Where the text is written; the file is replaced; - is standard output (default: -)")
      ->type_name("FILE");
  command->add_flag(
      "--analyze", options->analyses,
      "Run the rules over --input, and say what each did with those events: how often "
      "it and its steps were asked, its time, alerts and state");
  command
      ->add_option("-i,--input", options->inputs,
                   "Events for --analyze, as JSON, one object per line; .gz and .zst are "
                   "decompressed, - is standard input")
      ->type_name("FILE")
      ->allow_extra_args(false);
  add_colour_option(*command, options->colour);
  add_cache_option(*command);
  command->footer(
      R"(The text comes from the compiled rule, not from the source, so that somebody who knows the fraud can
check it. An argument that contains a slash, ends in .tocsin or exists is a file or folder; any other
is the name or the id of a rule. Byte counts are estimates, correct to a factor of two. Drafts do not
run and are not explained. With --analyze all rules of the files run, by one thread, and no alert is
written.

Examples:
  tocsin explain rules/
  tocsin explain card_testing FR-002 rules/cards.tocsin
  tocsin explain card_testing rules/ --analyze --input payments.ndjson
  tocsin explain card_testing rules/ --format svg --output card_testing.svg)");
  command->callback([&chosen, options] { chosen.run = [options] { return explain(*options); }; });
}
}  // namespace tocsin::api
