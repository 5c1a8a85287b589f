// What every store promises, asked of the model and of RocksDB alike.
#include "runtime/store/store.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/runtime/store_world.h"
#include "tests/support/model_store.h"

namespace tocsin::tests {
namespace {
TEST_CASE("store: keys are ordered by their bytes, in each family for itself") {
  of_both([](StoreWorld& world) {
    const std::unique_ptr<Store> store = world.must_open();
    const std::string zero("a\0b", 3);
    REQUIRE(store->write(puts(kEven, {{"b", "2"}, {"\xff", "4"}, {"a", "1"}, {zero, ""}}), false));
    REQUIRE(store->write(puts(kOdd, {{"b", "other"}}), false));
    const Entries all = {{"a", "1"}, {zero, ""}, {"b", "2"}, {"\xff", "4"}};
    CHECK(entries(*store, kEven) == all);
    CHECK(entries(*store, kEven, {.is_descending = true}) == Entries(all.rbegin(), all.rend()));
    CHECK(entries(*store, kEven, {.begin = "a", .end = "b"}) == Entries{{"a", "1"}, {zero, ""}});
    CHECK(entries(*store, kEven, {.begin = "aa"}, 1) == Entries{{"b", "2"}});
    CHECK(entries(*store, kEven, {.end = "b", .is_descending = true}, 1) == Entries{{zero, ""}});
    CHECK(entries(*store, kEven, {.begin = "b", .end = "a"}).empty());
    CHECK(entries(*store, kEven, StoreRange::of_prefix("a")) == Entries{{"a", "1"}, {zero, ""}});
    CHECK(entries(*store, kEven, StoreRange::of_prefix("\xff")) == Entries{{"\xff", "4"}});
    CHECK(entries(*store, {0}).empty());
    CHECK(value(*store, kEven, "b") == "2");
    CHECK(value(*store, kOdd, "b") == "other");
    CHECK(value(*store, kEven, zero) == "");
    CHECK(value(*store, kEven, "c") == std::nullopt);
    CHECK(*store->approximate_bytes(kEven) > 0);
    REQUIRE(store->stats()->families.size() == 3);
    CHECK(store->stats()->families[2].name == "odd");
  });
}

TEST_CASE("store: later changes of a batch stand over earlier ones") {
  of_both([](StoreWorld& world) {
    const std::unique_ptr<Store> store = world.must_open();
    REQUIRE(store->write(puts(kEven, {{"1", "a"}, {"2", "a"}, {"3", "a"}, {"4", "a"}}), true));
    StoreBatch batch;
    batch.put(kEven, "2", "b");
    batch.remove_range(kEven, "1", "3");
    batch.put(kEven, "1", "c");
    batch.put(kEven, "5", "c");
    batch.remove(kEven, "5");
    batch.remove(kEven, "4");
    batch.remove(kEven, "none");
    batch.remove_range(kOdd, "0", "9");
    REQUIRE(store->write(batch, true));
    CHECK(entries(*store, kEven) == Entries{{"1", "c"}, {"3", "a"}});
    CHECK(batch.size() == 8);
    // Cleared, with its memory or without, it is as a new one.
    for (const std::size_t kept : {std::size_t{1} << 20, std::size_t{0}}) {
      batch.clear(kept);
      CHECK(batch.empty());
      CHECK(batch.bytes() == 0);
      REQUIRE(store->write(batch, true));
      batch.remove(kEven, "1");
      CHECK(batch.put_written(kEven, "6", [](ByteWriter& to) { to.text("d"); }) == 2);
      CHECK(batch.change(1).key == "6");
      CHECK(batch.change(1).value ==
            "\x01"
            "d");
      REQUIRE(store->write(batch, true));
      CHECK(entries(*store, kEven) == Entries{{"3", "a"},
                                              {"6",
                                               "\x01"
                                               "d"}});
    }
  });
}

TEST_CASE("store: a scan sees what was there when it began") {
  of_both([](StoreWorld& world) {
    const std::unique_ptr<Store> store = world.must_open();
    REQUIRE(store->write(puts(kEven, {{"1", "a"}, {"2", "a"}}), true));
    Entries seen;
    REQUIRE(store->scan(kEven, {}, [&](std::string_view key, std::string_view what) {
      seen.emplace_back(key, what);
      StoreBatch batch = puts(kEven, {{"3", "b"}});
      batch.remove(kEven, "2");
      CHECK(store->write(batch, false));
      return true;
    }));
    CHECK(seen == Entries{{"1", "a"}, {"2", "a"}});
    CHECK(entries(*store, kEven) == Entries{{"1", "a"}, {"3", "b"}});
  });
}

TEST_CASE("store: what was written outlives the process, closed or killed") {
  of_both([](StoreWorld& world) {
    std::unique_ptr<Store> store = world.must_open();
    REQUIRE(store->write(puts(kEven, {{"1", "a"}}), true));
    REQUIRE(store->write(puts(kOdd, {{"1", "b"}}), false));
    store.reset();
    store = world.must_open();
    CHECK(value(*store, kEven, "1") == "a");
    CHECK(value(*store, kOdd, "1") == "b");
    REQUIRE(store->write(puts(kEven, {{"2", "a"}}), false));
    REQUIRE(store->write(puts(kOdd, {{"2", "b"}}), true));
    world.crash(store);
    store = world.must_open();
    CHECK(entries(*store, kEven) == Entries{{"1", "a"}, {"2", "a"}});
    CHECK(entries(*store, kOdd) == Entries{{"1", "b"}, {"2", "b"}});
  });
}

TEST_CASE("store: one owner; readers beside it") {
  of_both([](StoreWorld& world) {
    std::unique_ptr<Store> store = world.must_open();
    REQUIRE(store->write(puts(kEven, {{"1", "a"}}), false));
    const Result<std::unique_ptr<Store>> second = world.open(kFamilies);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Errc::kInUse);
    CHECK(second.error().message.find("another process uses") != std::string::npos);
    const auto reader = world.open_reader();
    REQUIRE(reader);
    REQUIRE(store->write(puts(kEven, {{"2", "a"}}), false));
    CHECK(entries(**reader, kEven) == Entries{{"1", "a"}});
    CHECK(value(**reader, kEven, "1") == "a");
    CHECK(value(**reader, kEven, "2") == std::nullopt);
    const auto later = world.open_reader();
    REQUIRE(later);
    CHECK(entries(**later, kEven) == Entries{{"1", "a"}, {"2", "a"}});
    store.reset();
    CHECK(world.open(kFamilies));
  });
}

TEST_CASE("store: families may be added, and one that is not known is a newer program's") {
  of_both([](StoreWorld& world) {
    {
      Result<std::unique_ptr<Store>> store = world.open({"default", "even"});
      REQUIRE(store);
      REQUIRE((*store)->write(puts(kEven, {{"1", "a"}}), false));
    }
    {
      const std::unique_ptr<Store> store = world.must_open();
      CHECK(value(*store, kEven, "1") == "a");
      CHECK(entries(*store, kOdd).empty());
    }
    const Result<std::unique_ptr<Store>> older = world.open({"default", "even"});
    REQUIRE_FALSE(older);
    CHECK(older.error().code == Errc::kOtherVersion);
    CHECK(older.error().message.find("newer tocsin") != std::string::npos);
  });
}

TEST_CASE("store: after a failed write nothing is taken until the store is opened anew") {
  of_both([](StoreWorld& world) {
    std::unique_ptr<Store> store = world.must_open();
    REQUIRE(store->write(puts(kEven, {{"1", "a"}}), true));
    REQUIRE_FALSE(world.write_failing(*store, puts(kEven, {{"2", "b"}})));
    CHECK(value(*store, kEven, "1") == "a");
    const Result<void> later = store->write(puts(kEven, {{"3", "c"}}), true);
    REQUIRE_FALSE(later);
    world.crash(store);
    store = world.must_open();
    CHECK(value(*store, kEven, "1") == "a");
    CHECK(value(*store, kEven, "3") == std::nullopt);
    REQUIRE(store->write(puts(kEven, {{"3", "c"}}), true));
  });
}

TEST_CASE("store: the model loses what was not synced, from some batch on") {
  std::map<std::size_t, int> kept;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    ModelDisk disk(seed);
    {
      const auto store = *disk.open(kFamilies);
      REQUIRE(store->write(puts(kEven, {{"0", ""}}), true));
      for (const char* key : {"1", "2", "3"})
        REQUIRE(store->write(puts(kEven, {{key, ""}}), false));
    }
    disk.cut_power();
    const auto store = *disk.open(kFamilies);
    const Entries left = entries(*store, kEven);
    REQUIRE(left.size() >= 1);
    for (std::size_t i = 0; i < left.size(); ++i) CHECK(left[i].first == std::to_string(i));
    ++kept[left.size()];
  }
  CHECK(kept.size() == 4);
}

