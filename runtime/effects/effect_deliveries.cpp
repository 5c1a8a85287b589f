// What the effect store owes to whom.
#include <algorithm>
#include <utility>

#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_store.h"
#include "runtime/io/crash_point.h"

namespace tocsin::runtime {
Result<void> EffectStore::set_endpoints(std::vector<EndpointId> endpoints) {
  if (endpoints != endpoints_) {
    StoreBatch batch;
    batch.put(kMetaFamily, kOwedToKey, encode_endpoints(endpoints));
    if (Result<void> written = store_.write(batch, true); !written) return written;
  }
  endpoints_ = std::move(endpoints);
  return {};
}

void EffectStore::set_addressees(std::shared_ptr<Addressees> addressees) {
  const std::lock_guard lock(owing_);
  addressees_ = std::move(addressees);
}

Result<void> EffectStore::name_endpoint(EndpointId endpoint, std::string_view shown) {
  StoreBatch batch;
  batch.put(kMetaFamily, endpoint_key(endpoint), shown);
  return store_.write(batch, true);
}

Result<void> EffectStore::note_delivery(EndpointId endpoint, const OutboxRow& row) {
  StoreBatch batch;
  batch.put(kOutboxFamily, outbox_key(endpoint, row.number), encode_outbox(row));
  crash_point("delivery.note");
  return store_.write(batch, false);
}

Result<void> EffectStore::settle_delivery(EndpointId endpoint, std::uint64_t number) {
  return settle(endpoint, number, {}, {});
}

Result<void> EffectStore::settle_message(EndpointId endpoint, std::uint64_t number,
                                         std::span<const std::uint64_t> parts, StoreBatch also) {
  return settle(endpoint, number, parts, std::move(also));
}

// Counted first: who sees a row sees it owed, and who settles it at once has something to take off.
Result<void> EffectStore::write_owed(const StoreBatch& batch, bool sync,
                                     const std::map<EndpointId, std::uint64_t>& rows) {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [endpoint, count] : rows) owed_[endpoint] += count;
  }
  Result<void> written = store_.write(batch, sync);
  const std::lock_guard lock(mutex_);
  for (const auto& [endpoint, count] : rows) {
    if (written) {
      ++times_owed_[endpoint];
    } else {
      std::uint64_t& owed = owed_[endpoint];
      owed -= std::min(owed, count);  // less: it was forgotten meanwhile
    }
  }
  return written;
}

Result<void> EffectStore::settle(EndpointId endpoint, std::uint64_t number,
                                 std::span<const std::uint64_t> parts, StoreBatch batch) {
  std::uint64_t removed = 0;
  const auto remove = [&](std::uint64_t one, std::uint64_t part_of) -> Result<void> {
    const std::string key = outbox_key(endpoint, one);
    const Result<std::optional<std::string>> value = store_.get(kOutboxFamily, key);
    if (!value) return tl::unexpected(value.error());
    if (!*value) return {};
    const Result<OutboxRow> row = decode_outbox(key, **value);
    if (!row) return tl::unexpected(row.error());
    // One that was owed by itself meanwhile stays.
    if (row->part_of != part_of) return {};
    batch.remove(kOutboxFamily, key);
    ++removed;
    return {};
  };
  if (Result<void> done = remove(number, 0); !done) return done;
  for (const std::uint64_t part : parts) {
    if (Result<void> done = remove(part, number); !done) return done;
  }
  if (batch.empty()) return {};
  crash_point("delivery.settle");
  if (Result<void> written = store_.write(batch, false); !written) return written;
  const std::lock_guard lock(mutex_);
  std::uint64_t& owed = owed_[endpoint];
  owed -= std::min(owed, removed);  // 0: it was forgotten meanwhile
  return {};
}

Result<void> EffectStore::owe_message(EndpointId endpoint, std::uint64_t number, StoreBatch also) {
  also.put(kOutboxFamily, outbox_key(endpoint, number), encode_outbox({}));
  return write_owed(also, false, {{endpoint, 1}});
}

Result<std::uint64_t> EffectStore::owe(EndpointId endpoint,
                                       std::span<const std::uint64_t> numbers) {
  const std::lock_guard owing(owing_);
  StoreBatch batch;
  std::uint64_t found = 0;
  std::uint64_t added = 0;
  for (const std::uint64_t number : numbers) {
    const std::string key = outbox_key(endpoint, number);
    const Result<std::optional<std::string>> row = store_.get(kOutboxFamily, key);
    if (!row) return tl::unexpected(row.error());
    if (is_message(number)) {
      // What it says goes once it has arrived.
      if (!*row) continue;
    } else {
      const Result<std::optional<std::string>> alert = store_.get(kAlertFamily, alert_key(number));
      if (!alert) return tl::unexpected(alert.error());
      if (!*alert) continue;
    }
    batch.put(kOutboxFamily, key, encode_outbox({}));
    batch.remove(kWithheldFamily, withheld_key(number, endpoint));
    added += *row ? 0 : 1;
    ++found;
  }
  if (batch.empty()) return found;
  if (Result<void> written = write_owed(batch, true, {{endpoint, added}}); !written)
    return tl::unexpected(written.error());
  return found;
}

Result<void> EffectStore::forget_endpoint(EndpointId endpoint, StoreBatch also) {
  const std::lock_guard owing(owing_);
  const std::string first = outbox_key(endpoint, 0);
  also.remove_range(kOutboxFamily, first, outbox_key(endpoint, UINT64_MAX));
  also.remove(kMetaFamily, endpoint_key(endpoint));
  if (Result<void> written = store_.write(also, true); !written) return written;
  const std::lock_guard lock(mutex_);
  owed_.erase(endpoint);
  times_owed_.erase(endpoint);
  return {};
}

std::uint64_t EffectStore::times_owed(EndpointId endpoint) const {
  const std::lock_guard lock(mutex_);
  const auto found = times_owed_.find(endpoint);
  return found == times_owed_.end() ? 0 : found->second;
}

std::uint64_t EffectStore::owed(EndpointId endpoint) const {
  const std::lock_guard lock(mutex_);
  const auto found = owed_.find(endpoint);
  return found == owed_.end() ? 0 : found->second;
}
}  // namespace tocsin::runtime
