#include <doctest/doctest.h>

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/rest/audit_trail.h"
#include "api/rest/audit_verify.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "runtime/effects/effect_codec.h"
#include "tests/api/api_client.h"
#include "tests/api/stored_alerts.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using tests::ApiClient;

constexpr cep::Duration seconds(int count) { return {count * 1'000'000LL}; }

// A thing that can be read by readers and changed by analysts, and the log of that.
struct World {
  explicit World(AuditLimits limits_in = {}) : limits(limits_in) { open(); }
  void open() {
    store = *disk.open(runtime::effect_families());
    auto opened = AuditLog::open(*store, clock, {limits, keys, {}});
    REQUIRE(opened);
    log = *std::move(opened);
    client = std::make_unique<ApiClient>(nullptr, log.get());
    const auto add = [&](const char* method, const char* id, Role role) {
      client->router.add({.method = method,
                          .path = "/v1/things/{thing}",
                          .operation_id = id,
                          .tag = "test",
                          .summary = id,
                          .role = role,
                          .path_parameters = {{.name = "thing"}},
                          .query_parameters = {{.name = "comment"}},
                          .body = RouteBody{{"application/json"}, {}, false},
                          .handler = [this](ApiRequest& request) { return act(request); }});
    };
    add("GET", "getThing", Role::kReader);
    add("PUT", "putThing", Role::kAnalyst);
  }
  HttpResponse act(ApiRequest& request) const {
    if (during) during();
    if (refusal) return problem_response(*refusal, "not now");
    request.notes["version_after"] = "2";
    HttpResponse response = json_response(200, ordered_json::object());
    response.headers.push_back({"ETag", "\"2\""});
    return response;
  }
  void restart() {
    client.reset();
    log.reset();
    store.reset();
    disk.cut_power();
    open();
  }
  HttpResponse put(const std::string& who = "analyst") const {
    return client->ask(who, "PUT", "/v1/things/t%201?comment=private", R"({"secret":"s3cret"})",
                       {{"x-request-id", "r1"}});
  }
  std::vector<ordered_json> entries(const AuditFilter& filter = {}) const {
    std::vector<ordered_json> list;
    const AuditPage page = *log->page(filter, 0, 1000);
    for (const std::string& line : page.lines) {
      list.push_back(ordered_json::parse(line));
    }
    return list;
  }

  AuditLimits limits;
  SecretKeys keys;
  tests::ModelDisk disk;
  tests::SharedClock clock;
  std::unique_ptr<runtime::Store> store;
  std::unique_ptr<AuditLog> log;
  std::unique_ptr<ApiClient> client;
  std::optional<ProblemKind> refusal;
  std::function<void()> during;
};

TEST_CASE("audit: who changed what from where, and how it went") {
  World world;
  CHECK(world.put().status == 200);
  world.client->ask("reader", "GET", "/v1/things/a");  // reading changes nothing
  world.refusal = ProblemKind::kStale;
  CHECK(world.put().status == 412);
  world.refusal = ProblemKind::kInternal;
  CHECK(world.put().status == 500);
  world.refusal.reset();
  world.during = [] { throw std::runtime_error("broken"); };
  CHECK(world.put().status == 500);
  const std::vector<ordered_json> entries = world.entries();
  REQUIRE(entries.size() == 4);
  ordered_json first = entries[3];
  first.erase("previous");
  CHECK(first == ordered_json::parse(
                     R"({"format":1,"sequence":1,"at":"2026-03-02T12:01:00Z","actor":"analyst",)"
                     R"("role":"analyst","from":"127.0.0.1","action":"putThing","method":"PUT",)"
                     R"("path":"/v1/things/{thing}","resource":{"thing":"t 1"},"request_id":"r1",)"
                     R"("result":"done","status":200,"etag":"\"2\"","version_after":2})"));
  CHECK(entries[2].at("result") == "refused");
  CHECK(entries[2].at("status") == 412);
  CHECK(entries[1].at("result") == "failed");
  CHECK(entries[0].at("result") == "failed");
  for (const ordered_json& entry : entries) {
    CHECK(entry.dump().find("s3cret") == std::string::npos);
    CHECK(entry.dump().find("private") == std::string::npos);
  }
}

TEST_CASE("audit: refusals for want of a token or role") {
  World world;
  CHECK(world.put("reader").status == 403);
  tests::FakeRequest nobody("PUT", "/v1/things/4111", {{"authorization", "Bearer tocsin_wrong"}});
  CHECK(world.client->router.handle(nobody, {}).status == 401);
  tests::FakeRequest nowhere("GET", "/v1/nothing/4111");
  CHECK(world.client->router.handle(nowhere, {}).status == 401);
  const std::vector<ordered_json> entries = world.entries();
  REQUIRE(entries.size() == 3);
  CHECK(entries[2].at("actor") == "reader");
  CHECK(entries[2].at("action") == "putThing");
  CHECK(entries[2].at("status") == 403);
  CHECK(entries[1].at("actor") == "");
  CHECK(entries[1].at("action") == "putThing");
  CHECK(entries[1].at("result") == "refused");
  CHECK(entries[0].at("action") == "");
  for (const ordered_json& entry : entries) {
    CHECK(entry.dump().find("4111") == std::string::npos);
    CHECK(entry.dump().find("tocsin_wrong") == std::string::npos);
  }
}

