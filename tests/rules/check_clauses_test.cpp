// What the checker says of a rule's clauses: the code and the place, or nothing where all is right.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
// The clauses of a rule by account, in line 2; its column 1 is their first.
struct Row {
  std::string clauses;
  std::string found;  // places_of
};

template <std::size_t N>
void check_clauses(const Row (&rows)[N]) {
  for (const Row& row : rows) {
    const rules::Loaded loaded =
        load_rules(fmt::format("rule r \"r\" {{ by account\n{}\n}}", row.clauses));
    CAPTURE(row.clauses);
    CAPTURE(rendered(loaded));
    CHECK(places_of(loaded) == row.found);
    CHECK(loaded.rules.has_value() == (row.found.find('E') == std::string::npos));
  }
}

TEST_CASE("check: which matches become alerts") {
  static const Row kRows[] = {
      {"when payment as a then login as b within 1h after match skip to next", ""},
      {"when payment as a then login as b within 1h after match skip to first b in order", ""},
      {"when payment as a then login as b within 1h after match skip to last a", ""},
      {"when payment then one of { login, otp_ok } as b within 1h after match skip to last b", ""},
      {"when payment as a then login within 1h after match consume in order", ""},
      {"when payment as a then login within 1h after match no skip in order", ""},
      {"when payment then login within 1h prefer latest", ""},
      {"when payment then login within 1h prefer latest after match skip past last", ""},
      {"when payment as a then login within 1h after match skip to first b", "E0204 2:66"},
      {"when payment then login within 1h after match skip to first login", "E0204 2:61"},
      {"when payment as a then (login as b then payment) within 1h after match skip to first b",
       "E0426 2:86"},
      {"when 2 (payment as a then login) then payment within 1h after match skip to last a",
       "E0426 2:82"},
      {"when payment then one of { login as b, otp_ok } as c within 1h after match skip to last b",
       "E0426 2:89"},
      {"when payment then login within 1h prefer latest after match no skip in order",
       "E0427 2:35"},
  };
  check_clauses(kRows);
}

TEST_CASE("check: without, considering and except") {
  static const Row kRows[] = {
      {"when payment as p then payment without login where ok and tries > p.count_of_items within "
       "1h",
       ""},
      {"when payment then payment without login or otp_ok for 1h", ""},
      {"when 2 payment as p without login where count(p) = 1 for 1h", ""},
      {"when payment without login for 5m", ""},
      {"when payment then login within 1h considering otp_ok", "no_effect 2:35"},
      {"when payment as p except \"r\" where amount > 5 expires 2027-01-01 except \"s\" where "
       "p.declined",
       ""},
      {"when payment then payment without login for 1h within 1h", "E0427 2:48"},
      {"when payment then no otp_ok for 5m without login for 1h", "E0427 2:19"},
      {"when payment then no next otp_ok without login for 1h", "E0427 2:19"},
      {"when payment then payment without login for 0s", "E0410 2:45"},
      {"when payment then payment without lgin where ok within 1h", "E0202 2:35"},
      {"when payment then payment without login where amout > 5 and tries < 1 and tries > 2 "
       "within 1h",
       "E0201 2:47"},
      {"when payment then payment without login where tries < 1 and tries > 2 within 1h",
       "never_holds 2:61"},
      {"when payment except \"r\" where amount", "E0301 2:31"},
      {"when payment as p except \"r\" where amount > 5 and amount < 5", "never_holds 2:51"},
      {"when payment then login within 1h considering transfer", "E0220 1:17"},
      {"when payment then payment without transfer within 1h", "E0220 1:17"},
      {"when payment considering lgin", "E0202 2:26"},
  };
  check_clauses(kRows);
}

