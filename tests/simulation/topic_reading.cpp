#include "tests/simulation/topic_reading.h"

#include <algorithm>
#include <utility>

#include "runtime/io/topic_partition.h"

namespace tocsin::simulation {
using namespace runtime;

UnsteadyClient::UnsteadyClient(SimulatedTopics& topics, std::size_t line_bytes_max,
                               tests::Random& random, Reached& reached)
    : ModelTopicClient(topics.broker(), topics.topics(), 1000, line_bytes_max),
      random_(random),
      reached_(reached),
      pauses_(random.pick<std::size_t>({0, 10, 40})) {}

Result<std::size_t> UnsteadyClient::begin(const TopicPartition& partition, std::uint64_t offset) {
  sources_.push_back(partition_source(partition));
  return ModelTopicClient::begin(partition, offset);
}

Result<MessagesAtHand> UnsteadyClient::take(std::size_t index, MessageBlock& block) {
  if (std::exchange(refuses_, false)) {
    has_refused_ = true;
    ++reached_["a broker refuses for good"];
    return fail(Errc::kIo, sources_[index] + " cannot be read: the broker refuses");
  }
  set_block_messages(random_.pick<std::size_t>({1, 2, 5, 30}));
  const bool pauses = random_.chance(pauses_);
  const Result<MessagesAtHand> taken =
      pauses ? MessagesAtHand::kNothing : ModelTopicClient::take(index, block);
  if (taken) last_[sources_[index]] = *taken;
  return taken;
}

std::optional<std::uint64_t> UnsteadyClient::end_of(std::size_t index) const {
  return random_.chance(20) ? std::nullopt : ModelTopicClient::end_of(index);
}

bool UnsteadyClient::is_at_end(const std::string& source) const {
  const auto found = last_.find(source);
  return found != last_.end() && found->second == MessagesAtHand::kEnd;
}

namespace {
// One that is idle holds back nobody; without this one that is too far ahead might wait for ever.
SilenceOptions silence_of(const World& world) {
  SilenceOptions silence;
  silence.idle_after = world.idle_after;
  silence.heartbeat = world.heartbeat;
  return silence;
}
}  // namespace

TopicReading::TopicReading(SimulatedTopics& topics, const World& world, Node& node, Faults& faults,
                           tests::Random& random, Reached& reached)
    : topics_(topics),
      node_(node),
      faults_(faults),
      random_(random),
      reached_(reached),
      keeper_(faults.clock, silence_of(world)),
      client_(topics, world.intake.line_bytes_max, random, reached) {}

Result<void> TopicReading::open() {
  TopicInputOptions options;
  options.accepted_gaps = topics_.accepted();
  options.commit_every = options.look_every = cep::Duration{1'000'000};
  options.look_again_after = cep::Duration{2'000'000};
  Result<std::unique_ptr<TopicInputs>> opened =
      TopicInputs::open(node_, faults_.clock, keeper_, client_, std::move(options));
  if (!opened) return tl::unexpected(opened.error());
  inputs_ = *std::move(opened);
  return {};
}

Result<void> TopicReading::read(bool all, const std::function<void()>& look) {
  std::size_t blocks = all ? SIZE_MAX : 1 + random_.below(10);
  for (; blocks > 0; --blocks) {
    const Result<bool> taken = inputs_->step();
    topics_.note_found(node_);
    if (!taken) return tl::unexpected(taken.error());
    look();
    if (random_.chance(20)) {
      if (auto decided = decide_due(); !decided) return decided;
    }
    if (!*taken) break;
  }
  for (const PartitionFigures& partition : inputs_->figures()) {
    if (partition.is_paused) ++reached_["a partition waits for others"];
  }
  return decide_due();
}

Result<void> TopicReading::decide_due() {
  for (const Decision& decision : keeper_.due()) {
    if (decision.kind == DecisionKind::kIdle && is_partition(decision.source)) {
      must(client_.is_at_end(std::string(decision.source)),
           std::string(decision.source) + " is called silent, and was not read to its end");
      ++reached_["a partition is idle"];
    }
    if (auto decided = node_.decide(decision); !decided) return decided;
  }
  return {};
}
}  // namespace tocsin::simulation
