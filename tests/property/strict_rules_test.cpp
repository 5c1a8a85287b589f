// Rules whose events follow each other directly, many of one key: they share the key's last events
// and the tests between neighbours (cep/compile/program.h, StrictGroup). Beside the oracle, with a
// restore at any event. Rules of one event that count what several windows hold stand beside them:
// they are asked together (CountGate).
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cep/compile/program.h"
#include "cep/plan/plan.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
constexpr const char* kSchema =
    "event pay { ts: time, id: int id, card: string, amount: decimal(2)?, count: int?, place: "
    "string?, mode: enum(pos, ecom) }\n"
    "event login { ts: time, id: int id, card: string, count: int?, place: string?, ok: bool }\n";

// A comparison of the current event with one before it, often the same one.
std::string random_pair(Random& random, const std::string& before, bool is_pay) {
  switch (random.below(is_pay ? 6 : 3)) {
    case 0:
      return fmt::format("place {} {}.place", random.pick({"=", "!=", "<"}), before);
    case 1:
      return fmt::format("count {} {}.count", random.pick({">", "<=", "="}), before);
    case 2:
      // Beyond 64 bits for the largest counts.
      return fmt::format("count {} {} * {}.count", random.pick({">", "<"}),
                         random.pick({"2", "3", "4000000000"}), before);
    case 3:
      // Often several of one pair: ladders, of which a negative right side turns the order.
      return fmt::format("amount {} {} * {}.amount", random.pick({">", ">", ">="}),
                         random.pick({"1", "1.5", "2", "2.25", "3"}), before);
    case 4:
      return fmt::format("amount {} {}.count", random.pick({">", "<="}), before);
    default:
      return fmt::format("amount + {}.amount > 10", before);
  }
}

std::string random_sequence(Random& random) {
  const std::size_t steps = 2 + random.weighted({40, 40, 15, 5});
  std::string text = "by card\n  when ";
  // Names of the steps before that are of one kind with the fields that a comparison reads.
  std::vector<std::string> pays;
  std::vector<std::string> all;
  for (std::size_t i = 0; i < steps; ++i) {
    const bool is_pay = random.chance(75);
    const std::string name = fmt::format("s{}", i);
    text += fmt::format("{}{} as {}", i > 0 ? " then next " : "", is_pay ? "pay" : "login", name);
    std::vector<std::string> conditions;
    if (random.chance(40)) {
      conditions.emplace_back(is_pay ? random.pick({"mode = pos", "amount > 5", "amount < 4"})
                                     : random.pick({"ok", "not ok"}));
    }
    while (random.chance(55) && conditions.size() < 3 && i > 0) {
      const std::vector<std::string>& from = is_pay && !pays.empty() ? pays : all;
      const std::string& before = random.chance(70) ? from.back() : random.pick(from);
      conditions.push_back(random_pair(random, before, is_pay && !pays.empty()));
    }
    if (random.chance(4)) conditions.emplace_back("count(pay) over last 5s >= 2");
    if (!conditions.empty()) text += fmt::format(" where {}", fmt::join(conditions, " and "));
    if (is_pay) pays.push_back(name);
    all.push_back(name);
  }
  if (random.chance(85))
    text += fmt::format("\n  within {}", random.pick({"2s", "4s", "4s", "9s"}));
  if (random.chance(20)) text += "\n  considering pay";
  text += random.pick({"", "", "\n  after match skip past last", "\n  after match no skip"});
  return text;
}

std::string random_count(Random& random) {
  return fmt::format("by card\n  when pay where count(pay{}) over last {} {} {}",
                     random.pick({"", "", " where amount > 4"}), random.pick({"2s", "4s", "9s"}),
                     random.pick({">=", ">=", ">", "=", "<"}), 2 + random.below(5));
}

std::string random_pack(Random& random) {
  std::string text = kSchema;
  const std::size_t rules = random.pick({1, 3, 8, 8, 20, 40});
  for (std::size_t i = 0; i < rules; ++i) {
    text += fmt::format("rule r{} \"R\" {{\n  {}\n  alert \"x\"\n}}\n", i,
                        random.chance(25) ? random_count(random) : random_sequence(random));
  }
  return text;
}

std::vector<oracle::Event> random_stream(Random& random) {
  std::vector<oracle::Event> events;
  std::int64_t second = 0;
  const auto maybe = [&](const cep::Value& value) {
    return cep::OwnedValue(random.chance(6) ? cep::Value::missing() : value);
  };
  const std::size_t count = 10 + random.below(50);
  for (std::size_t i = 0; i < count; ++i) {
    second += random.between(0, 2);
    const cep::EventTime ts{second * 1'000'000};
    const std::int64_t n =
        random.chance(8) ? 4'000'000'000 * random.between(-2, 2) : random.between(0, 9);
    const cep::Value place = cep::Value::string(
        random.pick({"DE", "DE", "SE", "a place of a long name", "a place of a longer name"}));
    oracle::Event event;
    event.ts = ts;
    event.fields = {cep::OwnedValue(cep::Value::time(ts)),
                    cep::OwnedValue(cep::Value::integer(static_cast<std::int64_t>(i))),
                    cep::OwnedValue(cep::Value::string(random.pick({"c1", "c1", "c2"})))};
    if (random.chance(80)) {
      event.type = cep::EventTypeIndex(0);
      event.fields.push_back(
          maybe(cep::Value::decimal(random.between(random.chance(15) ? -600 : 0, 1'200), 2)));
      event.fields.push_back(maybe(cep::Value::integer(n)));
      event.fields.push_back(maybe(place));
      const std::size_t mode = random.below(2);
      event.fields.emplace_back(
          cep::Value::enumerated(static_cast<std::int64_t>(mode), mode == 0 ? "pos" : "ecom"));
    } else {
      event.type = cep::EventTypeIndex(1);
      event.fields.push_back(maybe(cep::Value::integer(n)));
      event.fields.push_back(maybe(place));
      event.fields.emplace_back(cep::Value::boolean(random.chance(50)));
    }
    events.push_back(std::move(event));
  }
  return events;
}
}  // namespace

TEST_CASE("engine: gives the oracle's alerts for many rules of directly following events") {
  std::size_t alerts = 0;
  std::size_t packs = 0;
  const std::size_t cases = for_all_seeds("PROPERTY", 1500, [&](Random& random) {
    const std::string text = random_pack(random);
    const auto plan = plan_of(text);
    const auto events = oracle::place_events(*plan, random_stream(random), {});
    const auto outcome = oracle::evaluate(*plan, events, {});
    if (!outcome) return;
    ++packs;
    alerts += outcome->alerts.size();
    const auto program = cep::compile(plan, kOutOfReach);
    REQUIRE(program.has_value());
    const RestoredRun run = run_restored(*program, events, random);
    const std::vector<std::string> expected = alert_lines(*plan, outcome->alerts);
    const std::vector<std::string> found = alert_lines(*plan, run.alerts);
    REQUIRE_MESSAGE(found == expected,
                    fmt::format("{}\n{}\noracle:\n{}\nengine:\n{}", text, run.cut,
                                fmt::join(expected, "\n"), fmt::join(found, "\n")));
  });
  MESSAGE(cases << " cases, " << packs << " packs, " << alerts << " alerts");
  CHECK(2 * packs > cases);
  CHECK(alerts > 10 * packs);
}
}  // namespace tocsin::tests
