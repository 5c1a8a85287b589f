// Every clause of a rule changes some alert, or the checker says that it does not: a clause is
// taken away from a random rule, and the oracle looks for events at which that makes a difference.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cep/plan.h"
#include "rules/rules.h"
#include "tests/support/engine_run.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"
#include "tests/support/rule_text.h"

namespace tocsin::tests {
namespace {
constexpr const char* kSchema =
    "event a { ts: time, id: int id }\n"
    "event b { ts: time, id: int id }\n"
    "event c { ts: time, id: int id }\n"
    "event d { ts: time, id: int id }\n";
constexpr std::size_t kKinds = 4;

// A rule in pieces; `is_clause`: the rule is one without it too.
struct Piece {
  std::string text;
  bool is_clause = false;
};

class RuleWriter {
 public:
  explicit RuleWriter(Random& random) : random_(random) {}

  std::vector<Piece> write() {
    say("rule r \"R\" {\n  when ");
    const std::size_t steps = 1 + random_.weighted({15, 50, 35});
    for (std::size_t i = 0; i < steps; ++i) {
      if (i > 0) link();
      step(i, i + 1 == steps);
    }
    const bool waits = random_.chance(25);
    if (waits) last_absence();
    say("\n");
    clauses(steps);
    say("  alert \"x\"\n}\n");
    return std::move(pieces_);
  }

 private:
  void say(std::string text) { pieces_.push_back({std::move(text), false}); }
  void clause(std::string text) { pieces_.push_back({std::move(text), true}); }
  void maybe(std::size_t percent, std::string text) {
    if (random_.chance(percent)) clause(std::move(text));
  }
  const char* kind() { return random_.pick({"a", "a", "b", "b", "c"}); }
  const char* other_kind() { return random_.pick({"a", "b", "c", "d"}); }

  void link() {
    say(" then ");
    if (random_.chance(25)) {
      clause(fmt::format("no {}{} then ", random_.chance(25) ? "next " : "", other_kind()));
    }
    const std::size_t how = random_.weighted({50, 25, 25});
    if (how > 0) clause(how == 1 ? "first " : "next ");
    maybe(20, fmt::format("within {}s ", random_.between(1, 6)));
  }

  void step(std::size_t i, bool is_last) {
    if (!is_last || i > 0) maybe(12, "optional ");
    bool unbounded = false;
    if (random_.chance(40)) {
      const char* const count = random_.pick({"1", "2", "1+", "2+", "1..2"});
      unbounded = std::string(count).ends_with("+");
      say(fmt::format("{} ", count));
      maybe(30, random_.pick({"next ", "each "}));
      maybe(20, "greedy ");
    }
    say(fmt::format("{} as s{}", kind(), i));
    if (unbounded) maybe(25, fmt::format(" until {}", other_kind()));
  }

  void last_absence() {
    if (random_.chance(30)) {
      clause(fmt::format(" then no next {}", other_kind()));
    } else {
      clause(fmt::format(" then no {} for {}s", other_kind(), random_.between(1, 4)));
    }
  }

  void clauses(std::size_t steps) {
    maybe(35, fmt::format("  within {}s\n", random_.between(2, 6)));
    if (random_.chance(25)) {
      clause(random_.chance(75)
                 ? fmt::format("  without {}\n", other_kind())
                 : fmt::format("  without {} for {}s\n", other_kind(), random_.between(2, 6)));
    }
    maybe(20, fmt::format("  considering {}\n", other_kind()));
    if (random_.chance(30)) {
      clause(fmt::format("  after match {}\n",
                         random_.pick({"no skip", "skip past last", "skip to next", "consume",
                                       "skip past last in order"})));
    } else {
      maybe(15, "  prefer latest\n");
    }
    if (random_.chance(35)) {
      clause(random_.chance(60) ? fmt::format("  once per s{}\n", random_.below(steps))
                                : fmt::format("  once per {}s\n", random_.between(1, 4)));
    }
    if (random_.chance(20)) {
      clause(fmt::format("  at most {} per {}s\n", random_.between(1, 3), random_.between(1, 6)));
    }
  }

  Random& random_;
  std::vector<Piece> pieces_;
};

// The clauses of which the checker knows all that have no effect. Of the others it knows what their
// neighbours show: where the whole pattern, or the selection, makes one superfluous, it is silent.
bool is_always_told(const std::string& clause) {
  for (const char* const known : {"  considering "}) {
    if (clause.starts_with(known)) return true;
  }
  return false;
}

// The text without piece `left_out`.
std::string text_of(const std::vector<Piece>& pieces, std::optional<std::size_t> left_out) {
  std::string text = kSchema;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i != left_out) text += pieces[i].text;
  }
  return text;
}

rules::Loaded load_text(const std::string& text) {
  return load_files({{"r.tocsin", text}}, {"r.tocsin"});
}

