// Networks of lists and tables: what is read and written, and which one an address finds.
#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/data/list_program.h"
#include "cep/data/lookup_table.h"
#include "cep/data/network_key.h"
#include "cep/value/ip_address.h"
#include "tests/support/plan_parts.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using cep::EventTime;
using cep::IpAddress;
using cep::IpNetwork;
using cep::ListProgram;
using cep::LookupTable;
using cep::OwnedValue;
using cep::TypeKind;
using cep::Value;

std::string read(const std::string& text) {
  const auto network = cep::read_network(text);
  if (network) return cep::network_text(*network);
  return network.error().what + "; " + network.error().help;
}

cep::List list_of(const std::vector<std::string>& networks) {
  cep::List list;
  list.name = "nets";
  list.element = type_of(TypeKind::kString);
  list.kind = cep::ListKind::kNetwork;
  for (const std::string& text : networks) list.values.emplace_back(Value::string(text));
  return list;
}

// Half of them IPv4; prefixes of at least so many bits.
IpNetwork random_network(Random& random, int ipv4_least = 8, int ipv6_least = 0) {
  IpNetwork network;
  const bool is_ipv4 = random.chance(50);
  for (std::size_t i = is_ipv4 ? 12 : 0; i < 16; ++i) {
    network.address.bytes[i] = static_cast<std::uint8_t>(random.below(i % 4 == 0 ? 4 : 256));
  }
  if (is_ipv4) network.address.bytes[10] = network.address.bytes[11] = 0xFF;
  network.bits = is_ipv4 ? 96 + static_cast<int>(random.between(ipv4_least, 32))
                         : static_cast<int>(random.between(ipv6_least, 128));
  for (int bit = network.bits; bit < 128; ++bit) {
    auto& byte = network.address.bytes[static_cast<std::size_t>(bit / 8)];
    byte = static_cast<std::uint8_t>(byte & ~(0x80U >> (bit % 8)));
  }
  return network;
}
}  // namespace

