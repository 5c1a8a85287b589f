// Every clause of a rule changes some alert, or the checker says that it does not: a clause is
// taken away from a random rule, and the oracle looks for events at which that makes a difference.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>
#include <vector>

#include "cep/plan/plan.h"
#include "rules/context/rules.h"
#include "tests/support/engine_run.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"
#include "tests/support/rule_streams.h"
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

// The clauses of which the checker reports what is certain by the rule's shape, and no more. The
// rest would need to compare all matches of two rules, which have no bound. All others are reported
// wherever they have no effect.
struct Undecided {
  const char* begins;
  const char* why;
};
constexpr Undecided kUndecided[] = {
    {"first ", "a loop, or a step of the same kind, leaves the same best match"},
    {"next ", "the events between would have been taken by a step of the same kind"},
    {"each ", "the best match is the same where its loop has an upper count"},
    {"greedy ", "the best match is the same where the step after it is a loop"},
    {"within ", "the rule's other bounds end the match first"},
    {"no ", "the event would have been taken by the step after it, or dropped with the match"},
    {" until ", "the loop has ended, or its longer matches are never the best ones"},
    {"  within ", "a loop or the selection ends the match first"},
    {"  without ", "the selection, or a step of the same kind, ends the same matches"},
    {"  prefer latest", "matches of loops that complete together begin together"},
    {"  after match ", "after a `first` nothing that overlaps is left"},
    {"  once per ", "after a loop the match is over"},
    {"  at most ", "the pattern's own pace is slower"},
};
bool may_be_undecided(const std::string& clause) {
  return std::ranges::any_of(kUndecided, [&](const Undecided& kind) {
    return clause.starts_with(kind.begins) && !clause.starts_with("no next ");
  });
}

// The text without piece `left_out`.
std::string text_of(const std::vector<Piece>& pieces, std::optional<std::size_t> left_out) {
  std::string text = kSchema;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i != left_out) text += pieces[i].text;
  }
  return text;
}

// The same rule, in which each kind that is named has a condition of its own that always holds.
std::string with_kinds_apart(const std::vector<Piece>& pieces) {
  std::string kinds;
  std::string rule;
  std::size_t count = 0;
  const auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  for (const Piece& piece : pieces) {
    const std::string& text = piece.text;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool alone =
          (i == 0 || !is_word(text[i - 1])) && (i + 1 == text.size() || !is_word(text[i + 1]));
      rule += text[i];
      if (!alone || text[i] < 'a' || text[i] >= static_cast<char>('a' + kKinds)) continue;
      const std::string name = fmt::format("{}_{}", text[i], ++count);
      kinds += fmt::format("kind {} = {} where id > -{}\n", name, text[i], count);
      rule += name.substr(1);
    }
  }
  return kSchema + kinds + rule;
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

std::optional<std::vector<std::string>> alerts_of(const cep::Plan& plan,
                                                  const std::vector<oracle::Event>& events) {
  oracle::Options options;
  options.work_max = 50'000;
  const auto outcome = oracle::evaluate(plan, oracle::place_events(plan, events, options), options);
  if (!outcome) return std::nullopt;
  return alert_lines(plan, outcome->alerts);
}

bool differ(const cep::Plan& with, const cep::Plan& without,
            const std::vector<oracle::Event>& events) {
  const auto one = alerts_of(with, events);
  const auto other = alerts_of(without, events);
  return one && other && *one != *other;
}

bool find_difference(Random& random, const cep::Plan& with, const cep::Plan& without,
                     std::size_t tries, std::size_t most) {
  RuleStreams streams(random, with.rules[0]);
  for (std::size_t i = 0; i < tries; ++i) {
    if (differ(with, without, streams.write(most))) return true;
  }
  return false;
}

// Calls `look(events)` with all words of the rule's kinds of up to `length` events, each at several
// times, until that is true.
template <typename Look>
bool any_word(Random& random, const cep::Rule& rule, std::size_t length, std::size_t times,
              const Look& look) {
  RuleStreams streams(random, rule);
  const std::vector<cep::EventTypeIndex>& kinds = streams.kinds();
  for (std::size_t size = 1; size <= length; ++size) {
    std::vector<std::size_t> digits(size, 0);
    for (std::size_t place = 0; place < size;) {
      std::vector<cep::EventTypeIndex> word;
      for (const std::size_t digit : digits) word.push_back(kinds[digit]);
      for (std::size_t i = 0; i < times; ++i) {
        if (look(streams.write(word))) return true;
      }
      for (place = 0; place < size && ++digits[place] == kinds.size();) digits[place++] = 0;
    }
  }
  return false;
}

