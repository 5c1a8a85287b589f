#include "runtime/journal/journal_writer.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <vector>

#include "cep/base/byte_codec.h"
#include "runtime/journal/journal_reader.h"
#include "tests/runtime/journal_steps.h"
#include "tests/support/random_journal.h"
#include "tests/support/simulated_files.h"

namespace tocsin::runtime {
namespace {
// NOLINTNEXTLINE(google-build-using-namespace): a test's words
using namespace tests::journal_steps;
using tests::Fault;
using tests::FileOperation;
using tests::SimulatedFiles;

TEST_CASE("journal: begins empty, and goes on where it was") {
  SimulatedFiles files;
  {
    const auto writer = open(files);
    CHECK(writer->durable_end() == 1);
    CHECK(commit(*writer, {"a", "b"}) == CommitState::kDurable);
    CHECK(commit(*writer, {}) == CommitState::kDurable);
    CHECK(writer->durable_end() == 3);
  }
  {
    const auto writer = open(files);
    CHECK(writer->durable_end() == 3);
    CHECK_FALSE(writer->torn_end());
    CHECK(commit(*writer, {"c"}) == CommitState::kDurable);
  }
  REQUIRE(read(files));
  CHECK(*read(files) == Texts{"a", "b", "c"});
  CHECK(*read(files, 3) == Texts{"c"});
  CHECK(*read(files, 4) == Texts{});
  CHECK(*read(files, 1, 3) == Texts{"a", "b"});
  // One segment, however often it is opened.
  CHECK(verify_journal(files, kDirectory)->segments == 1);
}

TEST_CASE("journal: a live owner is refused") {
  SimulatedFiles files;
  const auto writer = open(files);
  CHECK(open_error(files).code == Errc::kInUse);
}

TEST_CASE("journal: segments are as long as they may be, and a record is never cut in two") {
  SimulatedFiles files;
  Texts all;
  const auto writer = open(files);
  for (int i = 0; i < 40; ++i) all.push_back(fmt::format("{:0700}", i));
  CHECK(commit(*writer, all) == CommitState::kDurable);
  CHECK(writer->segment_count() == 8);  // 5 x 744 in 8,192 - 4,096 - 24
  for (const std::string& path : files.paths()) CHECK(files.contents(path).size() <= 8192);
  CHECK(*read(files) == all);
  CHECK(*read(files, 33) == Texts(all.begin() + 32, all.end()));
  // What fits a segment exactly is taken, a byte more is not.
  JournalGroup group;
  const std::size_t most = writer->frame_bytes_max() - kFrameHeaderBytes - 15;
  CHECK_FALSE(group.add(41, record_of(std::string(most, 'x')), writer->frame_bytes_max()));
  CHECK(group.empty());
  std::size_t fits = most;
  while (!group.add(41, record_of(std::string(fits, 'x')), writer->frame_bytes_max())) --fits;
  CHECK(group.bytes() == writer->frame_bytes_max());
  CHECK(writer->commit(group) == CommitState::kDurable);
  CHECK(read(files, 41)->front().size() == fits);
}

TEST_CASE("journal: reading skips segments before the first record wanted") {
  SimulatedFiles files;
  {
    const auto writer = open(files);
    CHECK(commit(*writer, Texts(40, std::string(700, 'x'))) == CommitState::kDurable);
  }
  std::uint64_t bytes_read = 0;
  std::vector<std::string> whole;
  files.fault = [&](std::uint64_t, FileOperation operation, const std::string& path) {
    if (operation == FileOperation::kSize) whole.push_back(path);
    bytes_read += operation == FileOperation::kRead ? 1 : 0;
    return Fault::kNone;
  };
  CHECK(read(files, 36)->size() == 5);
  // Eight headers, and the last segment.
  CHECK(whole.size() == 9);
  CHECK(whole.back() == "data/journal/segment-000000000008");
}

TEST_CASE("journal: segments before a record are let go of, oldest first, and used again") {
  SimulatedFiles files;
  JournalOptions options = small();
  options.spares_max = 2;
  const auto writer = open(files, options);
  CHECK(commit(*writer, Texts(40, std::string(700, 'x'))) == CommitState::kDurable);
  REQUIRE(writer->release_before(1));
  CHECK(writer->first_sequence() == 1);
  REQUIRE(writer->release_before(5));
  CHECK(writer->first_sequence() == 1);
  REQUIRE(writer->release_before(6));
  CHECK(writer->first_sequence() == 6);
  REQUIRE(writer->release_before(1'000'000));
  CHECK(writer->first_sequence() == 36);
  CHECK(files.paths() == Texts{"data/journal/segment-000000000008",
                               "data/journal/spare-000000000001",
                               "data/journal/spare-000000000002"});
  CHECK(read(files, 1).error().code == Errc::kNotFound);
  CHECK(read(files, 36)->size() == 5);
  CHECK(commit(*writer, Texts(10, std::string(700, 'y'))) == CommitState::kDurable);
  CHECK(files.paths() == Texts{"data/journal/segment-000000000008",
                               "data/journal/segment-000000000009",
                               "data/journal/segment-000000000010"});
  CHECK(read(files, 36)->size() == 15);
}

TEST_CASE("journal: a failed sync is final, and says so") {
  SimulatedFiles files;
  const auto writer = open(files);
  CHECK(commit(*writer, {"a"}) == CommitState::kDurable);
  bool broken = true;
  files.fault = [&](std::uint64_t, FileOperation operation, const std::string&) {
    return broken && operation == FileOperation::kSync ? Fault::kFail : Fault::kNone;
  };
  CHECK(commit(*writer, {"b"}) == CommitState::kFailed);
  CHECK(writer->failed());
  CHECK(writer->durable_end() == 2);
  CHECK(writer->failure() ==
        "cannot sync data/journal/segment-000000000001: simulated; nothing more is written or "
        "acknowledged: start again to recover");
  broken = false;
  CHECK(commit(*writer, {"c"}) == CommitState::kFailed);
  CHECK(writer->durable_end() == 2);
}

TEST_CASE("journal: a full disk is waited for, and nothing is lost or doubled") {
  SimulatedFiles files;
  const auto writer = open(files);
  files.capacity = 9000;
  Texts all;
  for (int i = 0; i < 12; ++i) all.push_back(fmt::format("{:0700}", i));
  JournalGroup group;
  for (std::size_t i = 0; i < all.size(); ++i) {
    REQUIRE(group.add(i + 1, record_of(all[i]), writer->frame_bytes_max()));
  }
  CHECK(writer->commit(group) == CommitState::kNoSpace);
  CHECK(writer->durable_end() == 6);  // what fitted is durable
  CHECK(writer->no_space() == "cannot write data/journal/segment-000000000002.new: simulated");
  CHECK(writer->commit(group) == CommitState::kNoSpace);
  CHECK_FALSE(writer->failed());
  files.capacity = 17'000;
  CHECK(writer->commit(group) == CommitState::kNoSpace);
  CHECK(writer->durable_end() == 11);
  files.capacity = UINT64_MAX;
  CHECK(writer->commit(group) == CommitState::kDurable);
  CHECK(writer->no_space().empty());
  CHECK(*read(files) == all);
}

TEST_CASE("journal: another semantics number is refused with what to do, or begins a segment") {
  SimulatedFiles files;
  CHECK(commit(*open(files), {"a"}) == CommitState::kDurable);
  JournalOptions options = small();
  options.semantics = 2;
  CHECK(open_error(files, options).code == Errc::kOtherVersion);
  CHECK(open_error(files, options).message ==
        "data/journal/segment-000000000001 was written under semantics 1, and this program runs "
        "under semantics 2: its alerts may differ; use the version of Tocsin that wrote it, or go "
        "on with --replay-as-new, which tells what differs and does not send it");
  options.accept_other_semantics = true;
  CHECK(commit(*open(files, options), {"b"}) == CommitState::kDurable);
  Result<JournalReader> reader = JournalReader::open(files, kDirectory, 1);
  REQUIRE(reader);
  for (const std::uint32_t semantics : {1, 2}) {
    const Result<std::optional<JournalEntry>> entry = reader->next();
    REQUIRE(entry);
    REQUIRE(*entry);
    CHECK((*entry)->segment->semantics == semantics);
  }
}

TEST_CASE("journal: a timeline begins with a segment and is kept") {
  SimulatedFiles files;
  JournalOptions options = small();
  options.timeline.id = {1};
  options.first_sequence = 100;
  {
    const auto writer = open(files, options);
    CHECK(writer->durable_end() == 100);
    CHECK(writer->timeline() == options.timeline);
    CHECK(commit(*writer, {"a"}) == CommitState::kDurable);
  }
  CHECK(open(files)->timeline() == options.timeline);
  JournalOptions fork = small();
  fork.timeline = {{2}, {1}, 100};
  fork.begin_timeline = true;
  {
    const auto writer = open(files, fork);
    CHECK(writer->timeline() == fork.timeline);
    CHECK(writer->durable_end() == 101);
    CHECK(commit(*writer, Texts(12, std::string(700, 'x'))) == CommitState::kDurable);
    CHECK(writer->timeline() == fork.timeline);
  }
  CHECK(open(files)->timeline() == fork.timeline);
  CHECK(read(files, 100)->size() == 13);
}
}  // namespace
}  // namespace tocsin::runtime
