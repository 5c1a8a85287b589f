// Rules that change while a node runs: what stays goes on as if nothing had happened, through
// crashes too.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cep/data/alert.h"
#include "cep/data/alert_format.h"
#include "cep/engine/engine.h"
#include "cep/plan/rule.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/event_time/run.h"
#include "runtime/event_time/slice_loop.h"
#include "runtime/node/node.h"
#include "runtime/node/state_migration.h"
#include "tests/support/engine_run.h"
#include "tests/support/event_json.h"
#include "tests/support/model_state_store.h"
#include "tests/support/model_store.h"
#include "tests/support/node_deploy.h"
#include "tests/support/plan_merge.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/random_levels.h"
#include "tests/support/random_plan.h"
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

RunOptions run_options() {
  RunOptions options;
  options.out_of_orderness = cep::Duration{2'000'000};
  return options;
}

// A stream for these rules, in blocks of lines.
std::vector<std::string> make_blocks(Random& random, const cep::Plan& plan) {
  std::vector<std::string> blocks;
  for (const oracle::Event& event :
       random_events(random, plan, {.count_max = 120, .disorder = true})) {
    if (blocks.empty() || random.chance(40)) blocks.emplace_back();
    blocks.back() += event_line(random, plan, event) + "\n";
  }
  return blocks;
}

// Its own rules with and without others beside them, and lines for both.
struct Rules {
  cep::Program alone;
  cep::Program beside;
  std::vector<std::string> blocks;
  std::vector<std::string> alerts;  // of its own rules, by a plain run
};
std::optional<Rules> make_rules(Random& random) {
  const cep::Plan plan = random.chance(30) ? random_plan(random) : random_language_plan(random);
  std::optional<cep::Plan> more =
      merged(plan, random_language_plan(random, &plan), "other_", random.chance(50));
  if (!more) return std::nullopt;
  const auto alone = cep::compile(std::make_shared<const cep::Plan>(plan), kOutOfReach);
  const auto beside =
      cep::compile(std::make_shared<const cep::Plan>(*std::move(more)), kOutOfReach);
  if (!alone || !beside) return std::nullopt;
  Rules rules{*alone, *beside, make_blocks(random, plan), {}};
  const std::string all = fmt::format("{}", fmt::join(rules.blocks, ""));
  Sinks sinks;
  sinks.alert = [&](const cep::Alert& alert) -> Result<void> {
    const cep::Status status = plan.rules[alert.rule.value].status;
    if (status == cep::Status::kLive || status == cep::Status::kShadow) {
      rules.alerts.push_back(cep::format_alert(plan, alert));
    }
    return {};
  };
  REQUIRE(run(rules.alone, {{"-", all}}, run_options(), sinks));
  return rules;
}

// The same rules twice, matching alike: who is told of them differs, and what of it.
std::optional<Rules> make_rules_shown_otherwise(Random& random) {
  cep::Plan plan = random_alert_plan(random);
  const auto one = cep::compile(std::make_shared<const cep::Plan>(plan), kOutOfReach);
  for (cep::Rule& rule : plan.rules) {
    constexpr std::array kStatuses = {cep::Status::kInternal, cep::Status::kShadow,
                                      cep::Status::kLive};
    if (random.chance(40)) rule.status = kStatuses[random.below(kStatuses.size())];
    if (random.chance(30)) rule.message.push_back({"!", nullptr});
  }
  give_shares(random, plan);
  const auto other = cep::compile(std::make_shared<const cep::Plan>(plan), kOutOfReach);
  if (!one || !other) return std::nullopt;
  if (settings_of(*one, {}).plan == settings_of(*other, {}).plan) return std::nullopt;
  return Rules{*one, *other, make_blocks(random, plan), {}};
}

