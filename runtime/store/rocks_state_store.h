/// Checkpointed state in RocksDB: runs are SST files that are taken in by a move, a checkpoint is a
/// folder of hard links. There is no log and nothing in memory that a crash could take.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/io/files.h"
#include "runtime/store/state_store.h"

namespace tocsin::runtime {
class RocksStateStores : public StateStores {
 public:
  /// `files` must be those of this machine: RocksDB knows no other.
  explicit RocksStateStores(Files& files) : files_(files) {}
  Result<std::unique_ptr<StateStore>> create(const std::string& directory) override;
  Result<std::unique_ptr<StateStore>> open_copy(const std::string& from,
                                                const std::vector<std::string>& names,
                                                const std::string& directory) override;
  Result<std::unique_ptr<StateScan>> read(const std::string& directory) override;

 private:
  Files& files_;
};
}  // namespace tocsin::runtime
