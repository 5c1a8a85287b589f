/// A node with everything in one thread and in memory, and rules that take the place of others.
#pragma once
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
#include "runtime/replay/earlier_run.h"
#include "tests/support/engine_run.h"
#include "tests/support/event_json.h"
#include "tests/support/model_state_store.h"
#include "tests/support/model_store.h"
#include "tests/support/plan_merge.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/random_levels.h"
#include "tests/support/random_plan.h"
#include "tests/support/simulated_files.h"

namespace tocsin::tests {
using namespace runtime;  // NOLINT(google-build-using-namespace): what is tested

class NoFiles : public RangeReader {
 public:
  Result<std::string_view> read(const NodeSource& source, std::uint64_t, std::uint64_t) override {
    return fail(Errc::kNotFound, source.name);
  }
};

inline RunOptions run_options() {
  RunOptions options;
  options.out_of_orderness = cep::Duration{2'000'000};
  return options;
}

// A stream for these rules, in blocks of lines.
inline std::vector<std::string> make_blocks(Random& random, const cep::Plan& plan) {
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
inline std::optional<Rules> make_rules(Random& random) {
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
inline std::optional<Rules> make_rules_shown_otherwise(Random& random) {
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
class DeployWorld {
 public:
  /// It begins with the rules alone, or with others beside them.
  explicit DeployWorld(const Rules& rules, bool begins_beside = false)
      : rules_(rules), current_(begins_beside ? &rules.beside : &rules.alone) {
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
    options.archive = archive;
    options.segment_bytes = segment_bytes;
    options.past =
        [this](const NodeProgram& program,
               const std::vector<CheckpointBlob>& kept) -> Result<std::unique_ptr<PastRun>> {
      ++restored;
      return EarlierRun::restore(files_, earlier_events(), program, kept, {});
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
  EarlierEvents earlier_events() const {
    const DataPaths& paths = directory_->paths();
    return {paths.archive, paths.journal, paths.blobs};
  }
  /// The rules that are not active, over what was taken so far.
  std::unique_ptr<EarlierRun> run_earlier() {
    const cep::Program& other = other_program();
    double at = 0;
    std::unique_ptr<EarlierRun> run = EarlierRun::make(
        files_, earlier_events(), {other, intake_options(other.plan(), run_options())},
        cep::kEventTimeMin, {.number = ++runs, .progress = [&](double progress, std::uint64_t) {
                               CHECK(progress >= at);
                               CHECK(progress <= 1);
                               at = progress;
                             }});
    const std::uint64_t end = node_->durable_end();
    const auto taken = run->take_earlier(end);
    // Also of what the journal alone has.
    CHECK((at > 0 || end <= 64));
    run->ask_no_more();
    REQUIRE_MESSAGE(taken, taken.error().message);
    return run;
  }
  /// Keeps what they made, for prepare().
  void keep(EarlierRun& run) {
    BlobStore blobs = BlobStore::look(files_, earlier_events().blobs);
    const auto kept = run.keep(blobs);
    REQUIRE_MESSAGE(kept, kept.error().message);
  }
  void prepare(std::unique_ptr<PastRun> past = nullptr) {
    const cep::Program& other = other_program();
    const auto prepared = node_->prepare({other, intake_options(other.plan(), run_options())},
                                         texts_of(other), std::move(past));
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
    return alerts_of(own);
  }
  std::vector<std::string> alerts_of(const std::set<std::string>& own) {
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
  std::uint64_t runs = 0;    // of the past
  std::size_t restored = 0;  // runs of the past, from what was kept
  bool all_stay = true;      // its own rules, through every deploy
  std::optional<ArchiveOptions> archive;
  std::uint64_t segment_bytes = std::uint64_t{64} << 20;

 private:
  const cep::Program& other_program() const {
    return current_ == &rules_.alone ? rules_.beside : rules_.alone;
  }
  std::vector<NamedContents> texts_of(const cep::Program& program) const {
    return {{"rules:a", &program == &rules_.alone ? "alone" : "beside"}};
  }
  const Rules& rules_;
  const cep::Program* current_;
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
}  // namespace tocsin::tests
