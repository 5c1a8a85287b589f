/// A store in memory that knows what is synced and what is not, and fails on demand.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/store/store.h"
#include "tests/support/random.h"

namespace tocsin::tests {
enum class StoreFault : std::uint8_t {
  kNone,
  kFail,         // an I/O error; the batch is not there
  kFailAfter,    // an I/O error, although the batch is there after the next opening
  kCrashBefore,  // the process is gone before the batch, and nothing gets through until opened anew
  kCrashAfter,   // or after it
};

/// What is on disk. Outlives the stores opened on it.
class ModelDisk {
 public:
  explicit ModelDisk(std::uint64_t seed = 1) : random_(seed) {}
  /// Asked before each write, with its number from 0.
  std::function<StoreFault(std::uint64_t)> fault;
  std::uint64_t writes() const { return writes_; }
  bool crashed() const { return crashed_; }

  /// Opens the store with these families. Errors: kInUse while another one is open,
  /// kOtherVersion for one with other families.
  Result<std::unique_ptr<runtime::Store>> open(const std::vector<std::string>& families);
  /// What is written so far, for reading, beside the owner.
  std::unique_ptr<runtime::StoreReader> open_reader(const std::vector<std::string>& families) const;
  /// The process is gone; what it wrote stays, synced or not.
  void restart();
  /// The same, and of the batches that were not synced some first ones stay.
  void cut_power();

 private:
  friend class ModelReader;
  friend class ModelStore;
  using Family = std::map<std::string, std::string>;
  using Contents = std::map<std::string, Family>;  // by the family's name
  struct Unsynced {
    std::vector<std::string> families;
    runtime::StoreBatch batch;
  };
  static void apply(Contents& contents, const std::vector<std::string>& families,
                    const runtime::StoreBatch& batch);
  Result<void> write(const std::vector<std::string>& families, const runtime::StoreBatch& batch,
                     bool sync);

  mutable std::mutex mutex_;
  Random random_;
  Contents written_;
  Contents synced_;
  std::vector<Unsynced> unsynced_;
  std::uint64_t writes_ = 0;
  std::uint64_t generation_ = 0;  // of the process; stores of an earlier one are gone
  bool is_open_ = false;
  bool crashed_ = false;
  bool failed_ = false;
};
}  // namespace tocsin::tests
