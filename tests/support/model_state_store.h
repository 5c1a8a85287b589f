/// A state store on any Files, so on simulated ones: each run a file, and a file that lists them.
/// It keeps the same promises as the one on RocksDB (tests/runtime/state_store_test.cpp).
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/io/files.h"
#include "runtime/store/state_store.h"

namespace tocsin::tests {
class ModelStateStores : public runtime::StateStores {
 public:
  explicit ModelStateStores(runtime::Files& files) : files_(files) {}
  Result<std::unique_ptr<runtime::StateStore>> create(const std::string& directory) override;
  Result<std::unique_ptr<runtime::StateStore>> open_copy(const std::string& from,
                                                         const std::vector<std::string>& names,
                                                         const std::string& directory) override;
  Result<std::unique_ptr<runtime::StateScan>> read(const std::string& directory) override;

 private:
  runtime::Files& files_;
};
}  // namespace tocsin::tests
