#include "api/node/rule_service.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "cep/plan/rule.h"
#include "cep/value/identity.h"
#include "tests/api/rule_service_world.h"

namespace tocsin::api {
namespace {
using Why = DeployRefusal::Why;
const std::string kOther =
    "rule other \"Other\" { by card when payment where amount > 9 alert \"x\" }";

TEST_CASE("rule service: a change becomes a version, once") {
  RuleServiceWorld world;
  world.open();
  REQUIRE(world.service->versions().size() == 1);
  CHECK(world.service->versions().front().comment == "the first");
  const auto deployed = world.put("other", kOther, {.who = "ann", .comment = "more"});
  REQUIRE_MESSAGE(deployed, deployed.error().detail);
  CHECK(deployed->version == 2);
  CHECK(deployed->is_changed);
  CHECK(world.activated == 1);
  const auto now = world.service->current();
  CHECK(now->version == 2);
  CHECK(now->rules.program->plan().rules.size() == 2);
  CHECK(world.service->versions().front().who == "ann");
  CHECK(world.service->versions().front().plan == cep::hex(now->settings.plan));
  const auto again = world.put("other", kOther);
  REQUIRE(again);
  CHECK_FALSE(again->is_changed);
  CHECK(again->version == 2);
  CHECK(world.activated == 1);
  // Back to the first.
  const auto first = world.service->pack_of(1);
  REQUIRE(first);
  const auto back = world.service->deploy({}, [&](const RulePack&) { return *first; });
  REQUIRE(back);
  CHECK(back->version == 3);
  CHECK(world.service->current()->rules.program->plan().rules.size() == 1);
  CHECK(world.service->pack_of(9).error().code == Errc::kNotFound);
}

TEST_CASE("rule service: the zones that a change names become part of the pack") {
  RuleServiceWorld world;
  world.open();
  const std::string zoned =
      "rule other \"Other\" { by card when payment as p where hour(p.ts, \"Europe/Berlin\") < 6 "
      "alert \"x\" }";
  const auto edit = [&](const RulePack& pack) { return pack.with_rule("other", zoned); };
  const auto planned = world.service->plan({}, edit);
  REQUIRE_MESSAGE(planned, planned.error().detail);
  const auto deployed = world.put("other", zoned);
  REQUIRE_MESSAGE(deployed, deployed.error().detail);
  CHECK(deployed->etag == planned->after.etag());
  CHECK(deployed->etag == world.service->current()->pack.etag());
  // What is kept can be loaded where no zone is read.
  const auto kept = world.service->pack_of(2);
  REQUIRE(kept);
  CHECK(kept->etag() == deployed->etag);
  CHECK(kept->load().program);
  CHECK(kept->live_etag() == edit(*world.service->pack_of(1))->live_etag());
  CHECK_FALSE(world.put("other", zoned)->is_changed);
  const auto unknown = world.put(
      "other",
      "rule other \"O\" { by card when payment as p where hour(p.ts, \"Europe/Berln\") < 6 "
      "alert \"x\" }");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().diagnostics.find("Europe/Berlin") != std::string::npos);
  CHECK(world.service->current()->pack.etag() == deployed->etag);
}

TEST_CASE("rule service: what does not check, fails its tests, or is stale changes nothing") {
  RuleServiceWorld world;
  world.open();
  const std::string etag = world.service->current()->pack.etag();
  const auto refused = [&](const tl::expected<Deployed, DeployRefusal>& outcome, Why why) {
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().why == why);
    CHECK(world.activated == 0);
    CHECK(world.service->current()->pack.etag() == etag);
    CHECK(world.service->versions().size() == 1);
    return outcome.error();
  };
  const DeployRefusal unknown =
      refused(world.put("other", "rule other \"O\" { when login alert \"x\" }"), Why::kNoCheck);
  CHECK(unknown.diagnostics.find("\"other.tocsin\"") != std::string::npos);
  const std::string three = "rule small \"S\" { by card when 3 payment within 1m alert \"x\" }";
  const DeployRefusal failing = refused(world.put("small", three), Why::kTestsFail);
  REQUIRE(failing.failures.size() == 1);
  CHECK(failing.failures.front().find("two") != std::string::npos);
  refused(world.put("small", "const a = 1"), Why::kBadEdit);
  refused(world.put("other", kOther, {.if_match = "old"}), Why::kStale);
  refused(world.service->deploy({}, [](const RulePack& pack) { return pack.without_rule("no"); }),
          Why::kNotFound);
  world.failure = Error{Errc::kLimit, "many"};
  refused(world.put("other", kOther), Why::kTooLarge);
  world.failure = Error{Errc::kIo, "no"};
  CHECK(refused(world.put("other", kOther), Why::kNode).detail == "no");
  world.failure.reset();
  CHECK(world.put("small", three, {.if_match = etag, .ignores_tests = true}));
}

