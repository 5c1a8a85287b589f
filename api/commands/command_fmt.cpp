#include "api/commands/command_fmt.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/base/colour.h"
#include "api/base/replace_file.h"
#include "rules/format/format.h"
#include "rules/text/human_text.h"
#include "runtime/io/rule_files.h"

namespace tocsin::api {
namespace {
struct FmtOptions {
  std::vector<std::string> rules;
  std::string colour;
  bool check = false;
  bool quiet = false;
};

// What became of the files, and the worst that happened.
struct Tally {
  std::size_t changed = 0;
  std::size_t unchanged = 0;
  std::size_t failed = 0;
  bool unwritten = false;

  ExitCode code(bool check) const {
    if (unwritten) return ExitCode::kInputOutput;
    return failed != 0 || (check && changed != 0) ? ExitCode::kCheckFailed : ExitCode::kSuccess;
  }
  std::string text(bool check) const {
    std::string text = fmt::format("{} {}, {} {}", rules::format_count(changed, "file"),
                                   check ? "would change" : "formatted", unchanged, "already so");
    if (failed != 0) text += fmt::format(", {} left alone", failed);
    return text + "\n";
  }
};

// Nothing where the text has mistakes of syntax: they have been told.
std::optional<std::string> formatted(const std::string& name, std::string text, bool coloured) {
  rules::SourceMap sources;
  const std::uint32_t file = sources.add(name, std::move(text));
  rules::DiagnosticSink sink;
  std::optional<std::string> made = rules::format(sources, file, sink);
  for (const rules::Diagnostic& diagnostic : sink.take())
    tell(rules::render(sources, diagnostic, coloured));
  return made;
}

void format_file(const std::string& path, const FmtOptions& options, Tally& tally) {
  const auto refuse = [&](const std::string& message) {
    ++tally.failed;
    tell(fmt::format("tocsin: {}\n", message));
  };
  const Result<std::string> text = runtime::read_rule_file(path);
  if (!text) return refuse(fmt::format("cannot read {}: {}", path, text.error().message));
  const std::optional<std::string> made =
      formatted(path, *text, is_coloured(options.colour, STDERR_FILENO));
  if (!made) {
    ++tally.failed;
    return;
  }
  if (*made == *text) {
    ++tally.unchanged;
    return;
  }
  if (options.check) {
    ++tally.changed;
    if (!write_out(path + "\n")) tally.unwritten = true;
    return;
  }
  if (const Result<void> written = replace_file(path, *made); !written) {
    tally.unwritten = true;
    return refuse(written.error().message);
  }
  ++tally.changed;
  if (!options.quiet) tell(fmt::format("formatted {}\n", path));
}

ExitCode format_standard_input(const FmtOptions& options) {
  const std::string name = "standard input";
  const Result<std::string> text = runtime::read_rules_from_standard_input();
  if (!text) {
    return end_with(ExitCode::kInputOutput,
                    fmt::format("cannot read {}: {}", name, text.error().message));
  }
  const std::optional<std::string> made =
      formatted(name, *text, is_coloured(options.colour, STDERR_FILENO));
  if (!made) return ExitCode::kCheckFailed;
  const bool same = *made == *text;
  if (options.check && same) return ExitCode::kSuccess;
  const ExitCode printed = print(options.check ? name + "\n" : *made);
  return printed == ExitCode::kSuccess && options.check ? ExitCode::kCheckFailed : printed;
}

ExitCode format_files(const FmtOptions& options) {
  if (std::ranges::count(options.rules, "-") != 0) {
    if (options.rules.size() == 1) return format_standard_input(options);
    return end_with(ExitCode::kUsage, "standard input (-) is formatted alone, without files");
  }
  const Result<std::vector<std::string>> files = runtime::find_rule_files(options.rules);
  if (!files) return end_with(ExitCode::kCheckFailed, files.error().message);
  Tally tally;
  for (const std::string& path : *files) format_file(path, options, tally);
  if (!options.quiet) tell(tally.text(options.check));
  return tally.code(options.check);
}
}  // namespace

void add_fmt_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<FmtOptions>();
  CLI::App* command = program.add_subcommand("fmt", "Format rule files in place");
  command
      ->add_option("RULES", options->rules,
                   "Rule files, or folders with .tocsin files below them; - formats standard input "
                   "to standard output")
      ->type_name("FILE")
      ->required();
  command->add_flag("--check", options->check,
                    "Change nothing; print the names of the files that would change, one per line, "
                    "and end with exit code 1 if there are any");
  add_colour_option(*command, options->colour);
  command->add_flag("-q,--quiet", options->quiet,
                    "No names of formatted files and no summary; errors are still shown");
  command->footer(
      R"(There is one layout without options. Comments, single empty lines, numbers, strings and durations
stay as you wrote them. A file with a syntax error is left as it is and the error is shown; the
other files are formatted, and the exit code is 1.

Examples:
  tocsin fmt rules/
  tocsin fmt --check rules/
  tocsin fmt - < rules/cards.tocsin)");
  command->callback(
      [&chosen, options] { chosen.run = [options] { return format_files(*options); }; });
}
}  // namespace tocsin::api
