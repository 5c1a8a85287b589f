#include "api/rest/json_body.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/api/api_client.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using tests::ApiClient;

// One operation that gives back the body it was given.
struct World {
  World() {
    client.router.add({.method = "POST",
                       .path = "/v1/echo",
                       .operation_id = "echo",
                       .tag = "test",
                       .summary = "Gives back what it was given",
                       .role = Role::kReader,
                       .body = RouteBody{{"application/json"}, {}, false},
                       .handler = [](ApiRequest& request) {
                         const auto body = read_json_object(request, {"name", "place"}, 1000);
                         return body ? json_response(200, *body) : body.error();
                       }});
  }
  ordered_json problem(int status, const std::string& body) {
    return client.json(status, "reader", "POST", "/v1/echo", body);
  }
  ApiClient client;
};

TEST_CASE("json body: an object of known members; no body is an empty object") {
  World world;
  CHECK(world.client.ask("reader", "POST", "/v1/echo").body == "{}\n");
  const std::string body = R"({"place":{"x":[1,{"y":null}]},"name":"a"})";
  CHECK(world.client.ask("reader", "POST", "/v1/echo", body).body == body + "\n");
}

TEST_CASE("json body: what is refused, and how it is said") {
  const auto nested = [](int depth) {
    const auto times = static_cast<std::size_t>(depth - 1);
    return R"({"name":)" + std::string(times, '[') + std::string(times, ']') + "}";
  };
  struct Row {
    std::string body;
    int status;
    std::string detail;
  };
  const Row rows[] = {
      {"{\"name\":", 400, "the body is not JSON: error at byte 9"},
      {"[1]", 400, "the body is not a JSON object"},
      {R"({"nmae":1})", 400, "the body has an unknown member nmae; did you mean name?"},
      {R"({"other":1})", 400, "the body has an unknown member other; known members: name, place"},
      {R"({"name":1,"name":2})", 400, "the member name appears twice"},
      {R"({"place":{"a":1,"a":1}})", 400, "the member a appears twice"},
      {nested(33), 400, "the body is nested deeper than 32"},
      {nested(400), 400, "the body is nested deeper than 32"},
      {R"({"name":")" + std::string(1000, 'x') + "\"}", 413,
       "this takes a body of at most 1000 bytes"}};
  World world;
  for (const Row& row : rows) {
    CAPTURE(row.body);
    CHECK(world.problem(row.status, row.body).at("detail") == row.detail);
  }
  CHECK(world.client.ask("reader", "POST", "/v1/echo", nested(32)).status == 200);
  // The same name in two objects is none that appears twice.
  CHECK(world.client.ask("reader", "POST", "/v1/echo", R"({"name":[{"a":1},{"a":1}]})").status ==
        200);
}

}  // namespace
}  // namespace tocsin::api
