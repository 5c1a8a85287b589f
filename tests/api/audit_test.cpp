#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/rest/audit_trail.h"
#include "api/rest/audit_verify.h"
#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "api/rest/refusal_tally.h"
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
    refusals = std::make_unique<RefusalTally>(*log, clock, RefusalLimits{});
    client = std::make_unique<ApiClient>(nullptr, log.get(), refusals.get());
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
    refusals.reset();
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
  std::unique_ptr<RefusalTally> refusals;
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

// Asks without a token that is known.
HttpAdmission ask_from(const World& world, const std::string& from, const char* path) {
  RequestHead head;
  head.method = "PUT";
  head.target = path;
  head.headers = {{"authorization", "Bearer tocsin_wrong"}};
  HttpRequest request(std::move(head), from);
  return world.client->router.admit(request, {});
}

TEST_CASE("audit: refusals for want of a token or role") {
  World world;
  CHECK(world.put("reader").status == 403);
  const HttpAdmission admission = ask_from(world, "10.0.0.1", "/v1/things/41-11");
  // Neither a body nor a worker is needed for it.
  CHECK(admission.is_at_once);
  CHECK(!admission.reads_body);
  HttpRequest unread({}, "");
  CHECK(admission.handle(unread).status == 401);
  ask_from(world, "10.0.0.2", "/v1/nothing/41-11");
  CHECK(world.entries().empty());
  world.refusals->step();
  const std::vector<ordered_json> entries = world.entries();
  REQUIRE(entries.size() == 3);
  const auto has = [&](const char* from, const char* actor, const char* action, int status) {
    return std::ranges::count_if(entries, [&](const ordered_json& entry) {
      return entry.at("from") == from && entry.at("actor") == actor &&
             entry.at("action") == action && entry.at("status") == status &&
             entry.at("result") == "refused" && !entry.contains("count");
    });
  };
  CHECK(has("127.0.0.1", "reader", "putThing", 403) == 1);
  CHECK(has("10.0.0.1", "", "putThing", 401) == 1);
  CHECK(has("10.0.0.2", "", "", 401) == 1);
  for (const ordered_json& entry : entries) {
    CHECK(entry.dump().find("41-11") == std::string::npos);
    CHECK(entry.dump().find("tocsin_wrong") == std::string::npos);
  }
}

TEST_CASE(
    "audit: a flood of refusals is one entry at once, and one an interval with their number") {
  World world;
  for (int i = 0; i < 1000; ++i) ask_from(world, "10.0.0.1", "/v1/things/1");
  for (int i = 0; i < 10; ++i) world.put("reader");
  ask_from(world, "10.0.0.2", "/v1/things/1");
  world.refusals->step();
  CHECK(world.entries().size() == 3);
  const std::string since = cep::format_time(world.clock.now());
  world.clock.advance(seconds(599));
  ask_from(world, "10.0.0.1", "/v1/other");
  world.refusals->step();
  CHECK(world.entries().size() == 3);
  world.clock.advance(seconds(1));
  world.refusals->step();
  std::vector<ordered_json> entries = world.entries();
  REQUIRE(entries.size() == 5);  // of the second address there was no more
  CHECK(entries[1].at("from") == "10.0.0.1");
  CHECK(entries[1].at("count") == 1000);
  CHECK(entries[1].at("since") == since);
  CHECK(entries[0].at("actor") == "reader");
  CHECK(entries[0].at("count") == 9);
  CHECK(world.refusals->total() == 1012);
  // A flood that goes on has one entry an interval; who comes again after a quiet one is new.
  for (int i = 0; i < 7; ++i) ask_from(world, "10.0.0.1", "/v1/things/1");
  ask_from(world, "10.0.0.2", "/v1/things/1");
  world.refusals->step();
  entries = world.entries();
  REQUIRE(entries.size() == 6);
  CHECK(entries[0].at("from") == "10.0.0.2");
  world.refusals->stop();
  entries = world.entries();
  REQUIRE(entries.size() == 7);
  CHECK(entries[0].at("count") == 7);
  ask_from(world, "10.0.0.3", "/v1/things/1");
  CHECK(world.refusals->total() == 1020);
  CHECK(*check_audit(*world.store) == 7);
}

TEST_CASE("audit: many senders of refused requests share an entry, and none is left out") {
  World world;
  RefusalTally tally(*world.log, world.clock, {.every = seconds(60), .senders_max = 3});
  const auto note = [&](const std::string& from) { tally.note({.from = from}, 401); };
  for (int i = 0; i < 50; ++i) note("10.0.0." + std::to_string(i));
  tally.step();
  CHECK(world.entries().size() == 3);
  world.clock.advance(seconds(61));
  tally.step();
  REQUIRE(world.entries().size() == 4);
  CHECK(world.entries()[0].at("from") == "others");
  CHECK(world.entries()[0].at("count") == 47);
  // The clock is put back: the interval is over, and not for ever.
  note("10.0.0.1");
  world.clock.advance(seconds(-3600));
  tally.step();
  note("10.0.0.1");
  tally.step();
  CHECK(world.entries().size() == 6);
}

TEST_CASE("audit: a sender is an address, or a network of IPv6") {
  CHECK(RefusalTally::sender_of("10.0.0.1") == "10.0.0.1");
  CHECK(RefusalTally::sender_of("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64");
  CHECK(RefusalTally::sender_of("2001:db8:1:2::") == "2001:db8:1:2::/64");
  CHECK(RefusalTally::sender_of("2001:db8:1:3::1") == "2001:db8:1:3::/64");
  CHECK(RefusalTally::sender_of("").empty());
}

TEST_CASE("audit: refusals are written by a thread, and what is counted at the end") {
  World world;
  RefusalTally tally(*world.log, world.clock, {});
  tally.start();
  for (int i = 0; i < 5; ++i) tally.note({.from = "10.0.0.1"}, 401);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (world.entries().empty() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(world.entries().size() == 1);
  tally.stop();
  REQUIRE(world.entries().size() == 2);
  CHECK(world.entries()[0].at("count") == 4);
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
  world.refusals->step();
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

TEST_CASE("audit: whoever did it is found by name, whatever its letters") {
  World world;
  const std::vector<std::string> names = {"ann",  "an", "a\"b", "a\\b", "person:Zo\u00eb@bank",
                                          "tab\t"};
  for (const std::string& name : names) {
    // A name in another place is not the actor's.
    REQUIRE(world.log->note_read({.actor = name, .resource = {{"actor", "ann"}}}, {200, {}}));
  }
  for (const std::string& name : names) {
    const std::vector<ordered_json> found = world.entries({.actor = name});
    REQUIRE(found.size() == 1);
    CHECK(found[0].at("actor") == name);
  }
  CHECK(world.entries({.actor = "bob"}).empty());
  CHECK(world.entries().size() == names.size());
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
