// From rule text to the plan: expressions and rules as cep::describe shows them, written here by
// hand.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
const cep::Plan& plan_of(const rules::Loaded& loaded) {
  REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
  return *loaded.rules->plan;
}

// What the condition of a payment p in a rule by card becomes.
std::string lowered(const std::string& condition) {
  const rules::Loaded loaded = load_rules(
      fmt::format("rule r \"r\" {{ by card when payment as p where {} alert \"x\" }}", condition));
  const cep::Plan& plan = plan_of(loaded);
  const cep::ExprPtr& where = plan.rules.front().pattern.front().where();
  REQUIRE(where);
  return cep::describe(plan, *where);
}

void check_lines(const std::string& text, const std::vector<std::string>& starts,
                 const std::vector<std::string>& expected) {
  const rules::Loaded loaded = load_rules(text);
  CAPTURE(text);
  const std::vector<std::string> lines = plan_lines(plan_of(loaded), starts);
  CHECK(lines.size() == expected.size());
  for (std::size_t i = 0; i < std::min(lines.size(), expected.size()); ++i) {
    CHECK(lines[i] == expected[i]);
  }
}

// Long because it is one table of cases.
TEST_CASE("lower: expressions") {
  struct Row {
    std::string condition;
    std::string expected;
  };
  const std::string amount = "field[amount payment.amount]:decimal(2)";
  const std::string channel = "field[channel payment.channel]:enum(pos, ecom, atm)";
  const std::string risk = "field[risk payment.risk]:float";
  const Row rows[] = {
      {"amount > 5", "greater(" + amount + ", 5:int):bool"},
      {"p.amount > 5.50", "greater(" + amount + ", 5.50:decimal(2)):bool"},
      // constants and signs are literals
      {"amount < PROBE", "less(" + amount + ", 2.00:decimal(2)):bool"},
      {"amount > LOWEST", "greater(" + amount + ", -5:int):bool"},
      {"amount > -PROBE", "greater(" + amount + ", -2.00:decimal(2)):bool"},
      {"-amount < -(5)", "less(negate(" + amount + "):decimal(2), -5:int):bool"},
      // widening to float is written out, but for literals
      {"risk > amount", "greater(" + risk + ", to_float(" + amount + "):float):bool"},
      {"risk > 0.5", "greater(" + risk + ", 0.5:float):bool"},
      {"risk + 1 > 2", "greater(add(" + risk + ", 1:float):float, 2:float):bool"},
      {"risk between 0 and amount",
       "between(" + risk + ", 0:float, to_float(" + amount + "):float):bool"},
      {"risk in [1, 2.5]", "in(" + risk + ", 1:float, 2.5:float):bool"},
      {"amount in [1, 1e0]", "in(to_float(" + amount + "):float, 1:float, 1:float):bool"},
      // arithmetic and its scales
      {"amount * amount + 1 >= 0", "greater_equal(add(multiply(" + amount + ", " + amount +
                                       "):decimal(4), 1:int):decimal(4), 0:int):bool"},
      {"amount / 3 = 0.10", "equal(divide(" + amount + ", 3:int):fraction, 0.10:decimal(2)):bool"},
      {"count_of_items % 2 = 1",
       "equal(modulo(field[count_of_items payment.count_of_items]:int, 2:int):int, 1:int):bool"},
      {"ts - 2026-01-01T00:00:00Z < 90m",
       "less(subtract(field[ts payment.ts]:time, 2026-01-01T00:00:00Z:time):duration, "
       "1h30m:duration):bool"},
      // enums
      {"channel = ecom", "equal(" + channel + ", ecom:enum(pos, ecom, atm)):bool"},
      {"ecom != channel", "not_equal(ecom:enum(pos, ecom, atm), " + channel + "):bool"},
      {"channel = RISKY", "equal(" + channel + ", ecom:enum(pos, ecom, atm)):bool"},
      {"channel not in [pos, atm]",
       "not(in(" + channel + ", pos:enum(pos, ecom, atm), atm:enum(pos, ecom, atm)):bool):bool"},
      // lists
      {"country in HOME",
       "in(field[country payment.country]:string, \"SE\":string, \"NO\":string):bool"},
      // logic: what stands in one `and` or `or` is flat
      {"declined and (amount > 1 and amount < 2)",
       "and(field[declined payment.declined]:bool, greater(" + amount + ", 1:int):bool, less(" +
           amount + ", 2:int):bool):bool"},
      {"declined or (amount > 1 or amount < 2)",
       "or(field[declined payment.declined]:bool, greater(" + amount + ", 1:int):bool, less(" +
           amount + ", 2:int):bool):bool"},
      {"not (declined and amount > 1)", "not(and(field[declined payment.declined]:bool, greater(" +
                                            amount + ", 1:int):bool):bool):bool"},
      {"country is missing or country is known",
       "or(is_missing(field[country payment.country]:string):bool, is_known(field[country "
       "payment.country]:string):bool):bool"},
      // branches get one type
      {"(if declined then 1 else 2.5) = amount",
       "equal(if(field[declined payment.declined]:bool, 1.0:decimal(1), "
       "2.5:decimal(1)):decimal(1), " +
           amount + "):bool"},
      {"(if declined then count_of_items else amount) = 1",
       "equal(if(field[declined payment.declined]:bool, add(field[count_of_items "
       "payment.count_of_items]:int, "
       "0.00:decimal(2)):decimal(2), " +
           amount + "):decimal(2), 1:int):bool"},
      {"coalesce(risk, amount, 0) > 1", "greater(coalesce(" + risk + ", to_float(" + amount +
                                            "):float, 0:float):float, 1:float):bool"},
      {"(if declined then amount / 2 else amount) > 1",
       "greater(if(field[declined payment.declined]:bool, divide(" + amount +
           ", 2:int):fraction, divide(" + amount + ", 1:int):fraction):fraction, 1:int):bool"},
      // features
      {"payments_10m >= 6", "greater_equal(feature[payments_10m]:int, 6:int):bool"},
      {"usual * 3 < amount",
       "less(multiply(feature[usual]:fraction, 3:int):fraction, " + amount + "):bool"},
      {"payments_10m(merchant) >= 6",
       "greater_equal(feature[payments_10m](field[merchant payment.merchant]:string):int, "
       "6:int):bool"},
      {"count(payment) over last 1h > 2", "greater(feature[$1]:int, 2:int):bool"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.condition);
    CHECK(lowered(row.condition) == row.expected);
  }
}

