#include "runtime/store/state_store.h"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/io/system_files.h"
#include "runtime/journal/file_tree.h"
#include "runtime/store/rocks_state_store.h"
#include "tests/support/model_state_store.h"
#include "tests/support/random.h"
#include "tests/support/simulated_files.h"
#include "tests/support/state_entries.h"
#include "tests/support/temporary_folder.h"

namespace tocsin::runtime {
namespace {
using tests::ChangesRun;
using tests::StateChanges;
using tests::StateMap;
using tests::store_key;

StateMap contents_of(StateStore& store) {
  const auto scan = store.scan();
  REQUIRE(scan);
  return tests::read_all(**scan);
}
StateMap contents_of(StateStores& stores, const std::string& directory) {
  const auto scan = stores.read(directory);
  REQUIRE(scan);
  return tests::read_all(**scan);
}
void take(StateStore& store, const StateChanges& changes) {
  ChangesRun run(changes);
  auto file = store.new_run();
  REQUIRE(file);
  REQUIRE((*file)->append(run));
  REQUIRE((*file)->finish());
}

TEST_CASE("state store: the key is table and group, big endian, then the key's bytes") {
  const std::string bytes("\x01\x02\x03\x04k", 5);
  CHECK(tests::store_key({0x0102, cep::KeyGroup{0x0304 & 1023}, "k"}) == bytes);
  const cep::StateKey key = parse_store_key(bytes);
  CHECK(key.table == 0x0102);
  CHECK(key.group.value == 0x0304);
  CHECK(key.key == "k");
}

// Two runs that are written at the same time, piece by piece; one that is dropped was none. The
// store has `expected` before and after.
void check_runs(StateStore& store, const StateMap& expected) {
  {
    auto one = store.new_run();
    auto other = store.new_run();
    auto dropped = store.new_run();
    REQUIRE(one);
    REQUIRE(other);
    REQUIRE(dropped);
    const auto append = [](auto& to, const StateChanges& changes) {
      ChangesRun run(changes);
      const Result<void> done = (*to)->append(run);
      REQUIRE_MESSAGE(done, done.error().message);
    };
    append(one, {{store_key(3, "a"), "1"}, {store_key(3, "b"), "2"}});
    append(other, {{store_key(5, "a"), "3"}});
    append(dropped, {{store_key(7, "a"), "4"}});
    append(one, {});
    append(one, {{store_key(4, "c"), "5"}});
    append(other, {{store_key(6, "b"), "6"}});
    dropped->reset();
    REQUIRE((*other)->finish());
    REQUIRE((*one)->finish());
  }
  REQUIRE(store.ingest());
  StateMap with_both = expected;
  with_both.insert({{store_key(3, "a"), "1"},
                    {store_key(3, "b"), "2"},
                    {store_key(4, "c"), "5"},
                    {store_key(5, "a"), "3"},
                    {store_key(6, "b"), "6"}});
  CHECK(contents_of(store) == with_both);
  const StateChanges gone{{store_key(3, "a"), std::nullopt},
                          {store_key(3, "b"), std::nullopt},
                          {store_key(4, "c"), std::nullopt},
                          {store_key(5, "a"), std::nullopt},
                          {store_key(6, "b"), std::nullopt}};
  take(store, gone);
  REQUIRE(store.ingest());
}

// Several runs in one ingestion, whose ranges overlap; a later ingestion wins. Links the store to
// "second"; begins with what was linked to "first".
void check_ingestion(StateStores& stores, StateStore& store, const std::string& folder,
                     StateMap expected) {
  take(store, {{store_key(1, "a"), std::nullopt}, {store_key(2, "z"), "5"}});
  take(store, {{store_key(1, "b"), "6"}, {store_key(2, "a"), "7"}});
  REQUIRE(store.ingest());
  const StateMap second{
      {store_key(1, "b"), "6"}, {store_key(2, "a"), "7"}, {store_key(2, "z"), "5"}};
  CHECK(contents_of(store) == second);
  REQUIRE(store.link_to(folder + "/second"));
  CHECK_FALSE(store.link_to(folder + "/second"));
  // What is linked stays as it was.
  CHECK(contents_of(stores, folder + "/first") == expected);
  take(store, {{store_key(3, "a"), "8"}});
  REQUIRE(store.ingest());
  CHECK(contents_of(stores, folder + "/second") == second);
  expected = second;
  expected[store_key(3, "a")] = "8";
  CHECK(contents_of(store) == expected);
}

// What the port promises, whatever is behind it. `folder` is there.
void check_contract(Files& files, StateStores& stores, const std::string& folder) {
  const std::string profile = folder + "/state";
  const StateMap none;
  {
    auto store = stores.create(profile);
    REQUIRE(store);
    CHECK_FALSE(stores.create(profile));
    CHECK(contents_of(**store) == none);
    // Nothing counts before it is ingested, and a run of nothing is nothing.
    take(**store, {{store_key(1, "a"), "1"}, {store_key(1, "b"), ""}, {store_key(2, "a"), "3"}});
    take(**store, {});
    CHECK(contents_of(**store) == none);
    REQUIRE((*store)->ingest());
    REQUIRE((*store)->ingest());
    const StateMap expected{
        {store_key(1, "a"), "1"}, {store_key(1, "b"), ""}, {store_key(2, "a"), "3"}};
    CHECK(contents_of(**store) == expected);
    REQUIRE((*store)->link_to(folder + "/first"));
    check_runs(**store, expected);
    check_ingestion(stores, **store, folder, expected);
  }
  // Reading makes and changes no file.
  const auto before = files.list(folder + "/second");
  REQUIRE(before);
  const StateMap second = contents_of(stores, folder + "/second");
  CHECK(*files.list(folder + "/second") == *before);
  // A copy goes on from there, and what it came from stays.
  {
    auto copy = stores.open_copy(folder + "/second", *before, folder + "/copy");
    REQUIRE(copy);
    CHECK(contents_of(**copy) == second);
    take(**copy,
         {{store_key(1, "b"), std::nullopt}, {store_key(9, "x"), std::string(100000, 'x')}});
    REQUIRE((*copy)->ingest());
    StateMap expected = second;
    expected.erase(store_key(1, "b"));
    expected[store_key(9, "x")] = std::string(100000, 'x');
    CHECK(contents_of(**copy) == expected);
    REQUIRE((*copy)->link_to(folder + "/third"));
    CHECK(contents_of(stores, folder + "/third") == expected);
  }
  CHECK(contents_of(stores, folder + "/second") == second);
  CHECK(*files.list(folder + "/second") == *before);
  // Without its working copy a checkpoint is whole.
  REQUIRE(remove_tree(files, profile));
  CHECK(contents_of(stores, folder + "/second") == second);
  CHECK_FALSE(stores.read(folder + "/none"));
}

TEST_CASE("state store: RocksDB's and the model keep the same promises") {
  SystemFiles files;
  const tests::TemporaryFolder folder;
  RocksStateStores rocks(files);
  check_contract(files, rocks, folder.path());
  tests::SimulatedFiles simulated;
  tests::ModelStateStores model(simulated);
  check_contract(simulated, model, "data");
}

// Chains of runs, links and copies give what a plain map gives.
void check_chain(tests::Random& random, Files& files, StateStores& stores,
                 const std::string& folder) {
  StateMap expected;
  auto store = stores.create(folder + "/state");
  REQUIRE(store);
  std::map<std::string, StateMap> links;
  const std::size_t steps = 3 + random.below(12);
  for (std::size_t step = 0; step < steps; ++step) {
    const std::size_t runs = 1 + random.below(3);
    const StateChanges changes = tests::random_changes(random, random.below(60), 40);
    std::vector<StateChanges> parts(runs);
    for (const auto& change : changes) parts[random.below(runs)].insert(change);
    for (const StateChanges& part : parts) take(**store, part);
    REQUIRE((*store)->ingest());
    tests::apply_changes(changes, expected);
    CHECK(contents_of(**store) == expected);
    if (random.chance(30)) REQUIRE((*store)->tidy());
    if (random.chance(60)) {
      const std::string link = folder + "/link" + std::to_string(step);
      REQUIRE((*store)->link_to(link));
      links[link] = expected;
      if (random.chance(30)) {
        const auto names = files.list(link);
        REQUIRE(names);
        const std::string directory = folder + "/state" + std::to_string(step);
        store = stores.open_copy(link, *names, directory);
        REQUIRE(store);
        CHECK(contents_of(**store) == expected);
      }
    }
  }
  CHECK(contents_of(**store) == expected);
  for (const auto& [link, state] : links) CHECK(contents_of(stores, link) == state);
}

TEST_CASE("state store: any chain of runs is what a plain map holds") {
  tests::for_all_seeds("ROCKS", 8, [](tests::Random& random) {
    SystemFiles files;
    const tests::TemporaryFolder folder;
    RocksStateStores rocks(files);
    check_chain(random, files, rocks, folder.path());
  });
  tests::for_all_seeds("CHECKPOINT", 100, [](tests::Random& random) {
    tests::SimulatedFiles files(random.next());
    tests::ModelStateStores model(files);
    check_chain(random, files, model, "data");
  });
}

TEST_CASE("state store: keys that were removed leave the files") {
  SystemFiles files;
  const tests::TemporaryFolder folder;
  RocksStateStores stores(files);
  auto store = stores.create(folder.path() + "/state");
  REQUIRE(store);
  tests::Random random(7);
  StateChanges put;
  for (int i = 0; i < 20'000; ++i) {
    std::string value;
    for (int j = 0; j < 12; ++j) value += std::to_string(random.next());
    put[store_key(0, std::to_string(i))] = value;
  }
  take(**store, put);
  REQUIRE((*store)->ingest());
  const StateStoreFigures full = (*store)->figures();
  CHECK(full.entries == put.size());
  CHECK(full.bytes > 1'000'000);
  // One in twenty: not worth a rewrite. All of them: gone.
  StateChanges some;
  StateChanges removed;
  for (const auto& [key, value] : put) {
    if (some.size() < put.size() / 20) some[key] = std::nullopt;
    removed[key] = std::nullopt;
  }
  take(**store, some);
  REQUIRE((*store)->ingest());
  REQUIRE((*store)->tidy());
  CHECK((*store)->figures().bytes > full.bytes);
  take(**store, removed);
  REQUIRE((*store)->ingest());
  REQUIRE((*store)->tidy());
  CHECK((*store)->figures().entries == 0);
  CHECK((*store)->figures().bytes < 10'000);
  CHECK(contents_of(**store).empty());
}

TEST_CASE("state store: values that were written over leave the files") {
  SystemFiles files;
  const tests::TemporaryFolder folder;
  RocksStateStores stores(files);
  auto store = stores.create(folder.path() + "/state");
  REQUIRE(store);
  StateChanges put;
  for (int i = 0; i < 2'000; ++i) put[store_key(0, std::to_string(i))] = "value";
  for (int i = 0; i < 6; ++i) {
    take(**store, put);
    REQUIRE((*store)->ingest());
    CHECK((*store)->figures().entries <= 2 * put.size());
    REQUIRE((*store)->tidy());
    CHECK((*store)->figures().entries == put.size());
  }
  CHECK(contents_of(**store).size() == put.size());
}
}  // namespace
}  // namespace tocsin::runtime
