// Secrets of subscriptions, and how they are replaced.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "api/delivery/signature.h"
#include "api/outbox/subscription_service.h"
#include "tests/api/api_client.h"
#include "tests/api/stored_alerts.h"
#include "tests/api/subscription_world.h"

namespace tocsin::api {
namespace {
using namespace std::chrono_literals;
using nlohmann::ordered_json;
using tests::comes_true;
using tests::id_of;
using tests::Received;
using tests::Receiver;
using tests::World;

TEST_CASE("subscriptions: a rotated secret signs beside the one before, until that ends") {
  World world;
  const Receiver receiver([](std::size_t) { return Receiver::status(200); });
  const ordered_json made = world.subscribe(receiver);
  const std::string path = "/v1/subscriptions/" + id_of(made);
  const ordered_json rotated =
      world.client.json(200, "analyst", "POST", path + "/secret", R"({"overlap":"1h"})");
  const std::string before = made.at("secret");
  const std::string after = rotated.at("secret");
  CHECK(before != after);
  const auto verified = [&](const std::string& secret) {
    const Received one = receiver.received().back();
    return verify_webhook(*WebhookSecret::parse(secret),
                          {one.headers.at("webhook-id"), one.headers.at("webhook-timestamp"),
                           one.headers.at("webhook-signature")},
                          one.body, world.stored.clock.now().us / 1'000'000)
        .has_value();
  };
  world.raise(1, 1);
  REQUIRE(comes_true([&] { return receiver.count() == 1; }));
  CHECK(verified(before));
  CHECK(verified(after));
  world.stored.clock.advance(cep::Duration{3'600'000'000});
  world.raise(2, 2);
  REQUIRE(comes_true([&] { return receiver.count() == 2; }));
  CHECK_FALSE(verified(before));
  CHECK(verified(after));
  world.client.json(400, "analyst", "POST", path + "/secret", R"({"overlap":"60d"})");
}

TEST_CASE("subscriptions: a further rotation keeps every secret that has not ended") {
  constexpr std::int64_t kHourUs = 3'600'000'000;
  const auto at = [](std::int64_t hours) { return cep::EventTime{hours * kHourUs}; };
  const auto hours = [](std::int64_t count) { return cep::Duration{count * kHourUs}; };
  using Secrets = std::vector<std::string>;
  Subscription one;
  one.id = "sub_1";
  one.url = "https://example.com/hook";
  one.secret = "a";
  REQUIRE(one.rotate("b", at(0), hours(24)));
  REQUIRE(one.rotate("c", at(1), hours(2)));
  CHECK(one.secrets_at(at(2)) == Secrets{"c", "b", "a"});
  CHECK(one.secrets_at(at(3)) == Secrets{"c", "a"});
  CHECK(one.secrets_at(at(24)) == Secrets{"c"});
  const Result<Subscription> read = decode_subscription(*encode_subscription(one, {}), {});
  REQUIRE_MESSAGE(read, read.error().message);
  CHECK(read->secrets_at(at(2)) == Secrets{"c", "b", "a"});
  // What has ended is forgotten, and an overlap of 0 ends all.
  REQUIRE(one.rotate("d", at(3), hours(1)));
  CHECK(one.secrets_before.size() == 2);
  Subscription ended = one;
  REQUIRE(ended.rotate("e", at(3), hours(0)));
  CHECK(ended.secrets_at(at(3)) == Secrets{"e"});
  // They are bounded, and the refusal says when there is room.
  for (std::size_t i = one.secrets_at(at(3)).size(); i < Subscription::kSecretsMax; ++i) {
    REQUIRE(one.rotate("x" + std::to_string(i), at(3), hours(24)));
  }
  const Result<void> full = one.rotate("y", at(3), hours(24));
  REQUIRE_FALSE(full);
  CHECK(full.error().code == Errc::kConflict);
  CHECK(full.error().message.find("1970-01-01T04:00:00Z") != std::string::npos);
  CHECK(one.rotate("y", at(4), hours(24)));
}

TEST_CASE("subscriptions: one that was written with one secret before is read") {
  Subscription one;
  one.id = "sub_1";
  one.url = "https://example.com/hook";
  one.secret = "b";
  ordered_json written = ordered_json::parse(*encode_subscription(one, {}));
  written.erase("secrets_before");
  written["secret_before"] = "a";
  written["secret_before_until"] = 5;
  const Result<Subscription> read = decode_subscription(written.dump(), {});
  REQUIRE_MESSAGE(read, read.error().message);
  CHECK(read->secrets_at({4}) == std::vector<std::string>{"b", "a"});
  CHECK(read->secrets_at({5}) == std::vector<std::string>{"b"});
}
}  // namespace
}  // namespace tocsin::api
