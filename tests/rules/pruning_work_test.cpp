// What it costs to leave out the partial matches of a busy key that others stand in for
// (cep/pattern/draft_pruning.h): how many are compared, in numbers.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "cep/data/alert.h"
#include "cep/data/batch.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
TEST_CASE("pruning work: complete matches of many last events are not compared with each other") {
  const rules::Loaded loaded = load_files(
      {{"r.tocsin",
        "event pay { ts: time, id: int id, card: string, amount: int }\n"
        "feature recent = count(pay) by card over last 1h\n"
        "rule r \"Rule\" { by card\n"
        "when pay as a then optional pay as b where amount > 1 then pay as c where amount > 0\n"
        "without pay where amount = a.amount - 9 for 1h\n"
        "having recent > 0\n"
        "alert \"x\" }"}},
      {"r.tocsin"});
  CAPTURE(rendered(loaded));
  REQUIRE(loaded.rules.has_value());
  const cep::Plan& plan = *loaded.rules->plan;
  const auto program = cep::compile(loaded.rules->plan);
  REQUIRE(program.has_value());
  cep::Engine engine(*program, 1);
  std::vector<cep::Alert> alerts;
  constexpr std::uint64_t kEvents = 150;
  std::uint64_t runs = 0;  // at each event, in all
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    cep::Batch batch(plan);
    const cep::EventTime ts{static_cast<std::int64_t>(i) * 1'000'000};
    batch.append(
        plan, cep::EventTypeIndex(0), ts, ts, {i + 1, 0},
        {cep::Value::time(ts), cep::Value::integer(static_cast<std::int64_t>(i)),
         cep::Value::string("c"), cep::Value::integer(static_cast<std::int64_t>(i % 5) + 1)});
    engine.advance(batch, ts, alerts);
    runs += engine.stats().runs;
  }
  MESSAGE(runs << " partial matches, " << engine.stats().runs_visited << " looked at");
  CHECK(runs > kEvents * kEvents);
  CHECK(engine.stats().runs_visited < 4 * runs);
}
}  // namespace tocsin::tests