TEST_CASE("store: the model crashes before or after a write") {
  for (const StoreFault fault : {StoreFault::kCrashBefore, StoreFault::kCrashAfter,
                                 StoreFault::kFail, StoreFault::kFailAfter}) {
    ModelDisk disk;
    disk.fault = [&](std::uint64_t number) { return number == 1 ? fault : StoreFault::kNone; };
    auto store = *disk.open(kFamilies);
    REQUIRE(store->write(puts(kEven, {{"0", ""}}), true));
    REQUIRE_FALSE(store->write(puts(kEven, {{"1", ""}}), true));
    REQUIRE_FALSE(store->write(puts(kEven, {{"2", ""}}), true));
    CHECK(disk.crashed() ==
          (fault == StoreFault::kCrashBefore || fault == StoreFault::kCrashAfter));
    disk.restart();
    store = *disk.open(kFamilies);
    const bool is_there = fault == StoreFault::kCrashAfter || fault == StoreFault::kFailAfter;
    CHECK(entries(*store, kEven).size() == (is_there ? 2 : 1));
  }
}

TEST_CASE("store: numbers in keys sort as numbers do") {
  const std::vector<std::uint64_t> numbers = {0, 1, 255, 256, 65'535, 1ull << 32, UINT64_MAX};
  std::string before;
  for (const std::uint64_t number : numbers) {
    std::string key;
    append_key_u64(key, number);
    CHECK(read_key_u64(key) == number);
    CHECK((before.empty() || before < key));
    before = key;
  }
  std::string key;
  append_key_u32(key, 0x01020304);
  CHECK(key == "\x01\x02\x03\x04");
  CHECK(read_key_u32(key) == 0x01020304);
}
}  // namespace
}  // namespace tocsin::tests