TEST_CASE("audit: refusals beyond so many a minute are counted, and the next one says how many") {
  AuditLimits limits;
  limits.refusals_per_minute = 3;
  World world(limits);
  for (int i = 0; i < 10; ++i) world.put("reader");
  CHECK(world.entries().size() == 3);
  CHECK(world.log->figures().refusals_unwritten == 7);
  world.clock.advance(seconds(20));
  world.put("reader");
  REQUIRE(world.entries().size() == 4);
  CHECK(world.entries()[0].at("unwritten") == 7);
  // Changes are always written down.
  for (int i = 0; i < 10; ++i) world.put();
  CHECK(world.entries().size() == 14);
}

TEST_CASE("audit: what a power cut leaves") {
  World world;
  world.put();
  world.put();
  world.during = [&] { world.disk.cut_power(); };  // the change is under way
  world.put();
  world.during = nullptr;
  world.restart();
  const std::vector<ordered_json> entries = world.entries();
  REQUIRE(entries.size() == 3);
  CHECK(entries[0].at("result") == "unknown");
  CHECK(entries[0].at("actor") == "analyst");
  CHECK(entries[0].at("resource").at("thing") == "t 1");
  CHECK(!entries[0].contains("status"));
  CHECK(entries[1].at("result") == "done");
  CHECK(*check_audit(*world.store) == 3);
  world.restart();
  CHECK(world.entries().size() == 3);
  world.put();
  CHECK(*check_audit(*world.store) == 4);
}

TEST_CASE("audit: what cannot be written down is not done") {
  World world;
  int done = 0;
  world.during = [&] { ++done; };
  world.disk.cut_power();  // the store takes nothing any more
  CHECK(world.put().status >= 500);
  CHECK(done == 0);
}

TEST_CASE("audit: pages and filters") {
  World world;
  const cep::EventTime begin = world.clock.now();
  for (int i = 0; i < 7; ++i) {
    world.put(i % 2 == 0 ? "analyst" : "admin");
    world.clock.advance(seconds(60));
  }
  world.put("reader");
  const auto sequences = [&](const AuditFilter& filter, std::size_t most, std::size_t rows_max) {
    std::vector<std::uint64_t> found;
    std::uint64_t before = 0;
    do {
      const AuditPage page = *world.log->page(filter, before, most, rows_max);
      CHECK(page.lines.size() <= most);
      for (const std::string& line : page.lines) {
        found.push_back(ordered_json::parse(line).at("sequence"));
      }
      before = page.next;
    } while (before != 0);
    return found;
  };
  using Numbers = std::vector<std::uint64_t>;
  for (const std::size_t most : {1U, 2U, 3U, 8U, 100U}) {
    for (const std::size_t rows : {1U, 2U, 100U}) {
      CHECK(sequences({}, most, rows) == Numbers{8, 7, 6, 5, 4, 3, 2, 1});
      CHECK(sequences({.actor = "admin"}, most, rows) == Numbers{6, 4, 2});
      CHECK(sequences({.result = "refused"}, most, rows) == Numbers{8});
      CHECK(sequences({.action = "getThing"}, most, rows).empty());
      CHECK(sequences({.from = begin + seconds(60), .to = begin + seconds(180)}, most, rows) ==
            Numbers{3, 2});
    }
  }
}

TEST_CASE("audit: the oldest go by age and size, and the chain begins behind them") {
  AuditLimits limits;
  limits.age_max = seconds(3600);
  World world(limits);
  for (int i = 0; i < 10; ++i) {
    world.put();
    world.clock.advance(seconds(600));
  }
  // The tenth was written 5400 s after the first: those of 3600 s and more are gone.
  CHECK(world.entries().size() == 6);
  CHECK(world.entries().back().at("sequence") == 5);
  CHECK(*check_audit(*world.store) == 6);
  const std::uint64_t bytes = world.log->figures().bytes;
  world.limits.age_max.reset();
  world.limits.bytes_max = bytes / 2;
  world.restart();
  world.put();
  CHECK(world.log->figures().bytes <= bytes / 2 + bytes / 6 + 100);
  CHECK(*check_audit(*world.store) == world.entries().size());
  CHECK(world.entries().size() <= 4);
}

TEST_CASE("audit: any entry that was changed, taken out or put in is found") {
  World world;
  for (int i = 0; i < 5; ++i) world.put();
  const auto key = [](std::uint64_t sequence) {
    std::string text = "e";
    runtime::append_key_u64(text, sequence);
    return text;
  };
  const auto found_with = [&](std::uint64_t sequence, const std::optional<std::string>& line) {
    const std::string before = world.store->get(runtime::kAuditFamily, key(sequence))->value_or("");
    const auto put = [&](const std::optional<std::string>& value) {
      runtime::StoreBatch batch;
      if (value && !value->empty()) {
        batch.put(runtime::kAuditFamily, key(sequence), *value);
      } else {
        batch.remove(runtime::kAuditFamily, key(sequence));
      }
      REQUIRE(world.store->write(batch, true));
    };
    put(line);
    const Result<std::uint64_t> verified = check_audit(*world.store);
    put(before);
    return !verified.has_value() && verified.error().code == Errc::kCorrupt;
  };
  CHECK(*check_audit(*world.store) == 5);
  for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) {
    CAPTURE(sequence);
    std::string line = **world.store->get(runtime::kAuditFamily, key(sequence));
    line.replace(line.find("\"analyst\""), 9, "\"another\"");
    CHECK(found_with(sequence, line));
    CHECK(found_with(sequence, std::nullopt));
  }
  CHECK(found_with(6, **world.store->get(runtime::kAuditFamily, key(5))));
  CHECK(*check_audit(*world.store) == 5);
}
}  // namespace
}  // namespace tocsin::api
