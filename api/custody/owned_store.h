/// A data directory that a command has for itself, with its store.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "cep/base/result.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/io/system_files.h"
#include "runtime/store/rocks_store.h"

namespace tocsin::api {
struct OwnedStore {
  runtime::SystemFiles files;
  std::optional<runtime::DataDirectory> directory;
  std::unique_ptr<runtime::RocksStore> store;
};
/// Errors: as take_data_directory() and RocksStore::open().
Result<std::unique_ptr<OwnedStore>> own_store(const std::string& path);
}  // namespace tocsin::api
