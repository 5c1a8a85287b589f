// What is said of how rules grow with a key's events: against what the engine then keeps of a key,
// and which rules are warned of.
#include "cep/compile/growth.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <vector>

#include "cep/data/batch.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/random.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
rules::Loaded load_rule(const std::string& clauses) {
  return load_files({{"r.tocsin",
                      "event pay { ts: time, id: int id, card: string, amount: int }\n"
                      "event other { ts: time, id: int id, card: string, text: string }\n"
                      "rule r \"Rule\" { by card\n" +
                          clauses + "\nalert \"x\" }"}},
                    {"r.tocsin"});
}
const cep::Rule& rule_of(const rules::Loaded& loaded) { return loaded.rules->plan->rules.front(); }

const char* word_of(cep::Kept kept) {
  switch (kept) {
    case cep::Kept::kNothing:
      return "nothing";
    case cep::Kept::kLastEvents:
      return "last events";
    case cep::Kept::kPlaces:
      return "places";
    case cep::Kept::kPartialMatches:
      return "partial matches";
    case cep::Kept::kWindow:
      break;
  }
  return "window";
}

// Partial matches of one key after so many events, none of which is dropped.
std::uint64_t matches_after(const rules::Loaded& loaded, int events) {
  const cep::Plan& plan = *loaded.rules->plan;
  cep::Limits limits;
  limits.busy_key_runs = UINT32_MAX;  // places are tested elsewhere
  const auto program = cep::compile(loaded.rules->plan, limits);
  REQUIRE(program.has_value());
  cep::Engine engine(*program, 1);
  std::vector<cep::Alert> alerts;
  for (int i = 0; i < events; ++i) {
    cep::Batch batch(plan);
    const cep::EventTime ts{std::int64_t{i} * 1'000'000};
    batch.append(plan, cep::EventTypeIndex(0), ts, ts, {static_cast<std::uint64_t>(i) + 1, 0},
                 {cep::Value::time(ts), cep::Value::integer(i), cep::Value::string("c"),
                  cep::Value::integer(1 + i % 7)});
    engine.advance(batch, ts, alerts);
  }
  return engine.stats().runs;
}

