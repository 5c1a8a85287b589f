// What the journal lets go of is in the archive, whatever fails in between.
#include "runtime/node/archive_keeper.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/runtime/archive_world.h"
#include "tests/runtime/checkpoint_node.h"

namespace tocsin::runtime {
namespace {
using tests::ArchiveWorld;
using tests::Fault;
using tests::FileOperation;
using tests::Random;

struct Rest {
  std::vector<std::uint64_t> sequences;
  std::vector<ArchiveGap> gaps;
};
Rest read_rest(ArchiveWorld& world) {
  Result<ArchiveReader> reader =
      ArchiveReader::open(world.files, ArchiveWorld::kArchive, ArchiveWorld::kJournal, {});
  REQUIRE_MESSAGE(reader, reader.error().message);
  Rest rest;
  for (;;) {
    const Result<std::optional<ArchivedRecord>> record = reader->next();
    REQUIRE_MESSAGE(record, record.error().message);
    if (!*record) break;
    rest.sequences.push_back((*record)->sequence);
    REQUIRE(tests::body_of((*record)->record) == world.all[(*record)->sequence - 1].body);
  }
  rest.gaps = reader->gaps();
  return rest;
}

class KeptWorld {
 public:
  explicit KeptWorld(Random& random) : world(random), paths("data") {
    options.writer.block_bytes = 1000;
  }
  void open() {
    keeper.emplace(world.files, world.clock, *executor, paths, world.program, *world.log,
                   ArchiveWorld::kSegmentBytes, options);
    const Result<void> opened = keeper->open();
    REQUIRE_MESSAGE(opened, opened.error().message);
  }
  void append(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) REQUIRE(world.append());
    REQUIRE(world.log->commit());
  }
  // As checkpoints do.
  void release() {
    keeper->release_before(world.log->durable_end());
    for (int i = 0; i < 100; ++i) keeper->poll(false);
  }
  std::uint64_t journal_first() {
    const Result<JournalDirectory> journal = survey_journal(world.files, ArchiveWorld::kJournal);
    REQUIRE(journal);
    return journal->segments.front().header.first_sequence;
  }

  ArchiveWorld world;
  DataPaths paths;
  ArchiveOptions options;
  std::optional<tests::PatientExecutor> executor{std::in_place};
  std::optional<ArchiveKeeper> keeper;
};
}  // namespace

TEST_CASE("archive: every record stays, whatever crashes, fails or waits") {
  std::size_t crashes = 0;
  tests::for_all_seeds("archive", 60, [&](Random& random) {
    KeptWorld kept(random);
    ArchiveWorld& world = kept.world;
    kept.open();
    std::uint64_t fault_at = UINT64_MAX;
    bool was_full = false;  // then the oldest files may go
    Fault fault = Fault::kNone;
    world.files.fault = [&](std::uint64_t number, FileOperation, const std::string& path) {
      const bool is_here = number >= fault_at && path.starts_with(ArchiveWorld::kArchive);
      return is_here ? fault : Fault::kNone;
    };
    for (int step = 0; step < 20; ++step) {
      if (random.chance(30)) kept.executor->wait();
      kept.append(random.below(60));
      if (random.chance(25)) {
        fault = random.pick({Fault::kCrash, Fault::kNoSpace, Fault::kFail, Fault::kShort});
        fault_at = world.files.operations() + random.below(60);
        was_full = was_full || fault == Fault::kNoSpace;
      }
      kept.release();
      if (random.chance(60)) kept.executor->go_on();
      fault_at = UINT64_MAX;
      if (world.files.crashed() || random.chance(5)) {
        ++crashes;
        kept.keeper.reset();
        kept.executor.emplace();
        world.log.reset();
        world.files.cut_power();
        world.open();
        kept.open();
      }
    }
    kept.executor->go_on();
    kept.release();
    kept.release();
    CHECK(kept.keeper->status().failure.empty());
    CHECK(kept.keeper->status().records_missed == 0);
    const Rest rest = read_rest(world);
    REQUIRE(rest.gaps.empty());
    REQUIRE(rest.sequences.back() == world.all.size());
    CHECK((was_full || rest.sequences.front() == 1));
    // All but the last segment are in the archive alone.
    CHECK(kept.journal_first() == kept.keeper->status().end_sequence);
  });
  CHECK(crashes > 0);
}

