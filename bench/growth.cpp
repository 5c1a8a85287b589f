/// What an event costs by how many events of its key the window holds: one key, windows of 1,000,
/// 10,000 and 100,000 events, a rule for each construct of the language. Nanoseconds an event, the
/// ratio of the last to the first in this run, and the longest that one event took.
///
///   bench_growth [PART [all]]   rows whose name has PART; all: each event is offered to all
///                               partial matches of the general matcher, as if it concerned them
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "bench/many_keys.h"
#include "bench/measure.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"

namespace {
using namespace tocsin;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kMeasured = 20'000;  // events
constexpr double kSecondsMost = 6;          // of one figure: what takes longer is not waited for

struct Row {
  const char* name;
  const char* clauses;  // D is the window
  const char* feature = nullptr;
};
// Amounts are 0 to 999, at random.
constexpr Row kRows[] = {
    {"a loop, then a step",
     "when 3+ pay as p where amount < 900 then pay where amount >= 998 within D"},
    {"a loop at the end", "when 10+ pay as p where amount < 500 within D once per 1d"},
    {"a loop at the end, each", "when 10+ pay as p where amount < 500 within D"},
    {"a time from the first",
     "when 3+ pay as p where amount < 900 and ts - p.first.ts < D then pay where amount >= 998 "
     "within D having distinct(p.amount) >= 3"},
    {"5 minutes from the first",
     "when 5+ pay as p where amount < 900 and ts - p.first.ts < 5m then pay where amount >= 998 "
     "within D having distinct(p.amount) >= 5"},
    {"a loop of 3 to 50",
     "when 3..50 pay as p where amount < 900 then pay where amount >= 998 within D"},
    {"three steps",
     "when pay where amount < 100 then pay where amount > 300 then pay where amount >= 998 within "
     "D"},
    {"then first",
     "when pay where amount < 500 then first pay where amount > 800 then pay where amount >= 998 "
     "within D"},
    {"then next",
     "when pay where amount < 500 then next pay where amount > 500 then pay where amount >= 998 "
     "within D"},
    {"no in between",
     "when pay where amount < 500 then no pay where amount = 600 then pay where amount >= 998 "
     "within D"},
    {"skip past last",
     "when 3+ pay as p where amount < 900 then pay where amount >= 998 within D after match skip "
     "past last"},
    {"two loops",
     "when 2+ pay where amount < 500 then 2+ pay where amount > 500 then pay where amount >= 998 "
     "within D"},
    {"two loops alike", "when 2+ pay then 2+ pay then pay where amount >= 998 within D"},
    {"three loops alike",
     "when 2+ pay then 2+ pay then 2+ pay then pay where amount >= 998 within D"},
    {"a gap", "when pay where amount < 500 then within 1m pay where amount >= 998 within D"},
    {"an optional step",
     "when pay where amount < 500 then optional pay where amount = 600 then pay where amount >= "
     "998 within D"},
    {"all of three",
     "when all of { pay as a where amount < 300, pay as b where amount > 600, pay as c where "
     "amount >= 998 } within D"},
    {"all of, then a step",
     "when all of { pay as a where amount < 300, pay as b where amount > 600 } then pay where "
     "amount >= 998 within D"},
    {"a step, then all of",
     "when pay where amount < 100 then all of { pay as a where amount > 600, pay as b where amount "
     ">= 998 } within D"},
    {"equality",
     "when pay as a where amount < 500 then pay as b where amount = a.amount and amount > 497 "
     "within D"},
    {"equality over three steps",
     "when pay as a where amount < 500 then pay as b where amount = a.amount then pay as c where "
     "amount = a.amount and amount > 497 within D"},
    {"comparison",
     "when pay as a where amount < 500 then pay as b where amount > a.amount + 998 within D"},
    {"two comparisons",
     "when pay as a where amount < 500 then pay as b where amount > a.amount + 400 then pay as c "
     "where amount > b.amount + 98 within D"},
    {"three comparisons",
     "when pay as a where amount < 500 then pay as b where amount > a.amount + 100 then pay as c "
     "where amount > b.amount + 100 then pay where amount > c.amount + 98 within D"},
    {"a comparison over two steps",
     "when pay as a where amount < 500 then pay where amount > 500 then pay where amount > "
     "a.amount + 900 within D"},
    {"a range",
     "when pay as a where amount < 500 then pay as b where amount between a.amount + 998 and "
     "a.amount + 999 within D"},
    {"a range, another id",
     "when pay as a where amount < 500 then pay as b where amount between a.amount + 998 and "
     "a.amount + 999 and id != a.id within D"},
    {"a sum of both events",
     "when pay as a where amount < 500 then pay as b where amount + a.amount > 1498 within D"},
    {"another value",
     "when pay as a where amount < 500 then pay where amount != a.amount within D once per 1d"},
    {"another value, each",
     "when pay as a where amount < 500 then pay where amount != a.amount within D"},
    {"a total of the loop",
     "when 3+ pay as p where amount < 900 then pay where amount >= 998 within D having count(p) >= "
     "1000000"},
    {"distinct of the loop",
     "when 3+ pay as p where amount < 900 then pay where amount >= 998 within D having "
     "distinct(p.amount) >= 1000000"},
    {"a sum of the loop",
     "when 3+ pay as p where amount < 900 then pay where amount >= 998 within D having "
     "sum(p.amount) >= 1000000000"},
    {"a sum of the last loop",
     "when pay where amount >= 998 then 3+ pay as p where amount < 900 within D having "
     "sum(p.amount) >= 1000000000"},
    {"a small sum of the loop",
     "when 3+ pay as p where amount < 900 then pay where amount >= 998 within D having "
     "sum(p.amount) < 20"},
    {"until",
     "when 3+ pay as p where amount < 900 until pay where amount = 950 then pay where amount >= "
     "998 "
     "within D"},
    {"greedy", "when 3+ greedy pay as p where amount < 900 then pay where amount >= 998 within D"},
    {"one of",
     "when one of { pay where amount < 100, pay where amount > 900 } then pay where amount >= 998 "
     "within D"},
    {"a group",
     "when 2 (pay where amount < 500 then pay where amount > 500) then pay where amount "
     ">= 998 within D"},
    {"no at the end", "when pay where amount < 500 then no pay where amount = 600 for D"},
    {"prefer latest",
     "when pay where amount < 500 then pay where amount >= 998 within D prefer latest"},
    {"consume",
     "when pay where amount < 500 then pay where amount >= 998 within D after match consume"},
    {"consume, by an earlier value",
     "when pay as a where amount < 500 then pay where amount >= 500 and id = a.id within D after "
     "match consume"},
    {"no skip",
     "when pay where amount < 500 then pay where amount = 999 within D after match no skip"},
    {"skip to next",
     "when pay where amount < 500 then pay where amount >= 998 within D after match skip to next"},
    {"without",
     "when pay where amount < 500 then pay where amount = 999 within D without pay where amount = "
     "600"},
    {"without, by an earlier value",
     "when pay as a where amount < 500 then pay where amount = 999 within D without pay where "
     "amount "
     "= 600 and amount > a.amount"},
    {"for each",
     "when pay as a where amount < 500 then pay where amount = 999 within D once per 1h for each "
     "a.amount"},
    {"for each of the last",
     "when pay where amount < 500 then pay as b where amount = 999 within D once per 1h for each "
     "b.amount"},
    {"once per day",
     "when pay where amount < 500 then pay where amount >= 998 within D once per day in \"UTC\""},
    {"except",
     "when pay where amount < 500 then pay where amount >= 998 within D except \"known\" where "
     "amount = 998"},
    {"at most",
     "when pay where amount < 500 then pay where amount >= 998 within D at most 3 per 1h"},
    {"a step that many wait for",
     "when pay where amount < 500 then pay where amount = 999 then pay where amount > 500 then pay "
     "where amount = 600 within D after match skip to next"},
    {"no within", "when 3+ pay as p where amount < 900 then pay where amount = 1000"},
    {"session", "when session of pay gap D as s where count(s) >= 1000000"},
    {"count of a window", "when pay where n = 123456789", "count(pay) by card over last D"},
    {"distinct of a window", "when pay where n = 123456789",
     "distinct(amount of pay) by card over last D"},
    {"percentile of a window", "when pay where n = 123456789",
     "percentile(amount of pay, 50) by card over last D"},
    {"max of a window", "when pay where n = 123456789", "max(amount of pay) by card over last D"},
};

std::shared_ptr<const cep::Plan> plan_of(const Row& row, std::int64_t window) {
  std::string clauses =
      row.feature == nullptr ? "" : "feature n = " + std::string(row.feature) + "\n";
  clauses += "rule r \"A rule\" { by card\n" + std::string(row.clauses);
  for (std::size_t at = 0; (at = clauses.find(" D", at)) != std::string::npos; at += 2) {
    clauses.replace(at, 2, " " + std::to_string(window) + "s");
  }
  const std::string text =
      "event pay { ts: time from 1970, id: string id, card: string, amount: int }\n" + clauses +
      "\nalert \"x\" }\n";
  return bench::text_plan(text);
}

struct Cost {
  double ns = -1;  // an event; less than 0: it took too long
  double longest_us = 0;
};
Cost measure(const Row& row, std::int64_t window, const cep::Limits& limits) {
  const auto plan = plan_of(row, window);
  const auto program = cep::compile(plan, limits);
  if (!program) bench::die("the rule compiles");
  cep::Engine engine(*program, 1);
  std::vector<cep::Alert> alerts;
  cep::Batch batch(*plan);
  std::uint64_t state = 1;
  std::int64_t now = 0;
  const auto advance = [&](std::int64_t rows) {
    batch.clear();
    for (std::int64_t i = 0; i < rows; ++i, ++now) {
      state = state * 6364136223846793005 + 1442695040888963407;
      const cep::EventTime ts{now * 1'000'000};
      const std::string id = std::to_string(now);
      batch.append(*plan, cep::EventTypeIndex(0), ts, ts, {static_cast<std::uint64_t>(now) + 1, 0},
                   {cep::Value::time(ts), cep::Value::string(id), cep::Value::string("c1"),
                    cep::Value::integer(static_cast<std::int64_t>((state >> 33) % 1'000))});
    }
    const auto begin = Clock::now();
    engine.advance(batch, {(now - 1) * 1'000'000}, alerts);
    alerts.clear();
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  Cost cost;
  double spent = 0;
  while (now < window + window / 10) {
    if ((spent += advance(100)) > kSecondsMost) return cost;
  }
  spent = 0;
  std::int64_t measured = 0;
  for (; measured < kMeasured && spent < kSecondsMost; measured += 100) spent += advance(100);
  cost.ns = spent * 1e9 / static_cast<double>(measured);
  for (std::int64_t i = 0; i < kMeasured && spent < kSecondsMost; ++i) {
    const double took = advance(1);
    spent += took;
    cost.longest_us = std::max(cost.longest_us, took * 1e6);
  }
  return cost;
}
}  // namespace

int main(int argc, char** argv) {
  const std::string part = argc > 1 ? argv[1] : "";
  cep::Limits limits;
  if (argc > 2 && std::string(argv[2]) == "all") limits.ordered_runs_min = UINT32_MAX;
  std::printf("%-26s %10s %10s %10s %8s %12s\n", "nanoseconds an event", "1,000", "10,000",
              "100,000", "ratio", "longest, us");
  for (const Row& row : kRows) {
    if (std::string(row.name).find(part) == std::string::npos) continue;
    std::printf("%-26s", row.name);
    Cost first;
    Cost last;
    for (const std::int64_t window : {1'000, 10'000, 100'000}) {
      last = measure(row, window, limits);
      if (window == 1'000) first = last;
      if (last.ns < 0) {
        std::printf(" %10s", "too long");
      } else {
        std::printf(" %10.0f", last.ns);
      }
      std::fflush(stdout);
    }
    if (last.ns < 0) {
      std::printf(" %8s %12s\n", "-", "-");
    } else {
      std::printf(" %8.2f %12.0f\n", last.ns / first.ns, last.longest_us);
    }
  }
  return 0;
}
