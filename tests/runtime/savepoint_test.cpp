#include "runtime/checkpoint/savepoint.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "cep/plan/semantics.h"
#include "runtime/checkpoint/checkpoint_writer.h"
#include "runtime/io/system_files.h"
#include "runtime/journal/blob_store.h"
#include "runtime/journal/file_tree.h"
#include "runtime/store/rocks_state_store.h"
#include "tests/support/model_state_store.h"
#include "tests/support/simulated_files.h"
#include "tests/support/state_entries.h"
#include "tests/support/temporary_folder.h"

namespace tocsin::runtime {
namespace {
using tests::StateMap;
using tests::store_key;

const StateMap& sample_state() {
  static const StateMap kState{{store_key(0, "a"), "1"},
                               {store_key(1, "b"), std::string(500, 'b')}};
  return kState;
}

// A data directory with one checkpoint of sample_state() under two rule texts.
class DataWithCheckpoint {
 public:
  DataWithCheckpoint(Files& files, StateStores& stores, const std::string& folder) {
    REQUIRE(make_durable_directory(files, folder));
    blobs = folder + "/blobs";
    savepoints = folder + "/savepoints";
    REQUIRE(make_durable_directory(files, savepoints));
    auto blob_store = BlobStore::open(files, blobs);
    REQUIRE(blob_store);
    CheckpointMeta meta;
    for (const char* text : {"rule a {}", "rule b {}", "rule a {}"}) {
      const auto digest = blob_store->put(text);
      REQUIRE(digest);
      meta.blobs.push_back({"rules/one.tocsin", 9, *digest});
    }
    REQUIRE(blob_store->put("not of this checkpoint"));
    meta.semantics = cep::kSemantics;
    meta.position = 12;
    meta.settings = "{}";
    meta.globals = "globals";
    CheckpointOptions options;
    options.checkpoints = folder + "/checkpoints";
    options.state = folder + "/state";
    options.semantics = cep::kSemantics;
    InlineExecutor executor;
    auto writer = CheckpointWriter::open(files, stores, executor, options);
    REQUIRE(writer);
    (*writer)->begin(meta, CheckpointScope::kChanges);
    for (const auto& [key, value] : sample_state()) (*writer)->put(parse_store_key(key), value);
    (*writer)->finish();
    REQUIRE((*writer)->status().stage == CheckpointStage::kDone);
    checkpoint = checkpoint_path(options.checkpoints, 1);
  }
  std::string checkpoint;
  std::string blobs;
  std::string savepoints;
};

void check_whole(Files& files, StateStores& stores, const std::string& directory) {
  const Result<GoodCheckpoint> good = load_checkpoint(files, directory);
  REQUIRE(good);
  CHECK(good->meta.position == 12);
  CHECK(good->meta.globals == "globals");
  const auto scan = stores.read(directory + "/state");
  REQUIRE(scan);
  CHECK(tests::read_all(**scan) == sample_state());
  auto blobs = BlobStore::open(files, savepoint_blobs(directory));
  REQUIRE(blobs);
  CHECK(blobs->list()->size() == 2);
  CHECK(*blobs->get(good->meta.blobs[0].digest) == "rule a {}");
  CHECK(*blobs->get(good->meta.blobs[1].digest) == "rule b {}");
}

TEST_CASE("savepoints: names are short words, and never a path") {
  for (const char* good : {"a", "before-easter", "v1.2_x", "A9"}) {
    CAPTURE(good);
    CHECK(check_savepoint_name(good));
  }
  const std::string longest(100, 'a');
  CHECK(check_savepoint_name(longest));
  for (const std::string& bad :
       std::vector<std::string>{"", ".", "..", ".hidden", "-x", "a/b", "a b", "a\n", "\xc3\xa4",
                                "a.new", "a.old", longest + "a"}) {
    CAPTURE(bad);
    const Result<void> checked = check_savepoint_name(bad);
    REQUIRE_FALSE(checked);
    CHECK(checked.error().code == Errc::kInvalidArgument);
  }
}

TEST_CASE("savepoints: one has all that a start needs, also after it was copied elsewhere") {
  SystemFiles files;
  const tests::TemporaryFolder folder;
  RocksStateStores stores(files);
  const DataWithCheckpoint data(files, stores, folder.path() + "/data");
  const std::string made = data.savepoints + "/easter";
  const Result<Manifest> manifest =
      make_savepoint(files, data.checkpoint, data.blobs, made, "easter");
  REQUIRE(manifest);
  CHECK(manifest->savepoint == "easter");
  CHECK(*verify_checkpoint(files, made) == *manifest);
  CHECK(make_savepoint(files, data.checkpoint, data.blobs, made, "easter").error().code ==
        Errc::kConflict);
  const std::string copy = folder.path() + "/elsewhere";
  std::filesystem::copy(made, copy, std::filesystem::copy_options::recursive);
  // Of a savepoint, with its own blobs.
  const std::string again = folder.path() + "/again";
  REQUIRE(make_savepoint(files, copy, savepoint_blobs(copy), again, "again"));
  std::filesystem::remove_all(folder.path() + "/data");
  check_whole(files, stores, copy);
  check_whole(files, stores, again);
  // Reading it left it as it was.
  CHECK(*verify_checkpoint(files, copy) == *manifest);
}

TEST_CASE("savepoints: are listed, with those that are damaged, and removed") {
  tests::SimulatedFiles files;
  tests::ModelStateStores stores(files);
  const DataWithCheckpoint data(files, stores, "data");
  CHECK(list_savepoints(files, "data/none")->empty());
  CHECK(list_savepoints(files, data.savepoints)->empty());
  for (const std::string name : {"b", "a", "c"}) {
    REQUIRE(make_savepoint(files, data.checkpoint, data.blobs, data.savepoints + "/" + name, name));
  }
  files.put("data/savepoints/b/manifest", "x");
  files.put("data/savepoints/d.new/half", "");
  files.put("data/savepoints/e.old/half", "");
  files.put("data/savepoints/note", "a file of somebody's");
  auto list = list_savepoints(files, data.savepoints);
  REQUIRE(list);
  REQUIRE(list->size() == 3);
  CHECK((*list)[0].name == "a");
  CHECK((*list)[0].manifest->meta.position == 12);
  CHECK((*list)[0].bytes > 500);
  CHECK((*list)[1].manifest.error().code == Errc::kCorrupt);
  REQUIRE(clean_savepoints(files, data.savepoints));
  CHECK(*files.list(data.savepoints) == std::vector<std::string>{"a", "b", "c", "note"});

  REQUIRE(delete_savepoint(files, data.savepoints + "/a"));
  REQUIRE(delete_savepoint(files, data.savepoints + "/b"));
  CHECK(*files.list(data.savepoints) == std::vector<std::string>{"c", "note"});
  CHECK(delete_savepoint(files, data.savepoints + "/a").error().code == Errc::kNotFound);
  for (const std::string& other : {data.checkpoint, data.blobs, std::string("data")}) {
    CHECK(delete_savepoint(files, other).error().code == Errc::kUnsupported);
  }
  CHECK(verify_checkpoint(files, data.checkpoint));
  CHECK(verify_checkpoint(files, data.savepoints + "/c"));
}

TEST_CASE("savepoints: of a damaged checkpoint or with a damaged blob none is made") {
  for (const char* bad :
       {"data/checkpoints/000000000001/engine", "data/checkpoints/000000000001/state/RUNS",
        "data/checkpoints/000000000001/manifest"}) {
    for (const bool knows_links : {false, true}) {
      CAPTURE(bad);
      tests::SimulatedFiles files;
      files.knows_links = true;
      tests::ModelStateStores stores(files);
      const DataWithCheckpoint data(files, stores, "data");
      files.knows_links = knows_links;
      files.put(bad, "other");
      const Result<Manifest> made =
          make_savepoint(files, data.checkpoint, data.blobs, "data/savepoints/a", "a");
      REQUIRE_FALSE(made);
      CHECK(made.error().code == Errc::kCorrupt);
      CHECK(made.error().message.starts_with(std::string(bad) + " is damaged"));
      CHECK(files.list(data.savepoints)->empty());
    }
  }
  tests::SimulatedFiles files;
  tests::ModelStateStores stores(files);
  const DataWithCheckpoint data(files, stores, "data");
  const std::string blob = data.blobs + "/" + cep::hex(cep::sha256("rule b {}"));
  files.put(blob, "rule c {}");
  const Result<Manifest> made =
      make_savepoint(files, data.checkpoint, data.blobs, "data/savepoints/a", "a");
  REQUIRE_FALSE(made);
  CHECK(made.error().message.starts_with(blob + " is damaged"));
}

TEST_CASE("savepoints: after a crash or failure at any operation there is a whole one or none") {
  std::uint64_t whole = 0;
  std::uint64_t none = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    bool is_over = false;
    for (std::uint64_t at = 0; !is_over; ++at) {
      CAPTURE(seed);
      CAPTURE(at);
      tests::SimulatedFiles files(seed);
      tests::ModelStateStores stores(files);
      const DataWithCheckpoint data(files, stores, "data");
      files.knows_links = seed % 2 == 0;
      const tests::Fault kind = seed % 4 < 2 ? tests::Fault::kCrash : tests::Fault::kNoSpace;
      const std::uint64_t fault_at = files.operations() + at;
      files.fault = [=](std::uint64_t number, tests::FileOperation, const std::string&) {
        return number == fault_at ? kind : tests::Fault::kNone;
      };
      const std::string path = data.savepoints + "/a";
      const Result<Manifest> made = make_savepoint(files, data.checkpoint, data.blobs, path, "a");
      is_over = files.operations() <= fault_at;
      files.fault = nullptr;
      if (seed >= 4) {
        files.cut_power();
      } else {
        files.restart();
      }
      const auto list = list_savepoints(files, data.savepoints);
      REQUIRE(list);
      if (made) CHECK(list->size() == 1);
      if (list->empty()) {
        ++none;
        REQUIRE(make_savepoint(files, data.checkpoint, data.blobs, path, "a"));
      } else {
        ++whole;
      }
      check_whole(files, stores, path);
      // The same for its removal.
      const std::uint64_t delete_at = files.operations() + at % 40;
      files.fault = [=](std::uint64_t number, tests::FileOperation, const std::string&) {
        return number == delete_at ? tests::Fault::kCrash : tests::Fault::kNone;
      };
      const Result<void> deleted = delete_savepoint(files, path);
      files.fault = nullptr;
      files.cut_power();
      REQUIRE(clean_savepoints(files, data.savepoints));
      if (list_savepoints(files, data.savepoints)->empty()) continue;
      CHECK_FALSE(deleted);
      check_whole(files, stores, path);
    }
  }
  CHECK(whole > 20);
  CHECK(none > 100);
}
}  // namespace
}  // namespace tocsin::runtime
