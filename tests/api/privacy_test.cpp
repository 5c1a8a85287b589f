// Personal data in alerts: from which fields values are made, and what is shown in their place.
#include "api/privacy/privacy.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "api/alerts/alert_line.h"
#include "api/delivery/delivery_message.h"
#include "api/privacy/field_sources.h"
#include "api/privacy/masked_filter.h"
#include "api/rules/rule_loader.h"
#include "api/server/alert_routes.h"
#include "cep/data/alert.h"
#include "cep/plan/plan.h"
#include "tests/api/api_client.h"
#include "tests/api/stored_alerts.h"

namespace tocsin::api {
namespace {
using nlohmann::json;

const std::string kRules = R"(
event payment {
  ts: time, id: string id, card: string pii, shop: int, holder: string pii, amount: decimal(2),
  initials: string = holder,
}
event visit { ts: time, card: string pii, page: string }
feature sums = sum(amount of payment) by card over last 1h
feature cards = distinct(holder of payment) by card over last 1h
feature recent = last(holder of payment) by card over last 1h
rule probes "Probes" {
  by card
  when payment as p where amount > 1
  alert "{p.shop} of {recent}" {
    score: 75, total: sums, holders: cards, who: recent, same: p.holder = "Ann", named: p.holder is known,
    short: p.initials,
  }
}
rule shops "Shops" {
  by shop
  when payment as p then payment as q within 1h
  alert "{p.amount} and {q.amount}" { score: if p.holder = q.holder then 1 else 2, next: q.amount }
}
rule twice "Twice" {
  by card
  when alert probes as a where a.total > 1
  alert "{a.total} by {a.who}" { of: a.who, total: a.total }
}
)";

std::shared_ptr<const cep::Plan> plan_of(const std::string& rules) {
  const LoadedRules loaded = load_rules(
      {"rules.tocsin"}, {}, [&](const std::string&) -> Result<std::string> { return rules; });
  CAPTURE(render_diagnostics(loaded, false));
  REQUIRE(loaded.program);
  return loaded.loaded.rules->plan;
}
std::string without_marks(std::string rules) {
  for (std::size_t at; (at = rules.find(" pii")) != rules.npos;) rules.erase(at, 4);
  return rules;
}

runtime::StoredAlert alert(const std::string& rule, const std::string& members,
                           std::uint64_t number = 5) {
  runtime::StoredAlert stored = tests::alert_at(1, {.rule = rule});
  stored.number = number;
  stored.line = fmt::format(
      R"({{"format":1,"id":"a1","revision":0,"phase":"final","rule":"{}","title":"T","version":1,)"
      R"({},"held_back":0}})",
      rule, members);
  return stored;
}
runtime::StoredAlert probe(std::uint64_t number = 5) {
  return alert(
      "probes",
      R"("key":{"card":"4111"},"ts":7,"time":"t","severity":"high","score":75,"tags":["x"],)"
      R"("message":"7 of Ann","fields":{"total":3.40,"holders":1,"who":"Ann","short":"Ann"},)"
      R"("events":[{"as":"p","type":"payment","id":"e1","ts":7,"fields":{"card":"4111","shop":7,)"
      R"("holder":"Ann","amount":3.40}},{"as":"v","type":"visit","id":"5f","ts":7,"fields":{"page":)"
      R"("a"}}])",
      number);
}

class PrivacyWorld {
 public:
  PrivacyWorld()
      : folder_((std::filesystem::temp_directory_path() / "tocsin-pii-XXXXXX").string()) {
    REQUIRE(::mkdtemp(folder_.data()) != nullptr);
  }
  PrivacyWorld(const PrivacyWorld&) = delete;
  PrivacyWorld& operator=(const PrivacyWorld&) = delete;
  ~PrivacyWorld() { std::filesystem::remove_all(folder_); }
  Result<std::unique_ptr<Privacy>> open(PrivacyOptions options = {}) {
    return Privacy::open(folder_, std::move(options), alerts.store());
  }
  std::string file() const { return folder_ + "/" + kPrivacyFile; }
  const std::string& folder() const { return folder_; }

  tests::StoredAlerts alerts;

 private:
  std::string folder_;
};
bool is_mark(const json& value) {
  return value.is_string() && value.get<std::string>().starts_with("•••") &&
         value.get<std::string>().size() == std::string("•••").size() + 12;
}
}  // namespace

