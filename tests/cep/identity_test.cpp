#include "cep/value/identity.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "cep/value/key.h"
#include "tests/support/golden.h"

namespace tocsin::cep {
TEST_CASE("identity: SHA-256 gives FIPS 180-4's examples") {
  CHECK(hex(sha256("")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("identity: an identity of fields follows from its bytes") {
  const Value fields[] = {Value::integer(1), Value::missing()};
  for (const std::uint32_t number : {0U, 1U, 300U, 70'000U}) {
    const EventIdentity identity = identity_of_fields("a", fields, number);
    const EventIdentity again = identity_of_bytes(identity.bytes);
    CHECK(again.bytes == identity.bytes);
    CHECK(again.text == identity.text);
  }
}

TEST_CASE("identity: type, contents and number all count") {
  const Value one[] = {Value::integer(1), Value::missing()};
  const Value other[] = {Value::missing(), Value::integer(1)};
  const Value shorter[] = {Value::integer(1)};
  std::set<std::string> seen;
  for (const EventIdentity& identity :
       {identity_of_fields("a", one, 0), identity_of_fields("a", one, 1),
        identity_of_fields("b", one, 0), identity_of_fields("a", other, 0),
        identity_of_fields("a", shorter, 0), identity_of_id("a", Value::integer(1)),
        identity_of_id("b", Value::integer(1)), identity_of_id("a", Value::string("1")),
        identity_of_id("a", Value::missing()), identity_of_alert("a"), identity_of_alert("b"),
        EventIdentity{identity_of_window({0}, {1}), ""},
        EventIdentity{identity_of_window({1}, {1}), ""}}) {
    CHECK(seen.insert(identity.bytes).second);
  }
  CHECK(identity_of_id("a", Value::missing()).text.empty());
}

TEST_CASE("identity: an alert's id depends on all that names it") {
  const std::vector<std::string> none;
  const std::vector<std::string> one = {"ab"};
  const std::vector<std::string> two = {"a", "b"};
  std::set<std::string> seen;
  for (const std::string& id : {alert_id("r", "k", {1}, one, 0), alert_id("s", "k", {1}, one, 0),
                                alert_id("r", "l", {1}, one, 0), alert_id("r", "k", {2}, one, 0),
                                alert_id("r", "k", {1}, two, 0), alert_id("r", "k", {1}, none, 0),
                                alert_id("r", "k", {1}, one, 1), alert_id("rk", "", {1}, one, 0)}) {
    CHECK(id.size() == 32);
    CHECK(seen.insert(id).second);
  }
}

TEST_CASE("identity: format 1") {
  std::string text = "# event identity: how | bytes in hex | shown\n";
  const auto line = [&](const char* how, const EventIdentity& identity) {
    text += fmt::format("{} | {} | {}\n", how, tests::hex_of(identity.bytes), identity.text);
  };
  line("payment id p1", identity_of_id("payment", Value::string("p1")));
  line("payment id \"\"", identity_of_id("payment", Value::string("")));
  line("payment id missing", identity_of_id("payment", Value::missing()));
  line("transfer id 42", identity_of_id("transfer", Value::integer(42)));
  line("alert", identity_of_alert("0123456789abcdef0123456789abcdef"));
  line("window from 1 s to 2 s", {identity_of_window({1'000'000}, {2'000'000}), ""});
  const std::vector<Value> fields = {Value::time({1'772'452'860'000'000}), Value::string("c1"),
                                     Value::decimal(349, 2), Value::missing(),
                                     Value::enumerated(1, "ecom")};
  line("login of five fields", identity_of_fields("login", fields, 0));
  line("the same, second", identity_of_fields("login", fields, 1));
  line("the same, number 2^32-1", identity_of_fields("login", fields, 0xffffffffU));
  line("login of no field", identity_of_fields("login", {}, 0));
  text += "# alert id: rule | key bytes in hex | time | identities in hex | ordinal | id\n";
  const auto alert = [&](const char* rule, const std::string& key, std::int64_t time,
                         const std::vector<std::string>& identities, std::uint32_t ordinal) {
    std::string shown;
    for (const std::string& identity : identities) shown += " " + tests::hex_of(identity);
    text += fmt::format("{} | {} | {} |{} | {} | {}\n", rule, tests::hex_of(key), time, shown,
                        ordinal, alert_id(rule, key, {time}, identities, ordinal));
  };
  const std::string p1 = identity_of_id("payment", Value::string("p1")).bytes;
  const std::string p2 = identity_of_id("payment", Value::string("p2")).bytes;
  const Value card[] = {Value::string("c1")};
  alert("card_testing", key_bytes(card), 1'772'452'860'000'000, {p1, p2}, 0);
  alert("card_testing", key_bytes(card), 1'772'452'860'000'000, {p1, p2}, 1);
  alert("card_testing", key_bytes(card), 1'772'452'860'000'000, {p2, p1}, 0);
  alert("global", "", -1, {p1}, 0);
  tests::check_golden("identities.txt", text);
}
}  // namespace tocsin::cep
