// How a rule runs, in words: the automata of all constructs, and that what is said of random rules
// is what the program does.
#include "rules/explain_working.h"

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

#include "cep/program.h"
#include "rules/explain_automaton.h"
#include "rules/rules.h"
#include "tests/support/engine_run.h"
#include "tests/support/golden.h"
#include "tests/support/random.h"
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
                    [&](const cep::AskedCondition& condition) { return condition.at == at; }));
}
void check_asked(const cep::AskedTest& test, const cep::ElementProgram& compiled) {
  CHECK(count_at(test, cep::AskedAt::kKey) == compiled.by_row.size());
  CHECK(count_at(test, cep::AskedAt::kMatch) == compiled.by_run.size());
}

// What is said of steps and absences, against what was compiled.
void check_tests(const cep::RuleWorking& working, const cep::RuleProgram& compiled) {
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
  REQUIRE(working.states.size() == steps.size() + 2);
  REQUIRE(working.absences.size() == absences.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    check_asked(working.states[i + 1].takes, *steps[i]);
  }
  for (std::size_t i = 0; i < absences.size(); ++i) check_asked(working.absences[i], *absences[i]);
}

// Every state is reached from the start, and from the start the match.
void check_reached(const cep::RuleWorking& working) {
  std::set<std::size_t> reached = {0};
  for (std::size_t i = 0; i < working.states.size(); ++i) {
    for (const cep::AutomatonWay& way : working.ways) {
      if (reached.contains(way.from)) reached.insert(way.to);
    }
  }
  CHECK(reached.size() == working.states.size());
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
    const cep::RuleWorking working = cep::describe_working(*program, cep::RuleIndex(i));
    text += fmt::format("{}rule {}\n", i == 0 ? "" : "\n", plan.rules[i].name);
    append(text, rules::automaton_passages(rules::Words(plan, &plan.rules[i]), working), 1);
  }
  check_golden("explain/automata.txt", text);
}

TEST_CASE("explain: what is said of a random rule's working is what was compiled") {
  for_all_seeds("RULES", 400, [](Random& random) {
    const auto plan = std::make_shared<const cep::Plan>(random_language_plan(random));
    const Result<cep::Program> program = cep::compile(plan, kOutOfReach);
    REQUIRE_MESSAGE(program.has_value(), (program ? std::string() : program.error().message));
    for (std::size_t i = 0; i < plan->rules.size(); ++i) {
      CAPTURE(plan->rules[i].name);
      const cep::RuleWorking working = cep::describe_working(*program, cep::RuleIndex(i));
      check_tests(working, program->impl().rules[i]);
      check_reached(working);
      for (const cep::EventCost& cost : working.costs) CHECK(cost.tests_shared <= cost.tests);
      // More is never less.
      const cep::RuleMemory& memory = working.memory;
      CHECK(memory.bytes(1, 1) <= memory.bytes(2, 2));
      CHECK(memory.bytes(2, 2) <= memory.bytes(20, 20));
      const std::vector<rules::ExplainedAspect> said =
          rules::explain_working(*program, cep::RuleIndex(i));
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
            working.states.begin(), working.states.end(), [&](const cep::AutomatonState& state) {
              return state.var && &plan->rules[i].variables[state.var->value] == &variable;
            });
        if (variable.name.empty() || !is_step) continue;
        CHECK(text.find(rules::in_code(variable.name)) != std::string::npos);
      }
    }
  });
}
}  // namespace tocsin::tests
