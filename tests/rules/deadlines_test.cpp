// Deadlines that count from the first event of a match: how many timers a key has.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "cep/data/alert.h"
#include "cep/data/batch.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
constexpr std::int64_t kSecondUs = 1'000'000;

rules::Loaded load_rule(const std::string& clauses) {
  return load_files({{"r.tocsin",
                      "event pay { ts: time, id: int id, card: string, amount: int }\n"
                      "rule r \"Rule\" { by card\n" +
                          clauses + "\nalert \"x\" }"}},
                    {"r.tocsin"});
}
}  // namespace

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
    const rules::Loaded loaded = load_rule(clauses);
    CAPTURE(rendered(loaded));
    REQUIRE(loaded.rules.has_value());
    const cep::Plan& plan = *loaded.rules->plan;
    const auto program = cep::compile(loaded.rules->plan);
    REQUIRE(program.has_value());
    cep::Engine engine(*program, 1);
    std::vector<cep::Alert> alerts;
    std::uint64_t most = 0;
    for (int i = 0; i < kEvents; ++i) {
      cep::Batch batch(plan);
      const cep::EventTime ts{i * kSecondUs};
      batch.append(plan, cep::EventTypeIndex(0), ts, ts, {static_cast<std::uint64_t>(i) + 1, 0},
                   {cep::Value::time(ts), cep::Value::integer(i), cep::Value::string("c"),
                    cep::Value::integer(i % 7 == 6 ? 9 : 1)});
      engine.advance(batch, ts, alerts);
      most = std::max(most, engine.stats().timers);
    }
    CHECK(most > kEvents / 2);
    CHECK(most <= kEvents);
    CHECK(alerts.empty());
    const std::uint64_t visited = engine.stats().runs_visited;
    engine.advance(cep::Batch(plan), {2 * 3'600 * kSecondUs}, alerts);
    CHECK(!alerts.empty());
    CHECK(engine.stats().runs_visited - visited < 2 * kEvents);
    CHECK(engine.stats().timers == 0);
  }
}
}  // namespace tocsin::tests
