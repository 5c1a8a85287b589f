// A node with all its threads on a real file system: the journal's, the one that stores effects,
// the one that finishes checkpoints, and others that look on. Under the thread sanitizer this is
// where they meet.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "cep/data/alert.h"
#include "cep/data/alert_format.h"
#include "cep/engine/engine.h"
#include "cep/plan/rule.h"
#include "runtime/archive/archive_lines.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/decode/decoder.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/event_time/run.h"
#include "runtime/io/system_files.h"
#include "runtime/io/thread_executor.h"
#include "runtime/node/node.h"
#include "tests/support/engine_run.h"
#include "tests/support/event_json.h"
#include "tests/support/model_state_store.h"
#include "tests/support/model_store.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_plan.h"

namespace tocsin::tests {
namespace {
using namespace runtime;

// A program that alerts often, lines for it, and what a plain run says of them.
struct Work {
  std::optional<cep::Program> program;
  std::vector<std::string> blocks;
  std::vector<std::string> alerts;
};
constexpr std::size_t kAlertsMax = 50'000;
Work make_work() {
  for (std::uint64_t seed = 1;; ++seed) {
    Random random(seed);
    Work work;
    const auto plan = std::make_shared<const cep::Plan>(random_plan(random));
    const Result<cep::Program> program = cep::compile(plan, kOutOfReach);
    if (!program) continue;
    work.program = *program;
    const std::vector<oracle::Event> events =
        random_events(random, *plan, {.count_min = 3000, .count_max = 3000, .crowds = 100});
    std::string all;
    for (const oracle::Event& event : events) {
      const std::string line = event_line(random, *plan, event) + "\n";
      if (work.blocks.empty() || work.blocks.back().size() > 2000) work.blocks.emplace_back();
      work.blocks.back() += line;
      all += line;
    }
    Sinks sinks;
    sinks.alert = [&](const cep::Alert& alert) -> Result<void> {
      const cep::Status status = plan->rules[alert.rule.value].status;
      if (status == cep::Status::kLive || status == cep::Status::kShadow) {
        if (work.alerts.size() == kAlertsMax) return fail(Errc::kLimit, "too many alerts");
        work.alerts.push_back(cep::format_alert(*plan, alert));
      }
      return {};
    };
    RunOptions options;
    options.out_of_orderness = cep::Duration{0};
    if (run(*work.program, {{"-", all}}, options, sinks) && work.alerts.size() > 500) return work;
  }
}

class NoFiles : public RangeReader {
 public:
  Result<std::string_view> read(const NodeSource& source, std::uint64_t, std::uint64_t) override {
    return fail(Errc::kNotFound, source.name);
  }
};

// Reads all alerts again and again.
void read_alerts(Node& node, const std::atomic<bool>& over) {
  std::uint64_t seen = 0;
  while (!over) {
    std::uint64_t count = 0;
    const Result<void> read = node.effect_store().reader().alerts(1, [&](const auto&) {
      ++count;
      return true;
    });
    if (!read || count < seen) break;
    seen = count;
  }
}

struct Blocks {
  std::size_t begin = 0;
  std::size_t end = 0;
};
// Passes these blocks, and now and then waits until all is on disk.
void pass_blocks(Node& node, std::size_t source, const Work& work, Blocks blocks,
                 const std::atomic<std::uint64_t>& durable) {
  for (std::size_t i = blocks.begin; i < blocks.end; ++i) {
    std::string block = work.blocks[i];
    const std::size_t size = block.size();
    block.append(kLinePadding, '\0');
    const Result<std::size_t> taken =
        node.arrive(source, std::string_view(block).substr(0, size), nullptr);
    REQUIRE_MESSAGE(taken, taken.error().message);
    REQUIRE(*taken == size);
    const Result<void> polled = node.poll();
    REQUIRE_MESSAGE(polled, polled.error().message);
    if (i % 10 != 3) continue;
    // By itself it would wait for an hour.
    node.hurry();
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (durable != node.next_sequence() && std::chrono::steady_clock::now() < give_up) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    REQUIRE(durable == node.next_sequence());
  }
}

// All lines are in the archive, or in the journal.
void check_archive(Files& files, const std::string& data, const Work& work) {
  const DataPaths paths(data);
  const auto archived = ArchiveLines::open(files, paths.archive, paths.journal, std::nullopt, {});
  REQUIRE_MESSAGE(archived, archived.error().message);
  std::string lines;
  for (;;) {
    const Result<std::optional<ArchivedLine>> line = (*archived)->next();
    REQUIRE_MESSAGE(line, line.error().message);
    if (!*line) break;
    lines += std::string((*line)->text) + "\n";
  }
  std::string all;
  for (const std::string& block : work.blocks) all += block;
  CHECK(lines == all);
  CHECK((*archived)->reader().figures().files_read > 0);
}

TEST_CASE("node: its threads, and others that look on, get in nobody's way") {
  const Work work = make_work();
  std::string folder = (std::filesystem::temp_directory_path() / "tocsin-node-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  SystemFiles files;
  SystemClock clock;
  ModelDisk disk;
  ModelStateStores states(files);
  NoFiles ranges;
  std::size_t next_block = 0;
  // Two lives: the second goes on from the first one's checkpoint and journal.
  for (int life = 0; life < 2; ++life) {
    CAPTURE(life);
    ThreadExecutor executor;
    Result<DataDirectory> directory = DataDirectory::open(files, folder + "/data", true);
    REQUIRE_MESSAGE(directory, directory.error().message);
    Result<std::unique_ptr<Store>> store = disk.open(effect_families());
    REQUIRE(store);
    std::atomic<std::uint64_t> durable{0};
    std::atomic<std::uint64_t> committed{0};
    NodeOptions options;
    options.settings = settings_of(*work.program, {});
    options.checkpoint_every = cep::Duration{2000};
    options.chunk_bytes = 4096;
    options.segment_bytes = 16 << 10;
    options.archive.emplace();
    options.journal.queue_bytes_max = 20'000;
    options.journal.value_pause = options.journal.position_pause = std::chrono::hours(1);
    options.effects.bytes_max = 20'000;
    options.journal_listener = [&](const JournalStatus& status) { durable = status.durable_end; };
    options.effects_listener = [&](const EffectQueueStatus& status) {
      committed = status.committed;
    };
    const NodePorts ports{files, clock, **store, states, executor, ranges, true};
    Result<std::unique_ptr<Node>> node =
        Node::open(ports, *directory, *work.program, std::move(options));
    REQUIRE_MESSAGE(node, node.error().message);
    std::atomic<bool> over{false};
    std::thread reader([&] { read_alerts(**node, over); });
    const Result<std::size_t> source = (*node)->source("-", SourceKind::kByValue);
    REQUIRE(source);
    const std::size_t end = life == 0 ? work.blocks.size() / 2 : work.blocks.size();
    pass_blocks(**node, *source, work, {next_block, end}, durable);
    next_block = end;
    if (life == 0) {
      const Result<void> kept = (*node)->checkpoint();
      REQUIRE_MESSAGE(kept, kept.error().message);
    } else {
      const Result<void> ended = (*node)->end_time();
      REQUIRE_MESSAGE(ended, ended.error().message);
    }
    const Result<void> closed = (*node)->close();
    CHECK_MESSAGE(closed, closed.error().message);
    CHECK(durable == (*node)->next_sequence());
    CHECK(committed > 0);
    CHECK((*node)->checkpoints().archive.failure.empty());
    CHECK((*node)->checkpoints().archive.records_missed == 0);
    over = true;
    reader.join();
  }
  check_archive(files, folder + "/data", work);
  std::vector<std::string> found;
  const std::unique_ptr<StoreReader> stored = disk.open_reader(effect_families());
  const Result<EffectReader> reader = EffectReader::open(*stored);
  REQUIRE(reader);
  REQUIRE(reader->alerts(1, [&](const StoredAlert& alert) {
    found.push_back(alert.line);
    return true;
  }));
  CHECK(found == work.alerts);
  std::filesystem::remove_all(folder);
}
}  // namespace
}  // namespace tocsin::tests
