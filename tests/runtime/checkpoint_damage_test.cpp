// What a start makes of checkpoints after damage, crashes and failures.
#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cep/plan/semantics.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/checkpoint_writer.h"
#include "tests/runtime/checkpoint_node.h"
#include "tests/support/model_state_store.h"
#include "tests/support/random.h"
#include "tests/support/simulated_files.h"
#include "tests/support/state_entries.h"

namespace tocsin::runtime {
namespace {
using tests::all_of;
using tests::CheckpointNode;
using tests::StateChanges;
using tests::StateMap;
using tests::store_key;
using tests::with_format;

// Two checkpoints in "data/checkpoints", as a plain copy of the files.
struct TwoCheckpoints {
  TwoCheckpoints() {
    tests::SimulatedFiles files;
    tests::ModelStateStores stores(files);
    CheckpointNode node(files, stores, "data");
    REQUIRE(node.open());
    const StateChanges first{{store_key(0, "a"), "1"}, {store_key(1, "b"), "2"}};
    REQUIRE(node.take(first, 10).stage == CheckpointStage::kDone);
    REQUIRE(node.take({{store_key(0, "a"), "3"}}, 20).stage == CheckpointStage::kDone);
    older = {{store_key(0, "a"), "1"}, {store_key(1, "b"), "2"}};
    newer = {{store_key(0, "a"), "3"}, {store_key(1, "b"), "2"}};
    for (const std::string& path : files.paths()) {
      if (path.find("/checkpoints/") != std::string::npos) contents[path] = files.contents(path);
    }
  }
  // With one change. Files with two names become two.
  void put_all(tests::SimulatedFiles& files) const {
    for (const auto& [path, bytes] : contents) files.put(path, bytes);
  }
  std::map<std::string, std::string> contents;
  StateMap older;
  StateMap newer;
};

TEST_CASE("checkpoints: any damage is found and named, and the older one takes over") {
  const TwoCheckpoints two;
  const std::string directory = "data/checkpoints";
  const std::string newest = checkpoint_path(directory, 2);
  // `is_gone`: the file is not there at all.
  const auto check = [&](const std::string& path, const std::string& bytes, bool is_gone) {
    CAPTURE(path);
    tests::SimulatedFiles files;
    two.put_all(files);
    if (is_gone) {
      REQUIRE(files.remove(path));
    } else {
      files.put(path, bytes);
    }
    const auto found = newest_good(files, directory, cep::kSemantics);
    REQUIRE(found);
    REQUIRE(*found);
    CHECK((*found)->meta == CheckpointNode::meta_of(10, 1));
    REQUIRE((*found)->damaged.size() == 1);
    CHECK((*found)->damaged[0].directory == newest);
    CHECK((*found)->damaged[0].message.starts_with(path + " is damaged: "));
    CHECK(verify_checkpoint(files, newest).error().message == (*found)->damaged[0].message);
  };
  for (const auto& [path, bytes] : two.contents) {
    if (!path.starts_with(newest)) continue;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
      check(path, flipped, false);
      check(path, bytes.substr(0, i), false);
    }
    check(path, bytes + '\0', false);
    check(path, "", true);
  }
  check(newest + "/state/000009.run", "a stranger", false);
}

TEST_CASE("checkpoints: a start sets damaged ones aside, and goes on with the numbers") {
  const TwoCheckpoints two;
  tests::SimulatedFiles files;
  two.put_all(files);
  files.put("data/checkpoints/000000000002/intake", "other");
  files.put("data/checkpoints/000000000003.new/half", "");
  files.put("data/checkpoints/000000000001.old/half", "");
  files.put("data/state/old", "");
  tests::ModelStateStores stores(files);
  CheckpointNode node(files, stores, "data");
  REQUIRE(node.open());
  CHECK(node.writer().recovered()->meta == CheckpointNode::meta_of(10, 1));
  CHECK(node.writer().recovered()->damaged.size() == 1);
  CHECK(node.state() == two.older);
  CHECK(*files.list("data/checkpoints") ==
        std::vector<std::string>{"000000000001", "000000000002.damaged"});
  CHECK(node.writer().status().journal_needed_from == 0);
  CHECK(node.take({}, 20).number == 4);
  CHECK(*files.list("data/checkpoints") ==
        std::vector<std::string>{"000000000001", "000000000002.damaged", "000000000004"});
  CHECK(node.take({}, 30).number == 5);
  CHECK(*files.list("data/checkpoints") ==
        std::vector<std::string>{"000000000004", "000000000005"});
}

TEST_CASE("checkpoints: without a whole one, or of another meaning, a start is refused by name") {
  const TwoCheckpoints two;
  const std::string directory = "data/checkpoints";
  tests::SimulatedFiles files;
  CHECK_FALSE(*newest_good(files, directory, cep::kSemantics));
  two.put_all(files);
  tests::ModelStateStores stores(files);
  CheckpointNode node(files, stores, "data");

  const auto other = newest_good(files, directory, cep::kSemantics + 1);
  REQUIRE_FALSE(other);
  CHECK(other.error().code == Errc::kOtherVersion);
  CHECK(other.error().message.starts_with("data/checkpoints/000000000002 was made with semantics"));

  const std::string manifest = manifest_path(checkpoint_path(directory, 2));
  files.put(manifest, with_format(*read_manifest(files, checkpoint_path(directory, 2)), 2));
  const auto newer = newest_good(files, directory, cep::kSemantics);
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code == Errc::kOtherVersion);
  CHECK(newer.error().message.starts_with(manifest + " has format 2"));
  CHECK(node.open().error().code == Errc::kOtherVersion);