// Whether some diagnostic points at the piece.
bool is_told(const rules::Loaded& loaded, const std::vector<Piece>& pieces, std::size_t piece) {
  std::size_t begin = std::string(kSchema).size();
  for (std::size_t i = 0; i < piece; ++i) begin += pieces[i].text.size();
  const std::size_t end = begin + pieces[piece].text.size();
  const auto touches = [&](const rules::Label& label) {
    return label.span.begin < end && begin < label.span.end;
  };
  return std::ranges::any_of(loaded.diagnostics, [&](const rules::Diagnostic& diagnostic) {
    const std::string_view name = rules::code_name(diagnostic.code);
    if (name == "no_key" || name == "endless_state") return false;  // of the whole rule
    return touches(diagnostic.primary) || std::ranges::any_of(diagnostic.labels, touches);
  });
}

std::vector<oracle::Event> some_events(Random& random, std::size_t most) {
  std::vector<oracle::Event> events;
  std::int64_t now = 1'000'000;
  const std::size_t count = 2 + random.below(most - 1);
  const std::size_t kinds = 2 + random.below(kKinds - 1);
  for (std::size_t i = 0; i < count; ++i) {
    now += 500'000 * static_cast<std::int64_t>(random.weighted({10, 35, 35, 5, 15}));
    oracle::Event event;
    event.type = cep::EventTypeIndex(random.below(kinds));
    event.ts = cep::EventTime{now};
    event.fields = {cep::OwnedValue(cep::Value::time(event.ts)),
                    cep::OwnedValue(cep::Value::integer(static_cast<std::int64_t>(i)))};
    events.push_back(std::move(event));
  }
  return events;
}

std::optional<std::vector<std::string>> alerts_of(const cep::Plan& plan,
                                                  const std::vector<oracle::Event>& events) {
  oracle::Options options;
  options.work_max = 50'000;
  const auto outcome = oracle::evaluate(plan, oracle::place_events(plan, events, options), options);
  if (!outcome) return std::nullopt;
  return alert_lines(plan, outcome->alerts);
}

bool ever_alerts(Random& random, const cep::Plan& plan) {
  for (std::size_t i = 0; i < 500; ++i) {
    const auto alerts = alerts_of(plan, some_events(random, 14));
    if (alerts && !alerts->empty()) return true;
  }
  return false;
}

bool find_difference(Random& random, const cep::Plan& with, const cep::Plan& without,
                     std::size_t tries, std::size_t most) {
  for (std::size_t i = 0; i < tries; ++i) {
    const std::vector<oracle::Event> events = some_events(random, most);
    const auto one = alerts_of(with, events);
    const auto other = alerts_of(without, events);
    if (one && other && *one != *other) return true;
  }
  return false;
}
}  // namespace

TEST_CASE("rules: a clause that can be left out without a difference is reported") {
  std::size_t asked = 0;
  std::size_t told = 0;
  std::size_t untold = 0;
  const std::size_t cases = for_all_seeds("CLAUSES", 120, [&](Random& random) {
    const std::vector<Piece> pieces = RuleWriter(random).write();
    const rules::Loaded loaded = load_text(text_of(pieces, std::nullopt));
    if (!loaded.rules) return;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (!pieces[i].is_clause) continue;
      const rules::Loaded shorter = load_text(text_of(pieces, i));
      if (!shorter.rules) continue;
      if (is_told(loaded, pieces, i)) {
        ++told;
        continue;
      }
      ++asked;
      const cep::Plan& with = *loaded.rules->plan;
      const cep::Plan& without = *shorter.rules->plan;
      if (find_difference(random, with, without, 300, 9)) continue;
      if (find_difference(random, with, without, 1000, 14)) continue;
      if (!is_always_told(pieces[i].text) || !ever_alerts(random, with)) {
        ++untold;
        continue;
      }
      FAIL_CHECK("nothing depends on `"
                 << pieces[i].text << "`, and nobody says so:\n"
                 << text_of(pieces, std::nullopt).substr(std::string(kSchema).size()));
    }
  });
  MESSAGE(cases << " rules: " << asked << " clauses not reported, of which " << untold
                << " without an effect that only the whole rule shows; " << told << " reported");
  if (cases < 120) return;
  CHECK(asked > cases);
  CHECK(10 * told > cases);
}

TEST_CASE("rules: a clause that is said to have no effect has none") {
  std::size_t found = 0;
  for_all_seeds("CLAUSES", 120, [&](Random& random) {
    const std::vector<Piece> pieces = RuleWriter(random).write();
    const rules::Loaded loaded = load_text(text_of(pieces, std::nullopt));
    if (!loaded.rules) return;
    std::size_t begin = std::string(kSchema).size();
    for (std::size_t i = 0; i < pieces.size(); begin += pieces[i++].text.size()) {
      if (!pieces[i].is_clause) continue;
      const std::size_t end = begin + pieces[i].text.size();
      const bool said = std::ranges::any_of(loaded.diagnostics, [&](const auto& diagnostic) {
        return diagnostic.code == rules::Code::kW0050 && diagnostic.primary.span.begin < end &&
               begin < diagnostic.primary.span.end;
      });
      const rules::Loaded shorter = load_text(text_of(pieces, i));
      if (!said || !shorter.rules) continue;
      ++found;
      if (!find_difference(random, *loaded.rules->plan, *shorter.rules->plan, 300, 10)) continue;
      FAIL_CHECK("`" << pieces[i].text << "` has an effect:\n"
                     << text_of(pieces, std::nullopt).substr(std::string(kSchema).size()));
    }
  });
  CHECK(found > 0);
}
}  // namespace tocsin::tests
