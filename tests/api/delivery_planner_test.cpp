// What of an alert is sent how: decided once, with the alert, over a clock that tests set.
#include "api/delivery/delivery_planner.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "api/delivery/stored_messages.h"
#include "runtime/effects/effect_codec.h"
#include "tests/api/stored_alerts.h"
#include "tests/support/random.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using runtime::WithheldKind;
using tests::alert_at;
using tests::StoredAlerts;
constexpr cep::Duration kSecond{1'000'000};

Subscription subscription(const ordered_json& more = {}, const std::string& id = "sub_1") {
  ordered_json settings = {{"url", "http://127.0.0.1:9/"}};
  if (more.is_object()) settings.update(more);
  Subscription made;
  made.id = id;
  REQUIRE(apply_settings(settings.dump(), {}, made));
  return made;
}

struct Planned {
  explicit Planned(std::vector<Subscription> all, PlannerOptions planner_options = {})
      : options(planner_options) {
    for (Subscription& one : all)
      subscriptions.push_back(std::make_shared<const Subscription>(std::move(one)));
    begin();
  }
  void begin() {
    planner = std::make_shared<DeliveryPlanner>(stored.store(), options);
    planner->set_subscriptions(subscriptions);
    planner->set_silences(silences);
    stored.effects().set_addressees(planner);
  }
  void restart(bool loses_power) {
    stored.effects().set_addressees(nullptr);
    planner.reset();
    stored.restart(loses_power);
    begin();
  }
  void raise(int minute, const tests::AlertText& text = {}) {
    stored.raise(alert_at(minute, text));
  }
  std::size_t release() {
    const auto released = planner->release(stored.effects(), stored.clock.now());
    REQUIRE(released);
    return *released;
  }
  std::vector<runtime::OutboxRow> outbox(std::size_t which = 0) {
    std::vector<runtime::OutboxRow> rows;
    REQUIRE(stored.effects().reader().outbox(subscriptions[which]->endpoint(), 0,
                                             [&](const runtime::OutboxRow& row) {
                                               rows.push_back(row);
                                               return true;
                                             }));
    return rows;
  }
  // "sent", "silenced SILENCE", "rate-capped", "grouped", for each alert from the first on; with
  // the number of the message.
  std::vector<std::string> fates(std::size_t which = 0) {
    std::set<std::uint64_t> owed;
    for (const runtime::OutboxRow& row : outbox(which)) owed.insert(row.number);
    std::vector<std::string> all;
    REQUIRE(stored.effects().reader().alerts(1, [&](const runtime::StoredAlert& alert) {
      const auto withheld = stored.effects().reader().withheld(alert.number);
      REQUIRE(withheld);
      std::string fate = owed.contains(alert.number) ? "sent" : "none";
      for (const runtime::WithheldRow& row : *withheld) {
        if (row.endpoint != subscriptions[which]->endpoint()) continue;
        const std::string message = std::to_string(row.message & ~runtime::kMessageBit);
        if (row.kind == WithheldKind::kSilenced) fate += " silenced " + row.silence;
        if (row.kind == WithheldKind::kRateCapped) fate += " braked " + message;
        if (row.kind == WithheldKind::kGrouped) fate += " grouped " + message;
      }
      all.push_back(fate);
      return true;
    }));
    return all;
  }
  ordered_json payload(std::uint64_t sequence, MessageLimits limits = {}, std::size_t which = 0) {
    StoredMessages messages(stored.store(), stored.effects(), limits);
    Delivery delivery =
        StoredMessages::delivery_of(*subscriptions[which], runtime::kMessageBit | sequence);
    REQUIRE(messages.fill(*subscriptions[which], delivery));
    return ordered_json::parse(delivery.payload);
  }
  void arrived(std::uint64_t sequence) {
    StoredMessages messages(stored.store(), stored.effects(), {});
    REQUIRE(messages.delivered(subscriptions[0]->endpoint(), runtime::kMessageBit | sequence));
  }

  PlannerOptions options;
  StoredAlerts stored;
  std::vector<DeliveryPlanner::SubscriptionPtr> subscriptions;
  std::vector<DeliveryPlanner::SilencePtr> silences;
  std::shared_ptr<DeliveryPlanner> planner;
};
using Fates = std::vector<std::string>;

