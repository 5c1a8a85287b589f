// Keys with roles: what the checker says of them, and what they become in the plan.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
constexpr const char* kMove =
    "event move { ts: time, id: string id, from_account: string, to_account: string, amount: "
    "decimal(2), from_bank: string, to_bank: string, region: string }\n";

struct Row {
  std::string rest;   // of a rule, in line 3
  std::string found;  // places_of
};
template <std::size_t N>
void check_rules(const Row (&rows)[N]) {
  for (const Row& row : rows) {
    const rules::Loaded loaded =
        load_rules(fmt::format("{}rule r \"r\" {{\n{}\n}}", kMove, row.rest));
    CAPTURE(row.rest);
    CAPTURE(rendered(loaded));
    CHECK(places_of(loaded) == row.found);
    CHECK(loaded.rules.has_value() == (row.found.find('E') == std::string::npos));
  }
}

TEST_CASE("check: roles of a key") {
  static const Row kRows[] = {
      {"by account = move.to_account as got | move.from_account as sent when got as g then sent as "
       "s where s.amount >= g.amount within 1h",
       ""},
      {"by account = move.to_account as got | move.from_account as sent | payment.account when got "
       "then no sent where amount > 5 then payment without sent where amount > 9 within 1h "
       "considering move",
       "no_effect 3:175"},
      {"by account = move.to_account as got | move.from_account as sent, region when 3 got or sent "
       "within 1h alert \"{account}\"",
       ""},
      {"by account = move.to_account as got | move.from_account as sent, bank = move.to_bank as "
       "got | move.from_bank as sent when got then sent within 1h",
       ""},
      {"by account = payment.account as pays | move.from_account as sends when pays then sends "
       "within 1h",
       ""},
      {"by account = probe.account as probed | move.from_account when probed then move within 1h",
       ""},
      {"by account = move.to_account | move.from_account when move then move within 1h",
       "E0428 3:32"},
      {"by account = move.to_account as got | move.from_account when move then move within 1h",
       "E0428 3:39"},
      {"by account = move.to_account as got | move.from_account as got when move then move within "
       "1h",
       "E0428 3:39"},
      {"by account = move.to_account as got | move.from_account as sent, bank = move.to_bank as "
       "got "
       "| move.from_bank as gave when got then sent within 1h",
       "E0428 3:66"},
      {"by account = move.to_account as login | move.from_account as sent when sent then sent "
       "within 1h",
       "E0429 3:33"},
      {"by account = mve.to_account as got | move.from_account as sent when got then sent within "
       "1h",
       "E0202 3:14"},
      {"by account = move.to_account as got | move.from_account as sent when got where count(move) "
       "over last 1h > 5 then sent where count(got or sent) over last 1h > 2 within 1h",
       "E0435 3:86, E0435 3:131"},
      {"by account = move.to_acount as got | move.from_account as sent when got then sent within "
       "1h",
       "E0201 3:19"},
      {"by account = move.to_account as got | move.from_account as sent when got then snt within "
       "1h",
       "E0202 3:79"},
  };
  check_rules(kRows);
}

TEST_CASE("check: declared keys") {
  static const struct {
    std::string text;   // after kMove, from line 2 on
    std::string found;  // places_of
  } kRows[] = {
      {"key user = login.account | move.from_account\nrule r \"r\" { by user when login then move "
       "where count(login) over last 1h > 1 within 1h alert \"{user}\" }",
       ""},
      {"key user = access.account | payment.account\nrule r \"r\" { by user when otp_ok then "
       "payment within 1h alert \"x\" }",
       ""},
      {"key user = login.account | move.from_account\nrule r \"r\" { by usr when login then login "
       "within 1h alert \"x\" }",
       "E0220 3:17"},
      {"key user = login.account | move.from_account\nrule r \"r\" { by user when login then "
       "payment within 1h alert \"x\" }",
       "E0220 3:17"},
      {"key user = login.account\nfeature f = count(login or move) by user over last 1h\nrule r "
       "\"r\" { by user when login where f > 1 alert \"x\" }",
       "E0220 3:37"},
      {"key user = login.account\nfeature f = count(login) by user over last 1h\nrule r \"r\" { by "
       "id when move where f > 1 alert \"x\" }",
       "E0221 4:36"},
      {"key user = login.account | move.amount\nrule r \"r\" { by user when login alert \"x\" }",
       "E0313 2:33"},
      {"key user = login.acount\nrule r \"r\" { by user when login alert \"x\" }", "E0201 2:18"},
      {"key user = logn.account\nrule r \"r\" { by user when login alert \"x\" }", "E0202 2:12"},
      {"key user = login.account | access.account\nrule r \"r\" { by user when login alert \"x\" }",
       "E0428 2:28"},
      {"key user = login.account\nkey user = move.from_account\nrule r \"r\" { by user when login "
       "alert \"x\" }",
       "E0205 3:5"},
      {"key user = login.account\nrule r \"r\" { by account when login alert \"x\" }",
       "unused_name 2:5"},
      {"key user = any alert.key\nrule r \"r\" { by user when login alert \"x\" }", "E0219 2:12"},
      {"kind big = alert r\nkey user = login.account | big.user\nrule r \"r\" { by user when login "
       "alert \"x\" }\nrule s \"s\" { by user when big alert \"x\" }",
       "E0219 3:28"},
      {"key user = move.from_account as login | move.to_account as got\nrule r \"r\" { by user "
       "when "
       "got alert \"x\" }",
       "E0429 2:33"},
      {"key user = move.from_account as sent | move.to_account as got\nfeature f = count(move) by "
       "user over last 1h\nrule r \"r\" { by user when got where f > 1 alert \"x\" }",
       "E0435 3:28"},
      // In a rule by the same key the one is meant that the rule looks at.
      {"key user = login.account | move.from_account as sent | move.to_account as got\nfeature f = "
       "count(login) by user over last 1h\nrule r \"r\" { by user when got where f > 1 alert \"x\" "
       "}",
       ""},
      {"key user = login.account | move.from_account as sent | move.to_account as got\nfeature f = "
       "count(login) by user over last 1h\nrule r \"r\" { by id when move where f > 1 alert \"x\" "
       "}",
       "E0435 4:36"},
      {"key = login.account\nrule r \"r\" { by user when login alert \"x\" }", "E0101 2:5"},
      {"key user = login\nrule r \"r\" { by user when login alert \"x\" }", "E0101 3:1"},
      {"key user = login.account or move.from_account\nrule r \"r\" { by user when login alert "
       "\"x\" }",
       "E0101 2:26"},
  };
  for (const auto& row : kRows) {
    const rules::Loaded loaded = load_rules(kMove + row.text);
    CAPTURE(row.text);
    CAPTURE(rendered(loaded));
    CHECK(places_of(loaded) == row.found);
    CHECK(loaded.rules.has_value() == (row.found.find('E') == std::string::npos));
  }
}

