#include "api/custody/owned_store.h"

#include <utility>

#include "api/custody/private_data.h"
#include "runtime/effects/effect_reader.h"

namespace tocsin::api {
Result<std::unique_ptr<OwnedStore>> own_store(const std::string& path) {
  auto data = std::make_unique<OwnedStore>();
  Result<runtime::DataDirectory> directory = take_data_directory(data->files, path, false);
  if (!directory) return tl::unexpected(directory.error());
  data->directory = *std::move(directory);
  runtime::RocksStoreOptions options;
  options.families = runtime::effect_families();
  options.end_mark = data->directory->paths().store_end;
  auto store = runtime::RocksStore::open(data->directory->paths().store, options);
  if (!store) return tl::unexpected(store.error());
  data->store = *std::move(store);
  return data;
}
}  // namespace tocsin::api
