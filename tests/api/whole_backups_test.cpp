// Backups in a folder: what is stored when a crash or a failure comes at any operation, what is
// removed, and what a damaged manifest can do.
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/backup/backup_manifest.h"
#include "api/backup/backup_reader.h"
#include "api/backup/backup_writer.h"
#include "api/backup/data_cut.h"
#include "api/backup/folder_store.h"
#include "api/backup/sha256_stream.h"
#include "api/base/sealed_json.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/journal/file_tree.h"
#include "runtime/journal/journal_directory.h"
#include "runtime/journal/journal_format.h"
#include "tests/support/simulated_files.h"

namespace tocsin::tests {
namespace {
using namespace api;

constexpr const char* kPlace = "place/backups";
const BackupRead kUnread = [](std::uint64_t) {};

// A data directory of small files, cut as it is.
struct World {
  World() {
    REQUIRE(files.make_directory("data"));
    REQUIRE(files.make_directory("place"));
    REQUIRE(files.sync_directory("."));
  }
  void put(const std::string& path, const std::string& text) {
    contents[path] = text;
    REQUIRE(runtime::put_file(files, "data/" + path, text));
  }
  DataCut cut() const {
    DataCut all;
    for (const auto& [path, text] : contents)
      all.files.push_back({path, "data/" + path, text.size(), std::nullopt, {}, false});
    return all;
  }
  // Makes a backup of all that is there now, as a new process does.
  Result<BackupFacts> back_up() {
    FolderStore store(files, kPlace);
    const auto hold = store.hold();
    if (!hold) return tl::unexpected(hold.error());
    BackupWriter writer(files, store);
    if (auto seen = writer.look(); !seen) return tl::unexpected(seen.error());
    BackupFacts facts;
    facts.began = cep::EventTime{++backups * 1'000'000};
    facts.id = backup_id(facts.began);
    return writer.write(
        cut(), facts, [&] { return facts.began; }, [](std::uint64_t) { return Result<void>(); },
        [](std::uint64_t) {});
  }
  // What a restore of that backup, or of the newest, has.
  std::map<std::string, std::string> restored(const std::string& id = "") {
    FolderStore store(files, kPlace);
    const std::string to = "out" + std::to_string(++restores);
    const auto done = restore_backup(store, id, files, to, kUnread);
    REQUIRE(done);
    std::map<std::string, std::string> all;
    for (const auto& [path, text] : contents) {
      if (auto read = runtime::read_whole(files, to + "/" + path)) all[path] = *read;
    }
    return all;
  }
  std::vector<std::string> ids() {
    FolderStore store(files, kPlace);
    const auto all = stored_backups(store);
    REQUIRE(all);
    std::vector<std::string> ids;
    for (const BackupFacts& facts : *all) ids.push_back(facts.id);
    return ids;
  }

  SimulatedFiles files;
  std::map<std::string, std::string> contents;
  std::int64_t backups = 0;
  int restores = 0;
};

std::string hex_of(const std::string& text) { return cep::hex(cep::sha256(text)); }
}  // namespace

TEST_CASE("whole backups: a digest of pieces is that of the whole") {
  Sha256Stream stream;
  stream.add("ab");
  stream.add("");
  stream.add("c");
  CHECK(stream.finish() == cep::sha256("abc"));
}

TEST_CASE("whole backups: an id is a time, and nothing else is one") {
  const auto time = cep::parse_time("2026-03-02T12:00:00.125Z");
  REQUIRE(time);
  CHECK(backup_id(*time) == "20260302T120000125Z");
  CHECK(is_backup_id("20260302T120000125Z"));
  for (const char* text : {"", "20260302T120000125", "20260302t120000125Z", "20260302T12000012xZ",
                           "../260302T120000125Z", "20260302T120000125Z0"}) {
    CAPTURE(text);
    CHECK_FALSE(is_backup_id(text));
  }
  CHECK(id_of_manifest(manifest_name("20260302T120000125Z")) == "20260302T120000125Z");
  CHECK(id_of_manifest("backups/x.json").empty());
}

TEST_CASE("whole backups: a manifest is read back, and one whose paths lead elsewhere is damaged") {
  BackupManifest manifest;
  manifest.facts.id = "20260302T120000125Z";
  manifest.facts.who = "ann";
  manifest.facts.version = "1";
  manifest.facts.checkpoint = 7;
  manifest.files = {{"FORMAT", 3, cep::sha256("a")}, {"journal/x", 4, cep::sha256("b")}};
  const auto read = decode_backup(encode_backup(manifest), "m");
  REQUIRE(read);
  CHECK(read->files == manifest.files);
  CHECK(read->facts.bytes == 7);
  CHECK(read->facts.files == 2);
  CHECK(read->facts.who == "ann");
  CHECK(read->facts.checkpoint == 7);
  for (const std::string& path : std::vector<std::string>{"", "/etc/x", "../x", "a/../x", "a//x",
                                                          "a/", ".", std::string("a\0b", 3)}) {
    CAPTURE(path);
    BackupManifest bad = manifest;
    bad.files[0].path = path;
    const auto refused = decode_backup(encode_backup(bad), "m");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::kCorrupt);
  }
  // Sealed, and yet none.
  const auto other = decode_backup(seal_json({{"id", 5}}), "place/m.json");
  REQUIRE_FALSE(other);
  CHECK(other.error().message == "place/m.json is damaged: it is not the manifest of a backup");
}