TEST_CASE(
    "privacy: a value has for sources all fields that went into it, through features and alerts") {
  const FieldSources sources = sources_of(*plan_of(kRules));
  CHECK(sources.marked == FieldNames{"payment.card", "payment.holder", "visit.card"});
  const AlertSources& probes = sources.rules.at("probes");
  CHECK(probes.key.at("card") == FieldNames{"payment.card"});
  CHECK(probes.fields.at("total") == FieldNames{"payment.amount"});
  CHECK(probes.fields.at("holders").empty());  // how many
  CHECK(probes.fields.at("who") == FieldNames{"payment.holder"});
  CHECK(probes.fields.at("same") == FieldNames{"payment.holder"});
  CHECK(probes.fields.at("named").empty());  // whether there is one
  CHECK(probes.fields.at("short") == FieldNames{"payment.holder", "payment.initials"});
  CHECK(probes.message == FieldNames{"payment.holder", "payment.shop"});
  CHECK(probes.score.empty());
  CHECK(sources.rules.at("shops").score == FieldNames{"payment.holder"});
  CHECK(sources.rules.at("shops").message == FieldNames{"payment.amount"});
  CHECK(sources.rules.at("twice").key.at("card") == FieldNames{"payment.card"});
  CHECK(sources.rules.at("twice").fields.at("of") == FieldNames{"payment.holder"});
  CHECK(sources.rules.at("twice").fields.at("total") == FieldNames{"payment.amount"});
  CHECK(sources.types.at("payment").at("card") == FieldNames{"payment.card"});
  CHECK(sources.types.at("payment").at(std::string(kEventId)) == FieldNames{"payment.id"});
  // The id of a type without one is a digest of all its fields.
  CHECK(sources.types.at("visit").at(std::string(kEventId)).contains("visit.card"));
}

TEST_CASE("privacy: marks stand for values of marked fields, the same for the same value") {
  PrivacyWorld world;
  const auto privacy = *world.open();
  CHECK(privacy->masked(probe()) == probe().line);  // nothing is marked
  REQUIRE(privacy->learn(*plan_of(kRules)));
  const std::string line = privacy->masked(probe());
  const json masked = json::parse(line);
  const std::string card = masked["key"]["card"];
  CHECK(is_mark(card));
  CHECK(masked["events"][0]["fields"]["card"] == card);
  CHECK(masked["fields"]["who"] == masked["events"][0]["fields"]["holder"]);
  CHECK(masked["fields"]["short"] == masked["fields"]["who"]);
  CHECK(masked["fields"]["who"] != card);
  CHECK(is_mark(masked["message"]));
  CHECK(is_mark(masked["events"][1]["id"]));
  CHECK(line.find("Ann") == line.npos);
  CHECK(line.find("4111") == line.npos);
  // All else is as it was written.
  const json before = json::parse(probe().line);
  for (const char* name : {"format", "id", "revision", "phase", "rule", "title", "version", "ts",
                           "time", "severity", "score", "tags", "held_back"}) {
    CAPTURE(name);
    CHECK(masked[name] == before[name]);
  }
  CHECK(line.find(R"("fields":{"total":3.40,"holders":1,)") != line.npos);
  CHECK(masked["events"][0]["id"] == "e1");
  CHECK(masked["events"][1]["fields"]["page"] == "a");
  // Another directory has other marks.
  PrivacyWorld other;
  const auto another = *other.open();
  REQUIRE(another->learn(*plan_of(kRules)));
  CHECK(json::parse(another->masked(probe()))["key"]["card"] != card);
}

TEST_CASE(
    "privacy: what is not known is masked: rules, members, types, earlier alerts, other engines") {
  PrivacyWorld world;
  world.alerts.raise(tests::alert_at(1));
  world.alerts.raise(tests::alert_at(2));
  const auto privacy = *world.open();
  REQUIRE(privacy->learn(*plan_of(kRules)));
  const std::string members =
      R"("key":{"shop":7},"ts":7,"time":"t","severity":"low","score":3,"tags":[],"message":"m",)"
      R"("fields":{"next":1.00,"more":2},"events":[{"as":"p","type":"login","id":"e","ts":7,)"
      R"("fields":{"user":"u"}}],"newer":{"a":1})";
  const json known = json::parse(privacy->masked(alert("shops", members)));
  CHECK(known["key"]["shop"] == 7);
  CHECK(known["message"] == "m");
  CHECK(known["fields"]["next"] == 1.0);
  CHECK(is_mark(known["fields"]["more"]));
  CHECK(is_mark(known["events"][0]["fields"]["user"]));
  CHECK(is_mark(known["events"][0]["id"]));
  CHECK(is_mark(known["newer"]));
  CHECK(is_mark(known["score"]));  // by who holds the cards
  const auto all_is_masked = [&](const runtime::StoredAlert& one) {
    const json masked = json::parse(privacy->masked(one));
    CAPTURE(masked.dump());
    CHECK(is_mark(masked["key"]["shop"]));
    CHECK(is_mark(masked["message"]));
    CHECK(is_mark(masked["score"]));
    CHECK(is_mark(masked["fields"]["next"]));
    CHECK(is_mark(masked["events"][0]["fields"]["user"]));
    CHECK(masked["severity"] == "low");
  };
  all_is_masked(alert("removed", members));
  all_is_masked(alert("shops", members, 2));  // raised before marks were kept
  runtime::StoredAlert from_topic = alert("shops", members);
  from_topic.source = "alerts/0";
  all_is_masked(from_topic);
}

