// Webhooks over an alert store: what is owed outlives the process that owes it.
#include "api/outbox/stored_deliveries.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/delivery/signature.h"
#include "api/outbox/webhook_outbox.h"
#include "runtime/effects/effect_store.h"
#include "runtime/store/rocks_store.h"
#include "tests/api/fake_endpoint.h"
#include "tests/support/model_store.h"
#include "tests/support/random_effects.h"
#include "tests/support/simulated_files.h"
#include "tests/support/temporary_folder.h"

namespace tocsin::api {
namespace {
using namespace tests;
using runtime::EffectStore;
using runtime::OutboxRow;
constexpr const char* kUrl = "http://127.0.0.1:9/hook";
constexpr std::array<std::uint8_t, 16> kTimeline{1};

WebhookOptions options_of(std::size_t concurrency = 1) {
  WebhookOptions options;
  options.url = kUrl;
  options.secret = kSecret;
  options.concurrency = concurrency;
  options.jitter_seed = 1;
  return options;
}

/// One process with a store of effects and an outbox over it.
class Life {
 public:
  Life(runtime::Store& store, HttpClient& client, WebhookOptions options = options_of()) {
    auto effects = EffectStore::open(store, wall, {});
    REQUIRE(effects);
    effects_ = std::move(*effects);
    const auto resumed = effects_->has_timeline(kTimeline)
                             ? effects_->resume(effects_->mark())
                             : effects_->begin_timeline(kTimeline, {}, {});
    REQUIRE(resumed);
    REQUIRE(effects_->set_endpoints({endpoint()}));
    auto outbox =
        WebhookOutbox::open(std::move(options), client, clock_,
                            std::make_unique<StoredDeliveries>(*effects_, endpoint(), wall));
    REQUIRE(outbox);
    outbox_ = std::move(*outbox);
  }
  static runtime::EndpointId endpoint() { return *endpoint_of_webhook(kUrl); }
  EffectStore& effects() { return *effects_; }
  WebhookOutbox& outbox() { return *outbox_; }
  void raise(int count) {
    for (int i = 0; i < count; ++i) {
      runtime::SliceEffects slice;
      const auto number = static_cast<std::int64_t>(effects_->mark().number + 1);
      slice.alerts = {effect_alert(number, 1)};
      REQUIRE(effects_->commit({&slice, 1}));
    }
    outbox_->wake();
  }
  std::vector<OutboxRow> rows() const {
    std::vector<OutboxRow> rows;
    REQUIRE(effects_->reader().outbox(endpoint(), 0, [&](const OutboxRow& row) {
      rows.push_back(row);
      return true;
    }));
    return rows;
  }

  SimulatedClock wall;

