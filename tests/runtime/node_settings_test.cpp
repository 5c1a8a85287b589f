#include "runtime/node/node_settings.h"

#include <doctest/doctest.h>

#include <string>

#include "runtime/node/reinjection.h"

namespace tocsin::runtime {
namespace {
cep::Digest digest(std::uint8_t byte) {
  cep::Digest digest{};
  digest.fill(byte);
  return digest;
}
NodeSettings sample() {
  NodeSettings settings;
  settings.semantics = 1;
  settings.plan = digest(1);
  settings.events = digest(0xfe);
  settings.rules = {{"a", digest(2), digest(3), digest(4)}, {"b \"quoted\"", digest(5), {}, {}}};
  settings.options = {{"--late-max", ""}, {"--late-policy", "side"}};
  return settings;
}
}  // namespace

TEST_CASE("node settings: what is written is read again, and nothing else") {
  const std::string json = write_settings(sample());
  const Result<NodeSettings> read = read_settings(json);
  REQUIRE(read);
  CHECK(*read == sample());
  for (std::size_t size = 0; size < json.size(); ++size) {
    CHECK_FALSE(read_settings(std::string_view(json).substr(0, size)));
  }
  CHECK_FALSE(read_settings(R"({"semantics":-1})"));
  CHECK_FALSE(read_settings("[]"));
}

TEST_CASE("node settings: a change is named, and only what alerts show may change") {
  struct Row {
    const char* name;
    void (*change)(NodeSettings&);
    bool may_go_on;
    const char* text;
  };
  const Row rows[] = {
      {"nothing", [](NodeSettings&) {}, true, ""},
      {"shown", [](NodeSettings& s) { s.rules[0].presentation = digest(9); }, true, ""},
      {"state", [](NodeSettings& s) { s.rules[0].state = digest(9); }, false,
       "rule a matches otherwise"},
      {"suppression", [](NodeSettings& s) { s.rules[0].suppression = digest(9); }, false,
       "rule a holds back otherwise"},
      {"gone", [](NodeSettings& s) { s.rules.erase(s.rules.begin()); }, false, "rule a is gone"},
      {"new",
       [](NodeSettings& s) {
         s.rules.push_back({"c", {}, {}, {}});
       },
       false, "rule c is new"},
      {"order", [](NodeSettings& s) { std::swap(s.rules[0], s.rules[1]); }, false,
       "the rules come in another order"},
      {"option", [](NodeSettings& s) { s.options[1].second = "clamp"; }, false,
       "--late-policy is clamp, and was side"},
      {"option said", [](NodeSettings& s) { s.options[0].second = "5m"; }, false,
       "--late-max is 5m, and was not said"},
      {"events", [](NodeSettings& s) { s.events = digest(9); }, false,
       "the event types are others"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    NodeSettings now = sample();
    row.change(now);
    const SettingsChange change = compare_settings(sample(), now);
    CHECK(change.may_go_on() == row.may_go_on);
    CHECK(change.text() == row.text);
  }
}

TEST_CASE("reinjection: what is written is read again, and nothing else") {
  Reinjection reinjection;
  reinjection.kind = SideOutputKind::kDead;
  reinjection.rows = {{1, {812, 4, 0}}, {2, {UINT64_MAX / 2, UINT32_MAX, 0}}};
  const std::string json = write_reinjection(reinjection);
  const Result<Reinjection> read = read_reinjection(json);
  REQUIRE(read);
  CHECK(read->kind == reinjection.kind);
  CHECK(read->rows == reinjection.rows);
  for (std::size_t size = 0; size < json.size(); ++size) {
    CHECK_FALSE(read_reinjection(std::string_view(json).substr(0, size)));
  }
  for (const char* other : {R"({"kind":"early","rows":[]})", R"({"kind":"late","rows":[[1,2]]})",
                            R"({"kind":"late","rows":[[1,2,4294967296]]})"}) {
    CHECK_FALSE(read_reinjection(other));
  }
}
}  // namespace tocsin::runtime
