#include "api/outbox/sealed_subscriptions.h"

#include <optional>
#include <string_view>
#include <utility>

#include "api/delivery/subscription.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/io/crash_point.h"

namespace tocsin::api {
namespace {
// Written with what replaces secrets, removed once what they were is no longer on disk.
constexpr std::string_view kRewriteKey = "rewrite/subscriptions";

Result<void> take_past_away(runtime::Store& store, const RewriteFamily& rewrite) {
  if (auto rewritten = rewrite(runtime::kSubscriptionFamily); !rewritten) return rewritten;
  runtime::StoreBatch batch;
  batch.remove(runtime::kMetaFamily, kRewriteKey);
  return store.write(batch, true);
}

// What stands in the place of a stored subscription; nothing where it is good as it is.
Result<std::optional<std::string>> replacement(std::string_view value, const SecretKeys& keys,
                                               UnreadableSecrets unreadable, SealedCount& count) {
  Result<Subscription> subscription = decode_subscription(value, keys);
  if (subscription && key_of_subscription(value) == keys.current().id()) return std::nullopt;
  if (subscription) {
    ++count.sealed;
  } else if (unreadable == UnreadableSecrets::kDiscard) {
    subscription = decode_without_secrets(value);
    ++count.discarded;
  }
  if (!subscription) return tl::unexpected(subscription.error());
  Result<std::string> sealed = encode_subscription(*subscription, keys);
  if (!sealed) return tl::unexpected(sealed.error());
  return *std::move(sealed);
}
}  // namespace

Result<SealedCount> seal_subscriptions(runtime::Store& store, const RewriteFamily& rewrite,
                                       const SecretKeys& keys, UnreadableSecrets unreadable) {
  SealedCount count;
  if (keys.empty()) return count;
  runtime::StoreBatch batch;
  Result<void> done;
  const Result<void> read = store.scan(
      runtime::kSubscriptionFamily, {}, [&](std::string_view key, std::string_view value) {
        const auto next = replacement(value, keys, unreadable, count);
        if (!next) done = tl::unexpected(next.error());
        if (next && *next) batch.put(runtime::kSubscriptionFamily, key, **next);
        return done.has_value();
      });
  if (!read) return tl::unexpected(read.error());
  if (!done) return tl::unexpected(done.error());
  if (batch.empty()) {
    const auto waiting = store.get(runtime::kMetaFamily, kRewriteKey);
    if (!waiting) return tl::unexpected(waiting.error());
    if (!*waiting) return count;
  } else {
    batch.put(runtime::kMetaFamily, kRewriteKey, "1");
    if (auto written = store.write(batch, true); !written) return tl::unexpected(written.error());
    runtime::crash_point("secrets.sealed");
  }
  if (auto rewritten = take_past_away(store, rewrite); !rewritten)
    return tl::unexpected(rewritten.error());
  return count;
}

Result<std::map<std::string, std::size_t>> keys_of_subscriptions(
    const runtime::StoreReader& store) {
  std::map<std::string, std::size_t> keys;
  const Result<void> read =
      store.scan(runtime::kSubscriptionFamily, {}, [&](std::string_view, std::string_view value) {
        ++keys[key_of_subscription(value)];
        return true;
      });
  if (!read) return tl::unexpected(read.error());
  return keys;
}
}  // namespace tocsin::api
