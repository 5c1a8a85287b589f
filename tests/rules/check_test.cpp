// What the checker says of rule text: the code and the place, or nothing where all is right.
#include <doctest/doctest.h>

#include <string>

#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
struct Row {
  std::string text;
  std::string found;  // places_of
};

template <std::size_t N>
void check_rows(const Row (&rows)[N]) {
  for (const Row& row : rows) {
    const rules::Loaded loaded = load_rules(row.text);
    CAPTURE(row.text);
    CAPTURE(rendered(loaded));
    CHECK(places_of(loaded) == row.found);
    CHECK(loaded.rules.has_value() == (row.found.find('E') == std::string::npos));
  }
}

TEST_CASE("check: the schema of these tests is right") { CHECK(places_of(load_rules("")) == ""); }

TEST_CASE("check: patterns") {
  static const Row kRows[] = {
      {R"(rule r "r" { by card when probe as a then first payment as b where amount > a.amount within 1h alert "x" })",
       ""},
      {R"(rule r "r" { by card when 3+ probe as a then next payment where amount > sum(a.amount) + a.first.amount + a.last.amount within 1h alert "x" })",
       ""},
      {R"(rule r "r" { by card when 2..4 next payment as a where amount > prev.amount and a.first.merchant = merchant and count(a) < 4 within 1h alert "x" })",
       ""},
      {R"(rule r "r" { by card when payment as a then no payment where merchant = a.merchant then payment within 1h alert "x" })",
       ""},
      {R"(rule r "r" { by card when payment as a then no payment where amount > a.amount for 5m alert "{a.amount}" })",
       ""},
      {R"(rule r "r" { by card when payment then no payment within 1h alert "x" })", ""},
      {R"(rule r "r" { by card when 3 payment as a then payment where merchant in a.merchant and amount > max(a.amount) and distinct(a.merchant) > 1 and count(a where declined) > 1 and avg(a.amount where amount > 5) > 3 within 1h alert "x" })",
       ""},
      {R"(rule r "r" { by card when 3 payment as a where a.amount > 5 within 1h alert "x" })", ""},
      {R"(rule r "r" { by card when payment then payment considering login within 1h alert "x" })",
       "no_effect 1:48"},
      // mistakes
      {R"(rule r "r" { by card when 3 payment as a then payment as b where amount > a.amount within 1h alert "x" })",
       "E0406 1:75"},
      {R"(rule r "r" { by card when payment as a where amount < b.amount then payment as b within 1h alert "x" })",
       "E0209 1:55"},
      {R"(rule r "r" { by card when payment as a then payment as a within 1h alert "x" })",
       "E0210 1:56"},
      {R"(rule r "r" { by card when payment then no payment alert "x" })", "E0403 1:40"},
      {R"(rule r "r" { by card when payment then no payment for 5m then payment within 1h alert "x" })",
       "E0404 1:51"},
      {R"(rule r "r" { by card when payment then no payment for 0s alert "x" })", "E0410 1:55"},
      {R"(rule r "r" { by card when 4..2 payment within 1h alert "x" })", "E0407 1:27"},
      {R"(rule r "r" { by card when 0 payment within 1h alert "x" })", "E0407 1:27"},
      {R"(rule r "r" { by card when 100_001 payment within 1h alert "x" })", "E0407 1:27"},
      {R"(rule r "r" { by card when paymnt then logn within 1h alert "{amount}" })",
       "E0202 1:27, E0202 1:39"},
      {R"(rule r "r" { by card when payment or otp_ok where amount > 1 within 1h alert "x" })",
       "E0220 1:17, E0203 1:51, within_one_event 1:62"},
      {R"(rule r "r" { by card when payment or login as p where amount > 1 alert "x" })",
       "E0306 1:55"},
      {R"(rule r "r" { by card when 2 payment within 0s alert "x" })", "E0410 1:44"},
      {R"(rule r "r" { by card alert "x" })", "E0401 1:6"},
      {R"(rule r "r" { by card when payment as a then payment as b where a.first.amount > 1 and sum(a.amount) > 1 and merchant in a.merchant within 1h alert "x" })",
       "E0409 1:66, E0408 1:91, E0408 1:121"},
      {R"(rule r "r" { by card when 3 payment as a where stddev(a.amount) > 1 and sum(a) > 1 and count(a.amount) > 1 and sum(a.merchant) > 1 and sum(a.amount / 2) > 1 within 1h alert "x" })",
       "E0412 1:77, E0412 1:94, E0308 1:116"},
  };
  check_rows(kRows);
}

