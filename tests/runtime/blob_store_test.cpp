#include "runtime/journal/blob_store.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "cep/value/identity.h"
#include "tests/support/random.h"
#include "tests/support/simulated_files.h"

namespace tocsin::runtime {
namespace {
using tests::Fault;
using tests::FileOperation;
using tests::SimulatedFiles;
constexpr const char* kDirectory = "data/blobs";

TEST_CASE("blobs: are known by their digest, and kept once") {
  SimulatedFiles files;
  Result<BlobStore> blobs = BlobStore::open(files, kDirectory);
  REQUIRE(blobs);
  const Result<cep::Digest> rule = blobs->put("rule a {}");
  REQUIRE(rule);
  CHECK(*rule == cep::sha256("rule a {}"));
  REQUIRE(blobs->put(""));
  REQUIRE(blobs->put("rule a {}"));
  CHECK(files.paths().size() == 2);
  CHECK(*blobs->get(*rule) == "rule a {}");
  CHECK(*blobs->get(cep::sha256("")) == "");
  CHECK(blobs->list()->size() == 2);
  CHECK(blobs->get(cep::sha256("b")).error().code == Errc::kNotFound);
  REQUIRE(blobs->remove(*rule));
  REQUIRE(blobs->remove(*rule));
  CHECK(blobs->get(*rule).error().code == Errc::kNotFound);
}

TEST_CASE("blobs: a damaged one is never given, is named, and is made good by putting it again") {
  SimulatedFiles files;
  Result<BlobStore> blobs = BlobStore::open(files, kDirectory);
  REQUIRE(blobs);
  const cep::Digest digest = *blobs->put("abc");
  const std::string path = files.paths().front();
  CHECK(path == "data/blobs/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  for (const char* damaged : {"abd", "ab", "abc\n", ""}) {
    files.put(path, damaged);
    const Result<std::string> found = blobs->get(digest);
    REQUIRE_FALSE(found);
    CHECK(found.error().code == Errc::kCorrupt);
    CHECK(found.error().message.starts_with(path + " is damaged"));
  }
  REQUIRE(blobs->put("abc"));
  CHECK(*blobs->get(digest) == "abc");
}

TEST_CASE("blobs: a full disk leaves nothing behind, and is told") {
  SimulatedFiles files;
  Result<BlobStore> blobs = BlobStore::open(files, kDirectory);
  REQUIRE(blobs);
  files.capacity = 5;
  const Result<cep::Digest> full = blobs->put("more than that");
  REQUIRE_FALSE(full);
  CHECK(full.error().code == Errc::kLimit);
  CHECK(files.paths().empty());
}

TEST_CASE("blobs: one that put() gave survives a crash at any moment, whole") {
  tests::for_all_seeds("RUNTIME", 300, [](tests::Random& random) {
    SimulatedFiles files(random.next());
    std::map<std::string, cep::Digest> kept;
    for (int life = 0; life < 5; ++life) {
      const std::uint64_t crash_at = files.operations() + random.below(60);
      files.fault = [&, crash_at](std::uint64_t number, FileOperation operation,
                                  const std::string&) {
        if (number == crash_at) return Fault::kCrash;
        const bool syncs =
            operation == FileOperation::kSync || operation == FileOperation::kSyncDirectory;
        return syncs && random.chance(5) ? Fault::kFail : Fault::kNone;
      };
      Result<BlobStore> blobs = BlobStore::open(files, kDirectory);
      for (int i = 0; blobs && i < 8; ++i) {
        std::string contents(random.below(2000), static_cast<char>('a' + random.below(3)));
        const Result<cep::Digest> put = blobs->put(contents);
        if (put) kept[contents] = *put;
      }
      files.fault = nullptr;
      if (random.chance(30)) {
        files.restart();
      } else {
        files.cut_power();
      }
    }
    Result<BlobStore> blobs = BlobStore::open(files, kDirectory);
    REQUIRE(blobs);
    for (const auto& [contents, digest] : kept) {
      const Result<std::string> found = blobs->get(digest);
      REQUIRE_MESSAGE(found, found.error().message);
      CHECK(*found == contents);
    }
    const Result<std::vector<cep::Digest>> all = blobs->list();
    REQUIRE(all);
    CHECK(all->size() >= kept.size());
    // What was never given may be there, but then it is whole.
    for (const cep::Digest& digest : *all) CHECK(blobs->get(digest));
    CHECK(files.paths().size() == all->size());
  });
}
}  // namespace
}  // namespace tocsin::runtime