TEST_CASE("planner: beyond a rule's share of a minute alerts are counted in one summary") {
  Planned world({subscription({{"brake", {{"per_rule", 2}, {"in_all", 100}}}})});
  for (int i = 1; i <= 5; ++i) world.raise(i);
  world.raise(6, {.rule = "geo"});
  CHECK(world.fates() ==
        Fates{"sent", "sent", "none braked 1", "none braked 1", "none braked 1", "sent"});
  CHECK(world.stored.effects().owed(world.subscriptions[0]->endpoint()) == 3);
  // The summary comes once the minute is over, 12:01 to 12:02 of the clock.
  CHECK(world.release() == 0);
  CHECK(**world.planner->next_due() == *cep::parse_time("2026-03-02T12:02:00Z"));
  world.stored.clock.advance({60 * kSecond.us - 1});
  CHECK(world.release() == 0);
  world.stored.clock.advance({1});
  CHECK(world.release() == 1);
  CHECK(world.release() == 0);
  CHECK(world.outbox().back().number == (runtime::kMessageBit | 1));
  const ordered_json summary = world.payload(1);
  CHECK(summary.at("type") == "alert.summary");
  CHECK(summary.at("rule") == "card_testing");
  CHECK(summary.at("count") == 3);
  CHECK(summary.at("message") == "rule card_testing raised 3 more alerts between 12:01 and 12:02");
  CHECK(summary.at("link") ==
        "/v1/alerts?rule=card_testing&from=2026-03-02T00%3A03%3A00Z&to="
        "2026-03-02T00%3A05%3A00.000001Z");
  // A minute later all is as at first.
  world.raise(7);
  CHECK(world.fates().back() == "sent");
  world.arrived(1);
  CHECK(world.stored.effects().owed(world.subscriptions[0]->endpoint()) == 4);
}

TEST_CASE("planner: beyond the share of all rules the rest is one summary too") {
  Planned world({subscription({{"brake", {{"per_rule", 0}, {"in_all", 3}}}}),
                 subscription({{"brake", {{"per_rule", 0}, {"in_all", 0}}}}, "sub_2")});
  for (int i = 1; i <= 6; ++i) world.raise(i, {.rule = i % 2 == 0 ? "geo" : "card_testing"});
  CHECK(world.fates() ==
        Fates{"sent", "sent", "sent", "none braked 1", "none braked 1", "none braked 1"});
  CHECK(world.fates(1) == Fates(6, "sent"));
  world.stored.clock.advance({60 * kSecond.us});
  CHECK(world.release() == 1);
  const ordered_json summary = world.payload(1);
  CHECK(!summary.contains("rule"));
  CHECK(summary.at("rules") == ordered_json{{"card_testing", 1}, {"geo", 2}});
  CHECK(summary.at("message") == "2 rules raised 3 more alerts between 12:01 and 12:02");
}

TEST_CASE("planner: the server's limits hold where a subscription says none") {
  Planned world({subscription()}, {.rate_cap = {.per_rule = 1, .in_all = 0}, .groups_max = 10});
  world.raise(1);
  world.raise(2);
  CHECK(world.fates() == Fates{"sent", "none braked 1"});
}

TEST_CASE("planner: a clock that is set back begins a minute of its own") {
  Planned world({subscription({{"brake", {{"per_rule", 1}}}})});
  world.raise(1);
  world.stored.clock.advance({-3600 * kSecond.us});
  world.raise(2);
  world.raise(3);
  CHECK(world.fates() == Fates{"sent", "sent", "none braked 1"});
  CHECK(world.release() == 0);
  world.stored.clock.advance({60 * kSecond.us});
  CHECK(world.release() == 1);
}