TEST_CASE("check: clauses of a rule") {
  static const Row kRows[] = {
      {R"(rule r "r" { severity if amount > 5 then high else low by card when payment alert "x" })",
       ""},
      {R"(rule r "r" { severity if amount > 5 then high else lwo by card when payment alert "x" })",
       "E0305 1:52"},
      {R"(rule r "r" { severity amount by card when payment alert "x" })", "E0312 1:23"},
      {R"(rule r "r" { severity 3 by card when payment alert "x" })", "E0312 1:23"},
      {R"(rule r "r" { id "a-1" tags a, "b c" references "u" falsepositives "f" owner "o" description "d" status shadow by card when payment alert "x" })",
       ""},
      {R"(rule r "r" { by account = payment.account | transfer.from_account when payment as p then transfer as t where amount > p.amount within 1h alert "{account} {p.account} {t.account}" })",
       ""},
      {R"(rule r "r" { by card, account when payment alert "x" })", ""},
      {R"(rule r "r" { by card, card when payment alert "x" })", "E0215 1:23"},
      {R"(rule r "r" { by crd when payment alert "x" })", "E0220 1:17"},
      {R"(rule r "r" { by amount when payment then login within 1h alert "x" })", "E0313 1:17"},
      {R"(rule r "r" { by account = payment.account when payment then transfer within 1h alert "x" })",
       "E0220 1:17"},
      {R"(rule r "r" { by account = payment.acount | transfer.from_account when payment then transfer within 1h alert "{account}" })",
       "E0201 1:35"},
      {R"(rule r "r" { by x = payment.amount | login.tries when payment then login within 1h alert "x" })",
       "E0313 1:44"},
      {R"(rule r "r" { by card when payment then login within 1h having payment.amount > 3 and sum(login.tries) > 2 alert "x" })",
       "E0204 1:63, E0204 1:90"},
      {R"(rule r "r" { by card when 3 payment as a within 1h having sum(a.amount) > 5 and amount > 2 alert "x" })",
       ""},
      {R"(rule r "r" { by card when payment alert "{amout} {p.x} {amount}" { a: amount, a: 2, score: card, ts: 1, b: crd } })",
       "E0201 1:43, E0204 1:51, E0215 1:79, E0314 1:92, E0402 1:98, E0201 1:108"},
      {R"(rule r "r" { by card when payment after match no skip once per 1h alert "x" })",
       "no_effect 1:35"},
      {R"(rule r "r" { by card when payment after match skip past last alert "x" })",
       "no_effect 1:35"},
      {R"(rule r "r" { by card when payment once per 0s alert "x" })", "E0410 1:44"},
      {"rule r \"r\" { id a by card when payment alert \"x\" }\nrule a \"r\" { by card when "
       "payment alert \"x\" }",
       "E0218 2:6"},
      {"rule r \"r\" { by card when payment alert \"x\" }\nrule r \"r\" { by card when payment "
       "where amout > 1 alert \"x\" }",
       "E0205 2:6, E0201 2:41"},
      // warnings
      {R"(rule r "r" { when 3 payment within 1h alert "x" })", "no_key 1:6"},
      {R"(rule r "r" { when payment alert "x" })", ""},
      {R"(rule r "r" { when payment where count(payment) over last 1h > 5 alert "x" })",
       "no_key 1:6"},
      {R"(rule r "r" { by card when payment within 1h alert "x" })", "within_one_event 1:35"},
      {R"(rule r "r" { by card when payment then payment alert "x" })", "endless_state 1:6"},
      {R"(rule r "r" { by card when 3+ payment alert "x" })", "endless_state 1:6"},
      {R"(rule r "r" { by card when payment then next payment alert "x" })", ""},
      {R"(rule r "r" { by card when 3 next payment alert "x" })", ""},
      {R"(rule r "r" { by card when payment then no payment for 5m alert "x" })", ""},
      {R"(rule r "r" { by card when payment then payment then no payment for 5m alert "x" })",
       "endless_state 1:6"},
  };
  check_rows(kRows);
}

