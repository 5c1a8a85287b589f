#include "api/net/http_message.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

namespace tocsin::api {
namespace {
using std::chrono::seconds;

TEST_CASE("http message: a POST as bytes") {
  const WebhookUrl url = *parse_webhook_url("http://example.com:81/a?b=c");
  const HttpHeader headers[] = {{"webhook-id", "msg_1"}, {"webhook-timestamp", "17"}};
  const Result<std::string> message = format_post(url, headers, "{\"a\":1}");
  REQUIRE(message);
  CHECK(
      message->starts_with("POST /a?b=c HTTP/1.1\r\nHost: example.com:81\r\nUser-Agent: tocsin/"));
  CHECK(message->ends_with(
      "\r\nContent-Type: application/json\r\nContent-Length: 7\r\nwebhook-id: msg_1\r\n"
      "webhook-timestamp: 17\r\n\r\n{\"a\":1}"));
  const HttpHeader of_type[] = {{"content-type", "application/cloudevents+json"}};
  const Result<std::string> typed = format_post(url, of_type, "{}");
  REQUIRE(typed);
  CHECK(typed->find("application/json") == std::string::npos);
  CHECK(typed->ends_with("\r\ncontent-type: application/cloudevents+json\r\n\r\n{}"));
}

TEST_CASE("http message: a GET as bytes") {
  const WebhookUrl url = *parse_webhook_url("http://example.com:81/a");
  const HttpHeader headers[] = {{"Accept", "text/plain"}};
  const Result<std::string> message = format_get(url, "/b?c=d", headers);
  REQUIRE(message);
  CHECK(message->starts_with("GET /b?c=d HTTP/1.1\r\nHost: example.com:81\r\nUser-Agent: tocsin/"));
  CHECK(message->ends_with("\r\nConnection: close\r\nAccept: text/plain\r\n\r\n"));
  const HttpHeader bad[] = {{"x", "a\r\nY: b"}};
  CHECK_FALSE(format_get(url, "/", bad));
}

TEST_CASE("http message: a header cannot begin another one") {
  const WebhookUrl url = *parse_webhook_url("http://example.com/");
  const HttpHeader bad[] = {{"x", "a\r\nY: b"}, {"x", "a\nb"}, {"x", std::string("a\0b", 3)},
                            {"x", "\x7f"},      {"x y", "a"},  {"", "a"},
                            {"x:", "a"},        {"x\r\n", "a"}};
  for (const HttpHeader& header : bad) {
    CAPTURE(header.name);
    CHECK(!format_post(url, std::span(&header, 1), ""));
  }
  const HttpHeader good = {"x", "a, \"b\" \xc3\xa4;q=1"};
  CHECK(format_post(url, std::span(&good, 1), ""));
}

TEST_CASE("http message: where a head ends") {
  struct Row {
    std::string bytes;
    std::optional<std::size_t> end;
  };
  const Row rows[] = {
      {"", std::nullopt},
      {"HTTP/1.1 200 OK\r\n", std::nullopt},
      {"HTTP/1.1 200 OK\r\n\r", std::nullopt},
      {"HTTP/1.1 200 OK\r\n\r\nbody\n\n", 19},
      {"HTTP/1.1 200 OK\n\nbody", 17},
      {"a\nb: c\r\nd\r\n\r\n", 13},
  };
  for (const Row& row : rows) {
    CAPTURE(row.bytes);
    CHECK(find_head_end(row.bytes) == row.end);
  }
}

TEST_CASE("http message: answers") {
  struct Row {
    std::string head;
    int status;  // 0: refused
    std::optional<std::uint64_t> body_bytes;
    bool keep_alive;
    const char* retry_after;
  };
  const Row rows[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 200, 5, true, ""},
      {"HTTP/1.1 204\r\n\r\n", 204, 0, true, ""},
      {"HTTP/1.1 200 OK\n\n", 200, std::nullopt, true, ""},
      {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", 200, 5, false, ""},
      {"HTTP/1.1 500 No\r\ncontent-length: 0\r\nconnection: x, Close\r\n\r\n", 500, 0, false, ""},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 200,
       std::nullopt, true, ""},
      {"HTTP/1.1 429 Slow\r\nRETRY-AFTER:  120 \r\nContent-Length: 0\r\n\r\n", 429, 0, true, "120"},
      {"HTTP/1.1 100 Continue\r\n\r\n", 100, 0, true, ""},
      {"HTTP/1.1 302 Found\r\nLocation: http://other/\r\nContent-Length: 0\r\n\r\n", 302, 0, true,
       ""},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 200, 5, true, ""},
      {"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 1\r\n\r\n", 200, 1, true, ""},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 0, {}, false, ""},
      {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0, {}, false, ""},
      {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", 0, {}, false, ""},
      {"HTTP/2 200\r\n\r\n", 0, {}, false, ""},
      {"HTTP/1.1 2x0 OK\r\n\r\n", 0, {}, false, ""},
      {"HTTP/1.1 2000 OK\r\n\r\n", 0, {}, false, ""},
      {"HTTP/1.1 099 OK\r\n\r\n", 0, {}, false, ""},
      {"HTTP/1.1 600 OK\r\n\r\n", 0, {}, false, ""},
      {"HTTP/1.1\r\n\r\n", 0, {}, false, ""},
      {"SSH-2.0-OpenSSH\r\n\r\n", 0, {}, false, ""},
      {"\r\n\r\n", 0, {}, false, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.head);
    const Result<ResponseHead> head = parse_response_head(row.head);
    REQUIRE(head.has_value() == (row.status != 0));
    if (!head) continue;
    CHECK(head->status == row.status);
    CHECK(head->body_bytes == row.body_bytes);
    CHECK(head->keep_alive == row.keep_alive);
    CHECK(head->retry_after == row.retry_after);
  }
}

TEST_CASE("http message: Retry-After in seconds or as a date") {
  constexpr std::int64_t kNow =
      784111777;  // Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110
  struct Row {
    const char* value;
    std::optional<seconds> wait;
  };
  const Row rows[] = {
      {"0", seconds(0)},
      {"120", seconds(120)},
      {" 7 ", seconds(7)},
      {"86400", seconds(86400)},
      {"86401", seconds(86400)},
      {"99999999999999999999999", seconds(86400)},
      {"Sun, 06 Nov 1994 08:49:37 GMT", seconds(0)},
      {"Sun, 06 Nov 1994 08:50:37 GMT", seconds(60)},
      {"Sun, 06 Nov 1994 08:00:00 GMT", seconds(0)},
      {"Tue, 06 Nov 2035 08:49:37 GMT", seconds(86400)},
      {"", std::nullopt},
      {"-1", std::nullopt},
      {"1.5", std::nullopt},
      {"soon", std::nullopt},
      {"Sun, 31 Feb 1994 08:49:37 GMT", std::nullopt},
      {"Sun, 06 Nov 1994 24:49:37 GMT", std::nullopt},
      {"Sun, 06 Nov 1994 08:49:37 CET", std::nullopt},
      {"Sunday, 06-Nov-94 08:49:37 GMT", std::nullopt},
  };
  for (const Row& row : rows) {
    CAPTURE(row.value);
    CHECK(parse_retry_after(row.value, kNow) == row.wait);
  }
}
}  // namespace
}  // namespace tocsin::api
