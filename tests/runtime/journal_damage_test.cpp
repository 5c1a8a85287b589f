// What readers and writers of a journal make of torn ends, damage and missing segments.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "cep/base/byte_codec.h"
#include "runtime/journal/journal_reader.h"
#include "runtime/journal/journal_writer.h"
#include "tests/runtime/journal_steps.h"
#include "tests/support/random.h"
#include "tests/support/random_journal.h"
#include "tests/support/simulated_files.h"

namespace tocsin::runtime {
namespace {
// NOLINTNEXTLINE(google-build-using-namespace): a test's words
using namespace tests::journal_steps;
using tests::SimulatedFiles;

// A journal whose last commit has three records, its segment's file with the first of them lost as
// a crash loses it.
SimulatedFiles& torn_journal(SimulatedFiles& files, const std::string& text) {
  std::size_t offset = 0;
  {
    const auto writer = open(files);
    CHECK(commit(*writer, {"first"}) == CommitState::kDurable);
    offset = kSegmentHeaderBytes + frame_bytes(tests::body_of(record_of("first")).size());
    CHECK(commit(*writer, {text, text, text}) == CommitState::kDurable);
  }
  std::string bytes = files.contents(kFirstSegment);
  bytes[offset + 30] = static_cast<char>(bytes[offset + 30] ^ 1);
  files.put(kFirstSegment, bytes);
  return files;
}

TEST_CASE("journal: a torn commit is cut, and what stood behind the cut never comes back") {
  const std::string text(100, 'x');
  SimulatedFiles files;
  torn_journal(files, text);
  {
    const auto writer = open(files);
    REQUIRE(writer->torn_end());
    CHECK(writer->torn_end()->path == kFirstSegment);
    CHECK(writer->torn_end()->sequence == 2);
    CHECK(writer->durable_end() == 2);
    // The same size as what was cut, and a crash that keeps it but not the end mark behind it.
    CHECK(commit(*writer, {std::string(100, 'y')}) == CommitState::kDurable);
    CHECK(writer->segment_count() == 2);
  }
  for (int again = 0; again < 2; ++again) {
    CHECK(*read(files) == Texts{"first", std::string(100, 'y')});
    CHECK(open(files)->durable_end() == 3);
  }
}

TEST_CASE("journal: damage before the end is refused and named") {
  SimulatedFiles files;
  torn_journal(files, "x");
  {
    // The first of the commit is made good again, and another commit follows.
    const auto writer = open(files);
    CHECK(commit(*writer, {"a"}) == CommitState::kDurable);
    CHECK(commit(*writer, {"b"}) == CommitState::kDurable);
  }
  const std::string path = "data/journal/segment-000000000002";
  std::string bytes = files.contents(path);
  bytes[kSegmentHeaderBytes + 26] = 'X';
  files.put(path, bytes);
  const std::string message =
      "data/journal/segment-000000000002 is damaged at offset 4096: record 2 was expected there, "
      "and "
      "record 3 behind it, at offset 4136, was written when it was on disk already";
  CHECK(open_error(files).code == Errc::kCorrupt);
  CHECK(open_error(files).message == message);
  CHECK(read(files).error().message == message);
  CHECK(verify_journal(files, kDirectory).error().message == message);
  // And so is what is missing.
  files.put(path, {});
  CHECK(
      open_error(files).message ==
      "data/journal/segment-000000000002 is damaged: a segment begins with a header of 4096 bytes, "
      "and there are 0");
}

TEST_CASE("journal: damage is told from a torn end though the bodies behind it are bad as well") {
  SimulatedFiles files;
  {
    const auto writer = open(files);
    for (const char* text : {"a", "b", "c"})
      CHECK(commit(*writer, {text}) == CommitState::kDurable);
  }
  // The last byte of "b" and of "c".
  std::string bytes = files.contents(kFirstSegment);
  const std::size_t frame = frame_bytes(tests::body_of(record_of("b")).size());
  bytes[kSegmentHeaderBytes + frame + kFrameHeaderBytes + 15] = 'B';
  bytes[kSegmentHeaderBytes + 2 * frame + kFrameHeaderBytes + 15] = 'C';
  files.put(kFirstSegment, bytes);
  CHECK(open_error(files).message ==
        "data/journal/segment-000000000001 is damaged at offset 4136: record 2 was expected there, "
        "and record 3 behind it, at offset 4176, was written when it was on disk already");
}

TEST_CASE("journal: what somebody sends to look like frames is not taken for them") {
  // Heads of a later record at every place of a record that is then torn.
  SimulatedFiles files;
  JournalOptions options = small();
  options.segment_bytes = 1 << 20;
  std::string heads;
  for (std::uint64_t i = 0; heads.size() < 500'000; ++i) {
    char bytes[8];
    store_number(bytes, i % 3 == 0 ? std::uint64_t{100'000} << 32 : 4 - i % 3);
    heads.append(bytes, 8);
  }
  {
    const auto writer = open(files, options);
    CHECK(commit(*writer, {"a", heads}) == CommitState::kDurable);
  }
  std::string bytes = files.contents(kFirstSegment);
  bytes[kSegmentHeaderBytes + 1000] = '?';
  files.put(kFirstSegment, bytes);
  const auto writer = open(files, options);
  CHECK(writer->durable_end() == 2);
  CHECK(writer->torn_end());
  CHECK(writer->segment_count() == 1);
}

TEST_CASE(
    "journal: a record lost in a segment that is not the last is damage, whatever stands behind") {
  SimulatedFiles files;
  {
    const auto writer = open(files);
    CHECK(commit(*writer, Texts(12, std::string(700, 'x'))) == CommitState::kDurable);
  }
  // The last record of the first segment: nothing valid follows it there.
  std::string bytes = files.contents(kFirstSegment);
  bytes[kSegmentHeaderBytes + 4 * 744 + 40] = 'X';
  files.put(kFirstSegment, bytes);
  CHECK(read(files).error().code == Errc::kCorrupt);
  CHECK(read(files).error().message ==
        "data/journal/segment-000000000001 is damaged at offset 7072: record 5 was expected there, "
        "and the next segment begins behind it");
  CHECK(read(files, 6)->size() == 7);
  // A writer needs only the last segment.
  CHECK(open(files)->durable_end() == 13);
}

TEST_CASE("journal: segments that are missing are named") {
  SimulatedFiles files;
  {
    const auto writer = open(files);
    CHECK(commit(*writer, Texts(12, std::string(700, 'x'))) == CommitState::kDurable);
  }
  REQUIRE(files.remove("data/journal/segment-000000000002"));
  CHECK(open_error(files).code == Errc::kCorrupt);
  CHECK(
      open_error(files).message ==
      "data/journal/segment-000000000003 follows segment 2, which is missing: the one before it is "
      "1");
  REQUIRE(files.remove("data/journal/segment-000000000003"));
  // The end is missing: only who knows how long it was can tell.
  CHECK(read(files)->size() == 5);
  CHECK(read(files, 1, 13).error().message ==
        "the journal ends before record 6, and records up to 12 were expected");
  CHECK(read(files, 9).error().message ==
        "data/journal/segment-000000000001 ends with record 5, and record 8 was expected");
  REQUIRE(files.remove(kFirstSegment));
  CHECK(read(files)->empty());
  CHECK(read(files, 2).error().message == "the journal has no segments, and record 1 was expected");
  SegmentHeader other;
  other.id = 4;
  files.put("data/journal/segment-000000000005", encode_segment_header(other));
  CHECK(open_error(files).message ==
        "data/journal/segment-000000000005 is not what its name says: it holds segment 4");
}

TEST_CASE("journal: an end before what is known to be on disk is refused, and nothing is cut") {
  SimulatedFiles files;
  CHECK(commit(*open(files), {"a", "b"}) == CommitState::kDurable);
  CHECK(commit(*open(files), {"c"}) == CommitState::kDurable);
  std::string bytes = files.contents(kFirstSegment);
  char& in_last = bytes[bytes.rfind('c')];
  in_last = 'x';
  files.put(kFirstSegment, bytes);
  JournalOptions options = small();
  options.known_end = 4;
  const Error error = open_error(files, options);
  CHECK(error.code == Errc::kCorrupt);
  CHECK(error.message.starts_with("data/journal/segment-000000000001 is damaged at offset "));
  CHECK(error.message.ends_with("and records up to 3 were on disk"));
  CHECK(files.contents(kFirstSegment) == bytes);
  // Put right it opens; where nobody knows of record 3 it is a torn end.
  in_last = 'c';
  files.put(kFirstSegment, bytes);
  CHECK(open(files, options)->durable_end() == 4);
  in_last = 'x';
  files.put(kFirstSegment, bytes);
  options.known_end = 3;
  CHECK(open(files, options)->torn_end().has_value());
}

TEST_CASE(
    "journal: any flipped byte gives the same records, an end before the last commit, or a name") {
  // Two segments, the last with three commits of two records.
  SimulatedFiles files;
  Texts all;
  {
    const auto writer = open(files);
    for (int i = 0; i < 3; ++i) {
      Texts pair = {fmt::format("{:0600}", i), fmt::format("{}", i)};
      CHECK(commit(*writer, pair) == CommitState::kDurable);
      all.insert(all.end(), pair.begin(), pair.end());
    }
    for (int i = 0; i < 3; ++i) {
      Texts pair = {fmt::format("{:0300}", i), fmt::format("{}", i)};
      CHECK(commit(*writer, pair) == CommitState::kDurable);
      all.insert(all.end(), pair.begin(), pair.end());
    }
    REQUIRE(writer->segment_count() == 1);
    Texts pair = {std::string(600, 'q'), "q"};
    while (writer->segment_count() == 1) {
      CHECK(commit(*writer, pair) == CommitState::kDurable);
      all.insert(all.end(), pair.begin(), pair.end());
    }
    CHECK(commit(*writer, pair) == CommitState::kDurable);
    all.insert(all.end(), pair.begin(), pair.end());
    REQUIRE(writer->segment_count() == 2);
  }
  std::size_t same = 0;
  std::size_t cut = 0;
  std::size_t refused = 0;
  tests::Random random(1);
  for (const std::string& path : files.paths()) {
    const std::string good = files.contents(path);
    std::string bytes = good;
    for (std::size_t i = 0; i < good.size(); ++i) {
      CAPTURE(path);
      CAPTURE(i);
      bytes[i] = static_cast<char>(bytes[i] ^ (1 + random.below(255)));
      files.put(path, bytes);
      bytes[i] = good[i];
      const Result<Texts> found = read(files);
      if (!found) {
        ++refused;
        REQUIRE(found.error().code == Errc::kCorrupt);
        REQUIRE(found.error().message.starts_with(path));
      } else if (*found == all) {
        ++same;
      } else {
        // Only what the last commit held can look like a torn end.
        ++cut;
        REQUIRE(path.ends_with("2"));
        REQUIRE(found->size() >= all.size() - 2);
        REQUIRE(found->size() < all.size());
        REQUIRE(std::equal(found->begin(), found->end(), all.begin()));
      }
    }
    files.put(path, good);
  }
  // The last commit: a frame of 640 bytes, one of 40. Headers, and all before it, are refused.
  CHECK(cut == 640 + 40);
  CHECK(refused > 2 * kSegmentHeaderBytes + 4000);
  CHECK(same > 0);  // behind the end
}
}  // namespace
}  // namespace tocsin::runtime