TEST_CASE("check: alerts that are held back") {
  static const Row kRows[] = {
      {"when payment once per 1h for each merchant, card", ""},
      {"when payment as p then login within 1h once per 1h for each p.merchant, ok", ""},
      {"when payment as p then login within 1h once per p", ""},
      {"when one of { payment as p, login } once per p for each account", ""},
      {"when payment where amount > 5 once while amount > 5", "endless_state 2:31"},
      {"when payment where payments_10m > 5 once while payments_10m > 5 at most 3 per 1h", ""},
      {"when payment at most 3 per 1d for each merchant", ""},
      {"when payment once per day in \"Europe/Stockholm\"", ""},
      {"when payment once per day in country for each merchant", ""},
      {"when payment once per day in \"Europe/Stokholm\"", "E0223 2:30"},
      {"when payment once per week in \"Europe/Stockholm\"", ""},
      {"when payment once per month in country for each merchant", ""},
      {"when payment once per year in \"Europe/Stokholm\"", "E0223 2:31"},
      {"when payment as p once per q", "E0204 2:28"},
      {"when payment as p once while p.amount > 5", "E0434 2:30"},
      {"when 3 payment as p within 1h once while count(p) > 5", "E0434 2:48"},
      {"when payment then login within 1h once while merchant = \"x\"", "E0203 2:46"},
      {"when payment then login within 1h once while account = \"x\"", "endless_state 2:35"},
      {"when payment once while amount", "E0301 2:25"},
      {"when payment once per 1h for each merchnt", "E0201 2:35"},
      {"when payment at most 0 per 1h", "E0407 2:22"},
      {"when payment at most 100_001 per 1h", "E0407 2:22"},
      {"when payment at most 3 per 0s", "E0410 2:28"},
  };
  check_clauses(kRows);
}

TEST_CASE("check: windows that close") {
  static const Row kRows[] = {
      {"when session of payment gap 30m as s where count(s) > 3 alert \"{count(s)} {account}\"",
       ""},
      {"when tumbling 1h of payment or login as w where count(w) > 3 considering otp_ok once per "
       "1d",
       ""},
      {"when session of payment gap 30m as s where sum(s.amount) > 3 and amount > s.first.amount "
       "having distinct(s.merchant) > 2 except \"x\" where card = \"c\" at most 2 per 1h",
       ""},
      {"when session of payment gap 0m as s where count(s) > 3", "E0410 2:29"},
      {"when session of paymnt gap 5m as s where count(s) > 3", "E0202 2:17"},
      {"when session of payment gap 5m as s where s.amount > 3", "E0406 2:43"},
      {"when session of payment gap 5m as s where merchant = \"x\" considering login",
       "E0203 2:43"},
      {"when tumbling 1h of payment as w within 2h", "E0427 2:34"},
      {"when tumbling month in \"Europe/Berlin\" of payment as w where count(w) > 3", ""},
      {"when tumbling month in \"Europe/Berln\" of payment as w", "E0223 2:24"},
      {"when tumbling 1h of payment as w without login", "E0427 2:34"},
      {"when tumbling 1h of payment as w after match no skip", "E0427 2:34"},
      {"when tumbling 1h of payment as w prefer latest", "E0427 2:34"},
      {"when tumbling 1h of payment as w once per w", "E0427 2:34"},
  };
  check_clauses(kRows);
}

TEST_CASE("check: what an analyst would regret of clauses") {
  static const Row kRows[] = {
      {"when payment then payment without login for 1h", ""},
      {"when payment then payment without login", "endless_state 1:6"},
      {"when payment without login within 1h", "no_effect 2:14, within_one_event 2:28"},
      {"when 3+ greedy payment then payment where amount > 5 within 1h", "E0441 2:9"},
      {"when 3+ greedy probe then probe where amount > 1 within 1h", "E0441 2:9"},
      {"when 3+ greedy payment where amount > 5 then payment where declined and amount > 5 within "
       "1h",
       "E0441 2:9"},
      {"when (3+ greedy payment then payment) then login within 1h", "E0441 2:10"},
      {"when 3+ greedy probe then payment within 1h", ""},
      {"when 3+ greedy payment then payment or login within 1h", ""},
      {"when 3+ greedy payment where amount > 5 then payment where declined within 1h", ""},
      {"when 3+ greedy payment until login then payment within 1h", ""},
      {"when 3..5 greedy payment then payment within 1h", "E0441 2:11"},
      {"when 3+ greedy payment then one of { payment, login } within 1h", "loop_without_end 2:9"},
      {"when 3+ greedy payment as p where amount > p.first.amount then payment within 1h", ""},
      {"when 3+ payment then payment within 1h", ""},
  };
  check_clauses(kRows);
}