TEST_CASE("privacy: an alert of a budget shows which rule and budget, and marks for the key") {
  PrivacyWorld world;
  const auto privacy = *world.open();
  REQUIRE(privacy->learn(*plan_of(kRules)));
  const std::string members =
      R"("key":{"card":"4111"},"ts":7,"time":"t","severity":"high","score":0,"tags":[],"message":)"
      R"("card 4111","fields":{"rule":"probes","budget":"runs_per_key","limit":5},"events":[])";
  const json masked = json::parse(privacy->masked_line(alert(cep::kBudgetRule, members).line));
  CHECK(is_mark(masked["key"]["card"]));
  CHECK(is_mark(masked["message"]));
  CHECK(masked["fields"] == json{{"rule", "probes"}, {"budget", "runs_per_key"}, {"limit", 5}});
}

TEST_CASE(
    "privacy: a mark stays when rules no longer have it, over starts too, until it is released") {
  PrivacyWorld world;
  {
    const auto privacy = *world.open();
    REQUIRE(privacy->learn(*plan_of(kRules)));
    REQUIRE(privacy->learn(*plan_of(without_marks(kRules))));
    CHECK(is_mark(json::parse(privacy->masked(probe()))["key"]["card"]));
  }
  struct stat status {};
  REQUIRE(::stat(world.file().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  const std::string before = (*world.open())->masked(probe());
  CHECK(before == (*world.open())->masked(probe()));
  CHECK(is_mark(json::parse(before)["key"]["card"]));
  const auto released = *world.open({.released = {"payment.card", "visit.card"}});
  const json shown = json::parse(released->masked(probe()));
  CHECK(shown["key"]["card"] == "4111");
  CHECK(is_mark(shown["fields"]["who"]));
  // A mark that comes later covers earlier alerts.
  PrivacyWorld later;
  const auto privacy = *later.open();
  REQUIRE(privacy->learn(*plan_of(without_marks(kRules))));
  CHECK(privacy->masked(probe()) == probe().line);
  REQUIRE(privacy->learn(*plan_of("event payment { ts: time, card: string pii }\n")));
  CHECK(is_mark(json::parse(privacy->masked(probe()))["key"]["card"]));
}

TEST_CASE("privacy: rules that run without the server are taken in where a server was") {
  PrivacyWorld world;
  REQUIRE(Privacy::learn_in(world.folder(), world.alerts.store(), *plan_of(kRules)));
  CHECK_FALSE(std::filesystem::exists(world.file()));
  REQUIRE((*world.open())->learn(*plan_of("event other { ts: time, name: string pii }\n")));
  REQUIRE(Privacy::learn_in(world.folder(), world.alerts.store(), *plan_of(kRules)));
  CHECK(json::parse((*world.open())->masked(probe()))["fields"]["holders"] == 1);
}

TEST_CASE("privacy: a damaged file is named with the remedy") {
  PrivacyWorld world;
  REQUIRE((*world.open())->learn(*plan_of(kRules)));
  std::ofstream(world.file()) << R"({"marked":[]})";
  const auto opened = world.open();
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code == Errc::kCorrupt);
  CHECK(opened.error().message.find(world.file() + " is damaged") != std::string::npos);
  CHECK(Privacy::learn_in(world.folder(), world.alerts.store(), *plan_of(kRules)).error().code ==
        Errc::kCorrupt);
}

TEST_CASE("privacy: a role sees personal data or not, and the scope of a token says otherwise") {
  PrivacyWorld world;
  const auto privacy = *world.open();
  const auto grant = [](Role role, std::optional<bool> pii = {}) {
    TokenGrant made{"t", role, {}, {}};
    made.scope.pii = pii;
    return made;
  };
  CHECK_FALSE(privacy->masks(grant(Role::kReader)));  // nothing is marked
  REQUIRE(privacy->learn(*plan_of(kRules)));
  for (const auto& [role, sees] : {std::pair{Role::kProducer, false},
                                   {Role::kReader, false},
                                   {Role::kApprover, false},
                                   {Role::kAnalyst, true},
                                   {Role::kAuthor, true},
                                   {Role::kOperator, true},
                                   {Role::kAdmin, true}}) {
    const std::string name(role_name(role));
    CAPTURE(name);
    CHECK(privacy->sees(grant(role)) == sees);
    CHECK(privacy->masks(grant(role)) == !sees);
    CHECK(privacy->sees(grant(role, true)));
    CHECK_FALSE(privacy->sees(grant(role, false)));
  }
  const auto only_admins = *world.open({.roles = {Role::kAdmin}});
  CHECK(only_admins->masks(grant(Role::kAnalyst)));
}

TEST_CASE("privacy: rules that are only tried are masked by their own marks too") {
  PrivacyWorld world;
  const auto privacy = *world.open();
  const auto plan = plan_of(kRules);
  const auto masker = privacy->masker_of({plan.get()});
  CHECK(is_mark(json::parse(masker(probe().line))["key"]["card"]));
  CHECK(privacy->masked(probe()) == probe().line);
}

TEST_CASE("privacy: a group shows what its alerts share only where no rule's value is personal") {
  PrivacyWorld world;
  const auto privacy = *world.open();
  REQUIRE(privacy->learn(*plan_of(kRules)));
  const auto subject = [&](const std::string& text, const std::vector<std::string>& rules) {
    return json::parse(privacy->masked_subject(text, rules));
  };
  CHECK(is_mark(subject(R"({"rule":"probes","card":"4111"})", {"probes"})["card"]));
  CHECK(subject(R"({"rule":"probes","card":"4111"})", {"probes"})["rule"] == "probes");
  CHECK(subject(R"({"shop":7})", {"shops"})["shop"] == 7);
  CHECK(subject(R"({"total":7})", {"probes", "twice"})["total"] == 7);
  CHECK(is_mark(subject(R"({"shop":7})", {"shops", "probes"})["shop"]));
  CHECK(is_mark(subject(R"({"shop":7})", {"removed"})["shop"]));
  CHECK(is_mark(subject(R"({"shop":7})", {})["shop"]));
}

TEST_CASE("privacy: filters show marks for values of keys, and for conditions") {
  PrivacyWorld world;
  const auto privacy = *world.open();
  auto filter = nlohmann::ordered_json::parse(
      R"({"rules":["probes"],"key":{"card":"4111"},"condition":"who = \"Ann\""})");
  CHECK(refused_filter({{"filter", filter}})->status == 403);
  mask_filter(*privacy, filter);
  CHECK(filter["rules"][0] == "probes");
  CHECK(filter["key"]["card"].dump() == privacy->mark(R"("4111")"));
  CHECK(is_mark(filter["condition"]));
  filter.erase("condition");
  CHECK(refused_filter({{"filter", filter}})->status == 400);
  filter["key"]["card"] = "4111";
  CHECK_FALSE(refused_filter({{"filter", filter}}));
  CHECK_FALSE(refused_filter({{"name", "a"}}));
}

