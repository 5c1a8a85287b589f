#include "api/rest/router.h"

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "api/rest/problem.h"
#include "api/rest/request_rates.h"
#include "tests/api/fake_request.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
using tests::FakeRequest;
using tests::header_of;

struct Api {
  Api() {
    RouterOptions options;
    options.version = "1";
    options.rate = {.per_second = 1, .burst = 5};
    options.now = [this] { return now; };
    router = std::make_unique<Router>(std::move(options));
    const auto echo = [](ApiRequest& request) {
      std::string text;
      for (const auto& [name, value] : request.path) text += name + "=" + value + ";";
      for (const auto& [name, value] : request.query) text += name + "=" + value + ";";
      return HttpResponse{200, {}, "text/plain", text + request.grant.name};
    };
    router->add({.method = "GET",
                 .path = "/livez",
                 .operation_id = "live",
                 .tag = "health",
                 .summary = "Alive",
                 .role = Role::kOpen,
                 .answers = {{200, "It is", "text/plain"}},
                 .handler = echo});
    router->add({.method = "GET",
                 .path = "/v1/rules/{rule}",
                 .operation_id = "rule",
                 .tag = "rules",
                 .summary = "One rule",
                 .role = Role::kReader,
                 .path_parameters = {{"rule", RouteParameter::Type::kText, "Its id"}},
                 .query_parameters = {{.name = "limit",
                                       .type = RouteParameter::Type::kInteger,
                                       .description = "How many",
                                       .least = 1,
                                       .most = 100},
                                      {.name = "status",
                                       .type = RouteParameter::Type::kWord,
                                       .description = "Which",
                                       .words = {"live", "draft"}},
                                      {.name = "from",
                                       .type = RouteParameter::Type::kTimeOrDay,
                                       .description = "Of then and later"}},
                 .answers = {{200, "The rule", "application/json", "Rule"}},
                 .handler = echo});
    router->add({.method = "GET",
                 .path = "/v1/rules/all",
                 .operation_id = "rules",
                 .tag = "rules",
                 .summary = "All",
                 .role = Role::kReader,
                 .handler = [](ApiRequest&) {
                   return HttpResponse{200, {}, "text/plain", "all"};
                 }});
    router->add({.method = "PUT",
                 .path = "/v1/rules/{rule}",
                 .operation_id = "put",
                 .tag = "rules",
                 .summary = "Put",
                 .role = Role::kOperator,
                 .path_parameters = {{"rule", RouteParameter::Type::kText, "Its id"}},
                 .body = RouteBody{{"text/plain"}},
                 .problems = {412, 428},
                 .handler = echo});
    router->add({.method = "POST",
                 .path = "/v1/fails",
                 .operation_id = "fails",
                 .tag = "x",
                 .summary = "Fails",
                 .role = Role::kProducer,
                 .handler = [](ApiRequest&) -> HttpResponse { throw std::runtime_error("oh"); }});
    router->add_schema("Rule", {{"type", "object"}});
    for (const auto& [name, role] :
         {std::pair{"ann", Role::kReader}, std::pair{"pia", Role::kProducer},
          std::pair{"ops", Role::kOperator}}) {
      NewToken made = *make_token({name, role});
      tokens[name] = made.token;
      REQUIRE(access.add(made.stored).has_value());
    }
  }
  HttpResponse ask(const std::string& who, FakeRequest&& request) {
    if (!who.empty()) request.add_header({"authorization", "Bearer " + tokens[who]});
    return router->handle(request, access);
  }
  std::chrono::steady_clock::time_point now{};
  std::unique_ptr<Router> router;
  AccessList access;
  std::map<std::string, std::string> tokens;
};
std::string type_of(const HttpResponse& response) {
  CHECK(response.content_type == "application/problem+json");
  const auto document = ordered_json::parse(response.body);
  CHECK(document["status"] == response.status);
  CHECK(!document["detail"].get<std::string>().empty());
  return document["type"].get<std::string>().substr(19);
}

TEST_CASE("rates: a name is forgotten once it may ask for all again, however many come") {
  RequestRates rates({.per_second = 10, .burst = 5});
  RequestRates::Moment now;
  for (int number = 0; number < 100'000; ++number) {
    now += std::chrono::milliseconds(1);
    REQUIRE(rates.take("name" + std::to_string(number), now).is_allowed);
  }
  CHECK(rates.size() <= 2048);
  for (int i = 0; i < 5; ++i) CHECK(rates.take("busy", now).is_allowed);
  for (int number = 0; number < 5000; ++number)
    static_cast<void>(rates.take("other" + std::to_string(number), now));
  CHECK_FALSE(rates.take("busy", now).is_allowed);  // it is not idle
}

