/// The secrets of stored subscriptions, brought under the current key. For starts of a server and
/// for `tocsin secrets`, before a SubscriptionService is open.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "api/secrets/secret_keys.h"
#include "cep/base/result.h"
#include "runtime/store/store.h"

namespace tocsin::api {
struct SealedCount {
  std::size_t sealed = 0;     // written with the current key
  std::size_t discarded = 0;  // of those whose secrets no key opens
};
enum class UnreadableSecrets : std::uint8_t { kRefuse, kDiscard };
/// Takes what a family held before from the disk, as RocksStore::rewrite() does.
using RewriteFamily = std::function<Result<void>(runtime::StoreFamily)>;
/// Encrypts with the current key what is not: plain secrets of earlier starts, and those of earlier
/// keys. What was there before leaves the disk, also where an earlier call was cut short. Without
/// keys nothing is written. Errors: kCorrupt, kDenied where a key is missing, those of the store.
Result<SealedCount> seal_subscriptions(runtime::Store& store, const RewriteFamily& rewrite,
                                       const SecretKeys& keys, UnreadableSecrets unreadable);
/// How many subscriptions are encrypted with each key, by its id; "" are not encrypted.
Result<std::map<std::string, std::size_t>> keys_of_subscriptions(const runtime::StoreReader& store);
}  // namespace tocsin::api
