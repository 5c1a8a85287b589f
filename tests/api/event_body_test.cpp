#include "api/node/event_body.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/rest/problem.h"
#include "tests/support/packed.h"

namespace tocsin::api {
namespace {
std::string lines_of(std::vector<HttpHeader> headers, const std::string& body) {
  RequestHead head;
  head.headers = std::move(headers);
  const auto lines = event_lines(head, body);
  return lines ? *lines : "! " + lines.error().detail;
}
std::string typed(const std::string& type, const std::string& body) {
  return lines_of({{"content-type", type}}, body);
}

TEST_CASE("event body: NDJSON is as it is") {
  CHECK(typed("application/x-ndjson", "{\"a\":1}\n{bad\n") == "{\"a\":1}\n{bad\n");
  CHECK(lines_of({}, "{\"a\":1}") == "{\"a\":1}\n");
  CHECK(lines_of({}, "").empty());
}

TEST_CASE("event body: what is no JSON lines is named, with what to do") {
  using namespace std::string_literals;
  const auto lines = [](const std::string& body) { return typed("application/x-ndjson", body); };
  CHECK(lines("[{\"a\":1}]") ==
        "! the body is a JSON array: send it with Content-Type: application/json");
  CHECK(lines("{\n  \"a\": 1\n}\n") ==
        "! the body is pretty-printed JSON: send it with Content-Type: application/json");
  CHECK(lines("a,b\n1,2\n").starts_with("! the body is CSV: send events as JSON lines"));
  for (const char* const type : {"application/x-ndjson", "application/json"}) {
    CAPTURE(type);
    CHECK(typed(type, "\x1f\x8b\x08") ==
          "! the body is gzip data: send it with Content-Encoding: gzip");
    CHECK(typed(type, "\xff\xfe{\0\"\0"s).starts_with("! the body is UTF-16 text: "));
  }
}

TEST_CASE("event body: JSON is an object or an array of them, a line each") {
  CHECK(typed("application/json; charset=utf-8", "{\"a\":\n 1.50}") == "{\"a\":  1.50}\n");
  CHECK(typed("Application/JSON", " [ {\"a\":\"]},{\"},\r\n{\"b\":{\"c\":[1,2]}} ] ") ==
        "{\"a\":\"]},{\"}\n{\"b\":{\"c\":[1,2]}}\n");
  CHECK(typed("application/json", "[]").empty());
  CHECK(typed("application/json", "[1]") == "! event 1 of the array is no JSON object");
  CHECK(typed("application/json", "[{\"a\":1},[]]") == "! event 2 of the array is no JSON object");
  for (const char* const bad :
       {"", "3", "[{\"a\":1}", "{\"a\":1}{\"b\":2}", "[{}] x", "{\"a\":1"}) {
    CAPTURE(bad);
    CHECK(typed("application/json", bad).starts_with("! "));
  }
}

TEST_CASE("event body: a CloudEvent is what its envelope says, then its data") {
  const std::string envelope =
      R"({"specversion":"1.0","type":"payment","id":"e-1","source":"/pos/7","time":"2026-03-02T12:01:00Z",)"
      R"("subject":"a\"b","datacontenttype":"application/json","x":[{"data":1}],"data":{"amount":12.50}})";
  const std::string event =
      R"({"type":"payment","id":"e-1","ts":"2026-03-02T12:01:00Z","source":"/pos/7","subject":"a\"b","amount":12.50})"
      "\n";
  CHECK(typed("application/cloudevents+json", envelope) == event);
  CHECK(typed("application/cloudevents-batch+json", "[" + envelope + ",\n" + envelope + "]") ==
        event + event);
  CHECK(typed("application/cloudevents+json",
              R"({"specversion":"1.0","type":"t","id":"1","source":"s","data":{ }})") ==
        R"({"type":"t","id":"1","source":"s" })"
        "\n");
  // The first of a repeated name counts where lines are decoded: the envelope's.
  CHECK(
      typed(
          "application/cloudevents+json",
          R"({"specversion":"1.0","data":{"id":"d","type":"x","a":1},"type":"t","id":"1","source":"s"})") ==
      R"({"type":"t","id":"1","source":"s","id":"d","type":"x","a":1})"
      "\n");
}