TEST_CASE("network: what is read, and how it is written") {
  struct Row {
    const char* text;
    const char* expected;
  };
  const Row rows[] = {
      {"10.0.0.0/8", "10.0.0.0/8"},
      {" 10.0.0.0/8\t", "10.0.0.0/8"},
      {"192.0.2.7", "192.0.2.7"},
      {"192.0.2.7/32", "192.0.2.7"},
      {"0.0.0.0/0", "0.0.0.0/0"},
      {"::/0", "::/0"},
      {"::", "::"},
      {"::1", "::1"},
      {"2001:DB8::/32", "2001:db8::/32"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:db8:0:1:1:1:1:1/128", "2001:db8:0:1:1:1:1:1"},
      {"fe80:0:0:0:0:0:0:0/10", "fe80::/10"},
      {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
      {"10.0.0.1/8",
       "has bits set behind its prefix; write `10.0.0.0/8` for the network, `10.0.0.1` for the one "
       "address"},
      {"2001:db8::1/32",
       "has bits set behind its prefix; write `2001:db8::/32` for the network, `2001:db8::1` for "
       "the one address"},
      {"10.0.0.1-10.0.0.9",
       "is a range; write a range as networks, each an entry of its own: `10.0.0.1`, "
       "`10.0.0.2/31`, `10.0.0.4/30`, `10.0.0.8/31`"},
      {"10.0.0.0 - 10.255.255.255",
       "is a range; write a range as networks, each an entry of its own: `10.0.0.0/8`"},
      {"255.255.255.254-255.255.255.255",
       "is a range; write a range as networks, each an entry of its own: `255.255.255.254/31`"},
      {"::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
       "is a range; write a range as networks, each an entry of its own: `::/0`"},
      {"0.0.0.1-255.255.255.254", "is a range; write a range as the networks that it consists of"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(read(row.text) == row.expected);
  }
  for (const char* text : {"", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "::/129", "a.b.c.d", "m1",
                           "10.0.0.9-10.0.0.1", "10.0.0.0/8,DE"}) {
    CAPTURE(text);
    CHECK(read(text).starts_with("is no network; write `10.0.0.0/8`"));
  }
  Random random(1);
  for (int i = 0; i < 2000; ++i) {
    const IpNetwork network = random_network(random);
    const std::string text = cep::network_text(network);
    CAPTURE(text);
    const auto again = cep::read_network(text);
    REQUIRE(again);
    CHECK(again->address == network.address);
    CHECK(again->bits == network.bits);
    std::string key = "prefix";
    cep::append_network_key(key, network);
    CHECK(cep::network_text(cep::network_of_key(key)) == text);
  }
}

TEST_CASE("network: an address that is none is missing, and nothing holds after its end") {
  const cep::List plan_list = list_of({"10.0.0.0/8", "2001:db8::/32"});
  ListProgram list(plan_list);
  const EventTime now{0};
  CHECK(list.is_in(Value::string("10.1.2.3"), now).is_true());
  CHECK(list.is_in(Value::string("::ffff:10.1.2.3"), now).is_true());
  CHECK(list.is_in(Value::string("2001:db8::7"), now).is_true());
  CHECK(list.is_in(Value::string("11.1.2.3"), now).kind == cep::ValueKind::kBool);
  CHECK_FALSE(list.contains(Value::string("11.1.2.3"), now));
  for (const char* text : {"", "card", "10.1.2", "10.0.0.0/8", "010.1.2.3"}) {
    CAPTURE(text);
    CHECK(list.is_in(Value::string(text), now).is_missing());
    CHECK_FALSE(list.contains(Value::string(text), now));
  }
  const auto key = list.key_of(Value::string("11.0.0.0/8"));
  REQUIRE(key);
  list.entries().add({*key, EventTime{5}});
  CHECK(list.contains(Value::string("11.1.2.3"), EventTime{4}));
  CHECK_FALSE(list.contains(Value::string("11.1.2.3"), EventTime{5}));
  CHECK(list.entries().remove(*list.key_of(Value::string("10.0.0.0/8"))));
  CHECK_FALSE(list.contains(Value::string("10.1.2.3"), now));
  CHECK_FALSE(list.key_of(Value::string("10.0.0.1/8")));
}

TEST_CASE("network: 100,000 of them cost a lookup for each prefix length at most") {
  Random random(2);
  std::vector<IpNetwork> networks;
  std::vector<std::string> texts;
  std::set<int> lengths;
  for (int i = 0; i < 100'000; ++i) {
    networks.push_back(random_network(random, 20, 32));
    texts.push_back(cep::network_text(networks.back()));
    lengths.insert(networks.back().bits);
  }
  // Some come by a change.
  const std::vector<std::string> declared(texts.begin(), texts.begin() + 90'000);
  const cep::List plan_list = list_of(declared);
  ListProgram list(plan_list);
  for (std::size_t i = declared.size(); i < texts.size(); ++i) {
    list.entries().add({*list.key_of(Value::string(texts[i]))});
  }
  std::size_t found = 0;
  for (int i = 0; i < 400; ++i) {
    IpNetwork host = random_network(random);
    if (random.chance(50)) host = networks[random.below(networks.size())];
    host.bits = 128;
    const std::string text = cep::network_text(host);
    CAPTURE(text);
    bool expected = false;
    for (const IpNetwork& network : networks) {
      expected = expected || network.contains(host.address);
    }
    std::size_t lookups = 0;
    int last_bits = 129;
    bool longest_first = true;
    const bool is_in =
        cep::find_network(list.entries(), {}, host.address, [&](std::string_view key) {
          ++lookups;
          const IpNetwork network = cep::network_of_key(key);
          longest_first =
              longest_first && network.bits < last_bits && network.contains(host.address);
          last_bits = network.bits;
          return list.entries().contains(key, EventTime{0});
        });
    CHECK(is_in == expected);
    CHECK(list.contains(Value::string(text), EventTime{0}) == expected);
    CHECK(longest_first);
    CHECK(lookups <= lengths.size());
    found += expected ? 1 : 0;
  }
  CHECK(found > 50);
  CHECK(found < 400);
}

TEST_CASE("network: a table gives the row of the longest prefix that holds") {
  Random random(3);
  cep::Table table;
  table.name = "geo";
  table.key_names = {"net", "side"};
  table.key_types = {type_of(TypeKind::kString), type_of(TypeKind::kString)};
  table.network_key = 0;
  table.columns = {{"number", type_of(TypeKind::kInt), false}};
  std::vector<IpNetwork> networks;
  std::set<std::string> seen;
  for (int i = 0; i < 3000; ++i) {
    const IpNetwork network = random_network(random);
    const std::string text = cep::network_text(network);
    const char* const side = i % 2 == 0 ? "left" : "right";
    if (!seen.insert(text + side).second) continue;
    cep::TableRow row;
    row.key = {OwnedValue(Value::string(text)), OwnedValue(Value::string(side))};
    row.values = {OwnedValue(Value::integer(static_cast<std::int64_t>(networks.size())))};
    row.lists.resize(1);
    table.rows.push_back(std::move(row));
    networks.push_back(network);
  }
  LookupTable rows(table);
  std::size_t found = 0;
  for (int i = 0; i < 1000; ++i) {
    IpNetwork host = random_network(random);
    host.bits = 128;
    const std::string text = cep::network_text(host);
    const std::string side = random.pick<const char*>({"left", "right"});
    CAPTURE(text);
    std::optional<std::size_t> best;
    for (std::size_t n = 0; n < networks.size(); ++n) {
      if (table.rows[n].key[1].view().text != side || !networks[n].contains(host.address)) continue;
      if (!best || networks[n].bits > networks[*best].bits) best = n;
    }
    const Value key[] = {Value::string(text), Value::string(side)};
    const cep::TableRow* const row = rows.find(key, EventTime{0});
    REQUIRE((row != nullptr) == best.has_value());
    if (best) CHECK(row->values[0].view().number == static_cast<std::int64_t>(*best));
    found += best ? 1 : 0;
  }
  CHECK(found > 100);
  const Value no_address[] = {Value::string("net"), Value::string("left")};
  CHECK(rows.find(no_address, EventTime{0}) == nullptr);

  // A row that ends gives way to the network around it.
  cep::Table small = table;
  small.rows.clear();
  const auto add = [&](LookupTable& to, const char* net, std::int64_t number, EventTime until) {
    auto row = std::make_shared<cep::TableRow>();
    row->key = {OwnedValue(Value::string(net)), OwnedValue(Value::string("left"))};
    row->values = {OwnedValue(Value::integer(number))};
    row->lists.resize(1);
    to.rows().add({LookupTable::key_of(small, *row), until, row});
  };
  LookupTable changing(small);
  add(changing, "10.0.0.0/8", 8, cep::kEventTimeMax);
  add(changing, "10.1.0.0/16", 16, EventTime{5});
  const Value key[] = {Value::string("10.1.2.3"), Value::string("left")};
  CHECK(changing.find(key, EventTime{4})->values[0].view().number == 16);
  CHECK(changing.find(key, EventTime{5})->values[0].view().number == 8);
}
}  // namespace tocsin::tests
