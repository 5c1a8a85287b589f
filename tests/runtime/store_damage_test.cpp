// Stores of RocksDB that lost a log, a part of one, or all of it: found before anything is changed.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/store/rocks_log.h"
#include "runtime/store/rocks_store.h"
#include "tests/support/temporary_folder.h"

namespace tocsin::tests {
namespace {
using namespace runtime;
namespace fs = std::filesystem;
using Entries = std::vector<std::pair<std::string, std::string>>;

constexpr StoreFamily kEven{1};
constexpr StoreFamily kOdd{2};

RocksStoreOptions rocks_options() {
  RocksStoreOptions options;
  options.families = {"default", "even", "odd"};
  return options;
}
Entries entries(const StoreReader& store, StoreFamily family) {
  Entries found;
  const Result<void> scanned =
      store.scan(family, {}, [&](std::string_view key, std::string_view value) {
        found.emplace_back(key, value);
        return true;
      });
  if (!scanned) FAIL(scanned.error().message);
  return found;
}
StoreBatch puts(StoreFamily family, const Entries& added) {
  StoreBatch batch;
  for (const auto& [key, what] : added) batch.put(family, key, what);
  return batch;
}
std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}
std::string find_file(const std::string& directory, const std::string& ending) {
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (entry.path().extension() == ending) return entry.path();
  }
  FAIL("no file " << ending << " in " << directory);
  return {};
}

// Copies of a killed owner's folder in which several logs are needed, with its end mark.
struct KilledStore {
  explicit KilledStore(int rows = 400) {
    options.write_buffer_bytes = 64 << 10;  // of one family: the other keeps old logs
    options.end_mark = folder.path() + "/ends/store";
    options.background_jobs = 1;
    const auto store = RocksStore::open(folder.path() + "/live", options);
    REQUIRE(store);
    for (int i = 0; i < rows; ++i) {
      REQUIRE((*store)->write(puts(kOdd, {{std::to_string(i), "small"}}), true));
      REQUIRE((*store)->write(puts(kEven, {{std::to_string(i), std::string(500, 'x')}}), true));
    }
    fs::copy(folder.path() + "/live", folder.path() + "/store");
    fs::copy(options.end_mark, folder.path() + "/kept");
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(directory())) {
      // One that an opening left behind has nothing in it.
      if (entry.path().extension() == ".log" && entry.file_size() > 0)
        found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    logs = std::move(found);
  }
  // As it was when it was killed; the owner has gone on since.
  void put_mark_back() {
    fs::copy_file(folder.path() + "/kept", options.end_mark, fs::copy_options::overwrite_existing);
  }
  std::string directory() const { return folder.path() + "/store"; }
  void check_refused(const std::string& what) {
    CAPTURE(what);
    put_mark_back();
    const auto verified = RocksStore::verify(directory(), options);
    REQUIRE_FALSE(verified);
    CHECK(verified.error().code == Errc::kCorrupt);
    CHECK(verified.error().message.find(directory()) != std::string::npos);
    const auto opened = RocksStore::open(directory(), options);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Errc::kCorrupt);
  }
  TemporaryFolder folder;
  RocksStoreOptions options = rocks_options();
  std::vector<std::string> logs;
};

TEST_CASE("RocksDB store: what a killed owner left is whole, and good") {
  KilledStore killed;
  REQUIRE(killed.logs.size() > 1);
  killed.put_mark_back();
  const auto verified = RocksStore::verify(killed.directory(), killed.options);
  REQUIRE_MESSAGE(verified, verified.error().message);
  const auto store = RocksStore::open(killed.directory(), killed.options);
  REQUIRE_MESSAGE(store, store.error().message);
  CHECK(entries(**store, kOdd).size() == 400);
}

TEST_CASE("RocksDB store: any log that is gone or cut short is found") {
  const std::size_t count = KilledStore().logs.size();
  REQUIRE(count > 1);
  for (std::size_t i = 0; i < count; ++i) {
    KilledStore killed;
    if (i >= killed.logs.size()) break;
    const std::string log = killed.logs[i];
    const std::string bytes = read_file(log);
    fs::remove(log);
    killed.check_refused(log + " is gone");
    CHECK_FALSE(RocksStore::open_reader(killed.directory(), killed.options));
    write_file(log, bytes.substr(0, bytes.size() / 2));
    killed.check_refused(log + " is cut to half");
    write_file(log, "");
    killed.check_refused(log + " is empty");
    write_file(log, bytes.substr(0, bytes.size() - 5));
    killed.check_refused(log + " is five bytes shorter");
    write_file(log, bytes);
    killed.put_mark_back();
    CHECK(RocksStore::verify(killed.directory(), killed.options));
  }
}