bool depends_on(Random& random, const cep::Plan& with, const cep::Plan& without) {
  return find_difference(random, with, without, 300, 9) ||
         find_difference(random, with, without, 2'500, 14) ||
         any_word(random, with.rules[0], 5, 4, [&](const std::vector<oracle::Event>& events) {
           return differ(with, without, events);
         });
}

bool ever_alerts(Random& random, const cep::Plan& plan) {
  const auto raises = [&](const std::vector<oracle::Event>& events) {
    const auto alerts = alerts_of(plan, events);
    return alerts && !alerts->empty();
  };
  RuleStreams streams(random, plan.rules[0]);
  for (std::size_t i = 0; i < 1'500; ++i) {
    if (raises(streams.write(12))) return true;
  }
  return any_word(random, plan.rules[0], 5, 2, raises);
}
}  // namespace

TEST_CASE("rules: a clause that can be left out without a difference is reported") {
  std::size_t asked = 0;
  std::size_t told = 0;
  std::size_t undecided = 0;
  const std::size_t cases = for_all_seeds("CLAUSES", 120, [&](Random& random) {
    const std::vector<Piece> pieces = RuleWriter(random).write();
    const rules::Loaded loaded = load_text(text_of(pieces, std::nullopt));
    if (!loaded.rules) return;
    CAPTURE(text_of(pieces, std::nullopt));
    const cep::Plan& with = *loaded.rules->plan;
    CHECK_MESSAGE(ever_alerts(random, with), "the rule never alerts, and nobody says so");
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (!pieces[i].is_clause) continue;
      const rules::Loaded shorter = load_text(text_of(pieces, i));
      if (!shorter.rules) continue;
      if (is_told(loaded, pieces, i)) {
        ++told;
        continue;
      }
      ++asked;
      if (depends_on(random, with, *shorter.rules->plan)) continue;
      ++undecided;
      CHECK_MESSAGE(may_be_undecided(pieces[i].text),
                    "nothing depends on `" << pieces[i].text << "`, and nobody says so");
    }
  });
  MESSAGE(cases << " rules: " << asked << " clauses not reported, of which " << undecided
                << " without an effect that the checker does not decide; " << told << " reported");
  if (cases < 120) return;
  CHECK(asked > cases);
  CHECK(2 * told > cases);
  CHECK(6 * undecided < asked);
}

TEST_CASE("rules: a clause that is said to have no effect has none") {
  std::size_t found = 0;
  const std::size_t cases = for_all_seeds("CLAUSES", 120, [&](Random& random) {
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
      if (!depends_on(random, *loaded.rules->plan, *shorter.rules->plan)) continue;
      FAIL_CHECK("`" << pieces[i].text << "` has an effect:\n"
                     << text_of(pieces, std::nullopt).substr(std::string(kSchema).size()));
    }
  });
  CHECK((found > 0 || cases == 1));
}

// The checker cannot see that kinds with conditions of their own, which all hold, are one kind: it
// takes such a rule, which means the same.
TEST_CASE("rules: a rule that is said never to alert never does") {
  std::size_t found = 0;
  const std::size_t cases = for_all_seeds("NEVER", 300, [&](Random& random) {
    const std::vector<Piece> pieces = RuleWriter(random).write();
    const rules::Loaded refused = load_text(text_of(pieces, std::nullopt));
    bool never = false;
    for (const rules::Diagnostic& diagnostic : refused.diagnostics) {
      if (rules::level_of(diagnostic.code) != rules::Level::kError) continue;
      if (diagnostic.code != rules::Code::kE0441) return;
      never = true;
    }
    if (!never) return;
    const std::string text = with_kinds_apart(pieces);
    const rules::Loaded loaded = load_text(text);
    CAPTURE(text);
    REQUIRE(loaded.rules);
    ++found;
    CHECK_FALSE(ever_alerts(random, *loaded.rules->plan));
  });
  CHECK((found > 0 || cases == 1));
}
}  // namespace tocsin::tests