TEST_CASE("lower: event types, lists and features") {
  check_lines(
      R"(event card_present from "CP" {
  happened: time key up to 30s late, reference: string id, place: string? from "terminal.city" evidence pii,
  how: enum("chip and pin", swipe), on: date, open: duration,
}
list odd : decimal(2) = [1, -2.5, 3.00]
rule r "r" { by card when payment where amount in odd alert "x" }
rule s "s" { by account when login where logins_by_account > 3 and payments_10m > 1 alert "x" })",
      {"event card_present", "happened:", "reference:", "place:", "how:", "on:", "open:", "list",
       "feature"},
      {"event card_present from \"CP\" time 0 id 1 bound 30s",
       "happened: time plausible from [\"happened\"]", "reference: string from [\"reference\"]",
       "place: string? evidence pii from [\"terminal\", \"city\"]",
       "how: enum(\"chip and pin\", swipe) from [\"how\"]", "on: date from [\"on\"]",
       "open: duration from [\"open\"]", "list odd: decimal(2) = 1.00 -2.50 3.00",
       // a feature's key says too where the types that read it hold it
       "feature payments_10m: int = count(-) of {payment=payment} where - by {card:string "
       "= payment.card "
       "login.card} over last 10m",
       "feature spent: decimal(2) = sum(field[amount payment.amount]:decimal(2)) of "
       "{payment=payment} where "
       "not(field[declined payment.declined]:bool):bool by {card:string = payment.card} "
       "over last 1h",
       "feature usual: fraction = avg(field[amount payment.amount]:decimal(2)) of "
       "{payment=payment} where - by "
       "{card:string = payment.card} over last 30d",
       "feature logins_by_account: int = count(-) of {login=login} where - by "
       "{account:string = login.account} "
       "over last 1h"});
}

