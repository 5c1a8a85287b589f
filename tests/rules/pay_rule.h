/// One rule over payments of one key, for tests that count what its events cost.
#pragma once
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
struct Pay {
  std::int64_t ms = 0;
  std::int64_t amount = 0;
  std::int64_t ends = 0;  // for rules that ask for it: the amount that ends what this one begins
  std::string note = "n";
};
class PayRule {
 public:
  /// `clauses`: of the rule, behind its key, the card; `before`: what is declared beside it.
  explicit PayRule(const std::string& clauses, const std::string& before = "")
      : loaded_(
            load_files({{"r.tocsin",
                         "event pay { ts: time, id: int id, card: string, amount: int, "
                         "ends: int, note: string }\n" +
                             before + "rule r \"Rule\" { by card\n" + clauses + "\nalert \"x\" }"}},
                       {"r.tocsin"})) {
    CAPTURE(clauses);
    CAPTURE(rendered(loaded_));
    REQUIRE(loaded_.rules.has_value());
  }
  cep::Program compiled(const cep::Limits& limits = {}) const {
    auto program = cep::compile(loaded_.rules->plan, limits);
    REQUIRE(program.has_value());
    return *program;
  }

 private:
  rules::Loaded loaded_;
};
/// The payment with this number, in a batch of its own.
inline void give(cep::Engine& engine, const cep::Plan& plan, std::uint64_t number, const Pay& pay,
                 std::vector<cep::Alert>& alerts) {
  cep::Batch batch(plan);
  const cep::EventTime ts{pay.ms * 1'000};
  batch.append(plan, cep::EventTypeIndex(0), ts, ts, {number, 0},
               {cep::Value::time(ts), cep::Value::integer(static_cast<std::int64_t>(number)),
                cep::Value::string("c"), cep::Value::integer(pay.amount),
                cep::Value::integer(pay.ends), cep::Value::string(pay.note)});
  engine.advance(batch, ts, alerts);
}
}  // namespace tocsin::tests