TEST_CASE("event body: a CloudEvent in binary mode has its envelope in headers, with escapes") {
  const auto binary = [](std::vector<HttpHeader> more,
                         const std::string& body = "{\"user\":\"u\"}") {
    std::vector<HttpHeader> headers = {{"content-type", "application/json"},
                                       {"ce-specversion", "1.0"},
                                       {"ce-type", "login"},
                                       {"ce-id", "7"},
                                       {"ce-source", "/a"}};
    headers.insert(headers.end(), more.begin(), more.end());
    return lines_of(headers, body);
  };
  CHECK(binary({}) == R"({"type":"login","id":"7","source":"/a","user":"u"})"
                      "\n");
  CHECK(binary({{"ce-subject", "Euro%20%E2%82%AC%20%F0%9F%98%80+%22"}}) ==
        R"({"type":"login","id":"7","source":"/a","subject":"Euro € 😀+\"","user":"u"})"
        "\n");
  CHECK(binary({{"ce-subject", R"("a \"b\" %41")"}}) ==
        R"({"type":"login","id":"7","source":"/a","subject":"a \"b\" A","user":"u"})"
        "\n");
  for (const char* const bad : {"%", "%4", "%zz", "%FF", "a%C3"}) {
    CAPTURE(bad);
    CHECK(binary({{"ce-subject", bad}}) ==
          "! the event's ce-subject has a bad percent-escape, or is no UTF-8");
  }
  CHECK(binary({{"ce-id", "8"}}) == "! the event has ce-id twice");
  CHECK(binary({{"ce-subject", ""}}) == "! the event: its ce-subject is empty");
  // One header that only CloudEvents have is enough to be meant as one.
  CHECK(lines_of({{"ce-type", "t"}}, "{}") ==
        "! the event's ce-specversion is missing, or is not 1.0");
  CHECK(lines_of({{"ce-specversion", "2.0"}}, "{}") ==
        "! the event's ce-specversion is missing, or is not 1.0");
  for (const std::string missing : {"type", "id", "source"}) {
    std::vector<HttpHeader> headers = {{"ce-specversion", "1.0"}};
    for (const std::string name : {"type", "id", "source"}) {
      if (name != missing) headers.push_back({"ce-" + name, "x"});
    }
    CHECK(lines_of(headers, "{}") ==
          "! the event has no ce-" + missing + ", which a CloudEvent needs");
  }
}

TEST_CASE("event body: what is no CloudEvent is refused with its place") {
  const auto batch = [](const std::string& one) {
    return typed(
        "application/cloudevents-batch+json",
        R"([{"specversion":"1.0","type":"t","id":"1","source":"s","data":{}},)" + one + "]");
  };
  CHECK(batch(R"({"specversion":"0.3","type":"t","data":{}})") ==
        "! event 2: its specversion is not 1.0");
  CHECK(batch(R"({"specversion":"1.0","type":"t"})") == "! event 2 has no data, a JSON object");
  CHECK(batch(R"({"specversion":"1.0","type":"t","data":"text"})") ==
        "! event 2: its data is no JSON object");
  CHECK(batch(R"({"specversion":"1.0","type":7,"data":{}})") == "! event 2: type is no text");
  CHECK(batch(R"({"specversion":"1.0","type":"t","id":"1","data":{}})") ==
        "! event 2 has no source, which a CloudEvent needs");
  CHECK(batch(R"({"specversion":"1.0","type":"t","source":"s","data":{}})") ==
        "! event 2 has no id, which a CloudEvent needs");
  CHECK(batch(R"({"specversion":"1.0","id":"1","source":"s","data":{}})") ==
        "! event 2 has no type, which a CloudEvent needs");
  CHECK(batch(R"({"specversion":"1.0","type":"t","id":"","source":"s","data":{}})") ==
        "! event 2: its id is empty");
  CHECK(batch(R"({"specversion":"1.0","type":"t","type":"u","id":"1","source":"s","data":{}})") ==
        "! event 2 has type twice");
  CHECK(batch(R"({"specversion":"1.0","type":"t","id":"1","source":"s","data_base64":"e30="})")
            .starts_with("! event 2 has data_base64"));
}

using tests::gzip;
using tests::zstd;

int status_of(const tl::expected<std::string, HttpFault>& unpacked) {
  return unpacked ? 200 : unpacked.error().status;
}

