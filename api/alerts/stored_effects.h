/// The alert store of a data directory, for commands that only look.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cep/base/result.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/store/store.h"

namespace tocsin::api {
/// The number of the last alert in a store of effects; 0 where there is none. Errors:
/// kOtherVersion, kCorrupt, kIo.
Result<std::uint64_t> last_alert_number(const runtime::StoreReader& store);

class StoredEffects {
 public:
  /// Opens what is stored in the data directory by now, also while a run works there; what it
  /// stores later is not seen. Errors: kNotFound where there is no data directory; kOtherVersion
  /// for a newer one; kCorrupt, kIo.
  static Result<StoredEffects> open(const std::string& data_directory);
  /// Nothing where nothing has been stored yet.
  const std::optional<runtime::EffectReader>& reader() const { return reader_; }
  /// What reader() reads, and its other families.
  const runtime::StoreReader& store() const { return *store_; }

 private:
  std::unique_ptr<runtime::StoreReader> store_;
  std::optional<runtime::EffectReader> reader_;
};
}  // namespace tocsin::api
