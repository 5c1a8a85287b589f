// What rules cost, for metrics: the dearest by name, the rest as one.
#include "api/health/rule_costs.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "api/rules/rule_loader.h"
#include "cep/plan/feature.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"

namespace tocsin::api {
namespace {
std::shared_ptr<const cep::Plan> plan() {
  static const LoadedRules kLoaded =
      load_rules({"rules.tocsin"}, {}, [](const std::string&) -> Result<std::string> {
        return R"(
event payment { ts: time, id: string id, card: string, amount: decimal(2) }
feature spent = sum(amount of payment) by card over last 1h
rule a "A" { by card  when payment as p where amount > 1 and spent > 1  alert "a" }
rule b "B" { by card  when payment as p where amount > 2  alert "b" }
rule c "C" { by card  when payment as p where amount > 3  alert "c" }
)";
      });
  CAPTURE(render_diagnostics(kLoaded, false));
  REQUIRE(kLoaded.program);
  return kLoaded.loaded.rules->plan;
}
std::string text_of(const std::vector<RuleCost>& costs) {
  std::string text;
  for (const RuleCost& cost : costs)
    text += fmt::format("{} {} {}; ", cost.rule, cost.cpu, cost.share);
  return text;
}

TEST_CASE("rule costs: the dearest rules by name, all others and features as one") {
  cep::EngineProfile profile;
  profile.rules = {{10, 1'000'000'000}, {10, 3'000'000'000}, {0, 0}};
  profile.features.resize(plan()->features.size());
  profile.features[0] = {10, 4'000'000'000};
  CHECK(text_of(rule_costs(*plan(), profile, 10, 20)) ==
        "b 0.3 0.375; a 0.1 0.125; (other) 0 0; (features) 0.4 0.5; ");
  CHECK(text_of(rule_costs(*plan(), profile, 10, 1)) ==
        "b 0.3 0.375; (other) 0.1 0.125; (features) 0.4 0.5; ");
  profile.rules[2] = {1, 8'000'000'000};
  CHECK(text_of(rule_costs(*plan(), profile, 8, 3)) ==
        "c 1 0.5; b 0.375 0.1875; a 0.125 0.0625; (features) 0.5 0.25; ");
}

TEST_CASE("rule costs: of a time without events all are nothing") {
  cep::EngineProfile profile;
  profile.rules.resize(3);
  profile.features.resize(plan()->features.size());
  CHECK(text_of(rule_costs(*plan(), profile, 2, 20)) == "(other) 0 0; (features) 0 0; ");
  CHECK(text_of(rule_costs({}, {}, 2, 20)).empty());
}
}  // namespace
}  // namespace tocsin::api
