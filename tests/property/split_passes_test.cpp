// A program with a table for each key and pass gives the alerts of one with a table for each key.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cep/compile/program.h"
#include "cep/plan/plan.h"
#include "tests/support/engine_run.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_levels.h"
#include "tests/support/random_pack.h"
#include "tests/support/shrink.h"

namespace tocsin::tests {
namespace {
struct Tally {
  std::size_t split = 0;
  std::size_t row_by_row = 0;
  std::size_t alerting = 0;
};

// What differs; empty where nothing does.
std::string problem_of(const Case& c, const cep::Limits& limits, const Cut& cut,
                       Tally* tally = nullptr) {
  const auto plan = std::make_shared<const cep::Plan>(c.plan);
  const auto whole = cep::compile(plan, limits);
  if (!whole) return "compile: " + whole.error().message;
  const auto split = cep::compile_by_pass(plan, limits);
  if (!split) return "by pass: " + split.error().message;
  const auto lines = [&](const cep::Program& program) {
    return alert_lines(c.plan, run_engine(program, c.events, cep::kEventTimeMax, cut));
  };
  const std::vector<std::string> expected = lines(*whole);
  const std::vector<std::string> got = lines(*split);
  if (tally != nullptr) {
    const bool is_split = split->impl().tables.size() > whole->impl().tables.size();
    tally->split += is_split ? 1 : 0;
    tally->row_by_row += split->impl().row_by_row ? 1 : 0;
    tally->alerting += is_split && !expected.empty() ? 1 : 0;
  }
  const bool has_one_pass = std::ranges::all_of(split->impl().tables, [](const auto& table) {
    return std::ranges::all_of(table.operators, [&](const cep::OperatorProgram& op) {
      return op.pass == table.operators[0].pass;
    });
  });
  if (!split->impl().row_by_row && !has_one_pass) return "a table has several passes";
  if (expected == got) return {};
  const auto [a, b] = std::mismatch(expected.begin(), expected.end(), got.begin(), got.end());
  return fmt::format("of {} alerts {} came\n  whole: {}\n  split: {}", expected.size(), got.size(),
                     a == expected.end() ? "(no more)" : *a, b == got.end() ? "(no more)" : *b);
}
}  // namespace

TEST_CASE("split passes: a table for each key and pass gives the same alerts") {
  Tally tally;
  const std::size_t cases = for_all_seeds("SPLIT_PASSES", 500, [&](Random& random) {
    Case c;
    c.plan = random_pack(random);
    if (random.chance(20)) give_shares(random, c.plan);
    c.events = oracle::place_events(
        c.plan,
        random_events(random, c.plan,
                      {.count_max = 80, .crowds = 10, .disorder = random.chance(30)}),
        {});
    const cep::Limits limits = random.chance(30) ? often_exceeded(random) : kRarelyExceeded;
    const Cut cut{.rows = random.pick<std::size_t>({1, 3, 20, 10'000}),
                  .hash_seed = random.next(),
                  .eager = random.chance(30)};
    const std::string problem = problem_of(c, limits, cut, &tally);
    if (problem.empty()) return;
    const Case small =
        shrink(c, [&](const Case& smaller) { return !problem_of(smaller, limits, cut).empty(); });
    FAIL(fmt::format("{}\n{}\n{}slices of {}\n", problem_of(small, limits, cut),
                     cep::describe(small.plan), events_text(small.plan, small.events), cut.rows));
  });
  MESSAGE(cases << " cases, " << tally.split << " with a key that is split, " << tally.alerting
                << " of them with alerts, " << tally.row_by_row << " row by row");
  if (cases < 300) return;
  CHECK(5 * tally.split > cases);
  CHECK(8 * tally.alerting > cases);
}
}  // namespace tocsin::tests