// A node with everything in one thread and in memory.
class World {
 public:
  explicit World(const Rules& rules) : rules_(rules) {
    for (const cep::Program* program : {&rules.alone, &rules.beside}) {
      by_digest_.emplace(settings_of(*program, {}).plan, program);
    }
  }
  void open() {
    directory_.emplace(*DataDirectory::open(files_, "disk/data", true));
    store_ = *disk_.open(effect_families());
    NodeOptions options;
    options.settings = settings_of(*current_, {});
    options.texts = texts_of(*current_);
    options.chunk_bytes = 400;
    options.intake = intake_options(current_->plan(), run_options());
    options.compile = [this](const NodeSettings& settings,
                             const std::vector<NamedContents>& texts) -> Result<NodeProgram> {
      ++compiled;
      REQUIRE(texts.size() == 1);
      const cep::Program& program = *by_digest_.at(settings.plan);
      CHECK(texts.front().contents == (&program == &rules_.alone ? "alone" : "beside"));
      return NodeProgram{program, intake_options(program.plan(), run_options())};
    };
    const NodePorts ports{files_, clock_, *store_, states_, executor_, ranges_, false};
    Result<std::unique_ptr<Node>> node =
        Node::open(ports, *directory_, *current_, std::move(options));
    REQUIRE_MESSAGE(node, node.error().message);
    node_ = *std::move(node);
  }
  void crash() {
    node_.reset();
    store_.reset();
    directory_.reset();
    disk_.restart();
    files_.restart();
  }
  void prepare() {
    const cep::Program& other = other_program();
    const auto prepared =
        node_->prepare({other, intake_options(other.plan(), run_options())}, texts_of(other));
    REQUIRE_MESSAGE(prepared, prepared.error().message);
    CHECK(node_->is_preparing());
  }
  void activate() {
    was_ready += node_->is_prepared() ? 1 : 0;
    const auto report = node_->activate();
    CHECK_FALSE(node_->is_preparing());
    current_ = &other_program();
    REQUIRE_MESSAGE(report, report.error().message);
    for (const cep::RestoreReport::Line& line : report->lines) {
      if (line.name.find("other_") <= 1) continue;
      CAPTURE(line.name);
      if (all_stay) CHECK(line.fate == cep::RestoreReport::Fate::kKept);
    }
    ++deployed;
  }
  void take(const std::string& lines) {
    const Result<std::size_t> source = node_->source("-", SourceKind::kByValue);
    REQUIRE(source);
    std::string block = lines + std::string(kLinePadding, '\0');
    const auto taken =
        node_->arrive(*source, std::string_view(block).substr(0, lines.size()), nullptr);
    REQUIRE_MESSAGE(taken, taken.error().message);
    REQUIRE(*taken == lines.size());
  }
  Node& node() { return *node_; }
  SimulatedFiles& files() { return files_; }
  // Of its own rules.
  std::vector<std::string> alerts() {
    std::set<std::string> own;
    for (const cep::Rule& rule : rules_.alone.plan().rules) own.insert(rule.id);
    std::vector<std::string> found;
    const std::unique_ptr<StoreReader> stored = disk_.open_reader(effect_families());
    const Result<EffectReader> reader = EffectReader::open(*stored);
    REQUIRE(reader);
    REQUIRE(reader->alerts(1, [&](const StoredAlert& alert) {
      if (own.contains(alert.rule)) found.push_back(alert.line);
      return true;
    }));
    return found;
  }
  std::size_t deployed = 0;
  std::size_t was_ready = 0;  // when it was activated
  std::size_t compiled = 0;
  bool all_stay = true;  // its own rules, through every deploy

 private:
  const cep::Program& other_program() const {
    return current_ == &rules_.alone ? rules_.beside : rules_.alone;
  }
  std::vector<NamedContents> texts_of(const cep::Program& program) const {
    return {{"rules:a", &program == &rules_.alone ? "alone" : "beside"}};
  }
  const Rules& rules_;
  const cep::Program* current_ = &rules_.alone;
  std::map<cep::Digest, const cep::Program*> by_digest_;
  SimulatedFiles files_;
  SystemClock clock_;
  ModelDisk disk_;
  ModelStateStores states_{files_};
  InlineExecutor executor_;
  NoFiles ranges_;
  std::optional<DataDirectory> directory_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Node> node_;
};

