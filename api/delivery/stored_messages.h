/// Messages on their way: what they say, taken from the store at each attempt, and their end.
#pragma once
#include <cstdint>

#include "api/delivery/delivery_message.h"
#include "api/delivery/delivery_queue.h"
#include "api/delivery/subscription.h"
#include "cep/base/result.h"
#include "runtime/effects/effect_store.h"
#include "runtime/store/store.h"

namespace tocsin::api {
/// Threading: any.
class StoredMessages {
 public:
  /// Over a store that was opened with runtime::effect_families(), and the effects in it; both must
  /// outlive this. `privacy` masks what subscriptions may not have; null: nothing.
  StoredMessages(const runtime::StoreReader& store, runtime::EffectStore& effects,
                 MessageLimits limits, const Privacy* privacy = nullptr)
      : store_(store), effects_(effects), limits_(limits), privacy_(privacy) {}

  /// The delivery of a message, whose number is its row, without what it says.
  static Delivery delivery_of(const Subscription& subscription, std::uint64_t number);
  /// Puts in what it says. Errors of both: kNotFound where it is no longer there; kCorrupt, kIo.
  Result<void> fill(const Subscription& subscription, Delivery& delivery) const;
  /// It has arrived, with all alerts that went with it.
  Result<void> delivered(runtime::EndpointId endpoint, std::uint64_t number);

 private:
  const runtime::StoreReader& store_;
  runtime::EffectStore& effects_;
  const MessageLimits limits_;
  const Privacy* privacy_;
};
}  // namespace tocsin::api
