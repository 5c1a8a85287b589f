#include "api/outbox/alert_receiver.h"

#include <doctest/doctest.h>
#include <httplib.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "api/base/clock.h"
#include "api/outbox/webhook_outbox.h"
#include "api/outbox/webhook_server.h"

namespace tocsin::api {
namespace {
using namespace std::chrono_literals;

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr std::int64_t kNow = 1'772'452'860;

WebhookSecret secret() { return *WebhookSecret::parse(kSecret); }

/// A receiver and what it handed on.
struct Received {
  explicit Received(ReceiverOptions options = {})
      : receiver(secret(), options, [this](std::string_view body) -> Result<void> {
          if (sink_fails) return fail(Errc::kIo, "disk full");
          bodies.emplace_back(body);
          return {};
        }) {}
  int take(std::string_view id, std::string_view body, std::int64_t signed_at = kNow) {
    const std::string timestamp = std::to_string(signed_at);
    const std::string signature = sign_webhook(secret(), id, signed_at, body);
    return receiver.take({id, timestamp, signature}, body, kNow).status;
  }
  bool sink_fails = false;
  std::vector<std::string> bodies;
  AlertReceiver receiver;
};

TEST_CASE("receiver: a good webhook is taken once, a repeat is answered and not handed on") {
  Received received;
  CHECK(received.take("msg_1", "{\"a\":1}") == 200);
  CHECK(received.take("msg_1", "{\"a\":1}", kNow + 5) == 200);
  CHECK(received.take("msg_2", "{\"a\":1}") == 200);
  CHECK(received.bodies == std::vector<std::string>{"{\"a\":1}", "{\"a\":1}"});
  CHECK(received.receiver.counts().alerts == 2);
  CHECK(received.receiver.counts().duplicates == 1);
  CHECK(received.receiver.counts().refused == 0);
}

TEST_CASE("receiver: what is not signed, too old or no JSON is refused") {
  Received received;
  CHECK(received.receiver.take({}, "{}", kNow).status == 401);
  CHECK(received.receiver.take({"msg_1", "1772452860", "v1,AAAA"}, "{}", kNow).status == 401);
  CHECK(received.take("msg_1", "{}", kNow - 301) == 401);
  CHECK(received.take("msg_1", "{") == 400);
  CHECK(received.take("msg_1", "") == 400);
  CHECK(received.bodies.empty());
  CHECK(received.receiver.counts().refused == 5);
  CHECK(received.take("msg_1", "{}") == 200);
}

TEST_CASE("receiver: it fails the first ones on purpose, and they may come again") {
  Received received({.count = 0, .fail_first = 2});
  CHECK(received.take("msg_1", "{}") == 500);
  CHECK(received.take("msg_1", "{}") == 500);
  CHECK(received.take("msg_1", "{}") == 200);
  CHECK(received.receiver.counts().failed == 2);
}

TEST_CASE("receiver: after the last alert only repeats are answered") {
  Received received({.count = 2, .fail_first = 0});
  CHECK(received.take("msg_1", "1") == 200);
  CHECK(!received.receiver.is_complete());
  CHECK(received.take("msg_2", "2") == 200);
  CHECK(received.receiver.is_complete());
  CHECK(received.take("msg_3", "3") == 503);
  CHECK(received.take("msg_1", "1") == 200);
  CHECK(received.bodies.size() == 2);
}

TEST_CASE("receiver: an alert that cannot be handed on is not taken") {
  Received received;
  received.sink_fails = true;
  CHECK(received.take("msg_1", "1") == 500);
  CHECK(received.receiver.counts().alerts == 0);
  REQUIRE(!received.receiver.sink_state().has_value());
  CHECK(received.receiver.sink_state().error().message == "disk full");
  received.sink_fails = false;
  CHECK(received.take("msg_1", "1") == 503);
}

TEST_CASE("receiver: alerts as lines to read") {
  struct Row {
    const char* name;
    const char* body;
    const char* line;
  };
  const Row rows[] = {
      {"an alert",
       R"({"format":1,"id":"00","revision":0,"phase":"final","rule":"card_testing","key":{"card":"c1"},)"
       R"("time":"2026-03-02T12:01:00Z","severity":"high","message":"three probes"})",
       "2026-03-02T12:01:00Z  high      card_testing  card=c1  three probes"},
      {"a key of two parts, one a number",
       R"({"format":1,"id":"0","rule":"r","key":{"merchant":"m","bin":411111},"time":"t","severity":"low","message":"x"})",
       "t  low       r  merchant=m bin=411111  x"},
      {"no key",
       R"({"format":1,"id":"0","rule":"r","key":{},"time":"t","severity":"info","message":"x"})",
       "t  info      r  -  x"},
      {"control characters",
       R"({"format":1,"id":"0","rule":"r","key":{"a":"\u001b[2J"},"time":"t","severity":"s","message":"a\nb\u0007\u009b\u007f"})",
       "t  s         r  a=\\x1b[2J  a\\x0ab\\x07\\x9b\\x7f"},
      {"letters beyond ASCII",
       R"({"format":1,"id":"0","rule":"r","time":"t","severity":"s","message":"Zürich €"})",
       "t  s         r  -  Zürich €"},
      {"another format", R"({"format":2,"id":"0","rule":"r"})",
       R"({"format":2,"id":"0","rule":"r"})"},
      {"no alert", "[1,\n2]", "[1,\\x0a2]"},
      {"no object", "7", "7"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    CHECK(describe_alert(row.body) == row.line);
  }
}

TEST_CASE("receiver: JSON as one line") {
  CHECK(json_line("{\"a\":1.50}") == "{\"a\":1.50}");
  CHECK(json_line("{\r\n\"a\": 1\n}") == "{  \"a\": 1 }");
}

TEST_CASE("receiver: an outbox and a receiver over the network of this machine") {
  const std::string folder =
      (std::filesystem::temp_directory_path() / "tocsin_receiver_test").string();
  std::filesystem::create_directory(folder);
  std::mutex mutex;
  Received received({.count = 0, .fail_first = 3});
  auto server =
      receive_webhooks({"127.0.0.1", 0}, [&](const WebhookHeaders& headers, std::string_view body) {
        const std::lock_guard lock(mutex);
        return received.receiver.take(headers, body, system_clock().unix_seconds());
      });
  REQUIRE(server.has_value());
  CHECK((*server)->port() != 0);
  WebhookOptions options;
  options.url = "http://127.0.0.1:" + std::to_string((*server)->port()) + "/alerts";
  options.secret = kSecret;
  options.retry_delays = {10ms};
  options.undelivered_path = folder + "/undelivered.ndjson";
  auto outbox = WebhookOutbox::open(options);
  REQUIRE(outbox.has_value());
  for (int i = 0; i < 200; ++i)
    REQUIRE((*outbox)->enqueue("alert" + std::to_string(i), "{\"n\":" + std::to_string(i) + "}"));
  const Result<DeliverySummary> summary = (*outbox)->finish(20s);
  REQUIRE(summary);
  CHECK(summary->delivered == 200);
  CHECK(summary->by_status.at(200) == 200);
  CHECK(summary->by_status.at(500) == 3);
  (*server)->stop();
  const std::set<std::string> bodies(received.bodies.begin(), received.bodies.end());
  CHECK(received.bodies.size() == 200);
  CHECK(bodies.size() == 200);
  CHECK(std::filesystem::is_empty(folder));
  std::filesystem::remove_all(folder);
}

TEST_CASE("receiver: the server takes POSTs of a bounded length only") {
  std::atomic<int> handled = 0;
  auto server = receive_webhooks({"127.0.0.1", 0}, [&](const WebhookHeaders&, std::string_view) {
    ++handled;
    return AlertReceiver::Answer{};
  });
  REQUIRE(server.has_value());
  httplib::Client client("127.0.0.1", (*server)->port());
  const auto status_of = [](const httplib::Result& result) { return result ? result->status : 0; };
  CHECK(status_of(client.Get("/")) == 405);
  CHECK(status_of(client.Put("/", "{}", "application/json")) == 405);
  CHECK(status_of(client.Delete("/", "{}", "application/json")) == 405);
  CHECK(handled == 0);
  CHECK(status_of(client.Post("/any/path?x", "{}", "application/json")) == 200);
  const auto in_chunks = [&](std::size_t bytes) {
    return client.Post(
        "/",
        [bytes](std::size_t, httplib::DataSink& sink) {
          const std::string body(bytes, ' ');
          sink.write(body.data(), body.size());
          sink.done();
          return true;
        },
        "application/json");
  };
  CHECK(status_of(in_chunks(10)) == 200);
  CHECK(handled == 2);
  // A sender that is cut off may see the end of the connection before the answer.
  const int long_status =
      status_of(client.Post("/", std::string((4 << 20) + 1, ' '), "application/json"));
  CHECK((long_status == 413 || long_status == 0));
  const int long_chunks_status = status_of(in_chunks((4 << 20) + 1));
  CHECK((long_chunks_status == 413 || long_chunks_status == 0));
  CHECK(handled == 2);
}

TEST_CASE("receiver: a port that is in use is refused") {
  const auto take = [](const WebhookHeaders&, std::string_view) { return AlertReceiver::Answer{}; };
  auto first = receive_webhooks({"127.0.0.1", 0}, take);
  REQUIRE(first.has_value());
  auto second = receive_webhooks({"127.0.0.1", (*first)->port()}, take);
  REQUIRE(!second.has_value());
  CHECK(second.error().code == Errc::kIo);
  CHECK(second.error().message.find("127.0.0.1:" + std::to_string((*first)->port())) !=
        std::string::npos);
}
}  // namespace
}  // namespace tocsin::api