TEST_CASE("node: rules that stay go on through deploys of others, checkpoints and crashes") {
  std::size_t alerting = 0;
  std::size_t deployed = 0;
  std::size_t was_ready = 0;
  std::size_t asked = 0;
  std::size_t compiled = 0;
  std::size_t compared = 0;
  for_all_seeds("EFFECTS", 60, [&](Random& random) {
    const std::optional<Rules> rules = make_rules(random);
    if (!rules) return;
    World world(*rules);
    world.open();
    std::uint64_t requested = 0;
    for (const std::string& block : rules->blocks) {
      world.take(block);
      Node& node = world.node();
      if (!node.is_preparing()) {
        if (random.chance(30)) world.prepare();
      } else if (random.chance(5)) {
        world.prepare();  // what was prepared before is called off
      } else if (node.is_prepared() || random.chance(20)) {
        world.activate();
      }
      if (random.chance(10)) requested = node.request_checkpoint();
      if (random.chance(10)) {
        const Result<void> kept = world.node().checkpoint();
        REQUIRE_MESSAGE(kept, kept.error().message);
      }
      if (random.chance(15)) {
        world.crash();
        world.open();
        requested = 0;
      }
    }
    for (int i = 0; i < 100'000 && world.node().checkpoints().answered < requested; ++i) {
      REQUIRE(world.node().poll());
    }
    CHECK(world.node().checkpoints().answered >= requested);
    if (requested > 0) {
      CHECK(world.node().checkpoints().number > 0);
      CHECK(world.node().checkpoints().failure.empty());
      ++asked;
    }
    const Result<void> ended = world.node().end_time();
    REQUIRE_MESSAGE(ended, ended.error().message);
    const Result<void> closed = world.node().close();
    REQUIRE_MESSAGE(closed, closed.error().message);
    CHECK(world.alerts() == rules->alerts);
    deployed += world.deployed;
    was_ready += world.was_ready;
    compiled += world.compiled;
    ++compared;
    if (!rules->alerts.empty()) ++alerting;
  });
  MESSAGE(compared << " compared, " << alerting << " with alerts, " << deployed << " deploys, "
                   << was_ready << " carried before, " << asked << " checkpoints asked for, "
                   << compiled << " compiled again");
  if (compared >= 20) {
    CHECK(3 * alerting > compared);
    CHECK(deployed > compared);
    CHECK(5 * was_ready > deployed);
    CHECK(6 * asked > compared);
    CHECK(compiled > 0);
  }
}

TEST_CASE(
    "node: what rules only show, and to whom, changes between the same events after crashes") {
  std::size_t alerting = 0;
  std::size_t compiled = 0;
  std::size_t compared = 0;
  for_all_seeds("EFFECTS", 60, [&](Random& random) {
    const std::optional<Rules> rules = make_rules_shown_otherwise(random);
    if (!rules) return;
    std::vector<bool> deploys;
    for (std::size_t i = 0; i < rules->blocks.size(); ++i) deploys.push_back(random.chance(20));
    const auto play = [&](World& world, bool has_faults) {
      world.all_stay = false;
      world.open();
      for (std::size_t i = 0; i < rules->blocks.size(); ++i) {
        if (deploys[i]) {
          world.prepare();
          world.activate();
        }
        world.take(rules->blocks[i]);
        if (has_faults && random.chance(5)) REQUIRE(world.node().checkpoint());
        if (has_faults && random.chance(15)) {
          world.crash();
          world.open();
        }
      }
      REQUIRE(world.node().end_time());
      REQUIRE(world.node().close());
    };
    World whole(*rules);
    play(whole, false);
    World crashed(*rules);
    play(crashed, true);
    CHECK(crashed.alerts() == whole.alerts());
    compiled += crashed.compiled;
    ++compared;
    if (!whole.alerts().empty()) ++alerting;
  });
  MESSAGE(compared << " compared, " << alerting << " with alerts, " << compiled
                   << " compiled again");
  if (compared >= 20) {
    CHECK(3 * alerting > compared);
    CHECK(compiled > compared);
  }
}

