// What the checker says of patterns: the code and the place, or nothing where all is right.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
// A pattern in a rule by account; it stands in line 2, its column 1 is its first.
struct Row {
  std::string pattern;
  std::string found;  // places_of
  std::string clauses = "within 1h";
};

template <std::size_t N>
void check_patterns(const Row (&rows)[N]) {
  for (const Row& row : rows) {
    const rules::Loaded loaded = load_rules(
        fmt::format("rule r \"r\" {{ by account when\n{}\n{} }}", row.pattern, row.clauses));
    CAPTURE(row.pattern);
    CAPTURE(row.clauses);
    CAPTURE(rendered(loaded));
    CHECK(places_of(loaded) == row.found);
    CHECK(loaded.rules.has_value() == (row.found.find('E') == std::string::npos));
  }
}

TEST_CASE("check: patterns of every form") {
  static const Row kRows[] = {
      {"optional login as l then payment where l is known or amount > 5", ""},
      {"0+ login then payment", ""},
      {"0..3 login then payment", ""},
      {"optional 2..3 login then payment", ""},
      {"3+ next greedy payment as p then login", ""},
      {"2..3 each payment then login", ""},
      {"1+ payment as p until login where not ok and tries > count(p) then login", ""},
      {"login then first within 2m payment then next within 5m payment then within 10m login",
       "no_effect 3:1"},
      {"(payment as a then login as b) then payment where amount > a.amount and b.ok", ""},
      {"2 (payment as a then login as b where b.amount > count(a)) then login", ""},
      {"2 (payment as a where count(b) > 1 then login as b) then payment where a.last.amount > 5",
       ""},
      {"optional (payment then login) then payment", ""},
      {"one of { payment as a, login as b then payment as c } then payment where a is known", ""},
      {"one of { payment as a, login as b } as x then login where x.card = card", ""},
      {"one of { payment as a, 2 payment as b } as x then login where count(x) > 1", ""},
      {"2 one of { payment, login } as x then login where x.first.card = card", ""},
      {"all of { payment as a, 2 login, optional otp_ok } then payment where amount > a.amount",
       ""},
      {"all of { payment, (login then otp_ok), one of { login, otp_ok } } then payment", ""},
      {"2+ all of { payment as a, login where count(a) > 1 }", ""},
      {"payment then no next login then payment", ""},
      {"payment then no next login", ""},
      {"payment then no payment then no login then payment", ""},
      {"payment then no payment then no login for 5m", ""},
      {"payment then (login then no payment for 5m)", ""},
      {"2 (payment then no login) then payment", ""},
      {"one of { payment then no login, otp_ok then payment } then payment", ""},
      {"3 payment as p where amount > prev.amount and p.first.merchant = merchant", ""},
      {"2 (payment as p where amount > prev.amount then login)", ""},
  };
  check_patterns(kRows);
}

TEST_CASE("check: shapes of patterns that are refused, each once") {
  static const Row kRefused[] = {
      {"payment then optional login then no payment then otp_ok", "E0420 2:34"},
      {"payment then 0+ login then no payment", "E0420 2:28"},
      {"payment then (optional login then optional otp_ok) then no payment then otp_ok",
       "E0420 2:57"},
      {"2 (payment then optional login then no payment) then otp_ok", "E0420 2:37"},
      {"payment then no login for 5m then payment", "E0404 2:23"},
      {"payment then no next login for 5m", "E0404 2:28"},
      {"payment then no payment for 5m then no login for 5m", "E0404 2:25"},
      {"(payment then no login for 5m) then payment", "E0404 2:24"},
      {"one of { payment then no login for 5m, otp_ok }", "E0404 2:32"},
      {"payment then no login", "E0403 2:14", ""},
      {"one of { payment then no login, otp_ok }", "E0403 2:23", ""},
      {"payment then no login for 0s", "E0410 2:27"},
      {"(no login then payment) then payment", "E0126 2:2"},
      // until, greedy
      {"3 payment until login then payment", "E0421 2:11"},
      {"3..5 payment until login then payment", "E0421 2:14"},
      {"payment until login then payment", "E0421 2:9"},
      {"3+ each greedy payment then login", "E0422 2:9"},
      {"3+ greedy (payment then login) then login", "E0422 2:4"},
      {"3+ greedy one of { payment, login } then login", "E0422 2:4"},
      {"all of { login, (3+ greedy payment then optional login) } then login", "E0422 2:21"},
      {"3+ greedy payment then 0+ login then login", "E0422 2:4"},
      // counts
      {"0 payment then login", "E0407 2:1"},
      {"0..0 payment then login", "E0407 2:1"},
      {"3..2 (payment then login)", "E0407 2:1"},
      {"100_001+ payment then login", "E0407 2:1"},
      // nothing sure
      {"optional payment", "E0423 2:1"},
      {"optional login then 0..2 payment then no otp_ok", "E0423 2:1, E0420 2:39"},
      {"(optional login then optional payment)", "E0423 2:1"},
      {"one of { payment, optional login }", "E0423 2:1"},
      // gaps
      {"payment then within 2h login", "E0425 2:21"},
      {"payment then within 1h login", "no_effect 2:21"},
      {"payment then no login then optional payment", "E0440 2:14"},
      {"payment then no login then no next otp_ok then optional payment then optional login",
       "E0440 2:14, E0440 2:28"},
      {"payment then 2 (login then no otp_ok then optional payment)", ""},
      {"payment then (login then no otp_ok then optional payment)", "E0440 2:26"},
      {"payment then no login then optional payment then otp_ok", ""},
      {"payment then within 0s login", "E0410 2:21"},
      // names
      {"payment as a then one of { login as a, otp_ok } as b", "E0210 2:37"},
      {"payment as a then one of { login as b, otp_ok } as a", "E0210 2:52"},
      {"100001 payment", "E0407 2:1"},
  };
  check_patterns(kRefused);
}

