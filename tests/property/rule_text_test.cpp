// Printing a plan as rule text, parsing and lowering it gives the plan back.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cep/plan/plan.h"
#include "cep/plan/rule.h"
#include "cep/plan/zone.h"
#include "rules/context/rules.h"
#include "tests/support/engine_run.h"
#include "tests/support/language_constructs.h"
#include "tests/support/oracle.h"
#include "tests/support/plan_source.h"
#include "tests/support/random.h"
#include "tests/support/random_events.h"
#include "tests/support/random_language.h"
#include "tests/support/random_plan.h"

namespace tocsin::tests {
namespace {
rules::Loaded load_text(const std::string& text) {
  return rules::load({"random.tocsin"},
                     [&](const std::string&) -> Result<std::string> { return text; });
}

// Both texts from the first line that differs.
std::string first_difference(const std::string& a, const std::string& b) {
  std::size_t line = 0;
  for (std::size_t i = 0; i < a.size() && i < b.size() && a[i] == b[i]; ++i) {
    if (a[i] == '\n') line = i + 1;
  }
  const auto line_at = [&](const std::string& text) {
    return line < text.size() ? text.substr(line, text.find('\n', line) - line) : std::string();
  };
  return fmt::format("  plan: {}\n  text: {}\n", line_at(a), line_at(b));
}

// What a plan may say and no text can: the diagnostic that refuses it, and what it is. All else
// that random plans have is read from text.
const std::map<std::string, const char*> kUnsayable = {
    {"E0203", "a field that only some of the events that may be last have"},
    {"E0221", "a feature read where some of the events that may be last have no such key"},
    {"E0404", "`for` on an absence at the end of a group, after which more may come"},
    {"E0420", "an absence after an optional step inside a group before it"},
    {"E0422", "`greedy` before a group that may be skipped"},
    {"E0423", "a pattern that may take no event"},
    {"E0424", "a step that reads one of another alternative, or another member of `all of`"},
    {"E0426", "`skip to` a step inside a group"},
    {"E0427", "an absence at the end of alternatives inside a group, beside `without … for`"},
    {"E0432", "`any alert` of shadow rules alone"},
    {"E0440", "an absence before optional elements at the end"},
    {"E0441", "a rule that can never alert"},
    {"E0435", "a feature by the rule's key that counts an event once for each of its roles"}};

// The name of the rule in which this byte of the text is.
std::string rule_at(const std::string& text, std::size_t byte) {
  const std::string word = "\nrule ";
  const std::size_t begin = text.rfind(word, byte);
  REQUIRE(begin != std::string::npos);
  const std::size_t name = begin + word.size();
  return text.substr(name, text.find(' ', name) - name);
}

// The rule gives no alert, as the checker says.
void check_silence(const cep::Plan& plan, const std::vector<oracle::Event>& events,
                   const std::string& rule) {
  oracle::Options options;
  options.work_max = 20'000;
  const auto outcome = oracle::evaluate(plan, oracle::place_events(plan, events, options), options);
  if (!outcome) return;
  for (const cep::Alert& alert : outcome->alerts) CHECK(plan.rules[alert.rule.value].name != rule);
}

bool is_said_never_to_alert(const rules::Loaded& loaded) {
  return std::ranges::any_of(loaded.diagnostics, [](const rules::Diagnostic& diagnostic) {
    return diagnostic.code == rules::Code::kE0441;
  });
}
}  // namespace

TEST_CASE("rules: a random plan printed as text is read back as the same plan") {
  for_all_seeds("PROPERTY", 2000, [](Random& random) {
    const cep::Plan plan = random_plan(random);
    const std::string text = plan_source(plan);
    const rules::Loaded loaded = load_text(text);
    if (is_said_never_to_alert(loaded)) return;
    if (!loaded.rules) {
      std::string errors;
      for (const rules::Diagnostic& diagnostic : loaded.diagnostics) {
        if (rules::level_of(diagnostic.code) == rules::Level::kError) {
          errors += rules::render(loaded.sources, diagnostic);
        }
      }
      FAIL(errors << text);
    }
    const std::string before = cep::describe(plan);
    const std::string after = cep::describe(*loaded.rules->plan);
    if (before != after) FAIL(first_difference(before, after) << text);
  });
}

TEST_CASE("rules: random plans of the whole language mean the same when they are read from text") {
  std::map<std::string, std::size_t> refused;
  Coverage coverage;
  std::size_t said = 0;
  std::size_t never = 0;
  std::size_t alerting = 0;
  const std::size_t cases = for_all_seeds("PROPERTY", 2000, [&](Random& random) {
    cep::Plan plan = random_language_plan(random);
    const std::vector<oracle::Event> events =
        random_events(random, plan, {.crowds = 1, .disorder = false});
    if (const std::string reason = unsayable(plan); !reason.empty()) {
      ++refused[reason];
      return;
    }
    const std::string text = plan_source(plan);
    const rules::Loaded loaded = load_text(text);
    if (!loaded.rules) {
      for (const rules::Diagnostic& diagnostic : loaded.diagnostics) {
        if (rules::level_of(diagnostic.code) != rules::Level::kError) continue;
        const std::string code(rules::code_name(diagnostic.code));
        if (diagnostic.code == rules::Code::kE0441) {
          ++never;
          check_silence(plan, events, rule_at(text, diagnostic.primary.span.begin));
        }
        const auto known = kUnsayable.find(code);
        if (known == kUnsayable.end()) FAIL(rules::render(loaded.sources, diagnostic) << text);
        ++refused[fmt::format("{} ({})", known->second, code)];
        return;
      }
      FAIL("refused without an error:\n" << text);
    }
    ++said;
    const cep::Plan& read = *loaded.rules->plan;
    const rules::Loaded again = load_text(plan_source(read));
    REQUIRE_MESSAGE(again.rules.has_value(), plan_source(read));
    const std::string before = cep::describe(read);
    const std::string after = cep::describe(*again.rules->plan);
    if (before != after) FAIL(first_difference(before, after) << text);
    coverage.add(plan);
    plan.zones = read.zones;  // those of random plans have rules of their own
    oracle::Options options;
    options.work_max = 20'000;
    const std::vector<oracle::PlacedEvent> placed = oracle::place_events(plan, events, options);
    const std::optional<oracle::Outcome> outcome = oracle::evaluate(plan, placed, options);
    if (!outcome) return;
    if (!outcome->alerts.empty()) ++alerting;
    const auto program = cep::compile(loaded.rules->plan, kOutOfReach);
    REQUIRE_MESSAGE(program.has_value(), program.error().message);
    std::vector<std::string> expected = alert_lines(plan, outcome->alerts);
    std::vector<std::string> found =
        alert_lines(read, run_engine(*program, placed, cep::kEventTimeMax, {64, 1, false}));
    // The order of the alerts that one event raises under several keys follows from how features
    // are laid out, and the text may give a feature a key of fewer kinds.
    std::ranges::sort(expected);
    std::ranges::sort(found);
    if (found == expected) return;
    const auto [a, b] = std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
    FAIL("of " << expected.size() << " alerts of the plan its text gives " << found.size()
               << "\n  plan: " << (a == expected.end() ? "(no more)" : *a)
               << "\n  text: " << (b == found.end() ? "(no more)" : *b) << "\n"
               << text << "\n"
               << cep::describe(plan) << events_text(plan, placed));
  });
  std::string reasons;
  for (const auto& [reason, count] : refused)
    reasons += fmt::format("\n  {:>6}  {}", count, reason);
  MESSAGE(cases << " cases, " << said << " said in text, " << alerting
                << " of them with alerts; what text cannot say:" << reasons);
  if (cases < 2000) return;
  CHECK(10 * (said + never) > 9 * cases);
  CHECK(5 * said > 4 * cases);
  CHECK(9 * alerting > 4 * cases);
  CHECK(fmt::format("{}", fmt::join(coverage.never(), ", ")) == "");
}
}  // namespace tocsin::tests
