// What it costs to leave out the partial matches of a busy key that others stand in for
// (cep/pattern/draft_pruning.h): how many are compared, in numbers.
#include <doctest/doctest.h>

#include <cstdint>
#include <vector>

#include "cep/data/alert.h"
#include "cep/engine/engine.h"
#include "tests/rules/pay_rule.h"

namespace tocsin::tests {
TEST_CASE("pruning work: complete matches of many last events are not compared with each other") {
  const cep::Program program =
      PayRule(
          "when pay as a then optional pay as b where amount > 1 then pay as c where amount > 0\n"
          "without pay where amount = a.amount - 9 for 1h\n"
          "having recent > 0",
          "feature recent = count(pay) by card over last 1h\n")
          .compiled();
  cep::Engine engine(program, 1);
  std::vector<cep::Alert> alerts;
  constexpr std::uint64_t kEvents = 150;
  std::uint64_t runs = 0;  // at each event, in all
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    const auto at = static_cast<std::int64_t>(i);
    give(engine, program.plan(), i + 1, {.ms = at * 1'000, .amount = at % 5 + 1}, alerts);
    runs += engine.stats().runs;
  }
  MESSAGE(runs << " partial matches, " << engine.stats().runs_visited << " looked at");
  CHECK(runs > kEvents * kEvents);
  CHECK(engine.stats().runs_visited < 4 * runs);
}
}  // namespace tocsin::tests