// Long because it is one table of cases.
TEST_CASE("check: declarations") {
  static const Row kRows[] = {
      {"event e from \"E\" { at: time key up to 5s late, a: string from \"x.y\" pii evidence, b: "
       "enum(\"c d\", e)?, f: decimal(9), d: duration }",
       ""},
      {"event e { a: string }", "E0216 1:7"},
      {"event e { ts: string }", "E0216 1:15"},
      {"event e { ts: time? }", "E0217 1:15"},
      {"event e { ts: time, a: string key }", "E0217 1:31"},
      {"event e { a: time key, b: time key }", "E0217 1:32"},
      {"event e { ts: time, a: string id, b: string id }", "E0217 1:45"},
      {"event e { ts: time, a: string up to 5s late }", "E0217 1:31"},
      {"event e { ts: time, a: string from \"x..y\" }", "E0217 1:36"},
      {"event e { ts: time, a: string? from \"x[0][12].y[65535]\" }", ""},
      {"event e { ts: time, a: string from \"x[y]\" }", "E0217 1:36"},
      {"event e { ts: time, a: string from \"x[-1]\" }", "E0217 1:36"},
      {"event e { ts: time, a: string from \"x[01]\" }", "E0217 1:36"},
      {"event e { ts: time, a: string from \"x[0\" }", "E0217 1:36"},
      {"event e { ts: time, a: string from \"x[0]y\" }", "E0217 1:36"},
      {"event e { ts: time, a: string from \"x[]\" }", "E0217 1:36"},
      {"event e { ts: time, a: string from \"[0]\" }", "E0217 1:36"},
      {"event e { ts: time, a: string from \"x.[0]\" }", "E0217 1:36"},
      {"event e { ts: time, a: string from \"x[65536]\" }", "E0217 1:36"},
      {"event e { ts: time, a: string, a: int }", "E0205 1:32"},
      {"event e { ts: time, a: decimal(10) }", "E0303 1:32"},
      {"event e { ts: time, a: enum(x, y, x) }", "E0215 1:35"},
      {"event e from \"payment\" { ts: time }", "E0205 1:14"},
      {"event payment { ts: time }", "E0205 1:7"},
      {"kind payment = login", "E0205 1:6"},
      {"const PROBE = 3", "E0205 1:7"},
      {"list PROBE : int = [1]", "E0205 1:6"},
      {"feature PROBE = count(payment) by card over last 1h", "E0205 1:9"},
      {"kind a = b kind b = c kind c = a", "E0211 1:6"},
      {"kind a = a", "E0211 1:6"},
      {"kind a = paymnt", "E0202 1:10"},
      {"kind a = payment where amout > 5 kind b = a where amount > 5", "E0201 1:24"},
      {"kind a = payment where payments_10m > 5", "E0456 1:24"},
      {"kind a = payment where count(payment) over last 1h > 5", "E0456 1:24"},
      {"kind a = payment where amount", "E0301 1:24"},
      {"kind a = probe where amount > 5", "never_holds 1:22"},
      {"kind a = payment where amount < 2 kind b = a where amount > 5 kind c = b where declined",
       "never_holds 1:52"},
      {"kind a = payment where amount < 2 and amount > 5 rule r \"r\" { by card when a alert \"x\" "
       "}",
       "never_holds 1:39, E0441 1:76"},
      {"kind a = payment where amount < 2 and amount > 5 rule r \"r\" { by card when login then "
       "optional a then payment within 1h alert \"x\" }",
       "never_holds 1:39"},
      {"kind a = login | payment where amount < 2 and amount > 5 rule r \"r\" { by card when a "
       "alert \"x\" }",
       "never_holds 1:47"},
      {"const A = /x(/", "E0316 1:13"},
      {"const A = [1, /x/]", "E0309 1:15"},
      {"list a : int = [1, 2.5, \"x\"] rule r \"r\" { by card when payment where count_of_items in "
       "a alert \"x\" }",
       "E0309 1:20, E0309 1:25"},
      {"list a : decimal(1) = [1, 2.5, 2.50, 2.55] rule r \"r\" { by card when payment where "
       "amount in a alert \"x\" }",
       "E0309 1:38"},
      {"list a : string = [\"x\"]", "unused_list 1:6"},
      {"list a : string from \"x\"", "E0213 1:22"},
      {"table t key a { b: int } = { \"x\": { b: 1 } } rule r \"r\" { by card when payment where "
       "t[card].b > 1 alert \"x\" }",
       ""},
      {"defaults login { ok: 5, tres: 1, ts: 2026-01-01T00:00:00Z }",
       "E0309 1:22, E0201 1:25, E0501 1:34"},
      {"defaults payment { card: \"c\" }", "E0205 1:10"},
      {"defaults probe { card: \"c\" }", "E0219 1:10"},
      {"defaults pament { card: \"c\" }", "E0202 1:10"},
      {"feature f = count(payment where amout > 5) by card over last 1h", "E0201 1:33"},
      {"feature f = count(payment) by crd over last 1h", "E0220 1:31"},
      {"feature f = count(payment or otp_ok) by card over last 1h", "E0220 1:41"},
      {"feature f = count(payment) by card, card over last 1h", "E0215 1:37"},
      {"feature f = sum(spent of payment) by card over last 1h", ""},
      {"feature f = percentile(amount of payment, 101) by card over last 1h", "E0453 1:43"},
      {"feature f = count(payment unless alerted by r) by card over last 1h", "E0454 1:27"},
      {"features of payment by card over last 1h { f = count, g = sum amount } rule r \"r\" { by "
       "card when payment where f > 3 and g > 3 alert \"x\" }",
       ""},
      {"features of payment by crd over last 1h { f = count, g = sum amount, h = sum card }",
       "E0220 1:24, E0308 1:78"},
      {"features of payment by card over last 0s { f = count, g = ewma(amount, weight 0) }",
       "E0410 1:39, E0453 1:72"},
      {"feature f = count(payment where g > 1) by card over last 1h "
       "feature g = count(payment where h > 1) by card over last 1h "
       "feature h = count(payment where f > 1) by card over last 1h",
       "E0455 1:153"},
      {"rule r \"r\" { by account when login where payments_10m > 3 alert \"x\" }", ""},
      {"rule r \"r\" { by account when otp_ok where payments_10m > 3 alert \"x\" }", "E0221 1:43"},
  };
  check_rows(kRows);
}