TEST_CASE("router: an operation is found by method and path, fixed words before parameters") {
  Api api;
  CHECK(api.ask("ann", {"GET", "/v1/rules/card_testing"}).body == "rule=card_testing;ann");
  CHECK(api.ask("ann", {"GET", "/v1/rules/a%2Fb%20%C3%A4"}).body == "rule=a/b ä;ann");
  CHECK(api.ask("ann", {"GET", "/v1/rules/all"}).body == "all");
  CHECK(api.ask("ann", {"HEAD", "/v1/rules/all"}).status == 200);
  CHECK(api.ask("", {"GET", "/livez"}).status == 200);
  CHECK(type_of(api.ask("ann", {"GET", "/v1/rules"})) == "not-found");
  CHECK(type_of(api.ask("ann", {"GET", "/v1/rules/"})) == "not-found");
  CHECK(type_of(api.ask("ann", {"GET", "/v1/rules/a/b"})) == "not-found");
  const HttpResponse wrong = api.ask("ann", {"DELETE", "/v1/rules/a"});
  CHECK(type_of(wrong) == "method-not-allowed");
  REQUIRE(header_of(wrong, "Allow") != nullptr);
  CHECK(*header_of(wrong, "Allow") == "GET, HEAD, PUT");
  // A fixed word is another resource than what a parameter may name.
  const HttpResponse fixed = api.ask("ann", {"QUERY", "/v1/rules/all"});
  CHECK(type_of(fixed) == "method-not-allowed");
  REQUIRE(header_of(fixed, "Allow") != nullptr);
  CHECK(*header_of(fixed, "Allow") == "GET, HEAD");
}

TEST_CASE("router: without a token there is nothing, and a role is what it says") {
  Api api;
  for (const char* const path : {"/v1/rules/a", "/v1/nothing", "/"}) {
    const HttpResponse response = api.ask("", {"GET", path});
    CHECK(type_of(response) == "unauthorized");
    CHECK(header_of(response, "WWW-Authenticate") != nullptr);
  }
  api.tokens["eve"] = api.tokens["ann"] + "x";
  CHECK(type_of(api.ask("eve", {"GET", "/v1/rules/a"})) == "unauthorized");
  FakeRequest basic("GET", "/v1/rules/a", {{"authorization", "Basic " + api.tokens["ann"]}});
  CHECK(api.router->handle(basic, api.access).status == 401);
  const std::vector<HttpHeader> plain = {{"content-type", "text/plain"}};
  CHECK(type_of(api.ask("ann", {"PUT", "/v1/rules/a", plain, "x"})) == "forbidden");
  CHECK(api.ask("ops", {"PUT", "/v1/rules/a", plain, "x"}).status == 200);
  CHECK(type_of(api.ask("pia", {"GET", "/v1/rules/a"})) == "forbidden");
  CHECK(type_of(api.ask("pia", {"POST", "/v1/fails"})) == "internal");
  CHECK(api.access.remove("ann"));
  CHECK(type_of(api.ask("ann", {"GET", "/v1/rules/a"})) == "unauthorized");
}

