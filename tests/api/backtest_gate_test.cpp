#include "api/rollout/backtest_gate.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/api/rule_service_world.h"

namespace tocsin::api {
namespace {
constexpr std::int64_t kSecond = 1'000'000;

RulePack pack_of(const std::string& schema, const std::string& rules) {
  return RulePack({{"rules:schema.tocsin", schema}, {"rules:rules.tocsin", rules}});
}
std::string rule(const std::string& id, int bound, const std::string& status = "") {
  return fmt::format(
      "rule {} \"R\" {{\n{}  by card\n  when payment where amount > {}\n  alert \"x\"\n}}\n", id,
      status.empty() ? "" : "  status " + status + "\n", bound);
}

TEST_CASE("rule pack: digests are of what rules do, whoever they are let out for") {
  const std::string two = rule("a", 1) + rule("b", 2);
  const PackDigests all = pack_of(kSchema, two).digests();
  REQUIRE(all.rules.size() == 2);
  const auto same = [&](const PackDigests& other) {
    return std::pair(other.shared == all.shared, other.rules == all.rules);
  };
  const std::string test =
      "test a \"t\" {\n  0s payment { card: \"c\", amount: 2.00 }\n  expect alert\n}\n";
  const std::pair yes(true, true);
  CHECK(same(pack_of(kSchema, two).with_rollout("a", {RuleStage::kShadow}).digests()) == yes);
  CHECK(same(pack_of(kSchema, rule("a", 1, "shadow") + rule("b", 2)).digests()) == yes);
  CHECK(same(pack_of(kSchema, "use \"schema.tocsin\"\n" + two + test).digests()) == yes);
  CHECK(same(pack_of(std::string("# words\n") + kSchema, two).digests()) == yes);
  CHECK(same(pack_of(kSchema, rule("a", 1) + rule("b", 3)).digests()) == std::pair(true, false));
  CHECK(same(pack_of(std::string(kSchema) + "const most = 1\n", two).digests()) ==
        std::pair(false, true));
  CHECK(same(pack_of(kSchema, two).with_file("list.csv", "a\n")->digests()) ==
        std::pair(false, true));
  CHECK(
      same(RulePack({{"rules:a.tocsin", rule("b", 2)}, {"rules:z.tocsin", kSchema + rule("a", 1)}})
               .digests()) == yes);
  CHECK(same(RulePack({{"rules:a.tocsin", two}, {"rules:z/schema.tocsin", kSchema}}).digests()) ==
        std::pair(false, true));
  // What cannot be parsed counts as it is.
  CHECK_FALSE(same(pack_of(kSchema, two + "rule {").digests()).first);
}

TEST_CASE("rollout gates: a change of live rules needs a backtest with few enough alerts") {
  const RulePack before = pack_of(kSchema, rule("a", 1) + rule("b", 2));
  const RulePack after = pack_of(kSchema, rule("a", 1) + rule("b", 3));
  const BacktestGate gate{5, {10 * kSecond}, {60 * kSecond}};
  const cep::EventTime now{1000 * kSecond};
  BacktestRates good{7, {990 * kSecond}, true, {0}, {10 * kSecond}, after.digests().shared, {}};
  for (const auto& [id, digest] : after.digests().rules) good.rules[id] = {digest, 9, 20'514, 5};
  const auto why = [&](std::vector<BacktestRates> backtests) {
    return why_too_many_alerts(
        gate, before, after,
        [&] {
          std::vector<std::shared_ptr<const BacktestRates>> all;
          for (const BacktestRates& one : backtests) {
            all.push_back(std::make_shared<const BacktestRates>(one));
          }
          return all;
        },
        now);
  };
  CHECK(why({good}).empty());
  const auto says = [&](const std::vector<BacktestRates>& backtests, const std::string& part) {
    const std::string text = why(backtests);
    CHECK_MESSAGE(text.find(part) != std::string::npos, text);
  };
  says({}, "the rule b needs a backtest of these rules, with no more than 5 alerts on a day");
  says({}, "none is kept");
  says({}, "`tocsin backtest RULES --server URL`");
  BacktestRates other = good;
  other.rules["a"].digest = "x";
  says({other}, "none is kept");
  other = good;
  other.rules.erase("a");
  says({other}, "none is kept");
  other = good;
  other.shared = "x";
  says({other}, "none is kept");
  other = good;
  other.last_event.us = 9 * kSecond;
  says({other}, "backtest 7 covers 9s of event time, and 10s are needed (rollout.backtest_span)");
  other = good;
  other.ended_at.us = 900 * kSecond;
  says({other}, "backtest 7 ended 1m40s ago, and counts for 1m (rollout.backtest_within)");
  other = good;
  other.to_the_end = false;
  says({other}, "backtest 7 has an end (`to`)");
  CHECK(why({other, good}).empty());  // an older one counts
  BacktestRates noisy = good;
  noisy.rules["a"].on_that_day = 900;
  CHECK(why({noisy}).empty());  // it is not changed
  noisy.rules["b"].on_that_day = 6;
  says({noisy, good}, "the rule b raised 6 alerts on 2026-03-02 in backtest 7, and may raise 5");
  // What is no change of live rules needs none.
  const auto is_free = [&](const RulePack& from, const RulePack& to) {
    return why_too_many_alerts(gate, from, to, {}, now).empty();
  };
  CHECK(is_free(before, before));
  CHECK(is_free(before, pack_of(kSchema, rule("a", 1))));
  CHECK(is_free(before, pack_of(kSchema, rule("a", 1) + rule("b", 2) + rule("c", 1, "shadow"))));
  CHECK(is_free(before, before.with_rollout("a", {RuleStage::kShadow})));
  const RulePack tenth = before.with_rollout("a", *parse_rollout("live 10%"));
  CHECK(is_free(before, tenth));
  CHECK_FALSE(is_free(tenth, before));
  CHECK_FALSE(is_free(
      before, pack_of(std::string(kSchema) + "const most = 1\n", rule("a", 1) + rule("b", 2))));
}
}  // namespace
}  // namespace tocsin::api