TEST_CASE("check: tests") {
  const std::string rule =
      "rule r \"r\" { by card when payment as p where amount > 100 alert \"{amount}\" { total: "
      "amount, share: amount / 3 } }\n";
  struct TestRow {
    std::string test;
    std::string found;
  };
  static const TestRow kRows[] = {
      {"test r \"t\" { 0s payment { amount: 101 } expect alert at 0s { total: 101, share: "
       "33.666666667, card: \"c1\", severity: medium, score: 0, message: \"101.00\" } }",
       ""},
      {"test r \"t\" { starting 2026-03-02T12:00:00Z 5s payment { } 0s login { account: \"a\" } "
       "until 1h expect no alert }",
       ""},
      {"test q \"t\" { expect no alert }", "E0206 2:6"},
      {"test r \"t\" { 0s paymnt { } expect no alert }", "E0202 2:17"},
      {"test r \"t\" { 0s probe { } expect no alert }", "E0219 2:17"},
      {"test r \"t\" { 0s payment { amout: 1, card: 5, channel: ecmo, amount: 1.001, ts: "
       "2026-01-01T00:00:00Z, id: \"a\", id: \"b\" } expect no alert }",
       "E0201 2:27, E0309 2:43, E0305 2:55, E0309 2:69, E0501 2:76, E0215 2:111"},
      {"test r \"t\" { 0s payment { card: c1 } expect no alert }", "E0309 2:33"},
      {"test r \"t\" { 0s payment { } until 1h until 2h expect no alert }", "E0502 2:38"},
      {"test r \"t\" { until 1h 0s payment { } expect no alert }", "E0502 2:14"},
      {"test r \"t\" { expect alert 0 times }", "E0503 2:27"},
      {"test r \"t\" { expect alert 2 times at 5s expect alert }", ""},
      {"test r \"t\" { expect alert { totl: 5, total: \"x\", severity: hihg, score: \"x\", "
       "message: 5, card: 5, card: \"c\" } }",
       "E0214 2:29, E0309 2:45, E0305 2:60, E0309 2:73, E0309 2:87, E0309 2:96, E0215 2:99"},
  };
  for (const TestRow& row : kRows) {
    const rules::Loaded loaded = load_rules(rule + row.test);
    CAPTURE(row.test);
    CAPTURE(rendered(loaded));
    CHECK(places_of(loaded) == row.found);
  }
}