TEST_CASE("router: parameters are checked, unknown ones named with those there are") {
  Api api;
  const auto detail = [&](const std::string& target) {
    const HttpResponse response = api.ask("ann", {"GET", target});
    api.now += std::chrono::seconds(10);
    CHECK(type_of(response) == "bad-parameter");
    return ordered_json::parse(response.body)["detail"].get<std::string>();
  };
  CHECK(api.ask("ann", {"GET", "/v1/rules/a?limit=100&status=live&"}).body ==
        "rule=a;limit=100;status=live;ann");
  CHECK(detail("/v1/rules/a?limit=101") == "limit takes a whole number from 1 to 100, not 101");
  CHECK(detail("/v1/rules/a?limit=1x") == "limit takes a whole number from 1 to 100, not 1x");
  CHECK(detail("/v1/rules/a?limit") == "limit takes a whole number from 1 to 100, not ");
  CHECK(detail("/v1/rules/a?status=dead") == "status takes one of live, draft, not dead");
  for (const char* from : {"2026-03-02", "2024-02-29", "2026-03-02T12:01:00Z"})
    CHECK(api.ask("ops", {"GET", std::string("/v1/rules/a?from=") + from}).status == 200);
  CHECK(detail("/v1/rules/a?from=2026-02-29") ==
        "from takes a time such as 2026-03-02T12:01:00Z, or a day such as 2026-03-02 for its "
        "beginning, not 2026-02-29");
  CHECK(detail("/v1/rules/a?limits=1") ==
        "limits is not a parameter: did you mean limit? Parameters: limit, status, from");
  CHECK(detail("/v1/rules/a?order=1") ==
        "order is not a parameter; parameters: limit, status, from");
  CHECK(detail("/v1/rules/all?x") == "x is not a parameter: this operation has none");
  CHECK(detail("/v1/rules/a?limit=1&limit=2") == "limit appears twice");
  CHECK(detail("/v1/rules/a?status=%zz") == "the query has a bad escape");
  CHECK(detail("/v1/rules/%ff") == "rule has a bad escape in the path");
  CHECK(detail("/v1/rules/a%00") == "rule has a bad escape in the path");
}

TEST_CASE("router: bodies are of a type that the operation takes") {
  Api api;
  CHECK(type_of(api.ask("ops", {"PUT", "/v1/rules/a"})) == "bad-body");
  CHECK(type_of(api.ask("ops", {"PUT", "/v1/rules/a", {}, "x"})) == "unsupported-media-type");
  CHECK(type_of(api.ask("ops", {"PUT", "/v1/rules/a", {{"content-type", "text/html"}}, "x"})) ==
        "unsupported-media-type");
  CHECK(api.ask("ops", {"PUT", "/v1/rules/a", {{"content-type", "Text/Plain; charset=utf-8"}}, "x"})
            .status == 200);
  CHECK(type_of(api.ask("ann", {"GET", "/v1/rules/a", {{"content-type", "text/plain"}}, "x"})) ==
        "bad-body");
}

TEST_CASE("router: a token has a rate, and is told how much is left") {
  Api api;
  for (int left = 4; left >= 0; --left) {
    const HttpResponse response = api.ask("ann", {"GET", "/v1/rules/all"});
    CHECK(response.status == 200);
    CHECK(*header_of(response, "RateLimit-Remaining") == std::to_string(left));
    CHECK(*header_of(response, "RateLimit-Reset") == std::to_string(5 - left));
  }
  const HttpResponse refused = api.ask("ann", {"GET", "/v1/rules/all"});
  CHECK(type_of(refused) == "too-many-requests");
  CHECK(*header_of(refused, "Retry-After") == "1");
  CHECK(api.ask("ops", {"GET", "/v1/rules/all"}).status == 200);
  CHECK(api.ask("", {"GET", "/livez"}).status == 200);
  api.now += std::chrono::seconds(2);
  CHECK(api.ask("ann", {"GET", "/v1/rules/all"}).status == 200);
  CHECK(api.ask("ann", {"GET", "/v1/rules/all"}).status == 200);
  CHECK(api.ask("ann", {"GET", "/v1/rules/all"}).status == 429);
}

TEST_CASE("router: each answer has an id, the client's own where it is safe in a log") {
  Api api;
  const auto id = [&](const std::string& sent) {
    FakeRequest request("GET", "/livez", {{"x-request-id", sent}});
    return *header_of(api.router->handle(request, api.access), "X-Request-Id");
  };
  CHECK(id("abc-1.2_3:4") == "abc-1.2_3:4");
  CHECK(id("a b").size() == 32);
  CHECK(id("").size() == 32);
  CHECK(id(std::string(129, 'a')).size() == 32);
  CHECK(id("\x1b[2J") != id("\x1b[2J"));
}

