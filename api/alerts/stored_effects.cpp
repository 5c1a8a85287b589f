#include "api/alerts/stored_effects.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "runtime/checkpoint/data_directory.h"
#include "runtime/store/rocks_store.h"

namespace tocsin::api {
Result<std::uint64_t> last_alert_number(const runtime::StoreReader& store) {
  const Result<runtime::EffectReader> reader = runtime::EffectReader::open(store);
  if (!reader && reader.error().code == Errc::kNotFound) return 0;
  if (!reader) return tl::unexpected(reader.error());
  const Result<runtime::EmittedMark> mark = reader->mark();
  if (!mark) return tl::unexpected(mark.error());
  return mark->number;
}

Result<StoredEffects> StoredEffects::open(const std::string& data_directory) {
  std::error_code error;
  if (!std::filesystem::is_directory(data_directory, error))
    return fail(Errc::kNotFound, fmt::format("there is no data directory {}", data_directory));
  StoredEffects effects;
  runtime::RocksStoreOptions options;
  options.families = runtime::effect_families();
  const runtime::DataPaths paths(data_directory);
  options.end_mark = paths.store_end;
  Result<std::unique_ptr<runtime::StoreReader>> store =
      runtime::RocksStore::open_reader(paths.store, options);
  if (!store) {
    if (store.error().code == Errc::kNotFound)
      return fail(Errc::kNotFound, fmt::format("{} is no data directory", data_directory));
    return tl::unexpected(store.error());
  }
  effects.store_ = std::move(*store);
  const Result<runtime::EffectReader> reader = runtime::EffectReader::open(*effects.store_);
  if (reader) {
    effects.reader_ = *reader;
  } else if (reader.error().code != Errc::kNotFound) {
    return tl::unexpected(reader.error());
  }
  return effects;
}
}  // namespace tocsin::api
