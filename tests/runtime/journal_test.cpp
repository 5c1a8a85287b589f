// The journal's thread, on a simulated disk whose faults are switched by flags.
#include "runtime/journal/journal.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/journal/journal_reader.h"
#include "tests/support/simulated_files.h"

namespace tocsin::runtime {
namespace {
using tests::Fault;
using tests::FileOperation;
constexpr const char* kDirectory = "data/journal";

// A disk on which syncs can be held up, fail, or find no space. Only the journal's thread works on
// it.
struct World {
  tests::SimulatedFiles files;
  tests::SimulatedClock clock;
  std::atomic<bool> held{false};
  std::atomic<bool> full{false};
  std::atomic<bool> broken{false};
  std::atomic<std::uint64_t> syncs{0};
  std::chrono::milliseconds position_pause{10};
  std::chrono::milliseconds value_pause{0};

  World() {
    files.fault = [this](std::uint64_t, FileOperation operation, const std::string&) {
      if (operation == FileOperation::kWrite && full) return Fault::kNoSpace;
      if (operation != FileOperation::kSync) return Fault::kNone;
      ++syncs;
      held.wait(true);
      return broken ? Fault::kFail : Fault::kNone;
    };
  }
  void hold() { held = true; }
  void let_go() {
    held = false;
    held.notify_all();
  }
  std::unique_ptr<Journal> open(std::size_t queue_bytes_max = 1 << 20,
                                JournalListener listener = {}) {
    JournalOptions options;
    options.segment_bytes = 1 << 16;
    JournalLimits limits;
    limits.queue_bytes_max = queue_bytes_max;
    limits.no_space_retry = std::chrono::milliseconds(1);
    limits.position_pause = position_pause;
    limits.value_pause = value_pause;
    Result<std::unique_ptr<Journal>> journal =
        Journal::open(files, clock, kDirectory, options, limits, std::move(listener));
    REQUIRE_MESSAGE(journal, journal.error().message);
    return *std::move(journal);
  }
  std::vector<std::string> read() {
    Result<JournalReader> reader = JournalReader::open(files, kDirectory, 1);
    REQUIRE(reader);
    std::vector<std::string> all;
    for (;;) {
      const Result<std::optional<JournalEntry>> entry = reader->next();
      REQUIRE_MESSAGE(entry, entry.error().message);
      if (!*entry) return all;
      all.emplace_back(std::get<ArrivalByValue>((*entry)->record).bytes);
    }
  }
};

JournalRecord record_of(std::string_view bytes) { return ArrivalByValue{{7}, "-", 0, 0, 1, bytes}; }

// Waits for what another thread is about to do.
template <typename Condition>
void await(const Condition& condition) {
  while (!condition()) std::this_thread::yield();
}

TEST_CASE("journal: one sync serves all that arrived while the last one ran") {
  World world;
  const auto journal = world.open();
  const std::uint64_t before = world.syncs;
  world.hold();
  CHECK(*journal->append(record_of("a")) == 1);
  await([&] { return world.syncs == before + 1; });
  for (int i = 0; i < 100; ++i) CHECK(journal->append(record_of("b")));
  CHECK(journal->status().durable_end == 1);
  CHECK(journal->status().next_sequence == 102);
  world.let_go();
  REQUIRE(journal->wait_durable(101));
  CHECK(world.syncs == before + 2);
  CHECK(journal->status().commits == 2);
  REQUIRE(journal->close());
  CHECK(world.read().size() == 101);
}

TEST_CASE("journal: records by position wait for one another until somebody waits for them") {
  World world;
  world.position_pause = std::chrono::hours(1);
  const auto journal = world.open();
  const JournalRecord record = ArrivalByPosition{{7}, "file", "identity", 0, 10, 1, {}};
  // The first after a while waits for nothing.
  REQUIRE(*journal->append(record) == 1);
  REQUIRE(journal->wait_durable(1));
  const std::uint64_t before = world.syncs;
  for (int i = 0; i < 10; ++i) REQUIRE(journal->append(record));
  CHECK(journal->status().durable_end == 2);
  journal->hurry();
  REQUIRE(journal->wait_durable(11));
  CHECK(world.syncs == before + 1);
  // What is not by position is waited for.
  REQUIRE(*journal->append(record) == 12);
  REQUIRE(*journal->append(record_of("a")) == 13);
  REQUIRE(journal->wait_durable(13));
  REQUIRE(*journal->append(record) == 14);
  REQUIRE(journal->close());
  CHECK(journal->status().durable_end == 15);
}

TEST_CASE("journal: lines of a sender that waits for no answers wait for one another") {
  World world;
  world.position_pause = std::chrono::hours(1);
  world.value_pause = std::chrono::minutes(30);
  const auto journal = world.open();
  REQUIRE(journal->append(record_of("first")));
  REQUIRE(journal->wait_durable(1));
  const std::uint64_t before = world.syncs;
  for (int i = 0; i < 10; ++i) REQUIRE(journal->append(record_of("more")));
  CHECK(journal->status().durable_end == 2);
  // What is neither lines nor a position is waited for.
  REQUIRE(*journal->append(Decision{DecisionKind::kHeartbeat, {}, ""}) == 12);
  REQUIRE(journal->wait_durable(12));
  CHECK(world.syncs == before + 1);
}

TEST_CASE("journal: lines end sooner what records by position would wait for") {
  World world;
  world.position_pause = std::chrono::hours(1);
  world.value_pause = std::chrono::milliseconds(20);
  const auto journal = world.open();
  const JournalRecord position = ArrivalByPosition{{7}, "file", "identity", 0, 10, 1, {}};
  REQUIRE(journal->append(position));
  REQUIRE(journal->wait_durable(1));
  REQUIRE(journal->append(position));
  REQUIRE(*journal->append(record_of("line")) == 3);
  REQUIRE(journal->wait_durable(3));
}

TEST_CASE("journal: many threads append, and each record stands once, in its thread's order") {
  World world;
  const auto journal = world.open(2000);
  constexpr int kThreads = 8;
  constexpr int kEach = 200;
  std::vector<std::thread> threads;
  std::atomic<int> failures{0};
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kEach; ++i) {
        const Result<std::uint64_t> sequence =
            journal->append(record_of(fmt::format("{} {}", thread, i)));
        if (!sequence || (i % 16 == 0 && !journal->wait_durable(*sequence))) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(journal->close());
  CHECK(failures == 0);
  std::vector<int> next(kThreads, 0);
  for (const std::string& text : world.read()) {
    const std::size_t blank = text.find(' ');
    const auto thread = static_cast<std::size_t>(std::stoi(text.substr(0, blank)));
    REQUIRE(std::stoi(text.substr(blank)) == next[thread]);
    ++next[thread];
  }
  CHECK(next == std::vector<int>(kThreads, kEach));
}

TEST_CASE("journal: a full queue holds its writer up, and says so to who does not wait") {
  World world;
  const auto journal = world.open(1000);
  const std::uint64_t before = world.syncs;
  world.hold();
  CHECK(journal->append(record_of("first")));
  await([&] { return world.syncs == before + 1; });
  int taken = 0;
  for (;; ++taken) {
    const Result<std::optional<std::uint64_t>> sequence =
        journal->try_append(record_of(std::string(100, 'x')));
    REQUIRE(sequence);
    if (!*sequence) break;
  }
  CHECK(taken == 7);  // 144 bytes each
  CHECK(journal->status().queued_bytes == 1008);
  std::atomic<bool> done{false};
  std::thread waiting([&] {
    done = journal->append(record_of("last")).has_value();
    done.notify_all();
  });
  CHECK_FALSE(done);
  world.let_go();
  waiting.join();
  CHECK(done);
  REQUIRE(journal->close());
  CHECK(world.read().size() == 9);
  CHECK(world.read().back() == "last");
}

TEST_CASE(
    "journal: a disk without space is waited for and told of, and what was taken in is kept") {
  World world;
  std::mutex mutex;
  std::vector<JournalState> told;
  const auto journal = world.open(1 << 20, [&](const JournalStatus& status) {
    const std::lock_guard lock(mutex);
    if (told.empty() || told.back() != status.state) told.push_back(status.state);
  });
  world.full = true;
  for (int i = 0; i < 10; ++i) CHECK(journal->append(record_of(fmt::format("{}", i))));
  await([&] { return journal->status().state == JournalState::kNoSpace; });
  CHECK(journal->status().reason == "cannot write data/journal/segment-000000000001: simulated");
  CHECK(journal->status().durable_end == 1);
  world.full = false;
  REQUIRE(journal->wait_durable(10));
  REQUIRE(journal->close());
  CHECK(told == std::vector{JournalState::kNoSpace, JournalState::kWriting, JournalState::kClosed});
  CHECK(world.read().size() == 10);
}

TEST_CASE("journal: closing on a full disk says what is not on it") {
  World world;
  const auto journal = world.open();
  world.full = true;
  CHECK(journal->append(record_of("a")));
  await([&] { return journal->status().state == JournalState::kNoSpace; });
  const Result<void> closed = journal->close();
  REQUIRE_FALSE(closed);
  CHECK(closed.error().code == Errc::kLimit);
  CHECK(journal->wait_durable(1).error().code == Errc::kStopped);
  CHECK(journal->append(record_of("b")).error().code == Errc::kStopped);
  world.full = false;
  // It may be there all the same, but for its end mark; nobody was told so.
  CHECK(world.read().size() <= 1);
}

TEST_CASE("journal: after a failed sync nothing is acknowledged, and everybody is told") {
  World world;
  const auto journal = world.open(1000);
  CHECK(journal->append(record_of("a")));
  REQUIRE(journal->wait_durable(1));
  world.hold();
  world.broken = true;
  const std::uint64_t before = world.syncs;
  CHECK(journal->append(record_of("b")));
  await([&] { return world.syncs == before + 1; });
  std::vector<std::thread> threads;
  std::atomic<int> refused{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      // Some wait for room, some for the disk.
      const Result<std::uint64_t> sequence = journal->append(record_of(std::string(600, 'x')));
      if (!sequence || !journal->wait_durable(*sequence)) ++refused;
    });
  }
  world.let_go();
  for (std::thread& thread : threads) thread.join();
  CHECK(refused == 4);
  const JournalStatus status = journal->status();
  CHECK(status.state == JournalState::kFailed);
  CHECK(status.durable_end == 2);
  CHECK(status.reason.starts_with("cannot sync data/journal/segment-000000000001: simulated; "));
  CHECK(journal->append(record_of("c")).error().code == Errc::kIo);
  CHECK(journal->try_append(record_of("c")).error().code == Errc::kIo);
  CHECK(journal->wait_durable(2).error().message == status.reason);
  REQUIRE(journal->wait_durable(1));
  CHECK(journal->close().error().code == Errc::kIo);
}

