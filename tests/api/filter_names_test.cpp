// Names of rules and tags in filters: what nothing has is refused, and what had it is not.
#include "api/live/filter_names.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "api/rules/rule_loader.h"
#include "cep/data/alert.h"
#include "cep/plan/plan.h"
#include "tests/api/stored_alerts.h"

namespace tocsin::api {
namespace {
using nlohmann::json;

std::shared_ptr<const cep::Plan> plan_of(const std::string& id, const std::string& tag) {
  const std::string text = fmt::format(R"(
event payment {{ ts: time, id: string id, card: string, amount: decimal(2) }}
rule {} "R" {{
  by card
  tags {}
  when payment as p where amount > 1
  alert "x"
}}
)",
                                       id, tag);
  const LoadedRules loaded = load_rules(
      {"rules.tocsin"}, {}, [&](const std::string&) -> Result<std::string> { return text; });
  CAPTURE(render_diagnostics(loaded, false));
  REQUIRE(loaded.program);
  return loaded.loaded.rules->plan;
}

struct NamesWorld {
  explicit NamesWorld(std::size_t rows_max = 1000, bool has_others = false)
      : folder((std::filesystem::temp_directory_path() / "tocsin-names-XXXXXX").string()) {
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    privacy = *Privacy::open(folder, {}, stored.store());
    REQUIRE(privacy->learn(*plan_of("before", "old")).has_value());
    names.emplace(FilterNamesSources{stored.effects(), conditions, privacy.get(),
                                     [] { return std::vector<std::string>{"draft_rule"}; },
                                     rows_max, has_others});
  }
  NamesWorld(const NamesWorld&) = delete;
  NamesWorld& operator=(const NamesWorld&) = delete;
  ~NamesWorld() { std::filesystem::remove_all(folder); }

  // What a filter with these is answered; empty: it is taken.
  std::string refusal(const std::string& rule, const std::string& tag = "", TokenScope scope = {}) {
    AlertFilter filter;
    if (!rule.empty()) filter.rules.insert(rule);
    if (!tag.empty()) filter.tags.insert(tag);
    filter.scope = std::move(scope);
    const auto refused = names->refused(filter);
    if (!refused) return {};
    CHECK(refused->status == 400);
    const json body = json::parse(refused->body);
    return body.at("parameter").get<std::string>() + ": " + body.at("detail").get<std::string>();
  }

  std::string folder;
  tests::StoredAlerts stored;
  AlertConditions conditions{plan_of("card_testing", "cards")};
  std::unique_ptr<Privacy> privacy;
  std::optional<FilterNames> names;
};

TEST_CASE("filter names: a rule or a tag that there never was is refused, with what was meant") {
  NamesWorld world;
  CHECK(world.refusal("card_testing").empty());
  CHECK(world.refusal("card_tesing") ==
        "rule: there is no rule with the id card_tesing: did you mean card_testing?");
  CHECK(world.refusal("unlike_all") == "rule: there is no rule with the id unlike_all");
  CHECK(world.refusal("", "cards").empty());
  CHECK(world.refusal("", "card") ==
        "tag: there is no rule or alert with the tag card: did you mean cards?");
  CHECK(world.refusal("draft_rule").empty());  // a draft, or of a version that is kept
  CHECK(world.refusal("drat_rule").ends_with("did you mean draft_rule?"));
  CHECK(world.refusal(cep::kBudgetRule).empty());
}

TEST_CASE("filter names: of rules that are gone, and of alerts that are stored, all are known") {
  NamesWorld world;
  CHECK(world.refusal("before").empty());  // it ran here
  CHECK_FALSE(world.refusal("foreign").empty());
  CHECK_FALSE(world.refusal("", "old").empty());
  world.stored.raise(tests::alert_at(1, {.rule = "foreign", .tags = R"(["old"])"}));
  CHECK(world.refusal("foreign").empty());
  CHECK(world.refusal("", "old").empty());
  CHECK(world.refusal("foreign", "older").starts_with("tag: "));
}

TEST_CASE("filter names: what cannot be known is taken") {
  NamesWorld few(2);
  CHECK_FALSE(few.refusal("foreign").empty());
  for (int i = 1; i <= 3; ++i) few.stored.raise(tests::alert_at(i));
  CHECK(few.refusal("foreign").empty());  // an older alert may have it
  NamesWorld topics(1000, true);
  CHECK(topics.refusal("foreign", "none").empty());  // alerts of other engines are read
}

TEST_CASE("filter names: who is limited to tags is told of no other rule") {
  NamesWorld world;
  const TokenScope own{.tags = {"team"}};
  CHECK(world.refusal("card_testin", "", own) == "rule: there is no rule with the id card_testin");
  CHECK(world.refusal("card_testing", "", own) ==
        "rule: there is no rule with the id card_testing");
  CHECK_FALSE(world.refusal("before", "", own).empty());
  CHECK(world.refusal("", "team", own).empty());  // their own, though no rule has it
  CHECK_FALSE(world.refusal("", "cards", own).empty());
  world.stored.raise(tests::alert_at(1, {.rule = "theirs", .tags = R"(["team"])"}));
  world.stored.raise(tests::alert_at(2, {.rule = "others", .tags = R"(["cards"])"}));
  CHECK(world.refusal("theirs", "", own).empty());
  CHECK_FALSE(world.refusal("others", "", own).empty());
}

TEST_CASE("filter names: bodies and paths are answered in their way") {
  NamesWorld world;
  const auto body = [&](const char* text) -> std::string {
    const auto refused = world.names->refused(nlohmann::ordered_json::parse(text), {});
    if (!refused) return {};
    CHECK(refused->status == 400);
    return json::parse(refused->body).at("detail");
  };
  CHECK(body(R"({"filter":{"rules":["card_testing","card_tesing"]}})") ==
        "filter.rules: there is no rule with the id card_tesing: did you mean card_testing?");
  CHECK(body(R"({"filter":{"tags":["card"]}})") ==
        "filter.tags: there is no rule or alert with the tag card: did you mean cards?");
  CHECK(body(R"({"filter":{"rules":["card_testing"],"tags":["cards"]}})").empty());
  CHECK(body(R"({"filter":{"rules":"x"}})").empty());  // no filter: refused for that
  CHECK(body(R"({"name":"x"})").empty());
  const auto path = world.names->refused_rule("card_tesing");
  REQUIRE(path);
  CHECK(path->status == 404);
  CHECK_FALSE(world.names->refused_rule("before"));
}
}  // namespace
}  // namespace tocsin::api
