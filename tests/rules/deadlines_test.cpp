// Deadlines that count from the first event of a match: how many timers a key has.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "cep/data/alert.h"
#include "cep/data/batch.h"
#include "cep/engine/engine.h"
#include "tests/rules/pay_rule.h"

namespace tocsin::tests {
// Every seventh event ends all that the key's partial matches wait for, and the next one makes them
// wait again.
TEST_CASE("deadlines: a first event sets one timer, however often its match is complete anew") {
  const char* const rules[] = {
      "when pay where amount < 9 then pay where amount < 9 then no pay where amount = 9\n"
      "within 1h after match skip past last",
      "when pay where amount < 9 then pay where amount < 9 then no pay where amount = 9\n"
      "within 1h",
      "when pay as a where amount < 9 then optional pay where amount = 7\n"
      "then pay where amount < 9 then no pay where amount = 9 within 1h once per 1d for each a.id",
      "when pay as a where amount < 9 then all of { pay where amount < 8, pay where amount < 9 }\n"
      "then no pay where amount = 9 within 1h after match skip to next",
  };
  constexpr int kEvents = 705;
  for (const char* const clauses : rules) {
    CAPTURE(clauses);
    const cep::Program program = PayRule(clauses).compiled();
    cep::Engine engine(program, 1);
    std::vector<cep::Alert> alerts;
    std::uint64_t most = 0;
    for (int i = 0; i < kEvents; ++i) {
      give(engine, program.plan(), static_cast<std::uint64_t>(i) + 1,
           {.ms = i * 1'000, .amount = i % 7 == 6 ? 9 : 1}, alerts);
      most = std::max(most, engine.stats().timers);
    }
    CHECK(most > kEvents / 2);
    CHECK(most <= kEvents);
    CHECK(alerts.empty());
    const std::uint64_t visited = engine.stats().runs_visited;
    engine.advance(cep::Batch(program.plan()), {7'200'000'000}, alerts);
    CHECK(!alerts.empty());
    CHECK(engine.stats().runs_visited - visited < 2 * kEvents);
    CHECK(engine.stats().timers == 0);
  }
}
}  // namespace tocsin::tests
