// Writes random cases for a job: rules as text, lines of files, settings. The suite `flink` plays
// them.
//
//   plan_cases FOLDER FROM COUNT
//
// For COUNT seeds from FROM on, FOLDER/SEED/ with rules.tocsin, the files p0, p1, … of lines, and
// `settings`: a name and a value on each line, as tocsin_stage_open() takes them. Seeds whose rules
// have no text, or errors, are passed over.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "cep/base/result.h"
#include "cep/plan/plan.h"
#include "rules/context/rules.h"
#include "tests/support/line_case.h"
#include "tests/support/plan_source.h"
#include "tests/support/random.h"

namespace {
using namespace tocsin;
using tests::LineCase;
constexpr std::int64_t kSecond = 1'000'000;

std::string settings_of(const LineCase& c) {
  const runtime::IntakeOptions& intake = c.options.intake;
  std::string text;
  const auto add = [&](const char* name, cep::Duration time) {
    text += fmt::format("{} {}s\n", name, time.us / kSecond);
  };
  add("out_of_orderness", intake.policy.bound);
  if (intake.policy.late_max) add("late_max", *intake.policy.late_max);
  const bool clamps = intake.policy.late == runtime::LatePolicy::kClamp;
  if (intake.jump_max && !clamps) add("jump_max", *intake.jump_max);
  if (clamps) text += "late_policy clamp\n";
  const bool is_dead = intake.unknown_types == runtime::UnknownTypes::kDead;
  text += fmt::format("unknown_types {}\n", is_dead ? "dead" : "ignore");
  return text;
}

// False where no text gives the plan, or one that has errors.
bool write_case(std::uint64_t seed, const std::filesystem::path& folder) {
  tests::Random random(seed);
  LineCase c = tests::random_line_case(random, {.may_be_idle = false});
  c.options.intake.policy.bound.us -= c.options.intake.policy.bound.us % kSecond;
  if (!tests::unsayable(c.plan).empty()) return false;
  const std::string text = tests::plan_source(c.plan);
  const rules::Loaded loaded = rules::load(
      {"rules.tocsin"}, [&](const std::string&) -> Result<std::string> { return text; });
  if (!loaded.rules) return false;
  std::filesystem::create_directories(folder);
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder / name, std::ios::binary) << text;
  };
  write("rules.tocsin", text);
  write("settings", settings_of(c));
  for (const tests::LinePartition& partition : c.partitions) {
    std::string lines;
    for (const std::string& line : partition.lines) (lines += line) += '\n';
    write(partition.name, lines);
  }
  return true;
}
}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "plan_cases FOLDER FROM COUNT\n");
    return 2;
  }
  const std::uint64_t from = std::strtoull(argv[2], nullptr, 10);
  const std::uint64_t count = std::strtoull(argv[3], nullptr, 10);
  std::uint64_t written = 0;
  // One that is asked for alone is said to be none, and not another one in its place.
  const std::uint64_t end = from + (count == 1 ? 1 : 10 * count);
  for (std::uint64_t seed = from; seed < end && written < count; ++seed) {
    if (write_case(seed, std::filesystem::path(argv[1]) / std::to_string(seed))) ++written;
  }
  return written == count ? 0 : 1;
}
