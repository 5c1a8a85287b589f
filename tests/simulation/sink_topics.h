/// The topics that a simulated world's alerts, late events and dead letters are written to. They
/// outlive every process; who reads committed messages sees each of these once, in order.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "cep/base/result.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/outputs/topic_sink.h"
#include "runtime/store/store.h"
#include "tests/simulation/faults.h"
#include "tests/support/model_sink_topic.h"
#include "tests/support/random.h"

namespace tocsin::simulation {
class SinkTopics {
 public:
  /// Some worlds have none. All must outlive it.
  SinkTopics(Faults& faults, tests::Random& random, Reached& reached);
  bool empty() const { return topics_.empty(); }

  /// Before a process opens its node: what it brings about is owed.
  Result<void> begin(runtime::Store& store);
  /// Behind it.
  Result<void> open(runtime::Store& store);
  /// A batch of one of the streams, or what befalls its topic. A failure is one of the store, or
  /// the process's end.
  Result<void> step();
  /// All that is owed. The same failures.
  Result<void> write_all(runtime::Store& store);
  /// The process is gone.
  void end_life();
  /// Nothing more goes wrong.
  void calm();

  /// While things go on: what is there is a beginning of what was stored, once, in order.
  void check(const std::vector<runtime::StoredAlert>& alerts) const;
  /// In the end: all is there.
  void check_all(const std::vector<runtime::StoredAlert>& alerts,
                 const runtime::EffectReader& reader) const;

 private:
  struct Stream {
    explicit Stream(std::uint32_t partitions) : topic(partitions) {}
    tests::ModelSinkTopic topic;
    runtime::TopicSinkOptions options;
    std::unique_ptr<runtime::TopicSink> sink;  // of the process
    bool is_taken = false;                     // another one has opened it since
  };
  tests::SinkFault fault();
  Result<bool> write(Stream& stream);
  void befall(Stream& stream);
  std::vector<std::uint64_t> numbers_of(const std::vector<runtime::StoredAlert>& alerts) const;

  Faults& faults_;
  tests::Random& random_;
  Reached& reached_;
  std::map<runtime::SinkStream, Stream> topics_;
  std::size_t failing_ = 0;  // percent of batches
  bool has_failed_ = false;  // a batch, since it was asked last
  bool calm_ = false;
};
}  // namespace tocsin::simulation