TEST_CASE(
    "privacy: a preview of a filter shows marks, and neither keys nor conditions ask for more") {
  PrivacyWorld world;
  const auto privacy = *world.open({.roles = {Role::kAdmin}});
  REQUIRE(privacy->learn(*plan_of(kRules)));
  world.alerts.raise(probe());
  TriageStore triage(world.alerts.store());
  AlertFeed feed(world.alerts.effects().reader());
  AlertRouteServices services{world.alerts.effects(), triage, feed, world.alerts.clock, {}, {}};
  services.privacy = privacy.get();
  tests::ApiClient client;
  add_alert_routes(client.router, services);
  const std::string by_key = R"({"filter":{"key":{"card":"4111"}}})";
  for (const char* const path : {"/v1/silences/preview", "/v1/subscriptions/preview"}) {
    CAPTURE(path);
    client.json(403, "analyst", "POST", path, by_key);
    client.json(403, "analyst", "POST", path, R"({"filter":{"condition":"score > 1"}})");
    const auto masked = client.json(200, "analyst", "POST", path, "{}");
    REQUIRE(masked.at("matched") == 1);
    CHECK(masked.dump().find("4111") == std::string::npos);
    CHECK(is_mark(json::parse(masked.dump()).at("samples")[0]["alert"]["key"]["card"]));
    const auto whole = client.json(200, "admin", "POST", path, by_key);
    CHECK(whole.at("samples").at(0).at("alert").at("key").at("card") == "4111");
  }
}
}  // namespace tocsin::api