TEST_CASE("router: the OpenAPI document has every operation as it is routed") {
  const Api api;
  const ordered_json document = api.router->openapi();
  CHECK(document["openapi"] == "3.1.0");
  std::size_t operations = 0;
  for (const auto& [path, item] : document["paths"].items()) operations += item.size();
  CHECK(operations == api.router->routes().size());
  const ordered_json& rule = document["paths"]["/v1/rules/{rule}"]["get"];
  CHECK(rule["operationId"] == "rule");
  CHECK(rule["parameters"].size() == 6);
  CHECK(rule["parameters"][3]["schema"]["anyOf"] ==
        ordered_json::parse(R"([{"type": "string", "format": "date-time"},
                                {"type": "string", "format": "date"}])"));
  CHECK(rule["parameters"][0]["in"] == "path");
  CHECK(rule["parameters"][1]["schema"]["maximum"] == 100);
  CHECK(rule["responses"]["200"]["content"]["application/json"]["schema"]["$ref"] ==
        "#/components/schemas/Rule");
  CHECK(rule["parameters"][4]["$ref"] == "#/components/parameters/X-Request-Id");
  CHECK(document["components"]["parameters"]["X-Request-Id"]["in"] == "header");
  CHECK(rule["responses"]["200"]["headers"].contains("RateLimit-Limit"));
  CHECK(!document["paths"]["/livez"]["get"]["responses"]["200"]["headers"].contains(
      "RateLimit-Limit"));
  CHECK(document["components"]["headers"].contains("RateLimit-Limit"));
  CHECK(document["paths"]["/v1/rules/{rule}"]["put"]["responses"].contains("412"));
  CHECK(document["paths"]["/livez"]["get"]["security"].empty());
  CHECK(!document["paths"]["/livez"]["get"]["responses"].contains("401"));
  CHECK(document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"].size() ==
        all_problem_types().size());
}

TEST_CASE("problems: slugs are told apart, and every fault of the server has one") {
  std::set<std::string_view> slugs;
  for (const ProblemType& type : all_problem_types()) {
    CHECK(slugs.insert(type.slug).second);
    CHECK(problem_type(type.kind).slug == type.slug);
  }
  for (const int status : {400, 405, 408, 413, 414, 417, 431, 501, 503, 505}) {
    const HttpResponse response = problem_of_fault({status, "why"});
    CHECK(response.status == status);
    CHECK(ordered_json::parse(response.body)["detail"] == "why");
  }
  const HttpResponse broken = problem_response(ProblemKind::kBadBody, "\xff", {{"line", 3}});
  CHECK(ordered_json::parse(broken.body)["line"] == 3);
}

TEST_CASE("access: what each role may do") {
  // Rows: who has the role; columns: what is needed, from open to admin.
  struct Row {
    Role has;
    std::array<int, kRoleCount> may;
  };
  //                                 open producer reader approver analyst author operator admin
  constexpr Row kRows[] = {
      {Role::kOpen, {1, 0, 0, 0, 0, 0, 0, 0}},     {Role::kProducer, {1, 1, 0, 0, 0, 0, 0, 0}},
      {Role::kReader, {1, 0, 1, 0, 0, 0, 0, 0}},   {Role::kApprover, {1, 0, 1, 1, 0, 0, 0, 0}},
      {Role::kAnalyst, {1, 0, 1, 0, 1, 0, 0, 0}},  {Role::kAuthor, {1, 0, 1, 0, 1, 1, 0, 0}},
      {Role::kOperator, {1, 1, 1, 1, 1, 1, 1, 0}}, {Role::kAdmin, {1, 1, 1, 1, 1, 1, 1, 1}}};
  for (const Row& row : kRows) {
    for (std::size_t needed = 0; needed < kRoleCount; ++needed) {
      CAPTURE(role_name(row.has));
      CAPTURE(role_name(static_cast<Role>(needed)));
      CHECK(may(row.has, static_cast<Role>(needed)) == (row.may[needed] == 1));
    }
  }
  for (std::size_t i = 1; i < kRoleCount; ++i)
    CHECK(parse_role(role_name(static_cast<Role>(i))) == static_cast<Role>(i));
}

