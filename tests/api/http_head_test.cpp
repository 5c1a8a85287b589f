#include "api/net/http_head.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/random.h"

namespace tocsin::api {
namespace {
int status_of(const std::string& head, const HttpHeadLimits& limits = {}) {
  const auto parsed = parse_request_head(head, limits);
  return parsed ? 200 : parsed.error().status;
}
std::string with(const std::string& lines) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n";
}

TEST_CASE("http head: what a client says") {
  const auto head = parse_request_head(
      "POST /v1/events?wait=alerts HTTP/1.1\r\nHost: example\r\nContent-Type: "
      "application/x-ndjson\r\n"
      "Content-Length: 17\r\nX-Empty:\r\nTab:\ta b\t\r\n\r\n",
      {});
  REQUIRE(head.has_value());
  CHECK(head->method == "POST");
  CHECK(head->target == "/v1/events?wait=alerts");
  CHECK(head->header("content-type") == "application/x-ndjson");
  CHECK(head->header("x-empty") == "");
  CHECK(head->header("tab") == "a b");
  CHECK(!head->header("absent").has_value());
  CHECK(head->content_bytes == 17);
  CHECK(!head->is_chunked);
  CHECK(head->keep_alive);
}

TEST_CASE("http head: how long a connection stays open") {
  const auto stays = [](const std::string& head) {
    return parse_request_head(head, {})->keep_alive;
  };
  CHECK(stays(with("")));
  CHECK(!stays(with("Connection: upgrade, Close\r\n")));
  CHECK(!stays("GET / HTTP/1.0\r\n\r\n"));
  CHECK(stays("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST_CASE("http head: what two readers could read differently is refused") {
  const struct {
    const char* what;
    std::string head;
    int status;
  } cases[] = {
      {"nothing", "", 400},
      {"an empty line", "\r\n", 400},
      {"bare line feeds", "GET / HTTP/1.1\nHost: a\n\n", 400},
      {"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"no host in an absolute target", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a name before the host", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"an absolute target without Host", "GET http://a/ HTTP/1.1\r\n\r\n", 400},
      {"two Authorizations", with("Authorization: a\r\nAuthorization: a\r\n"), 400},
      {"another expectation", with("Expect: 200-ok\r\n"), 417},
      {"a control character in the target", "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"a byte beyond ASCII in the target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"another version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", with("Host: b\r\n"), 400},
      {"a blank before the colon", with("A : b\r\n"), 400},
      {"a folded line", with("A: b\r\n c\r\n"), 400},
      {"no colon", with("A\r\n"), 400},
      {"a NUL in a value", with(std::string("A: b\0c\r\n", 8)), 400},
      {"a carriage return in a value", with("A: b\rc\r\n"), 400},
      {"a length that is none", with("Content-Length: +1\r\n"), 400},
      {"a hexadecimal length", with("Content-Length: 0x10\r\n"), 400},
      {"a length beyond 64 bits", with("Content-Length: 99999999999999999999\r\n"), 400},
      {"two lengths", with("Content-Length: 1\r\nContent-Length: 1\r\n"), 400},
      {"a length and chunks", with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"another encoding", with("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"chunks twice", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 501},
      {"chunks in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"bytes behind the head", with("") + "x", 400},
  };
  for (const auto& one : cases) {
    CAPTURE(one.what);
    CHECK(status_of(one.head) == one.status);
  }
}

TEST_CASE("http head: the host of an absolute target replaces the header's") {
  const auto read = [](const std::string& target) {
    return *parse_request_head("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n", {});
  };
  CHECK(read("http://b:81/x?y").target == "/x?y");
  CHECK(read("http://b:81/x?y").header("host") == "b:81");
  CHECK(read("HTTPS://[::1]").target == "/");
  CHECK(read("HTTPS://[::1]").header("host") == "[::1]");
  CHECK(read("http://b?y=/").target == "/?y=/");
  CHECK(read("/http://b/").target == "/http://b/");
}

TEST_CASE("http head: where it ends, and that a bare line feed is told at once") {
  using Is = HeadEnd::Is;
  const std::string head = with("A: b\r\n");
  for (std::size_t size = 0; size < head.size(); ++size)
    CHECK(find_request_head_end(head.substr(0, size), 0).is == Is::kUnknown);
  for (std::size_t from = 0; from + 1 < head.size(); ++from) {
    CHECK(find_request_head_end(head + "x\n", from).is == Is::kFound);
    CHECK(find_request_head_end(head + "x\n", from).at == head.size());
  }
  CHECK(find_request_head_end("\n", 0).is == Is::kBareLineFeed);
  CHECK(find_request_head_end("GET / HTTP/1.1\n", 0).is == Is::kBareLineFeed);
  CHECK(find_request_head_end("GET / HTTP/1.1\n", 0).at == 15);
  CHECK(find_request_head_end("GET / HTTP/1.1\r\nHost: a\n", 16).is == Is::kBareLineFeed);
  CHECK(find_request_head_end("\r\n", 0).is == Is::kFound);
}

TEST_CASE("http head: limits bite exactly beyond them") {
  HttpHeadLimits limits;
  limits.header_count_max = 3;
  CHECK(status_of(with("A: 1\r\nB: 2\r\n"), limits) == 200);
  CHECK(status_of(with("A: 1\r\nB: 2\r\nC: 3\r\n"), limits) == 431);
  limits.target_bytes_max = 10;
  CHECK(status_of("GET /234567890 HTTP/1.1\r\nHost: a\r\n\r\n", limits) == 200);
  CHECK(status_of("GET /2345678901 HTTP/1.1\r\nHost: a\r\n\r\n", limits) == 414);
  const std::string head = with("A: 1\r\n");
  limits.head_bytes_max = head.size();
  CHECK(status_of(head, limits) == 200);
  limits.head_bytes_max = head.size() - 1;
  CHECK(status_of(head, limits) == 431);
}

TEST_CASE("http head: no bytes crash it, and what it takes it takes again as it wrote it") {
  const std::string good = with("Content-Length: 5\r\nConnection: close, x\r\nA: b\r\n");
  tests::for_all_seeds("API", 5000, [&](tests::Random& random) {
    std::string bytes = good;
    for (std::size_t changes = random.below(4) + 1; changes > 0 && !bytes.empty(); --changes) {
      const std::size_t at = random.below(bytes.size());
      switch (random.below(3)) {
        case 0:
          bytes[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          bytes.erase(at, random.below(5));
          break;
        default:
          bytes.insert(at, good.substr(random.below(good.size()), random.below(9)));
      }
    }
    const auto head = parse_request_head(bytes, {});
    if (!head) return;
    std::string again = head->method + " " + head->target + " HTTP/1.1\r\n";
    for (const HttpHeader& header : head->headers)
      again += header.name + ": " + header.value + "\r\n";
    if (!head->header("host")) return;  // 1.0 needs none
    CAPTURE(bytes);
    const auto second = parse_request_head(again + "\r\n", {});
    REQUIRE(second.has_value());
    CHECK(second->content_bytes == head->content_bytes);
    CHECK(second->is_chunked == head->is_chunked);
  });
}
}  // namespace
}  // namespace tocsin::api
