#include "runtime/journal/prefix_digest.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/random.h"

namespace tocsin::runtime {
namespace {
PrefixDigest digest_of(const std::string& text) {
  PrefixDigest prefix;
  prefix.add(text);
  return prefix;
}
PrefixDigest kept(const PrefixDigest& prefix) {
  std::string bytes;
  ByteWriter writer(bytes);
  prefix.save(writer);
  ByteReader reader(bytes);
  PrefixDigest restored = PrefixDigest::restore(reader);
  REQUIRE(reader.is_done());
  return restored;
}
}  // namespace

TEST_CASE(
    "prefix digest: it is the same however the bytes came, and gone on with after it was kept") {
  tests::Random random(7);
  std::string text(static_cast<std::size_t>(PrefixDigest::kBlockBytes) * 2 + 12'345, '\0');
  for (char& c : text) c = static_cast<char>(random.next());
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, text.size() / 2,
        static_cast<std::size_t>(PrefixDigest::kBlockBytes),
        static_cast<std::size_t>(PrefixDigest::kBlockBytes) + 1, text.size()}) {
    CAPTURE(size);
    PrefixDigest pieces;
    for (std::size_t at = 0; at < size;) {
      const std::size_t piece = std::min(size - at, random.below(300'000) + 1);
      pieces.add(std::string_view(text).substr(at, piece));
      at += piece;
    }
    CHECK(pieces.digest() == digest_of(text.substr(0, size)).digest());
    PrefixDigest restored = kept(pieces);
    CHECK(restored.digest() == pieces.digest());
    CHECK(restored.bytes() == size);
    if (!restored.is_whole()) {
      const std::size_t from = static_cast<std::size_t>(restored.missing_from());
      std::string other = text.substr(from, size - from);
      other.back() = static_cast<char>(other.back() ^ 1);
      CHECK_FALSE(restored.supply(other));
      CHECK(restored.supply(std::string_view(text).substr(from, size - from)));
    }
    restored.add(std::string_view(text).substr(size));
    CHECK(restored.digest() == digest_of(text).digest());
  }
}
}  // namespace tocsin::runtime