TEST_CASE("archive: what cannot be archived is given up at a limit, and counted") {
  Random random(5);
  KeptWorld kept(random);
  kept.options.backlog_bytes_max = 4 * ArchiveWorld::kSegmentBytes;
  kept.open();
  kept.world.files.fault = [](std::uint64_t, FileOperation operation, const std::string& path) {
    const bool is_archive = path.starts_with(ArchiveWorld::kArchive);
    return is_archive && operation == FileOperation::kWrite ? Fault::kNoSpace : Fault::kNone;
  };
  for (int i = 0; i < 12; ++i) {
    kept.append(60);
    kept.release();
  }
  const ArchiveStatus full = kept.keeper->status();
  CHECK_MESSAGE(full.failure.find(ArchiveWorld::kArchive) != std::string::npos, full.failure);
  CHECK(full.records_missed > 0);
  CHECK(full.records_missed == kept.journal_first() - 1);
  const Result<JournalDirectory> journal = survey_journal(kept.world.files, ArchiveWorld::kJournal);
  REQUIRE(journal);
  CHECK(journal->segments.size() <= 6);
  kept.world.files.fault = {};
  kept.append(60);
  kept.release();
  CHECK(kept.keeper->status().failure.empty());
  const Rest rest = read_rest(kept.world);
  CHECK(rest.sequences.front() == full.records_missed + 1);
  CHECK(rest.sequences.size() == kept.world.all.size() - full.records_missed);
}

TEST_CASE("archive: the oldest files go by their age, and by the size of all") {
  Random random(9);
  KeptWorld kept(random);
  kept.world.arrivals = 100;
  kept.open();
  kept.append(400);
  kept.release();
  const ArchiveStatus before = kept.keeper->status();
  REQUIRE(before.files > 4);
  CHECK(before.files_removed == 0);

  kept.keeper.reset();
  kept.options.bytes_max = before.bytes / 2;
  kept.open();
  kept.append(60);
  kept.release();
  const ArchiveStatus smaller = kept.keeper->status();
  CHECK(smaller.bytes <= before.bytes / 2);
  CHECK(smaller.files_removed > 0);
  const Rest rest = read_rest(kept.world);
  CHECK(rest.gaps.empty());  // what is missing is all before the first
  CHECK(rest.sequences.front() > 1);
  CHECK(rest.sequences.back() == kept.world.all.size());

  kept.keeper.reset();
  kept.options.keep_for = cep::Duration{1'000'000};
  kept.world.clock.time = {1'900'000'000'000'000};
  kept.open();
  kept.append(60);
  kept.release();
  CHECK(kept.keeper->status().files == 0);
  CHECK(kept.keeper->status().bytes == 0);
}

TEST_CASE("archive: where the disk is full the oldest files go, a few at a time") {
  Random random(4);
  KeptWorld kept(random);
  kept.open();
  kept.append(400);
  kept.release();
  const ArchiveStatus before = kept.keeper->status();
  REQUIRE(before.bytes > 2 * ArchiveWorld::kSegmentBytes);
  const auto ask_often = [&] {
    for (int i = 0; i < 10; ++i) kept.keeper->poll(true);
  };
  ask_often();
  const ArchiveStatus once = kept.keeper->status();
  CHECK(once.bytes <= before.bytes - ArchiveWorld::kSegmentBytes);
  CHECK(once.files > 0);
  CHECK(once.end_sequence == before.end_sequence);
  kept.world.clock.time = kept.world.clock.time + cep::Duration{1'000'000};
  ask_often();
  CHECK(kept.keeper->status().bytes < once.bytes);
  const Rest rest = read_rest(kept.world);
  CHECK(rest.gaps.empty());
  CHECK(rest.sequences.back() == kept.world.all.size());
}

TEST_CASE("archive: without one the journal lets go at once") {
  Random random(2);
  KeptWorld kept(random);
  kept.keeper.emplace(kept.world.files, kept.world.clock, *kept.executor, kept.paths,
                      kept.world.program, *kept.world.log, ArchiveWorld::kSegmentBytes,
                      std::nullopt);
  REQUIRE(kept.keeper->open());
  kept.append(300);
  kept.release();
  CHECK(kept.journal_first() > 1);
  CHECK_FALSE(kept.keeper->status().is_kept);
  CHECK(survey_archive(kept.world.files, ArchiveWorld::kArchive)->files.empty());
}
}  // namespace tocsin::runtime
