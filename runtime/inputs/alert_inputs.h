/// Topics of alerts that other engines write: partitions read by a client (a port) and given to a
/// node's alert store, which keeps how far each was read in the write that stores the alerts.
///
///   PartitionReading ─ lines ─▶ AlertInputs ─ InboxEffects ─▶ EffectQueue ─▶ EffectStore
///                                 │ alerts and what is none    ≤ 16 MiB; beyond it the node waits
///                                 └ partitions in turn
///
/// Nothing of it passes the journal or the engine, and it has no part in their time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "cep/base/result.h"
#include "runtime/effects/effects.h"
#include "runtime/inputs/partition_reading.h"
#include "runtime/inputs/topic_client.h"
#include "runtime/io/clock.h"
#include "runtime/node/node.h"

namespace tocsin::runtime {
/// Threading: that of the node.
class AlertInputs final : public PartitionReading {
 public:
  /// Opens all partitions of the client's topics. The node of the inbox, the clock and the client
  /// must outlive the inputs. Fails with kMismatch, saying what to do, where messages are missing;
  /// as the client and the inbox do.
  static Result<std::unique_ptr<AlertInputs>> open(AlertInbox inbox, Clock& clock,
                                                   TopicClient& client, TopicInputOptions options,
                                                   std::size_t line_bytes_max);

 private:
  AlertInputs(AlertInbox inbox, Clock& clock, TopicClient& client, TopicInputOptions options,
              std::size_t line_bytes_max);
  std::vector<KnownPartition> known() const override;
  Result<std::size_t> source_of(const TopicPartition& partition) override;
  Place place_of(std::size_t source) const override;
  Result<void> set_place(std::size_t source, std::uint64_t offset) override;
  Result<void> leave(const TopicPartition&) override { return {}; }
  bool comes_first(Partition& partition, const Partition* next) override;
  Result<std::size_t> take_lines(Partition& partition) override;
  std::uint64_t newest_taken() const override { return pushed_; }
  bool is_on_disk(std::uint64_t taken) const override;
  Result<void> give(InboxEffects inbox);

  AlertInbox inbox_;
  Clock& clock_;
  const std::size_t line_bytes_max_;
  std::vector<InboxPlace> places_;                // of all partitions, known or read
  std::map<std::size_t, std::uint64_t> turn_of_;  // when lines of it were taken last, by source
  std::uint64_t turn_ = 0;
  std::uint64_t pushed_ = 0;  // the count of pushes at the last one
};
}  // namespace tocsin::runtime