TEST_CASE("RocksDB store: a log whose last length is damaged, though later logs go on, is found") {
  KilledStore killed;
  REQUIRE(killed.logs.size() > 1);
  const std::string log = killed.logs.front();
  std::string bytes = read_file(log);
  std::size_t end = 0;
  for (std::size_t cut = bytes.size() - 1; cut > bytes.size() - 1000; --cut) {
    if (!read_rocks_log(std::string_view(bytes).substr(0, cut)).is_whole) continue;
    end = cut;  // where the record before the last one ends
    break;
  }
  REQUIRE(end != 0);
  bytes[end + 5] = 0x7f;  // of the last record's length, which now reaches behind the file's end
  write_file(log, bytes);
  killed.check_refused(log);
}

TEST_CASE("RocksDB store: a store that is missing, or an older copy, is found by its end mark") {
  TemporaryFolder folder;
  const std::string directory = folder.path() + "/store";
  RocksStoreOptions options = rocks_options();
  options.end_mark = folder.path() + "/ends/store";
  const auto write = [&](int rows) {
    const auto store = RocksStore::open(directory, options);
    REQUIRE(store);
    for (int i = 0; i < rows; ++i)
      REQUIRE((*store)->write(puts(kEven, {{std::to_string(i), "v"}}), i % 2 == 0));
  };
  write(10);
  fs::copy(directory, folder.path() + "/older");
  write(1);
  CHECK(RocksStore::verify(directory, options));
  fs::remove_all(directory);
  CHECK(RocksStore::open(directory, options).error().code == Errc::kCorrupt);
  CHECK_FALSE(fs::exists(directory));
  fs::rename(folder.path() + "/older", directory);
  CHECK(RocksStore::verify(directory, options).error().code == Errc::kCorrupt);
  CHECK(RocksStore::open(directory, options).error().code == Errc::kCorrupt);
  // Without the mark it is what an older version left.
  fs::remove(options.end_mark);
  CHECK(RocksStore::verify(directory, options));
  CHECK(RocksStore::open(directory, options));
  CHECK(fs::exists(options.end_mark));
}

TEST_CASE("RocksDB store: every changed byte of a table is found when it is verified") {
  TemporaryFolder folder;
  const std::string directory = folder.path() + "/store";
  RocksStoreOptions small = rocks_options();
  {
    const auto store = *RocksStore::open(directory, small);
    for (int i = 0; i < 50; ++i)
      REQUIRE(store->write(puts(kEven, {{std::to_string(i), std::to_string(i * 7919)}}), false));
  }
  { REQUIRE(RocksStore::open(directory, small)); }
  const std::string table = find_file(directory, ".sst");
  const std::string good = read_file(table);
  for (std::size_t at = 0; at < good.size(); at += 1 + good.size() / 97) {
    CAPTURE(at);
    std::string bytes = good;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    write_file(table, bytes);
    const auto verified = RocksStore::verify(directory, small);
    REQUIRE_FALSE(verified);
    CHECK(verified.error().code == Errc::kCorrupt);
  }
}

TEST_CASE("RocksDB store: its folder and files may be read by their owner alone") {
  TemporaryFolder folder;
  const std::string directory = folder.path() + "/store";
  RocksStoreOptions options = rocks_options();
  options.end_mark = folder.path() + "/ends/store";
  const mode_t before = ::umask(0);
  { REQUIRE(RocksStore::open(directory, options)); }
  { REQUIRE(RocksStore::open(directory, options)); }
  ::umask(before);
  constexpr fs::perms kOthers = fs::perms::group_all | fs::perms::others_all;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
    CAPTURE(entry.path().string());
    CHECK((entry.status().permissions() & kOthers) == fs::perms::none);
  }
}
}  // namespace
}  // namespace tocsin::tests
