// The engine against the oracle on every small pattern of groups, options, loops and absences: what
// random rules meet once in a hundred thousand.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/plan/pattern.h"
#include "cep/plan/rule.h"
#include "tests/support/engine_run.h"
#include "tests/support/letters.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using cep::Element;
using cep::Group;
using cep::GroupForm;

// A member of a group: its elements as letters_plan() reads them.
struct Member {
  const char* elements;
  bool optional = false;  // of several elements: the group that they are
  bool greedy = false;    // the first element
};
constexpr Member kMembers[] = {
    {"any a"},
    {"any b?"},
    {"any b{1,2}"},
    {"any b{1,}?", false, true},
    {"any a; no next b"},
    {"any b; no c"},
    {"any a; no next b", true},
    {"any c; no next a; any b?"},
};
constexpr std::size_t kMemberCount = std::size(kMembers);

// Takes the first `count` elements as one: itself where it is one.
Element taken(std::vector<Element>& elements, std::size_t count, bool is_optional) {
  const auto end = elements.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<Element> part(elements.begin(), end);
  elements.erase(elements.begin(), end);
  if (count == 1) return part.front();
  Group group;
  group.children = std::move(part);
  group.optional = is_optional;
  return group;
}

// `before`, then the members as a group of this form, then `after`; each of both may be empty.
cep::Plan small_plan(GroupForm form, const std::vector<const Member*>& members, const char* before,
                     const char* after) {
  std::vector<std::string> texts;
  if (*before != '\0') texts.emplace_back(before);
  for (const Member* member : members) texts.emplace_back(member->elements);
  if (*after != '\0') texts.emplace_back(after);
  cep::Plan plan = letters_plan(fmt::format("{}", fmt::join(texts, "; ")), 12);
  cep::Rule& rule = plan.rules[0];
  std::vector<Element> rest = std::move(rule.pattern);
  rule.pattern.clear();
  if (*before != '\0') rule.pattern.push_back(taken(rest, 1, false));
  Group group;
  group.form = form;
  for (const Member* member : members) {
    if (member->greedy) rest.front().step()->quantifier.greedy = true;
    const std::size_t count = split(member->elements, "; ").size();
    Element element = taken(rest, count, member->optional);
    if (form == GroupForm::kOneOf && (element.is_step() || element.is_absence())) {
      Group alternative;
      alternative.children.push_back(std::move(element));
      element = Element(std::move(alternative));
    }
    group.children.push_back(std::move(element));
  }
  rule.pattern.emplace_back(std::move(group));
  for (Element& element : rest) rule.pattern.push_back(std::move(element));
  return plan;
}

std::string random_letters(Random& random) {
  std::string text;
  std::int64_t at = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    at += random.between(0, 4);
    text += fmt::format("{}{}{}", i > 0 ? " " : "", "abcd"[random.below(4)], at);
  }
  return text;
}

constexpr std::size_t kQuickStride = 20;  // of so many patterns one is tried where is_quick()

struct Counts {
  std::size_t patterns = 0;
  std::size_t alerting = 0;
};

void check(const cep::Plan& plan, const std::string& what, Random& random, Counts& counts) {
  if (!cep::validate(plan).empty()) return;
  if (++counts.patterns % kQuickStride != 0 && tests::is_quick()) return;
  const auto shared = std::make_shared<const cep::Plan>(plan);
  const auto program = cep::compile(shared, kOutOfReach);
  REQUIRE_MESSAGE(program.has_value(), what << ": " << program.error().message);
  cep::Limits with_fans = kOutOfReach;
  with_fans.enumerated_states_max = 0;
  const auto compact = cep::compile(shared, with_fans);
  REQUIRE_MESSAGE(compact.has_value(), what << ": " << compact.error().message);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string letters = random_letters(random);
    const std::vector<oracle::PlacedEvent> events =
        oracle::place_events(plan, letters_events(letters), {});
    const auto outcome = oracle::evaluate(plan, events, {});
    if (!outcome) continue;
    const std::vector<std::string> expected = alert_lines(plan, outcome->alerts);
    if (!expected.empty()) ++counts.alerting;
    std::vector<std::string> found =
        alert_lines(plan, run_engine(*program, events, cep::kEventTimeMax, {2, 7, false}));
    if (found == expected) {
      found = alert_lines(plan, run_engine(*compact, events, cep::kEventTimeMax, {2, 7, false}));
    }
    REQUIRE_MESSAGE(found == expected, what << "\n"
                                            << cep::describe(plan) << letters << "\noracle:\n"
                                            << fmt::format("{}", fmt::join(expected, "\n"))
                                            << "\nengine:\n"
                                            << fmt::format("{}", fmt::join(found, "\n")));
  }
}
}  // namespace

TEST_CASE("engine: gives the oracle's alerts for every small pattern") {
  Random random(1);
  Counts counts;
  const auto check_group = [&](const std::vector<const Member*>& members, const char* before,
                               const char* after) {
    for (const GroupForm form : {GroupForm::kSequence, GroupForm::kOneOf, GroupForm::kAllOf}) {
      for (const auto selection : {cep::SelectionKind::kNoSkip, cep::SelectionKind::kDefault}) {
        cep::Plan plan = small_plan(form, members, before, after);
        plan.rules[0].selection.kind = selection;
        check(plan, fmt::format("form {}", static_cast<int>(form)), random, counts);
      }
    }
  };
  for (const Member& first : kMembers) {
    for (const Member& second : kMembers) {
      for (const char* before : {"", "any d"}) {
        for (const char* after : {"", "any d", "any d?", "no next d"}) {
          check_group({&first, &second}, before, after);
        }
      }
      for (const Member& third : kMembers) check_group({&first, &second, &third}, "", "");
    }
  }
  MESSAGE(counts.patterns << " patterns, " << counts.alerting << " of their streams with alerts");
  CHECK(counts.patterns > 2 * kMemberCount * kMemberCount * kMemberCount);
  CHECK(counts.alerting > counts.patterns / (tests::is_quick() ? kQuickStride : 1));
}
}  // namespace tocsin::tests