struct Row {
  const char* clauses;
  const char* kept;
  const char* because = "";
  bool piles_up = false;
};
constexpr Row kKept[] = {
    {"when pay where amount > 900", "nothing"},
    {"when pay where amount > 900 once per 1h", "nothing"},
    {"when pay as a then next pay as b where amount > 900 within 1h", "last events"},
    {"when pay where amount = 1 then pay where amount > 900 within 1h", "places"},
    {"when tumbling 1h of pay as p where count(p) > 900", "window"},
    {"when pay as a then pay as b where amount > 900 + a.amount within 1h", "places"},
    {"when pay as a then pay as b where amount = a.amount within 1h", "places"},
    {"when 2+ pay as p then 2+ pay then other within 1h having count(p) > 1", "partial matches",
     "having", true},
    {"when 2+ pay then 2..3 pay then other within 1h", "partial matches", "second_loop", true},
    {"when pay as a then pay as b where amount > a.amount and amount < 9 * a.amount within 1h",
     "places"},
    {"when pay as a then pay as b where amount between a.amount and 9 * a.amount within 1h",
     "places"},
    {"when pay as a then pay as b where amount > a.amount and id = a.id within 1h", "places"},
    {"when pay as a then pay as b where since(a) > 10m and amount > 900 within 1h", "places"},
    {"when pay as a then pay as b where ts - a.ts between 10m and 20m within 1h", "places"},
    {"when pay as a then pay as b where amount > a.amount and id > a.id within 1h",
     "partial matches", "earlier_event", true},
    {"when pay as a then pay as b where amount > a.amount and id != a.id within 1h",
     "partial matches", "earlier_event", true},
    {"when pay as a then pay as b where amount > a.amount or amount < a.amount within 1h",
     "partial matches", "earlier_event", true},
    {"when pay as a then pay as b where amount + a.amount > 900 within 1h", "partial matches",
     "earlier_event", true},
    {"when pay as a then pay as b where amount > a.amount then pay where amount > 2 * b.amount "
     "within 1h",
     "places"},
    {"when pay as a then pay then pay where amount > 9 * a.amount within 1h", "places"},
    {"when pay as a then pay as b where amount != a.amount within 1h", "places"},
    {"when pay as a then no other then pay where a.amount != amount within 1h", "places"},
    {"when pay as a then pay as b where amount != 2 * a.amount within 1h", "partial matches",
     "earlier_event", true},
    {"when pay as a then pay as b then pay where amount != b.amount within 1h", "partial matches",
     "earlier_event", true},
    {"when pay as a then pay as b where amount > a.amount then pay where a.amount < amount then "
     "pay where amount < b.amount within 1h",
     "partial matches", "earlier_event", true},
    {"when pay as a then pay as b where amount > a.amount then pay where amount < a.amount "
     "within 1h",
     "partial matches", "earlier_event", true},
    {"when pay as a then pay as b then pay where amount > a.amount + b.amount within 1h",
     "partial matches", "earlier_event", true},
    {"when pay as a then first pay as b where amount > a.amount then pay where amount > b.amount "
     "within 1h",
     "partial matches", "earlier_event", true},
    {"when pay as a then pay as b where amount > a.amount then pay then pay then pay then pay then "
     "pay where amount > b.amount within 1h",
     "partial matches", "earlier_event", true},
    {"when pay as a then pay as b where amount > 900 within 1h after match no skip",
     "partial matches", "no_skip", true},
    {"when pay as a then pay as b where amount > 900 within 1h prefer latest after match consume",
     "partial matches", "after_match prefer_latest", true},
    {"when all of { pay as a where amount < 3, pay as b, other } within 1h", "places"},
    {"when pay then all of { pay as a where amount > 900, other } then pay within 1h once per 1d",
     "places"},
    {"when all of { pay as a, other } then pay as b where amount > a.amount within 1h",
     "partial matches", "earlier_event", true},
    {"when all of { pay as a, pay as b where amount > 900, other } within 1h "
     "having b.amount > a.amount",
     "partial matches", "having", true},
    {"when all of { pay, optional other } then pay where amount > 900 within 1h", "partial matches",
     "optional", true},
    {"when pay as a then one of { pay where amount > 900, other } within 1h", "places"},
    {"when pay then next one of { pay where amount > 900, other } within 1h", "places"},
    {"when pay then optional other as o then pay where amount > 900 within 1h", "places"},
    {"when 2 (pay where amount > 1 then other) then pay where amount > 900 within 1h", "places"},
    {"when pay then optional other as o then pay where amount > 900 within 1h having o is known",
     "partial matches", "having", true},
    {"when pay then optional other as o then pay where amount > 900 within 1h once per o",
     "partial matches", "once", true},
    {"when pay as a then optional other then pay where amount > a.amount within 1h",
     "partial matches", "earlier_event", true},
    {"when pay as a then pay as b where amount > 900 within 1h once per day in \"UTC\"", "places"},
    {"when pay as a then pay as b where amount > 900 within 1h once per 1d for each amount",
     "places"},
    {"when pay as a then pay as b where amount > 900 within 1h once per 1d for each b.amount",
     "places"},
    {"when pay as a then pay as b where amount > 900 within 1h once per 1d for each a.amount",
     "partial matches", "for_each", true},
    {"when pay as a then pay as b where amount > 900 within 1h at most 3 per 1d", "places"},
    {"when pay as a then 2+ pay as b where amount > 900 within 1h once while amount > 9", "places"},
    {"when pay as a then pay as b where amount > 900 within 1h once per a", "partial matches",
     "once", true},
    {"when pay as a then pay as b where amount != a.amount within 1h at most 3 per 1d", "places"},
    {"when pay as a then pay as b where amount + a.amount > 900 within 1h at most 3 per 1d",
     "partial matches", "earlier_event", true},
    {"when pay then optional other then pay where amount > 900 within 1h at most 3 per 1d",
     "places"},
    {"when pay then optional 2+ other then pay where amount > 900 within 1h", "partial matches",
     "optional", true},
    {"when pay then optional other then all of { pay where amount > 900, other } within 1h",
     "partial matches", "optional", true},
    {"when pay as a then pay as b where amount > 900 without other within 1h", "places"},
    {"when 2+ pay as a then first pay as b where amount > 900 without other within 1h once per 1d "
     "for each amount",
     "places"},
    {"when pay as a then pay as b where amount > 900 without pay where amount > a.amount + 9000 "
     "within "
     "1h",
     "partial matches", "without", true},
    {"when pay as a then pay as b where amount > 900 without other for 1h", "partial matches",
     "without", true},
    {"when 2+ pay then 2+ pay where amount > 900 without other within 1h", "partial matches",
     "second_loop", true},
    {"when 2+ pay as p then pay where amount > 900 without other within 1h having count(p) > 9",
     "partial matches", "having", true},
    {"when 2+ pay until other then pay where amount > 900 without other within 1h",
     "partial matches", "until", true},
    {"when 2+ pay where amount < 9 until other then first pay where amount > 900 within 1h",
     "places"},
    {"when other then 2+ pay until other then pay where amount > 900 within 1h", "places"},
    {"when other as a then no other then 2+ pay as p where amount > 1 until other within 1h",
     "places"},
    {"when pay then 2+ pay until other then first pay where amount > 900 within 1h",
     "partial matches", "until", true},
    {"when 2+ pay until other then 2+ pay where amount > 900 within 1h", "partial matches", "until",
     true},
    {"when 2+ greedy pay where amount < 9 then first pay where amount > 900 within 1h", "places"},
    {"when other then no other then 2+ greedy pay then first other within 1h", "places"},
    {"when pay then 2..3 greedy pay then other within 1h", "partial matches", "greedy", true},
    {"when 2+ greedy pay until other then pay where amount > 900 within 1h", "partial matches",
     "until greedy", true},
    {"when 2+ pay as p until other then pay where amount > 900 within 1h having count(p) > 9",
     "partial matches", "having", true},
    {"when pay as a then 2+ pay as p where amount = a.amount until other within 1h",
     "partial matches", "earlier_event", true},
    {"when pay as a then 2+ pay as p until other where text = \"x\" within 1h after match no skip",
     "partial matches", "no_skip", true},
    {"when 3+ pay as p where ts - p.first.ts < 10m then pay where amount > 900 within 1h having "
     "distinct(p.amount) >= 3 and 2 < count(p)",
     "places"},
    {"when 3+ pay as p where 10m >= since(p.first) within 1h once per 1d for each amount",
     "places"},
    {"when 3+ pay as p where ts < p.first.ts + 10m within 1h once per 1d for each amount",
     "partial matches", "earlier_event", true},
    {"when 3+ pay as p where ts - p.first.ts < 10m and amount > p.first.amount within 1h",
     "partial matches", "earlier_event", true},
    {"when 3+ pay as p where ts - p.first.ts < 10m then first pay where amount > 900 within 1h",
     "partial matches", "earlier_event", true},
    {"when pay then 3+ pay as p where ts - p.first.ts < 10m and amount > 900 within 1h",
     "partial matches", "earlier_event", true},
    {"when 3+ pay as p where ts - p.first.ts < 10m then pay where amount > 900 within 1h having "
     "sum(p.amount) > 900",
     "partial matches", "having", true},
    // Those with the same future are one.
    {"when 1+ pay as p until other then pay where amount > 900", "partial matches", "until"},
    {"when pay as a then one of { pay where amount > 900, other }", "partial matches", "group"},
    {"when pay as a then pay as b where amount + a.amount > 900", "partial matches",
     "earlier_event", true},
};
}  // namespace