  files.put(manifest, "");
  files.put("data/checkpoints/000000000001/engine", "");
  const std::vector<std::string> before = files.paths();
  const auto none = newest_good(files, directory, cep::kSemantics);
  REQUIRE_FALSE(none);
  CHECK(none.error().code == Errc::kCorrupt);
  CHECK(none.error().message.find(manifest + " is damaged") != std::string::npos);
  CHECK(none.error().message.find("000000000001/engine is damaged") != std::string::npos);
  CHECK(node.open().error().code == Errc::kCorrupt);
  CHECK(files.paths() == before);
}

TEST_CASE(
    "checkpoints: after a crash at any operation a start finds the old or the new one, whole") {
  const StateChanges first{{store_key(0, "a"), "1"}, {store_key(1, "b"), "2"}};
  const StateChanges second{{store_key(0, "a"), std::nullopt}, {store_key(2, "c"), "3"}};
  const StateMap before{{store_key(0, "a"), "1"}, {store_key(1, "b"), "2"}};
  const StateMap after{{store_key(1, "b"), "2"}, {store_key(2, "c"), "3"}};
  std::uint64_t old_ones = 0;
  std::uint64_t new_ones = 0;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    CAPTURE(seed);
    bool is_over = false;
    for (std::uint64_t at = 0; !is_over; ++at) {
      CAPTURE(at);
      tests::SimulatedFiles files(seed);
      tests::ModelStateStores stores(files);
      CheckpointNode node(files, stores, "data");
      REQUIRE(node.open());
      REQUIRE(node.take({}, 5).stage == CheckpointStage::kDone);
      REQUIRE(node.take(first, 10).stage == CheckpointStage::kDone);
      const std::uint64_t crash_at = files.operations() + at;
      files.fault = [crash_at](std::uint64_t number, tests::FileOperation, const std::string&) {
        return number == crash_at ? tests::Fault::kCrash : tests::Fault::kNone;
      };
      const CheckpointStatus status = node.take(second, 20);
      is_over = !files.crashed();
      files.fault = nullptr;
      // A process that died, or a power failure.
      if (seed == 0) {
        files.restart();
      } else {
        files.cut_power();
      }
      REQUIRE(node.open());
      const bool is_new = node.writer().recovered()->meta.position == 20;
      if (status.stage == CheckpointStage::kDone) CHECK(is_new);
      if (!is_new) CHECK(node.writer().recovered()->meta.position == 10);
      CHECK(node.writer().recovered()->damaged.empty());
      CHECK(node.state() == (is_new ? after : before));
      ++(is_new ? new_ones : old_ones);
      // Whatever was left lies in nobody's way.
      CHECK(node.take(all_of(after), 30, CheckpointScope::kAll).stage == CheckpointStage::kDone);
      CHECK(list_checkpoints(files, node.checkpoints())->size() == 2);
      CHECK(files.list(node.checkpoints())->size() == 2);
    }
  }
  CHECK(old_ones > 100);
  CHECK(new_ones > 10);
}