TEST_CASE("whole backups: equal files are stored once, and what no backup needs goes") {
  World world;
  world.put("FORMAT", "tocsin data 1\n");
  world.put("a", "one");
  world.put("b", "one");
  const auto first = world.back_up();
  REQUIRE(first);
  CHECK(first->bytes == 20);
  CHECK(first->stored_bytes == 17);
  world.put("b", "two");
  const auto second = world.back_up();
  REQUIRE(second);
  CHECK(second->stored_bytes == 3);
  CHECK(world.restored(first->id).at("b") == "one");
  CHECK(world.restored() == world.contents);
  FolderStore store(world.files, kPlace);
  const auto hold = store.hold();
  REQUIRE(hold);
  REQUIRE(remove_backups(store, {second->id}));
  const auto objects = store.list(kObjectFolder);
  REQUIRE(objects);
  CHECK(objects->size() == 2);
  for (const StoredObject& object : *objects) CHECK(object.name != object_name(cep::sha256("two")));
  CHECK(world.ids() == std::vector{first->id});
}

TEST_CASE("whole backups: a damaged object is named, and is stored again if its size shows it") {
  World world;
  world.put("FORMAT", "tocsin data 1\n");
  world.put("a", "one");
  const auto first = world.back_up();
  REQUIRE(first);
  const std::string name = object_name(cep::sha256("one"));
  FolderStore store(world.files, kPlace);
  for (const std::string& text : {std::string("onf"), std::string("on"), std::string()}) {
    CAPTURE(text);
    REQUIRE(runtime::put_file(world.files, store.place_of(name), text));
    const auto checked = verify_backups(store, "", kUnread);
    REQUIRE(checked);
    REQUIRE(checked->findings.size() == 1);
    CHECK(checked->findings[0].detail.starts_with(store.place_of(name) + " is damaged"));
    const auto restored = restore_backup(store, "", world.files, "bad", kUnread);
    REQUIRE_FALSE(restored);
    CHECK(restored.error().code == Errc::kCorrupt);
    CHECK(restored.error().message.find(hex_of("one")) != std::string::npos);
    const auto left = world.files.list("bad");
    CHECK((!left || left->empty()));
  }
  REQUIRE(world.back_up());
  CHECK(world.restored() == world.contents);
}

TEST_CASE(
    "whole backups: a folder of something else is refused, and one that a crash left is not") {
  World world;
  REQUIRE(world.files.make_directory(kPlace));
  REQUIRE(runtime::put_file(world.files, std::string(kPlace) + "/mine", "x"));
  FolderStore store(world.files, kPlace);
  const auto refused = store.hold();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kUnsupported);
  const auto later =
      runtime::put_file(world.files, std::string(kPlace) + "/FORMAT", "tocsin backups 2\n");
  REQUIRE(later);
  CHECK(store.hold().error().code == Errc::kOtherVersion);
}

