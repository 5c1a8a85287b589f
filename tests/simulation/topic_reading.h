/// What one process of a simulated world has of its topics: a client that is at times slow, or
/// refused, the inputs over it, and who decides what its silence means.
#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "runtime/event_time/time_keeper.h"
#include "runtime/inputs/topic_inputs.h"
#include "runtime/node/node.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/simulated_topics.h"
#include "tests/support/model_broker.h"
#include "tests/support/random.h"

namespace tocsin::simulation {
/// Gives blocks of any size, and at times nothing although there is something.
class UnsteadyClient : public tests::ModelTopicClient {
 public:
  UnsteadyClient(SimulatedTopics& topics, std::size_t line_bytes_max, tests::Random& random,
                 Reached& reached);
  Result<runtime::MessagesAtHand> take(std::size_t index, runtime::MessageBlock& block) override;
  Result<std::size_t> begin(const runtime::TopicPartition& partition,
                            std::uint64_t offset) override;
  std::optional<std::uint64_t> end_of(std::size_t index) const override;
  /// The next take() fails.
  void refuse() { refuses_ = true; }
  bool has_refused() const { return has_refused_; }
  void calm() { pauses_ = 0; }
  /// Whether it has said last that the partition was read to its end.
  bool is_at_end(const std::string& source) const;

 private:
  tests::Random& random_;
  Reached& reached_;
  std::size_t pauses_;  // percent of calls
  bool refuses_ = false;
  bool has_refused_ = false;
  std::vector<std::string> sources_;  // by index
  std::map<std::string, runtime::MessagesAtHand> last_;
};

class TopicReading {
 public:
  /// All must outlive it.
  TopicReading(SimulatedTopics& topics, const World& world, runtime::Node& node, Faults& faults,
               tests::Random& random, Reached& reached);
  Result<void> open();
  /// Takes what is at hand, and journals what is due; some of it, or with `all` until no more
  /// comes. `look` is called after each block. Fails as the inputs and the node do.
  Result<void> read(bool all, const std::function<void()>& look);
  /// After the node was closed.
  void finish() { inputs_->finish(); }
  UnsteadyClient& client() { return client_; }
  std::vector<std::string> take_notes() { return inputs_->take_notes(); }

 private:
  Result<void> decide_due();

  SimulatedTopics& topics_;
  runtime::Node& node_;
  Faults& faults_;
  tests::Random& random_;
  Reached& reached_;
  runtime::TimeKeeper keeper_;
  UnsteadyClient client_;
  std::unique_ptr<runtime::TopicInputs> inputs_;
};
}  // namespace tocsin::simulation