TEST_CASE("access: a token ends at its time, and one that was rotated after the overlap") {
  const cep::EventTime end{1'000'000'000};
  const NewToken a = *make_token({"a", Role::kReader, {}, end});
  AccessList access;
  REQUIRE(access.add(a.stored));
  const Result<TokenGrant> grant = access.find(a.token, end - cep::Duration{1});
  REQUIRE(grant);
  CHECK(access.has(*grant, end - cep::Duration{1}));
  CHECK_FALSE(access.has(*grant, end));
  const Result<TokenGrant> late = access.find(a.token, end);
  REQUIRE_FALSE(late);
  CHECK(late.error().code == Errc::kDenied);
  CHECK(late.error().message.find("the token a expired at 1970-01-01T00:16:40Z") == 0);
  // The next one counts at once, and the one before until its end.
  const NewToken b = *make_token({"b", Role::kReader, {}, {}});
  const NewToken next = *make_token({"b", Role::kReader, {}, {}});
  const NewToken third = *make_token({"b", Role::kReader, {}, {}});
  REQUIRE(access.add(b.stored));
  const TokenGrant before = *access.find(b.token, {});
  CHECK(access.rotate("b", next.stored.digest, end));
  CHECK_FALSE(access.rotate("c", next.stored.digest, end));
  CHECK(access.find(next.token, {})->name == "b");
  CHECK(access.find(b.token, end - cep::Duration{1})->name == "b");
  CHECK(access.has(before, end - cep::Duration{1}));
  CHECK_FALSE(access.has(before, end));
  CHECK(access.find(b.token, end).error().code == Errc::kNotFound);
  // Only one of them is kept beside it.
  CHECK(access.rotate("b", third.stored.digest, end));
  CHECK_FALSE(access.find(b.token, {}));
  CHECK(access.find(next.token, {}));
  CHECK(access.remove("b"));
  for (const NewToken* one : {&b, &next, &third}) CHECK_FALSE(access.find(one->token, {}));
}

TEST_CASE("access: a token with limits is refused by every operation that does not keep to them") {
  RouterOptions options;
  options.rate = {.per_second = 1e6, .burst = 1e6};
  Router router(std::move(options));
  const std::array<ScopedBy, 4> kept = {ScopedBy{}, {.tags = true}, {.types = true}, kAnyScope};
  for (std::size_t i = 0; i < kept.size(); ++i) {
    router.add({.method = "GET",
                .path = "/v1/" + std::to_string(i),
                .operation_id = std::to_string(i),
                .tag = "x",
                .summary = "x",
                .role = Role::kReader,
                .scoped_by = kept[i],
                .handler = [](ApiRequest&) {
                  return HttpResponse{200, {}, "text/plain", "x"};
                }});
  }
  const std::array<TokenScope, 4> scopes = {
      TokenScope{}, {{"card"}, {}}, {{}, {"payment"}}, {{"card"}, {"payment"}}};
  for (std::size_t token = 0; token < scopes.size(); ++token) {
    AccessList access;
    const NewToken made = *make_token({"a", Role::kReader, {}, {}, scopes[token]});
    REQUIRE(access.add(made.stored));
    for (std::size_t route = 0; route < kept.size(); ++route) {
      CAPTURE(token);
      CAPTURE(route);
      FakeRequest request("GET", "/v1/" + std::to_string(route),
                          {{"authorization", "Bearer " + made.token}}, "");
      const HttpResponse answer = router.handle(request, access);
      // Both are sets of two bits: tags and types.
      CHECK(answer.status == ((token & ~route) == 0 ? 200 : 403));
    }
  }
  const ordered_json paths = router.openapi()["paths"];
  CHECK(paths["/v1/0"]["get"]["x-scopes"] == ordered_json::array());
  CHECK(paths["/v1/3"]["get"]["x-scopes"] == ordered_json::array({"tags", "types"}));
}

TEST_CASE("access: roles, tokens and their digests") {
  CHECK(may(Role::kProducer, Role::kProducer));
  CHECK(!may(Role::kProducer, Role::kReader));
  CHECK(!may(Role::kReader, Role::kProducer));
  CHECK(!may(Role::kAnalyst, Role::kOperator));
  CHECK(may(Role::kAdmin, Role::kProducer));
  CHECK(!may(Role::kOpen, Role::kReader));
  CHECK(parse_role("analyst") == Role::kAnalyst);
  CHECK(!parse_role("open").has_value());
  CHECK(!parse_role("root").has_value());
  const NewToken a = *make_token({"a", Role::kReader, {}, {}});
  const NewToken b = *make_token({"b", Role::kAdmin, {}, {}});
  CHECK(a.token != b.token);
  CHECK(a.token.size() == 7 + 43);
  AccessList access;
  REQUIRE(access.add(a.stored).has_value());
  REQUIRE(access.add(b.stored).has_value());
  CHECK(!access.add(a.stored).has_value());
  CHECK(access.find(b.token, {})->name == "b");
  CHECK(!access.find("", {}).has_value());
  CHECK(bearer_token("Bearer abc") == "abc");
  CHECK(bearer_token("bEARER  abc") == "abc");
  CHECK(!bearer_token("Basic abc").has_value());
  CHECK(!bearer_token("Bearer").has_value());
}
}  // namespace
}  // namespace tocsin::api
