// Busy keys of rules with optional steps and groups (cep/places/paths.h): rules of which each
// condition looks at one event, beside the oracle, from the first partial match on, from some on,
// and with a restore at any event.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cep/compile/program.h"
#include "cep/engine/engine.h"
#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "tests/support/busy_keys.h"
#include "tests/support/letters.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_parts.h"
#include "tests/support/plan_walk.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using cep::Element;

// Steps that are reached in any way, some of them optional, behind absences.
std::string random_sequence(Random& random) {
  const std::size_t steps = 2 + random.below(4);
  const std::size_t optionals = random.pick({0, 30, 60});
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < steps; ++i) {
    if (i > 0 && !parts.back().ends_with("?") && random.chance(20)) {
      parts.push_back("no " + letter_set(random, 35));
    }
    std::string step =
        random.pick({"any ", "any ", "any ", "first ", "next "}) + letter_set(random, 35);
    if (random.chance(6)) step += random.pick({"{2,2}", "{1,2}", "{2,3}next", "{2,2}each"});
    if (random.chance(optionals)) step += "?";
    parts.push_back(std::move(step));
  }
  return fmt::format("{}", fmt::join(parts, "; "));
}

// Makes some of the pattern's elements groups, which may be optional or repeat.
void add_groups(Random& random, cep::Rule& rule) {
  for (std::size_t groups = random.below(3); groups > 0; --groups) {
    std::vector<Element>& sequence = rule.pattern;
    const std::size_t begin = random.below(sequence.size());
    const std::size_t count = std::min(1 + random.below(3), sequence.size() - begin);
    if (sequence[begin].is_absence() || sequence[begin + count - 1].is_absence()) continue;
    const bool is_choice = random.chance(75);
    Element& made = make_group(sequence, begin, count,
                               is_choice ? cep::GroupForm::kOneOf : cep::GroupForm::kSequence,
                               [&] { return random.chance(25); });
    cep::Repetition& repetition = *made.repetition();
    repetition.optional = random.chance(30);
    if (!random.chance(15)) continue;
    repetition.quantifier.loop = true;
    repetition.quantifier.min = static_cast<std::uint32_t>(random.between(1, 2));
    repetition.quantifier.max = 2;
    repetition.quantifier.mode = random.pick({cep::LoopMode::kRelaxed, cep::LoopMode::kRelaxed,
                                              cep::LoopMode::kNext, cep::LoopMode::kEach});
    walk_elements(made.group()->children, [&](Element& inner) {
      if (inner.is_step()) rule.variables[inner.var().value].loop = true;
    });
  }
}

BusyCase random_case(Random& random) {
  BusyCase c;
  c.plan = letters_plan(random_sequence(random), random.between(4, 30));
  cep::Rule& rule = c.plan.rules[0];
  add_groups(random, rule);
  const bool has_gaps = random.chance(25);
  for (std::size_t i = 1; has_gaps && i < rule.pattern.size(); ++i) {
    if (rule.pattern[i].is_absence() || random.chance(40)) continue;
    rule.pattern[i].gap = cep::Duration{1000 * random.between(1, 8)};
  }
  if (random.chance(5)) rule.within.reset();
  if (random.chance(25)) rule.selection.kind = cep::SelectionKind::kSkipPastLast;
  if (random.chance(10)) {
    rule.suppression.once = cep::OncePerDuration{cep::Duration{1000 * random.between(1, 9)}};
  }
  const auto number = *find_field(c.plan, {cep::EventTypeIndex(0)}, "i");
  if (random.chance(15)) {
    rule.having = condition(cep::Op::kGreater, {field_read(number), int_literal(8)});
  }
  for (std::size_t i = 0; i < rule.variables.size() && random.chance(50); ++i) {
    auto sum = std::make_shared<cep::Expr>();
    sum->op = cep::Op::kAggregate;
    sum->payload = cep::VariableAggregate{cep::VarIndex(i), cep::Aggregate::kSum};
    sum->type = number.second;
    sum->args.push_back(field_read(number));
    if (rule.variables[i].loop) rule.message.push_back({"", sum});
  }
  c.shown = random_letters(random, 8 + random.below(20), 3);
  c.events = oracle::place_events(c.plan, letters_events(c.shown), {});
  return c;
}

}  // namespace

TEST_CASE("engine: gives the oracle's alerts for busy keys of patterns with paths, also restored") {
  const BusyCounts counts = compare_busy_keys(3000, random_case, cep::compile_general);
  CHECK(2 * counts.alerting > counts.cases);
  CHECK(counts.busy > 2 * counts.cases);
  CHECK(counts.left == 0);
}

TEST_CASE("engine: budgets of busy keys of patterns with paths drop the same in any cut") {
  CHECK(compare_busy_budgets(1000, random_case, cep::compile_general) > 100);
}
}  // namespace tocsin::tests
