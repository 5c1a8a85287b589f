// A journal that was written under other semantics: refused, or replayed as new.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/checkpoint/data_directory.h"
#include "runtime/decode/decoder.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/io/executor.h"
#include "runtime/node/node.h"
#include "tests/support/model_state_store.h"
#include "tests/support/model_store.h"
#include "tests/support/rule_text.h"
#include "tests/support/simulated_files.h"

namespace tocsin::tests {
namespace {
using namespace runtime;

class NoFiles : public RangeReader {
 public:
  Result<std::string_view> read(const NodeSource& source, std::uint64_t, std::uint64_t) override {
    return fail(Errc::kNotFound, source.name);
  }
};

// What "semantics" means here: the number of a program that takes amounts above `limit`.
cep::Program program_above(int limit) {
  const rules::Loaded loaded = load_rules(fmt::format(R"(
event pay {{ ts: time from 1970, id: string id, card: string, amount: int }}
rule large "Large" {{
  by card
  when pay as p where amount > {}
  alert "{{p.amount}}"
}}
)",
                                                      limit));
  REQUIRE_MESSAGE(loaded.rules, rendered(loaded));
  auto program = cep::compile(loaded.rules->plan, {});
  REQUIRE(program);
  return *std::move(program);
}

struct Machine {
  SimulatedFiles files;
  SimulatedClock clock;
  ModelDisk disk;
  ModelStateStores states{files};
  NoFiles ranges;
  NodeSettings settings = settings_of(program_above(100), {});
};

// One life of a node on it.
class Life {
 public:
  Life(Machine& machine, const cep::Program& program, std::uint32_t semantics, bool as_new = false)
      : program_(program) {
    Result<DataDirectory> directory = DataDirectory::open(machine.files, "data", true);
    REQUIRE_MESSAGE(directory, directory.error().message);
    directory_ = std::make_unique<DataDirectory>(*std::move(directory));
    store_ = *machine.disk.open(effect_families());
    ports_.reset(new NodePorts{machine.files, machine.clock, *store_, machine.states, executor_,
                               machine.ranges, true});
    NodeOptions options;
    options.settings = machine.settings;
    options.semantics = semantics;
    options.replay_as_new = as_new;
    node = Node::open(*ports_, *directory_, program_, std::move(options));
  }
  // Payments of these amounts, a second apart from `second` on.
  void pay(int second, const std::vector<int>& amounts) {
    REQUIRE_MESSAGE(node, node.error().message);
    const Result<std::size_t> source = (*node)->source("-", SourceKind::kByValue);
    REQUIRE(source);
    std::string block;
    for (const int amount : amounts) {
      block += fmt::format(R"({{"type":"pay","ts":{},"id":"e{}","card":"c","amount":{}}})",
                           1'000'000 * second, second, amount) +
               "\n";
      ++second;
    }
    const std::size_t size = block.size();
    block.append(kLinePadding, '\n');
    REQUIRE((*node)->arrive(*source, std::string_view(block).substr(0, size), nullptr));
  }
  void close() { REQUIRE((*node)->close()); }
  std::vector<std::string> amounts() {
    std::vector<std::string> all;
    REQUIRE((*node)->effect_store().reader().alerts(1, [&](const StoredAlert& alert) {
      const std::size_t at = alert.line.find("\"message\":\"") + 11;
      all.push_back(alert.line.substr(at, alert.line.find('"', at) - at));
      return true;
    }));
    return all;
  }

 private:
  const cep::Program program_;
  InlineExecutor executor_;  // the simulated files are for one thread at a time
  std::unique_ptr<DataDirectory> directory_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<NodePorts> ports_;

 public:
  Result<std::unique_ptr<Node>> node;
};
using Amounts = std::vector<std::string>;
}  // namespace

TEST_CASE("other semantics: refused with the remedy; replayed as new, differences are told") {
  for (const bool has_checkpoint : {false, true}) {
    CAPTURE(has_checkpoint);
    Machine machine;
    {
      Life life(machine, program_above(100), 1);
      life.pay(1, {150});
      if (has_checkpoint) REQUIRE((*life.node)->checkpoint());
      life.pay(11, {150, 250, 50});
      life.close();
    }
    {
      Life life(machine, program_above(100), 2);
      REQUIRE_FALSE(life.node);
      CHECK(life.node.error().code == Errc::kOtherVersion);
      CHECK(life.node.error().message.find("--replay-as-new") != std::string::npos);
    }
    {
      // It takes no payment of 200 and less any more.
      Life life(machine, program_above(200), 2, true);
      REQUIRE_MESSAGE(life.node, life.node.error().message);
      const auto& difference = (*life.node)->recovery().difference;
      REQUIRE(difference.has_value());
      CHECK(difference->same == 1);
      CHECK(difference->added == 0);
      CHECK(difference->gone == (has_checkpoint ? 1 : 2));
      REQUIRE(difference->examples.size() == difference->gone);
      CHECK(difference->examples.front().starts_with("- "));
      CHECK(difference->examples.front().find("of rule large") != std::string::npos);
      // What was stored stays, what is new comes behind it.
      life.pay(21, {150, 260});
      life.close();
      CHECK(life.amounts() == Amounts{"150", "150", "250", "260"});
    }
    {
      // From here on it is of the new semantics: no more is asked.
      Life life(machine, program_above(200), 2);
      REQUIRE_MESSAGE(life.node, life.node.error().message);
      CHECK_FALSE((*life.node)->recovery().difference.has_value());
      life.pay(31, {270});
      life.close();
      CHECK(life.amounts() == Amounts{"150", "150", "250", "260", "270"});
    }
    Life back(machine, program_above(100), 1);
    REQUIRE_FALSE(back.node);
    CHECK(back.node.error().code == Errc::kOtherVersion);
  }
}

TEST_CASE("other semantics: alerts that only the new ones give are not sent") {
  Machine machine;
  {
    Life life(machine, program_above(200), 1);
    life.pay(1, {150, 250, 150});
    life.close();
  }
  Life life(machine, program_above(100), 2, true);
  REQUIRE_MESSAGE(life.node, life.node.error().message);
  const auto& difference = (*life.node)->recovery().difference;
  REQUIRE(difference.has_value());
  CHECK(difference->same == 1);
  CHECK(difference->gone == 0);
  // The last one is after the last stored: it is new, and sent as any other.
  CHECK(difference->added == 1);
  CHECK(difference->examples.front().starts_with("+ "));
  life.close();
  CHECK(life.amounts() == Amounts{"250", "150"});
}
}  // namespace tocsin::tests