TEST_CASE("check: rules that can never alert, and steps that no event reaches") {
  static const Row kRows[] = {
      {"when login then no payment then payment then login within 1h", "E0441 2:33"},
      {"when login then no payment then payment within 1h", ""},
      {"when login then no payment then 2 payment within 1h", "E0441 2:35"},
      {"when login then no payment where amount > 5 then payment then login within 1h", ""},
      {"when payment then login then payment then otp_ok without login within 1h", "E0441 2:19"},
      {"when 2+ payment until payment within 1h", "E0441 2:9"},
      {"when payment then no next payment within 1h", "E0441 2:19"},
      {"when payment then no next payment within 1h considering login", ""},
      {"when login then no next payment then next payment within 1h", "E0441 2:43"},
      {"when login then no next payment then payment within 1h", ""},
      {"when 100 login then (no login then payment) then otp_ok within 1h", "E0126 2:22"},
      {"when payment then optional login then payment without login within 1h",
       "unreachable_step 2:28"},
      {"when payment then one of { login, 2 otp_ok } then payment without otp_ok within 1h",
       "unreachable_step 2:37"},
      {"when payment having 1 > 2", "E0441 2:21"},
      {"when payment then optional login where 1 > 2 then payment within 1h", "never_holds 2:40"},
      {"when payment or login where 1 > 2", "E0441 2:29"},
      {"when session of payment gap 5m as s where count(s) > 3 and count(s) < 2", "E0441 2:60"},
  };
  check_clauses(kRows);
}

TEST_CASE("check: clauses that choose where there is nothing to choose from") {
  static const Row kRows[] = {
      // `once per` a step
      {"when payment as p then login as l within 1h once per l", "no_effect 2:45"},
      {"when payment as p then login as l within 1h once per p", ""},
      {"when payment as p then first login as l within 1h once per p", "no_effect 2:51"},
      {"when payment as p then first login as l where tries > p.amount within 1h once per p",
       "no_effect 2:74"},
      {"when login as a then payment as p then first login as l where tries > a.tries within 1h "
       "once per p",
       ""},
      {"when payment as p then 3+ login as l within 1h once per l", ""},
      {"when payment as p then login as l within 1h after match no skip once per l", ""},
      {"when payment as p then login as l within 1h after match skip to next once per p",
       "no_effect 2:70"},
      {"when 2 one of { login, otp_ok } then payment as p within 1h once per p", "no_effect 2:61"},
      // the selection
      {"when payment then next login within 1h after match skip past last", "no_effect 2:40"},
      {"when payment then next payment within 1h after match skip past last", ""},
      {"when payment then next payment within 1h after match no skip", "no_effect 2:42"},
      {"when payment then next payment within 1h prefer latest", "no_effect 2:42"},
      {"when payment then payment within 1h prefer latest", ""},
      // words of steps
      {"when payment then first login then payment within 1h", "no_effect 2:19"},
      {"when payment then first login as l then payment where amount > l.tries within 1h", ""},
      {"when payment then first login then next payment within 1h", ""},
      {"when payment then first login then within 5m payment within 1h", ""},
      {"when payment then first login within 1h", ""},
      {"when payment then first login within 1h after match skip to next", "no_effect 2:19"},
      {"when 2+ each payment then login within 1h", "no_effect 2:9"},
      {"when 2 each payment then login within 1h", ""},
      {"when 2+ each payment as p then login within 1h having sum(p.amount) > 5", ""},
      {"when 2+ greedy payment then next login within 1h", "no_effect 2:9"},
      {"when 2..3 greedy payment then login within 1h", ""},
      {"when 2+ next payment until login then otp_ok within 1h", ""},
      {"when login then 2+ next payment until login then otp_ok within 1h", "no_effect 2:33"},
      // time
      {"when payment then no login for 5m within 1h", "no_effect 2:35"},
      {"when payment then then_login within 1h", "E0202 2:19"},
      {"when payment then within 1h login without otp_ok for 1h", "no_effect 2:26"},
      {"when payment then login then no login for 5m within 1h at most 2 per 10m",
       "no_effect 2:56"},
      {"when payment then login then no login for 5m within 1h at most 2 per 11m", ""},
      {"when payment then login then no login for 5m within 1h once per 5m", "no_effect 2:56"},
      {"when payment then next login without login within 1h", "no_effect 2:30"},
  };
  check_clauses(kRows);
}

TEST_CASE("check: an alert has one value of each name") {
  static const Row kRows[] = {
      {"when payment alert \"x\" { account: card }", "E0402 2:26"},
      {"when payment alert \"x\" { severity: card, message: card, ts: ts }",
       "E0402 2:26, E0402 2:42, E0402 2:57"},
      {"when payment alert \"x\" { card: card, score: 5 }", ""},
  };
  check_clauses(kRows);
}
}  // namespace
}  // namespace tocsin::tests
