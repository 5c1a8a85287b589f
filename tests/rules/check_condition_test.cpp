// What the checker says of conditions: the code and the place, or nothing where all is right.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
// The condition of a payment p in a rule by card; column 1 is its first.
struct ConditionRow {
  std::string condition;
  std::string found;
};
template <std::size_t N>
void check_conditions(const ConditionRow (&rows)[N]) {
  for (const ConditionRow& row : rows) {
    const rules::Loaded loaded = load_rules(fmt::format(
        "rule r \"r\" {{ by card when payment as p where\n{}\nalert \"x\" }}", row.condition));
    CAPTURE(row.condition);
    CAPTURE(rendered(loaded));
    CHECK(places_of(loaded) == row.found);
  }
}

TEST_CASE("check: conditions that are right") {
  static const ConditionRow kRows[] = {
      {"amount > 5", ""},
      {"p.amount > 5 and p.id != merchant", ""},
      {"p.amount > 5 and p.id = id", "always_holds 2:18"},
      {"amount > PROBE and amount > -PROBE and amount > LOWEST", ""},
      {"count_of_items > 2.5", ""},
      {"risk > amount and risk < 1 and risk > 0.5", ""},
      {"amount / 3 = 0.10", ""},
      {"amount / 0 > 5 or amount % 1 = 0", ""},
      {"channel = ecom", ""},
      {"ecom = channel", ""},
      {"channel = \"ecom\"", ""},
      {"channel = RISKY", ""},
      {"channel in [pos, atm] and channel not in [ecom]", ""},
      {"channel between pos and ecom", ""},
      {"channel > pos", ""},
      {"channel = (if amount > 5 then pos else ecom)", ""},
      {"(if amount > 5 then pos else ecom) = channel", ""},
      {"coalesce(channel, pos) = ecom", ""},
      {"country in HOME and country = \"SE\"", ""},
      {"coalesce(country, \"??\") = \"SE\"", ""},
      {"coalesce(risk, 0) > 0.5", ""},
      {"country is missing or country is known", ""},
      {"not declined and declined = false", ""},
      {"ts > 2026-01-01T00:00:00Z and ts - 1h < 2026-01-01T00:00:00Z", ""},
      {"ts - 2026-01-01T00:00:00Z > 1h", ""},
      {"1h + ts > ts and (ts - ts) * 2 > 1h and 1h / 10m > 2", ""},
      {"born < 2000-01-01", ""},
      {"-amount < -5 and amount + 1 > 2 and amount * 2 >= 3 and count_of_items % 2 = 1", ""},
      {"payments_10m >= 6 and spent > 100 and usual * 3 < amount", ""},
      {"count(payment) over last 10m >= 6 and count(probe where declined) over last 1h > 2", ""},
      {"sum(amount of payment or probe where declined) over last 1h > avg(amount of payment) over "
       "last 1d",
       ""},
      {"(if risk is known then 1 else 2.5) = amount", ""},
  };
  check_conditions(kRows);
}

