// Any bytes of a client as requests: heads, bodies by length and in chunks, one behind the other.
// However the bytes are cut they are the same requests; a head that is taken says the same when it
// is written anew; no body is longer than it may be, and what bodies count is given back.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/net/body_reader.h"
#include "api/net/http_head.h"
#include "api/proxy/proxy_header.h"
#include "api/proxy/trusted_proxies.h"
#include "tests/fuzz/fuzz_target.h"

namespace tocsin::fuzz {
namespace {
using namespace api;
constexpr std::uint64_t kBodyBytesMax = 300;
constexpr HttpHeadLimits kLimits{1000, 20, 200};

// Whom a request is from where everybody is believed.
std::string client_of(const RequestHead& head, const char* how) {
  static const IpAddress kPeer = *IpAddress::parse("10.0.0.1");
  const TrustedProxies proxies = *TrustedProxies::make({std::string(how) + "=10.0.0.0/8"});
  TrustedProxies::HeaderLines lines;
  for (const HttpHeader& header : head.headers) {
    if (header.name == how) lines.emplace_back(header.value);
  }
  const auto client = proxies.client_of(kPeer, lines);
  if (!client) return "unreadable";
  require(IpAddress::parse(client->text()) == *client, "an address is read as it is written");
  // What the client wrote before the words of the nearest proxy changes nothing.
  if (lines.empty()) return client->text();
  lines.emplace_back(lines.front());
  lines.back() = "for=192.0.2.1";
  if (std::string_view(how) != "forwarded") lines.back().remove_prefix(4);
  const auto beyond = proxies.client_of(kPeer, lines);
  require(beyond && beyond->text() == "192.0.2.1", "the nearest proxy names the client");
  return client->text();
}

// What a connection was understood to say.
struct Reader {
  // Reads `bytes`, `at_once` at a time; 0: all.
  void read(std::string_view bytes, std::size_t at_once) {
    if (bytes.starts_with("PROXY ") || bytes.starts_with("\r\n\r\n")) {
      if (!read_proxy_header(bytes, at_once)) return;
    }
    while (!bytes.empty() && !is_over) {
      const std::string_view piece = bytes.substr(0, at_once == 0 ? bytes.size() : at_once);
      bytes.remove_prefix(piece.size());
      in += piece;
      while (!is_over && step()) {
      }
    }
  }
  bool read_proxy_header(std::string_view& bytes, std::size_t at_once) {
    ProxyHeaderReader reader;
    for (ProxyHeaderReader::State state = ProxyHeaderReader::State::kMore;
         state != ProxyHeaderReader::State::kDone;) {
      const std::size_t most = at_once == 0 ? reader.wanted() : std::min(at_once, reader.wanted());
      require(reader.wanted() > 0, "what is not done wants more");
      const std::string_view next = bytes.substr(0, most);
      if (next.empty()) return false;
      bytes.remove_prefix(next.size());
      state = reader.take(next);
      if (state == ProxyHeaderReader::State::kBad) return refuse(400);
    }
    said.push_back("from " + (reader.client() ? reader.client()->text() : "the proxy"));
    return true;
  }
  bool step() {
    if (body) return step_body();
    const HeadEnd end = find_request_head_end(in, searched);
    searched = in.size();
    const bool is_open = end.is == HeadEnd::Is::kUnknown;
    if ((is_open ? in.size() : end.at) > kLimits.head_bytes_max) return refuse(431);
    if (end.is == HeadEnd::Is::kBareLineFeed) return refuse(400);
    if (is_open) return false;
    const auto head = parse_request_head(std::string_view(in).substr(0, end.at), kLimits);
    in.erase(0, end.at);
    searched = 0;
    if (!head) return refuse(head.error().status);
    write_anew(*head);
    said.push_back(head->method + " " + head->target);
    for (const char* const how : {"forwarded", "x-forwarded-for"})
      said.push_back(client_of(*head, how));
    if (head->content_bytes.value_or(0) > kBodyBytesMax) return refuse(413);
    body.emplace(*head, kBodyBytesMax, &budget);
    return true;
  }
  bool step_body() {
    const auto used = body->read(in);
    if (!used) return refuse(used.error().status);
    in.erase(0, *used);
    if (!body->is_done()) return false;
    std::string whole = body->take();
    require(whole.size() <= kBodyBytesMax, "a body is no longer than it may be");
    said.push_back(std::move(whole));
    body.reset();
    return true;
  }
  bool refuse(int status) {
    body.reset();
    is_over = true;
    said.push_back("refused " + std::to_string(status));
    return false;
  }
  static void write_anew(const RequestHead& head) {
    std::string text =
        head.method + " " + head.target + (head.is_1_1 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
    for (const HttpHeader& header : head.headers)
      text += header.name + ": " + header.value + "\r\n";
    HttpHeadLimits wide = kLimits;
    wide.head_bytes_max *= 2;  // of one without blanks
    const auto again = parse_request_head(text + "\r\n", wide);
    require(again.has_value(), "a head that was written anew is one");
    require(again->target == head.target && again->content_bytes == head.content_bytes &&
                again->is_chunked == head.is_chunked && again->keep_alive == head.keep_alive &&
                again->headers.size() == head.headers.size(),
            "a head that was written anew says the same");
  }

  BodyBudget budget{std::size_t{1} << 20};
  std::string in;
  std::size_t searched = 0;
  std::optional<BodyReader> body;
  bool is_over = false;
  std::vector<std::string> said;
};
}  // namespace
}  // namespace tocsin::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tocsin::fuzz;
  if (size == 0) return 0;
  const std::string_view bytes = text_of(data + 1, size - 1);
  Reader whole;
  whole.read(bytes, 0);
  for (const std::size_t at_once : {std::size_t{1}, std::size_t{1} + data[0] % 64}) {
    Reader cut;
    cut.read(bytes, at_once);
    require(cut.said == whole.said, "requests do not depend on how their bytes are cut");
    cut.body.reset();
    require(cut.budget.held() == 0, "what bodies take is given back");
  }
  return 0;
}