 private:
  FakeClock clock_;
  std::unique_ptr<EffectStore> effects_;
  std::unique_ptr<WebhookOutbox> outbox_;
};

TEST_CASE(
    "stored deliveries: each alert arrives once, in the order of its number, then is owed no "
    "more") {
  ModelDisk disk;
  const auto store = *disk.open(runtime::effect_families());
  FakeClient client([](std::size_t) { return HttpReply{.status = 200}; });
  Life life(*store, client);
  life.raise(50);
  const Result<DeliverySummary> summary = life.outbox().finish(60s);
  REQUIRE(summary);
  CHECK(summary->enqueued == 50);
  CHECK(summary->delivered == 50);
  CHECK(summary->left_over == 0);
  CHECK(life.rows().empty());
  const std::vector<Post> posts = client.posts();
  REQUIRE(posts.size() == 50);
  for (std::size_t i = 0; i < posts.size(); ++i) {
    const runtime::StoredAlert alert = effect_alert(static_cast<std::int64_t>(i + 1), 1);
    CHECK(posts[i].body == alert.line);
    CHECK(posts[i].id == webhook_id(alert.id, 0, kUrl));
  }
}

TEST_CASE("stored deliveries: what is left over goes on in the next process, under the same id") {
  ModelDisk disk;
  std::set<std::string> ids;
  {
    const auto store = *disk.open(runtime::effect_families());
    FakeClient client(
        [](std::size_t number) { return HttpReply{.status = number < 3 ? 200 : 503}; });
    Life life(*store, client);
    life.raise(10);
    const Result<DeliverySummary> summary = life.outbox().finish(60s);
    REQUIRE(summary);
    CHECK(summary->enqueued == 10);
    CHECK(summary->delivered == 3);
    CHECK(summary->left_over == 7);
    const std::vector<OutboxRow> rows = life.rows();
    REQUIRE(rows.size() == 7);
    CHECK(rows[0].number == 4);
    CHECK(rows[0].attempts > 1);
    CHECK(rows[0].last_status == 503);
    CHECK(rows[0].last_error == "answered 503");
    CHECK(rows[0].due > life.wall.time);
    for (const Post& post : client.posts()) ids.insert(post.id);
  }
  disk.restart();
  const auto store = *disk.open(runtime::effect_families());
  FakeClient client([](std::size_t) { return HttpReply{.status = 200}; });
  Life life(*store, client);
  life.raise(2);
  const Result<DeliverySummary> summary = life.outbox().finish(600s);
  REQUIRE(summary);
  CHECK(summary->enqueued == 9);
  CHECK(summary->delivered == 9);
  CHECK(life.rows().empty());
  for (const Post& post : client.posts()) ids.insert(post.id);
  CHECK(ids.size() == 12);
}

TEST_CASE("stored deliveries: a schedule that is used up, and 410, wait for the next start") {
  for (const int status : {500, 410}) {
    CAPTURE(status);
    ModelDisk disk;
    {
      const auto store = *disk.open(runtime::effect_families());
      FakeClient client([=](std::size_t) { return HttpReply{.status = status}; });
      WebhookOptions options = options_of();
      options.retry_delays = {1ms};
      Life life(*store, client, options);
      life.raise(1);
      client.wait_for_post();
      const Result<DeliverySummary> summary = life.outbox().finish(2s);
      REQUIRE(summary);
      CHECK(summary->left_over == 1);
      CHECK(summary->endpoint_gone == (status == 410));
      REQUIRE(life.rows().size() == 1);
      CHECK(life.rows()[0].last_status == status);
    }
    disk.restart();
    const auto store = *disk.open(runtime::effect_families());
    FakeClient client([](std::size_t) { return HttpReply{.status = 200}; });
    Life life(*store, client);
    CHECK(life.outbox().finish(60s)->delivered == 1);
  }
}

TEST_CASE("stored deliveries: more than memory may hold") {
  ModelDisk disk;
  const auto store = *disk.open(runtime::effect_families());
  FakeClient client([](std::size_t) { return HttpReply{.status = 200}; });
  WebhookOptions options = options_of(4);
  options.queue_max = 3;
  Life life(*store, client, options);
  life.raise(700);  // more than are read at once
  CHECK(life.outbox().finish(60s)->delivered == 700);
  std::map<std::string, int> seen;
  for (const Post& post : client.posts()) ++seen[post.id];
  CHECK(seen.size() == 700);
  CHECK(client.posts().size() == 700);
}

TEST_CASE("stored deliveries: a store that fails ends in an error") {
  ModelDisk disk;
  const auto store = *disk.open(runtime::effect_families());
  FakeClient client([](std::size_t) { return HttpReply{.status = 200}; });
  Life life(*store, client);
  client.hold();
  life.raise(1);
  disk.fault = [](std::uint64_t) { return StoreFault::kFail; };
  client.release();
  const Result<DeliverySummary> summary = life.outbox().finish(1s);
  REQUIRE_FALSE(summary);
  CHECK(summary.error().code == Errc::kIo);
}

TEST_CASE("stored deliveries: a due time of long ahead, from a clock that was wrong, waits a day") {
  ModelDisk disk;
  const auto store = *disk.open(runtime::effect_families());
  SimulatedClock wall;
  const auto effects = *EffectStore::open(*store, wall, {});
  REQUIRE(effects->begin_timeline(kTimeline, {}, {}));
  REQUIRE(effects->set_endpoints({Life::endpoint()}));
  runtime::SliceEffects slice;
  slice.alerts = {effect_alert(1, 1), effect_alert(2, 1)};
  REQUIRE(effects->commit({&slice, 1}));
  REQUIRE(effects->note_delivery(Life::endpoint(), {1, 2, {INT64_MAX / 2}, 0, "", false}));
  REQUIRE(effects->note_delivery(Life::endpoint(), {2, 9, {5}, 500, "", true}));
  StoredDeliveries source(*effects, Life::endpoint(), wall);
  CHECK(source.waiting() == 2);
  const auto first = source.next();
  REQUIRE((*first).has_value());
  CHECK((*first)->wait == 24h);
  CHECK((*first)->attempts == 2);
  const auto second = source.next();
  CHECK((*second)->wait == 0h);
  CHECK((*second)->attempts == 0);  // its schedule begins anew
  CHECK_FALSE((*source.next()).has_value());
  CHECK(source.waiting() == 0);
  CHECK(source.total() == 2);
}

TEST_CASE("stored deliveries: over RocksDB, whatever is killed when, each arrives under one id") {
  const TemporaryFolder folder;
  std::map<std::string, int> arrived;
  std::string directory = folder.path() + "/store0";
  constexpr int kLives = 6;
  for (int i = 0; i < kLives; ++i) {
    const auto store =
        runtime::RocksStore::open(directory, {.families = runtime::effect_families()});
    REQUIRE(store);
    // Every third request fails.
    FakeClient client([&](std::size_t number) {
      return HttpReply{.status = number % 3 == 2 && i + 1 < kLives ? 503 : 200};
    });
    Life life(**store, client, options_of(2));
    life.raise(40);
    if (i + 1 < kLives) {
      client.wait_for_post();
      // The process is killed here: what it left is what the next one finds.
      directory = folder.path() + "/store" + std::to_string(i + 1);
      std::filesystem::copy(folder.path() + "/store" + std::to_string(i), directory);
      static_cast<void>(life.outbox().finish(0ms));
    } else {
      CHECK(life.outbox().finish(600s)->left_over == 0);
    }
    for (const Post& post : client.posts()) ++arrived[post.id];
  }
  CHECK(arrived.size() == 40 * kLives);
  for (int n = 1; n <= 40 * kLives; ++n)
    CHECK(arrived.contains(webhook_id(effect_alert(n, 1).id, 0, kUrl)));
}
}  // namespace
}  // namespace tocsin::api
