#include "api/rules/rule_history.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "api/node/rule_service.h"
#include "api/rules/rule_versions.h"
#include "tests/api/rule_service_world.h"

namespace tocsin::api {
namespace {
std::string rule_text(const std::string& id, int least) {
  return "rule " + id + " \"R\" { by card when payment where amount > " + std::to_string(least) +
         " alert \"x\" }\n";
}
std::string said(const std::vector<EditedRule>& rules) {
  std::string text;
  for (const EditedRule& rule : rules) {
    text += rule.rule + " " + std::string(name_of(rule.kind));
    if (rule.before != rule.after) text += " " + text_of(rule.before) + "-" + text_of(rule.after);
    text += "; ";
  }
  return text;
}
std::string said(const RuleVersionsOf& found) {
  std::string text;
  for (const auto& [version, edit] : found.versions) {
    CHECK(version.number == edit.version);
    text += std::to_string(edit.version) + " " + std::string(name_of(edit.kind));
    if (edit.before != edit.after) text += " " + text_of(edit.before) + "-" + text_of(edit.after);
    text += "; ";
  }
  return text + "next " + std::to_string(found.next);
}
// As a build before stored them: a version does not say what it changed.
void forget_edits(RuleServiceWorld& world, std::uint64_t newest) {
  for (std::uint64_t number = 1; number <= newest; ++number) {
    const std::string path = path_of_version("d/rules", number);
    auto version = parse_version(world.files.contents(path), number, path);
    REQUIRE(version);
    CHECK(version->edits);
    version->edits.reset();
    world.files.put(path, version_text(*version));
  }
}
// Version 1: small; 2: other comes; 3: other is changed; 4: other in shadow; 5: third comes;
// 6: other is changed and live; 7: other goes.
void live_through_seven(RuleServiceWorld& world) {
  world.open();
  REQUIRE(world.put("other", rule_text("other", 9)));
  REQUIRE(world.put("other", rule_text("other", 10)));
  REQUIRE(world.stage("other", {RuleStage::kShadow}));
  REQUIRE(world.put("third", rule_text("third", 1)));
  REQUIRE(world.service->deploy({}, [](const RulePack& pack) {
    return pack.with_rollout("other", {}).with_rule("other", rule_text("other", 11));
  }));
  REQUIRE(
      world.service->deploy({}, [](const RulePack& pack) { return pack.without_rule("other"); }));
}

TEST_CASE("rule history: what a version changed, rule by rule") {
  const RulePack one({{"rules:a.tocsin", rule_text("a", 1) + rule_text("b", 1)},
                      {"rules:c.tocsin", rule_text("c", 1)}});
  CHECK(said(edited_rules({}, one)) == "a added; b added; c added; ");
  CHECK(said(edited_rules(one, one)).empty());
  const RulePack two({{"rules:a.tocsin", rule_text("b", 2) + "\n" + rule_text("d", 1)},
                      {"rules:c.tocsin", "# a comment\n" + rule_text("c", 1)}});
  CHECK(said(edited_rules(one, two)) == "a removed; b changed; d added; ");
  // In another file it is another place to look for it.
  const RulePack moved({{"rules:a.tocsin", rule_text("a", 1)},
                        {"rules:c.tocsin", rule_text("b", 1) + rule_text("c", 1)}});
  CHECK(said(edited_rules(one, moved)) == "b changed; ");
  // A stage alone, of a rule in a file that is the same; of a rule that there is not, nothing.
  const RulePack held =
      one.with_rollout("c", {RuleStage::kShadow}).with_rollout("gone", {RuleStage::kShadow});
  CHECK(said(edited_rules(one, held)) == "c stage live-shadow; ");
  CHECK(said(edited_rules(held, one)) == "c stage shadow-live; ");
}

TEST_CASE("rule service: the versions of one rule") {
  RuleServiceWorld world;
  live_through_seven(world);
  const std::string all =
      "7 removed; 6 changed shadow-live; 4 stage live-shadow; 3 changed; 2 added; next 0";
  const auto asked = [&](const std::string& rule, std::uint64_t before, std::size_t limit) {
    const auto found = world.service->versions_of(rule, before, limit);
    return found ? said(*found) : found.error().message;
  };
  const auto check = [&] {
    CHECK(asked("other", 100, 2) == "7 removed; 6 changed shadow-live; next 6");
    CHECK(asked("other", 6, 2) == "4 stage live-shadow; 3 changed; next 3");
    CHECK(asked("other", 3, 2) == "2 added; next 0");
    CHECK(asked("other", 100, 10) == all);
    CHECK(asked("small", 100, 10) == "1 added; next 0");
    CHECK(asked("smal", 100, 10) ==
          "no version that is kept has a rule with the id smal: did you mean small?");
    CHECK(asked("othr", 100, 10) ==
          "no version that is kept has a rule with the id othr: did you mean other?");
  };
  SUBCASE("as they came") { check(); }
  const RulePack pack = world.service->current()->pack;
  SUBCASE("after a start") {
    world.open(pack);
    check();
  }
  SUBCASE("stored by a build before, which did not say what they changed") {
    forget_edits(world, 7);
    world.open(pack);
    check();
  }
  SUBCASE("of which the first are forgotten") {
    world.versions_max = 3;
    world.open(pack);
    REQUIRE(world.put("third", rule_text("third", 2)));
    CHECK(asked("other", 100, 10) == "7 removed; 6 changed shadow-live; next 0");
    CHECK(asked("small", 100, 10) == "next 0");
    CHECK(asked("third", 100, 10) == "8 changed; next 0");
  }
  SUBCASE("stored by a build before, of which the first are forgotten") {
    forget_edits(world, 7);
    world.versions_max = 3;
    world.open(pack);
    REQUIRE(world.put("third", rule_text("third", 2)));
    CHECK(asked("other", 100, 10) == "7 removed; next 0");
    CHECK(asked("small", 100, 10) == "next 0");
  }
}

TEST_CASE("rule service: of versions that do not say what they changed, some are read at a time") {
  RuleServiceWorld world;
  // Each version reads two texts of more than a quarter of what one question may read.
  const std::string padding = "# " + std::string(kHistoryBytesMax / 4, '-') + "\n";
  world.open(RulePack({{"rules:a.tocsin", kSchema + rule_text("a", 1) + padding}}));
  for (int least = 2; least <= 6; ++least) REQUIRE(world.put("a", rule_text("a", least)));
  forget_edits(world, 6);
  world.open(world.service->current()->pack);
  std::string pages;
  std::uint64_t before = 100;
  while (before != 0) {
    const auto found = world.service->versions_of("a", before, 10);
    REQUIRE(found);
    pages += said(*found) + "\n";
    before = found->next;
  }
  CHECK(pages ==
        "6 changed; 5 changed; next 5\n4 changed; 3 changed; next 3\n"
        "2 changed; 1 added; next 0\n");
  const auto known = world.service->versions_of("a", 100, 10);
  REQUIRE(known);
  CHECK(said(*known) == "6 changed; 5 changed; 4 changed; 3 changed; 2 changed; 1 added; next 0");
}
}  // namespace
}  // namespace tocsin::api