TEST_CASE("check: patterns that are too large are refused, each once") {
  static const Row kRefused[] = {
      {"all of { 2 payment, payment, payment, payment, payment, payment, payment, payment, login }",
       "E0433 2:1"},
      {"1 payment then 99999 payment", ""},
      {"99999 payment then 100000 payment", "E0436 2:20"},
      {"all of { payment, payment, payment, payment, payment, payment, payment, payment, login }",
       ""},
  };
  check_patterns(kRefused);

  // Each alternative leads to each of the next: 41 * 41 ways.
  std::string alternatives = "payment";
  for (int i = 0; i < 40; ++i) alternatives += ", payment where amount = 1";
  const std::string many = "one of { " + alternatives + " } then one of { " + alternatives + " }";
  const Row too_many[] = {{many.c_str(), "E0433 2:1"}};
  check_patterns(too_many);

  std::string members = "payment";
  for (int i = 1; i < 64; ++i) members += fmt::format(", payment where amount = {}", i);
  const std::string most = "all of { " + members + " }";
  const std::string more = "all of { " + members + ", login }";
  const Row all_of[] = {{most.c_str(), ""}, {more.c_str(), "E0433 2:1"}};
  check_patterns(all_of);

  std::string optional = "payment";
  for (int i = 0; i < 500; ++i)
    optional += fmt::format(" then optional payment where amount = {}", i);
  const Row chain[] = {{optional.c_str(), ""}};
  check_patterns(chain);

  const std::string ten = members.substr(0, members.find(", payment where amount = 10"));
  const std::string few = "all of { " + ten + " }";
  const Row without[] = {
      {few.c_str(), "", "within 1h without payment where amount = 3"},
      {few.c_str(), "E0441 2:227", "within 1h without payment"},
  };
  check_patterns(without);

  std::string steps = "payment as s0";
  std::string read = "within 1h after match consume having s0.amount > 1";
  for (int i = 1; i < 65; ++i) {
    steps += fmt::format(" then login as s{}", i);
    read += fmt::format(" and s{}.tries > 1", i);
  }
  const Row reads_many[] = {{steps.c_str(), "E0433 2:1", read.c_str()}};
  check_patterns(reads_many);
}

TEST_CASE("check: a sequence of 1,000 steps compares each condition with what it reads") {
  std::string steps = "payment as s0 where amount > 1";
  for (int i = 1; i < 1'000; ++i) {
    steps += fmt::format(" then payment as s{} where amount > s{}.amount and amount < {}", i, i - 1,
                         i + 10);
  }
  const rules::Loaded loaded =
      load_rules(fmt::format("rule r \"r\" {{ by account when {} within 1h alert \"x\" }}", steps));
  REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
  CHECK(loaded.rules->conditions_compared <= 1'000);
}

TEST_CASE("check: what a condition in a pattern sees") {
  static const Row kRows[] = {
      {"one of { payment as a, login as b where a.amount > 1 } then payment", "E0424 2:41"},
      {"one of { payment as a, (2 login as b where count(a) > 1) } then payment", "E0424 2:50"},
      {"all of { payment as a where b.ok, login as b where a.amount > 5 } then payment",
       "E0424 2:29, E0424 2:52"},
      {"one of { payment as a where x.amount > 5 } as x then payment", "E0209 2:29"},
      {"payment as a where b.ok then (login as b) then payment", "E0209 2:20"},
      {"2 (payment as a then login as b) then payment where amount > a.amount", "E0406 2:62"},
      {"one of { payment as a, 2 payment as b } as x then login where x.amount > 1", "E0406 2:63"},
      {"one of { payment as a, login as b } as x then login where x.merchant = \"m\"",
       "E0203 2:61"},
      {"payment where amount > prev.amount then login", "E0405 2:24"},
      {"1+ payment as p until payment where amount > prev.amount then login", "E0405 2:46"},
      {"1+ payment as p until payment where amount > p.amount then login", "E0406 2:46"},
      {"1+ payment as p until login where b.ok then login as b", "E0209 2:35"},
      {"payment then no login where p.amount > 1 then payment as p", "E0209 2:29"},
      {"(payment as a then no payment where amount > a.amount) then payment", ""},
      {"payment as p then login where p.amount is known and amount > 1 and q is known",
       "E0201 2:68"},
  };
  check_patterns(kRows);
}

TEST_CASE("check: rules that wait for ever, and those that do not") {
  static const Row kRows[] = {
      {"payment then login", "endless_state 1:6", ""},
      {"payment then next login", "", ""},
      {"payment then within 5m login", "", ""},
      {"payment then within 5m (login then next payment)", "", ""},
      {"payment then within 5m (login then payment)", "endless_state 1:6", ""},
      {"2 next payment then next login", "", ""},
      {"2 payment then next login", "endless_state 1:6", ""},
      {"payment then no next login", "", ""},
      {"payment then no login for 5m", "", ""},
      {"one of { payment, login }", "", ""},
      {"one of { payment, login then payment }", "endless_state 1:6", ""},
      {"all of { payment, login }", "endless_state 1:6", ""},
      {"2 next (payment then next login)", "", ""},
      {"one of { payment, login }", "within_one_event 3:1", "within 1h"},
  };
  check_patterns(kRows);
}
}  // namespace
}  // namespace tocsin::tests
