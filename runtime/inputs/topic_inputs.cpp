#include "runtime/inputs/topic_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace tocsin::runtime {
TopicInputs::TopicInputs(Node& node, Clock& clock, TimeKeeper& keeper, TopicClient& client,
                         TopicInputOptions options)
    : PartitionReading(clock, client, std::move(options)),
      node_(node),
      clock_(clock),
      keeper_(keeper) {}

Result<std::unique_ptr<TopicInputs>> TopicInputs::open(Node& node, Clock& clock, TimeKeeper& keeper,
                                                       TopicClient& client,
                                                       TopicInputOptions options) {
  std::unique_ptr<TopicInputs> inputs(
      new TopicInputs(node, clock, keeper, client, std::move(options)));
  if (auto opened = inputs->open_all(); !opened) return tl::unexpected(opened.error());
  return inputs;
}

std::vector<PartitionReading::KnownPartition> TopicInputs::known() const {
  std::vector<KnownPartition> all;
  for (const NodeSource& source : node_.sources()) {
    std::optional<TopicPartition> partition = parse_partition_source(source.name);
    if (!partition) continue;
    all.push_back(
        {*std::move(partition), !source.identity.empty(), source.has_ended, source.next_offset});
  }
  return all;
}

Result<std::size_t> TopicInputs::source_of(const TopicPartition& partition) {
  return node_.source(partition_source(partition), SourceKind::kByValue);
}

PartitionReading::Place TopicInputs::place_of(std::size_t source) const {
  const NodeSource& known = node_.sources()[source];
  return {known.next_offset, known.identity};
}

Result<void> TopicInputs::set_place(std::size_t source, std::uint64_t offset) {
  return node_.set_place(source, offset);
}

Result<void> TopicInputs::begin_reading(const Partition& partition) {
  const std::string name = partition_source(partition.id);
  const std::optional<std::size_t> in_intake = node_.intake().find(name);
  if (!in_intake) return fail(Errc::kInternal, "a source is not known: " + name);
  // As an input of this start it holds back time, which is a record.
  if (node_.sources()[partition.source].has_ended ||
      node_.intake().status(*in_intake).state != SourceState::kActive) {
    auto awake = node_.decide({DecisionKind::kAwake, clock_.now(), name});
    if (!awake) return awake;
  }
  times_.push_back({*in_intake, keeper_.source(name)});
  return {};
}

// A source that nobody reads would hold back time for ever.
Result<void> TopicInputs::leave(const TopicPartition& partition) {
  const std::string name = partition_source(partition);
  const auto in_intake = node_.intake().find(name);
  if (!in_intake || node_.intake().status(*in_intake).state != SourceState::kActive) return {};
  add_note(fmt::format("{} is not read now", name));
  return node_.decide({DecisionKind::kIdle, clock_.now(), name});
}

// The keeper goes through all sources, and time passes by itself between two of its decisions.
void TopicInputs::found_empty(const Partition& partition, bool is_silent) {
  Time& time = times_[partition.index];
  if (time.is_silent == is_silent) return;
  time.is_silent = is_silent;
  if (is_silent) {
    keeper_.found_empty(time.in_keeper);
  } else {
    keeper_.paused(time.in_keeper);
  }
}

Result<void> TopicInputs::arrived(const Partition& partition) {
  Time& time = times_[partition.index];
  time.is_silent.reset();
  const std::optional<Decision> awake = keeper_.arrived(time.in_keeper);
  return awake ? node_.decide(*awake) : Result<void>();
}

Result<void> TopicInputs::ended(const Partition& partition) {
  keeper_.ended(times_[partition.index].in_keeper);
  return node_.decide({DecisionKind::kEnded, clock_.now(), partition_source(partition.id)});
}

bool TopicInputs::comes_first(Partition& partition, const Partition* next) {
  const Intake& intake = node_.intake();
  const std::size_t in_intake = times_[partition.index].in_intake;
  partition.is_paused = !intake.may_read(in_intake);
  if (partition.is_paused) {
    found_empty(partition, false);
    return false;
  }
  return next == nullptr ||
         intake.watermark_of(in_intake) < intake.watermark_of(times_[next->index].in_intake);
}

// Lines of the partition's block, until it is too far ahead of the others.
Result<std::size_t> TopicInputs::take_lines(Partition& partition) {
  constexpr std::size_t kLimit = SIZE_MAX;  // no partition's place: comes first beyond the drift
  const Intake& intake = node_.intake();
  std::optional<MergeOrder> order;
  if (const cep::EventTime limit = intake.drift_limit();
      partition_count() > 1 && limit != cep::kEventTimeMax) {
    const cep::EventTime own = intake.watermark_of(times_[partition.index].in_intake);
    order.emplace(
        std::vector<MergeOrder::Place>{{own, partition.source}, {std::max(own, limit), kLimit}});
  }
  return node_.arrive(partition.source, partition.rest, order ? &*order : nullptr);
}

// Perhaps somebody waits for what was taken.
void TopicInputs::nothing_left() { node_.hurry(); }

// The sequence of the newest record of them.
std::uint64_t TopicInputs::newest_taken() const { return node_.next_sequence() - 1; }

bool TopicInputs::is_on_disk(std::uint64_t taken) const { return node_.durable_end() > taken; }
}  // namespace tocsin::runtime