TEST_CASE("planner: a group waits, then goes as one, and again after an interval at most") {
  Planned world(
      {subscription({{"group", {{"by", {"rule", "card"}}, {"wait", "30s"}, {"interval", "5m"}}}})});
  world.raise(1);
  world.raise(2);
  world.raise(3, {.card = "c9"});
  CHECK(world.fates() == Fates{"sent grouped 1", "sent grouped 1", "sent grouped 2"});
  world.stored.clock.advance({30 * kSecond.us});
  CHECK(world.release() == 2);
  const ordered_json group = world.payload(1);
  CHECK(group.at("type") == "alert.group");
  CHECK(group.at("group") == ordered_json{{"rule", "card_testing"}, {"card", "c1"}});
  CHECK(group.at("count") == 2);
  REQUIRE(group.at("alerts").size() == 2);
  CHECK(group.at("alerts")[1] == ordered_json::parse(alert_at(2).line));
  CHECK(!group.contains("more"));
  // Those of the group that come now wait for the interval's end.
  world.raise(4);
  CHECK(world.fates().back() == "sent grouped 3");
  CHECK(**world.planner->next_due() == *cep::parse_time("2026-03-02T12:06:30Z"));
  world.stored.clock.advance({299 * kSecond.us});
  world.raise(5);
  CHECK(world.fates().back() == "sent grouped 3");
  world.stored.clock.advance({kSecond.us});
  CHECK(world.release() == 1);
  CHECK(world.payload(3).at("count") == 2);
  // One that has rested begins anew.
  world.stored.clock.advance({301 * kSecond.us});
  CHECK(world.release() == 0);
  CHECK(!*world.planner->next_due());
  world.raise(6);
  CHECK(world.release() == 0);
  world.stored.clock.advance({30 * kSecond.us});
  CHECK(world.release() == 1);
  CHECK(world.payload(4).at("count") == 1);
}

TEST_CASE("planner: a group's message has as many alerts as it may, and counts the rest") {
  Planned world({subscription({{"group", {{"by", ordered_json::array()}, {"wait", "1s"}}}})});
  for (int i = 1; i <= 7; ++i) world.raise(i);
  world.stored.clock.advance(kSecond);
  CHECK(world.release() == 1);
  const ordered_json few = world.payload(1, {.alerts_max = 3});
  CHECK(few.at("alerts").size() == 3);
  CHECK(few.at("count") == 7);
  CHECK(few.at("more") == 4);
  const ordered_json small = world.payload(1, {.bytes_max = alert_at(1).line.size()});
  CHECK(small.at("alerts").size() == 1);
  CHECK(small.at("more") == 6);
  // All of them are owed until it has arrived.
  const runtime::EndpointId endpoint = world.subscriptions[0]->endpoint();
  CHECK(world.stored.effects().owed(endpoint) == 8);
  world.arrived(1);
  CHECK(world.stored.effects().owed(endpoint) == 0);
  CHECK(world.outbox().empty());
}

TEST_CASE("planner: what begins a group counts for the brake, what joins one does not") {
  Planned world({subscription({{"group", {{"by", {"card"}}}}, {"brake", {{"per_rule", 1}}}})});
  world.raise(1);
  world.raise(2);
  world.raise(3, {.card = "c9"});
  CHECK(world.fates() == Fates{"sent grouped 1", "sent grouped 1", "none braked 2"});
}

TEST_CASE("planner: with as many groups as may be, alerts go by themselves, and it is said") {
  Planned world({subscription({{"group", {{"by", {"card"}}}}})}, {.rate_cap = {}, .groups_max = 1});
  world.raise(1);
  CHECK(world.planner->take_over_limit().empty());
  world.raise(2, {.card = "c9"});
  CHECK(world.fates() == Fates{"sent grouped 1", "sent"});
  CHECK(world.planner->take_over_limit() == std::vector<std::string>{"sub_1"});
  CHECK(world.planner->take_over_limit().empty());
}

TEST_CASE("planner: a silence holds of what is stored while it lasts, for all subscriptions") {
  Planned world({subscription(), subscription({{"filter", {{"rules", {"geo"}}}}}, "sub_2")});
  auto silence = read_silence(
      R"({"filter":{"key":{"card":"c1"}},"from":"2026-03-02T12:01:10Z","until":"2026-03-02T12:01:20Z","reason":"a test"})",
      world.stored.clock.now());
  REQUIRE(silence);
  silence->id = "sil_1";
  world.silences = {std::make_shared<const Silence>(*silence)};
  world.planner->set_silences(world.silences);
  for (int i = 1; i <= 4; ++i) {
    world.raise(2 * i, {.card = i == 3 ? "c2" : "c1"});
    world.raise(2 * i + 1, {.rule = "geo"});
    world.stored.clock.advance({i == 3 ? 5 * kSecond.us : (i == 1 ? 10 : 5) * kSecond.us});
  }
  const std::string silenced = "none silenced sil_1";
  CHECK(world.fates() ==
        Fates{"sent", "sent", silenced, silenced, "sent", silenced, "sent", "sent"});
  CHECK(world.fates(1) ==
        Fates{"none", "sent", "none", silenced, "none", silenced, "none", "sent"});
}