TEST_CASE("lower: every window and aggregate of features, groups and what they read") {
  const std::string amount = "field[amount payment.amount]:decimal(2)";
  const std::string by_card = "by {card:string = payment.card}";
  const std::string all = "of {payment=payment} where - " + by_card;
  check_lines(
      R"(feature a = max(merchant of payment) by card over last 10 events needs 3 events
         feature b = count(payment) by card over previous 5 events within 2h
         feature c = ewma(amount of payment, half life 7d) by card over last 30d
         feature d = ewma(amount of payment, weight 0.3) by card over ever
         feature e = percentile(amount of payment, 99.5) by card over previous ever
         feature f = distinct(merchant of payment) by card over tumbling 1h
         feature g = last(channel of payment) by card over session gap 30m
         feature h = stddev(amount of payment) by card over last 31d excluding last 1h every 1d
         feature today = count(payment) by card over today in "UTC"
         feature i = sum(amount / 2 of payment where b > 1) by card over last 1h
         features of payment by card over previous 30d every 1h needs 20 events {
           j = count where amount > 5,
           k = avg amount unless alerted by r,
           l = percentile(amount, 95),
         }
         rule r "r" { by card when payment where k > 5 alert "x" })",
      {"feature a", "feature b:", "feature c", "feature d", "feature e", "feature f", "feature g",
       "feature h", "feature today", "feature i", "feature j", "feature k",
       "feature l:", "half life", "weight", "percentile", "unless"},
      {"feature a: string = max(field[merchant payment.merchant]:string) " + all +
           " over last_events - events 10 needs 3",
       "feature b: int = count(-) " + all + " over previous_events 2h events 5",
       "feature c: float = ewma(" + amount + ") " + all + " over last 30d", "half life 1w",
       "feature d: float = ewma(" + amount + ") " + all + " over ever -", "weight 0.3",
       "feature e: decimal(2) = percentile(" + amount + ") " + all + " over previous_ever -",
       "percentile 99.5",
       "feature f: int = distinct(field[merchant payment.merchant]:string) " + all +
           " over tumbling 1h",
       "feature g: enum(pos, ecom, atm) = last(field[channel payment.channel]:enum(pos, ecom, "
       "atm)) " +
           all + " over session 30m",
       "feature h: float = stddev(" + amount + ") " + all + " over last 31d excluding 1h every 1d",
       "feature today: int = count(-) " + all + " over today - zone \"UTC\":string",
       "feature i: decimal(9) = sum(call[round](divide(" + amount +
           ", 2:int):fraction, 9:int):decimal(9)) of {payment=payment} where "
           "greater(feature[b]:int, 1:int):bool " +
           by_card + " over last 1h",
       "feature j: int = count(-) of {payment=payment} where greater(" + amount + ", 5:int):bool " +
           by_card + " over previous 30d every 1h needs 20",
       "feature k: fraction = avg(" + amount + ") " + all + " over previous 30d every 1h needs 20",
       "unless alerted by r",
       "feature l: decimal(2) = percentile(" + amount + ") " + all +
           " over previous 30d every 1h needs 20",
       "percentile 95"});
}

TEST_CASE("lower: aggregates of a loop may compare with its first and last, and with other steps") {
  check_lines(
      R"(rule r "r" { by card
         when payment as p then 3+ payment or transfer as q
         within 1h
         having count(q where amount > q.last.amount) > 1 and sum(q.transfer.amount) > p.amount
           and count(q.payment where amount > 5) > 0 and first(q.amount) < last(q.amount)
         alert "x" })",
      {"having"},
      {"having and("
       "greater(aggregate[count $1](-, greater(field[amount payment.amount "
       "transfer.amount]:decimal(2), "
       "bound[$1 last][amount payment.amount transfer.amount]:decimal(2)):bool):int, 1:int):bool, "
       "greater(aggregate[sum $1](field[amount transfer.amount]:decimal(2), "
       "in_kinds[transfer](-):bool):decimal(2), bound[$0 only][amount "
       "payment.amount]:decimal(2)):bool, "
       "greater(aggregate[count $1](-, and(in_kinds[payment](-):bool, greater(field[amount "
       "payment.amount]:decimal(2), 5:int):bool):bool):int, 0:int):bool, "
       "less(aggregate[first $1](field[amount payment.amount "
       "transfer.amount]:decimal(2)):decimal(2), "
       "aggregate[last $1](field[amount payment.amount "
       "transfer.amount]:decimal(2)):decimal(2)):bool"
       "):bool"});
}

