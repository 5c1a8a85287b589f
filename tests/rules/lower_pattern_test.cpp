// From patterns to the plan, as cep::describe shows it, written here by hand.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cep/plan/plan.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
// The lines of a rule by account with this pattern that tell its variables and elements.
std::vector<std::string> lowered(const std::string& pattern) {
  const rules::Loaded loaded = load_rules(
      fmt::format("rule r \"r\" {{ by account when {} within 1h alert \"x\" }}", pattern));
  REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
  std::vector<std::string> found;
  const std::string text = cep::describe(*loaded.rules->plan);
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    const std::size_t first = line.find_first_not_of(' ');
    if (line.compare(first, 9, "variable ") == 0) found.push_back(line.substr(first));
    if (line.compare(first, 4, "then") == 0) found.push_back(line.substr(2));
    begin = end + 1;
  }
  return found;
}

struct Row {
  std::string pattern;
  std::vector<std::string> expected;
};
template <std::size_t N>
void check_lowered(const Row (&rows)[N]) {
  for (const Row& row : rows) {
    CAPTURE(row.pattern);
    const std::vector<std::string> lines = lowered(row.pattern);
    CHECK(lines.size() == row.expected.size());
    for (std::size_t i = 0; i < std::min(lines.size(), row.expected.size()); ++i) {
      CHECK(lines[i] == row.expected[i]);
    }
  }
}

TEST_CASE("lower: optional steps and counts from 0") {
  static const Row kRows[] = {
      {"optional login then 0+ payment then 0..3 payment then optional 2 payment then login",
       {"variable $0 -", "variable $1 - loop", "variable $2 - loop", "variable $3 - loop",
        "variable $4 -", "then step $0 1..1 relaxed optional {login=login} where -",
        "then step $1 1.. relaxed loop optional {payment=payment} where -",
        "then step $2 1..3 relaxed loop optional {payment=payment} where -",
        "then step $3 2..2 relaxed loop optional {payment=payment} where -",
        "then step $4 1..1 relaxed {login=login} where -"}},
  };
  check_lowered(kRows);
}

TEST_CASE("lower: loops, their words and `until`") {
  static const Row kRows[] = {
      {"3+ next greedy payment as p then 2..3 each login then 1+ payment until login where ok and "
       "tries > count(p) then login",
       {"variable $0 p loop", "variable $1 - loop", "variable $2 - loop", "variable $3 -",
        "then step $0 3.. next greedy loop {payment=payment} where -",
        "then step $1 2..3 each loop {login=login} where -",
        "then step $2 1.. relaxed loop {payment=payment} where - until {login=login} where "
        "and(field[ok login.ok]:bool, greater(field[tries login.tries]:int, aggregate[count "
        "$0]:int):bool):bool",
        "then step $3 1..1 relaxed {login=login} where -"}},
  };
  check_lowered(kRows);
}

TEST_CASE("lower: gaps and absences of the next event") {
  static const Row kRows[] = {
      {"payment then within 2m login then first within 3m login then no next otp_ok then next "
       "within 4m (login then payment) then no next payment",
       {"variable $0 -", "variable $1 -", "variable $2 -", "variable $3 -", "variable $4 -",
        "then step $0 1..1 relaxed {payment=payment} where -",
        "then step gap 2m $1 1..1 relaxed {login=login} where -",
        "then first step gap 3m $2 1..1 relaxed {login=login} where -",
        "then no next for - {otp_ok=otp_ok} where -", "then next group gap 4m 1..1 relaxed",
        "  then step $3 1..1 relaxed {login=login} where -",
        "  then step $4 1..1 relaxed {payment=payment} where -",
        "then no next for - {payment=payment} where -"}},
      {"payment then no otp_ok then no login where ok then payment then (login then no payment for "
       "5m)",
       {"variable $0 -", "variable $1 -", "variable $2 -",
        "then step $0 1..1 relaxed {payment=payment} where -",
        "then no for - {otp_ok=otp_ok} where -",
        "then no for - {login=login} where field[ok login.ok]:bool",
        "then step $1 1..1 relaxed {payment=payment} where -", "then group 1..1 relaxed",
        "  then step $2 1..1 relaxed {login=login} where -",
        "  then no for 5m {payment=payment} where -"}},
  };
  check_lowered(kRows);
}

