// What only the store on RocksDB has: readers beside an owner, and damage that is named.
#include "runtime/store/rocks_store.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/runtime/store_world.h"

namespace tocsin::tests {
namespace {
namespace fs = std::filesystem;

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

TEST_CASE("RocksDB store: the memory that it names has the blocks that were read") {
  RocksStoreWorld world;
  const auto store = *RocksStore::open(world.directory(), rocks_options());
  std::vector<std::string> keys;
  StoreBatch batch;
  for (std::uint64_t number = 0; number < 5'000; ++number) {
    append_key_u64(keys.emplace_back(), number);
    batch.put(kEven, keys.back(), std::string(100, 'x'));
  }
  REQUIRE(store->write(batch, false));
  REQUIRE(store->rewrite(kEven));
  const std::uint64_t before = store->stats()->memory_bytes;
  for (const std::string& key : keys) REQUIRE(value(*store, kEven, key));
  CHECK(store->stats()->memory_bytes > before + 100'000);
}

TEST_CASE("RocksDB store: readers see all that was written before, whatever the owner does") {
  RocksStoreWorld world;
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

TEST_CASE("RocksDB store: beside copies, a rewrite leaves nothing old, and copies are whole") {
  RocksStoreWorld world;
  const auto store = *RocksStore::open(world.directory(), rocks_options());
  const std::string copy = world.directory() + "-copy";
  std::atomic<bool> is_over = false;
  std::atomic<bool> has_failed = false;
  std::atomic<std::size_t> most_tables = 0;
  std::thread owner([&] {
    for (std::uint64_t number = 0; !is_over && !has_failed; ++number) {
      std::string key;
      append_key_u64(key, number);
      has_failed = !store->write(puts(kEven, {{key, "x"}}), false) || !store->rewrite(kEven);
      const auto is_table = [](const auto& entry) { return entry.path().extension() == ".sst"; };
      const auto tables = static_cast<std::size_t>(
          std::count_if(fs::directory_iterator(world.directory()), {}, is_table));
      most_tables = std::max<std::size_t>(most_tables, tables);
    }
  });
  std::string problem;
  for (int i = 0; i < 100 && problem.empty(); ++i) {
    if (const auto copied = store->copy_to(copy); !copied) problem = copied.error().message;
    if (const auto whole = RocksStore::verify(copy, rocks_options()); problem.empty() && !whole) {
      problem = whole.error().message;
    }
    fs::remove_all(copy);
  }
  is_over = true;
  owner.join();
  CHECK(problem == "");
  CHECK_FALSE(has_failed);
  CHECK(most_tables == 1);
}

TEST_CASE("RocksDB store: a missing store, a missing file and a changed byte are named") {
  RocksStoreWorld world;
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
  RocksStoreWorld world;
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
  RocksStoreWorld world;
  fs::create_directory(world.directory() + ".new");
  write_file(world.directory() + ".new/MANIFEST-000001", "half");
  REQUIRE(world.must_open());
  CHECK_FALSE(fs::exists(world.directory() + ".new"));
}
}  // namespace
}  // namespace tocsin::tests
