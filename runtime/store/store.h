/// The port to a store of ordered bytes that survives a crash: families (each a map from key to
/// value, both bytes, in the order of the keys' bytes) and batches that are written whole or not at
/// all.
///
/// What a crash leaves: every batch up to and including the last one that was synced, and of those
/// after it some first ones. A write that fails may or may not be there after the next opening;
/// until then the store takes no other.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/base/result.h"

namespace tocsin::runtime {
/// The place of a family among the names that the store was opened with.
struct StoreFamily {
  std::uint32_t index = 0;
  friend constexpr bool operator==(StoreFamily, StoreFamily) = default;
};

/// Changes that are written together; later ones stand over earlier ones. They lie one after the
/// other in memory that is kept for the next ones.
class StoreBatch {
 public:
  enum class Kind : std::uint8_t { kPut, kRemove, kRemoveRange };
  struct Change {
    Kind kind = Kind::kPut;
    StoreFamily family;
    std::string_view key;    // of kRemoveRange: the first
    std::string_view value;  // of kRemoveRange: the first key that stays
  };
  void put(StoreFamily family, std::string_view key, std::string_view value);
  /// The same, with what `write` gives to a ByteWriter as the value, whose bytes it returns.
  template <typename Write>
  std::size_t put_written(StoreFamily family, std::string_view key, const Write& write) {
    begin(Kind::kPut, family, key);
    ByteWriter to(bytes_);
    write(to);
    return end();
  }
  void remove(StoreFamily family, std::string_view key);
  /// Removes the keys in [first, last). Requires first <= last.
  void remove_range(StoreFamily family, std::string_view first, std::string_view last);

  bool empty() const { return changes_.empty(); }
  std::size_t size() const { return changes_.size(); }
  /// Of keys and values.
  std::size_t bytes() const { return bytes_.size(); }
  /// Valid until the next change is added.
  Change change(std::size_t index) const;
  /// Memory of up to `bytes_kept` bytes of keys and values stays for later changes.
  void clear(std::size_t bytes_kept = 0);

 private:
  struct Place {
    Kind kind = Kind::kPut;
    StoreFamily family;
    std::size_t key = 0;  // in bytes_; value and the next change follow
    std::size_t value = 0;
    std::size_t end = 0;
  };
  void begin(Kind kind, StoreFamily family, std::string_view key);
  std::size_t end();
  std::string bytes_;
  std::vector<Place> changes_;
};

/// Which keys a scan visits, and in which order.
struct StoreRange {
  std::string begin = {};               // the least key
  std::optional<std::string> end = {};  // greater than every key visited; absent: no end
  bool is_descending = false;
  /// All keys that begin with `prefix`.
  static StoreRange of_prefix(std::string_view prefix);
};
/// Is given one entry, whose bytes are valid during the call; false ends the scan.
using StoreVisitor = std::function<bool(std::string_view key, std::string_view value)>;

struct StoreFamilyStats {
  std::string name;
  std::uint64_t bytes = 0;  // about, on disk and in memory
  std::uint64_t keys = 0;   // about
};
struct StoreStats {
  std::vector<StoreFamilyStats> families;  // as the store was opened with them
  std::uint64_t memory_bytes = 0;          // about: what waits to be written to files, and caches
};

/// What may be asked of a store, also of one that another process writes. Threading: any.
class StoreReader {
 public:
  StoreReader() = default;
  StoreReader(const StoreReader&) = delete;
  StoreReader& operator=(const StoreReader&) = delete;
  virtual ~StoreReader() = default;

  /// The value of `key`, or nothing. Errors: kIo, kCorrupt.
  virtual Result<std::optional<std::string>> get(StoreFamily family,
                                                 std::string_view key) const = 0;
  /// Visits the entries of `range` as they were when the scan began. Errors: kIo, kCorrupt; what
  /// was visited until then is good.
  virtual Result<void> scan(StoreFamily family, const StoreRange& range,
                            const StoreVisitor& visit) const = 0;
  /// About how many bytes a family has, on disk and in memory.
  virtual Result<std::uint64_t> approximate_bytes(StoreFamily family) const = 0;
  virtual Result<StoreStats> stats() const = 0;
};

/// A store that this process owns. Threading: any; writes take effect one after the other.
class Store : public StoreReader {
 public:
  /// Writes a batch; seen by all that is asked after it. With `sync` it returns once this batch and
  /// all before it are on disk. Errors: kIo, kCorrupt; then every later write fails as well until
  /// the store is opened anew. kLimit for a full disk: a later write tries again, and once one has
  /// succeeded what failed is not there.
  virtual Result<void> write(const StoreBatch& batch, bool sync) = 0;
};

/// Numbers in keys, big endian, so that keys sort as the numbers do.
void append_key_u32(std::string& key, std::uint32_t number);
void append_key_u64(std::string& key, std::uint64_t number);
/// Reads what these wrote; requires that so many bytes are there.
std::uint32_t read_key_u32(std::string_view key);
std::uint64_t read_key_u64(std::string_view key);
}  // namespace tocsin::runtime
