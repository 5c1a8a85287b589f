#include "api/commands/command_test.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/base/choice_option.h"
#include "api/base/clock.h"
#include "api/base/colour.h"
#include "api/base/output_file.h"
#include "api/commands/cache_option.h"
#include "api/rules/rule_loader.h"
#include "api/rules/text_cache.h"
#include "library/testing/judge_test.h"
#include "library/testing/test_filter.h"
#include "library/testing/test_report.h"
#include "rules/text/human_text.h"
#include "runtime/io/rule_files.h"

namespace tocsin::api {
namespace {
struct TestOptions {
  std::vector<std::string> rules;
  std::vector<std::string> filters;
  std::string format = "text";
  std::string junit;
  std::string colour;
  bool verbose = false;
  bool list = false;
  bool fail_fast = false;
};

// "rules/cards.tocsin:80: card_testing "three probes and a hit"".
std::string test_name(const std::string& file, const library::TestResult& test) {
  return fmt::format("{}:{}: {} \"{}\"", file, test.line, test.rule, test.title);
}

double seconds_since(Clock::Moment begin) {
  return std::chrono::duration<double>(system_clock().now() - begin).count();
}

std::string milliseconds(double seconds) { return fmt::format("{:.1f} ms", seconds * 1e3); }

// What `check` warns of in the rules whose tests run.
std::string render_warnings(const LoadedRules& rules, bool coloured) {
  std::string text;
  for (const rules::Diagnostic& diagnostic : rules.loaded.diagnostics) {
    text += rules::render(rules.loaded.sources, diagnostic, coloured);
  }
  return text;
}

class TestCommand {
 public:
  // `junit`: where that is to go, if anywhere.
  TestCommand(const TestOptions& options, OutputFile& output, OutputFile* junit)
      : options_(options), filter_(options.filters), output_(output), junit_(junit) {}

  // Runs the tests of all files; fails where nothing more can be written.
  Result<ExitCode> run(const std::vector<std::string>& files) {
    const Clock::Moment begin = system_clock().now();
    for (const std::string& file : files) {
      if (const Result<void> done = run_file(file); !done) return tl::unexpected(done.error());
    }
    if (selected_ == 0 && failed_ == 0 && filter_.has_filters()) {
      std::string message;
      for (const std::string& text : filter_.unused()) {
        message += fmt::format("{}`{}`", message.empty() ? "" : " or ", text);
      }
      return end_with(
          ExitCode::kUsage,
          fmt::format("no test's rule and title match {}; --list shows all tests", message));
    }
    for (const std::string& text : filter_.unused()) {
      tell(fmt::format("no test's rule and title match `{}`\n", text));
    }
    if (left_out_ != 0)
      tell(fmt::format("{} skipped by --filter\n", rules::format_count(left_out_, "test")));
    if (not_run_ != 0)
      tell(fmt::format("{} not run after the failure\n", rules::format_count(not_run_, "test")));
    if (const Result<void> written = write_junit(); !written)
      return tl::unexpected(written.error());
    if (const Result<void> written = say_total(seconds_since(begin)); !written) {
      return tl::unexpected(written.error());
    }
    return failed_ == 0 ? ExitCode::kSuccess : ExitCode::kCheckFailed;
  }

 private:
  bool is_json() const { return options_.format == "json"; }
  bool is_over() const { return options_.fail_fast && failed_ != 0; }

  Result<void> run_file(const std::string& path) {
    const LoadedRules rules = load_rules({path});
    const bool coloured = is_coloured(options_.colour, STDERR_FILENO);
    library::FileResult& file = results_.emplace_back();
    file.file = path;
    if (!rules.program) {
      if (is_over()) return {};
      // Its tests, however many they are, did not pass.
      ++failed_;
      tell(render_diagnostics(rules, coloured));
      file.checks = false;
      file.diagnostics = render_diagnostics(rules, false);
      return output_.write_line(is_json() ? library::format_error_json(file)
                                          : fmt::format("failed: {}: the rules have errors", path));
    }
    tell(render_warnings(rules, coloured));
    const std::unique_ptr<TextCacheFolder> cache = open_text_cache();
    library::TestPrograms programs(*rules.program, cache.get());
    for (const rules::EmbeddedTest& test : rules.loaded.rules->tests) {
      if (!filter_.takes(test.rule, test.title)) {
        ++left_out_;
        continue;
      }
      ++selected_;
      if (is_over()) {
        ++not_run_;
        continue;
      }
      if (Result<void> done = run_test(rules, programs, cache.get(), test, file); !done)
        return done;
    }
    return {};
  }

  Result<void> run_test(const LoadedRules& rules, library::TestPrograms& programs,
                        cep::TextDatabaseCache* cache, const rules::EmbeddedTest& test,
                        library::FileResult& file) {
    if (options_.list) {
      return list(file.file, library::name_test(rules.loaded.sources, test));
    }
    const Clock::Moment begin = system_clock().now();
    library::TestResult result =
        library::judge_test(*rules.loaded.rules, rules.loaded.sources, programs, test, cache);
    result.seconds = seconds_since(begin);
    ++(result.passed ? passed_ : failed_);
    Result<void> written = say(file.file, result);
    file.tests.push_back(std::move(result));
    return written;
  }