TEST_CASE("planner: what was owed once more goes by itself, whatever withheld it") {
  Planned world({subscription({{"brake", {{"per_rule", 1}}}}),
                 subscription({{"group", ordered_json::object()}}, "sub_2")});
  world.raise(1);
  world.raise(2);
  CHECK(world.fates() == Fates{"sent", "none braked 2"});
  CHECK(world.fates(1) == Fates{"sent grouped 1", "sent grouped 1"});
  const std::vector<std::uint64_t> numbers = {2};
  CHECK(*world.stored.effects().owe(world.subscriptions[0]->endpoint(), numbers) == 1);
  CHECK(*world.stored.effects().owe(world.subscriptions[1]->endpoint(), numbers) == 1);
  CHECK(world.fates() == Fates{"sent", "sent"});
  CHECK(world.fates(1) == Fates{"sent grouped 1", "sent"});
  // The group's message takes nothing with it that is owed by itself.
  StoredMessages messages(world.stored.store(), world.stored.effects(), {});
  world.stored.clock.advance({30 * kSecond.us});
  world.release();
  REQUIRE(messages.delivered(world.subscriptions[1]->endpoint(), runtime::kMessageBit | 1));
  CHECK(world.outbox(1).size() == 1);
  CHECK(world.outbox(1)[0].number == 2);
}

TEST_CASE("planner: retention takes what withheld an alert with it, and leaves what is owed") {
  Planned world(
      {subscription({{"brake", {{"per_rule", 1}}}}),
       subscription({{"group", {{"by", ordered_json::array()}}}, {"filter", {{"rules", {"geo"}}}}},
                    "sub_2")});
  for (int i = 1; i <= 4; ++i) world.raise(i, {.rule = i == 3 ? "geo" : "card_testing"});
  world.arrived(0);  // there is none: nothing happens
  REQUIRE(world.stored.effects().settle_delivery(world.subscriptions[0]->endpoint(), 1));
  REQUIRE(world.stored.effects().settle_delivery(world.subscriptions[0]->endpoint(), 3));
  runtime::RetentionPolicy policy;
  policy.alerts.bytes_max = 1;
  for (int i = 0; i < 10; ++i) REQUIRE(world.stored.effects().retain(policy, 100));
  std::vector<std::uint64_t> left;
  REQUIRE(world.stored.effects().reader().alerts(1, [&](const runtime::StoredAlert& alert) {
    left.push_back(alert.number);
    return true;
  }));
  CHECK(left == std::vector<std::uint64_t>{3});  // a group waits with it
  CHECK(world.stored.effects().reader().withheld(2)->empty());
  CHECK(world.stored.effects().reader().withheld(4)->empty());
  CHECK(world.stored.effects().reader().withheld(3)->size() == 1);
}

TEST_CASE("planner: nothing is left of a subscription that is forgotten") {
  Planned world({subscription({{"group", {{"by", {"rule"}}}}, {"brake", {{"per_rule", 1}}}})});
  world.raise(1);
  world.raise(2, {.rule = "geo"});
  const runtime::EndpointId endpoint = world.subscriptions[0]->endpoint();
  world.planner->set_subscriptions({});
  const auto batch = world.planner->forget(endpoint);
  REQUIRE(batch);
  REQUIRE(world.stored.effects().forget_endpoint(endpoint, *batch));
  world.stored.clock.advance({3600 * kSecond.us});
  CHECK(world.release() == 0);
  std::size_t rows = 0;
  REQUIRE(world.stored.store().scan(runtime::kMessageFamily, {},
                                    [&](std::string_view, std::string_view) {
                                      ++rows;
                                      return true;
                                    }));
  CHECK(rows == 1);  // the last number: none is given twice
}