TEST_CASE("whole backups: a failure or a crash at any operation leaves earlier backups whole") {
  for (const Fault fault : {Fault::kFail, Fault::kNoSpace, Fault::kCrash}) {
    bool is_done = false;
    for (std::uint64_t at = 0; !is_done; ++at) {
      CAPTURE(at);
      REQUIRE(at < 2000);
      World world;
      world.put("FORMAT", "tocsin data 1\n");
      world.put("a", "one");
      const auto first = world.back_up();
      REQUIRE(first);
      const std::map<std::string, std::string> before = world.contents;
      world.put("a", "two");
      std::uint64_t done = 0;
      world.files.fault = [&](std::uint64_t, FileOperation, const std::string&) {
        return done++ == at ? fault : Fault::kNone;
      };
      const auto second = world.back_up();
      is_done = done <= at;
      world.files.fault = {};
      if (fault == Fault::kCrash && !is_done) world.files.restart();
      CHECK(world.restored(first->id) == before);
      const std::vector<std::string> ids = world.ids();
      CHECK((!second || ids.front() == second->id));
      if (ids.size() == 2) CHECK(world.restored(ids.front()) == world.contents);
      // The next one goes on.
      if (fault == Fault::kCrash) world.put("a", "two");
      REQUIRE(world.back_up());
      CHECK(world.restored() == world.contents);
    }
  }
}

namespace {
// A journal of three segments without records, of which `release` is done as the header of the
// first is read; the names of segments in the cut, or why there is none.
std::string cut_while(const std::function<void(SimulatedFiles&, const std::string&)>& release) {
  SimulatedFiles files;
  files.knows_links = false;
  const runtime::DataPaths paths("data");
  for (const std::string& folder : {paths.directory, paths.journal, paths.checkpoints})
    REQUIRE(files.make_directory(folder));
  for (std::uint64_t id = 1; id <= 3; ++id) {
    runtime::SegmentHeader header;
    header.id = id;
    header.previous_id = id - 1;
    header.first_sequence = id;
    files.put(runtime::segment_path(paths.journal, id), runtime::encode_segment_header(header));
  }
  const std::string first = runtime::segment_path(paths.journal, 1);
  bool is_done = false;
  files.fault = [&](std::uint64_t, FileOperation operation, const std::string& path) {
    if (operation == FileOperation::kRead && path == first && !std::exchange(is_done, true))
      release(files, first);
    return Fault::kNone;
  };
  const auto copy_store = [&](const std::string& to) -> Result<void> {
    REQUIRE(files.make_directory(to));
    return {};
  };
  DataCutter cutter({files, paths, copy_store, [](const FileStamp&) { return std::nullopt; }});
  const Result<DataCut> cut = cutter.cut();
  REQUIRE(is_done);
  if (!cut) return cut.error().message;
  std::string names;
  for (const CutFile& file : cut->files) {
    CHECK(file.path == runtime::segment_path("journal", file.id));
    names += (names.empty() ? "" : " ") + std::to_string(file.id);
  }
  return names;
}
// As a segment that is written over by the header of a later one, which is not whole yet.
void spoil(SimulatedFiles& files, const std::string& path) {
  const auto file = files.open(path, runtime::OpenMode::kWrite);
  REQUIRE(file);
  REQUIRE((*file)->write(0, std::string(512, 'x')));
}
}  // namespace

TEST_CASE(
    "whole backups: a segment that is released while it is read is left out, and not damaged") {
  const auto all = cut_while([](SimulatedFiles&, const std::string&) {});
  CHECK(all == "1 2 3");
  // Its file is the next one's from then on, under another name.
  CHECK(cut_while([](SimulatedFiles& files, const std::string& path) {
          const std::string spare = runtime::spare_path("data/journal", 1);
          REQUIRE(files.rename(path, spare));
          spoil(files, spare);
        }) == "2 3");
  CHECK(cut_while([](SimulatedFiles& files, const std::string& path) {
          REQUIRE(files.remove(path));
        }) == "2 3");
  // One that stays where it is was not released.
  CHECK(cut_while(spoil).find("damaged") != std::string::npos);
}
}  // namespace tocsin::tests