TEST_CASE("check: a mistake is told once, and what follows from it not at all") {
  static const Row kRows[] = {
      // an event type with a mistake: its fields are unknown, not wrong
      {"event e { ts: time, a: 5 }\nkind k = e where a > 5 and b > 3\nrule r \"r\" { by a when k "
       "where a = 1 and c > 5 alert \"{a} {c}\" }",
       "E0101 1:24"},
      // a kind that is not known: its rules are silent
      {"kind k = paymnt where amount > 5\nrule r \"r\" { by card when k as a then payment as b "
       "where amount > a.amount within 1h alert \"{a.amount}\" }",
       "E0202 1:10"},
      // a feature with a mistake
      {"feature f = count(paymnt) by card over last 1h\nrule r \"r\" { by card when payment where "
       "f > 3 alert \"{f}\" }",
       "E0202 1:19"},
      // a key with a mistake
      {"rule r \"r\" { by crd when payment where count(payment) over last 1h > 3 alert \"{card}\" "
       "}",
       "E0220 1:17"},
      // a list with a mistake
      {"list l : strng = [\"a\"]\nrule r \"r\" { by card when payment where card in l alert \"x\" "
       "}",
       "E0101 1:10"},
  };
  for (const Row& row : kRows) {
    const rules::Loaded loaded = load_rules(row.text);
    CAPTURE(row.text);
    CAPTURE(rendered(loaded));
    CHECK(places_of(loaded) == row.found);
  }
}

TEST_CASE(
    "check: a rule file with more than twenty different mistakes tells all of them in one run") {
  const rules::Loaded loaded = load_rules(R"(event e { a: string }
kind small = paymnt where amount < 5
list cards : int = [1, "2"]
const LIMIT = 5 const LIMIT = 6
feature f = sum(card of payment) by card over last 1h
feature g = count(payment) by crd over last 1h
feature h = stddev(amount of payment) by card over last 1h
rule one "One" {
  by card
  severity hihg
  when 3 payment as a where amout > 1 then payment as b where amount > a.amount and channel = ecmo
  within 0s
  alert "{b.first.amount} {c.amount} {merchant + 1}" { a: rate * rate, a: 1, score: card }
}
rule two "Two" {
  by card
  when payment as p where p.amount = "5" and prev.amount > 1 and count(payment) > 3
  once while amount > 5
  alert "{foo(1)} {coalesce(1)} {sum(p.amount)}"
}
rule two "Again" { by card when payment where amount alert "x" }
rule four "Four" { by card when payment then no payment alert "x" }
rule five "Five" { by card when 4..2 payment within 1h alert "x" }
test six "Six" { expect no alert }
test one "One" { 0s payment { amount: 1.001, colour: "red" } expect alert 0 times { nothing: 1 } }
)");
  CHECK(places_of(loaded) ==
        "E0216 1:7, E0202 2:14, E0309 3:24, E0205 4:23, E0308 5:17, E0220 6:31, "
        "E0305 10:12, E0201 11:29, E0406 11:72, E0305 11:95, E0410 12:10, E0409 13:13, E0204 "
        "13:28, E0302 13:48, "
        "E0303 13:64, E0215 13:72, E0314 13:85, E0304 17:36, E0405 17:46, E0411 17:66, "
        "endless_state 18:3, E0208 19:11, "
        "E0311 19:20, E0408 19:38, E0205 21:6, E0301 21:47, E0403 22:46, E0407 23:33, E0206 24:6, "
        "E0309 25:39, "
        "E0201 25:46, E0503 25:75, E0214 25:85");
}
}  // namespace
}  // namespace tocsin::tests
