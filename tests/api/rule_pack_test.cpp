#include "api/rules/rule_pack.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "cep/plan/rule.h"
#include "tests/support/temporary_folder.h"

namespace tocsin::api {
namespace {
constexpr const char* kSchema = R"(event payment {
  ts: time,
  card: string,
  amount: decimal(2),
}
)";
constexpr const char* kCards = R"(use "schema.tocsin"

# Probes come first.
rule small "T" {
  by card
  when 3 payment where amount < 2
  within 10m
  alert "small {card}"
}

test small "none" {
  0s payment { card: "a", amount: 5.00 }
  expect no alert
}

rule large "T" {
  id big
  by card
  when payment where amount > 900
  alert "large {card}"
}
)";
RulePack pack() {
  return RulePack({{"rules:schema.tocsin", kSchema}, {"rules:cards.tocsin", kCards}});
}
cep::Status status_of(const LoadedRules& loaded, const std::string& id) {
  REQUIRE_MESSAGE(loaded.loaded.rules, render_diagnostics(loaded, false));
  for (const cep::Rule& rule : loaded.loaded.rules->plan->rules) {
    if (rule.id == id) return rule.status;
  }
  return cep::Status::kDraft;
}

TEST_CASE("rule pack: rules and their tests are found in their files") {
  const RulePack rules = pack();
  REQUIRE(rules.load().program);
  REQUIRE(rules.rules().size() == 2);
  const auto small = rules.rule("small");
  REQUIRE(small);
  CHECK(small->path == "cards.tocsin");
  CHECK(small->text.starts_with("rule small \"T\" {\n"));
  CHECK(
      small->text.ends_with("}\n\ntest small \"none\" {\n  0s payment { card: \"a\", amount: "
                            "5.00 }\n  expect no alert\n}\n"));
  CHECK(rules.rule("big")->name == "large");
  CHECK_FALSE(rules.rule("large"));
  CHECK(rules.paths() == std::vector<std::string>{"cards.tocsin", "schema.tocsin"});
}

TEST_CASE("rule pack: a rule is put in its place, and all around it stays") {
  const std::string changed =
      "rule small \"T\" {\n  by card\n  when 2 payment where amount < 2\n  within 5m\n  alert "
      "\"x\"\n}";
  const auto kept = pack().with_rule("small", changed);
  REQUIRE_MESSAGE(kept, kept.error().message);
  std::string expected = kCards;
  const std::size_t begin = expected.find("rule small");
  expected.replace(begin, expected.find("\n\ntest") - begin, changed);
  CHECK(*kept->file("cards.tocsin") == expected);
  CHECK(kept->load().program);
  CHECK(kept->etag() != pack().etag());
  CHECK(kept->with_rule("small", pack().rule("small")->text)->etag() != kept->etag());

  const auto with_test = pack().with_rule(
      "small", changed +
                   "\ntest small \"other\" {\n  0s payment { card: \"a\", amount: 5.00 }\n  "
                   "expect no alert\n}\n");
  REQUIRE_MESSAGE(with_test, with_test.error().message);
  const std::string text(*with_test->file("cards.tocsin"));
  CHECK(text.find("\"none\"") == std::string::npos);
  CHECK(text.find("\"other\"") != std::string::npos);
  CHECK(text.find("# Probes come first.\nrule small") != std::string::npos);
  CHECK(text.find("rule large") != std::string::npos);
  CHECK(with_test->load().program);
}

TEST_CASE("rule pack: what is no single rule of that name is refused with the reason") {
  const auto why = [](const std::string& text) {
    const auto changed = pack().with_rule("small", text);
    REQUIRE_FALSE(changed);
    CHECK(changed.error().code == Errc::kInvalidArgument);
    return changed.error().message;
  };
  CHECK(why("").find("declares no rule") != std::string::npos);
  CHECK(why("} }").find("line 1") != std::string::npos);
  CHECK(why("rule other \"T\" { when payment alert \"x\" }").find("`other`") != std::string::npos);
  CHECK(why("rule small \"T\" { when payment alert \"x\" }\nrule b \"T\" { when payment alert "
            "\"x\" }")
            .find("2 rules") != std::string::npos);
  CHECK(why("rule small \"T\" { when payment alert \"x\" }\nconst c = 1").find("something else") !=
        std::string::npos);
}

TEST_CASE("rule pack: rules and files come and go") {
  const auto more = pack().with_rule("fresh", "rule fresh \"T\" { when payment alert \"x\" }");
  REQUIRE(more);
  CHECK(*more->file("fresh.tocsin") == "rule fresh \"T\" { when payment alert \"x\" }\n");
  CHECK(more->load().program);
  CHECK(more->without_rule("fresh")->etag() == pack().etag());
  const auto fewer = pack().without_rule("small");
  REQUIRE(fewer);
  CHECK(fewer->file("cards.tocsin")->find("small") == std::string_view::npos);
  CHECK(fewer->load().program);
  CHECK(pack().without_rule("none").error().code == Errc::kNotFound);
  for (const char* path : {"", "/etc/x.tocsin", "../x.tocsin", "a/../x.tocsin", "a/", "."}) {
    CAPTURE(path);
    CHECK(pack().with_file(path, "").error().code == Errc::kInvalidArgument);
  }
  CHECK(pack().with_file("lists/bad.txt", "a\n")->texts().front().role == "file:lists/bad.txt");
  CHECK(pack().without_file("none").error().code == Errc::kNotFound);
}

TEST_CASE("rule pack: a stage holds a rule back, and never lifts it above its text") {
  const RulePack rules = pack();
  CHECK(status_of(rules.load(), "small") == cep::Status::kLive);
  const RulePack shadow = rules.with_rollout("small", {RuleStage::kShadow});
  CHECK(status_of(shadow.load(), "small") == cep::Status::kShadow);
  CHECK(status_of(shadow.load(), "big") == cep::Status::kLive);
  const RulePack draft = shadow.with_rollout("big", {RuleStage::kRetired});
  CHECK(draft.rollouts().size() == 2);
  REQUIRE(draft.load().program);
  CHECK(draft.load().loaded.rules->plan->rules.size() == 1);
  CHECK(draft.with_rollout("big", {RuleStage::kLive})
            .with_rollout("small", {RuleStage::kLive})
            .etag() == rules.etag());
  const auto written = rules.with_rule(
      "small", "rule small \"T\" { status shadow by card when payment alert \"x\" }");
  REQUIRE(written);
  CHECK(status_of(written->with_rollout("small", {RuleStage::kLive}).load(), "small") ==
        cep::Status::kShadow);
  CHECK(shadow.without_rule("small")->rollouts().empty());
}

TEST_CASE("rule pack: files are read from where they lie") {
  tests::TemporaryFolder folder;
  std::filesystem::create_directories(folder.path() + "/p/cards");
  std::ofstream(folder.path() + "/p/schema.tocsin") << kSchema;
  std::string text = kCards;
  text.replace(text.find("schema"), 6, "../schema");
  std::ofstream(folder.path() + "/p/cards/all.tocsin") << text;
  const auto rules = RulePack::read({folder.path() + "/p/cards"});
  REQUIRE_MESSAGE(rules, rules.error().message);
  CHECK(rules->paths() == std::vector<std::string>{"cards/all.tocsin", "schema.tocsin"});
  CHECK(rules->load().program);
  const auto missing = RulePack::read({folder.path() + "/none.tocsin"});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message.find("none.tocsin") != std::string::npos);
}
}  // namespace
}  // namespace tocsin::api