TEST_CASE("rule service: a change is answered once the journal has it on disk") {
  RuleServiceWorld world;
  world.open();
  CHECK(world.waited_for.empty());
  REQUIRE(world.put("other", kOther));
  CHECK(world.waited_for == std::vector<std::uint64_t>{41});
  world.disk_failure = "slow";
  const std::string more = "rule more \"M\" { by card when payment where amount > 8 alert \"x\" }";
  for (int tries = 0; tries < 2; ++tries) {  // it holds, and a repeat does not say that it is kept
    const auto unsure = world.put("more", more);
    REQUIRE_FALSE(unsure);
    CHECK(unsure.error().why == Why::kNotDurable);
    CHECK(unsure.error().detail == "slow");
    CHECK(world.service->current()->version == 3);
    CHECK(world.service->versions().front().number == 3);
  }
  world.disk_failure.clear();
  REQUIRE(world.put("more", more));
  CHECK(world.waited_for == std::vector<std::uint64_t>{41, 42, 42, 42});
}

TEST_CASE("rule service: stages go the way that they may, and hold the rule back") {
  RuleServiceWorld world;
  world.open();
  const auto status = [&] {
    const auto now = world.service->current();
    const std::vector<cep::Rule>& rules = now->rules.program->plan().rules;
    return rules.empty() ? cep::Status::kDraft : rules.front().status;
  };
  REQUIRE(world.stage("small", {RuleStage::kShadow}));
  CHECK(status() == cep::Status::kShadow);
  REQUIRE(world.stage("small", {RuleStage::kRetired}));
  CHECK(status() == cep::Status::kDraft);
  const auto jump = world.stage("small", {RuleStage::kLive});
  REQUIRE_FALSE(jump);
  CHECK(jump.error().why == Why::kNotAllowed);
  CHECK(jump.error().detail.find("it may become draft") != std::string::npos);
  CHECK(world.stage("none", {RuleStage::kLive}).error().why == Why::kNotFound);
  for (const RuleStage stage : {RuleStage::kDraft, RuleStage::kShadow, RuleStage::kLive}) {
    REQUIRE(world.stage("small", {stage}));
  }
  CHECK(status() == cep::Status::kLive);
  CHECK(world.service->current()->pack.etag() == world.service->pack_of(1)->etag());
}

TEST_CASE(
    "rule service: a live rule may be so for a share of its keys, and its tests do not see it") {
  RuleServiceWorld world;
  world.open();
  const auto rule = [&](const std::string& id) {
    const auto now = world.service->current();
    return *std::ranges::find(now->rules.program->plan().rules, id, &cep::Rule::id);
  };
  const Rollout tenth{RuleStage::kLive, *cep::KeyShare::parse("10%")};
  // What another rule makes of its alerts is tested as if it were live for all.
  REQUIRE(world.put(
      "by_card", R"(rule by_card "C" { by card when payment where amount >= 1 alert "{card}" })"));
  const auto reader = world.put("after", R"(
rule after "After" { by card when alert by_card alert "{card}" }
test after "reads the alert of each card" {
  0s payment { card: "c1", amount: 2.00 }
  1s payment { card: "c2", amount: 2.00 }
  2s payment { card: "c3", amount: 2.00 }
  expect alert 3 times
})");
  REQUIRE_MESSAGE(reader, reader.error().detail << reader.error().diagnostics);
  REQUIRE(world.stage("by_card", tenth));
  CHECK(rule("by_card").status == cep::Status::kLive);
  CHECK(rule("by_card").share == tenth.share);
  CHECK(rule("after").share.is_whole());
  CHECK(text_of(rollout_of(world.service->current()->pack.rollouts(), "by_card")) == "live 10%");
  REQUIRE(world.stage("by_card", {}));
  CHECK(rule("by_card").share.is_whole());

  REQUIRE(world.put("all", R"(rule all "All" { when payment where amount >= 5 alert "x" })"));
  const auto refused = world.stage("all", tenth);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().why == Why::kNotAllowed);
  CHECK(refused.error().detail.find("has no `by`") != std::string::npos);
}

