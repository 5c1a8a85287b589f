// The journal on a file system that loses what was not synced: after a crash at any operation,
// every record that was acknowledged is there, in order, once, and nothing else but a beginning of
// what had been handed in.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/journal/journal_reader.h"
#include "runtime/journal/journal_writer.h"
#include "tests/support/random.h"
#include "tests/support/random_journal.h"
#include "tests/support/simulated_files.h"

namespace tocsin::tests {
namespace {
using namespace runtime;
constexpr const char* kDirectory = "data/journal";

JournalOptions small_options(Random& random) {
  JournalOptions options;
  options.segment_bytes = 8192 + 1000 * random.below(12);
  options.extend_bytes = random.below(6000);
  options.spares_max = random.below(3);
  return options;
}

JournalRecord of_bytes(std::string_view bytes) { return ArrivalByValue{{7}, "-", 0, 0, 1, bytes}; }

// Bytes of a record whose frame fills a sector: what a cut commit left then stands right where the
// next record is looked for, and no write that is torn touches two frames.
std::size_t sector_sized() {
  std::string bytes;
  while (frame_bytes(body_of(of_bytes(bytes)).size()) < 512) bytes += 'x';
  return bytes.size();
}

// One journal through several lives, and what it must hold.
class Ledger {
 public:
  Ledger(Random& random, SimulatedFiles& files)
      : random_(random),
        files_(files),
        made_(random),
        one_size_(random.pick<std::size_t>({0, 0, sector_sized(), random.below(900)})) {}

  // Opens, appends and ends, whatever comes. False where it did not open.
  bool live(const JournalOptions& options, std::size_t groups) {
    Result<std::unique_ptr<JournalWriter>> opened =
        JournalWriter::open(files_, clock_, kDirectory, options);
    if (!opened) {
      INFO(opened.error().message);
      // Never as damage: nothing was.
      CHECK(opened.error().code != Errc::kCorrupt);
      CHECK(opened.error().code != Errc::kInUse);
      CHECK(opened.error().code != Errc::kOtherVersion);
      return false;
    }
    JournalWriter& writer = **opened;
    check_opened(writer);
    JournalGroup group;
    while (groups-- > 0 && !writer.failed()) {
      fill(group, writer);
      commit(group, writer);
      if (writer.failed()) break;
      if (random_.chance(10)) release(writer);
      if (random_.chance(5) && !files_.crashed()) check_reading(released_, durable_end_);
    }
    return true;
  }

  // All that must be there is there, and it is what was handed in.
  void check_reading(std::uint64_t from, std::uint64_t until) {
    Result<JournalReader> reader = JournalReader::open(files_, kDirectory, from, until);
    if (!reader && files_.fault) return;  // by a fault
    REQUIRE_MESSAGE(reader, reader.error().message);
    for (;;) {
      const Result<std::optional<JournalEntry>> entry = reader->next();
      if (!entry && files_.fault && entry.error().code != Errc::kCorrupt) return;
      REQUIRE_MESSAGE(entry, entry.error().message);
      if (!*entry) break;
      REQUIRE((*entry)->sequence < 1 + bodies_.size());
      REQUIRE(body_of((*entry)->record) == bodies_[(*entry)->sequence - 1]);
    }
    CHECK(reader->sequence() >= durable_end_);
  }

  std::uint64_t durable_end() const { return durable_end_; }
  std::uint64_t segments_seen() const { return segments_; }
  std::uint64_t torn_ends() const { return torn_ends_; }

 private:
  void check_opened(JournalWriter& writer) {
    REQUIRE(writer.durable_end() >= durable_end_);
    REQUIRE(writer.durable_end() <= bodies_.size() + 1);
    REQUIRE(writer.first_sequence() <= std::max<std::uint64_t>(released_, 1));
    if (writer.torn_end()) {
      ++torn_ends_;
      CHECK(writer.torn_end()->sequence == writer.durable_end());
    }
    // What was cut is as if it had never been; what was not is acknowledged now.
    durable_end_ = writer.durable_end();
    bodies_.resize(durable_end_ - 1);
    if (!files_.crashed()) check_reading(writer.first_sequence(), JournalReader::kToEnd);
  }

  void fill(JournalGroup& group, const JournalWriter& writer) {
    for (std::size_t i = 1 + random_.below(random_.pick<std::size_t>({1, 1, 4, 4, 30})); i > 0;
         --i) {
      const std::string same(one_size_, static_cast<char>(random_.below(256)));
      const JournalRecord record = one_size_ != 0 ? of_bytes(same) : made_.next(3000);
      REQUIRE(group.add(bodies_.size() + 1, record, writer.frame_bytes_max()));
      bodies_.push_back(body_of(record));
    }
  }

  void commit(JournalGroup& group, JournalWriter& writer) {
    CommitState state = writer.commit(group);
    for (int tries = 0; state == CommitState::kNoSpace; ++tries) {
      CHECK_FALSE(writer.no_space().empty());
      note_durable(writer);
      if (tries == 5) files_.capacity = UINT64_MAX;
      if (tries == 50) return;  // the process gives up
      state = writer.commit(group);
    }
    note_durable(writer);
    CHECK((state == CommitState::kDurable) == group.empty());
    CHECK((state == CommitState::kDurable) == !writer.failed());
    if (state == CommitState::kDurable) CHECK(durable_end_ == bodies_.size() + 1);
  }

