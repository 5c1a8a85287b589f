// Rules that are deployed with what they make of earlier events go on as if they had been there all
// the time, through crashes too; no alert comes from before.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cep/plan/rule.h"
#include "runtime/node/node.h"
#include "runtime/replay/earlier_run.h"
#include "tests/runtime/deploy_world.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
struct Seen {
  std::size_t compared = 0;
  std::size_t alerting = 0;  // by rules that came
  std::size_t restored = 0;
  std::size_t archived = 0;
};

// Rules that came: what they hold back begins with nothing.
std::set<std::string> rules_to_compare(const Rules& rules) {
  std::set<std::string> own;
  for (const cep::Rule& rule : rules.alone.plan().rules) own.insert(rule.id);
  std::set<std::string> chosen;
  for (const cep::Rule& rule : rules.beside.plan().rules) {
    if (own.contains(rule.id)) continue;
    if (rule.suppression.kind() != cep::Once::kNone || rule.suppression.at_most) return {};
    chosen.insert(rule.id);
  }
  return chosen;
}

// A world in which the rules were there from the beginning: their alerts of after `from` blocks.
std::vector<std::string> wanted(const Rules& rules, const std::set<std::string>& chosen,
                                std::size_t from) {
  DeployWorld world(rules, true);
  world.open();
  std::size_t before = 0;
  for (std::size_t i = 0; i < rules.blocks.size(); ++i) {
    if (i == from) before = world.alerts_of(chosen).size();
    world.take(rules.blocks[i]);
  }
  if (from == rules.blocks.size()) before = world.alerts_of(chosen).size();
  REQUIRE(world.node().end_time());
  REQUIRE(world.node().close());
  std::vector<std::string> alerts = world.alerts_of(chosen);
  alerts.erase(alerts.begin(), alerts.begin() + static_cast<std::ptrdiff_t>(before));
  return alerts;
}

void settle_checkpoints(DeployWorld& world) {
  const auto kept = world.node().checkpoint();
  REQUIRE_MESSAGE(kept, kept.error().message);
  REQUIRE(world.node().poll());
}

void try_one(Random& random, Seen& seen) {
  const std::optional<Rules> rules = make_rules(random);
  if (!rules || rules->blocks.size() < 3) return;
  const std::set<std::string> chosen = rules_to_compare(*rules);
  if (chosen.empty()) return;
  DeployWorld world(*rules);
  if (random.chance(70)) world.archive.emplace();
  world.segment_bytes = random.pick<std::uint64_t>({600, 4'000, 1 << 20});
  world.open();
  const std::size_t begin = random.below(rules->blocks.size());
  std::unique_ptr<EarlierRun> run;
  std::optional<std::size_t> activated_at;
  bool is_prepared = false;
  const auto crash = [&] {
    run.reset();
    is_prepared = false;
    world.crash();
    world.open();
  };
  for (std::size_t i = 0; i < rules->blocks.size(); ++i) {
    if (i >= begin && !activated_at) {
      if (!run && !is_prepared) {
        run = world.run_earlier();
      } else if (run) {
        if (random.chance(30)) REQUIRE(run->catch_up(world.node().durable_end()));
        if (random.chance(60)) {
          // What was kept must not be older than the last checkpoint.
          REQUIRE(run->catch_up(world.node().durable_end()));
          world.keep(*run);
          world.prepare(std::exchange(run, nullptr));
          is_prepared = true;
        }
      } else if (world.node().is_prepared() || random.chance(30)) {
        world.activate();
        activated_at = i;
      }
    }
    if (random.chance(8)) crash();
    world.take(rules->blocks[i]);
    // Beside a prepared deploy it would call that off. Without an archive earlier events go.
    if (!is_prepared && (world.archive || activated_at) && random.chance(20)) {
      settle_checkpoints(world);
    }
    if (activated_at && random.chance(20)) crash();
  }
  REQUIRE(world.node().end_time());
  REQUIRE(world.node().close());
  CHECK(world.alerts() == rules->alerts);
  if (!activated_at) return;
  const std::vector<std::string> expected = wanted(*rules, chosen, *activated_at);
  if (const std::vector<std::string> found = world.alerts_of(chosen); found != expected) {
    FAIL(fmt::format("activated before block {} of {}\nfound:\n{}\nwanted:\n{}", *activated_at,
                     rules->blocks.size(), fmt::join(found, "\n"), fmt::join(expected, "\n")));
  }
  ++seen.compared;
  seen.alerting += expected.empty() ? 0 : 1;
  seen.restored += world.restored > 0 ? 1 : 0;
  seen.archived += world.archive ? 1 : 0;
}
}  // namespace

TEST_CASE("node: deployed rules go on from earlier events, through checkpoints and crashes") {
  Seen seen;
  for_all_seeds("EFFECTS", 60, [&](Random& random) { try_one(random, seen); });
  MESSAGE(seen.compared << " compared, " << seen.alerting << " with alerts, " << seen.restored
                        << " made again in a replay, " << seen.archived << " with an archive");
  if (seen.compared >= 20) {
    CHECK(4 * seen.alerting > seen.compared);
    CHECK(4 * seen.restored > seen.compared);
    CHECK(2 * seen.archived > seen.compared);
  }
}
}  // namespace tocsin::tests
