// The events of a key as an archive has them, as they are shown.
#include "api/trace/key_events.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "api/pages/page_cursor.h"
#include "cep/compile/compile.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "rules/context/rules.h"

namespace tocsin::tests {
namespace {
using namespace api;

constexpr std::string_view kRules = R"(
event payment { ts: time, id: string id, card: string, amount: decimal(2), shop: string?, twice: decimal(2) = amount * 2 }
event visit { ts: time, shop: string }
rule pair "Two of a card" { by card when 2 payment as p within 1h alert "{card}" }
rule busy "Two at a shop" { by shop when visit as v then payment as p within 1h alert "{shop}" }
)";

cep::Program program() {
  const rules::Loaded loaded =
      rules::load({"rules.tocsin"},
                  [](const std::string&) -> Result<std::string> { return std::string(kRules); });
  REQUIRE(loaded.rules);
  Result<cep::Program> compiled = cep::compile(loaded.rules->plan);
  REQUIRE(compiled);
  return *std::move(compiled);
}
KeyEvent event(std::uint64_t record, std::string_view type, std::string text,
               const cep::Program& rules) {
  KeyEvent made{{record, 4, 0}, "http", cep::EventTime{1}, cep::EventTime{2'000'000}, {}, text};
  for (std::uint32_t t = 0; t < rules.plan().event_types.size(); ++t) {
    if (rules.plan().event_types[t].name == type) made.type = cep::EventTypeIndex{t};
  }
  return made;
}
}  // namespace

TEST_CASE(
    "key events: the newest first, their declared fields with all digits, marks where asked") {
  const cep::Program rules = program();
  KeyEvents found;
  found.examined = 2;
  found.events.push_back(event(
      7, "payment",
      R"({"type":"payment","ts":"2026-03-02T12:00:02Z","id":"p1","card":"c1","amount":1234567890123.40,"other":1})",
      rules));
  found.events.push_back(
      event(8, "visit", R"({"type":"visit","ts":"2026-03-02T12:00:02Z","shop":5})", rules));
  const std::string shown = key_events_json(rules, found, {"a line\n"}, {}, "7:4");
  CHECK(shown ==
        R"({"events":[{"arrival":"8:4","source":"http","taken_at":"1970-01-01T00:00:00.000001Z",)"
        R"("type":"visit","id":null,"time":"1970-01-01T00:00:02Z","fields":{}},)"
        R"({"arrival":"7:4","source":"http","taken_at":"1970-01-01T00:00:00.000001Z",)"
        R"("type":"payment","id":"p1","time":"1970-01-01T00:00:02Z",)"
        R"("fields":{"id":"p1","card":"c1","amount":1234567890123.40}}],"examined":2,)"
        R"("complete":true,"ended_at":null,"missing":["a line"],"next":"7:4"})");
  const FieldMask mask = [](const cep::EventType& type, const std::string& field,
                            std::string_view json) -> std::optional<std::string> {
    if (type.name != "payment" || field != "card") return std::nullopt;
    CHECK(json == R"("c1")");
    return R"("mark")";
  };
  CHECK(key_events_json(rules, found, {}, mask, "").find(R"("card":"mark")") != std::string::npos);
}

TEST_CASE("key events: the fields that a key is read from, of every type") {
  const cep::Program rules = program();
  const auto fields = fields_of_key(rules, {{"shop", "s1"}});
  REQUIRE(fields);
  CHECK(*fields == std::set<std::string, std::less<>>{"payment.shop", "visit.shop"});
  CHECK(fields_of_key(rules, {{"colour", "red"}}).error().code == Errc::kNotFound);
}

TEST_CASE("page cursors: an arrival number is what it was made of, and nothing else is one") {
  const cep::ArrivalNumber arrival{812, 4, 0};
  CHECK(arrival_cursor(arrival) == "812:4");
  CHECK(read_arrival_cursor("812:4") == arrival);
  for (const std::string_view wrong : {"", ":", "812", "812:", ":4", "812:4:1", "-1:4", "x:4"}) {
    CHECK_FALSE(read_arrival_cursor(wrong));
  }
}
}  // namespace tocsin::tests
