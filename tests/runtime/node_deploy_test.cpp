// Rules that change while a node runs: what stays goes on as if nothing had happened, through
// crashes too.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/data/alert.h"
#include "cep/data/alert_format.h"
#include "cep/engine/engine.h"
#include "cep/plan/rule.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/event_time/run.h"
#include "runtime/event_time/slice_loop.h"
#include "runtime/node/node.h"
#include "runtime/node/state_migration.h"
#include "tests/runtime/deploy_world.h"
#include "tests/support/model_state_store.h"
#include "tests/support/model_store.h"
#include "tests/support/node_deploy.h"
#include "tests/support/random.h"
#include "tests/support/simulated_files.h"

namespace tocsin::tests {
namespace {
using namespace runtime;

TEST_CASE("node: rules that stay go on through deploys of others, checkpoints and crashes") {
  std::size_t alerting = 0;
  std::size_t deployed = 0;
  std::size_t was_ready = 0;
  std::size_t asked = 0;
  std::size_t compiled = 0;
  std::size_t compared = 0;
  for_all_seeds("EFFECTS", 60, [&](Random& random) {
    const std::optional<Rules> rules = make_rules(random);
    if (!rules) return;
    DeployWorld world(*rules);
    world.open();
    std::uint64_t requested = 0;
    for (const std::string& block : rules->blocks) {
      world.take(block);
      Node& node = world.node();
      if (!node.is_preparing()) {
        if (random.chance(30)) world.prepare();
      } else if (random.chance(5)) {
        world.prepare();  // what was prepared before is called off
      } else if (node.is_prepared() || random.chance(20)) {
        world.activate();
      }
      if (random.chance(10)) requested = node.request_checkpoint();
      if (random.chance(10)) {
        const Result<void> kept = world.node().checkpoint();
        REQUIRE_MESSAGE(kept, kept.error().message);
      }
      if (random.chance(15)) {
        world.crash();
        world.open();
        requested = 0;
      }
    }
    for (int i = 0; i < 100'000 && world.node().checkpoints().answered < requested; ++i) {
      REQUIRE(world.node().poll());
    }
    CHECK(world.node().checkpoints().answered >= requested);
    if (requested > 0) {
      CHECK(world.node().checkpoints().number > 0);
      CHECK(world.node().checkpoints().failure.empty());
      ++asked;
    }
    const Result<void> ended = world.node().end_time();
    REQUIRE_MESSAGE(ended, ended.error().message);
    const Result<void> closed = world.node().close();
    REQUIRE_MESSAGE(closed, closed.error().message);
    CHECK(world.alerts() == rules->alerts);
    deployed += world.deployed;
    was_ready += world.was_ready;
    compiled += world.compiled;
    ++compared;
    if (!rules->alerts.empty()) ++alerting;
  });
  MESSAGE(compared << " compared, " << alerting << " with alerts, " << deployed << " deploys, "
                   << was_ready << " carried before, " << asked << " checkpoints asked for, "
                   << compiled << " compiled again");
  if (compared >= 20) {
    CHECK(3 * alerting > compared);
    CHECK(deployed > compared);
    CHECK(5 * was_ready > deployed);
    CHECK(6 * asked > compared);
    CHECK(compiled > 0);
  }
}

TEST_CASE(
    "node: what rules only show, and to whom, changes between the same events after crashes") {
  std::size_t alerting = 0;
  std::size_t compiled = 0;
  std::size_t compared = 0;
  for_all_seeds("EFFECTS", 60, [&](Random& random) {
    const std::optional<Rules> rules = make_rules_shown_otherwise(random);
    if (!rules) return;
    std::vector<bool> deploys;
    for (std::size_t i = 0; i < rules->blocks.size(); ++i) deploys.push_back(random.chance(20));
    const auto play = [&](DeployWorld& world, bool has_faults) {
      world.all_stay = false;
      world.open();
      for (std::size_t i = 0; i < rules->blocks.size(); ++i) {
        if (deploys[i]) {
          world.prepare();
          world.activate();
        }
        world.take(rules->blocks[i]);
        if (has_faults && random.chance(5)) REQUIRE(world.node().checkpoint());
        if (has_faults && random.chance(15)) {
          world.crash();
          world.open();
        }
      }
      REQUIRE(world.node().end_time());
      REQUIRE(world.node().close());
    };
    DeployWorld whole(*rules);
    play(whole, false);
    DeployWorld crashed(*rules);
    play(crashed, true);
    CHECK(crashed.alerts() == whole.alerts());
    compiled += crashed.compiled;
    ++compared;
    if (!whole.alerts().empty()) ++alerting;
  });
  MESSAGE(compared << " compared, " << alerting << " with alerts, " << compiled
                   << " compiled again");
  if (compared >= 20) {
    CHECK(3 * alerting > compared);
    CHECK(compiled > compared);
  }
}

TEST_CASE("node: a checkpoint that failed is not the failure of the next one") {
  Random random(1);
  std::optional<Rules> rules;
  while (!rules || rules->blocks.size() < 2) rules = make_rules(random);
  DeployWorld world(*rules);
  world.open();
  world.take(rules->blocks[0]);
  const auto fail_checkpoints = [](std::uint64_t, FileOperation operation,
                                   const std::string& path) {
    const bool fails =
        operation == FileOperation::kWrite && path.find("/checkpoints/") != std::string::npos;
    return fails ? Fault::kFail : Fault::kNone;
  };
  Node& node = world.node();
  world.files().fault = fail_checkpoints;
  CHECK_FALSE(node.checkpoint());
  const std::uint64_t failed = node.request_checkpoint();
  for (int i = 0; i < 1000 && node.checkpoints().answered < failed; ++i) REQUIRE(node.poll());
  CHECK(node.checkpoints().answered == failed);
  CHECK_FALSE(node.checkpoints().failure.empty());
  CHECK(node.checkpoints().number == 0);
  world.files().fault = nullptr;
  const auto kept = node.savepoint("kept");
  REQUIRE_MESSAGE(kept, kept.error().message);
  const std::uint64_t number = node.checkpoints().number;
  CHECK(number > 0);
  CHECK(node.checkpoints().failure.empty());
  REQUIRE(node.checkpoint());
  CHECK(node.checkpoints().number == number);  // it has everything
}

TEST_CASE("node: who cannot make the rules of before is refused, and so is who brings others") {
  Random random(1);
  std::optional<Rules> rules;
  while (!rules || rules->blocks.size() < 4) rules = make_rules(random);
  SimulatedFiles files;
  SystemClock clock;
  ModelDisk disk;
  ModelStateStores states(files);
  InlineExecutor executor;
  NoFiles ranges;
  const auto open = [&](const cep::Program& program, bool can_compile,
                        const std::function<void(Node&)>& use) -> std::string {
    const DataDirectory directory = *DataDirectory::open(files, "disk/data", true);
    const std::unique_ptr<Store> store = *disk.open(effect_families());
    NodeOptions options;
    options.settings = settings_of(program, {});
    options.segment_bytes = 8 << 10;
    if (can_compile) {
      options.compile = [&](const NodeSettings&, const auto&) -> Result<NodeProgram> {
        return NodeProgram{rules->alone, {}};
      };
    }
    const NodePorts ports{files, clock, *store, states, executor, ranges, false};
    const Result<std::unique_ptr<Node>> node =
        Node::open(ports, directory, program, std::move(options));
    if (!node) return node.error().message;
    use(**node);
    return "";
  };
  CHECK(open(rules->alone, false, [&](Node& node) {
          // More than a record holds: nothing has changed.
          std::vector<NamedContents> texts;
          for (int i = 0; i < 200; ++i) texts.push_back({fmt::format("rules:{:060}", i), "text"});
          const auto large = tests::deploy(node, {rules->beside, {}}, texts);
          REQUIRE_FALSE(large);
          CHECK(large.error().code == Errc::kLimit);
          CHECK_FALSE(node.is_preparing());
          CHECK(node.settings().plan == settings_of(rules->alone, {}).plan);
          CHECK(&node.program().plan() == &rules->alone.plan());
          REQUIRE(node.checkpoint());
          REQUIRE(tests::deploy(node, {rules->beside, {}}, {}));
          CHECK(node.settings().plan == settings_of(rules->beside, {}).plan);
          CHECK(&node.program().plan() == &rules->beside.plan());
        }).empty());
  disk.restart();
  files.restart();
  CHECK(open(rules->beside, false, [](Node&) {}).find("was begun otherwise") != std::string::npos);
  disk.restart();
  files.restart();
  CHECK(open(rules->alone, true, [](Node&) {}).find("was begun otherwise") != std::string::npos);
  disk.restart();
  files.restart();
  CHECK(open(rules->beside, true, [&](Node& node) {
          REQUIRE(node.end_time());
          const auto late = tests::deploy(node, {rules->alone, {}}, {});
          REQUIRE_FALSE(late);
          CHECK(late.error().code == Errc::kConflict);
        }).empty());
}
}  // namespace
}  // namespace tocsin::tests