// Long because it is one table of cases.
TEST_CASE("check: conditions with a mistake") {
  static const ConditionRow kRows[] = {
      // names
      {"amout > 5", "E0201 2:1"},
      {"p.amout > 5", "E0201 2:3"},
      {"q.amount > 5", "E0204 2:1"},
      {"payment.amount > 5", "E0204 2:1"},
      {"p > 5", "E0406 2:1"},
      {"prev.amount > 5", "E0405 2:1"},
      {"prev > 5", "E0406 2:1"},
      {"p.first.amount > 5", "E0409 2:3"},
      {"amount.cents > 5", "E0204 2:1"},
      {"(amount + 1).cents > 5", "E0204 2:1"},
      {"card in nowhere", "E0207 2:9"},
      {"card in amount", "E0310 2:9"},
      {"card in PROBE", "E0310 2:9"},
      {"card in p.card", "E0408 2:9"},
      {"HOME = country", "E0310 2:1"},
      {"[1, 2] = amount", "E0310 2:1"},
      {"foo(amount) > 5", "E0208 2:1"},
      {"coalesce(amount) > 5", "E0311 2:1"},
      {"usual_amount > 5", "E0201 2:1"},
      {"logins_by_account > 5", ""},
      // enums
      {"channel = ecmo", "E0305 2:11"},
      {"channel = \"ecmo\"", "E0305 2:11"},
      {"chanel = ecom", "E0201 2:1"},
      {"channel in [pos, ecmo]", "E0305 2:18"},
      {"channel = card", "E0304 2:9"},
      {"channel = 1", "E0304 2:9"},
      {"RISKY = card", "E0305 2:1"},
      {"ecom = card", "E0201 2:1"},
      // types
      {"amount", "E0301 2:1"},
      {"amount > 5 and card", "E0301 2:16"},
      {"not amount", "E0301 2:5"},
      {"declined or 1", "E0301 2:13"},
      {"amount = \"5\"", "E0304 2:8"},
      {"card = 5", "E0304 2:6"},
      {"declined = 1", "E0304 2:10"},
      {"declined < true", "E0304 2:10"},
      {"ts > 2026-01-01", "E0304 2:4"},
      {"ts > 5m", "E0304 2:4"},
      {"ts - ts > 5", "E0304 2:9"},
      {"amount between 1 and \"2\"", "E0304 2:8"},
      {"amount in [1, \"2\"]", "E0304 2:8"},
      {"amount in HOME", "E0304 2:8"},
      {"amount + card > 5", "E0302 2:8"},
      {"ts + ts > 5m", "E0302 2:4"},
      {"-card = card", "E0302 2:1"},
      {"rate * amount * 1.5 > 5", "E0303 2:15"},
      {"(if amount > 5 then 1 else card) = card", "E0307 2:2"},
      {"coalesce(country, 5) = country", "E0307 2:1"},
      {"(if amount then 1 else 2) = 1", "E0301 2:5"},
      // aggregates
      {"count(payment) > 5", "E0411 2:1"},
      {"sum(amount of payment) > 5", "E0411 2:1"},
      {"sum(amount) > 5", "E0204 2:5"},
      {"sum(amount + 1) > 5", "E0411 2:1"},
      {"sum(q.amount) > 5", "E0204 2:5"},
      {"count(p) > 5", "E0408 2:7"},
      {"count(paymnt) over last 1h > 5", "E0202 2:7"},
      {"sum(card of payment) over last 1h > 5", "E0308 2:5"},
      {"sum(payment) over last 1h > 5", "E0412 2:5"},
      {"count(amount of payment) over last 1h > 5", "E0412 2:7"},
      {"count(payment where amount > p.amount) over last 1h > 5", "E0204 2:30"},
      {"count(transfer) over last 0s > 5", "E0410 2:27"},
      {"count(otp_ok) over last 1h > 5", "E0220 2:7"},
      // not yet
      {"spent(card, merchant) > 5", "E0311 2:1"},
      {"spent(amount) > 5", "E0313 2:7"},
      {"spent(p.merchant) > 5", ""},
      {"count(payment) over last 0 events > 3", "E0452 2:26"},
      {"count(payment) over last 5 events every 1h > 3", "E0450 2:41"},
      {"count(payment) over last 1h every 2h > 3", "E0450 2:35"},
      {"stddev(card of payment) over last 1h > 3", "E0308 2:8"},
      {"percentile(amount of payment) over last 1h > 3", "E0453 2:1"},
      {"ewma(amount of payment, 95) over last 1h > 3", "E0453 2:25"},
      {"ewma(amount of payment, weight 1.5) over last 1h > 3", "E0453 2:25"},
      {"ewma(amount of payment, weight 0.5) over last 1h every 5m > 3", "E0450 2:56"},
      {"percentile(amount of payment, 95, 5) over last 1h > 3", "E0311 2:35"},
      {"count(payment, 95) over last 1h > 3", "E0311 2:16"},
      {"count(payment) over last 1h excluding last 1h > 3", "E0451 2:44"},
      {"count(payment) over last 1h excluding last 0s > 3", "E0410 2:44"},
      {"count(payment) over session gap 0s > 3", "E0410 2:33"},
      {"count(payment) over previous 5 events within 0s > 3", "E0410 2:46"},
      {"count(payment) over last 1h needs 0 events > 3", "E0452 2:35"},
      {"count(payment unless alerted by r) over previous 1h > 3", ""},
      {"count(payment unless alerted by x) over previous 1h > 3", "E0206 2:33"},
      {"count(payment unless alerted by r) over last 1h > 3", "E0454 2:15"},
      {"count(payment where count(payment) over last 1h > 2) over last 1h > 3", "E0456 2:21"},
      {"merchants[merchant].risk > 3", "E0225 2:1"},
      // each once, in order
      {"amout > 5 and chanel = ecom and foo(1) = 2 and card = 5",
       "E0201 2:1, E0201 2:15, E0208 2:33, E0304 2:53"},
      {"(amout + 1) * 2 > foo(amout) or not amout", "E0201 2:2, E0208 2:19, E0201 2:37"},
  };
  check_conditions(kRows);
}

TEST_CASE("check: conditions that never hold") {
  static const ConditionRow kRows[] = {
      {"amount < 2 and amount > 5", "E0441 2:16"},
      {"amount < 2 and amount >= 2", "E0441 2:16"},
      {"amount <= 2 and amount >= 2", ""},
      {"amount = 1 and amount = 2", "E0441 2:16"},
      {"channel = pos and not declined and channel = ecom", "E0441 2:36"},
      {"declined and not declined", "E0441 2:14"},
      {"amount between 5 and 2", "E0441 2:1"},
      {"amount between 1 and 4 and 5 < amount", "E0441 2:28"},
      {"risk > 2 and risk < 1.5", "E0441 2:14"},
      {"1 > 2", "E0441 2:1"},
      {"amount > 1 and false", "E0441 2:16"},
      {"country is missing and country = \"SE\"", "E0441 2:24"},
      {"country is missing and not (country = \"SE\")", "E0441 2:24"},
      {"country is missing and country not in HOME", "E0441 2:24"},
      {"country is missing or country = \"SE\"", ""},
      {"amount < 2 or amount > 5", ""},
      {"declined or (amount > 1 and (risk > 2 or (amount > 5 and amount < 3)))", ""},
      {"(risk > 1 and (declined or 1 > 2)) or (risk < 1 and (declined or 2 > 3))", ""},
      {"(risk > 2 and risk < 1) or (amount > 1 and amount < 1)", "E0441 2:1"},
      {"amount > 5 and p.amount < 2", "E0441 2:16"},
  };
  check_conditions(kRows);
}
}  // namespace
}  // namespace tocsin::tests
