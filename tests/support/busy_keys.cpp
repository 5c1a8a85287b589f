#include "tests/support/busy_keys.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cep/engine/engine.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/plan_parts.h"
#include "tests/support/plan_walk.h"

namespace tocsin::tests {
namespace {
std::string shown(const BusyCase& c, const std::vector<std::string>& expected,
                  const std::vector<std::string>& found) {
  return fmt::format("{}\n{}\nexpected:\n{}\nengine:\n{}", cep::describe(c.plan), c.shown,
                     fmt::join(expected, "\n"), fmt::join(found, "\n"));
}

// The letters that a condition allows, if it says them.
std::string letters_of(const cep::ExprPtr& where) {
  std::string letters;
  walk(where, [&](const cep::Expr& expr) {
    if (expr.op != cep::Op::kInValues || !letters.empty()) return;
    for (std::size_t i = 1; i < expr.args.size(); ++i) {
      letters += expr.args[i]->as<cep::LiteralValue>().value.view().text;
    }
  });
  return letters.empty() ? "abcd" : letters;
}

// Makes the letters c and d events of a type of their own: a step may take one type or both.
void give_two_types(BusyCase& c) {
  constexpr std::string_view kSigns = "cd";
  const cep::EventTypeIndex letter(0);
  const cep::EventTypeIndex sign(1);
  if (c.plan.event_types.size() != 1) return;
  cep::EventType type = c.plan.event_types[0];
  type.name = type.json_type = "sign";
  c.plan.event_types.push_back(std::move(type));
  const auto add_sign = [&](cep::FieldRef& field) {
    if (!field.by_type.empty()) field.by_type.emplace_back(sign, field.by_type[0].second);
  };
  const auto give_types = [&](std::vector<cep::Subset>& events, const std::string& letters) {
    if (events.empty()) return;
    const bool is_letter = letters.find_first_not_of(kSigns) != std::string::npos;
    const bool is_sign = letters.find_first_of(kSigns) != std::string::npos;
    if (is_sign) events.push_back(events[0]);
    events.back().type = is_sign ? sign : letter;
    if (is_sign && !is_letter) events.erase(events.begin());
  };
  cep::Rule& rule = c.plan.rules[0];
  walk_elements(rule.pattern, [&](cep::Element& element) {
    if (cep::EventTest* const test = element.test()) {
      give_types(test->events, letters_of(test->where));
    }
    if (cep::Step* const step = element.step()) {
      give_types(step->until_events, letters_of(step->until_where));
    }
  });
  if (rule.without) give_types(rule.without->events, letters_of(rule.without->where));
  give_types(rule.considered, "abcd");
  for (std::size_t i = rule.captured.size(); i-- > 0;) {
    rule.captured.push_back({sign, rule.captured[i].fields});
  }
  rewrite(rule, [&](cep::Expr& expr) {
    if (auto* const read = std::get_if<cep::FieldRead>(&expr.payload)) add_sign(read->field);
    if (auto* const bound = std::get_if<cep::BoundField>(&expr.payload)) add_sign(bound->field);
  });
  for (oracle::PlacedEvent& placed : c.events) {
    if (placed.type == letter &&
        kSigns.find(placed.fields[1].view().text) != std::string_view::npos) {
      placed.type = sign;
    }
  }
  c.shown += " (c and d are signs)";
}

// A case that the generator makes, in half of the cases with two types of events.
BusyCase made_by(const MakeBusyCase& make, Random& random) {
  BusyCase c = make(random);
  const bool is_valid = cep::validate(c.plan).empty();
  if (!random.chance(50)) return c;
  give_two_types(c);
  CHECK(cep::validate(c.plan).empty() == is_valid);
  return c;
}

// What small limits leave of the alerts; `restores` after each event.
std::vector<std::string> alerts_of(const BusyCase& c, const cep::Program& program, const Cut& cut,
                                   bool restores, std::size_t& lost) {
  std::optional<cep::Engine> engine(std::in_place, program, cut.hash_seed);
  engine->track_changes();
  std::vector<cep::Alert> alerts;
  for (const EngineStep& step : steps_of(c.events, cep::kEventTimeMax, cut)) {
    take_step(program, *engine, c.events, step, alerts);
    if (!restores) continue;
    lost += engine->stats().runs_lost > 0 ? 1 : 0;
    Result<cep::Engine> again = restored_engine(program, 8, whole_snapshot(*engine));
    REQUIRE_MESSAGE(again.has_value(), shown(c, {}, {}));
    engine.emplace(std::move(*again));
  }
  return alert_lines(c.plan, alerts);
}
}  // namespace

std::string letter_set(Random& random, unsigned chance) {
  std::string set;
  for (const char letter : {'a', 'b', 'c', 'd'}) {
    if (random.chance(chance)) set += letter;
  }
  return set.empty() ? std::string(1, "abcd"[random.below(4)]) : set;
}

std::string random_letters(Random& random, std::size_t count, std::int64_t apart_most) {
  std::string letters;
  std::int64_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    at += random.between(0, apart_most);
    letters += fmt::format("{}{}{}", i > 0 ? " " : "", "abcd"[random.below(4)], at);
  }
  return letters;
}

