#include "cep/engine/given_ids.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>

#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using namespace cep;
}  // namespace

TEST_CASE("given ids: digests are counted like in a map, and read back from ids") {
  for_all_seeds("given_ids", 100, [](Random& random) {
    GivenIds given;
    std::map<AlertDigest, std::uint32_t> expected;
    for (std::size_t i = 0, end = random.below(300); i < end; ++i) {
      if (random.chance(2)) {
        given.clear();
        expected.clear();
      }
      AlertDigest digest{};
      digest[random.below(3)] = static_cast<std::uint8_t>(random.below(40));
      digest[15] = static_cast<std::uint8_t>(random.below(3));
      REQUIRE(given.count(digest)++ == expected[digest]++);
      REQUIRE(read_alert_digest(alert_id(digest)) == digest);
    }
    std::map<AlertDigest, std::uint32_t> found;
    given.for_each([&](const AlertDigest& digest, std::uint32_t count) { found[digest] = count; });
    REQUIRE(found == expected);
  });
  const std::string id(32, 'a');
  CHECK(read_alert_digest(id).has_value());
  for (const std::string& text : {id + "a", id.substr(1), id.substr(1) + "g", id.substr(1) + "A"}) {
    CAPTURE(text);
    CHECK(!read_alert_digest(text));
  }
}
}  // namespace tocsin::tests