TEST_CASE("lower: a list of another type than the operand is asked like any other") {
  check_lines(
      R"(
list words : string = ["ecom", "phone", "atm"]
list levels : decimal(1) = [0.5, 1]
list counts : int = [1, 2]
rule r "r" { by card when payment where channel in words and risk in levels and amount in counts alert "x" })",
      {"then step"},
      {"then step $0 1..1 relaxed {payment=payment} where and(in_list[words](field[channel "
       "payment.channel]:enum(pos, ecom, atm)):bool, in_list[levels](field[risk "
       "payment.risk]:float):bool, "
       "in_list[counts](field[amount payment.amount]:decimal(2)):bool):bool"});
}

TEST_CASE(
    "lower: features without a name are shared where their meaning is equal, and a draft leaves "
    "none") {
  check_lines(
      R"(
rule a "a" { status draft by card when payment where count(payment) over last 7h > 1 and logins_by_account > 2 alert "x" }
rule b "b" { by card when payment where count(payment) over last 1h > 1 and count(payment) over last 2h > 1 alert "x" }
rule c "c" { by card when login where count(payment) over last 1h > 2 alert "{count(probe) over last 1h}" }
rule d "d" { by account when payment where count(payment) over last 1h > 1 alert "x" }
rule e "e" { when payment where count(payment where amount > 5) over last 1h > 1 alert "x" })",
      {"feature $", "feature logins", "then step", "message feature", "rule"},
      {"feature logins_by_account: int = count(-) of {login=login} where - by {account:string = "
       "login.account} "
       "over last 1h",
       "feature $1: int = count(-) of {payment=payment} where - by {card:string = payment.card "
       "login.card} over "
       "last 1h",
       "feature $2: int = count(-) of {payment=payment} where - by {card:string = payment.card} "
       "over last 2h",
       "feature $3: int = count(-) of {probe=payment where and(less(field[amount "
       "payment.amount]:decimal(2), "
       "2.00:decimal(2)):bool, equal(field[channel payment.channel]:enum(pos, ecom, atm), "
       "ecom:enum(pos, ecom, "
       "atm)):bool):bool} where - by {card:string = payment.card login.card} over last 1h",
       "feature $4: int = count(-) of {payment=payment} where - by {account:string = "
       "payment.account} over last "
       "1h",
       "feature $5: int = count(-) of {payment=payment} where greater(field[amount "
       "payment.amount]:decimal(2), "
       "5:int):bool by {} over last 1h",
       "rule b",
       "then step $0 1..1 relaxed {payment=payment} where and(greater(feature[$1]:int, "
       "1:int):bool, "
       "greater(feature[$2]:int, 1:int):bool):bool",
       "rule c",
       "then step $0 1..1 relaxed {login=login} where greater(feature[$1]:int, 2:int):bool",
       "message feature[$3]:int", "rule d",
       "then step $0 1..1 relaxed {payment=payment} where greater(feature[$4]:int, 1:int):bool",
       "rule e",
       "then step $0 1..1 relaxed {payment=payment} where greater(feature[$5]:int, 1:int):bool"});
}