TEST_CASE("planner: a subscription of a store from before has no group, and the server's brake") {
  ordered_json stored = ordered_json::parse(*encode_subscription(subscription(), {}));
  stored.erase("group");
  stored.erase("brake");
  const Result<Subscription> read = decode_subscription(stored.dump(), {});
  REQUIRE(read);
  CHECK(!read->group);
  CHECK(!read->rate_cap_per_rule);
  const Subscription full = subscription({{"group", {{"by", {"rule"}}, {"wait", "0s"}}},
                                          {"brake", {{"in_all", 0}}},
                                          {"filter", {{"condition", "amount > 1"}}}});
  const Result<Subscription> again = decode_subscription(*encode_subscription(full, {}), {});
  REQUIRE(again);
  CHECK(subscription_settings(*again) == subscription_settings(full));
}

TEST_CASE("planner: groups and brakes that cannot be are refused with the member's name") {
  const std::vector<std::pair<ordered_json, std::string>> rows = {
      {{{"group", 1}}, "group"},
      {{{"group", {{"on", {"rule"}}}}}, "group"},
      {{{"group", {{"by", "rule"}}}}, "group.by"},
      {{{"group", {{"by", {"rule", "rule"}}}}}, "group.by"},
      {{{"group", {{"wait", "2h"}}}}, "group.wait"},
      {{{"group", {{"interval", "0s"}}}}, "group.interval"},
      {{{"brake", 5}}, "brake"},
      {{{"brake", {{"per_rule", -1}}}}, "brake.per_rule"},
      {{{"brake", {{"per_minute", 1}}}}, "brake"},
  };
  for (const auto& row : rows) {
    const ordered_json& more = row.first;
    CAPTURE(more.dump());
    ordered_json settings = {{"url", "http://127.0.0.1:9/"}};
    settings.update(more);
    Subscription made;
    const Result<void> applied = apply_settings(settings.dump(), {}, made);
    REQUIRE_FALSE(applied);
    CHECK(applied.error().message.starts_with(row.second + " is "));
  }
}

// The same alerts at the same times, with and without an end of the process before each.
TEST_CASE("planner: a crash repeats no decision and forgets none") {
  const auto play = [](std::uint64_t seed, bool crashes, bool loses_power) {
    tests::Random random(seed);
    Planned world({subscription({{"brake", {{"per_rule", 3}, {"in_all", 5}}}}),
                   subscription({{"group", {{"by", {"rule", "card"}}, {"interval", "2m"}}},
                                 {"brake", {{"per_rule", 2}}}},
                                "sub_2")});
    std::vector<std::string> payloads;
    std::uint64_t shown = 0;
    for (int i = 1; i <= 60; ++i) {
      world.raise(i, {.rule = random.below(3) == 0 ? "geo" : "card_testing",
                      .card = random.below(2) == 0 ? "c1" : "c2"});
      if (crashes) world.restart(loses_power);
      world.stored.clock.advance({static_cast<std::int64_t>(random.below(20)) * kSecond.us});
      world.release();
      if (crashes) world.restart(loses_power);
    }
    world.stored.clock.advance({600 * kSecond.us});
    world.release();
    for (std::size_t which = 0; which < 2; ++which) {
      for (const runtime::OutboxRow& row : world.outbox(which)) {
        if (!runtime::is_message(row.number)) continue;
        payloads.push_back(world.payload(row.number & ~runtime::kMessageBit, {}, which).dump());
        shown += ordered_json::parse(payloads.back()).at("count").get<std::uint64_t>();
      }
    }
    std::uint64_t withheld = 0;
    for (std::size_t which = 0; which < 2; ++which) {
      for (const std::string& fate : world.fates(which)) withheld += fate != "sent" ? 1 : 0;
      for (std::string& fate : world.fates(which)) payloads.push_back(std::move(fate));
    }
    CHECK(shown == withheld);  // each is in one message
    return payloads;
  };
  for (std::uint64_t seed = 1; seed <= (tests::is_quick() ? 4 : 20); ++seed) {
    CAPTURE(seed);
    const std::vector<std::string> expected = play(seed, false, false);
    CHECK(play(seed, true, false) == expected);
    CHECK(play(seed, true, true) == expected);
  }
}
}  // namespace
}  // namespace tocsin::api