TEST_CASE("node: a checkpoint that failed is not the failure of the next one") {
  Random random(1);
  std::optional<Rules> rules;
  while (!rules || rules->blocks.size() < 2) rules = make_rules(random);
  World world(*rules);
  world.open();
  world.take(rules->blocks[0]);
  const auto fail_checkpoints = [](std::uint64_t, FileOperation operation,
                                   const std::string& path) {
    const bool fails =
        operation == FileOperation::kWrite && path.find("/checkpoints/") != std::string::npos;
    return fails ? Fault::kFail : Fault::kNone;
  };
  Node& node = world.node();
  world.files().fault = fail_checkpoints;
  CHECK_FALSE(node.checkpoint());
  const std::uint64_t failed = node.request_checkpoint();
  for (int i = 0; i < 1000 && node.checkpoints().answered < failed; ++i) REQUIRE(node.poll());
  CHECK(node.checkpoints().answered == failed);
  CHECK_FALSE(node.checkpoints().failure.empty());
  CHECK(node.checkpoints().number == 0);
  world.files().fault = nullptr;
  const auto kept = node.savepoint("kept");
  REQUIRE_MESSAGE(kept, kept.error().message);
  const std::uint64_t number = node.checkpoints().number;
  CHECK(number > 0);
  CHECK(node.checkpoints().failure.empty());
  REQUIRE(node.checkpoint());
  CHECK(node.checkpoints().number == number);  // it has everything
}

TEST_CASE("node: who cannot make the rules of before is refused, and so is who brings others") {
  Random random(1);
  std::optional<Rules> rules;
  while (!rules || rules->blocks.size() < 4) rules = make_rules(random);
  SimulatedFiles files;
  SystemClock clock;
  ModelDisk disk;
  ModelStateStores states(files);
  InlineExecutor executor;
  NoFiles ranges;
  const auto open = [&](const cep::Program& program, bool can_compile,
                        const std::function<void(Node&)>& use) -> std::string {
    const DataDirectory directory = *DataDirectory::open(files, "disk/data", true);
    const std::unique_ptr<Store> store = *disk.open(effect_families());
    NodeOptions options;
    options.settings = settings_of(program, {});
    options.segment_bytes = 8 << 10;
    if (can_compile) {
      options.compile = [&](const NodeSettings&, const auto&) -> Result<NodeProgram> {
        return NodeProgram{rules->alone, {}};
      };
    }
    const NodePorts ports{files, clock, *store, states, executor, ranges, false};
    const Result<std::unique_ptr<Node>> node =
        Node::open(ports, directory, program, std::move(options));
    if (!node) return node.error().message;
    use(**node);
    return "";
  };
  CHECK(open(rules->alone, false, [&](Node& node) {
          // More than a record holds: nothing has changed.
          std::vector<NamedContents> texts;
          for (int i = 0; i < 200; ++i) texts.push_back({fmt::format("rules:{:060}", i), "text"});
          const auto large = tests::deploy(node, {rules->beside, {}}, texts);
          REQUIRE_FALSE(large);
          CHECK(large.error().code == Errc::kLimit);
          CHECK_FALSE(node.is_preparing());
          CHECK(node.settings().plan == settings_of(rules->alone, {}).plan);
          CHECK(&node.program().plan() == &rules->alone.plan());
          REQUIRE(node.checkpoint());
          REQUIRE(tests::deploy(node, {rules->beside, {}}, {}));
          CHECK(node.settings().plan == settings_of(rules->beside, {}).plan);
          CHECK(&node.program().plan() == &rules->beside.plan());
        }).empty());
  disk.restart();
  files.restart();
  CHECK(open(rules->beside, false, [](Node&) {}).find("was begun otherwise") != std::string::npos);
  disk.restart();
  files.restart();
  CHECK(open(rules->alone, true, [](Node&) {}).find("was begun otherwise") != std::string::npos);
  disk.restart();
  files.restart();
  CHECK(open(rules->beside, true, [&](Node& node) {
          REQUIRE(node.end_time());
          const auto late = tests::deploy(node, {rules->alone, {}}, {});
          REQUIRE_FALSE(late);
          CHECK(late.error().code == Errc::kConflict);
        }).empty());
}
}  // namespace
}  // namespace tocsin::tests
