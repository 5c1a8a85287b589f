// What an event costs where the second of two steps asks something of both events
// (cep/places/compared_places.cpp): how many first events are looked at.
#include <doctest/doctest.h>

#include <cstdint>
#include <regex>
#include <string>
#include <vector>

#include "cep/data/alert.h"
#include "cep/engine/engine.h"
#include "tests/rules/pay_rule.h"
#include "tests/support/random.h"

namespace tocsin::tests {
TEST_CASE("pairs of events: those that add up to something are found without a search" *
          doctest::skip(is_quick())) {
  constexpr std::uint64_t kFirsts = 8'000;
  constexpr std::uint64_t kEvents = 1'000;
  struct Row {
    const char* condition;
    bool is_met;  // by the last payments
  };
  // First payments have amounts up to 999 and are the larger the later they are; the last ones have
  // amounts from 10,000 on.
  const Row rows[] = {
      {"amount + a.amount > 20000", false},
      {"amount + a.amount > 10998", true},
      {"amount - 2 * a.amount < 8010", true},
      {"0.5 * (amount + a.amount) <= 4999", false},
      {"amount + a.amount between 10100 and 10200 ", true},
      {"abs(amount - a.amount) < 9000", false},
      {"abs(amount - 10000 - a.amount) <= 3", true},
      {"a.amount + a.ends > amount + 100", false},
      {"amount + a.amount > 20000 and id != a.id", false},
      {"a.ts + 1d < ts", false},
      {"amount = a.amount + 9500", true},
      {"amount = 9000 + a.ends and id > a.id", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.condition);
    const PayRule rule("when pay as a where amount < 1000 then pay where amount >= 10000 and " +
                       std::string(row.condition) + " within 300d");
    const cep::Program program = rule.compiled();
    cep::Engine engine(program, 1);
    std::vector<cep::Alert> alerts;
    std::uint64_t number = 0;
    const auto pay = [&](std::int64_t amount) {
      ++number;
      const auto ms = static_cast<std::int64_t>(number) * 1'000;
      give(engine, program.plan(), number, {.ms = ms, .amount = amount}, alerts);
    };
    for (std::uint64_t i = 0; i < kFirsts; ++i) pay(static_cast<std::int64_t>(i * 1'000 / kFirsts));
    CHECK(engine.stats().runs == kFirsts);
    const std::uint64_t visited = engine.stats().runs_visited;
    for (std::uint64_t i = 0; i < kEvents; ++i) pay(10'000 + static_cast<std::int64_t>(i % 3));
    CHECK(engine.stats().runs_visited - visited <= kEvents);
    CHECK(alerts.size() == (row.is_met ? kEvents : 0));
    CHECK(engine.stats().runs_lost == 0);
  }
}

TEST_CASE("pairs of events: what a condition says of the later one alone is found once") {
  constexpr std::uint64_t kFirsts = 400;
  constexpr std::uint64_t kEvents = 20;
  const std::string steps = "when pay as a where amount < 100 then pay as b where amount >= 100 ";
  const std::string asked = "and (sqrt(0 - amount) > 5 or amount < a.amount) within 300d ";
  const std::string having = " having sqrt(0 - b.amount) > 5 or b.amount < a.amount";
  for (const std::string& clauses :
       {asked, asked + "after match no skip", asked + "after match consume",
        asked + "without pay where amount = 99 and sqrt(0 - a.amount) > 5", "within 300d" + having,
        "within 300d after match no skip" + having}) {
    CAPTURE(clauses);
    const PayRule rule(steps + clauses);
    const cep::Program program = rule.compiled();
    cep::Engine engine(program, 1);
    std::vector<cep::Alert> alerts;
    for (std::uint64_t i = 1; i <= kFirsts + kEvents; ++i) {
      const auto ms = static_cast<std::int64_t>(i) * 1'000;
      give(engine, program.plan(), i, {.ms = ms, .amount = i <= kFirsts ? 7 : 700}, alerts);
    }
    CHECK(engine.stats().runs == kFirsts);
    CHECK(engine.stats().runs_visited >= kFirsts * kEvents);
    // A root of a number below 0 is no value, which is counted.
    CHECK(engine.stats().values_missing == kEvents);
    CHECK(alerts.empty());
  }
}

// The condition as `having` says it: fields without a name are those of b.
std::string of_last(const std::string& condition) {
  static const std::regex kOwn("(^|[^.a-z])(note|id|amount)\\b");
  return std::regex_replace(condition, kOwn, "$1b.$2");
}

TEST_CASE("pairs of events: what is asked of long texts takes steps") {
  constexpr std::uint64_t kFirsts = 500;
  constexpr std::uint64_t kEvents = 3;
  // Of so many steps, half of which are for partial matches, each takes two and those of its texts.
  cep::Limits limits;
  limits.steps_per_event_max = 20'000;
  struct Row {
    const char* condition;
    std::size_t length;  // of texts
    bool is_too_long;
  };
  const Row rows[] = {
      {"similarity(note, a.note) > 2.0", 30, false},
      {"similarity(note, a.note) > 2.0", 900, true},
      {"note contains a.note", 60, false},
      {"note contains a.note", 9'000, true},
      {"lower(a.note) = note", 3'000, true},
      {"similarity(note, a.note) > 2.0", 9'000, true},
      {"lower(note) contains \"x\" and id < a.id", 90'000, false},
  };
  for (const std::string clauses :
       {"", "after match no skip", "after match consume", "having", "after match no skip having",
        "except \"none\" where amount < 0 having"}) {
    for (const Row& row : rows) {
      CAPTURE(clauses);
      CAPTURE(row.condition);
      const bool decides = clauses.ends_with("having");
      // The general matcher gives matches of several last events.
      if (clauses.starts_with("except") && row.length > 10'000) continue;
      const std::string condition = "(id < a.id or " + std::string(row.condition) + ")";
      std::string text = "when pay as a where amount < 100 then pay as b where amount >= 100";
      if (!decides) text += " and " + condition;
      text += " within 300d " + clauses;
      if (decides) text += " " + of_last(condition);
      const PayRule rule(text);
      const cep::Program program = rule.compiled(limits);
      cep::Engine engine(program, 1);
      std::vector<cep::Alert> alerts;
      for (std::uint64_t i = 1; i <= kFirsts + kEvents; ++i) {
        const auto ms = static_cast<std::int64_t>(i) * 1'000;
        const bool is_first = i <= kFirsts;
        const std::size_t length = row.length > 10'000 && is_first ? 1 : row.length;
        give(engine, program.plan(), i,
             {.ms = ms,
              .amount = is_first ? 7 : 700,
              .note = std::string(length - 1, 'A') + (is_first ? "b" : "c")},
             alerts);
      }
      CHECK((engine.stats().runs_lost > 0) == row.is_too_long);
      CHECK((engine.stats().runs < kFirsts) == row.is_too_long);
    }
  }
}

TEST_CASE("pairs of events: one partial match is asked however long its text is") {
  const std::string steps = "when pay as a where amount < 100 then pay as b where amount >= 100 ";
  for (const std::string clauses :
       {"and a.note contains \"end\" within 1d", "and lower(a.note) contains \"end\" within 1d",
        "and a.note contains \"end\" within 1d after match consume",
        "within 1d after match consume having b.note contains \"end\"",
        "within 1d except \"none\" where b.note contains \"other\""}) {
    CAPTURE(clauses);
    const cep::Program program = PayRule(steps + clauses).compiled();
    cep::Engine engine(program, 1);
    std::vector<cep::Alert> alerts;
    const std::string note = std::string(7'000'000, 'n') + "end";
    for (const std::int64_t amount : {7, 700}) {
      give(engine, program.plan(), static_cast<std::uint64_t>(amount),
           {.ms = amount, .amount = amount, .note = note}, alerts);
    }
    CHECK(engine.stats().runs_lost == 0);
    CHECK(alerts.size() == 1);
  }
}
}  // namespace tocsin::tests
