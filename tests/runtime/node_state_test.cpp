// What a checkpoint's file `node` holds.
#include "runtime/node/node_state.h"

#include <doctest/doctest.h>

#include <string>

#include "cep/plan/plan.h"

namespace tocsin::runtime {
namespace {
// A file that was read in part, a producer, and changes of lists.
NodeState sample_state() {
  NodeState state;
  NodeSource& file = state.sources.emplace_back();
  file.name = "a.ndjson";
  file.kind = SourceKind::kByPosition;
  file.identity = "7:9";
  file.next_offset = 700;
  NodeSource& producer = state.sources.emplace_back();
  producer.name = producer_source("till");
  producer.next_offset = 3;
  producer.owner = "ann";
  producer.used_at = cep::EventTime{1'772'452'800'000'000};
  state.lists = "changes";
  return state;
}
std::string bytes_of(const NodeState& state) {
  std::string bytes;
  state.save(cep::Plan(), RunSummary(), bytes);
  return bytes;
}
Result<NodeState> restored(const std::string& bytes) {
  RunSummary summary;
  return NodeState::restore(bytes, cep::Plan(), summary);
}
}  // namespace

TEST_CASE("node state: format 0 has the same bytes, and a newer one is refused with the remedy") {
  const int lists_and_producers = 3;
  for (const int has : {0, lists_and_producers}) {
    const std::string bytes = bytes_of(has == 0 ? NodeState() : sample_state());
    REQUIRE(bytes[0] == (1 << 4 | has));
    for (const int format : {0, 1}) {
      CAPTURE(format);
      std::string other = bytes;
      other[0] = static_cast<char>(format << 4 | has);
      const Result<NodeState> read = restored(other);
      REQUIRE(read);
      CHECK(bytes_of(*read) == bytes);
    }
    std::string newer = bytes;
    newer[0] = static_cast<char>(2 << 4 | has);
    const Result<NodeState> refused = restored(newer);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Errc::kOtherVersion);
    CHECK(refused.error().message ==
          "the state of the sources has format 2, and this program knows formats up to 1: use the "
          "version of tocsin that wrote it, or a later one");
    std::string damaged = bytes;
    damaged[0] = static_cast<char>(1 << 4 | has | 4);
    CHECK(restored(damaged).error().code == Errc::kCorrupt);
  }
}
}  // namespace tocsin::runtime
