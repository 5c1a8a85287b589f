/// What a stream owes to its topic, as messages.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/effects/effects.h"
#include "runtime/effects/sink_mark.h"
#include "runtime/outputs/topic_writer.h"
#include "runtime/store/store.h"

namespace tocsin::runtime {
struct SinkBatch {
  std::vector<TopicMessage> messages;
  /// Everything up to this number is in this batch, was before it, or is not for the topic; the
  /// number that was asked from where there is nothing more.
  std::uint64_t last = 0;
};
struct SinkFeedLimits {
  std::size_t messages_max = 5'000;
  std::size_t bytes_max = std::size_t{1} << 20;  // of values, save that one message is always there
};
/// What comes after number `after`. Of alerts the live ones, with `with_shadow` also those of
/// shadow rules; those that an earlier timeline has raised too are left out. With `shown` an
/// alert's value is what that gives. Errors: kCorrupt, kIo.
using ShownAlert = std::function<std::string(const StoredAlert&)>;
Result<SinkBatch> read_sink_batch(const StoreReader& store, SinkStream stream, std::uint64_t after,
                                  bool with_shadow, const SinkFeedLimits& limits,
                                  const ShownAlert& shown = {});
struct SinkDebt {
  std::uint64_t owed = 0;                   // of alerts also those that are not for the topic
  std::optional<cep::EventTime> oldest_at;  // processing time at which the first of it was stored
};
/// How much comes after the mark.
Result<SinkDebt> read_sink_debt(const StoreReader& store, SinkStream stream, const SinkMark& mark);
}  // namespace tocsin::runtime
