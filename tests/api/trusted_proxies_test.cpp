// What proxies say of their clients, and whom the server believes.
#include "api/proxy/trusted_proxies.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "api/proxy/proxy_header.h"
#include "tests/api/http_world.h"

namespace tocsin::tests {
namespace {
using api::IpAddress;
using api::IpRange;
using api::ProxyHeaderReader;
using api::TrustedProxies;
using namespace std::string_literals;

// Proxies at 10.0.0.0/8 are believed.
TrustedProxies trusting(const std::string& how) {
  auto made = TrustedProxies::make({how + "=10.0.0.0/8", how + "=fd00::/8"});
  REQUIRE(made.has_value());
  return *std::move(made);
}
// "!" for a header that cannot be read.
std::string client_of(const TrustedProxies& proxies, std::string_view peer,
                      const TrustedProxies::HeaderLines& lines) {
  const auto client = proxies.client_of(*IpAddress::parse(peer), lines);
  return client ? client->text() : "!";
}

TEST_CASE("proxies: addresses and ranges are read strictly") {
  for (const char* const text : {"10.1.2.3", "::1", "fd00::1:2", "2001:db8::ff"})
    CHECK(IpAddress::parse(text)->text() == text);
  CHECK(IpAddress::parse("::ffff:10.1.2.3")->text() == "10.1.2.3");
  CHECK(IpAddress::parse("::ffff:10.1.2.3") == IpAddress::parse("10.1.2.3"));
  for (const std::string& text :
       {""s, "10.1.2"s, "10.1.2.3.4"s, "010.1.2.3"s, "10.1.2.256"s, " 10.1.2.3"s, "10.1.2.3 "s,
        "10.1.2.3\0"s, "10.1.2.3\0.5"s, "[::1]"s, "::1%eth0"s, "fe80::1%1"s, "1::2::3"s, "0x7f.1"s,
        "localhost"s, std::string(60, '1')})
    CHECK_MESSAGE(!IpAddress::parse(text), text);
  const auto contains = [](const char* range, const char* address) {
    return IpRange::parse(range)->contains(*IpAddress::parse(address));
  };
  CHECK(contains("10.0.0.0/8", "10.255.0.1"));
  CHECK(!contains("10.0.0.0/8", "11.0.0.1"));
  CHECK(contains("10.1.2.3", "10.1.2.3"));
  CHECK(!contains("10.1.2.3", "10.1.2.4"));
  CHECK(contains("10.1.2.2/31", "::ffff:10.1.2.3"));
  CHECK(contains("::ffff:10.0.0.0/104", "10.9.9.9"));
  CHECK(contains("fd00::/8", "fdff::1"));
  CHECK(!contains("fd00::/8", "10.0.0.1"));
  CHECK(contains("0.0.0.0/0", "1.2.3.4"));
  CHECK(!contains("0.0.0.0/0", "2001:db8::1"));
  for (const char* const text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/8x",
                                 "10.0.0.0/-1", "10.0.0.0/ 8", "10.0.0.0//8"})
    CHECK_MESSAGE(!IpRange::parse(text), text);
}

TEST_CASE("proxies: the setting says what is believed of whom") {
  for (const char* const text : {"10.0.0.1", "=10.0.0.1", "via=10.0.0.1", "forwarded",
                                 "forwarded=", "Forwarded=10.0.0.1", "proxy=10.0.0.0/40"}) {
    CHECK_MESSAGE(!TrustedProxies::make({text}), text);
  }
  CHECK(TrustedProxies::make({"10.0.0.1"}).error().message.find("forwarded=ADDRESS") !=
        std::string::npos);
  const TrustedProxies proxies = *TrustedProxies::make(
      {"proxy=10.0.0.1", "forwarded=10.0.0.0/24", "x-forwarded-for=10.0.0.0/16"});
  const auto header_of = [&](const char* peer) {
    return proxies.header_of(*IpAddress::parse(peer));
  };
  CHECK(header_of("10.0.0.1") == "forwarded");  // the first that fits
  CHECK(header_of("10.0.1.1") == "x-forwarded-for");
  CHECK(header_of("10.1.0.1").empty());
  CHECK(proxies.begins_with_header(*IpAddress::parse("10.0.0.1")));
  CHECK(!proxies.begins_with_header(*IpAddress::parse("10.0.0.2")));
  CHECK(TrustedProxies().empty());
  CHECK(TrustedProxies().header_of(*IpAddress::parse("10.0.0.1")).empty());
  // Not believed, whatever it says.
  CHECK(client_of(proxies, "10.1.0.1", {"for=192.0.2.1"}) == "10.1.0.1");
  CHECK(client_of(TrustedProxies(), "10.0.0.1", {"for=192.0.2.1"}) == "10.0.0.1");
}

TEST_CASE("proxies: Forwarded, honest and hostile") {
  const TrustedProxies proxies = trusting("forwarded");
  struct Row {
    TrustedProxies::HeaderLines lines;
    const char* client;
  };
  const std::string quotes = "for=" + std::string(5000, '"');
  const std::string many = [] {
    std::string text = "for=192.0.2.9";
    for (int i = 0; i < 2000; ++i) text += ",for=10.0.0.2";
    return text;
  }();
  for (const Row& row : std::vector<Row>{
           {{}, "10.0.0.1"},
           {{""}, "10.0.0.1"},
           {{"for=192.0.2.1"}, "192.0.2.1"},
           {{"For=192.0.2.1;Proto=https;by=10.0.0.1;host=a.example"}, "192.0.2.1"},
           {{"by=10.0.0.1;for=\"192.0.2.1:4711\""}, "192.0.2.1"},
           {{"for=\"[2001:db8::1]\""}, "2001:db8::1"},
           {{"for=\"[2001:db8::1]:4711\""}, "2001:db8::1"},
           {{"for=\"[::ffff:192.0.2.1]\""}, "192.0.2.1"},
           {{"for=\"\\1\\92.0.2.1\""}, "192.0.2.1"},
           {{"for=\"192.0.2.1:_port\""}, "192.0.2.1"},
           // The nearest that is not believed, whatever its client wrote before.
           {{"for=198.51.100.9, for=192.0.2.1"}, "192.0.2.1"},
           {{"for=198.51.100.9,for=192.0.2.1,for=10.0.0.7"}, "192.0.2.1"},
           {{"for=198.51.100.9", "for=192.0.2.1"}, "192.0.2.1"},
           {{"for=10.0.0.9, for=10.0.0.8"}, "10.0.0.9"},
           {{"for=198.51.100.9, for=\"[fd00::7]\""}, "198.51.100.9"},
           {{" , for=192.0.2.1 ,\t, "}, "192.0.2.1"},
           {{many}, "192.0.2.9"},
           // A proxy that does not say stands for its client.
           {{"for=unknown"}, "10.0.0.1"},
           {{"for=192.0.2.1, for=_hidden"}, "10.0.0.1"},
           {{"for=192.0.2.1, for=Unknown, for=10.0.0.7"}, "10.0.0.7"},
           {{"proto=https"}, "10.0.0.1"},
           {{"for=192.0.2.1, proto=https"}, "10.0.0.1"},
           // What cannot be read is not guessed at, wherever it is: of a quote nobody knows where
           // it should have ended.
           {{"for=192.0.2.1, for=\"198.51.100.9"}, "!"},
           {{"for=\"192.0.2.1, for=192.0.2.2"}, "!"},
           {{"for=\"192.0.2.1\\"}, "!"},
           {{quotes}, "!"},
           {{"for=192.0.2.1;for=192.0.2.2"}, "!"},
           {{"for=192.0.2.1;FOR=192.0.2.1"}, "!"},
           {{"for=192.0.2.1;"}, "!"},
           {{"for=192.0.2.1 for=192.0.2.2"}, "!"},
           {{"for =192.0.2.1"}, "!"},
           {{"for= 192.0.2.1"}, "!"},
           {{"for="}, "!"},
           {{"for"}, "!"},
           {{"for=\"\""}, "!"},
           {{"192.0.2.1"}, "!"},
           {{"for=2001:db8::1"}, "!"},
           {{"for=\"2001:db8::1\""}, "!"},
           {{"for=\"[192.0.2.1]\""}, "!"},
           {{"for=\"[2001:db8::1\""}, "!"},
           {{"for=\"[2001:db8::1]x\""}, "!"},
           {{"for=\"[2001:db8::1]:\""}, "!"},
           {{"for=\"[unknown]\""}, "!"},
           {{"for=192.0.2.1:80"}, "!"},
           {{"for=\"192.0.2.1:\""}, "!"},
           {{"for=\"192.0.2.1:123456\""}, "!"},
           {{"for=\"192.0.2.1:8o\""}, "!"},
           {{"for=192.0.2.01"}, "!"},
           {{"for=192.0.2.256"}, "!"},
           {{"for=localhost"}, "!"},
           {{"for=_"}, "!"},
           {{"for=192.0.2.1", "for=\"x"}, "!"},
       }) {
    const std::string shown = row.lines.empty() ? "" : std::string(row.lines[0].substr(0, 80));
    CHECK_MESSAGE(client_of(proxies, "10.0.0.1", row.lines) == row.client, shown);
    CHECK(client_of(proxies, "203.0.113.1", row.lines) == "203.0.113.1");
  }
}

TEST_CASE("proxies: X-Forwarded-For, honest and hostile") {
  const TrustedProxies proxies = trusting("x-forwarded-for");
  struct Row {
    TrustedProxies::HeaderLines lines;
    const char* client;
  };
  for (const Row& row : std::vector<Row>{
           {{}, "10.0.0.1"},
           {{"192.0.2.1"}, "192.0.2.1"},
           {{"192.0.2.1:4711"}, "192.0.2.1"},
           {{"2001:db8::1"}, "2001:db8::1"},
           {{"[2001:db8::1]"}, "2001:db8::1"},
           {{"[2001:db8::1]:4711"}, "2001:db8::1"},
           {{"198.51.100.9, 192.0.2.1"}, "192.0.2.1"},
           {{"198.51.100.9,192.0.2.1, 10.0.0.7"}, "192.0.2.1"},
           {{"198.51.100.9", " 192.0.2.1 "}, "192.0.2.1"},
           {{"192.0.2.1, ,"}, "192.0.2.1"},
           {{"192.0.2.1, unknown"}, "10.0.0.1"},
           // A client's own words, before those of the proxy, change nothing.
           {{"\"', DROP TABLE, 192.0.2.1"}, "192.0.2.1"},
           {{"\"198.51.100.9", "192.0.2.1"}, "192.0.2.1"},
           {{"198.51.100.9, x, 10.0.0.7"}, "!"},
           {{"x"}, "!"},
           {{"192.0.2.1 192.0.2.2"}, "!"},
           {{"192.0.2.1;192.0.2.2"}, "!"},
           {{"for=192.0.2.1"}, "!"},
           {{"\"192.0.2.1\""}, "!"},
           {{"192.0.2.1:x"}, "!"},
           {{"2001:db8::1]"}, "!"},
       }) {
    const std::string shown = row.lines.empty() ? "" : std::string(row.lines[0]);
    CHECK_MESSAGE(client_of(proxies, "10.0.0.1", row.lines) == row.client, shown);
  }
}

TEST_CASE("proxies: by HTTPS is who came so to the proxy that is theirs, as it says") {
  const auto is_https = [](const char* how, const TrustedProxies::HeaderLines& lines,
                           const TrustedProxies::HeaderLines& schemes = {},
                           const char* peer = "10.0.0.1") {
    return trusting(how).is_https(*IpAddress::parse(peer), lines, schemes);
  };
  CHECK(is_https("forwarded", {"for=192.0.2.1;proto=https"}));
  CHECK(is_https("forwarded", {"Proto=\"HTTPS\";by=10.0.0.1"}));
  CHECK(is_https("forwarded", {"for=unknown;proto=https"}));
  CHECK_FALSE(is_https("forwarded", {"for=192.0.2.1;proto=https"}, {}, "203.0.113.1"));
  CHECK_FALSE(is_https("forwarded", {}));
  CHECK_FALSE(is_https("forwarded", {"for=192.0.2.1"}));
  CHECK_FALSE(is_https("forwarded", {"for=192.0.2.1;proto=http"}));
  CHECK_FALSE(is_https("forwarded", {"for=192.0.2.1;proto=httpsx"}));
  // The client's own words, and a second proxy behind the one that has TLS.
  CHECK_FALSE(is_https("forwarded", {"proto=https", "for=192.0.2.1;proto=http"}));
  CHECK_FALSE(is_https("forwarded", {"proto=https, for=192.0.2.1"}));
  CHECK(is_https("forwarded", {"for=192.0.2.1;proto=https, for=10.0.0.7;proto=http"}));
  CHECK_FALSE(is_https("forwarded", {"for=192.0.2.1;proto=http, for=10.0.0.7;proto=https"}));
  // Of two, two readers could take another one.
  CHECK_FALSE(is_https("forwarded", {"for=192.0.2.1;proto=https;proto=http"}));
  CHECK(client_of(trusting("forwarded"), "10.0.0.1", {"for=192.0.2.1;proto=https;Proto=https"}) ==
        "!");
  // Another header than that which is believed says nothing.
  CHECK_FALSE(is_https("forwarded", {"for=192.0.2.1"}, {"https"}));

  CHECK(is_https("x-forwarded-for", {"192.0.2.1"}, {"https"}));
  CHECK(is_https("x-forwarded-for", {"192.0.2.1"}, {" HTTPS "}));
  CHECK(is_https("x-forwarded-for", {}, {"https"}));
  CHECK_FALSE(is_https("x-forwarded-for", {"192.0.2.1"}, {"https"}, "203.0.113.1"));
  CHECK_FALSE(is_https("x-forwarded-for", {"192.0.2.1"}, {}));
  CHECK_FALSE(is_https("x-forwarded-for", {"192.0.2.1"}, {""}));
  CHECK_FALSE(is_https("x-forwarded-for", {"x"}, {"https"}));
  // Written behind the client's words, or over them, by one proxy or by two.
  CHECK_FALSE(is_https("x-forwarded-for", {"192.0.2.1"}, {"https, http"}));
  CHECK_FALSE(is_https("x-forwarded-for", {"192.0.2.1"}, {"https", "http"}));
  CHECK(is_https("x-forwarded-for", {"192.0.2.1, 10.0.0.7"}, {"https, http"}));
  CHECK(is_https("x-forwarded-for", {"192.0.2.1, 10.0.0.7"}, {"https"}));
  CHECK_FALSE(is_https("x-forwarded-for", {"192.0.2.1, 10.0.0.7"}, {"https,http,http"}));
}

// "+ADDRESS", "+" where the proxy speaks for itself, "!" where it is no header, "…" where it goes
// on; and how many bytes were taken, which must be the header's alone.
std::string read_header(std::string_view bytes, std::size_t& used) {
  ProxyHeaderReader reader;
  for (used = 0;;) {
    const std::string_view next = bytes.substr(used, std::min<std::size_t>(reader.wanted(), 5));
    if (next.empty()) return "…";
    used += next.size();
    switch (reader.take(next)) {
      case ProxyHeaderReader::State::kMore:
        break;
      case ProxyHeaderReader::State::kBad:
        return "!";
      case ProxyHeaderReader::State::kDone:
        return "+" + (reader.client() ? reader.client()->text() : "");
    }
  }
}
// Version 2: its byte of version and command, that of family and protocol, what follows.
std::string binary(int command, int family, const std::string& rest, std::size_t size) {
  std::string bytes = "\r\n\r\n\0\r\nQUIT\n"s;
  bytes += static_cast<char>(command);
  bytes += static_cast<char>(family);
  bytes += static_cast<char>(size >> 8);
  bytes += static_cast<char>(size & 0xff);
  return bytes + rest;
}
std::string binary(int command, int family, const std::string& rest) {
  return binary(command, family, rest, rest.size());
}

TEST_CASE("proxies: PROXY headers, honest and hostile") {
  const std::string v4 = "\xc0\x00\x02\x01\x0a\x00\x00\x01\x12\x34\x01\xbb"s;
  std::string v6 = "\x20\x01\x0d\xb8"s + std::string(11, '\0') + '\x01';
  v6 += std::string(16, '\0') + "\x12\x34\x01\xbb";
  struct Row {
    std::string header;
    const char* read;
  };
  for (const Row& row : std::vector<Row>{
           {"PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n", "+192.0.2.1"},
           {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "+255.255.255.255"},
           {"PROXY TCP6 2001:db8::1 fd00::1 4711 443\r\n", "+2001:db8::1"},
           {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
            "+ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
           {"PROXY UNKNOWN\r\n", "+"},
           {"PROXY UNKNOWN ::1 ::1 1 2\r\n", "+"},
           {"PROXY UNKNOWNS ::1 ::1 1 2\r\n", "!"},
           {"PROXY TCP5 192.0.2.1 10.0.0.1 1 2\r\n", "!"},
           {"PROXY UDP4 192.0.2.1 10.0.0.1 1 2\r\n", "!"},
           {"PROXY TCP4 2001:db8::1 fd00::1 1 2\r\n", "!"},
           {"PROXY TCP6 192.0.2.1 10.0.0.1 1 2\r\n", "!"},
           {"PROXY TCP4 192.0.2.1 nowhere 1 2\r\n", "!"},
           {"PROXY TCP4 192.0.2.1 10.0.0.1 1\r\n", "!"},
           {"PROXY TCP4 192.0.2.1 10.0.0.1 1 2 3\r\n", "!"},
           {"PROXY TCP4  192.0.2.1 10.0.0.1 1 2\r\n", "!"},
           {"PROXY TCP4 192.0.2.1 10.0.0.1 1 65536\r\n", "!"},
           {"PROXY TCP4 192.0.2.1 10.0.0.1 01 2\r\n", "!"},
           {"PROXY TCP4 192.0.2.1 10.0.0.1 +1 2\r\n", "!"},
           {"PROXY TCP4 192.0.2.1\0x 10.0.0.1 1 2\r\n"s, "!"},
           {"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\n", "!"},
           {"PROXY TCP4 192.0.2.1 10.0.0.1 1 2\r\r\n", "!"},
           {"PROXY " + std::string(200, 'x'), "!"},
           {"proxy TCP4 192.0.2.1 10.0.0.1 1 2\r\n", "!"},
           {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "!"},
           {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 "s, "!"},
           {binary(0x21, 0x11, v4), "+192.0.2.1"},
           {binary(0x21, 0x11, v4 + "\x04\x00\x03"s + "abc"), "+192.0.2.1"},
           {binary(0x21, 0x21, v6), "+2001:db8::1"},
           {binary(0x20, 0x00, ""), "+"},
           {binary(0x20, 0x11, v4), "+"},
           {binary(0x21, 0x00, "abc"), "+"},
           {binary(0x21, 0x31, std::string(216, 'u')), "+"},
           {binary(0x21, 0x31, std::string(215, 'u')), "!"},
           {binary(0x21, 0x11, v4.substr(1)), "!"},
           {binary(0x21, 0x21, v4), "!"},
           {binary(0x21, 0x12, v4), "!"},
           {binary(0x21, 0x41, v4), "!"},
           {binary(0x11, 0x11, v4), "!"},
           {binary(0x22, 0x11, v4), "!"},
           {binary(0x21, 0x11, v4 + std::string(4068, 't')), "+192.0.2.1"},
           {binary(0x21, 0x11, v4, 65535), "!"},
           {binary(0x21, 0x11, v4, 13), "…"},
       }) {
    std::size_t used = 0;
    const std::string behind = std::string(row.read) == "…" ? "" : "GET / HTTP/1.1\r\n";
    CHECK_MESSAGE(read_header(row.header + behind, used) == row.read, row.header);
    if (row.read[0] == '+') CHECK_MESSAGE(used == row.header.size(), row.header);
    // Cut anywhere it is no header yet.
    for (std::size_t cut = 0; row.read[0] == '+' && cut < row.header.size(); ++cut)
      CHECK(read_header(std::string_view(row.header).substr(0, cut), used) == "…");
  }
}

// A server that answers with whom it takes the client for.
std::unique_ptr<HttpServer> start_behind(const std::vector<std::string>& proxies,
                                         const HttpServerLimits& limits = {}) {
  HttpServerOptions options;
  options.limits = limits;
  options.proxies = *TrustedProxies::make(proxies);
  options.admit = [](HttpRequest& request) {
    return api::answer_at_once(text_answer(200, "from " + request.remote() + "\n"));
  };
  options.fault_answer = [](const HttpFault& fault) {
    return text_answer(fault.status, fault.detail);
  };
  auto started = HttpServer::start("127.0.0.1", 0, std::move(options));
  REQUIRE(started.has_value());
  return *std::move(started);
}
std::string ask(const HttpServer& server, std::string_view bytes) {
  const RawClient client(server.port());
  client.send(bytes);
  return client.receive();
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("proxies: a server sees the client behind those that are listed") {
  const std::string plain = "GET /" + kClose;
  const std::string proxy = "PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n";
  const auto nobody = start_behind({"forwarded=10.0.0.1", "proxy=::1"});
  CHECK(has(ask(*nobody, plain + "Forwarded: for=192.0.2.1\r\n\r\n"), "from 127.0.0.1"));
  CHECK(has(ask(*nobody, proxy + plain + "\r\n"), " 400 "));

  const auto forwarded = start_behind({"forwarded=127.0.0.0/8"});
  CHECK(has(ask(*forwarded, plain + "Forwarded: for=192.0.2.1\r\n\r\n"), "from 192.0.2.1"));
  CHECK(has(ask(*forwarded, plain + "forwarded: for=192.0.2.1\r\nForwarded: for=192.0.2.2\r\n\r\n"),
            "from 192.0.2.2"));
  CHECK(has(ask(*forwarded, plain + "X-Forwarded-For: 192.0.2.1\r\n\r\n"), "from 127.0.0.1"));
  CHECK(has(ask(*forwarded, plain + "\r\n"), "from 127.0.0.1"));
  const std::string bad = ask(*forwarded, plain + "Forwarded: for=\"192.0.2.1\r\n\r\n");
  CHECK(has(bad, " 400 "));
  CHECK(has(bad, "the header forwarded cannot be read"));
  // Of each request of a connection its own.
  const std::string two = ask(*forwarded,
                              "GET / HTTP/1.1\r\nHost: a\r\nForwarded: for=192.0.2.1\r\n"
                              "\r\n" +
                                  plain + "Forwarded: for=192.0.2.2\r\n\r\n");
  CHECK(has(two, "from 192.0.2.1"));
  CHECK(has(two, "from 192.0.2.2"));

  const auto headed = start_behind({"proxy=127.0.0.1", "x-forwarded-for=192.0.2.0/24"});
  CHECK(has(ask(*headed, proxy + plain + "\r\n"), "from 192.0.2.7"));
  CHECK(has(ask(*headed, proxy + plain + "X-Forwarded-For: 198.51.100.1\r\n\r\n"),
            "from 198.51.100.1"));
  CHECK(has(ask(*headed, "PROXY UNKNOWN\r\n" + plain + "\r\n"), "from 127.0.0.1"));
  CHECK(has(ask(*headed, binary(0x20, 0, "") + plain + "\r\n"), "from 127.0.0.1"));
  const std::string lacking = ask(*headed, plain + "\r\n");
  CHECK(has(lacking, " 400 "));
  CHECK(has(lacking, "begins with a PROXY header"));
  CHECK(!has(lacking, " 200 "));
}

TEST_CASE("proxies: a header that comes a byte at a time, late, or not at all") {
  HttpServerLimits limits;
  limits.head_time_max = std::chrono::milliseconds(300);
  const auto server = start_behind({"proxy=127.0.0.1"}, limits);
  const std::string plain = "GET /" + kClose + "\r\n";
  for (const std::string& header :
       {"PROXY TCP4 192.0.2.7 10.0.0.1 4711 443\r\n"s,
        binary(0x21, 0x11, "\xc0\x00\x02\x07\x0a\x00\x00\x01"s + "abcd")}) {
    const RawClient client(server->port());
    for (const char c : header + plain) REQUIRE(client.send({&c, 1}));
    CHECK(has(client.receive(), "from 192.0.2.7"));
  }
  const RawClient silent(server->port());
  const RawClient half(server->port());
  half.send("PROXY TCP4 192.0");
  CHECK(silent.receive().empty());
  CHECK(half.receive().empty());
  wait_until([&] { return server->connections() == 0; });
}
}  // namespace
}  // namespace tocsin::tests
