// Sessions of browsers: how long they last, whose they are, and what a page of somebody else cannot
// do; and the console's files.
#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "api/console/console.h"
#include "api/console/console_files.h"
#include "api/rest/problem.h"
#include "api/rest/session_store.h"
#include "api/rest/token_store.h"
#include "tests/api/fake_request.h"

namespace tocsin::api {
namespace {
using tests::FakeRequest;
using tests::header_of;
constexpr cep::Duration kHour{3600LL * 1'000'000};

struct SteppedClock final : runtime::Clock {
  cep::EventTime now() override { return time; }
  cep::EventTime time{1'772'452'800'000'000};
};

struct World {
  World() {
    folder = (std::filesystem::temp_directory_path() / "tocsin-sessions-XXXXXX").string();
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    tokens = *TokenStore::open(folder + "/tokens.json");
    for (const auto& [name, role] : {std::pair{"ann", Role::kAnalyst}, {"root", Role::kAdmin}})
      secrets[name] = *tokens->add(TokenGrant{name, role});
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World() { std::filesystem::remove_all(folder); }

  std::string file() const { return folder + "/" + kSessionsFile; }
  SessionStore store(SessionLimits limits = {}) { return {file(), clock, limits}; }
  std::string begin(SessionStore& sessions, const std::string& name) {
    const auto secret = sessions.begin(*tokens->list()->find(secrets[name], clock.now()));
    REQUIRE(secret);
    return *secret;
  }
  std::string who(SessionStore& sessions, const std::string& cookies) const {
    const FakeRequest request("GET", "/", {{"cookie", cookies}});
    const auto found = sessions.find(request, *tokens->list());
    return found ? found->grant.name : "";
  }

  std::string folder;
  SteppedClock clock;
  std::unique_ptr<TokenStore> tokens;
  std::map<std::string, std::string> secrets;
};

TEST_CASE("sessions: one is its token's, outlives the process, and ends with token and sign-out") {
  World world;
  std::string secret;
  {
    SessionStore sessions = world.store();
    REQUIRE(sessions.read());
    secret = world.begin(sessions, "ann");
    CHECK(secret.size() == 43);
    CHECK(world.who(sessions, "a=b; tocsin=" + secret + "; c=d") == "ann");
    CHECK(world.who(sessions, "tocsin=" + secret + "; tocsin=" + secret).empty());
    CHECK(world.who(sessions, "__Host-tocsin=" + secret).empty());
    CHECK(world.who(sessions, "tocsin=").empty());
  }
  struct stat status = {};
  REQUIRE(::stat(world.file().c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  std::ifstream stream(world.file());
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  CHECK(text.find(secret) == text.npos);

  SessionStore sessions = world.store();
  REQUIRE(sessions.read());
  CHECK(world.who(sessions, "tocsin=" + secret) == "ann");
  const std::string other = world.begin(sessions, "root");
  const FakeRequest request("GET", "/", {{"cookie", "tocsin=" + other}});
  const auto found = sessions.find(request, *world.tokens->list());
  REQUIRE(found);
  CHECK(*sessions.end(found->session.session));
  CHECK_FALSE(*sessions.end(found->session.session));
  CHECK(world.who(sessions, "tocsin=" + other).empty());
  REQUIRE(*world.tokens->remove("ann"));
  CHECK(world.who(sessions, "tocsin=" + secret).empty());
  // A new token of the same name does not bring the session back.
  REQUIRE(world.tokens->add(TokenGrant{"ann", Role::kAdmin}));
  CHECK(world.who(sessions, "tocsin=" + secret).empty());
}

TEST_CASE("sessions: one ends unused after 12 hours, and after 7 days in any case") {
  World world;
  SessionStore sessions = world.store();
  const std::string idle = "tocsin=" + world.begin(sessions, "ann");
  const std::string used = "tocsin=" + world.begin(sessions, "ann");
  for (int hour = 0; hour < 7 * 24; ++hour) {
    CAPTURE(hour);
    CHECK(world.who(sessions, used) == "ann");
    world.clock.time = world.clock.time + kHour;
    REQUIRE(sessions.keep_used());
  }
  CHECK(world.who(sessions, used).empty());
  CHECK(world.who(sessions, idle).empty());
}

TEST_CASE("sessions: when one was used is known after a restart") {
  World world;
  std::string cookie;
  {
    SessionStore sessions = world.store();
    cookie = "tocsin=" + world.begin(sessions, "ann");
    world.clock.time = world.clock.time + cep::Duration{11 * kHour.us};
    CHECK(world.who(sessions, cookie) == "ann");
    REQUIRE(sessions.keep_used());
  }
  world.clock.time = world.clock.time + cep::Duration{11 * kHour.us};
  SessionStore sessions = world.store();
  REQUIRE(sessions.read());
  CHECK(world.who(sessions, cookie) == "ann");
  world.clock.time = world.clock.time + cep::Duration{12 * kHour.us};
  CHECK(world.who(sessions, cookie).empty());
}

TEST_CASE("sessions: beyond the most that there may be, the one used longest ago ends") {
  World world;
  SessionLimits limits;
  limits.sessions_max = 2;
  SessionStore sessions = world.store(limits);
  const std::string first = "tocsin=" + world.begin(sessions, "ann");
  world.clock.time = world.clock.time + kHour;
  const std::string second = "tocsin=" + world.begin(sessions, "ann");
  world.clock.time = world.clock.time + kHour;
  CHECK(world.who(sessions, first) == "ann");
  const std::string third = "tocsin=" + world.begin(sessions, "root");
  CHECK(world.who(sessions, first) == "ann");
  CHECK(world.who(sessions, second).empty());
  CHECK(world.who(sessions, third) == "root");
}

TEST_CASE("sessions: who signs in again and again ends only sessions of their own token") {
  World world;
  SessionStore sessions = world.store();
  const std::string other = "tocsin=" + world.begin(sessions, "root");
  std::vector<std::string> own;
  for (int i = 0; i < 1100; ++i) {
    world.clock.time = world.clock.time + cep::Duration{1'000'000};
    own.push_back("tocsin=" + world.begin(sessions, "ann"));
  }
  CHECK(world.who(sessions, other) == "root");
  std::size_t open = 0;
  for (const std::string& cookie : own) open += world.who(sessions, cookie) == "ann" ? 1 : 0;
  CHECK(open == SessionLimits().of_token_max);
  CHECK(world.who(sessions, own.back()) == "ann");
  CHECK(world.who(sessions, own.front()).empty());
}

TEST_CASE("sessions: a file that is none is named, and gives no session") {
  World world;
  for (const char* const text : {"", "{}", "[]", R"({"sessions":[1]})", R"({"sessions":[{}]})",
                                 R"({"sessions":[{"sha256":"00","token":"00"}]})"}) {
    CAPTURE(text);
    std::ofstream(world.file()) << text;
    SessionStore sessions = world.store();
    const auto read = sessions.read();
    REQUIRE_FALSE(read);
    CHECK(read.error().message.find(kSessionsFile) != std::string::npos);
    CHECK(world.who(sessions, "tocsin=00").empty());
  }
}

TEST_CASE("sessions: no cookie header that is not exactly a session's is one") {
  World world;
  SessionStore sessions = world.store();
  const std::string secret = world.begin(sessions, "ann");
  std::mt19937 random(7);  // NOLINT: the same every time
  for (int i = 0; i < 20'000; ++i) {
    std::string cookies = "tocsin=" + secret;
    const auto changes = 1 + random() % 3;
    for (std::size_t change = 0; change < changes; ++change) {
      const std::size_t at = random() % cookies.size();
      switch (random() % 3) {
        case 0:
          cookies[at] = static_cast<char>(random() % 256);
          break;
        case 1:
          cookies.erase(at, 1 + random() % 5);
          break;
        default:
          cookies.insert(at, 1, "; =,\"\0x"[random() % 7]);
      }
      if (cookies.empty()) cookies = "=";
    }
    CAPTURE(cookies);
    // Blanks around a name or value, and other cookies beside it, are no difference.
    const bool is_same =
        cookies.find("tocsin") != cookies.npos && cookies.find(secret) != cookies.npos;
    if (!is_same) CHECK(world.who(sessions, cookies).empty());
  }
}

TEST_CASE("sessions: a change is from a page of this server, which says so") {
  World world;
  struct Row {
    bool is_secure;
    const char* origin;
    const char* page;
    bool is_own;
  };
  constexpr Row kRows[] = {{false, "http://t:1", "1", true},
                           {false, "https://t:1", "1", true},
                           {true, "https://t:1", "1", true},
                           {true, "http://t:1", "1", false},
                           {false, "http://t:2", "1", false},
                           {false, "http://evil", "1", false},
                           {false, "", "1", false},
                           {false, "null", "1", false},
                           {false, "http://t:1.evil", "1", false},
                           {false, "http://t:1", "", false},
                           {false, "http://t:1", "0", false}};
  for (const Row& row : kRows) {
    CAPTURE(row.origin);
    CAPTURE(row.page);
    SessionLimits limits;
    limits.is_secure = row.is_secure;
    const SessionStore sessions = world.store(limits);
    FakeRequest request("POST", "/", {{"host", "t:1"}});
    if (*row.origin != '\0') request.add_header({"origin", row.origin});
    if (*row.page != '\0') request.add_header({"tocsin-console", row.page});
    CHECK(sessions.foreignness(request).has_value() != row.is_own);
  }
}

TEST_CASE("sessions: the cookie is for this server alone, and with TLS for TLS alone") {
  World world;
  const FakeRequest request("GET", "/");
  CHECK(world.store().cookie(request, "S") ==
        "tocsin=S; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict");
  SessionLimits limits;
  limits.is_secure = true;
  CHECK(world.store(limits).cookie(request, "") ==
        "__Host-tocsin=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure");
}

TEST_CASE("sessions: who came to a proxy by HTTPS has a cookie for HTTPS alone") {
  World world;
  SessionLimits limits;
  limits.is_https = [](const HttpRequest& request) {
    return request.head().header("forwarded") == "proto=https";
  };
  SessionStore sessions = world.store(limits);
  const std::string secret = world.begin(sessions, "ann");
  const HttpHeader said{"forwarded", "proto=https"};
  const FakeRequest plain("GET", "/");
  const FakeRequest by_https("GET", "/", {said});
  CHECK(sessions.cookie(plain, "S").starts_with("tocsin=S;"));
  CHECK(sessions.cookie(plain, "S").find("Secure") == std::string::npos);
  CHECK(sessions.cookie(by_https, "S") ==
        "__Host-tocsin=S; Path=/; Max-Age=604800; HttpOnly; SameSite=Strict; Secure");
  // Each finds the cookie that it was given, and no other, which somebody else may have set.
  const auto finds = [&](std::vector<HttpHeader> headers) {
    return sessions.find(FakeRequest("GET", "/", std::move(headers)), *world.tokens->list())
        .has_value();
  };
  CHECK(finds({{"cookie", "tocsin=" + secret}}));
  CHECK(finds({{"cookie", "__Host-tocsin=" + secret}, said}));
  CHECK_FALSE(finds({{"cookie", "tocsin=" + secret}, said}));
  CHECK_FALSE(finds({{"cookie", "__Host-tocsin=" + secret}}));
  // A page that came without HTTPS, which anybody on the way may have written, changes nothing.
  const auto is_foreign = [&](std::vector<HttpHeader> headers) {
    headers.insert(headers.end(), {{"host", "t:1"}, {"tocsin-console", "1"}});
    return sessions.foreignness(FakeRequest("POST", "/", std::move(headers))).has_value();
  };
  CHECK_FALSE(is_foreign({{"origin", "http://t:1"}}));
  CHECK_FALSE(is_foreign({{"origin", "https://t:1"}, said}));
  CHECK(is_foreign({{"origin", "http://t:1"}, said}));
}

TEST_CASE("sessions: one that was found has ended when it is signed out, unused or over") {
  World world;
  SessionStore sessions = world.store();
  const auto begin = [&] {
    const FakeRequest request("GET", "/", {{"cookie", "tocsin=" + world.begin(sessions, "ann")}});
    return sessions.find(request, *world.tokens->list())->session.session;
  };
  const cep::Digest first = begin();
  const cep::Digest second = begin();
  CHECK(sessions.has(first));
  CHECK(*sessions.end(first));
  CHECK_FALSE(sessions.has(first));
  CHECK(sessions.has(second));
  world.clock.time = world.clock.time + cep::Duration{12 * kHour.us};
  CHECK_FALSE(sessions.has(second));
}

TEST_CASE("sessions: the router knows people by the cookie, and refuses changes of other pages") {
  World world;
  SessionStore sessions = world.store();
  RouterOptions options;
  options.version = "1";
  options.sessions = &sessions;
  Router router(std::move(options));
  add_session_routes(router, &sessions, world.clock, {2, {"a test", "too small"}});
  const auto ask = [&](const char* method, const char* path, std::vector<HttpHeader> headers) {
    FakeRequest request(method, path, std::move(headers));
    return router.handle(request, *world.tokens->list());
  };
  const HttpResponse begun =
      ask("POST", "/v1/session", {{"authorization", "Bearer " + world.secrets["ann"]}});
  REQUIRE(begun.status == 201);
  const std::string* const set = header_of(begun, "Set-Cookie");
  REQUIRE(set != nullptr);
  const std::string cookie = set->substr(0, set->find(';'));
  const HttpResponse me = ask("GET", "/v1/me", {{"cookie", cookie}});
  REQUIRE(me.status == 200);
  const auto document = nlohmann::json::parse(me.body);
  CHECK(document.at("name") == "ann");
  CHECK(document.at("may") == nlohmann::json({"reader", "analyst"}));
  CHECK(document.at("approvals") == 2);
  CHECK(document.at("dismiss_reasons") == nlohmann::json({"a test", "too small"}));
  CHECK_FALSE(document.contains("tags"));
  CHECK(document.at("session").at("ends") == "2026-03-09T12:00:00Z");
  CHECK(ask("GET", "/v1/me", {}).status == 401);
  CHECK(ask("GET", "/v1/me", {{"cookie", cookie + "x"}}).body.find("sign in again") !=
        std::string::npos);
  // A token goes before a cookie, also a wrong one.
  CHECK(ask("GET", "/v1/me", {{"cookie", cookie}, {"authorization", "Bearer wrong"}}).status ==
        401);

  const HttpHeader host{"host", "t:1"};
  const HttpHeader page{"tocsin-console", "1"};
  CHECK(ask("DELETE", "/v1/session", {{"cookie", cookie}, host, page}).status == 403);
  CHECK(ask("DELETE", "/v1/session", {{"cookie", cookie}, host, page, {"origin", "http://evil"}})
            .status == 403);
  const HttpHeader own{"origin", "http://t:1"};
  CHECK(ask("DELETE", "/v1/session", {{"cookie", cookie}, host, own}).status == 403);
  CHECK(ask("POST", "/v1/session", {{"cookie", cookie}, host, page, own}).status == 409);
  CHECK(ask("GET", "/v1/me", {{"cookie", cookie}}).status == 200);
  CHECK(ask("DELETE", "/v1/session", {{"cookie", cookie}, host, page, own}).status == 204);
  CHECK(ask("GET", "/v1/me", {{"cookie", cookie}}).status == 401);
}

TEST_CASE("console files: a page for each screen, files by their exact path, nothing else") {
  const auto get = [](std::string method, std::string target,
                      std::vector<HttpHeader> headers = {}) {
    const FakeRequest request(std::move(method), std::move(target), std::move(headers));
    return answer_console(request.head(), console_assets());
  };
  CHECK_FALSE(get("GET", "/v1/alerts"));
  CHECK_FALSE(get("GET", "/consoles"));
  CHECK_FALSE(get("GET", "/livez"));
  CHECK(get("GET", "/")->status == 302);
  CHECK(*header_of(*get("GET", "/?a=b"), "Location") == "/console/");
  CHECK(get("GET", "/console")->status == 308);
  CHECK(get("POST", "/console/")->status == 405);
  CHECK(get("GET", "/console/assets/none.js")->status == 404);
  CHECK(get("GET", "/console/assets/../index.html")->status == 404);
  const auto page = get("GET", "/console/alerts/a1?status=open");
  REQUIRE(page->status == 200);
  CHECK(page->body.starts_with("<!doctype html>"));
  CHECK(*header_of(*page, "Cache-Control") == "no-cache");
  CHECK(header_of(*page, "Content-Security-Policy")->starts_with("default-src 'none'; script-src"));
  const std::string* const tag = header_of(*page, "ETag");
  CHECK(get("GET", "/console/", {{"if-none-match", *tag}})->status == 304);
  CHECK(get("GET", "/console/", {{"if-none-match", "W/\"other\""}})->status == 200);
  const auto packed = get("GET", "/console/", {{"accept-encoding", "br, gzip"}});
  CHECK(packed->body.starts_with("\x1f\x8b"));
  CHECK(*header_of(*packed, "Content-Encoding") == "gzip");
  for (const ConsoleAsset& asset : console_assets()) {
    CAPTURE(asset.path);
    const auto file = get("GET", std::string(asset.path));
    REQUIRE(file);
    CHECK(file->status == 200);
    CHECK_FALSE(file->body.empty());
    CHECK(*header_of(*file, "X-Content-Type-Options") == "nosniff");
    const std::string& policy = *header_of(*file, "Content-Security-Policy");
    CHECK(policy.starts_with("default-src 'none'; script-src 'self'"));
    CHECK(policy.find("'unsafe-") == std::string::npos);
    CHECK(policy.ends_with("require-trusted-types-for 'script'; trusted-types 'none'"));
    CHECK(*header_of(*file, "Cross-Origin-Opener-Policy") == "same-origin");
    CHECK(*header_of(*file, "Cross-Origin-Resource-Policy") == "same-origin");
    CHECK(*header_of(*file, "Referrer-Policy") == "no-referrer");
    CHECK((header_of(*file, "Cache-Control")->find("immutable") != std::string::npos) ==
          asset.is_immutable);
  }
}

TEST_CASE("console files: who takes gzip") {
  for (const char* const text : {"gzip", "br, gzip;q=0.5", "*", "deflate , x-gzip"}) {
    CAPTURE(text);
    CHECK(takes_gzip(text));
  }
  for (const char* const text : {"", "br", "gzip;q=0", "*, gzip;q=0", "identity"}) {
    CAPTURE(text);
    CHECK_FALSE(takes_gzip(text));
  }
}
}  // namespace
}  // namespace tocsin::api
