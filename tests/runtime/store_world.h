/// Places where a store lives, the model's and RocksDB's, for tests of both.
#pragma once
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/store/rocks_store.h"
#include "tests/support/model_store.h"
#include "tests/support/temporary_folder.h"

namespace tocsin::tests {
using namespace runtime;  // NOLINT(google-build-using-namespace): what is tested
using Entries = std::vector<std::pair<std::string, std::string>>;

inline const std::vector<std::string> kFamilies = {"default", "even", "odd"};
inline constexpr StoreFamily kEven{1};
inline constexpr StoreFamily kOdd{2};

/// Where a store lives, and how its process ends.
class StoreWorld {
 public:
  StoreWorld() = default;
  StoreWorld(const StoreWorld&) = delete;
  StoreWorld& operator=(const StoreWorld&) = delete;
  virtual ~StoreWorld() = default;
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

class ModelStoreWorld final : public StoreWorld {
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

inline RocksStoreOptions rocks_options(std::vector<std::string> families = kFamilies) {
  RocksStoreOptions options;
  options.families = std::move(families);
  return options;
}

class RocksStoreWorld final : public StoreWorld {
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
    std::filesystem::copy(before, directory());
    store.reset();
    std::filesystem::remove_all(before);
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
    ModelStoreWorld world;
    check(world);
  }
  SUBCASE("RocksDB") {
    RocksStoreWorld world;
    check(world);
  }
}

inline Entries entries(const StoreReader& store, StoreFamily family, const StoreRange& range = {},
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
inline std::optional<std::string> value(const StoreReader& store, StoreFamily family,
                                        std::string_view key) {
  Result<std::optional<std::string>> found = store.get(family, key);
  if (!found) FAIL(found.error().message);
  return *found;
}
inline StoreBatch puts(StoreFamily family, const Entries& added) {
  StoreBatch batch;
  for (const auto& [key, what] : added) batch.put(family, key, what);
  return batch;
}
}  // namespace tocsin::tests
