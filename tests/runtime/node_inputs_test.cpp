#include "runtime/inputs/node_inputs.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/checkpoint/data_directory.h"
#include "runtime/event_time/slice_loop.h"
#include "runtime/node/node.h"
#include "tests/support/model_state_store.h"
#include "tests/support/model_store.h"
#include "tests/support/rule_text.h"
#include "tests/support/simulated_files.h"
#include "tests/support/text_source.h"

namespace tocsin::tests {
namespace {
using namespace runtime;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kBegin = 1'772'452'800 * kSecond;
constexpr const char* kRules = R"(
event payment { ts: time, id: string id }
rule each "Each payment" { when payment as p alert "{p.id}" }
)";

std::string payment(const std::string& id, std::int64_t ts) {
  return fmt::format("{{\"type\":\"payment\",\"ts\":{},\"id\":\"{}\"}}\n", kBegin + ts, id);
}

// Gives all of its text up to `pause_at`, and the rest only when `goes_on` says so.
class PausingBytes : public TextSource {
 public:
  PausingBytes(std::string text, std::size_t pause_at, std::function<bool()> goes_on)
      : TextSource(std::move(text)), pause_at_(pause_at), goes_on_(std::move(goes_on)) {}
  bool wait_ready(std::chrono::milliseconds /*at_most*/) const override {
    return at() != pause_at_ || goes_on_();
  }
  Result<std::size_t> read(char* to, std::size_t capacity) override {
    return give(to, capacity, at() < pause_at_ ? pause_at_ : text().size());
  }

 private:
  std::size_t pause_at_;
  std::function<bool()> goes_on_;
};

// "slow", which pauses after its first line, and "fast", of which all is at hand.
class TwoFiles : public InputFiles {
 public:
  std::string slow, fast;
  std::function<bool()> goes_on;

  Result<InputStatus> status(const std::string& path) override {
    return InputStatus{1, path == "slow" ? 1U : 2U, text_of(path).size(), 1};
  }
  Result<std::unique_ptr<ByteSource>> open_stored(const std::string& path,
                                                  StopRequested /*stop*/) override {
    const bool pauses = path == "slow";
    return std::make_unique<PausingBytes>(
        text_of(path), pauses ? slow.find('\n') + 1 : fast.size(),
        pauses ? goes_on : [] { return true; });
  }

 private:
  const std::string& text_of(const std::string& path) const { return path == "slow" ? slow : fast; }
};

class NoRanges : public RangeReader {
 public:
  Result<std::string_view> read(const NodeSource& source, std::uint64_t, std::uint64_t) override {
    return fail(Errc::kNotFound, source.name);
  }
};

struct Read {
  std::uint64_t in_silence = 0;   // lines, until nothing more was read
  std::size_t bytes_waiting = 0;  // then
  std::vector<std::string> alerts;
};

// The slow file is at second 100 and says no more until the node has stood still for a while; the
// fast one has an event each second from 101 on.
Read read_both(std::optional<cep::Duration> drift_max) {
  constexpr std::int64_t kSeconds = 2'000;
  const rules::Loaded loaded = load_files({{"r.tocsin", kRules}}, {"r.tocsin"});
  REQUIRE_MESSAGE(loaded.rules, rendered(loaded));
  const auto program = cep::compile(loaded.rules->plan);
  REQUIRE(program);
  Read read;
  SimulatedFiles files;
  SystemClock clock;
  ModelDisk disk;
  ModelStateStores states{files};
  InlineExecutor executor;
  NoRanges ranges;
  const std::unique_ptr<Store> store = *disk.open(effect_families());
  const DataDirectory directory = *DataDirectory::open(files, "disk/data", true);
  NodeOptions options;
  options.settings = settings_of(*program, {});
  options.texts = {{"rules:r.tocsin", kRules}};
  options.intake = intake_options(program->plan(), {});
  options.intake.drift_max = drift_max;
  options.raised = [&](const StoredAlert& alert) { read.alerts.push_back(alert.id); };
  const NodePorts ports{files, clock, *store, states, executor, ranges, false};
  const auto node = Node::open(ports, directory, *program, std::move(options));
  REQUIRE_MESSAGE(node, node.error().message);

  TwoFiles inputs;
  inputs.slow = payment("s1", 100 * kSecond) + payment("s2", (100 + kSeconds) * kSecond + 1);
  for (std::int64_t i = 1; i <= kSeconds; ++i) {
    inputs.fast += payment(fmt::format("f{}", i), (100 + i) * kSecond);
  }
  int looks = 0;
  inputs.goes_on = [&] {
    const std::uint64_t lines = (*node)->summary().lines;
    looks = lines == read.in_silence ? looks + 1 : 0;
    read.in_silence = lines;
    read.bytes_waiting = (*node)->intake().waiting_bytes();
    return looks >= 5;
  };
  NodeInputOptions input_options;
  input_options.files = &inputs;
  input_options.reads_ahead = drift_max.has_value();
  auto opened = NodeInputs::open(**node, clock, {"slow", "fast"}, std::move(input_options));
  REQUIRE_MESSAGE(opened, opened.error().message);
  const Result<void> done = (*opened)->run();
  REQUIRE_MESSAGE(done, done.error().message);
  REQUIRE((*node)->settle());
  REQUIRE((*node)->close());
  return read;
}

TEST_CASE(
    "node inputs: a fast file is read ahead of a silent one up to the drift, and then waits") {
  const Read in_turn = read_both(std::nullopt);
  // Each has its first line read, and the fast one is ahead from then on.
  CHECK(in_turn.in_silence == 2);
  CHECK(in_turn.alerts.size() == 2'002);
  const Read near = read_both(cep::Duration{60 * kSecond});
  // The line that took it beyond the drift, at second 161, is the last.
  CHECK(near.in_silence == 1 + 61);
  CHECK(near.alerts == in_turn.alerts);
  const Read far = read_both(cep::Duration{86'400 * kSecond});
  CHECK(far.in_silence == 1 + 2'000);
  CHECK(far.alerts == in_turn.alerts);
  CHECK(far.bytes_waiting > 5 * near.bytes_waiting);
}
}  // namespace
}  // namespace tocsin::tests
