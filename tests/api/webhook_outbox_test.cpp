#include "api/outbox/webhook_outbox.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "api/base/clock.h"
#include "api/delivery/signature.h"
#include "api/net/http_client.h"
#include "api/outbox/spill_file.h"
#include "tests/api/fake_endpoint.h"

namespace tocsin::api {
namespace {
using namespace std::chrono_literals;
namespace fs = std::filesystem;
using Json = nlohmann::json;
using namespace tests;

class Folder {
 public:
  Folder() {
    std::string path = (fs::temp_directory_path() / "tocsin_outbox_test_XXXXXX").string();
    REQUIRE(mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~Folder() { fs::remove_all(path_); }
  std::string file(const char* name) const { return (path_ / name).string(); }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  fs::path path_;
};

std::vector<Json> json_lines(const std::string& path) {
  std::ifstream file(path);
  std::vector<Json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(Json::parse(line));
  return lines;
}

WebhookOptions options_in(const Folder& folder, std::size_t concurrency = 1) {
  WebhookOptions options;
  options.url = "http://127.0.0.1:9/hook";
  options.secret = kSecret;
  options.concurrency = concurrency;
  options.undelivered_path = folder.file("undelivered.ndjson");
  options.jitter_seed = 1;
  return options;
}

std::unique_ptr<WebhookOutbox> open(WebhookOptions options, HttpClient& client, Clock& clock) {
  auto outbox = WebhookOutbox::open(std::move(options), client, clock);
  REQUIRE(outbox.has_value());
  return std::move(*outbox);
}

std::string alert_id(int number) { return "alert" + std::to_string(number); }
std::string payload(int number) { return "{\"n\":" + std::to_string(number) + ",\"x\":1.50}"; }
void enqueue(WebhookOutbox& outbox, int count) {
  for (int i = 0; i < count; ++i) REQUIRE(outbox.enqueue(alert_id(i), payload(i)));
}

HttpReply ok(std::size_t) { return {.status = 200}; }

TEST_CASE("outbox: every alert arrives, signed, under its own id, and no file is left behind") {
  const Folder folder;
  FakeClock clock;
  FakeClient client(ok);
  auto outbox = open(options_in(folder, 4), client, clock);
  enqueue(*outbox, 200);
  const Result<DeliverySummary> summary = outbox->finish(60s);
  REQUIRE(summary);
  CHECK(summary->enqueued == 200);
  CHECK(summary->delivered == 200);
  CHECK(summary->left_over == 0);
  CHECK(summary->attempts == 200);
  CHECK(summary->by_status == std::map<int, std::uint64_t>{{200, 200}});
  CHECK(summary->last_error == "");
  CHECK(!summary->endpoint_gone);
  CHECK(clock.elapsed() == 0s);
  std::set<std::string> ids, bodies;
  for (const Post& post : client.posts()) {
    CHECK(verify_webhook(*WebhookSecret::parse(kSecret), {post.id, post.timestamp, post.signature},
                         post.body, clock.unix_seconds())
              .has_value());
    ids.insert(post.id);
    bodies.insert(post.body);
  }
  CHECK(ids.size() == 200);
  CHECK(bodies.size() == 200);
  CHECK(ids.contains(webhook_id(alert_id(17), 0, "http://127.0.0.1:9/hook")));
  CHECK(folder.files() == 0);
}

TEST_CASE("outbox: an alert is tried again under the same id with a new timestamp") {
  const Folder folder;
  FakeClock clock;
  FakeClient client([](std::size_t number) { return HttpReply{.status = number < 3 ? 500 : 204}; });
  auto outbox = open(options_in(folder), client, clock);
  enqueue(*outbox, 1);
  const Result<DeliverySummary> summary = outbox->finish(60s);
  REQUIRE(summary);
  CHECK(summary->delivered == 1);
  CHECK(summary->attempts == 4);
  CHECK(summary->by_status == std::map<int, std::uint64_t>{{204, 1}, {500, 3}});
  CHECK(summary->last_error == "answered 500");
  const std::vector<Post> posts = client.posts();
  REQUIRE(posts.size() == 4);
  for (const Post& post : posts) {
    CHECK(post.id == posts[0].id);
    CHECK(post.body == payload(0));
    CHECK(verify_webhook(*WebhookSecret::parse(kSecret), {post.id, post.timestamp, post.signature},
                         post.body, std::stoll(post.timestamp))
              .has_value());
  }
  CHECK(posts[3].timestamp != posts[0].timestamp);
  CHECK(clock.elapsed() >= 5s);
  CHECK(clock.elapsed() <= 20s);
  CHECK(folder.files() == 0);
}

TEST_CASE("outbox: what cannot be delivered in time is kept, whole and in order") {
  const Folder folder;
  FakeClock clock;
  FakeClient client([](std::size_t number) {
    return number % 2 == 0 ? HttpReply{.status = 503} : HttpReply{.error = "Connection refused"};
  });
  auto outbox = open(options_in(folder), client, clock);
  enqueue(*outbox, 30);
  const Result<DeliverySummary> summary = outbox->finish(60s);
  REQUIRE(summary);
  CHECK(summary->delivered == 0);
  CHECK(summary->left_over == 30);
  CHECK(summary->attempts == client.posts().size());
  CHECK(summary->attempts >= 10);  // the circuit opens after 5 and asks again every few seconds
  CHECK(summary->attempts <= 40);
  CHECK(clock.elapsed() <= 60s);
  CHECK(clock.elapsed() >= 50s);
  const std::vector<Json> lines = json_lines(folder.file("undelivered.ndjson"));
  REQUIRE(lines.size() == 30);
  std::uint64_t attempts = 0;
  for (int i = 0; i < 30; ++i) {
    const Json& line = lines[static_cast<std::size_t>(i)];
    CHECK(line["alert"] == alert_id(i));
    CHECK(line["revision"] == 0);
    CHECK(line["webhook_id"] == webhook_id(alert_id(i), 0, "http://127.0.0.1:9/hook"));
    CHECK(line["url"] == "http://127.0.0.1:9/hook");
    CHECK(line["payload"]["n"] == i);
    attempts += line["attempts"].get<std::uint64_t>();
    if (line["attempts"] == 0) {
      CHECK(!line.contains("error"));
    } else if (line.contains("status")) {
      CHECK(line["error"] == "answered 503");
    } else {
      CHECK(line["error"] == "Connection refused");
    }
  }
  CHECK(attempts == summary->attempts);
}

TEST_CASE("outbox: the body is kept byte by byte") {
  const Folder folder;
  FakeClock clock;
  FakeClient client([](std::size_t) { return HttpReply{.status = 500}; });
  auto outbox = open(options_in(folder), client, clock);
  REQUIRE(outbox->enqueue("a", R"({"amount":1.50,"b":[ 1 ]})", 3));
  REQUIRE(outbox->enqueue("b", "no JSON\n\x01"));
  REQUIRE(outbox->finish(0ms));
  std::ifstream file(folder.file("undelivered.ndjson"));
  std::string first, second;
  std::getline(file, first);
  std::getline(file, second);
  CHECK(first.find(R"("revision":3,)") != std::string::npos);
  CHECK(first.ends_with(R"(,"payload":{"amount":1.50,"b":[ 1 ]}})"));
  CHECK(second.ends_with(R"(,"payload":"no JSON\n\u0001"})"));
}

TEST_CASE("outbox: 410 ends everything at once") {
  const Folder folder;
  FakeClock clock;
  FakeClient client(
      [](std::size_t number) { return HttpReply{.status = number == 0 ? 200 : 410}; });
  auto outbox = open(options_in(folder), client, clock);
  enqueue(*outbox, 10);
  const Result<DeliverySummary> summary = outbox->finish(60s);
  REQUIRE(summary);
  CHECK(summary->delivered == 1);
  CHECK(summary->attempts == 2);
  CHECK(summary->left_over == 9);
  CHECK(summary->endpoint_gone);
  CHECK(clock.elapsed() == 0s);
  const std::vector<Json> lines = json_lines(folder.file("undelivered.ndjson"));
  REQUIRE(lines.size() == 9);
  CHECK(lines[0]["status"] == 410);
  CHECK(lines[1]["attempts"] == 0);
}

TEST_CASE("outbox: Retry-After is honoured, and a wait that is longer than the time left ends it") {
  const Folder folder;
  for (const bool is_delivered : {true, false}) {
    CAPTURE(is_delivered);
    FakeClock clock;
    FakeClient client([&](std::size_t number) {
      if (number > 0) return HttpReply{.status = 200};
      return HttpReply{.status = 429, .retry_after = is_delivered ? "20" : "3600"};
    });
    auto outbox = open(options_in(folder), client, clock);
    enqueue(*outbox, 3);
    const Result<DeliverySummary> summary = outbox->finish(60s);
    REQUIRE(summary);
    CHECK(summary->delivered == (is_delivered ? 3 : 0));
    CHECK(summary->attempts == (is_delivered ? 4 : 1));
    CHECK(clock.elapsed() == (is_delivered ? 20s : 0s));
  }
}

TEST_CASE("outbox: Retry-After of another answer is not asked for") {
  const Folder folder;
  FakeClock clock;
  FakeClient client([](std::size_t number) {
    return number == 0 ? HttpReply{.status = 500, .retry_after = "3600"} : HttpReply{.status = 200};
  });
  auto outbox = open(options_in(folder), client, clock);
  enqueue(*outbox, 1);
  CHECK(outbox->finish(60s)->delivered == 1);
}

TEST_CASE(
    "outbox: what does not fit in memory goes through a file, in order, and nothing is lost") {
  const Folder folder;
  FakeClock clock;
  FakeClient client(ok);
  WebhookOptions options = options_in(folder);
  SUBCASE("too many") { options.queue_max = 3; }
  SUBCASE("too long") { options.queue_bytes_max = 40; }
  SUBCASE("both, and one is longer than all that may be held") {
    options.queue_max = 3;
    options.queue_bytes_max = 5;
  }
  auto outbox = open(options, client, clock);
  client.hold();
  enqueue(*outbox, 100);
  CHECK(outbox->summary().enqueued == 100);
  CHECK(outbox->summary().left_over == 100);
  CHECK(folder.files() == 1);  // the spilled ones have no name
  client.release();
  const Result<DeliverySummary> summary = outbox->finish(60s);
  REQUIRE(summary);
  CHECK(summary->delivered == 100);
  const std::vector<Post> posts = client.posts();
  REQUIRE(posts.size() == 100);
  for (int i = 0; i < 100; ++i) CHECK(posts[static_cast<std::size_t>(i)].body == payload(i));
}

TEST_CASE("outbox: what went through a file and was not delivered is kept too") {
  const Folder folder;
  FakeClock clock;
  FakeClient client([](std::size_t) { return HttpReply{.status = 500}; });
  WebhookOptions options = options_in(folder);
  options.queue_max = 2;
  auto outbox = open(options, client, clock);
  client.hold();
  enqueue(*outbox, 50);
  client.release();
  const Result<DeliverySummary> summary = outbox->finish(10s);
  REQUIRE(summary);
  CHECK(summary->left_over == 50);
  const std::vector<Json> lines = json_lines(folder.file("undelivered.ndjson"));
  REQUIRE(lines.size() == 50);
  for (int i = 0; i < 50; ++i) CHECK(lines[static_cast<std::size_t>(i)]["payload"]["n"] == i);
}

TEST_CASE("outbox: an endpoint that hangs is left when the time is up, or when asked") {
  const Folder folder;
  FakeClock clock;
  FakeClient client(ok);
  client.hold();
  auto outbox = open(options_in(folder), client, clock);
  enqueue(*outbox, 2);
  client.wait_for_post();
  Result<DeliverySummary> summary = fail(Errc::kInternal, "");
  SUBCASE("no time") { summary = outbox->finish(0ms); }
  SUBCASE("asked") {
    int questions = 0;
    summary = outbox->finish(1h, [&] { return ++questions == 3; });
    CHECK(questions == 3);
  }
  REQUIRE(summary);
  CHECK(summary->left_over == 2);
  CHECK(summary->attempts == 1);
  const std::vector<Json> lines = json_lines(folder.file("undelivered.ndjson"));
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["error"] == "given up");
  CHECK(!lines[0].contains("status"));
  CHECK(lines[1]["attempts"] == 0);
}

TEST_CASE("outbox: an earlier run's leftovers stay in the file") {
  const Folder folder;
  std::ofstream(folder.file("undelivered.ndjson")) << "{\"earlier\":true}\n";
  FakeClock clock;
  FakeClient client(
      [](std::size_t number) { return HttpReply{.status = number == 0 ? 200 : 410}; });
  auto outbox = open(options_in(folder), client, clock);
  enqueue(*outbox, 2);
  REQUIRE(outbox->finish(60s));
  const std::vector<Json> lines = json_lines(folder.file("undelivered.ndjson"));
  REQUIRE(lines.size() == 2);
  CHECK(lines[0]["earlier"] == true);
  CHECK(lines[1]["alert"] == alert_id(1));
}

TEST_CASE("outbox: an alert whose attempts are used up goes to the file while others go on") {
  const Folder folder;
  FakeClock clock;
  // The first alert is never taken; the clock stands still, so only `finish` lets it be tried
  // again.
  FakeClient client(
      [](std::size_t number) { return HttpReply{.status = number == 0 ? 400 : 200}; });
  WebhookOptions options = options_in(folder);
  options.retry_delays = {1ms};
  auto outbox = open(options, client, clock);
  enqueue(*outbox, 3);
  const Result<DeliverySummary> summary = outbox->finish(60s);
  REQUIRE(summary);
  CHECK(summary->delivered == 3);
  CHECK(summary->by_status.at(400) == 1);
}

TEST_CASE("outbox: without finish, what is owed is kept") {
  const Folder folder;
  FakeClock clock;
  FakeClient client(ok);
  client.hold();
  {
    auto outbox = open(options_in(folder), client, clock);
    enqueue(*outbox, 5);
  }
  CHECK(json_lines(folder.file("undelivered.ndjson")).size() == 5);
}

TEST_CASE("outbox: options that cannot be used are refused") {
  const Folder folder;
  struct Row {
    const char* name;
    std::function<void(WebhookOptions&)> change;
    Errc code;
  };
  const Row rows[] = {
      {"url", [](WebhookOptions& options) { options.url = "example.com"; }, Errc::kInvalidArgument},
      {"secret", [](WebhookOptions& options) { options.secret = "secret"; },
       Errc::kInvalidArgument},
      {"no request at once", [](WebhookOptions& options) { options.concurrency = 0; },
       Errc::kInvalidArgument},
      {"too many at once", [](WebhookOptions& options) { options.concurrency = 65; },
       Errc::kInvalidArgument},
      {"no waits", [](WebhookOptions& options) { options.retry_delays.clear(); },
       Errc::kInvalidArgument},
      {"an empty wait",
       [](WebhookOptions& options) {
         options.retry_delays = {1s, 0s};
       },
       Errc::kInvalidArgument},
      {"no time", [](WebhookOptions& options) { options.total_timeout = 0s; },
       Errc::kInvalidArgument},
      {"no memory", [](WebhookOptions& options) { options.queue_max = 0; }, Errc::kInvalidArgument},
      {"no file", [](WebhookOptions& options) { options.undelivered_path = ""; },
       Errc::kInvalidArgument},
      {"no folder", [](WebhookOptions& options) { options.undelivered_path += "/x/y"; }, Errc::kIo},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    WebhookOptions options = options_in(folder);
    row.change(options);
    const auto outbox = WebhookOutbox::open(options);
    REQUIRE(!outbox.has_value());
    CHECK(outbox.error().code == row.code);
    CHECK(outbox.error().message.find(kSecret) == std::string::npos);
  }
  CHECK(folder.files() == 0);
}

TEST_CASE(
    "spill file: first in, first out, whatever the contents, and used again once it is empty") {
  const Folder folder;
  SpillFile spill(folder.file("x"));
  for (int round = 0; round < 3; ++round) {
    CHECK(spill.is_empty());
    for (int i = 0; i < 100; ++i) {
      const std::string body(static_cast<std::size_t>(i) * 997, static_cast<char>(i));
      REQUIRE(spill.push("id\n" + std::to_string(i), static_cast<std::uint64_t>(i) << 40, body));
    }
    CHECK(spill.count() == 100);
    for (int i = 0; i < 100; ++i) {
      const Result<SpillFile::Record> record = spill.pop();
      REQUIRE(record);
      CHECK(record->alert_id == "id\n" + std::to_string(i));
      CHECK(record->revision == static_cast<std::uint64_t>(i) << 40);
      CHECK(record->payload ==
            std::string(static_cast<std::size_t>(i) * 997, static_cast<char>(i)));
    }
  }
  CHECK(folder.files() == 0);
}

TEST_CASE(
    "spill file: where its neighbour's folder is missing, it goes to the folder for temporary "
    "files") {
  SpillFile spill("/no/such/folder/x");
  REQUIRE(spill.push("a", 0, "b"));
  CHECK(spill.pop()->payload == "b");
}
}  // namespace
}  // namespace tocsin::api