  Result<void> list(const std::string& file, const library::TestResult& test) {
    if (!is_json()) return output_.write_line(test_name(file, test));
    return output_.write_line(library::format_listed_json(file, test));
  }

  Result<void> say(const std::string& file, const library::TestResult& test) {
    if (is_json()) return output_.write_line(library::format_test_json(file, test));
    if (test.passed && !options_.verbose) return {};
    std::string text =
        fmt::format("{}: {}", test.passed ? "passed" : "failed", test_name(file, test));
    if (options_.verbose) text += fmt::format(" ({})", milliseconds(test.seconds.value_or(0)));
    text += '\n' + test.text;
    text.pop_back();  // write_line adds the last line end
    return output_.write_line(text);
  }

  Result<void> say_total(double seconds) {
    if (options_.list) {
      tell(fmt::format("{}\n", rules::format_count(selected_, "test")));
      return {};
    }
    if (is_json()) {
      return output_.write_line(
          fmt::format(R"({{"passed":{},"failed":{},"left_out":{},"not_run":{},"seconds":{:.6f}}})",
                      passed_, failed_, left_out_, not_run_, seconds));
    }
    if (options_.verbose) {
      Result<void> written =
          output_.write_line(fmt::format("{} in {}", rules::format_count(passed_ + failed_, "test"),
                                         rules::format_seconds(seconds)));
      if (!written) return written;
    }
    return output_.write_line(fmt::format("{} passed, {} failed", passed_, failed_));
  }

  Result<void> write_junit() {
    if (junit_ == nullptr) return {};
    std::string text = library::format_junit(results_);
    text.pop_back();  // write_line adds the last line end
    Result<void> written = junit_->write_line(text);
    return written ? junit_->close() : written;
  }

  const TestOptions& options_;
  library::TestFilter filter_;
  OutputFile& output_;
  OutputFile* junit_;
  std::vector<library::FileResult> results_;
  std::uint64_t selected_ = 0;
  std::uint64_t passed_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t left_out_ = 0;  // by the filter
  std::uint64_t not_run_ = 0;   // by --fail-fast
};

ExitCode test(const TestOptions& options) {
  if (options.list && !options.junit.empty()) {
    return end_with(ExitCode::kUsage,
                    "--list runs no test, so there is no result to write: leave --junit out");
  }
  const Result<std::vector<std::string>> files = runtime::find_rule_files(options.rules);
  if (!files) return end_with(ExitCode::kCheckFailed, files.error().message);
  if (options.junit == "-") return end_with(ExitCode::kUsage, "--junit takes a file");
  for (const std::string& file : *files) {
    if (options.junit.empty() || !is_same_file(options.junit, file)) continue;
    return end_with(ExitCode::kUsage, "--junit would overwrite a rule file: " + options.junit);
  }
  std::optional<Result<OutputFile>> junit;
  if (!options.junit.empty()) {
    junit.emplace(OutputFile::open(options.junit));
    if (!*junit) return end_with(ExitCode::kInputOutput, junit->error().message);
  }
  Result<OutputFile> output = OutputFile::open("-");
  const Result<ExitCode> code =
      TestCommand(options, *output, junit ? &**junit : nullptr).run(*files);
  if (!code) return end_with(ExitCode::kInputOutput, code.error().message);
  const Result<void> closed = output->close();
  return closed ? *code : end_with(ExitCode::kInputOutput, closed.error().message);
}
}  // namespace

void add_test_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<TestOptions>();
  CLI::App* command = program.add_subcommand("test", "Run the tests in rule files");
  command
      ->add_option("RULES", options->rules, "Rule files, or folders with .tocsin files below them")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--filter", options->filters,
                   "Only tests with this text in `RULE TITLE`; a text with * or ? must match all "
                   "of it; several select more")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  command->add_flag("--list", options->list, "List the tests and run none");
  command->add_flag("--fail-fast", options->fail_fast, "Stop at the first test that fails");
  command->add_flag("-v,--verbose", options->verbose,
                    "Show every test with its time, and the total time");
  add_choice(*command, "--format", options->format, "text|json",
             "The output format: text, or json, one object per line for each test (default: text)");
  command
      ->add_option("--junit", options->junit,
                   "Also write the results there as JUnit XML; the file is replaced")
      ->type_name("FILE");
  add_colour_option(*command, options->colour);
  add_cache_option(*command);
  command->footer(
      R"(Each file runs alone, with the files that it uses. The last line is `N passed, N failed`; a file with
errors counts as one failed test. A failed test is shown with its events, the expected and the actual
alerts; for a missing alert also how far the rule came and what stopped it.
Exit code 0 if all passed, 1 if not, 2 if no test matches --filter.

Examples:
  tocsin test rules/
  tocsin test rules/cards.tocsin --filter "two probes"
  tocsin test rules/ --filter "card_testing *" --verbose
  tocsin test rules/ --junit tests.xml)");
  command->callback([&chosen, options] { chosen.run = [options] { return test(*options); }; });
}
}  // namespace tocsin::api
