// From a rule's clauses to the plan, as cep::describe shows it, written here by hand.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
struct Row {
  std::string clauses;
  std::vector<std::string> starts;  // of the lines to look at
  std::vector<std::string> expected;
};
template <std::size_t N>
void check_lowered(const Row (&rows)[N]) {
  for (const Row& row : rows) {
    CAPTURE(row.clauses);
    const rules::Loaded loaded =
        load_rules(fmt::format("rule r \"r\" {{ by account {} }}", row.clauses));
    REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
    const std::vector<std::string> lines = plan_lines(*loaded.rules->plan, row.starts);
    CHECK(lines.size() == row.expected.size());
    for (std::size_t i = 0; i < std::min(lines.size(), row.expected.size()); ++i) {
      CHECK(lines[i] == row.expected[i]);
    }
  }
}

TEST_CASE("lower: which matches become alerts") {
  static const Row kRows[] = {
      {"when payment as a then login as b within 1h after match skip to next",
       {"selection"},
       {"selection skip_to_next $0"}},
      {"when payment as a then login as b within 1h after match skip to first b in order",
       {"selection"},
       {"selection skip_to_first $1 in order"}},
      {"when payment as a then one of { login, otp_ok } as b within 1h after match skip to last b",
       {"selection"},
       {"selection skip_to_last $1"}},
      {"when payment as a then login as b within 1h after match consume prefer latest",
       {"selection"},
       {"selection consume $0 prefer latest"}},
      {"when payment as a then login as b within 1h prefer latest",
       {"selection"},
       {"selection default $0 prefer latest"}},
  };
  check_lowered(kRows);
}

TEST_CASE("lower: without, considering, except") {
  static const Row kRows[] = {
      {"when payment as p then 1+ payment until otp_ok then payment without login where tries > "
       "p.count_of_items for 1h considering probe",
       {"without", "considered", "within"},
       {"without {login=login} where greater(field[tries login.tries]:int, bound[$0 "
        "only][count_of_items payment.count_of_items]:int):bool for 1h",
        "considered {payment=payment | otp_ok=otp_ok | login=login | probe=payment where "
        "and(less(field[amount payment.amount]:decimal(2), 2.00:decimal(2)):bool, "
        "equal(field[channel payment.channel]:enum(pos, ecom, atm), ecom:enum(pos, ecom, "
        "atm)):bool):bool}",
        "within -"}},
      {"when payment except \"r\" where amount > 5 expires 2027-01-01 except \"s\" where declined",
       {"except"},
       {"except \"r\" where greater(field[amount payment.amount]:decimal(2), 5:int):bool expires "
        "2027-01-01",
        "except \"s\" where field[declined payment.declined]:bool"}},
  };
  check_lowered(kRows);
}

TEST_CASE("lower: alerts that are held back") {
  static const Row kRows[] = {
      {"when payment as p then login within 1h once per p for each p.merchant, ok",
       {"once", "at most"},
       {"once per_variable 0s $0 while - each [ bound[$0 only][merchant payment.merchant]:string "
        "field[ok login.ok]:bool ]"}},
      {"when payment where payments_10m > 5 once while payments_10m > 5 at most 3 per 1d for each "
       "merchant",
       {"once", "at most"},
       {"once while 0s $0 while greater(feature[payments_10m]:int, 5:int):bool each [ ]",
        "at most 3 per 1d each [ field[merchant payment.merchant]:string ]"}},
  };
  check_lowered(kRows);
}

TEST_CASE("lower: once per day in a zone") {
  static const Row kRows[] = {
      {"when payment once per day in \"UTC\" for each merchant",
       {"once"},
       {"once per_day 0s $0 while - each [ field[merchant payment.merchant]:string ]",
        "once zone \"UTC\":string"}},
      {"when payment as p then login within 1h once per day in p.country",
       {"once"},
       {"once per_day 0s $0 while - each [ ]",
        "once zone bound[$0 only][country payment.country]:string"}},
      {"when payment once per month in \"UTC\"",
       {"once"},
       {"once per_month 0s $0 while - each [ ]", "once zone \"UTC\":string"}},
  };
  check_lowered(kRows);
}

TEST_CASE("lower: windows that close") {
  static const Row kRows[] = {
      {"when session of payment gap 30m as s where count(s) >= 3 and account = s.first.account "
       "considering login alert \"{account}\"",
       {"window", "variable", "then", "considered", "session", "tumbling", "message"},
       {"variable $0 s loop",
        "session 30m of {payment=payment} as $0 where and(greater_equal(aggregate[count $0]:int, "
        "3:int):bool, equal(field[account payment.account login.account]:string, bound[$0 "
        "first][account payment.account login.account]:string):bool):bool",
        "considered {payment=payment | login=login}",
        "message field[account payment.account login.account]:string"}},
      {"when tumbling 1h of probe or login as w where count(w) >= 3",
       {"window", "variable", "then", "considered", "session", "tumbling"},
       {"variable $0 w loop",
        "tumbling 1h of {probe=payment where and(less(field[amount payment.amount]:decimal(2), "
        "2.00:decimal(2)):bool, equal(field[channel payment.channel]:enum(pos, ecom, atm), "
        "ecom:enum(pos, ecom, atm)):bool):bool | login=login} as $0 where "
        "greater_equal(aggregate[count $0]:int, 3:int):bool",
        "considered {probe=payment where and(less(field[amount payment.amount]:decimal(2), "
        "2.00:decimal(2)):bool, equal(field[channel payment.channel]:enum(pos, ecom, atm), "
        "ecom:enum(pos, ecom, atm)):bool):bool | login=login}"}},
      {"when tumbling week in \"Europe/Berlin\" of login as w",
       {"tumbling"},
       {"tumbling week in \"Europe/Berlin\" of {login=login} as $0 where -"}},
  };
  check_lowered(kRows);
}
}  // namespace
}  // namespace tocsin::tests
