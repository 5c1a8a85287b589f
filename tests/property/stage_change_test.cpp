// Rules that change inside a job of stages: the alerts are those of one engine whose rules change
// before the first event of that time, byte for byte, whatever fails before or after it.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cep/compile/program.h"
#include "cep/plan/plan.h"
#include "cep/stage/spread.h"
#include "cep/stage/stage_change.h"
#include "tests/support/engine_run.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"
#include "tests/support/random_pack.h"
#include "tests/support/shrink.h"
#include "tests/support/stage_cases.h"
#include "tests/support/stage_job.h"

namespace tocsin::tests {
namespace {
using Tally = std::map<std::string, std::size_t>;

// A job whose rules change: the rules after the change, and when.
struct ChangedCase {
  Case c;
  cep::Plan next;
  cep::EventTime at;
  std::optional<DataChange> data;
};

ChangedCase random_case(Random& random) {
  ChangedCase changed;
  changed.c = random_job(random);
  changed.next = changed_plan(random, changed.c.plan);
  if (random.chance(50)) std::swap(changed.c.plan, changed.next);
  const auto& events = changed.c.events;
  if (!events.empty()) {
    const std::size_t count = random.chance(50) ? events.size() : (events.size() + 2) / 3;
    changed.at = events[random.below(count)].engine_time;
  }
  changed.at.us += random.pick<std::int64_t>({0, 0, 0, 1, -1, 1'000'000});
  changed.data = random_data_change(random, changed.c);
  if (changed.data && random.chance(30)) changed.data->at = changed.at;
  return changed;
}

void count(const StageJob& job, const ChangedCase& changed, const cep::Program& before,
           const cep::Program& after, Tally& tally) {
  ++tally["spread"];
  if (changed.data && changed.data->at == changed.at) ++tally["data that changes with the rules"];
  const std::size_t passes = before.impl().pass_count;
  if (after.impl().pass_count != passes) ++tally["another number of passes"];
  if (job.counts().restored_before > 0) ++tally["restored while it waits"];
  if (job.counts().waiting_next > 0) ++tally["restored with rows of the next rules"];
  if (job.counts().restored_after > 0) ++tally["restored behind it"];
  for (const std::string& line : job.report()) ++tally[line.substr(0, line.find(' '))];
}

// What differs; empty where nothing does.
std::string problem_of(const ChangedCase& changed, const cep::Limits& limits, std::size_t failures,
                       std::uint64_t seed, Tally* tally = nullptr) {
  const auto plan = std::make_shared<const cep::Plan>(changed.c.plan);
  const auto next_plan = std::make_shared<const cep::Plan>(changed.next);
  const auto split = cep::compile_by_pass(plan, limits);
  const auto next = cep::compile_by_pass(next_plan, limits);
  if (!split || !next) return {};
  if (!cep::spread_obstacles(*split).empty()) return {};
  if (const auto can = cep::check_change(*split, *next); !can) {
    if (tally != nullptr) ++(*tally)["refused: " + can.error().message.substr(0, 20)];
    return {};
  }
  // An engine of the same tables: what a rule shows anew is known of events that it took before
  // where another rule of the table kept it.
  std::set<std::string> report;
  const std::vector<std::string> expected =
      engine_lines(*split, changed.c.events, {changed.data, *next, changed.at}, &report);
  StageJob job(*split, changed.c.events, failures, {changed.data, RuleChange{changed.at, *next}},
               Random(seed));
  const std::vector<std::string> got =
      lines_of(changed.c.plan, &changed.next, changed.at, job.run());
  if (!job.problem().empty()) return job.problem();
  if (failures == 0 && job.report() != report) {
    return fmt::format("the report of an engine is {}, of the job {}", fmt::join(report, ", "),
                       fmt::join(job.report(), ", "));
  }
  if (tally != nullptr) {
    count(job, changed, *split, *next, *tally);
    if (expected != engine_lines(*split, changed.c.events, {changed.data, {}, {}})) {
      ++(*tally)["matters"];
    }
  }
  return difference(expected, got);
}

void compare_jobs(std::size_t cases_max, std::size_t failures) {
  Tally tally;
  const std::size_t cases = for_all_seeds("STAGE_CHANGES", cases_max, [&](Random& random) {
    const ChangedCase changed = random_case(random);
    const cep::Limits limits = random.chance(20) ? often_exceeded(random) : kRarelyExceeded;
    const std::uint64_t seed = random.next();
    const std::string problem = problem_of(changed, limits, failures, seed, &tally);
    if (problem.empty()) return;
    ChangedCase small = changed;
    small.c = shrink(changed.c, [&](const Case& smaller) {
      ChangedCase tried = changed;
      tried.c = smaller;
      return !problem_of(tried, limits, failures, seed).empty();
    });
    FAIL(fmt::format("{}\n{}\n-- from {} on\n{}\n{}", problem_of(small, limits, failures, seed),
                     cep::describe(small.c.plan), cep::format_time(small.at),
                     cep::describe(small.next), events_text(small.c.plan, small.c.events)));
  });
  std::string what;
  for (const auto& [name, times] : tally) what += fmt::format(", {} {}", times, name);
  MESSAGE(cases << " cases" << what);
  if (cases < 250) return;
  CHECK(2 * tally["spread"] > cases);
  CHECK(4 * tally["matters"] > cases);
  CHECK(tally["another number of passes"] > 0);
  CHECK(tally["data that changes with the rules"] > 0);
  if (failures == 0) {
    for (const char* const fate : {"kept", "started", "lost"}) CHECK(tally[fate] > 0);
  } else {
    CHECK(tally["restored while it waits"] > 0);
    CHECK(tally["restored with rows of the next rules"] > 0);
    CHECK(tally["restored behind it"] > 0);
  }
}
}  // namespace

TEST_CASE("stages: rules change as those of one engine do") { compare_jobs(250, 0); }
TEST_CASE("stages: rules change in a job that goes on from cuts, before and behind the change") {
  compare_jobs(250, 3);
}
}  // namespace tocsin::tests
