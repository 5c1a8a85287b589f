/// A broker in memory and a node that reads its topics, for cases in which both may fail.
#pragma once
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/checkpoint/data_directory.h"
#include "runtime/event_time/slice_loop.h"
#include "runtime/inputs/topic_inputs.h"
#include "runtime/node/node.h"
#include "tests/support/model_broker.h"
#include "tests/support/model_state_store.h"
#include "tests/support/model_store.h"
#include "tests/support/rule_text.h"
#include "tests/support/simulated_files.h"

namespace tocsin::tests::topics {
using namespace runtime;

inline constexpr std::int64_t kSecond = 1'000'000;
inline constexpr std::int64_t kBegin = 1'772'452'800 * kSecond;
inline constexpr const char* kRules = R"(
event payment { ts: time, id: string id }
rule each "Each payment" { when payment as p alert "{p.id}" }
)";

inline std::string payment(const std::string& id, std::int64_t second) {
  return fmt::format("{{\"type\":\"payment\",\"ts\":{},\"id\":\"{}\"}}", kBegin + second * kSecond,
                     id);
}

class TestClock : public Clock {
 public:
  cep::EventTime now() override { return time; }
  cep::EventTime time{kBegin};
};

class NoRanges : public RangeReader {
 public:
  Result<std::string_view> read(const NodeSource& source, std::uint64_t, std::uint64_t) override {
    return fail(Errc::kNotFound, source.name);
  }
};

inline const cep::Program& program() {
  static const rules::Loaded kLoaded = load_files({{"r.tocsin", kRules}}, {"r.tocsin"});
  static const auto kProgram = cep::compile(kLoaded.rules->plan);
  return *kProgram;
}

// A broker, and a node that reads it, with files that lose what was not synced when it is killed.
class World {
 public:
  ModelBroker broker;
  TestClock clock;
  TopicInputOptions options;
  SilenceOptions silence;
  std::optional<cep::Duration> drift_max;
  std::vector<std::string> topics = {"t"};
  std::size_t block_messages = 1000;
  std::map<std::string, int> alerts;  // by the payment's id, of all lives
  std::vector<std::string> order;     // of alerts, of this life
  std::map<std::string, int> dead;    // by place, of this life
  std::set<std::string> late;         // likewise, of all lives
  std::vector<std::string> notes;

  Result<void> open() {
    auto opened = DataDirectory::open(files_, "disk/data", true);
    REQUIRE_MESSAGE(opened, opened.error().message);
    directory_.emplace(*std::move(opened));
    store_ = *disk_.open(effect_families());
    NodeOptions node_options;
    node_options.settings = settings_of(program(), {});
    node_options.texts = {{"rules:r.tocsin", kRules}};
    node_options.intake = intake_options(program().plan(), {});
    node_options.intake.drift_max = drift_max;
    node_options.checkpoint_every = cep::Duration{kSecond};
    node_options.raised = [this](const StoredAlert& alert) {
      const std::size_t at = alert.line.find("\"message\":\"") + 11;
      order.push_back(alert.line.substr(at, alert.line.find('"', at) - at));
    };
    node_options.side_output.late = [this](const LateEvent& event) {
      late.insert(line_place(event.input, event.line));
    };
    node_options.side_output.dead_letter = [this](const DeadLetter& letter) {
      ++dead[line_place(letter.input, letter.line)];
    };
    ports_.reset(new NodePorts{files_, clock, *store_, *states_, executor_, ranges_, false});
    auto node = Node::open(*ports_, *directory_, program(), std::move(node_options));
    REQUIRE_MESSAGE(node, node.error().message);
    node_ = *std::move(node);
    order.clear();  // of what was replayed
    keeper_.emplace(clock, silence);
    client_.emplace(broker, topics, block_messages);
    auto inputs = TopicInputs::open(*node_, clock, *keeper_, *client_, options);
    if (!inputs) return tl::unexpected(inputs.error());
    inputs_ = *std::move(inputs);
    keep_notes();
    return {};
  }
  void must_open() {
    const Result<void> opened = open();
    REQUIRE_MESSAGE(opened, opened.error().message);
  }
  // Takes all that there is.
  Result<void> read() {
    for (;;) {
      const Result<bool> taken = inputs_->step();
      if (!taken) return tl::unexpected(taken.error());
      if (*taken) continue;
      if (auto polled = node_->poll(); !polled) return polled;
      keep_notes();
      return {};
    }
  }
  void must_read() {
    const Result<void> done = read();
    REQUIRE_MESSAGE(done, done.error().message);
  }
  // The clock moves on, and what has become due is journaled.
  void pass(std::int64_t seconds) {
    clock.time = clock.time + cep::Duration{seconds * kSecond};
    must_read();
    for (const Decision& decision : keeper_->due()) REQUIRE(node_->decide(decision));
  }
  void stop() {
    REQUIRE(node_->close());
    inputs_->finish();
    end();
  }
  void kill() {
    end();
    files_.cut_power();
    disk_.cut_power();
  }
  void settle() { REQUIRE(node_->settle()); }
  void checkpoint() { REQUIRE(node_->checkpoint()); }

  Node& node() { return *node_; }
  ModelTopicClient& client() { return *client_; }
  TopicInputs& inputs() { return *inputs_; }
  TimeKeeper& keeper() { return *keeper_; }
  std::uint64_t place_of(const std::string& source) const {
    for (const NodeSource& one : node_->sources())
      if (one.name == source) return one.next_offset;
    return UINT64_MAX;
  }

  // What is stored, by the payment's id.
  std::map<std::string, int> stored() {
    std::map<std::string, int> ids;
    REQUIRE(node_->close());
    const Result<EffectReader> reader = EffectReader::open(*store_);
    if (!reader) return ids;
    REQUIRE(reader->alerts(1, [&](const StoredAlert& alert) {
      const std::size_t at = alert.line.find("\"message\":\"") + 11;
      ++ids[alert.line.substr(at, alert.line.find('"', at) - at)];
      return true;
    }));
    return ids;
  }

 private:
  void keep_notes() {
    for (std::string& note : inputs_->take_notes()) notes.push_back(std::move(note));
  }
  void end() {
    inputs_.reset();
    client_.reset();
    keeper_.reset();
    node_.reset();
    store_.reset();
    directory_.reset();
    files_.restart();
    states_.emplace(files_);
    order.clear();
    dead.clear();
  }

  SimulatedFiles files_;
  ModelDisk disk_;
  std::optional<ModelStateStores> states_{std::in_place, files_};
  InlineExecutor executor_;
  NoRanges ranges_;
  std::optional<DataDirectory> directory_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<NodePorts> ports_;
  std::unique_ptr<Node> node_;
  std::optional<TimeKeeper> keeper_;
  std::optional<ModelTopicClient> client_;
  std::unique_ptr<TopicInputs> inputs_;
};

inline std::map<std::string, int> each_once(const std::vector<std::string>& ids) {
  std::map<std::string, int> once;
  for (const std::string& id : ids) once[id] = 1;
  return once;
}
}  // namespace tocsin::tests::topics