TEST_CASE("event body: packed bodies are unpacked, within the limit") {
  BodyBudget budget(std::size_t{64} << 20);
  BodyBudget::Hold hold(budget);
  const auto unpack = [&](const std::string& body, const char* encoding, std::size_t most) {
    return unpack_body(body, encoding, {most}, hold);
  };
  const std::string text(100'000, 'a');
  CHECK(*unpack(text, "", 10) == text);
  CHECK(*unpack(gzip(text), "gzip", text.size()) == text);
  CHECK(*unpack(zstd(text), "zstd", text.size()) == text);
  CHECK(status_of(unpack(gzip(text), "gzip", text.size() - 1)) == 413);
  CHECK(status_of(unpack(zstd(text), "zstd", text.size() - 1)) == 413);
  const std::string packed = gzip(text);
  CHECK(status_of(unpack(packed.substr(0, packed.size() / 2), "gzip", text.size())) == 400);
  CHECK(status_of(unpack("not packed", "zstd", 100)) == 400);
  CHECK(status_of(unpack(text, "br", 100)) == 415);
}

TEST_CASE("event body: what unpacking takes is counted while it grows") {
  constexpr std::size_t kMost = std::size_t{64} << 20;
  const std::string text(kMost, '\n');
  const std::pair<const char*, std::string> bodies[] = {{"gzip", gzip(text)}, {"zstd", zstd(text)}};
  for (const auto& body : bodies) {
    const char* const encoding = body.first;
    const std::string& packed = body.second;
    CAPTURE(encoding);
    BodyBudget budget(std::size_t{2} << 20);
    {
      BodyBudget::Hold hold(budget);
      const auto unpacked = unpack_body(packed, encoding, {kMost}, hold);
      CHECK(status_of(unpacked) == 503);
      CHECK(budget.held() <= std::size_t{2} << 20);
    }
    CHECK(budget.held() == 0);
    BodyBudget large(std::size_t{200} << 20);
    BodyBudget::Hold hold(large);
    const auto unpacked = unpack_body(packed, encoding, {kMost}, hold);
    REQUIRE(unpacked);
    CHECK(unpacked->size() == kMost);
    // What stays is the text alone.
    CHECK(large.held() >= unpacked->capacity());
    CHECK(large.held() <= unpacked->capacity() + 64);
  }
}

TEST_CASE("event body: what is packed too tightly is refused while it unpacks") {
  constexpr std::size_t kMost = std::size_t{64} << 20;
  BodyBudget budget(std::size_t{200} << 20);
  const std::string bomb(kMost, '\n');
  for (const auto& packing : {std::pair{"gzip", &gzip}, std::pair{"zstd", &zstd}}) {
    const char* const encoding = packing.first;
    const auto pack = packing.second;
    CAPTURE(encoding);
    const std::string packed = pack(bomb);
    REQUIRE(packed.size() * 200 < kMost);
    BodyBudget::Hold hold(budget);
    const auto refused = unpack_body(packed, encoding, {kMost, 200}, hold);
    REQUIRE(status_of(refused) == 413);
    CHECK(refused.error().problem == "packed-too-tightly");
    CHECK(refused.error().detail.find("http.unpack_ratio_max") != std::string::npos);
    // No more than that was unpacked.
    CHECK(budget.held() <= 4 * std::max(kAnyRatioBytes, 200 * packed.size()));
    CHECK(nlohmann::json::parse(problem_of_fault(refused.error()).body).at("type") ==
          "urn:tocsin:problem:packed-too-tightly");
    // The size counts first, a small body may have any ratio, and so may all where that is said.
    const auto too_large = unpack_body(packed, encoding, {1000, 200}, hold);
    CHECK(status_of(too_large) == 413);
    CHECK(too_large.error().problem.empty());
    CHECK(status_of(unpack_body(pack(bomb.substr(0, kAnyRatioBytes)), encoding, {kMost, 1},
                                hold)) == 200);
    CHECK(status_of(unpack_body(pack(bomb.substr(0, kAnyRatioBytes + 1)), encoding, {kMost, 1},
                                hold)) == 413);
    CHECK(status_of(unpack_body(packed, encoding, {kMost, 0}, hold)) == 200);
  }
}

TEST_CASE("event body: zstd with a window beyond that of HTTP is refused") {
  // A frame's header, and a block of one repeated byte.
  const auto frame = [](char window) {
    return std::string("\x28\xb5\x2f\xfd\x00", 5) + window + std::string("\x53\x00\x00\n", 4);
  };
  BodyBudget budget(std::size_t{64} << 20);
  BodyBudget::Hold hold(budget);
  CHECK(*unpack_body(frame(0x68), "zstd", {100}, hold) == std::string(10, '\n'));  // 8 MiB
  const auto refused = unpack_body(frame(0x70), "zstd", {100}, hold);              // 16 MiB
  REQUIRE(status_of(refused) == 400);
  CHECK(refused.error().detail.find("a window of more than 8388608 bytes") != std::string::npos);
}
}  // namespace
}  // namespace tocsin::api
