/// The port to the store of checkpointed state: pieces by key in byte order, taken in as sorted
/// runs and given out again in one scan. Nothing here is on the path of an event.
///
///   key: table u16 big endian | key group u16 big endian | key bytes   (checkpoint format 1)
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/data/state_entry.h"

namespace tocsin::runtime {
inline constexpr std::size_t kStoreKeyHeadBytes = 4;
/// What a store's key is of: table and group, big endian, then the key's bytes. Those point into
/// `bytes`, of which there must be kStoreKeyHeadBytes.
cep::StateKey parse_store_key(std::string_view bytes);

struct StateEntry {
  std::string_view key;    // as parse_store_key() has it
  std::string_view value;  // empty where removed
  bool is_removed = false;
};
/// Entries whose keys ascend, each once.
class StateRun {
 public:
  StateRun() = default;
  StateRun(const StateRun&) = delete;
  StateRun& operator=(const StateRun&) = delete;
  virtual ~StateRun() = default;
  /// False at the end. Texts are valid until the next call.
  virtual bool next(StateEntry& entry) = 0;
};
/// A run on its way to a file of its own, which counts only after StateStore::ingest(). One that is
/// dropped before finish() leaves nothing. Must not outlive its store.
class StateRunFile {
 public:
  StateRunFile() = default;
  StateRunFile(const StateRunFile&) = delete;
  StateRunFile& operator=(const StateRunFile&) = delete;
  virtual ~StateRunFile() = default;
  /// The first of these keys is above all that were appended before. Fails with kLimit without
  /// space, kIo; nothing but to drop it may follow.
  virtual Result<void> append(StateRun& entries) = 0;
  /// Of the file so far, about.
  virtual std::uint64_t bytes() const = 0;
  /// A run of nothing is no file. Nothing may follow. Fails as append().
  virtual Result<void> finish() = 0;
};
/// All pieces of a state in the order of their keys. Must not outlive its store.
class StateScan {
 public:
  StateScan() = default;
  StateScan(const StateScan&) = delete;
  StateScan& operator=(const StateScan&) = delete;
  virtual ~StateScan() = default;
  /// False at the end. Texts are valid until the next call. Fails with kCorrupt, naming the file,
  /// where what was read is not what was written; kIo.
  virtual Result<bool> next(StateEntry& entry) = 0;
};
/// Gives each piece to `take`, which may fail; `progress`, where it is not empty, the number of
/// pieces so far now and then.
Result<void> read_pieces(
    StateScan& scan,
    const std::function<Result<void>(const cep::StateKey&, std::string_view)>& take,
    const std::function<void(std::uint64_t)>& progress = {});
struct StateStoreFigures {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;    // of these files
  std::uint64_t entries = 0;  // in them: with older values and removals that are not yet gone
};

/// A store that works in a directory of its own. Threading: one caller at a time.
class StateStore {
 public:
  StateStore() = default;
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;
  virtual ~StateStore() = default;
  /// Several may be written at the same time. Fails with kLimit without space, kIo.
  virtual Result<std::unique_ptr<StateRunFile>> new_run() = 0;
  /// Makes the runs finished since the last ingestion part of the state, all of them or none. No
  /// two of them may have the same key; over what is there already they win.
  virtual Result<void> ingest() = 0;
  /// Makes `directory`, which must not be there, with hard links to (small files: copies of) all
  /// that makes up the state: a store by itself, which StateStores opens. Not yet synced.
  virtual Result<void> link_to(const std::string& directory) = 0;
  /// Whether a file of link_to()'s directory never changes: while this store is open no other one
  /// gets its name.
  virtual bool is_immutable(std::string_view name) const = 0;
  virtual Result<std::unique_ptr<StateScan>> scan() = 0;
  virtual StateStoreFigures figures() = 0;
  /// Lets go of older values and of removed keys where they have become a large part of the files;
  /// may take seconds. Nothing to do otherwise.
  virtual Result<void> tidy() = 0;
};

/// Makes and opens stores. Threading: any.
class StateStores {
 public:
  StateStores() = default;
  StateStores(const StateStores&) = delete;
  StateStores& operator=(const StateStores&) = delete;
  virtual ~StateStores() = default;
  /// An empty store; `directory` must not be there, its parent must.
  virtual Result<std::unique_ptr<StateStore>> create(const std::string& directory) = 0;
  /// A store in `directory`, which must not be there, with the state of link_to()'s `from`, of
  /// which it takes the files `names` alone. `from` stays as it is, whatever is ingested later.
  virtual Result<std::unique_ptr<StateStore>> open_copy(const std::string& from,
                                                        const std::vector<std::string>& names,
                                                        const std::string& directory) = 0;
  /// The pieces of link_to()'s `directory`, which is only read: no file is made or changed in it.
  virtual Result<std::unique_ptr<StateScan>> read(const std::string& directory) = 0;
};
}  // namespace tocsin::runtime
