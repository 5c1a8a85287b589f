// What every store promises, asked of the model and of RocksDB alike.
#include "runtime/store/store.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/store/rocks_store.h"
#include "tests/support/model_store.h"
#include "tests/support/temporary_folder.h"

namespace tocsin::tests {
namespace {
using namespace runtime;
namespace fs = std::filesystem;
using Entries = std::vector<std::pair<std::string, std::string>>;

const std::vector<std::string> kFamilies = {"default", "even", "odd"};
constexpr StoreFamily kEven{1};
constexpr StoreFamily kOdd{2};

/// Where a store lives, and how its process ends.
class World {
 public:
  World() = default;
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  virtual ~World() = default;
  virtual Result<std::unique_ptr<Store>> open(const std::vector<std::string>& families) = 0;
  virtual Result<std::unique_ptr<StoreReader>> open_reader() = 0;
  /// The process ends here and now; stores of before are gone.
  virtual void crash(std::unique_ptr<Store>& store) = 0;
  /// Makes one write fail.
  virtual Result<void> write_failing(Store& store, const StoreBatch& batch) = 0;

  std::unique_ptr<Store> must_open() {
    Result<std::unique_ptr<Store>> store = open(kFamilies);
    if (!store) FAIL(store.error().message);
    return std::move(*store);
  }
};

class ModelWorld final : public World {
 public:
  Result<std::unique_ptr<Store>> open(const std::vector<std::string>& families) override {
    return disk_.open(families);
  }
  Result<std::unique_ptr<StoreReader>> open_reader() override {
    return disk_.open_reader(kFamilies);
  }
  void crash(std::unique_ptr<Store>& store) override {
    disk_.restart();
    store.reset();
  }
  Result<void> write_failing(Store& store, const StoreBatch& batch) override {
    disk_.fault = [](std::uint64_t) { return StoreFault::kFail; };
    Result<void> outcome = store.write(batch, true);
    disk_.fault = {};
    return outcome;
  }

 private:
  ModelDisk disk_;
};

RocksStoreOptions rocks_options(std::vector<std::string> families = kFamilies) {
  RocksStoreOptions options;
  options.families = std::move(families);
  return options;
}

class RocksWorld final : public World {
 public:
  std::string directory() const { return folder_.path() + "/store" + std::to_string(life_); }
  Result<std::unique_ptr<Store>> open(const std::vector<std::string>& families) override {
    Result<std::unique_ptr<RocksStore>> store =
        RocksStore::open(directory(), rocks_options(families));
    if (!store) return tl::unexpected(store.error());
    return std::move(*store);
  }
  Result<std::unique_ptr<StoreReader>> open_reader() override {
    return RocksStore::open_reader(directory(), rocks_options());
  }
  // What a killed process leaves: its files as they are at this moment.
  void crash(std::unique_ptr<Store>& store) override {
    const std::string before = directory();
    ++life_;
    fs::copy(before, directory());
    store.reset();
    fs::remove_all(before);
  }
  Result<void> write_failing(Store& store, const StoreBatch& batch) override {
    struct rlimit before = {};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto handler = signal(SIGXFSZ, SIG_IGN);
    struct rlimit none = before;
    none.rlim_cur = 0;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &none) == 0);
    Result<void> outcome = store.write(batch, true);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
    signal(SIGXFSZ, handler);
    return outcome;
  }

 private:
  TemporaryFolder folder_;
  int life_ = 0;
};

/// Asks the same of both.
template <typename Check>
void of_both(const Check& check) {
  SUBCASE("the model") {
    ModelWorld world;
    check(world);
  }
  SUBCASE("RocksDB") {
    RocksWorld world;
    check(world);
  }
}

Entries entries(const StoreReader& store, StoreFamily family, const StoreRange& range = {},
                std::size_t count_max = SIZE_MAX) {
  Entries found;
  const Result<void> scanned =
      store.scan(family, range, [&](std::string_view key, std::string_view value) {
        found.emplace_back(key, value);
        return found.size() < count_max;
      });
  if (!scanned) FAIL(scanned.error().message);
  return found;
}
std::optional<std::string> value(const StoreReader& store, StoreFamily family,
                                 std::string_view key) {
  Result<std::optional<std::string>> found = store.get(family, key);
  if (!found) FAIL(found.error().message);
  return *found;
}
StoreBatch puts(StoreFamily family, const Entries& added) {
  StoreBatch batch;
  for (const auto& [key, what] : added) batch.put(family, key, what);
  return batch;
}