TEST_CASE(
    "lower: a declared key is the fields that it names, in rules, features and where they are "
    "read") {
  const rules::Loaded loaded = load_rules(std::string(kMove) + R"(
key user = access.account | move.from_account | payment.card
feature f = count(login) by user over last 1h
rule r "r" {
  by user
  when login then move where f > count(payment) over last 1d
  within 1h
  alert "{user}"
}
rule s "s" {
  by user
  when alert r where f > 2
  alert "x"
})");
  REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
  const std::vector<std::string> lines =
      plan_lines(*loaded.rules->plan, {"feature f", "feature $", "by"});
  const std::vector<std::string> expected = {
      "feature f: int = count(-) of {login=login} where - by {user:string = login.account "
      "move.from_account r.user} over last 1h",
      "feature $1: int = count(-) of {payment=payment} where - by {user:string = payment.card "
      "move.from_account} over last 1d",
      "by {user:string = login.account move.from_account}",
      "by {user:string = r.user}",
  };
  CHECK(lines.size() == expected.size());
  for (std::size_t i = 0; i < std::min(lines.size(), expected.size()); ++i) {
    CHECK(lines[i] == expected[i]);
  }
}

TEST_CASE("lower: roles are kinds inside their rule, also of its features") {
  const rules::Loaded loaded = load_rules(std::string(kMove) + R"(
rule r "r" {
  by account = move.to_account as got | probe.account | move.from_account as sent
  when got as g then move where count(sent) over last 1h > 3 then probe where count(probe) over last 1d > 5
  within 1h
})");
  REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
  const std::vector<std::string> lines =
      plan_lines(*loaded.rules->plan, {"feature $", "by", "then", "considered"});
  const std::vector<std::string> expected = {
      "feature $1: int = count(-) of {sent=move} where - by {account:string = move.from_account} "
      "over last 1h",
      "feature $2: int = count(-) of {probe=payment where and(less(field[amount "
      "payment.amount]:decimal(2), 2.00:decimal(2)):bool, equal(field[channel "
      "payment.channel]:enum(pos, ecom, atm), ecom:enum(pos, ecom, atm)):bool):bool} where - by "
      "{account:string = payment.account} over last 1d",
      "by {account:string = payment.account move.to_account as got move.from_account as sent}",
      "then step $0 1..1 relaxed {got=move as got} where -",
      "then step $1 1..1 relaxed {move=move} where greater(feature[$1](key[0]:string):int, "
      "3:int):bool",
      "then step $2 1..1 relaxed {probe=payment where and(less(field[amount "
      "payment.amount]:decimal(2), 2.00:decimal(2)):bool, equal(field[channel "
      "payment.channel]:enum(pos, ecom, atm), ecom:enum(pos, ecom, atm)):bool):bool} where "
      "greater(feature[$2]:int, 5:int):bool",
      "considered {got=move as got | move=move | probe=payment where and(less(field[amount "
      "payment.amount]:decimal(2), 2.00:decimal(2)):bool, equal(field[channel "
      "payment.channel]:enum(pos, ecom, atm), ecom:enum(pos, ecom, atm)):bool):bool}"};
  CHECK(lines.size() == expected.size());
  for (std::size_t i = 0; i < std::min(lines.size(), expected.size()); ++i) {
    CHECK(lines[i] == expected[i]);
  }
}
}  // namespace
}  // namespace tocsin::tests