// What happened to a data directory over many lives, and what must be in it.
struct History {
  std::map<std::uint64_t, StateMap> states;  // by position, of all that were begun
  std::uint64_t done = 0;                    // that of the newest that was said to be on disk
  std::uint64_t position = 1;                // of the newest that was begun
  StateMap now;
};

// One life: opens, looks at what is there, and takes checkpoints until something ends it.
void live(tests::Random& random, tests::SimulatedFiles& files, History& history,
          std::uint64_t& recovered_newer) {
  tests::ModelStateStores stores(files);
  CheckpointNode node(files, stores, "data");
  node.options.group_bytes = random.chance(50) ? 200 : std::size_t{1} << 20;
  node.options.run_bytes = random.chance(50) ? 500 : std::size_t{1} << 20;
  const Result<void> opened = node.open();
  if (!opened) {
    CHECK(opened.error().code != Errc::kCorrupt);
    return;
  }
  const auto& recovered = node.writer().recovered();
  const std::uint64_t position = recovered ? recovered->meta.position : 0;
  REQUIRE(position >= history.done);
  recovered_newer += position > history.done ? 1 : 0;
  if (recovered) {
    CHECK(recovered->damaged.empty());
    REQUIRE(history.states.contains(position));
    CHECK(recovered->meta == CheckpointNode::meta_of(position, recovered->meta.number));
    if (files.crashed()) return;
    const auto fault = std::exchange(files.fault, nullptr);
    CHECK(node.state() == history.states[position]);
    files.fault = fault;
  }
  history.now = recovered ? history.states[position] : StateMap();
  history.done = position;
  for (int i = 0; i < 6 && !files.crashed(); ++i) {
    StateChanges changes = tests::random_changes(random, random.below(20), 30);
    tests::apply_changes(changes, history.now);
    const bool all = node.writer().wants_all() || random.chance(10);
    if (all) changes = all_of(history.now);
    // A number may come again, where one of it never was on disk; the position never does.
    CheckpointMeta meta = CheckpointNode::meta_of(++history.position);
    const std::uint64_t taken = node.writer().begin(
        std::move(meta), all ? CheckpointScope::kAll : CheckpointScope::kChanges);
    history.states[history.position] = history.now;
    for (const auto& [bytes, value] : changes) {
      const cep::StateKey key = parse_store_key(bytes);
      if (value) {
        node.writer().put(key, *value);
      } else {
        node.writer().remove(key);
      }
      if (random.chance(20)) node.writer().shard_done(key.group.value / 16);
    }
    node.writer().finish();
    const CheckpointStatus status = node.writer().status();
    REQUIRE(status.stage != CheckpointStage::kTaking);
    if (status.stage == CheckpointStage::kDone) {
      CHECK(status.number == taken);
      CHECK(status.position == history.position);
      history.done = history.position;
    } else {
      CHECK(node.writer().wants_all());
    }
  }
}

TEST_CASE(
    "checkpoints: whatever fails, a start finds the newest that was done, or the next, whole") {
  std::uint64_t recovered_newer = 0;
  std::uint64_t crashes = 0;
  tests::for_all_seeds("CHECKPOINT", 100, [&](tests::Random& random) {
    tests::SimulatedFiles files(random.next());
    History history;
    for (int life = 0; life < 6; ++life) {
      const std::uint64_t crash_at = files.operations() + random.below(life == 5 ? 1 : 600);
      const std::size_t failures = random.chance(50) ? 2 : 0;
      if (life < 5) {
        files.fault = [&, crash_at, failures](std::uint64_t number, tests::FileOperation,
                                              const std::string&) {
          if (number == crash_at) return tests::Fault::kCrash;
          if (!random.chance(failures)) return tests::Fault::kNone;
          return random.pick({tests::Fault::kFail, tests::Fault::kNoSpace, tests::Fault::kShort,
                              tests::Fault::kInterrupted});
        };
      } else {
        files.fault = nullptr;
      }
      live(random, files, history, recovered_newer);
      crashes += files.crashed() ? 1 : 0;
      if (random.chance(70)) {
        files.cut_power();
      } else {
        files.restart();
      }
    }
  });
  CHECK(crashes > 0);
  MESSAGE(crashes << " crashes, " << recovered_newer << " found more than was said to be done");
}
}  // namespace
}  // namespace tocsin::runtime
