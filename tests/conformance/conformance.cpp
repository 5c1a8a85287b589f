// The conformance cases through the whole of Tocsin: each becomes a rule file, is checked, compiled
// and run, and its set of matches compared. README.md beside this file describes the cases.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/conformance/case.h"
#include "tests/conformance/translate.h"
#include "tests/conformance/verdict.h"

namespace tocsin::conformance {
namespace {
constexpr const char* kUsage =
    "usage: conformance [--verbose] [--print] [--only ID]… FILE…\n"
    "  FILE         cases, one JSON object a line\n"
    "  --verbose    for every failing case its source text, events, diagnostics, expected and "
    "found matches\n"
    "  --print      only print the source text of each case\n"
    "  --only ID    only this case\n"
    "Exit: 0 nothing failed, 1 something did, 2 wrong arguments or a file that cannot be read.\n";

constexpr std::size_t kFirstColumn = 54;

struct Options {
  bool verbose = false;
  bool print = false;
  std::set<std::string> only;
  std::vector<std::string> files;
};

std::optional<Options> parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--verbose") {
      options.verbose = true;
    } else if (word == "--print") {
      options.print = true;
    } else if (word == "--only" && i + 1 < argc) {
      options.only.insert(argv[++i]);
    } else if (word.starts_with("--")) {
      return std::nullopt;
    } else {
      options.files.emplace_back(word);
    }
  }
  if (options.files.empty()) return std::nullopt;
  return options;
}

class Report {
 public:
  explicit Report(const Options& options) : options_(options) {}

  void add(const Case& test, const Verdict& verdict) {
    if (verdict.outcome == Outcome::kPassed) {
      ++passed_;
      if (!verdict.reason.empty() && options_.verbose)
        std::cout << "passed  " << test.id << ": " << verdict.reason << "\n";
      return;
    }
    if (verdict.outcome == Outcome::kApart) {
      ++apart_;
      std::cout << "apart   " << test.id << ": " << verdict.reason << "\n";
    } else {
      ++failed_;
      ++by_reason_[heading(verdict)];
      std::cout << "FAILED  " << test.id << ": " << heading(verdict)
                << (verdict.reason.empty() ? "" : ": " + verdict.reason) << "\n";
    }
    if (options_.verbose) print_details(test, verdict);
  }

  void add_unreadable(const std::string& place, const std::string& reason) {
    ++failed_;
    ++by_reason_["not a case"];
    std::cout << "FAILED  " << place << ": not a case: " << reason << "\n";
  }

  // Prints the table and the last line; returns the exit status.
  int finish() const {
    std::printf("\n%s %5s\n", padded("").c_str(), "cases");
    row("passed", passed_);
    for (const auto& [reason, count] : by_reason_) row("failed: " + reason, count);
    row("apart: differs by a decision, in neither number", apart_);
    std::printf("\n%zu passed, %zu failed\n", passed_, failed_);
    return failed_ == 0 ? 0 : 1;
  }

 private:
  // Filled up to the width of the table's first column; a construct's name may hold more than
  // ASCII.
  static std::string padded(const std::string& name) {
    const auto characters = static_cast<std::size_t>(
        std::count_if(name.begin(), name.end(), [](char c) { return (c & 0xc0) != 0x80; }));
    return name + std::string(kFirstColumn - std::min(kFirstColumn, characters), ' ');
  }
  static void row(const std::string& name, std::size_t count) {
    std::printf("%s %5zu\n", padded(name).c_str(), count);
  }

  static std::string heading(const Verdict& verdict) {
    switch (verdict.outcome) {
      case Outcome::kWrong:
        return "wrong matches";
      case Outcome::kAccepted:
        return "invalid pattern accepted";
      case Outcome::kRefused:
        return "refused";
      case Outcome::kUntranslated:
        return "not translated";
      case Outcome::kBroken:
        return "the run failed";
      case Outcome::kPassed:
      case Outcome::kApart:
        break;
    }
    return "";
  }

  static void print_details(const Case& test, const Verdict& verdict) {
    std::cout << test.title << "\n";
    if (!verdict.source.empty()) std::cout << "--- source\n" << verdict.source;
    if (!verdict.input.empty()) std::cout << "--- events\n" << verdict.input;
    if (!verdict.diagnostics.empty()) std::cout << "--- diagnostics\n" << verdict.diagnostics;
    if (verdict.outcome == Outcome::kWrong || verdict.outcome == Outcome::kApart ||
        verdict.outcome == Outcome::kBroken) {
      std::cout << "--- expected\n" << print_matches({test.matches.begin(), test.matches.end()});
      std::cout << "--- found\n" << print_matches(verdict.matches);
    }
    std::cout << "\n";
  }

  const Options& options_;
  std::size_t passed_ = 0;
  std::size_t failed_ = 0;
  std::size_t apart_ = 0;
  std::map<std::string, std::size_t> by_reason_;
};

int run(const Options& options) {
  Report report(options);
  for (const std::string& file : options.files) {
    std::ifstream lines(file);
    if (!lines) {
      std::cerr << "conformance: cannot read " << file << "\n";
      return 2;
    }
    std::string line;
    for (std::size_t number = 1; std::getline(lines, line); ++number) {
      if (line.empty()) continue;
      const Result<Case> test = parse_case(line);
      if (!test) {
        report.add_unreadable(file + ":" + std::to_string(number), test.error().message);
        continue;
      }
      if (!options.only.empty() && !options.only.contains(test->id)) continue;
      if (options.print) {
        const Result<Translation> translation = translate(*test);
        std::cout << "# " << test->id << ": " << test->title << "\n"
                  << (translation ? translation->source : "# " + translation.error().message + "\n")
                  << "\n";
        continue;
      }
      report.add(*test, judge(*test));
    }
    if (lines.bad()) {
      std::cerr << "conformance: cannot read " << file << " to its end\n";
      return 2;
    }
  }
  if (options.print) return 0;
  std::cout.flush();
  return report.finish();
}
}  // namespace
}  // namespace tocsin::conformance

int main(int argc, char** argv) {
  const std::optional<tocsin::conformance::Options> options =
      tocsin::conformance::parse_options(argc, argv);
  if (!options) {
    std::cerr << tocsin::conformance::kUsage;
    return 2;
  }
  return tocsin::conformance::run(*options);
}
