#include "api/base/sealed_json.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
const ordered_json kDocument = {{"tokens", {{{"name", "ann"}, {"role", "reader"}}}}, {"at", -7}};

TEST_CASE("what was sealed is read back") {
  const auto read = unseal_json(seal_json(kDocument), "f");
  REQUIRE(read);
  CHECK(*read == kDocument);
}

TEST_CASE("no changed bit of a sealed text gives another document") {
  const std::string sealed = seal_json(kDocument);
  std::size_t refused = 0;
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = sealed;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      const auto read = unseal_json(changed, "f");
      if (!read) {
        ++refused;
        continue;
      }
      // A blank became another one, or the name of the digest changed: what it holds is there.
      for (const auto& [name, value] : kDocument.items())
        CHECK(read->value(name, ordered_json()) == value);
    }
  }
  CHECK(refused > sealed.size() * 6);
}

TEST_CASE("a text that is cut is refused, and one without a digest is taken") {
  const std::string sealed = seal_json(kDocument);
  for (std::size_t size = 0; size + 2 < sealed.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(unseal_json(sealed.substr(0, size), "f"));
  }
  CHECK(unseal_json(kDocument.dump(), "f") == kDocument);
  CHECK_FALSE(unseal_json("[1]", "f"));
}

TEST_CASE("a sealed text of another format is refused by name, with the remedy") {
  CHECK(ordered_json::parse(seal_json(kDocument)).at("format") == 1);
  ordered_json newer = kDocument;
  newer["format"] = 2;
  const auto read = unseal_json(newer.dump(), "DIR/tokens.json");
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Errc::kOtherVersion);
  CHECK(read.error().message ==
        "DIR/tokens.json has format 2, and this program knows format 1: use the version of tocsin "
        "that wrote it, or a later one");
}
}  // namespace
}  // namespace tocsin::api
