/// How a story is told: the lives of a node in one simulated world, what is done in them, and what
/// must hold at the end. In story.cpp a life and what is seen of it, in story_steps.cpp its steps,
/// in story_topics.cpp those that read topics, in story_end.cpp the end.
#pragma once
#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/node/node.h"
#include "runtime/verify/verify.h"
#include "tests/simulation/deployed_rules.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/growing_files.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/script_ranges.h"
#include "tests/simulation/simulated_topics.h"
#include "tests/simulation/sink_topics.h"
#include "tests/simulation/story.h"
#include "tests/simulation/topic_reading.h"
#include "tests/simulation/world.h"
#include "tests/support/model_state_store.h"
#include "tests/support/random.h"

namespace tocsin::simulation {
using namespace runtime;  // NOLINT(google-build-using-namespace): what is tested

inline constexpr const char* kData = "data";
inline constexpr std::int64_t kSecond = 1'000'000;

/// Null where the node does not know it.
inline const NodeSource* find(const Node& node, const std::string& name) {
  for (const NodeSource& source : node.sources()) {
    if (source.name == name) return &source;
  }
  return nullptr;
}

class Story {
 public:
  Story(tests::Random& random, World world, Reached& reached, bool trace);
  StoryFigures run();

 private:
  // Says what happens, where that is asked for.
  template <typename... Values>
  void say(fmt::format_string<Values...> text, Values&&... values) const {
    if (trace_) fmt::print("{}\n", fmt::format(text, std::forward<Values>(values)...));
  }

  // --- a life
  struct Flip {
    std::string path;
    std::size_t offset = 0;
    char mask = 0;
  };
  struct Pending {
    std::uint64_t sequence = 0;  // durable once the journal's end is there
    std::string source;
    std::uint64_t offset = 0;
  };
  // A process: what goes when it goes, last first.
  struct Process {
    std::unique_ptr<DataDirectory> directory;
    std::unique_ptr<Store> store;
    std::optional<NodePorts> ports;
    std::unique_ptr<Node> node;
    std::unique_ptr<TopicReading> topics;
    std::vector<Pending> pending;
    const cep::Program* program = nullptr;  // that it works by
    bool died = false;                      // by an error
  };

  NodeOptions options(const cep::Program& program);
  Result<void> open(Process& process);
  Result<void> make_store_folder();
  void end(Process& process);
  bool live();
  void after_failed_opening(const Error& error, const std::optional<Flip>& flip);
  void note_recovery(const Process& process, const std::optional<Flip>& flip);
  Result<VerifyReport> verify();
  bool is_found_damaged(bool is_flipped);
  std::uint64_t journal_end();
  std::optional<Flip> damage();
  bool undo(const Flip& flip);

  // --- what an observer sees
  void observe(Process& process);
  void check_source(const Node& node, const ScriptedSource& source) const;

  // --- steps
  static std::size_t next_line(const Node& node, const ScriptedSource& source);
  // Notes an error: the process ends.
  template <typename T>
  bool good(Process& process, const Result<T>& result) {
    if (result) return true;
    if (faults_.short_of_space() && !faults_.crashed()) ++reached_["a full disk"];
    must(faults_.injected() || faults_.short_of_space(),
         "it fails, though nothing went wrong: " + result.error().message);
    say("  fails: {}", result.error().message);
    process.died = true;
    return false;
  }
  bool step(Process& process, bool calm);
  void arrive(Process& process, const ScriptedSource& script);
  void read_files(Process& process, bool calm);
  void open_topics(Process& process, bool calm);
  void read_topics(Process& process, bool calm);
  void leave_read(Process& process);
  void end_by_topics(Process& process, const Error& error);
  void take_messages(Process& process, const std::string& source, std::size_t& taken);
  void decide(Process& process);
  void checkpoint(Process& process);
  void make_savepoint(Process& process);
  void deploy(Process& process);
  void deliver(Process& process);
  void move_clock(cep::EventTime to);
  void pass_time();
  bool finish(Process& process, const std::function<void()>& look);

  // --- the end
  void check_lines() const;
  void check_archive();
  void check_side_output(const EffectReader& reader, SideOutputKind kind,
                         const std::vector<std::string>& wanted) const;
  void check_end();
  void check_deliveries(const EffectReader& reader) const;
  void fork();

  tests::Random& random_;
  World world_;
  Reached& reached_;
  bool trace_;
  Faults faults_;
  tests::ModelStateStores states_;
  ScriptRanges ranges_;
  GrowingFiles inputs_;
  SimulatedTopics topics_;
  SinkTopics sinks_;
  Ledger ledger_;
  Expected expected_;
  std::array<std::uint8_t, 16> timeline_{};
  std::uint64_t segment_bytes_ = 8192;
  bool has_archive_ = false;
  std::size_t chunk_bytes_ = 1;
  std::optional<cep::Duration> checkpoint_every_;
  std::vector<EndpointId> endpoints_;
  DeployedRules rules_;
  std::uint64_t lives_ = 0;
  std::set<std::uint64_t> alert_lives_;
  bool taking_ = false;
  char flipped_to_ = 0;
  bool ended_by_damage_ = false;
  bool is_damaged_ = false;  // for good
  std::optional<Manifest> savepoint_;
  std::string savepoint_path_;
  std::uint64_t waited_us_ = 0;
};
}  // namespace tocsin::simulation
