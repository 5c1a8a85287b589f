#include "runtime/checkpoint/checkpoint.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "cep/plan/semantics.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/checkpoint_writer.h"
#include "runtime/io/system_files.h"
#include "runtime/io/thread_executor.h"
#include "runtime/store/rocks_state_store.h"
#include "tests/runtime/checkpoint_node.h"
#include "tests/support/model_state_store.h"
#include "tests/support/random.h"
#include "tests/support/simulated_files.h"
#include "tests/support/state_entries.h"
#include "tests/support/temporary_folder.h"

namespace tocsin::runtime {
namespace {
using tests::all_of;
using tests::CheckpointNode;
using tests::StateChanges;
using tests::StateMap;
using tests::store_key;

// Two are kept, each start goes on from the newest, increments add up.
void check_writer(Files& files, StateStores& stores, const std::string& folder) {
  CheckpointNode node(files, stores, folder);
  REQUIRE(node.open());
  CHECK_FALSE(node.writer().recovered());
  CHECK(node.writer().status().stage == CheckpointStage::kIdle);
  CHECK(node.state().empty());
  StateMap expected;
  tests::Random random(3);
  for (std::uint64_t number = 1; number <= 12; ++number) {
    CAPTURE(number);
    const StateChanges changes = tests::random_changes(random, 50, 60);
    tests::apply_changes(changes, expected);
    const CheckpointStatus status = node.take(changes, number * 10);
    REQUIRE(status.stage == CheckpointStage::kDone);
    CHECK(status.number == number);
    CHECK(status.position == number * 10);
    CHECK(status.journal_needed_from == (number == 1 ? 0 : number * 10 - 11));
    CHECK(status.entries == changes.size());
    CHECK(status.files > 4);
    std::vector<std::uint64_t> kept{number};
    if (number > 1) kept.insert(kept.begin(), number - 1);
    CHECK(*list_checkpoints(files, node.checkpoints()) == kept);
    if (number % 3 != 0) continue;
    node.close();
    REQUIRE(node.open());
    REQUIRE(node.writer().recovered());
    CHECK(node.writer().recovered()->meta == CheckpointNode::meta_of(number * 10, number));
    CHECK(node.writer().status().number == number);
    CHECK(node.writer().status().position == number * 10);
    CHECK(node.writer().status().journal_needed_from == number * 10 - 11);
    CHECK(node.state() == expected);
  }
  // Everything anew: what was there is gone.
  expected = {{store_key(0, "only"), "this"}};
  REQUIRE(node.take(all_of(expected), 500, CheckpointScope::kAll).stage == CheckpointStage::kDone);
  REQUIRE(node.take({}, 510).stage == CheckpointStage::kDone);
  node.close();
  REQUIRE(node.open());
  CHECK(node.state() == expected);
  // One that is given up leaves what was there, and asks for everything.
  node.writer().begin(CheckpointNode::meta_of(600), CheckpointScope::kChanges);
  node.writer().put(parse_store_key(store_key(0, "lost")), "");
  node.writer().abandon();
  CHECK(node.writer().status().stage == CheckpointStage::kFailed);
  CHECK(node.writer().status().number == 14);
  CHECK(node.writer().wants_all());
  expected[store_key(0, "more")] = "";
  REQUIRE(node.take(all_of(expected), 610, CheckpointScope::kAll).number == 16);
  node.close();
  REQUIRE(node.open());
  CHECK(node.state() == expected);
  std::string newest;
  node.writer().with_newest([&](const std::string& directory) { newest = directory; });
  CHECK(newest == checkpoint_path(node.checkpoints(), 16));
  CHECK(verify_checkpoint(files, newest));
}

TEST_CASE("checkpoints: another may begin before the one that was given up is cleared away") {
  tests::SimulatedFiles files;
  tests::ModelStateStores stores(files);
  CheckpointNode node(files, stores, "data");
  REQUIRE(node.open());
  const StateMap before = {{store_key(0, "a"), "1"}, {store_key(70, "b"), "2"}};
  REQUIRE(node.take(all_of(before), 100).stage == CheckpointStage::kDone);
  node.executor().wait();
  node.writer().begin(CheckpointNode::meta_of(200), CheckpointScope::kChanges);
  node.writer().put(parse_store_key(store_key(0, "lost")), "");
  node.writer().shard_done(0);
  node.writer().put(parse_store_key(store_key(70, "lost")), "");
  node.writer().abandon();
  CHECK(node.writer().status().stage == CheckpointStage::kFailed);
  CHECK(node.writer().wants_all());
  const StateMap after = {{store_key(0, "c"), "3"}};
  CHECK(node.take(all_of(after), 210, CheckpointScope::kAll).stage == CheckpointStage::kTaking);
  CHECK_FALSE(node.writer().wants_all());
  node.executor().go_on();
  CHECK(node.writer().status().stage == CheckpointStage::kDone);
  CHECK(node.writer().status().position == 210);
  CHECK_FALSE(node.writer().wants_all());
  CHECK(*list_checkpoints(files, node.checkpoints()) == std::vector<std::uint64_t>{1, 3});
  node.close();
  REQUIRE(node.open());
  CHECK(node.state() == after);
}

TEST_CASE("checkpoints: two are kept, and each start goes on from the newest") {
  tests::SimulatedFiles simulated;
  tests::ModelStateStores model(simulated);
  check_writer(simulated, model, "data");
  SystemFiles files;
  const tests::TemporaryFolder folder;
  RocksStateStores rocks(files);
  check_writer(files, rocks, folder.path());
}

TEST_CASE("checkpoints: what is large goes to several files, and is the same") {
  SystemFiles files;
  const tests::TemporaryFolder folder;
  RocksStateStores stores(files);
  CheckpointNode node(files, stores, folder.path());
  node.options.group_bytes = 5'000;
  node.options.run_bytes = 20'000;
  node.options.in_flight_bytes_max = 1;
  REQUIRE(node.open());
  StateMap expected;
  tests::Random random(5);
  for (std::uint64_t number = 1; number <= 3; ++number) {
    const StateChanges changes = tests::random_changes(random, 3000, 2000);
    tests::apply_changes(changes, expected);
    CHECK(node.writer().has_room());
    REQUIRE(node.take(changes, number).stage == CheckpointStage::kDone);
  }
  node.close();
  REQUIRE(node.open());
  CHECK(node.state() == expected);
}

TEST_CASE("checkpoints: of several pieces for one key the last counts") {
  tests::SimulatedFiles files;
  tests::ModelStateStores stores(files);
  CheckpointNode node(files, stores, "data");
  REQUIRE(node.open());
  CheckpointWriter& writer = node.writer();
  const std::string a = store_key(1, "a");
  const std::string b = store_key(1, "b");
  writer.begin(CheckpointNode::meta_of(5), CheckpointScope::kChanges);
  writer.put(parse_store_key(a), "1");
  writer.put(parse_store_key(b), "2");
  writer.remove(parse_store_key(a));
  writer.put(parse_store_key(a), "3");
  writer.put(parse_store_key(b), "4");
  writer.remove(parse_store_key(b));
  writer.finish();
  node.close();
  REQUIRE(node.open());
  CHECK(node.state() == StateMap{{a, "3"}});
}

TEST_CASE("checkpoints: where most of the state changes each time, everything anew is preferred") {
  tests::SimulatedFiles files;
  tests::ModelStateStores stores(files);
  CheckpointNode node(files, stores, "data");
  REQUIRE(node.open());
  StateMap state;
  for (int i = 0; i < 100; ++i) state[store_key(0, std::to_string(i))] = "1";
  REQUIRE(node.take(all_of(state), 10).stage == CheckpointStage::kDone);
  CHECK_FALSE(node.writer().prefers_all());
  const auto some = [&](std::size_t count) {
    StateChanges changes;
    for (auto& [key, value] : state) {
      if (changes.size() < count) changes[key] = value = "2";
    }
    return changes;
  };
  REQUIRE(node.take(some(30), 20).stage == CheckpointStage::kDone);
  CHECK_FALSE(node.writer().prefers_all());
  REQUIRE(node.take(some(70), 30).stage == CheckpointStage::kDone);
  int whole_ones = 0;
  for (; node.writer().prefers_all() && whole_ones < 100; ++whole_ones) {
    REQUIRE(node.take(all_of(state), 40, CheckpointScope::kAll).stage == CheckpointStage::kDone);
  }
  // Now and then it is found out whether that is still so.
  CHECK(whole_ones > 1);
  CHECK(whole_ones < 20);
  node.close();
  REQUIRE(node.open());
  CHECK(node.state() == state);
}

TEST_CASE("checkpoints: the executor's thread does the work while pieces are given") {
  SystemFiles files;
  const tests::TemporaryFolder folder;
  tests::ModelStateStores stores(files);
  CheckpointOptions options;
  options.checkpoints = folder.path() + "/checkpoints";
  options.state = folder.path() + "/state";
  options.semantics = cep::kSemantics;
  options.in_flight_bytes_max = 2000;
  options.group_bytes = 1000;
  options.run_bytes = 3000;
  StateMap state;
  tests::Random random(11);
  ThreadExecutor executor;
  for (std::uint64_t position = 1; position <= 4; ++position) {
    auto writer = CheckpointWriter::open(files, stores, executor, options);
    REQUIRE(writer);
    for (int i = 0; i < 3; ++i) {
      const StateChanges changes = tests::random_changes(random, 400, 300);
      tests::apply_changes(changes, state);
      (*writer)->begin(CheckpointNode::meta_of(position), CheckpointScope::kChanges);
      for (const auto& [bytes, value] : changes) {
        const cep::StateKey key = parse_store_key(bytes);
        while (!(*writer)->has_room()) std::this_thread::yield();
        if (value) {
          (*writer)->put(key, *value);
        } else {
          (*writer)->remove(key);
        }
        if (random.chance(10)) (*writer)->shard_done(key.group.value / 16);
      }
      (*writer)->finish();
      std::promise<std::string> newest;
      (*writer)->with_newest([&](const std::string& directory) { newest.set_value(directory); });
      const std::string directory = newest.get_future().get();
      CHECK((*writer)->status().stage == CheckpointStage::kDone);
      CHECK(directory == checkpoint_path(options.checkpoints, (*writer)->status().number));
    }
  }
  InlineExecutor none;
  auto writer = CheckpointWriter::open(files, stores, none, options);
  REQUIRE(writer);
  StateMap found;
  REQUIRE((*writer)->read([&](const cep::StateKey& key, std::string_view value) {
    found.emplace(tests::store_key(key), value);
    return Result<void>();
  }));
  CHECK(found == state);
}
}  // namespace
}  // namespace tocsin::runtime
