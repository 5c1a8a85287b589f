#include "api/rest/idempotency.h"

#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "api/rest/json_body.h"
#include "api/rest/problem.h"
#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_reader.h"
#include "tests/api/api_client.h"
#include "tests/api/stored_alerts.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using tests::ApiClient;
using tests::header_of;

constexpr cep::Duration hours(int count) { return {count * 3'600'000'000LL}; }

// Operations that count how often they were done, over a store that a crash leaves as it would.
struct World {
  explicit World(AnswerLimits limits_in = {}) : limits(limits_in) { open(); }
  void open() {
    store = *disk.open(runtime::effect_families());
    answers = *AnswerStore::open(*store, clock, limits);
    client = std::make_unique<ApiClient>(answers.get());
    const auto add = [&](const std::string& path, RouteEffect effect, RouteHandler handler) {
      client->router.add({.method = "POST",
                          .path = path,
                          .operation_id = path,
                          .tag = "test",
                          .summary = path,
                          .role = Role::kReader,
                          .effect = effect,
                          .query_parameters = {{.name = "comment"}},
                          .body = RouteBody{{"application/json"}, {}, false},
                          .handler = std::move(handler)});
    };
    add("/v1/things", RouteEffect::kByMethod, [this](ApiRequest& request) {
      const auto body = read_json_object(request, {"name"});
      if (!body) return body.error();
      if (during) during();
      if (refusal) return problem_response(*refusal, "not now");
      ordered_json document = {{"done", ++done}, {"secret", "whsec_abc"}};
      document.update(*body);
      HttpResponse response = json_response(201, document);
      response.headers.push_back({"Location", "/v1/things/1"});
      return response;
    });
    add("/v1/check", RouteEffect::kNothing, [this](ApiRequest&) {
      return json_response(200, {{"done", ++done}});
    });
  }
  void restart() {
    client.reset();
    answers.reset();
    store.reset();
    disk.cut_power();
    open();
  }
  HttpResponse ask(const std::string& key, const std::string& body = R"({"name":"a"})",
                   const std::string& who = "reader", const std::string& path = "/v1/things") {
    return client->ask(who, "POST", path, body, {{"idempotency-key", key}});
  }
  static std::string problem(const HttpResponse& response) {
    const std::string type = ordered_json::parse(response.body).value("type", "");
    return type.substr(type.rfind(':') + 1);
  }

  AnswerLimits limits;
  tests::ModelDisk disk;
  tests::SharedClock clock;
  std::unique_ptr<runtime::Store> store;
  std::unique_ptr<AnswerStore> answers;
  std::unique_ptr<ApiClient> client;
  int done = 0;
  std::optional<ProblemKind> refusal;
  std::function<void()> during;
};

TEST_CASE(
    "idempotency: the same request is done once, and answered alike, also after a power cut") {
  World world;
  const HttpResponse first = world.ask("k1");
  CHECK(first.status == 201);
  CHECK(ordered_json::parse(first.body).at("secret") == "whsec_abc");
  CHECK(header_of(first, "Idempotent-Replayed") == nullptr);
  for (int i = 0; i < 2; ++i) {
    const HttpResponse again = world.ask("k1");
    CHECK(again.status == 201);
    CHECK(*header_of(again, "Location") == "/v1/things/1");
    CHECK(*header_of(again, "Idempotent-Replayed") == "true");
    CHECK(ordered_json::parse(again.body) ==
          ordered_json({{"done", 1}, {"name", "a"}, {"withheld", {"secret"}}}));
    world.restart();
  }
  CHECK(world.done == 1);
  CHECK(world.ask("\"k1\"").body.find("\"done\":1") != std::string::npos);  // RFC 8941
  CHECK(world.answers->figures().repeated == 1);
  // Another key, another token or no key: done anew.
  world.ask("k2");
  world.ask("k1", R"({"name":"a"})", "analyst");
  world.client->ask("reader", "POST", "/v1/things", "{}");
  CHECK(world.done == 4);
}

TEST_CASE("idempotency: secrets are not on disk") {
  World world;
  world.ask("k1", R"({"name":"a name to be found"})");
  bool is_found = false;
  const auto read =
      world.store->scan(runtime::kAnswerFamily, {}, [&](auto, std::string_view value) {
        CHECK(value.find("whsec_abc") == std::string_view::npos);
        is_found = is_found || value.find("a name to be found") != std::string_view::npos;
        return true;
      });
  CHECK(read.has_value());
  CHECK(is_found);
}

TEST_CASE("idempotency: a key is for one request; path, query and body count") {
  World world;
  world.ask("k1");
  for (const auto& [path, body] :
       {std::pair{"/v1/things", R"({"name":"b"})"}, std::pair{"/v1/things", "{}"},
        std::pair{"/v1/things?comment=x", R"({"name":"a"})"}}) {
    const HttpResponse other = world.ask("k1", body, "reader", path);
    CHECK(other.status == 422);
    CHECK(World::problem(other) == "idempotency-mismatch");
  }
  CHECK(world.done == 1);
  for (const std::string& bad : {std::string(), std::string("\"\""), std::string(256, 'x'),
                                 std::string("a\tb"), std::string("caf\xc3\xa9")}) {
    CHECK(World::problem(world.ask(bad)) == "bad-request");
  }
  const HttpResponse twice = world.client->ask(
      "reader", "POST", "/v1/things", "{}", {{"idempotency-key", "a"}, {"idempotency-key", "b"}});
  CHECK(World::problem(twice) == "bad-request");
}

TEST_CASE("idempotency: one that is under way is not begun again") {
  World world;
  std::promise<void> begun;
  std::promise<void> go_on;
  world.during = [&] {
    begun.set_value();
    go_on.get_future().wait();
  };
  HttpResponse first;
  std::thread asking([&] { first = world.ask("k1"); });
  begun.get_future().wait();
  const HttpResponse second = world.ask("k1");
  CHECK(second.status == 409);
  CHECK(World::problem(second) == "idempotency-in-work");
  CHECK(*header_of(second, "Retry-After") == "1");
  CHECK(World::problem(world.ask("k1", "{}")) == "idempotency-mismatch");
  go_on.set_value();
  asking.join();
  world.during = nullptr;
  CHECK(first.status == 201);
  CHECK(world.ask("k1").status == 201);
  CHECK(world.done == 1);
}

TEST_CASE("idempotency: what the process died over is never done twice") {
  World world;
  world.during = [] { throw std::runtime_error("the process is gone"); };
  CHECK(world.ask("k1").status == 500);
  world.during = nullptr;
  CHECK(World::problem(world.ask("k1")) == "idempotency-unknown");
  world.restart();
  const HttpResponse after = world.ask("k1");
  CHECK(after.status == 409);
  CHECK(World::problem(after) == "idempotency-unknown");
  CHECK(World::problem(world.ask("k1", "{}")) == "idempotency-mismatch");
  CHECK(world.done == 0);
}

TEST_CASE("idempotency: what did nothing leaves its key free") {
  World world;
  for (const ProblemKind kind :
       {ProblemKind::kConflict, ProblemKind::kStale, ProblemKind::kUnavailable}) {
    world.refusal = kind;
    CHECK(World::problem(world.ask("k1")) == problem_type(kind).slug);
  }
  CHECK(world.ask("k1", R"({"nmae":1})").status == 400);
  world.refusal.reset();
  CHECK(world.ask("k1", "{}").status == 201);
  CHECK(world.done == 1);
  // One that failed may have done something: it is answered alike.
  world.refusal = ProblemKind::kInternal;
  CHECK(world.ask("k2").status == 500);
  world.refusal.reset();
  CHECK(world.ask("k2").status == 500);
}

TEST_CASE("idempotency: checks take no keys") {
  World world;
  for (int i = 1; i <= 3; ++i) {
    const HttpResponse response = world.ask("k1", "", "reader", "/v1/check");
    CHECK(response.body == "{\"done\":" + std::to_string(i) + "}\n");
  }
  const ordered_json paths = world.client->router.openapi().at("paths");
  const auto has_key = [&](const char* path) {
    return paths.at(path).at("post").dump().find("Idempotency-Key") != std::string::npos;
  };
  CHECK(has_key("/v1/things"));
  CHECK(!has_key("/v1/check"));
}

TEST_CASE("idempotency: answers go with their age, and the oldest where there are too many") {
  World world({hours(24), 3, 1 << 20});
  world.ask("k0");
  world.clock.advance(hours(23));
  CHECK(header_of(world.ask("k0"), "Idempotent-Replayed") != nullptr);
  world.clock.advance(hours(1));
  CHECK(header_of(world.ask("k0"), "Idempotent-Replayed") == nullptr);
  CHECK(world.answers->figures().answers == 1);
  CHECK(world.answers->figures().evicted == 0);
  for (int i = 1; i <= 4; ++i) {
    world.clock.advance(hours(1));
    world.ask("k" + std::to_string(i));
  }
  CHECK(world.answers->figures().answers == 3);
  CHECK(world.answers->figures().evicted == 2);
  CHECK(header_of(world.ask("k4"), "Idempotent-Replayed") != nullptr);
  CHECK(header_of(world.ask("k2"), "Idempotent-Replayed") != nullptr);
  CHECK(header_of(world.ask("k1"), "Idempotent-Replayed") == nullptr);
  world.restart();
  CHECK(world.answers->figures().answers == 3);
  const std::uint64_t bytes = world.answers->figures().bytes;
  CHECK(bytes > 0);
  // By bytes: room for one or two.
  world.limits.bytes_max = bytes / 2;
  world.restart();
  world.ask("k9");
  CHECK(world.answers->figures().answers <= 2);
  CHECK(world.answers->figures().evicted >= 2);
}
}  // namespace
}  // namespace tocsin::api