TEST_CASE("lower: patterns") {
  struct Row {
    std::string when;
    std::vector<std::string> expected;
  };
  const std::string amount = "field[amount payment.amount]:decimal(2)";
  const Row rows[] = {
      {"payment then login then first payment then next payment",
       {"variable $0 -", "variable $1 -", "variable $2 -", "variable $3 -",
        "then step $0 1..1 relaxed {payment=payment} where -",
        "then step $1 1..1 relaxed {login=login} where -",
        "then first step $2 1..1 relaxed {payment=payment} where -",
        "then next step $3 1..1 relaxed {payment=payment} where -"}},
      {"1 payment then 3 payment as b then 2+ next payment then 2..4 payment",
       {"variable $0 - loop", "variable $1 b loop", "variable $2 - loop", "variable $3 - loop",
        "then step $0 1..1 relaxed loop {payment=payment} where -",
        "then step $1 3..3 relaxed loop {payment=payment} where -",
        "then step $2 2.. next loop {payment=payment} where -",
        "then step $3 2..4 relaxed loop {payment=payment} where -"}},
      {"payment as a then no login where ok then payment where amount > a.amount then no login for "
       "5m",
       {"variable $0 a", "variable $1 -", "then step $0 1..1 relaxed {payment=payment} where -",
        "then no for - {login=login} where field[ok login.ok]:bool",
        "then step $1 1..1 relaxed {payment=payment} where greater(" + amount +
            ", bound[$0 only][amount payment.amount]:decimal(2)):bool",
        "then no for 5m {login=login} where -"}},
      // the loop's own past
      {"3+ payment as a where amount > prev.amount and card = a.first.card and a.last.amount < "
       "sum(a.amount) and a.amount > 1",
       {"variable $0 a loop",
        "then step $0 3.. relaxed loop {payment=payment} where and(greater(" + amount +
            ", prev[amount payment.amount]:decimal(2)):bool, equal(field[card "
            "payment.card]:string, bound[$0 first][card "
            "payment.card]:string):bool, less(bound[$0 last][amount payment.amount]:decimal(2), "
            "aggregate[sum $0](" +
            amount + "):decimal(2)):bool, greater(" + amount + ", 1:int):bool):bool"}},
      // another loop's
      {"3+ payment as a then payment where merchant in a.merchant and count(a) > 3 and count(a "
       "where declined) = 0 and "
       "max(a.amount where declined) > 1 and avg(a.amount) > 1 and distinct(a.merchant) > 1",
       {"variable $0 a loop", "variable $1 -",
        "then step $0 3.. relaxed loop {payment=payment} where -",
        "then step $1 1..1 relaxed {payment=payment} where and(in_loop[$0](field[merchant "
        "payment.merchant]:string, "
        "field[merchant payment.merchant]:string):bool, greater(aggregate[count $0]:int, "
        "3:int):bool, "
        "equal(aggregate[count $0](-, field[declined payment.declined]:bool):int, 0:int):bool, "
        "greater(aggregate[max $0](" +
            amount +
            ", field[declined payment.declined]:bool):decimal(2), 1:int):bool, "
            "greater(aggregate[avg $0](" +
            amount +
            "):fraction, 1:int):bool, greater(aggregate[distinct $0](field[merchant "
            "payment.merchant]:string):int, "
            "1:int):bool):bool"}},
      // kinds
      {"probe as a then access or payment as b where card is known",
       {"variable $0 a", "variable $1 b",
        "then step $0 1..1 relaxed {probe=payment where and(less(" + amount +
            ", 2.00:decimal(2)):bool, equal(field[channel payment.channel]:enum(pos, ecom, atm), "
            "ecom:enum(pos, ecom, "
            "atm)):bool):bool} where -",
        "then step $1 1..1 relaxed {access=login where not(field[ok login.ok]:bool):bool | "
        "access=otp_ok where "
        "equal(field[channel otp_ok.channel]:enum(sms, app), sms:enum(sms, app)):bool | "
        "payment=payment} where -"}},
  };
  for (const Row& row : rows) {
    const bool without_card = row.when.find("access") != std::string::npos;
    std::string when = row.when;
    if (without_card) when.erase(when.find(" where card is known"));
    check_lines(fmt::format("rule r \"r\" {{ by {} when {} within 1h alert \"x\" }}",
                            without_card ? "account" : "card", when),
                {"variable", "then"}, row.expected);
  }
}

