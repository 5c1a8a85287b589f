// What one machine gives where its rules change at times: the measure of jobs of Flink.
//
//     changed_run RULES [AT_US RULES]… -- FILE…
//
// RULES are a file or a folder. Files are read by position; what is late is set aside, as the rules
// say that events may be. Alerts go to standard output.
// What tests share reports by doctest.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/plan/plan.h"
#include "rules/context/rules.h"
#include "runtime/event_time/watermark.h"
#include "runtime/io/rule_files.h"
#include "tests/support/line_reference.h"

namespace tocsin::tests {
namespace {
std::optional<cep::Program> program_of(const std::string& path) {
  const auto files = runtime::find_rule_files({path});
  if (!files) {
    fmt::print(stderr, "{}\n", files.error().message);
    return std::nullopt;
  }
  const rules::Loaded loaded = rules::load(*files, runtime::read_rule_file);
  if (!loaded.rules) {
    fmt::print(stderr, "the rules in {} have errors\n", path);
    return std::nullopt;
  }
  auto program = cep::compile_by_pass(loaded.rules->plan, {});
  if (!program) {
    fmt::print(stderr, "{}\n", program.error().message);
    return std::nullopt;
  }
  return *std::move(program);
}

int run(const std::vector<std::string>& words) {
  const std::optional<cep::Program> program = program_of(words.at(0));
  if (!program) return 2;
  std::vector<RuleChange> changes;
  std::size_t at = 1;
  for (; words.at(at) != "--"; at += 2) {
    std::optional<cep::Program> next = program_of(words.at(at + 1));
    if (!next) return 2;
    changes.push_back({cep::EventTime{std::stoll(words[at])}, *std::move(next)});
  }
  std::vector<LinePartition> partitions;
  for (++at; at < words.size(); ++at) {
    LinePartition& partition = partitions.emplace_back();
    partition.name = words[at];
    std::ifstream file(words[at]);
    for (std::string line; std::getline(file, line);) partition.lines.push_back(line);
  }
  LineJobOptions options;
  options.intake.policy.bound = runtime::bound_of(program->plan());
  const LinesGiven given = run_lines(*program, partitions, options, changes);
  if (!given.problem.empty()) {
    fmt::print(stderr, "{}\n", given.problem);
    return 1;
  }
  for (const std::string& alert : given.alerts) fmt::print("{}\n", alert);
  return 0;
}
}  // namespace
}  // namespace tocsin::tests

int main(int count, char** words) {
  doctest::Context checks;
  checks.setAsDefaultForAssertsOutOfTestCases();
  try {
    return tocsin::tests::run({words + 1, words + count});
  } catch (const std::exception& wrong) {
    fmt::print(stderr, "usage: changed_run RULES [AT_US RULES]… -- FILE…: {}\n", wrong.what());
    return 2;
  }
}
