#include <doctest/doctest.h>

#include <string>

#include "api/net/loopback_address.h"
#include "api/net/webhook_url.h"

namespace tocsin::api {
namespace {
TEST_CASE("url: parts and spelling of webhook URLs") {
  struct Row {
    const char* text;
    bool tls;
    const char* host;
    int port;
    const char* target;
    const char* authority;
    const char* spelling;
  };
  const Row rows[] = {
      {"http://127.0.0.1:8080/alerts", false, "127.0.0.1", 8080, "/alerts", "127.0.0.1:8080",
       "http://127.0.0.1:8080/alerts"},
      {"http://example.com", false, "example.com", 80, "/", "example.com", "http://example.com/"},
      {"HTTP://Example.COM:80/A", false, "example.com", 80, "/A", "example.com",
       "http://example.com/A"},
      {"https://example.com", true, "example.com", 443, "/", "example.com", "https://example.com/"},
      {"https://example.com:80", true, "example.com", 80, "/", "example.com:80",
       "https://example.com:80/"},
      {"http://example.com?a=b", false, "example.com", 80, "/?a=b", "example.com",
       "http://example.com/?a=b"},
      {"http://h/a%20b?c=%C3%A4&d[]=1", false, "", 0, "", "", ""},
      {"http://h/a%20b?c=%C3%A4&d=1", false, "h", 80, "/a%20b?c=%C3%A4&d=1", "h",
       "http://h/a%20b?c=%C3%A4&d=1"},
      {"http://[::1]:9/x", false, "::1", 9, "/x", "[::1]:9", "http://[::1]:9/x"},
      {"http://[2001:DB8::1]", false, "2001:db8::1", 80, "/", "[2001:db8::1]",
       "http://[2001:db8::1]/"},
      {"http://my_host.local.:1", false, "my_host.local.", 1, "/", "my_host.local.:1",
       "http://my_host.local.:1/"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Result<WebhookUrl> url = parse_webhook_url(row.text);
    REQUIRE(url.has_value() == (row.port != 0));
    if (!url) continue;
    CHECK(url->tls == row.tls);
    CHECK(url->host == row.host);
    CHECK(url->port == row.port);
    CHECK(url->target == row.target);
    CHECK(url->authority() == row.authority);
    CHECK(url->text() == row.spelling);
    CHECK(parse_webhook_url(url->text())->text() == url->text());
  }
}

TEST_CASE("url: what is refused, and why") {
  struct Row {
    std::string text;
    const char* why;
  };
  const Row rows[] = {
      {"", "empty"},
      {"example.com/x", "http:// or https://"},
      {"/alerts", "http:// or https://"},
      {"ftp://example.com", "neither http nor https: ftp"},
      {"http://", "names no host"},
      {"http:///x", "names no host"},
      {"http://:80", "names no host"},
      {"http://user:secret@example.com/", "user name or password"},
      {"http://user@example.com/", "user name or password"},
      {"http://exa mple.com/", "blank"},
      {"http://example.com/\r\nX: y", "control character"},
      {"http://example.com/\x7f", "control character"},
      {"http://ex\xc3\xa4mple.com/", "beyond ASCII"},
      {"http://example.com/#top", "fragment"},
      {"http://example.com:0/", "port is not a number from 1 to 65535: 0"},
      {"http://example.com:65536/", "port is not a number"},
      {"http://example.com:/", "port is not a number"},
      {"http://example.com:+80/", "port is not a number"},
      {"http://example.com:80:90/", "port is not a number"},
      {"http://-/<x>", "must be %-encoded"},
      {"http://example.com/%zz", "must be %-encoded"},
      {"http://example.com/%2", "must be %-encoded"},
      {"http://example..com/", "not a host name"},
      {"http://.com/", "not a host name"},
      {"http://exa$mple.com/", "not a host name"},
      {"http://" + std::string(64, 'a') + ".com/", "not a host name"},
      {"http://256.1.1.1/", "not an IPv4 address"},
      {"http://127.1/", "not an IPv4 address"},
      {"http://[::1/", "`[` without `]`"},
      {"http://[127.0.0.1]/", "not an IPv6 address"},
      {"http://[::1]x/", "expected after `]`"},
      {"http://a/" + std::string(3000, 'x'), "longer than"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Result<WebhookUrl> url = parse_webhook_url(row.text);
    REQUIRE(!url.has_value());
    CHECK(url.error().code == Errc::kInvalidArgument);
    CAPTURE(url.error().message);
    CHECK(url.error().message.find(row.why) != std::string::npos);
    CHECK(url.error().message.find("secret") == std::string::npos);
  }
}

TEST_CASE("url: a receiver listens on this machine only") {
  struct Row {
    const char* text;
    const char* address;  // nullptr: refused
  };
  const Row rows[] = {
      {"127.0.0.1:8080", "127.0.0.1:8080"},
      {"127.0.0.1:0", "127.0.0.1:0"},
      {"127.9.9.9:1", "127.9.9.9:1"},
      {"localhost:65535", "127.0.0.1:65535"},
      {"[::1]:80", "[::1]:80"},
      {"0.0.0.0:80", nullptr},
      {"[::]:80", nullptr},
      {"192.168.0.1:80", nullptr},
      {"example.com:80", nullptr},
      {":80", nullptr},
      {"127.0.0.1", nullptr},
      {"127.0.0.1:", nullptr},
      {"127.0.0.1:65536", nullptr},
      {"127.0.0.1:-1", nullptr},
      {"127.0.0.1:80x", nullptr},
      {"[::1]", nullptr},
      {"::1:80", nullptr},
      {"", nullptr},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const Result<LoopbackAddress> address = parse_loopback_address(row.text);
    REQUIRE(address.has_value() == (row.address != nullptr));
    if (address) CHECK(address->text() == row.address);
  }
}
}  // namespace
}  // namespace tocsin::api