TEST_CASE("lower: a whole rule") {
  check_lines(
      R"(rule card_testing "Small probes, then a large payment" {
  id "card-testing" description "d" owner "cards" severity if hit.amount > 500 then critical else high
  tags card_testing, "e com" references "https://example.org" falsepositives "parking meters" status shadow
  by card
  when 3+ probe as probes then payment as hit where amount > 200 and merchant != probes.first.merchant
  within 10m
  considering login
  having sum(probes.amount) < hit.amount
  after match skip past last
  once per 1h
  alert "Card {card}: {count(probes)} {{probes}}, then {hit.amount}" { score: 60 + 5 * count(probes), total: sum(probes.amount) }
})",
      {"rule", "id ", "tags", "severity", "by", "considered", "within", "having", "selection",
       "once", "message", "field ", "captured"},
      {"rule card_testing",
       "id \"card-testing\" title \"Small probes, then a large payment\" description \"d\" owner "
       "\"cards\" status "
       "shadow",
       "tags [\"card_testing\", \"e com\"] references [\"https://example.org\"] falsepositives "
       "[\"parking meters\"]",
       "severity if(greater(bound[$1 only][amount payment.amount]:decimal(2), 500:int):bool, "
       "critical:enum(info, "
       "low, medium, high, critical), high:enum(info, low, medium, high, critical)):enum(info, "
       "low, medium, high, "
       "critical)",
       "by {card:string = payment.card login.card}",
       "considered {probe=payment where and(less(field[amount payment.amount]:decimal(2), "
       "2.00:decimal(2)):bool, "
       "equal(field[channel payment.channel]:enum(pos, ecom, atm), ecom:enum(pos, ecom, "
       "atm)):bool):bool | "
       "payment=payment | login=login}",
       "within 10m",
       "having less(aggregate[sum $0](field[amount payment.amount]:decimal(2)):decimal(2), "
       "bound[$1 only][amount "
       "payment.amount]:decimal(2)):bool",
       "selection skip_past_last $0", "once per_duration 1h $0 while - each [ ]",
       "message \"Card \"", "message field[card payment.card]:string", "message \": \"",
       "message aggregate[count $0]:int", "message \" {probes}, then \"",
       "message bound[$1 only][amount payment.amount]:decimal(2)",
       "field score = add(60:int, multiply(5:int, aggregate[count $0]:int):int):int",
       "field total = aggregate[sum $0](field[amount payment.amount]:decimal(2)):decimal(2)",
       "captured payment: card merchant amount channel evidence_id"});
}

TEST_CASE("lower: keys") {
  check_lines(R"(
rule a "a" { by account = payment.card | transfer.from_account
  when payment as p then transfer as t where account = "x" and count(transfer) over last 1h > 2
  within 1h alert "{account} {p.account} {t.account}" }
rule b "b" { by account, merchant when payment alert "{account}" }
rule c "c" { when payment alert "x" })",
              {"by", "then step $1", "message", "feature $"},
              {"feature $1: int = count(-) of {transfer=transfer} where - by {account:string = "
               "transfer.from_account} over "
               "last 1h",
               "by {account:string = payment.card transfer.from_account}",
               "then step $1 1..1 relaxed {transfer=transfer} where and(equal(key[0]:string, "
               "\"x\":string):bool, "
               "greater(feature[$1]:int, 2:int):bool):bool",
               "message key[0]:string", "message \" \"", "message key[0]:string", "message \" \"",
               "message key[0]:string",
               "by {account:string = payment.account, merchant:string = payment.merchant}",
               "message field[account payment.account]:string", "by {}", "message \"x\""});
}

TEST_CASE("lower: selection, and a rule that says no alert has its title as message") {
  check_lines(R"(
rule a "Title {x}" { by card when payment }
rule b "b" { by card when payment after match no skip })",
              {"selection", "message", "once", "severity"},
              {"severity -", "selection default $0", "once none 0s $0 while - each [ ]",
               "message \"Title {x}\"", "severity -", "selection no_skip $0",
               "once none 0s $0 while - each [ ]", "message \"b\""});
}
}  // namespace
}  // namespace tocsin::tests