TEST_CASE("lower: groups, alternatives and steps in any order") {
  static const Row kRows[] = {
      {"2 next (payment as a then 2 login as b) then payment where sum(a.amount) > b.first.amount",
       {"variable $0 a loop", "variable $1 b loop", "variable $2 -", "then group 2..2 next loop",
        "  then step $0 1..1 relaxed {payment=payment} where -",
        "  then step $1 2..2 relaxed loop {login=login} where -",
        "then step $2 1..1 relaxed {payment=payment} where greater(aggregate[sum $0](field[amount "
        "payment.amount]:decimal(2)):decimal(2), bound[$1 first][amount login.amount]:int):bool"}},
      {"one of { payment as a, login as b } as x then login where x.account = account and a is "
       "known and b is missing",
       {"variable $0 x", "variable $1 a of $0", "variable $2 b of $0", "variable $3 -",
        "then one_of 1..1 relaxed", "  then group 1..1 relaxed",
        "    then step $1 1..1 relaxed {payment=payment} where -", "  then group 1..1 relaxed",
        "    then step $2 1..1 relaxed {login=login} where -",
        "then step $3 1..1 relaxed {login=login} where and(equal(bound[$0 only][account "
        "payment.account login.account]:string, field[account login.account]:string):bool, "
        "is_bound[$1]:bool, not(is_bound[$2]:bool):bool):bool"}},
      {"one of { payment then login, 2 one of { login, otp_ok } as y } as x then login",
       {"variable $0 x loop", "variable $1 - of $0", "variable $2 - of $0",
        "variable $3 y loop of $0", "variable $4 - loop of $3", "variable $5 - loop of $3",
        "variable $6 -", "then one_of 1..1 relaxed", "  then group 1..1 relaxed",
        "    then step $1 1..1 relaxed {payment=payment} where -",
        "    then step $2 1..1 relaxed {login=login} where -", "  then group 1..1 relaxed",
        "    then one_of 2..2 relaxed loop", "      then group 1..1 relaxed",
        "        then step $4 1..1 relaxed {login=login} where -", "      then group 1..1 relaxed",
        "        then step $5 1..1 relaxed {otp_ok=otp_ok} where -",
        "then step $6 1..1 relaxed {login=login} where -"}},
      {"optional 2..4 all of { payment as a, optional login, (login then otp_ok) } then otp_ok",
       {"variable $0 a loop", "variable $1 - loop", "variable $2 - loop", "variable $3 - loop",
        "variable $4 -", "then all_of 2..4 relaxed loop optional",
        "  then step $0 1..1 relaxed {payment=payment} where -",
        "  then step $1 1..1 relaxed optional {login=login} where -", "  then group 1..1 relaxed",
        "    then step $2 1..1 relaxed {login=login} where -",
        "    then step $3 1..1 relaxed {otp_ok=otp_ok} where -",
        "then step $4 1..1 relaxed {otp_ok=otp_ok} where -"}},
      {"2 (payment as a where count(b) > 1 and amount > prev.amount then login as b) then login",
       {"variable $0 a loop", "variable $1 b loop", "variable $2 -", "then group 2..2 relaxed loop",
        "  then step $0 1..1 relaxed {payment=payment} where and(greater(aggregate[count $1]:int, "
        "1:int):bool, greater(field[amount payment.amount]:decimal(2), prev[amount "
        "payment.amount]:decimal(2)):bool):bool",
        "  then step $1 1..1 relaxed {login=login} where -",
        "then step $2 1..1 relaxed {login=login} where -"}},
  };
  check_lowered(kRows);
}
}  // namespace
}  // namespace tocsin::tests