  void note_durable(const JournalWriter& writer) {
    CHECK(writer.durable_end() >= durable_end_);
    durable_end_ = writer.durable_end();
    segments_ = std::max<std::uint64_t>(segments_, writer.segment_count());
  }

  void release(JournalWriter& writer) {
    const std::uint64_t before =
        released_ + random_.below(static_cast<std::size_t>(durable_end_ - released_ + 1));
    released_ = std::max(released_, before);
    (void)writer.release_before(before);
    CHECK(writer.first_sequence() <= std::max<std::uint64_t>(before, 1));
  }

  Random& random_;
  SimulatedFiles& files_;
  SimulatedClock clock_;
  RandomRecords made_;
  std::size_t one_size_;             // of their bytes; 0: of any size
  std::vector<std::string> bodies_;  // of record 1 on, as handed in
  std::uint64_t durable_end_ = 1;
  std::uint64_t released_ = 1;
  std::uint64_t segments_ = 0;
  std::uint64_t torn_ends_ = 0;
};

void end_life(SimulatedFiles& files, Random& random) {
  files.fault = nullptr;
  files.capacity = UINT64_MAX;
  if (random.chance(30)) {
    files.restart();
  } else {
    files.cut_power();
  }
}

TEST_CASE("journal: nothing acknowledged is lost, doubled or made up, whatever fails") {
  std::uint64_t torn_ends = 0;
  std::uint64_t records = 0;
  for_all_seeds("RUNTIME", 300, [&](Random& random) {
    SimulatedFiles files(random.next());
    Ledger ledger(random, files);
    const JournalOptions options = small_options(random);
    for (int life = 0; life < 6; ++life) {
      const std::uint64_t crash_at =
          files.operations() + random.below(random.pick<std::size_t>({25, 50, 150}));
      const bool crashes = random.chance(70);
      const std::size_t nuisance = random.below(3) * 8;
      const std::size_t failing = random.chance(20) ? 2 : 0;
      const bool cow = random.chance(20);  // any write may find no space, as where none is in place
      if (random.chance(25)) files.capacity = 20'000 + random.below(30'000);
      files.fault = [&, crash_at, crashes, nuisance, failing, cow](
                        std::uint64_t number, FileOperation operation, const std::string&) {
        if (crashes && number == crash_at) return Fault::kCrash;
        const bool moves = operation == FileOperation::kRead || operation == FileOperation::kWrite;
        if (moves && random.chance(nuisance)) {
          return random.pick({Fault::kShort, Fault::kInterrupted});
        }
        if (random.chance(failing)) return Fault::kFail;
        if (cow && operation == FileOperation::kWrite && random.chance(10)) return Fault::kNoSpace;
        return Fault::kNone;
      };
      ledger.live(options, random.chance(40) ? 1 : 1 + random.below(20));
      end_life(files, random);
    }
    REQUIRE(ledger.live(options, 3));
    end_life(files, random);
    REQUIRE(ledger.live(options, 0));
    const Result<JournalExtent> extent = verify_journal(files, kDirectory);
    REQUIRE_MESSAGE(extent, extent.error().message);
    CHECK(extent->next_sequence == ledger.durable_end());
    torn_ends += ledger.torn_ends();
    records += ledger.durable_end();
  });
  MESSAGE(records, " records, ", torn_ends, " torn ends");
  CHECK(torn_ends > 0);
}

TEST_CASE("journal: a crash at every operation, and a failed sync at every sync") {
  for (const Fault fault : {Fault::kCrash, Fault::kFail}) {
    std::uint64_t operations = 0;
    for (std::uint64_t at = 0; at == 0 || at < operations; ++at) {
      CAPTURE(at);
      for (std::uint64_t seed = 0; seed < (is_quick() ? 1 : 4); ++seed) {
        CAPTURE(seed);
        Random random(seed);
        SimulatedFiles files(seed + 1000 * at);
        Ledger ledger(random, files);
        JournalOptions options;
        options.segment_bytes = 8192;
        options.extend_bytes = 1024;
        files.fault = [&](std::uint64_t number, FileOperation operation, const std::string&) {
          const bool fits = fault == Fault::kCrash || operation == FileOperation::kSync ||
                            operation == FileOperation::kSyncDirectory;
          return number >= at && fits && number < at + (fault == Fault::kFail ? 3 : 1)
                     ? fault
                     : Fault::kNone;
        };
        ledger.live(options, 25);
        if (at == 0 && seed == 0) {
          // How many operations there are without a fault.
          Random again(seed);
          SimulatedFiles calm(seed);
          Ledger(again, calm).live(options, 25);
          operations = calm.operations();
          REQUIRE(operations > 50);
        }
        end_life(files, random);
        REQUIRE(ledger.live(options, 2));
        // Once more: what the opening after the crash acknowledged is not lost either.
        files.fault = nullptr;
        files.cut_power();
        REQUIRE(ledger.live(options, 0));
      }
    }
  }
}
}  // namespace
}  // namespace tocsin::tests