TEST_CASE("store: keys are ordered by their bytes, in each family for itself") {
  of_both([](World& world) {
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
  of_both([](World& world) {
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
  of_both([](World& world) {
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
  of_both([](World& world) {
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
  of_both([](World& world) {
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
  of_both([](World& world) {
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
  of_both([](World& world) {
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

// --- RocksDB's own ---

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}
std::string find_file(const std::string& directory, const std::string& ending) {
  for (const auto& entry : fs::directory_iterator(directory)) {
    std::string path = entry.path().string();
    if (path.ends_with(ending) && fs::file_size(path) > 0) return path;
  }
  FAIL("no file " << ending << " in " << directory);
  return {};
}

TEST_CASE("RocksDB store: readers see all that was written before, whatever the owner does") {
  RocksWorld world;
  RocksStoreOptions small = rocks_options();
  small.write_buffer_bytes = 64 << 10;  // files come and go
  small.log_bytes_max = 128 << 10;
  const auto store = *RocksStore::open(world.directory(), small);
  std::atomic<std::uint64_t> written = 0;
  std::atomic<bool> is_over = false;
  std::thread owner([&] {
    std::uint64_t number = 0;
    while (!is_over && number < 200'000) {
      StoreBatch batch;
      for (int i = 0; i < 20; ++i) {
        std::string key;
        append_key_u64(key, ++number);
        batch.put(number % 2 == 0 ? kEven : kOdd, key, std::string(100, 'x'));
      }
      if (!store->write(batch, false)) return;
      written = number;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));  // an open fits between two files
    }
  });
  for (int i = 0; i < 15; ++i) {
    const std::uint64_t before = written;
    const auto reader = RocksStore::open_reader(world.directory(), small);
    if (!reader) {
      is_over = true;
      owner.join();
      FAIL(reader.error().message);
    }
    std::vector<std::uint64_t> numbers;
    for (const StoreFamily family : {kEven, kOdd}) {
      for (const auto& [key, what] : entries(**reader, family))
        numbers.push_back(read_key_u64(key));
    }
    std::sort(numbers.begin(), numbers.end());
    CHECK(numbers.size() >= before);
    bool has_gap = false;
    for (std::size_t n = 0; n < numbers.size(); ++n) has_gap = has_gap || numbers[n] != n + 1;
    CHECK_FALSE(has_gap);
  }
  is_over = true;
  owner.join();
}

TEST_CASE("RocksDB store: a missing store, a missing file and a changed byte are named") {
  RocksWorld world;
  const std::string directory = world.directory();
  CHECK(RocksStore::open_reader(directory, rocks_options()).error().code == Errc::kNotFound);
  {
    const auto store = *RocksStore::open(directory, rocks_options());
    for (int i = 0; i < 100; ++i) {
      REQUIRE(store->write(puts(kEven, {{std::to_string(i), std::string(200, 'v')}}), i == 99));
    }
  }
  CHECK(RocksStore::verify(directory, rocks_options()));
  const auto outcome = [&] {
    const auto store = RocksStore::open(directory, rocks_options());
    return store ? Error{Errc::kInternal, "opened"} : store.error();
  };
  SUBCASE("CURRENT is missing") {
    fs::remove(directory + "/CURRENT");
    CHECK(outcome().code == Errc::kCorrupt);
    CHECK(outcome().message.find(directory + "/CURRENT is missing") != std::string::npos);
  }
  SUBCASE("the manifest is missing") {
    std::string manifest;
    for (const auto& entry : fs::directory_iterator(directory)) {
      if (entry.path().filename().string().starts_with("MANIFEST")) manifest = entry.path();
    }
    fs::remove(manifest);
    CHECK(outcome().code == Errc::kCorrupt);
    CHECK(outcome().message.find(manifest) != std::string::npos);
  }
  SUBCASE("a byte of the log is another") {
    const std::string log = find_file(directory, ".log");
    std::string bytes = read_file(log);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    write_file(log, bytes);
    const Error error = outcome();
    CAPTURE(error.message);
    CHECK(error.code == Errc::kCorrupt);
    CHECK(error.message.find(fs::path(log).filename().string()) != std::string::npos);
  }
  SUBCASE("the log's end is torn: what was synced before is there") {
    const std::string log = find_file(directory, ".log");
    std::string bytes = read_file(log);
    write_file(log, bytes.substr(0, bytes.size() - 10));
    const auto store = RocksStore::open(directory, rocks_options());
    REQUIRE(store);
    CHECK(entries(**store, kEven).size() == 99);
  }
}

TEST_CASE("RocksDB store: a changed byte of a table is named when it is read") {
  RocksWorld world;
  const std::string directory = world.directory();
  RocksStoreOptions small = rocks_options();
  small.write_buffer_bytes = 64 << 10;
  {
    const auto store = *RocksStore::open(directory, small);
    for (int i = 0; i < 2000; ++i) {
      REQUIRE(store->write(puts(kEven, {{std::to_string(i), std::to_string(i * 7919)}}), false));
    }
  }
  { REQUIRE(RocksStore::open(directory, small)); }  // writes the log's rows to a table
  const std::string table = find_file(directory, ".sst");
  std::string bytes = read_file(table);
  bytes[100] = static_cast<char>(bytes[100] ^ 1);
  write_file(table, bytes);
  const auto verified = RocksStore::verify(directory, small);
  REQUIRE_FALSE(verified);
  CAPTURE(verified.error().message);
  CHECK(verified.error().code == Errc::kCorrupt);
  CHECK(verified.error().message.find(fs::path(table).filename().string()) != std::string::npos);
  const auto store = RocksStore::open(directory, small);
  if (store) {
    const Result<void> read =
        (*store)->scan(kEven, {}, [](std::string_view, std::string_view) { return true; });
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::kCorrupt);
  }
}

TEST_CASE("RocksDB store: a making that was cut short is begun again") {
  RocksWorld world;
  fs::create_directory(world.directory() + ".new");
  write_file(world.directory() + ".new/MANIFEST-000001", "half");
  REQUIRE(world.must_open());
  CHECK_FALSE(fs::exists(world.directory() + ".new"));
}
}  // namespace
}  // namespace tocsin::tests
