// How a rule runs, in words: the automata of all constructs, and that what is said of random rules
// is what the program does.
#include "rules/explain/explain_profile.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cep/compile/pattern_program.h"
#include "cep/compile/program.h"
#include "cep/data/batch.h"
#include "cep/engine/engine.h"
#include "cep/eval/computed.h"
#include "cep/plan/rule.h"
#include "rules/context/rules.h"
#include "rules/explain/explain_automaton.h"
#include "tests/support/engine_run.h"
#include "tests/support/golden.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"

namespace tocsin::tests {
namespace {
using rules::Passage;

void append(std::string& out, const std::vector<Passage>& passages, int depth) {
  for (const Passage& passage : passages) {
    out += fmt::format("{:{}}- {}\n", "", 2 * depth, passage.text);
    append(out, passage.parts, depth + 1);
  }
}
std::size_t count_at(const cep::AskedTest& test, cep::AskedAt at) {
  return static_cast<std::size_t>(
      std::count_if(test.conditions.begin(), test.conditions.end(),
                    [&](const cep::ProfileCondition& condition) { return condition.at == at; }));
}
void check_asked(const cep::AskedTest& test, const cep::ElementProgram& compiled) {
  CHECK(count_at(test, cep::AskedAt::kKey) == compiled.by_row.size());
  CHECK(count_at(test, cep::AskedAt::kMatch) == compiled.by_run.size());
}

// What is said of steps and absences, against what was compiled.
void check_tests(const cep::RuleProfile& profile, const cep::RuleProgram& compiled) {
  if (compiled.rule->window) return;
  std::vector<const cep::ElementProgram*> steps;
  std::vector<const cep::ElementProgram*> absences;
  for (const cep::StepProgram& step : compiled.steps) {
    steps.push_back(&step.take);
    for (const cep::ElementProgram& guard : step.guards) absences.push_back(&guard);
  }
  if (compiled.pattern) {
    for (const cep::PatternStep& step : compiled.pattern->steps) steps.push_back(&step.take);
    for (const cep::PatternAbsence& absence : compiled.pattern->absences) {
      absences.push_back(&absence.forbid);
    }
  }
  REQUIRE(profile.states.size() == steps.size() + 2);
  REQUIRE(profile.absences.size() == absences.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    check_asked(profile.states[i + 1].takes, *steps[i]);
  }
  for (std::size_t i = 0; i < absences.size(); ++i) check_asked(profile.absences[i], *absences[i]);
}

// Every state is reached from the start, and from the start the match.
void check_reached(const cep::RuleProfile& profile) {
  std::set<std::size_t> reached = {0};
  for (std::size_t i = 0; i < profile.states.size(); ++i) {
    for (const cep::AutomatonTransition& transition : profile.transitions) {
      if (!reached.contains(transition.from)) continue;
      const std::size_t last = transition.to_last.value_or(transition.to);
      for (std::size_t to = transition.to; to <= last; ++to) reached.insert(to);
    }
  }
  CHECK(reached.size() == profile.states.size());
}

// What is said of a busy key, from the plan alone, is what was compiled. Places whose first events
// are looked at one by one count as partial matches.
void check_growth(const cep::Growth& growth, const cep::RuleProgram& compiled) {
  const auto has_places = [](const cep::RuleProgram& rule) {
    return rule.places.has_value() && !rule.places->is_searched();
  };
  const cep::PatternProgram* const pattern = compiled.pattern.get();
  const bool is_sequence = pattern != nullptr && pattern->sequence != nullptr &&
                           pattern->sequence->method == cep::Method::kRuns &&
                           has_places(*pattern->sequence);
  const bool has_paths = (pattern != nullptr && pattern->is_by_paths) || is_sequence;
  switch (growth.kept) {
    case cep::Kept::kNothing:
      CHECK_FALSE(compiled.method == cep::Method::kStrict);
      break;
    case cep::Kept::kLastEvents:
      CHECK(compiled.method == cep::Method::kStrict);
      break;
    case cep::Kept::kPlaces:
      CHECK((has_places(compiled) || compiled.members.has_value() || has_paths));
      break;
    case cep::Kept::kPartialMatches:
      CHECK_FALSE(has_places(compiled));
      CHECK_FALSE(compiled.members.has_value());
      CHECK_FALSE(has_paths);
      CHECK_FALSE(growth.obstacles.empty());
      break;
    case cep::Kept::kWindow:
      CHECK(compiled.rule->window.has_value());
      break;
  }
}
}  // namespace

TEST_CASE("explain: the automata of every construct") {
  std::ifstream in(std::string(TOCSIN_SOURCE_DIR) + "/tests/golden/explain/constructs.tocsin",
                   std::ios::binary);
  const std::string source{std::istreambuf_iterator<char>(in), {}};
  const rules::Loaded loaded =
      rules::load({"a.tocsin"}, [&](const std::string&) -> Result<std::string> { return source; });
  REQUIRE(loaded.rules.has_value());
  const Result<cep::Program> program = cep::compile(loaded.rules->plan);
  REQUIRE_MESSAGE(program.has_value(), (program ? std::string() : program.error().message));
  const cep::Plan& plan = program->plan();
  std::string text;
  for (std::size_t i = 0; i < plan.rules.size(); ++i) {
    const cep::RuleProfile profile = cep::describe_profile(*program, cep::RuleIndex(i));
    text += fmt::format("{}rule {}\n", i == 0 ? "" : "\n", plan.rules[i].name);
    append(text, rules::automaton_passages(rules::Words(plan, &plan.rules[i]), profile), 1);
  }
  check_golden("explain/automata.txt", text);
}

TEST_CASE("explain: a transition to any of many steps is said as one") {
  std::string steps = "p";
  for (int i = 1; i <= 60; ++i) steps += fmt::format(" then optional p where amount = {}", i);
  std::string members = "p";
  for (int i = 1; i < 20; ++i) members += fmt::format(", p where amount = {}", i);
  const std::string source = fmt::format(
      "event p {{ ts: time, card: string, amount: int }}\n"
      "rule a \"A\" {{ by card when {} within 1h alert \"x\" }}\n"
      "rule b \"B\" {{ by card when all of {{ {} }} within 1h alert \"x\" }}\n",
      steps, members);
  const rules::Loaded loaded =
      rules::load({"a.tocsin"}, [&](const std::string&) -> Result<std::string> { return source; });
  REQUIRE(loaded.rules.has_value());
  const Result<cep::Program> program = cep::compile(loaded.rules->plan);
  REQUIRE_MESSAGE(program.has_value(), (program ? std::string() : program.error().message));
  const cep::Plan& plan = program->plan();
  const auto text_of = [&](std::size_t rule) {
    const cep::RuleProfile profile = cep::describe_profile(*program, cep::RuleIndex(rule));
    check_reached(profile);
    CHECK(profile.transitions.size() <= 130);
    std::string text;
    append(text, rules::automaton_passages(rules::Words(plan, &plan.rules[rule]), profile), 1);
    return text;
  };
  const std::string chain = text_of(0);
  CHECK(chain.find("take an event of any step from `step 2` to `step 61`") != std::string::npos);
  CHECK(chain.find("`step 30` takes") == chain.rfind("`step 30` takes"));
  const std::string all_of = text_of(1);
  CHECK(all_of.find(
            "any step from `step 1` to `step 20`, if this step of the `all of` is not done") !=
        std::string::npos);
}

TEST_CASE("explain: what is said of a random rule's working is what was compiled") {
  for_all_seeds("RULES", 400, [](Random& random) {
    const auto plan = std::make_shared<const cep::Plan>(random_language_plan(random));
    const Result<cep::Program> program = cep::compile(plan, kOutOfReach);
    REQUIRE_MESSAGE(program.has_value(), (program ? std::string() : program.error().message));
    for (std::size_t i = 0; i < plan->rules.size(); ++i) {
      CAPTURE(plan->rules[i].name);
      const cep::RuleProfile profile = cep::describe_profile(*program, cep::RuleIndex(i));
      check_tests(profile, program->impl().rules[i]);
      check_reached(profile);
      check_growth(profile.growth, program->impl().rules[i]);
      for (const cep::EventCost& cost : profile.costs) CHECK(cost.tests_shared <= cost.tests);
      // More is never less.
      const cep::RuleMemory& memory = profile.memory;
      CHECK(memory.bytes(1, 1) <= memory.bytes(2, 2));
      CHECK(memory.bytes(2, 2) <= memory.bytes(20, 20));
      const std::vector<rules::ExplainedAspect> said =
          rules::explain_profile(*program, cep::RuleIndex(i));
      REQUIRE(said.size() == 4);
      std::string text;
      for (const rules::ExplainedAspect& aspect : said) {
        CHECK_FALSE(aspect.passages.empty());
        append(text, aspect.passages, 1);
      }
      CAPTURE(text);
      CHECK(std::count(text.begin(), text.end(), '`') % 2 == 0);
      for (const cep::Variable& variable : plan->rules[i].variables) {
        const bool is_step = std::any_of(
            profile.states.begin(), profile.states.end(), [&](const cep::AutomatonState& state) {
              return state.var && &plan->rules[i].variables[state.var->value] == &variable;
            });
        if (variable.name.empty() || !is_step) continue;
        CHECK(text.find(rules::in_code(variable.name)) != std::string::npos);
      }
    }
  });
}

TEST_CASE("explain: no partial match outlives what is said") {
  std::size_t checked = 0;
  const std::size_t seeds = for_all_seeds("RULES", 300, [&](Random& random) {
    const auto plan = std::make_shared<const cep::Plan>(random_language_plan(random));
    const Result<cep::Program> program = cep::compile(plan, kOutOfReach);
    REQUIRE(program);
    cep::Duration longest;
    for (std::size_t i = 0; i < plan->rules.size(); ++i) {
      const std::optional<cep::Duration> lives =
          cep::describe_profile(*program, cep::RuleIndex(i)).lives;
      if (!lives) return;
      // Alerts of one rule begin partial matches of another.
      longest = longest + *lives;
    }
    oracle::Options options;
    const std::vector<oracle::PlacedEvent> events =
        oracle::place_events(*plan, random_events(random, *plan), options);
    cep::Engine engine(*program, 0);
    std::vector<cep::Alert> alerts;
    cep::Batch batch(*plan);
    for (const oracle::PlacedEvent& event : events) {
      std::vector<cep::Value> fields;
      for (const cep::OwnedValue& value : event.fields) fields.push_back(value.view());
      batch.append(*plan, event.type, event.engine_time, event.ts,
                   {0, static_cast<std::uint32_t>(event.arrival)}, fields);
      batch.rows.back().equal_number = event.equal_number;
    }
    if (events.empty()) return;
    cep::fill_computed(*program, batch);
    engine.advance(batch, events.back().engine_time, alerts);
    const cep::EventTime over = events.back().engine_time + longest;
    engine.advance(cep::Batch(*plan), over, alerts);
    // What is over is let go of some time later, as the longest window of the key has it: at most
    // a year.
    const std::int64_t step_us = longest.us + 10 * cep::kDayUs;
    for (int step = 1; step <= 50; ++step) {
      engine.advance(cep::Batch(*plan), over + cep::Duration{step * step_us}, alerts);
    }
    std::string said;
    for (std::size_t i = 0; i < plan->rules.size(); ++i) {
      append(said, rules::explain_profile(*program, cep::RuleIndex(i)).front().passages, 1);
    }
    CAPTURE(said);
    CAPTURE(longest.us);
    CHECK(engine.stats().runs == 0);
    ++checked;
  });
  if (seeds > 100) CHECK(checked > 20);
}
}  // namespace tocsin::tests