std::vector<oracle::PlacedEvent> place_late(const cep::Plan& plan,
                                            std::vector<oracle::Event> events, unsigned chance,
                                            Random& random, std::string& shown) {
  for (oracle::Event& event : events) {
    if (!random.chance(chance)) continue;
    event.ts.us -= 1000 * random.between(1, 12);
    event.fields[0] = cep::OwnedValue(cep::Value::time(event.ts));
    shown += fmt::format(" {}@{}", &event - events.data(), event.ts.us);
  }
  oracle::Options options;
  options.late = oracle::Late::kClamp;
  return oracle::place_events(plan, events, options);
}

std::pair<cep::FieldRef, cep::Type> add_number(cep::Plan& plan, std::string name) {
  cep::Field field;
  field.name = std::move(name);
  field.path = {field.name};
  field.type = type_of(cep::TypeKind::kInt);
  field.optional = true;
  plan.event_types[0].fields.push_back(field);
  return *find_field(plan, {cep::EventTypeIndex(0)}, field.name);
}

cep::ExprPtr bound_read(cep::VarIndex var, const std::pair<cep::FieldRef, cep::Type>& field) {
  auto bound = std::make_shared<cep::Expr>();
  bound->op = cep::Op::kBound;
  bound->type = field.second;
  bound->payload = cep::BoundField{var, cep::Which::kOnly, field.first};
  return bound;
}

BusyCounts compare_busy_keys(std::size_t cases, const MakeBusyCase& make,
                             const CompileBusy& compile) {
  BusyCounts counts;
  counts.cases = for_all_seeds("PROPERTY", cases, [&](Random& random) {
    const BusyCase c = made_by(make, random);
    if (!cep::validate(c.plan).empty()) return;
    const auto outcome = oracle::evaluate(c.plan, c.events, {});
    if (!outcome) return;
    const std::vector<std::string> expected = alert_lines(c.plan, outcome->alerts);
    if (!expected.empty()) ++counts.alerting;
    const auto plan = std::make_shared<const cep::Plan>(c.plan);
    for (const std::uint32_t runs : {0U, 1U, 2U, 4U, 9U}) {
      cep::Limits limits = kOutOfReach;
      limits.busy_key_runs = runs;
      const auto program = compile(plan, limits);
      REQUIRE(program.has_value());
      const RestoredRun run = run_restored(*program, c.events, random);
      counts.busy += run.made_busy;
      counts.left += run.left_as_runs;
      const std::vector<std::string> found = alert_lines(c.plan, run.alerts);
      REQUIRE_MESSAGE(found == expected,
                      "busy from " << runs << ", " << run.cut << ": " << shown(c, expected, found));
    }
  });
  MESSAGE(counts.cases << " cases, " << counts.alerting << " with alerts, " << counts.busy
                       << " keys made busy, " << counts.left << " left as they were");
  return counts;
}

std::size_t compare_busy_budgets(std::size_t cases, const MakeBusyCase& make,
                                 const CompileBusy& compile) {
  std::size_t lost = 0;
  for_all_seeds("PROPERTY", cases, [&](Random& random) {
    const BusyCase c = made_by(make, random);
    if (!cep::validate(c.plan).empty()) return;
    cep::Limits limits;
    limits.busy_key_runs = static_cast<std::uint32_t>(random.below(4));
    if (random.chance(60)) limits.events_per_key_max = 1 + random.below(8);
    if (random.chance(60)) limits.bytes_per_key_max = 100 + random.below(600);
    if (random.chance(30))
      limits.runs_per_key_max = static_cast<std::uint32_t>(1 + random.below(8));
    if (random.chance(30)) limits.runs_per_group_max = 1 + random.below(6);
    if (random.chance(30)) limits.steps_per_event_max = 1 + random.below(60);
    const auto program = compile(std::make_shared<const cep::Plan>(c.plan), limits);
    REQUIRE(program.has_value());
    const std::vector<std::string> expected = alerts_of(c, *program, {10'000, 1}, false, lost);
    for (const Cut& cut : {Cut{1, 2, true}, Cut{5, 3}}) {
      const std::vector<std::string> found = alerts_of(c, *program, cut, cut.rows == 1, lost);
      REQUIRE_MESSAGE(found == expected, shown(c, expected, found));
    }
  });
  return lost;
}
}  // namespace tocsin::tests
