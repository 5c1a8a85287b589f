// A job over the lines of partitions, judged and put in order by parts, gives the alerts of one run
// over the same partitions by position, byte for byte, and the same late and dead lines.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/stage/spread.h"
#include "runtime/decode/decoder.h"
#include "tests/support/engine_run.h"
#include "tests/support/line_case.h"
#include "tests/support/line_job.h"
#include "tests/support/random.h"
#include "tests/support/random_pack.h"

namespace tocsin::tests {
namespace {
// What an idle partition brought too late for the intake moved the partition's own time, and did no
// more: as if it were a tick.
LineCase without_late(const LineCase& c, const cep::Program& program, const Lines& late) {
  LineCase other = c;
  runtime::Decoder decoder(program.plan(), program.used_fields(), program.used_types());
  cep::Batch batch(program.plan());
  decoder.begin(batch);
  for (const std::string& line : late) {
    const std::size_t partition =
        static_cast<std::size_t>(line[std::string("{\"input\":\"p").size()] - '0');
    const std::size_t number =
        std::stoul(line.substr(line.find("\"line\":") + std::string("\"line\":").size()));
    std::string& text = other.partitions.at(partition).lines.at(number - 1);
    std::string padded = text + std::string(runtime::kLinePadding, '\n');
    const runtime::Decoded decoded =
        decoder.decode(std::string_view(padded).substr(0, text.size()));
    REQUIRE(decoded.kind == runtime::LineKind::kEvent);
    if (decoded.used) decoder.drop();
    text = tick_line(decoded.ts);
  }
  return other;
}

using Tally = std::map<std::string, std::size_t>;
std::string problem_of(const LineCase& c, std::uint64_t seed, Tally& tally) {
  const auto plan = std::make_shared<const cep::Plan>(c.plan);
  const auto whole = cep::compile(plan, kRarelyExceeded);
  if (!whole) return "compile: " + whole.error().message;
  const auto split = cep::compile_by_pass(plan, kRarelyExceeded);
  if (!split) return "by pass: " + split.error().message;
  if (!cep::spread_obstacles(*split).empty()) return {};
  ++tally["spread"];
  const LineJobOutcome job = run_line_job(*split, c.partitions, c.options, Random(seed));
  if (!job.problem.empty()) return job.problem;
  const LinesGiven expected = run_line_case(*whole, without_late(c, *whole, job.late_in_intake));
  if (!expected.alerts.empty()) ++tally["alerting"];
  if (!expected.late.empty()) ++tally["late"];
  if (!expected.dead.empty()) ++tally["dead"];
  if (!job.late_in_intake.empty()) ++tally["late in the intake"];
  if (job.restored > 0) ++tally["restored"];
  if (job.waiting > 0) ++tally["restored with waiting lines"];
  if (job.ids > 0) ++tally["restored with ids"];
  if (!c.options.may_be_idle && !job.late_in_intake.empty()) return "late, and nobody was idle";
  std::string problem =
      difference("alerts", expected.alerts, alert_lines(c.plan, job.alerts), true);
  if (problem.empty()) problem = difference("late lines", expected.late, job.late, false);
  if (problem.empty()) problem = difference("dead lines", expected.dead, job.dead, false);
  return problem;
}

// Lines are left out as long as something differs.
LineCase shrink_lines(LineCase c, std::uint64_t seed) {
  Tally tally;
  for (LinePartition& partition : c.partitions) {
    for (std::size_t i = partition.lines.size(); i > 0; --i) {
      std::string line = std::exchange(partition.lines[i - 1], "");
      if (problem_of(c, seed, tally).empty()) partition.lines[i - 1] = std::move(line);
    }
  }
  return c;
}

void compare_jobs(std::size_t failures) {
  Tally tally;
  const std::size_t cases = for_all_seeds("LINE_JOBS", 200, [&](Random& random) {
    LineCase c = random_line_case(random);
    c.options.failures = failures;
    const std::uint64_t seed = random.next();
    if (problem_of(c, seed, tally).empty()) return;
    const LineCase small = shrink_lines(c, seed);
    FAIL(problem_of(small, seed, tally) << "\n" << text_of(small));
  });
  std::string what;
  for (const auto& [name, count] : tally) what += fmt::format(", {} {}", count, name);
  MESSAGE(cases << " cases" << what);
  if (cases < 200) return;
  for (const char* const name : {"alerting", "late", "dead", "late in the intake"}) {
    INFO(name);
    CHECK(20 * tally[name] > cases);
  }
  for (const char* const name : {"restored", "restored with waiting lines", "restored with ids"}) {
    INFO(name);
    CHECK((failures == 0 || 20 * tally[name] > cases));
  }
}
}  // namespace

TEST_CASE("line jobs: a job over partitions gives what one run over them gives by position") {
  compare_jobs(0);
}
TEST_CASE("line jobs: so does one that goes on from cuts, in other parts") { compare_jobs(3); }
}  // namespace tocsin::tests