TEST_CASE("rule service: who asks again whether earlier events are read has nothing checked anew") {
  RuleServiceWorld world;
  world.open();
  world.warming_up = true;
  const RuleChange change{.who = "ann", .replay = cep::Duration{cep::kDayUs}};
  const std::string more = R"(rule more "More" { by card when payment where amount >= 3 alert "x" }
test more "of three" {
  0s payment { card: "c1", amount: 3.00 }
  expect no alert
})";
  const auto put = [&](bool ignores_tests, const std::string& text) {
    RuleChange one = change;
    one.ignores_tests = ignores_tests;
    return world.put("more", text, one);
  };
  for (int i = 0; i < 3; ++i) {
    const auto waits = put(true, more);
    REQUIRE_FALSE(waits);
    CHECK(waits.error().why == Why::kWarmingUp);
    CHECK(waits.error().warming_up.events == 10);
  }
  // It is the same compiled rules each time.
  REQUIRE(world.replayed.size() == 3);
  CHECK(&world.replayed[0].plan() == &world.replayed[1].plan());
  CHECK(&world.replayed[0].plan() == &world.replayed[2].plan());
  // Another question is another one: with its tests, and with another text.
  const auto failing = put(false, more);
  REQUIRE_FALSE(failing);
  CHECK(failing.error().why == Why::kTestsFail);
  REQUIRE_FALSE(put(true, more.substr(0, more.find("test "))));
  REQUIRE(world.replayed.size() == 4);
  CHECK(&world.replayed[3].plan() != &world.replayed[0].plan());
  CHECK(world.service->current()->version == 1);
  world.warming_up = false;
  REQUIRE(put(true, more));
  CHECK(world.service->current()->pack.rule("more")->text ==
        RulePack({{"rules:x.tocsin", more}}).rule("more")->text);
  CHECK(world.service->current()->version == 2);
}

TEST_CASE("rule service: versions outlive the process, and damage is named") {
  RuleServiceWorld world;
  world.open();
  REQUIRE(world.put("other", kOther));
  const RulePack pack = world.service->current()->pack;
  world.open(pack);
  CHECK(world.service->versions().size() == 2);
  CHECK(world.service->current()->version == 2);
  // A crash after the deploy, before its version.
  const auto more = pack.with_rule("third", "rule third \"T\" { when payment alert \"x\" }");
  REQUIRE(more);
  world.files.put("d/rules/00000003.json.part", "{");
  world.open(*more);
  CHECK(world.service->current()->version == 3);
  CHECK(world.service->versions().front().who.empty());
  world.versions_max = 2;
  world.open(*more);
  REQUIRE(world.stage("third", {RuleStage::kShadow}));
  CHECK(world.service->versions().size() == 2);
  world.open(world.service->current()->pack);
  CHECK(world.service->versions().size() == 2);
  world.files.put("d/rules/00000004.json", "{");
  LoadedRules loaded = more->load();
  runtime::NodeSettings settings = runtime::settings_of(*loaded.program, {});
  const auto damaged =
      RuleService::open(world.ports(), *more, std::move(loaded), std::move(settings));
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().code == Errc::kCorrupt);
  CHECK(damaged.error().message.find("d/rules/00000004.json") != std::string::npos);
}

TEST_CASE("rule service: a rule's etag is of its own text, place and stage") {
  const RulePack pack({{"rules:schema.tocsin", kSchema}, {"rules:small.tocsin", kSmall}});
  const auto other = pack.with_rule("other", kOther);
  REQUIRE(other);
  CHECK(rule_etag(*other, "small") == rule_etag(pack, "small"));
  CHECK(rule_etag(pack.with_rollout("small", {RuleStage::kShadow}), "small") !=
        rule_etag(pack, "small"));
  CHECK(rule_etag(pack, "other").empty());
}
}  // namespace
}  // namespace tocsin::api
