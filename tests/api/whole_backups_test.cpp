// Backups in a folder: what is stored when a crash or a failure comes at any operation, what is
// removed, and what a damaged manifest can do.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/backup/backup_manifest.h"
#include "api/backup/backup_reader.h"
#include "api/backup/backup_writer.h"
#include "api/backup/folder_store.h"
#include "api/backup/sha256_stream.h"
#include "api/base/sealed_json.h"
#include "runtime/journal/file_tree.h"
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
}  // namespace tocsin::tests
