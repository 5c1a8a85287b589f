#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "cep/value/identity.h"
#include "runtime/checkpoint/checkpoint.h"
#include "tests/runtime/checkpoint_node.h"
#include "tests/support/golden.h"

namespace tocsin::runtime {
namespace {
using tests::with_format;

Manifest sample_manifest() {
  Manifest manifest;
  CheckpointMeta& meta = manifest.meta;
  meta.number = 7;
  for (std::uint8_t i = 0; i < 16; ++i) meta.timeline.id[i] = static_cast<std::uint8_t>(i + 1);
  meta.timeline.parent[0] = 0xff;
  meta.timeline.parent_sequence = 900;
  meta.semantics = 6;
  meta.plan_digest = cep::sha256("plan");
  meta.position = 1001;
  meta.trim = 990;
  meta.mark = std::string("\0mark", 5);
  meta.watermark = cep::EventTime{1'772'452'860'000'000};
  meta.taken_at = cep::EventTime{1'772'452'861'000'000};
  meta.settings = R"({"late":"side"})";
  meta.blobs = {{"rules/cards.tocsin", 12, cep::sha256("rule text")}, {"", 0, cep::sha256("")}};
  manifest.files = {{"engine", 5, digest_range("globe")},
                    {"state/000012.sst", 0, digest_range("")}};
  return manifest;
}

TEST_CASE("manifest: its bytes are fixed, and say all") {
  const Manifest manifest = sample_manifest();
  Manifest savepoint = manifest;
  savepoint.savepoint = "before-easter";
  const Manifest least;
  std::string text = "# a checkpoint, a savepoint, nothing\n";
  for (const Manifest& one : {manifest, savepoint, least}) {
    const std::string bytes = encode_manifest(one);
    text += tests::hex_of(bytes) + "\n";
    const Result<Manifest> read = decode_manifest(bytes, "m");
    REQUIRE(read);
    CHECK(*read == one);
  }
  tests::check_golden("checkpoint.txt", text);
}

TEST_CASE("manifest: any other bytes are damage, and a newer format is refused by name") {
  const std::string bytes = encode_manifest(sample_manifest());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const int bit : {1, 128}) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ bit);
      const Result<Manifest> read = decode_manifest(flipped, "DIR/manifest");
      REQUIRE_FALSE(read);
      CHECK(read.error().code == Errc::kCorrupt);
      CHECK(read.error().message.starts_with("DIR/manifest is damaged: "));
    }
    CHECK_FALSE(decode_manifest(std::string_view(bytes).substr(0, i), "m"));
  }
  CHECK_FALSE(decode_manifest(bytes + "x", "m"));
  const Result<Manifest> newer =
      decode_manifest(with_format(sample_manifest(), kCheckpointFormat + 1), "DIR/manifest");
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code == Errc::kOtherVersion);
  CHECK(newer.error().message ==
        "DIR/manifest has format 2, and this program knows formats up to 1: use the version of "
        "tocsin that wrote it, or a later one");
  const Result<Manifest> older = decode_manifest(with_format(sample_manifest(), 0), "m");
  REQUIRE(older);
  CHECK(*older == sample_manifest());
  // Names stay in the folder, and are in order.
  for (const char* name : {"", ".", "../a", "a/..", "/a", "a//b", "a/", "manifest"}) {
    CAPTURE(name);
    Manifest manifest = sample_manifest();
    manifest.files[0].name = name;
    CHECK_FALSE(decode_manifest(encode_manifest(manifest), "m"));
  }
  Manifest twice = sample_manifest();
  twice.files[1].name = twice.files[0].name;
  CHECK_FALSE(decode_manifest(encode_manifest(twice), "m"));
  Manifest ahead = sample_manifest();
  ahead.meta.trim = ahead.meta.position + 1;
  CHECK_FALSE(decode_manifest(encode_manifest(ahead), "m"));
}
}  // namespace
}  // namespace tocsin::runtime