TEST_CASE("growth: what a rule keeps of a key, why, and whether that grows with its events" *
          doctest::skip(is_quick())) {
  for (const Row& row : kKept) {
    CAPTURE(row.clauses);
    const rules::Loaded loaded = load_rule(row.clauses);
    CAPTURE(rendered(loaded));
    REQUIRE(loaded.rules.has_value());
    const cep::Growth growth = cep::growth_of(*loaded.rules->plan, rule_of(loaded));
    CHECK(std::string(word_of(growth.kept)) == row.kept);
    std::string because;
    for (const cep::Obstacle& obstacle : growth.obstacles) {
      because += (because.empty() ? "" : " ") + std::string(cep::name_of(obstacle.kind));
    }
    // A group's members may have more to say.
    CHECK(because.starts_with(row.because));
    CHECK(growth.piles_up == row.piles_up);
    if (growth.kept == cep::Kept::kPartialMatches) {
      const std::uint64_t matches = matches_after(loaded, 200);
      CHECK(matches >= (row.piles_up ? 200U : 0U));
      CHECK((row.piles_up || matches <= 2));
    }
  }
}

TEST_CASE(
    "growth: an ordinary key's partial matches, by how long they wait and what tells them apart") {
  const auto matches_of = [](const char* clauses) {
    const rules::Loaded loaded = load_rule(clauses);
    REQUIRE_MESSAGE(loaded.rules.has_value(), rendered(loaded));
    return cep::growth_of(*loaded.rules->plan, rule_of(loaded)).ordinary_matches;
  };
  // An event every thirty seconds; one every ten minutes where the step has conditions.
  CHECK(matches_of("when pay as a then pay as b where amount + a.amount > 900 within 1d") == 2'880);
  CHECK(matches_of("when pay as a where amount > 1 then pay as b where amount + a.amount > 900 "
                   "within 1d") == 144);
  // Pairs of events.
  CHECK(matches_of("when pay as a then pay as b then pay as c where amount > a.amount + b.amount "
                   "within 1h") == 120 * 120 / 2);
  CHECK(
      matches_of("when pay as a then other then pay as c where amount > a.amount and amount < 9 * "
                 "a.amount within 1h") == 120);
  CHECK(matches_of("when pay as a then pay then pay within 1h after match no skip") ==
        120 * 120 / 2);
  CHECK(matches_of("when pay as a then first pay as b then pay as c where amount > b.amount within "
                   "1h") == 120);
  // Less than a minute each.
  CHECK(matches_of(
            "when pay as a then within 1m pay as b where amount + a.amount > 900 within 30d") == 2);
  CHECK(matches_of("when pay as a then pay as b where amount + a.amount > 900") == UINT64_MAX);
}

TEST_CASE("growth: rules that are warned of, and those that an ordinary key does not outgrow") {
  struct Warned {
    const char* clauses;
    const char* found;
  };
  static const Warned kRows[] = {
      {"when pay as a then pay as b where amount + a.amount > 900 within 7d", "grows 4:35"},
      {"when pay as a then pay as b where amount + a.amount > 900 within 1d", ""},
      {"when pay as a where amount > 1 then pay as b where amount + a.amount > 900 within 7d", ""},
      {"when pay as a then pay as b where amount > a.amount and amount < 9 * a.amount within 7d",
       ""},
      {"when pay as a then pay as b where amount > 1 within 7d", ""},
      {"when pay as a then pay as b where abs(amount - 5) < a.amount within 7d", ""},
      {"when pay as a then pay as b where amount = a.amount within 7d", ""},
      {"when pay as a then pay as b where amount > 1 within 7d after match no skip", "grows 4:56"},
      {"when pay as a then within 1m pay as b where amount + a.amount > 900", ""},
      {"when pay as a then next pay as b where amount + a.amount > 900 within "
       "7d",
       ""},
      {"when pay as a then pay as b where amount + a.amount > 900", "endless_state 3:6"},
      {"allow grows \"few\" when pay as a then pay as b where amount + a.amount > 900 within 7d",
       ""},
      {"when 10001 pay as p where amount > p.first.amount within 1h", "E0436 4:6"},
      {"when 10000 pay as p where amount > p.first.amount within 1h", ""},
      {"when 100000 pay within 1h", ""},
      {"when 2 pay then 99999 pay within 1h", "E0436 4:17"},
  };
  for (const Warned& row : kRows) {
    CAPTURE(row.clauses);
    const rules::Loaded loaded = load_rule(row.clauses);
    CAPTURE(rendered(loaded));
    std::string found;
    for (const rules::Diagnostic& diagnostic : loaded.diagnostics) {
      const auto place = loaded.sources.place(0, diagnostic.primary.span.begin);
      found += fmt::format("{}{} {}:{}", found.empty() ? "" : ", ",
                           rules::code_name(diagnostic.code), place.line, place.column);
    }
    CHECK(found == row.found);
  }
}
}  // namespace tocsin::tests
