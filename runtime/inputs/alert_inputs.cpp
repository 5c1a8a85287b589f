#include "runtime/inputs/alert_inputs.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "runtime/inputs/alert_message.h"
#include "runtime/io/line_source.h"
#include "runtime/node/node_source.h"

namespace tocsin::runtime {
namespace {
// Of one step, so that the node's thread goes on with other things in between.
constexpr std::size_t kStepLines = 500;
constexpr std::size_t kStepBytes = std::size_t{1} << 20;
}  // namespace

AlertInputs::AlertInputs(AlertInbox inbox, Clock& clock, TopicClient& client,
                         TopicInputOptions options, std::size_t line_bytes_max)
    : PartitionReading(clock, client, std::move(options)),
      inbox_(inbox),
      clock_(clock),
      line_bytes_max_(line_bytes_max) {}

Result<std::unique_ptr<AlertInputs>> AlertInputs::open(AlertInbox inbox, Clock& clock,
                                                       TopicClient& client,
                                                       TopicInputOptions options,
                                                       std::size_t line_bytes_max) {
  std::unique_ptr<AlertInputs> inputs(
      new AlertInputs(inbox, clock, client, std::move(options), line_bytes_max));
  Result<std::vector<InboxPlace>> places = inbox.places();
  if (!places) return tl::unexpected(places.error());
  inputs->places_ = *std::move(places);
  if (auto opened = inputs->open_all(); !opened) return tl::unexpected(opened.error());
  return inputs;
}

std::vector<PartitionReading::KnownPartition> AlertInputs::known() const {
  std::vector<KnownPartition> all;
  for (const InboxPlace& place : places_) {
    std::optional<TopicPartition> partition = parse_partition_source(place.source);
    if (partition)
      all.push_back({*std::move(partition), !place.identity.empty(), false, place.next_offset});
  }
  return all;
}

Result<std::size_t> AlertInputs::source_of(const TopicPartition& partition) {
  const std::string name = partition_source(partition);
  const auto found = std::ranges::find(places_, name, &InboxPlace::source);
  const auto index = static_cast<std::size_t>(found - places_.begin());
  if (found == places_.end()) places_.push_back({name, 0, {}});
  return index;
}

PartitionReading::Place AlertInputs::place_of(std::size_t source) const {
  return {places_[source].next_offset, places_[source].identity};
}

Result<void> AlertInputs::set_place(std::size_t source, std::uint64_t offset) {
  places_[source].next_offset = offset;
  places_[source].identity = kNoMessage;
  return give({{}, {}, {places_[source]}});
}

// Each in turn.
bool AlertInputs::comes_first(Partition& partition, const Partition* next) {
  return next == nullptr || turn_of_[partition.source] < turn_of_[next->source];
}

Result<std::size_t> AlertInputs::take_lines(Partition& partition) {
  InboxPlace& place = places_[partition.source];
  InboxEffects inbox;
  std::size_t at = 0;
  for (std::size_t lines = 0; lines < kStepLines && at < kStepBytes; ++lines) {
    const std::size_t end = partition.rest.find('\n', at);
    if (end == std::string_view::npos) break;
    const std::string_view text = partition.rest.substr(at, end - at);
    at = end + 1;
    const std::uint64_t offset = place.next_offset++;
    if (text.empty()) continue;  // no message has this offset, or one without a value
    Result<StoredAlert> alert = read_alert_message(text, line_bytes_max_);
    if (alert) {
      alert->source = place.source;
      alert->offset = offset;
      inbox.alerts.push_back(*std::move(alert));
      continue;
    }
    SideOutputRow row;
    row.kind = SideOutputKind::kDead;
    row.source = place.source;
    row.line = offset + 1;
    row.taken_at = clock_.now();
    row.reason = std::move(alert.error().message);
    row.text = text.substr(0, std::min(line_bytes_max_, kLinePrefixBytesMax));
    inbox.dead.push_back(std::move(row));
  }
  turn_of_[partition.source] = ++turn_;
  if (at == 0) return 0;
  place.identity = message_identity(partition.rest.substr(0, at));
  inbox.places.push_back(place);
  if (auto given = give(std::move(inbox)); !given) return tl::unexpected(given.error());
  return at;
}

Result<void> AlertInputs::give(InboxEffects inbox) {
  const Result<std::uint64_t> pushed = inbox_.store(std::move(inbox));
  if (!pushed) return tl::unexpected(pushed.error());
  pushed_ = *pushed;
  return {};
}

bool AlertInputs::is_on_disk(std::uint64_t taken) const { return inbox_.is_stored(taken); }
}  // namespace tocsin::runtime