TEST_CASE("journal: a record that no segment can hold is refused alone") {
  World world;
  const auto journal = world.open();
  CHECK(journal->append(record_of(std::string(1 << 16, 'x'))).error().code == Errc::kLimit);
  CHECK(*journal->append(record_of("a")) == 1);
  REQUIRE(journal->close());
  CHECK(world.read() == std::vector<std::string>{"a"});
}

TEST_CASE("journal: lets go of segments while others append, and of the folder when closed") {
  World world;
  const auto journal = world.open();
  std::uint64_t last = 0;
  for (int i = 0; i < 100; ++i) last = *journal->append(record_of(std::string(5000, 'x')));
  REQUIRE(journal->wait_durable(last));
  journal->release_before(60);
  last = *journal->append(record_of("z"));
  REQUIRE(journal->wait_durable(last));
  REQUIRE(journal->close());
  CHECK(journal->status().release_failure.empty());
  const Result<JournalExtent> extent = verify_journal(world.files, kDirectory);
  REQUIRE(extent);
  CHECK(extent->first_sequence > 40);
  CHECK(extent->first_sequence <= 60);
  CHECK(extent->next_sequence == last + 1);
  const auto again = world.open();
  CHECK(again->first_sequence() == extent->first_sequence);
  CHECK(again->status().durable_end == last + 1);
}
}  // namespace
}  // namespace tocsin::runtime
