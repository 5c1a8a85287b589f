#include "runtime/verify/verify.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "cep/plan/semantics.h"
#include "runtime/checkpoint/checkpoint_writer.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/checkpoint/savepoint.h"
#include "runtime/journal/blob_store.h"
#include "runtime/journal/file_tree.h"
#include "runtime/journal/journal_writer.h"
#include "tests/support/model_state_store.h"
#include "tests/support/random.h"
#include "tests/support/simulated_files.h"
#include "tests/support/state_entries.h"

namespace tocsin::runtime {
namespace {
using tests::SimulatedFiles;

constexpr std::uint64_t kRecords = 5;

// A data directory "data" with all that a node keeps: a rule text, five records, two checkpoints
// after the last of them, a savepoint.
struct Data {
  explicit Data(SimulatedFiles& files) {
    const Result<DataDirectory> directory = DataDirectory::open(files, "data", true);
    REQUIRE(directory);
    const DataPaths& paths = directory->paths();
    auto blobs = BlobStore::open(files, paths.blobs);
    REQUIRE(blobs);
    const auto rule = blobs->put("rule a {}");
    REQUIRE(rule);
    begin_journal(files, paths, *rule);
    take_checkpoints(files, paths, *rule);
    REQUIRE(make_durable_directory(files, paths.savepoints));
    REQUIRE(make_savepoint(files, checkpoint_path(paths.checkpoints, 2), paths.blobs,
                           paths.savepoints + "/easter", "easter"));
    files.put(paths.store + "/file", "effects");
    files.put(paths.lock, "");
  }
  static void begin_journal(SimulatedFiles& files, const DataPaths& paths,
                            const cep::Digest& rule) {
    tests::SimulatedClock clock;
    JournalOptions options;
    options.end_mark = paths.journal_end;
    auto writer = JournalWriter::open(files, clock, paths.journal, options);
    REQUIRE(writer);
    for (std::uint64_t sequence = 1; sequence <= kRecords; ++sequence) {
      JournalGroup group;
      Command command;
      command.name = "begin";
      if (sequence == 1) command.blobs.push_back({"rules/a.tocsin", 9, rule});
      REQUIRE(group.add(sequence, command, (*writer)->frame_bytes_max()));
      REQUIRE((*writer)->commit(group) == CommitState::kDurable);
    }
  }
  static void take_checkpoints(SimulatedFiles& files, const DataPaths& paths,
                               const cep::Digest& rule) {
    tests::ModelStateStores stores(files);
    InlineExecutor executor;
    CheckpointOptions options;
    options.checkpoints = paths.checkpoints;
    options.state = paths.state;
    options.semantics = cep::kSemantics;
    auto writer = CheckpointWriter::open(files, stores, executor, options);
    REQUIRE(writer);
    for (int i = 0; i < 2; ++i) {
      CheckpointMeta meta;
      meta.semantics = cep::kSemantics;
      meta.position = kRecords + 1;
      meta.trim = 2;
      meta.blobs.push_back({"rules/a.tocsin", 9, rule});
      (*writer)->begin(meta, CheckpointScope::kChanges);
      (*writer)->put(parse_store_key(tests::store_key(0, "a")), "1");
      (*writer)->finish();
      REQUIRE((*writer)->status().stage == CheckpointStage::kDone);
    }
  }
};

// Of one timeline.
StoreExtent store_of(const std::array<std::uint8_t, 16>& timeline) {
  StoreExtent extent;
  extent.timelines.push_back(timeline);
  return extent;
}

VerifyReport verify(SimulatedFiles& files, const std::string& directory,
                    const StoreExtent& store = store_of({})) {
  const VerifyPorts ports{files, [&](const DataPaths& paths) -> Result<StoreExtent> {
                            CHECK(paths.store == "data/store");
                            if (files.contents(paths.store + "/file") == "effects") return store;
                            return fail(Errc::kCorrupt, paths.store + "/file is damaged");
                          }};
  Result<VerifyReport> report = verify_directory(ports, directory);
  REQUIRE(report);
  return *std::move(report);
}

bool names(const VerifyReport& report, const std::string& path) {
  return std::ranges::any_of(report.damaged, [&](const VerifyFinding& finding) {
    return finding.message.find(path) != std::string::npos && !finding.remedy.empty();
  });
}

TEST_CASE("verify: says what a good data directory holds, and changes nothing") {
  SimulatedFiles files;
  const Data data(files);
  std::map<std::string, std::string> before;
  std::uint64_t bytes = 0;
  for (const std::string& path : files.paths()) before[path] = files.contents(path);
  const VerifyReport report = verify(files, "data/");
  CHECK(report.damaged.empty());
  CHECK(report.notes.empty());
  CHECK_FALSE(report.is_savepoint);
  CHECK(report.journal_segments == 1);
  CHECK(report.journal_records == kRecords);
  CHECK(report.blobs == 1);
  CHECK(report.checkpoints == 2);
  CHECK(report.savepoints == 1);
  // A file with several names was read once.
  std::map<FileIdentity, std::uint64_t> once;
  for (const auto& [path, contents] : before) {
    const bool is_counted = path.starts_with("data/checkpoints/") || path.starts_with("data/save");
    if (is_counted && !path.ends_with("/manifest")) once[*files.identity(path)] = contents.size();
  }
  for (const auto& [identity, size] : once) bytes += size;
  const std::string blob = "data/blobs/" + cep::hex(cep::sha256("rule a {}"));
  CHECK(report.bytes == bytes + (once.contains(*files.identity(blob)) ? 9 : 0));
  for (const std::string& path : files.paths()) CHECK(files.contents(path) == before[path]);
  CHECK(files.paths().size() == before.size());

  const VerifyReport savepoint = verify(files, "data/savepoints/easter");
  CHECK(savepoint.is_savepoint);
  CHECK(savepoint.damaged.empty());
  CHECK(verify(files, "data/checkpoints/000000000001").damaged.empty());
}

TEST_CASE("verify: a checkpoint whose removal failed is no damage") {
  SimulatedFiles files;
  const Data data(files);
  const std::string left = "data/checkpoints/000000000001/";
  std::map<std::string, std::string> kept;
  for (const std::string& path : files.paths()) {
    if (path.starts_with(left)) kept[path] = files.contents(path);
  }
  Data::take_checkpoints(files, DataPaths("data"), cep::sha256("rule a {}"));
  REQUIRE_FALSE(files.contents("data/checkpoints/000000000004/manifest").empty());
  for (const auto& [path, contents] : kept) files.put(path, contents + "x");
  const VerifyReport report = verify(files, "data");
  CHECK(report.damaged.empty());
  CHECK(report.checkpoints == 2);
  REQUIRE(report.notes.size() == 1);
  CHECK(report.notes.front().find("000000000001 is older than the 2 that count") !=
        std::string::npos);
}

TEST_CASE("verify: journal, store and checkpoints know each other's ends") {
  SimulatedFiles files;
  const Data data(files);
  const std::string segment = "data/journal/segment-000000000001";
  StoreExtent store = store_of({});
  store.cause = kRecords;
  CHECK(verify(files, "data", store).damaged.empty());
  SUBCASE("the store holds what came of a record that the journal lacks") {
    store.cause = kRecords + 1;
    CHECK(names(verify(files, "data", store), "data/journal"));
  }
  SUBCASE("the store ends before a checkpoint") {
    // The mark of Data's checkpoints is empty; of a store of another run nothing fits.
    store.timelines = {};
    CHECK(names(verify(files, "data", store), "data/store"));
    store.timelines.push_back({7});
    CHECK(names(verify(files, "data", store), "data/store"));
  }
  SUBCASE("the store is missing") {
    REQUIRE(files.remove("data/store/file"));
    REQUIRE(files.remove_directory("data/store"));
    CHECK(names(verify(files, "data", store), "data/store"));
  }
  SUBCASE("the journal's end is gone, which looks like a crash, and only the end mark knows") {
    for (const std::string& path : files.paths()) {
      if (path.starts_with("data/checkpoints/")) REQUIRE(files.remove(path));
    }
    for (const char* number : {"1", "2"}) {
      const std::string folder = std::string("data/checkpoints/00000000000") + number;
      REQUIRE(files.remove_directory(folder + "/state"));
      REQUIRE(files.remove_directory(folder));
    }
    store.cause = 1;
    CHECK(verify(files, "data", store).damaged.empty());
    std::string bytes = files.contents(segment);
    const std::size_t used = bytes.find_last_not_of('\0') + 1;
    files.put(segment, bytes.substr(0, used - 40) + std::string(4096, '\0'));
    CHECK(names(verify(files, "data", store), "data/journal"));
    REQUIRE(files.remove("data/ends/journal"));
    CHECK(verify(files, "data", store).damaged.empty());
  }
}

TEST_CASE("verify: every damaged, cut or missing file is named") {
  SimulatedFiles good;
  const Data data(good);
  const std::size_t used = [&] {
    // What stands behind the journal's end mark is nobody's.
    const std::string segment = good.contents("data/journal/segment-000000000001");
    return segment.find_last_not_of('\0') + 1;
  }();
  const auto check = [&](const std::string& path, const std::string* contents) {
    CAPTURE(path);
    SimulatedFiles files;
    for (const std::string& each : good.paths()) files.put(each, good.contents(each));
    if (contents != nullptr) {
      files.put(path, *contents);
    } else {
      REQUIRE(files.remove(path));
    }
    const VerifyReport report = verify(files, "data");
    const bool is_journal = path.starts_with("data/journal/");
    CHECK(names(report, is_journal ? "data/journal" : path));
  };
  for (const std::string& path : good.paths()) {
    if (path.starts_with("data/state/") || path == "data/LOCK" || path == "data/journal/lock") {
      continue;
    }
    if (path.starts_with("data/ends/")) continue;  // a start needs none, and one slot is enough
    const std::string contents = good.contents(path);
    const bool is_segment = path.starts_with("data/journal/segment-");
    const std::size_t end = is_segment ? used : contents.size();
    const std::size_t stride = tests::is_quick() ? 7 : 1;
    for (std::size_t at = 0; at < end; at += is_segment && at < 4000 ? 97 : stride) {
      std::string flipped = contents;
      flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
      check(path, &flipped);
      const std::string cut = contents.substr(0, at);
      check(path, &cut);
    }
    if (path != "data/FORMAT" && path != "data/store/file") check(path, nullptr);
  }
}

TEST_CASE("verify: names all that is damaged, not only the first") {
  SimulatedFiles files;
  const Data data(files);
  for (const char* path :
       {"data/checkpoints/000000000001/node", "data/checkpoints/000000000002/node",
        "data/checkpoints/000000000002/intake", "data/savepoints/easter/state/RUNS",
        "data/store/file"}) {
    files.put(path, "other");
  }
  const VerifyReport report = verify(files, "data");
  CHECK(report.damaged.size() == 5);
  CHECK(report.checkpoints == 0);
  CHECK(report.savepoints == 0);
}

TEST_CASE("verify: what a crash in a first start leaves is good") {
  bool has_crashed = true;
  for (std::uint64_t at = 0; has_crashed; ++at) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      CAPTURE(at);
      CAPTURE(seed);
      SimulatedFiles files(seed);
      REQUIRE(DataDirectory::open(files, "data", true));
      const std::uint64_t begin = files.operations();
      files.fault = [&](std::uint64_t number, tests::FileOperation, const std::string&) {
        return number >= begin + at ? tests::Fault::kCrash : tests::Fault::kNone;
      };
      const DataPaths paths("data");
      tests::SimulatedClock clock;
      JournalOptions options;
      options.end_mark = paths.journal_end;
      has_crashed = !JournalWriter::open(files, clock, paths.journal, options).has_value();
      files.fault = nullptr;
      files.cut_power();
      const VerifyReport report = verify(files, "data");
      CHECK_MESSAGE(report.damaged.empty(),
                    (report.damaged.empty() ? "" : report.damaged.front().message));
      REQUIRE(JournalWriter::open(files, clock, paths.journal, options));
    }
  }
}

