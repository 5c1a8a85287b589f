/// The topics of a simulated world: a broker that outlives every process, those who write to it,
/// and the operator who answers for what it has lost. It says by itself where each start must go
/// on, and which messages must be in the journal in the end.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cep/base/result.h"
#include "runtime/inputs/topic_inputs.h"
#include "runtime/node/node.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/world.h"
#include "tests/support/model_broker.h"
#include "tests/support/random.h"

namespace tocsin::simulation {
/// A message as the journal has it: without a line's end.
struct TopicLine {
  std::uint64_t offset = 0;
  std::string line;
  friend bool operator==(const TopicLine&, const TopicLine&) = default;
};
/// What records have of a partition.
struct PartitionRecords {
  std::vector<TopicLine> lines;          // but for blank ones
  std::uint64_t place = 0;               // of the message that comes next
  std::optional<std::string> last_line;  // before it; nothing where the place was set since
};
/// By the source's name.
std::map<std::string, PartitionRecords> read_partitions(const std::vector<std::string>& records);

class SimulatedTopics {
 public:
  SimulatedTopics(const World& world, tests::Random& random, Reached& reached);
  bool empty() const { return partitions_.empty(); }
  tests::ModelBroker& broker() { return broker_; }
  std::vector<std::string> topics() const;
  const std::vector<runtime::AcceptedGap>& accepted() const { return accepted_; }

  /// Messages come, and partitions; `whole`: all. Gives the time of the newest event in them.
  std::optional<cep::EventTime> grow(bool whole);
  /// Some messages are removed, perhaps before they were read.
  void remove_some(const runtime::Node& node);
  /// Between two processes: a topic may be deleted and created again, or lose its end.
  void change_before(const runtime::Node& node);
  /// The broker answers, or does not.
  void set_up(bool is_up) { broker_.is_up = is_up; }
  /// Nothing is lost any more, and the broker answers.
  void calm();

  /// What the next opening must come to, for a node that has just come up from these records.
  void expect_opening(const runtime::Node& node, const std::vector<std::string>& records);
  /// After an opening that went well.
  void check_opening(const runtime::Node& node) const;
  /// After a step: partitions may have been found beside those that the opening had.
  void note_found(const runtime::Node& node);
  /// The reading ended with this error: there must be a reason, and it must be named as it is. The
  /// operator may then accept what it names.
  void explain(const Error& error, const runtime::Node& node);
  /// Whether a partition has messages that are to come and were not taken.
  bool has_more(const runtime::Node& node) const;

  /// All that the journal must have of a partition in the end.
  const std::vector<TopicLine>& expected(const std::string& source) const {
    return partitions_.at(source).expected;
  }

 private:
  struct Partition {
    runtime::TopicPartition id;
    const ScriptedSource* script = nullptr;
    bool is_there = false;
    std::size_t produced = 0;                       // of the script
    std::vector<TopicLine> expected;                // that was read or will be
    std::size_t read = 0;                           // of them, at the opening
    std::map<std::uint64_t, std::string> contents;  // lines that the broker has
    bool is_known = false;                          // to the node, as it came up
    std::uint64_t opened_at = 0;                    // where it must stand once it is opened
    std::string opened_behind;                      // the identity of the message before
    std::uint64_t place = 0;                        // where it must go on
    bool is_other = false;          // what it read last is not what the broker has there
    bool is_accepted = false;       // which the operator knows
    bool is_out_of_bounds = false;  // nobody has accepted what is missing
    bool is_changed = false;        // it lost its end once, or was created again
    bool is_quiet = false;          // nothing is written to it in this life
  };
  void create(Partition& partition);
  std::optional<cep::EventTime> produce(Partition& partition, std::size_t count);
  void add(Partition& partition, const std::string& value);
  void remove_before(Partition& partition, std::uint64_t first);
  void fill_again(Partition& partition, const runtime::NodeSource* known);
  // Of what is read from here on, behind what was: it goes on at `place`.
  static void go_on(Partition& partition, std::uint64_t place);
  bool accept(Partition& partition, std::uint64_t place);
  void expect(Partition& partition, const runtime::NodeSource* known,
              const PartitionRecords& records);
  runtime::PartitionBounds bounds(const Partition& partition) const;
  static const runtime::NodeSource* find(const runtime::Node& node, const std::string& source);

  const World& world_;
  tests::Random& random_;
  Reached& reached_;
  tests::ModelBroker broker_;
  std::map<std::string, Partition> partitions_;  // by the source's name
  std::vector<runtime::AcceptedGap> accepted_;
  bool loses_ = false;  // this world's broker may remove what was not read
  bool calm_ = false;
  bool has_removed_ = false;  // since the opening
};
}  // namespace tocsin::simulation