TEST_CASE("verify: a live owner is no damage, and is said") {
  SimulatedFiles files;
  const Data data(files);
  const auto lock = files.lock("data/LOCK");
  REQUIRE(lock);
  const VerifyReport report = verify(files, "data");
  CHECK(report.damaged.empty());
  REQUIRE(report.notes.size() == 1);
  CHECK(report.notes[0].find("left out") != std::string::npos);
}

TEST_CASE("verify: holds the lock while it reads, and lets it go") {
  SimulatedFiles files;
  const Data data(files);
  bool was_locked = false;
  const VerifyPorts ports{files, [](const DataPaths&) { return Result<StoreExtent>(store_of({})); },
                          [&](const std::string& what, std::uint64_t) {
                            CHECK_FALSE(what.empty());
                            was_locked |= !files.lock("data/LOCK").has_value();
                          }};
  REQUIRE(verify_directory(ports, "data"));
  CHECK(was_locked);
  CHECK(files.lock("data/LOCK"));
}

TEST_CASE("verify: what is no data directory is not called good") {
  SimulatedFiles files;
  const Data data(files);
  files.put("data/blobs/x", "");
  const VerifyPorts ports{files,
                          [](const DataPaths&) { return Result<StoreExtent>(store_of({})); }};
  CHECK(verify_directory(ports, "none").error().code == Errc::kNotFound);
  CHECK(verify_directory(ports, "data/blobs").error().code == Errc::kInvalidArgument);
}
}  // namespace
}  // namespace tocsin::runtime
