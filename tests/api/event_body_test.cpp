#include "api/event_body.h"

#include <doctest/doctest.h>
#include <zlib.h>
#include <zstd.h>

#include <string>
#include <vector>

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

TEST_CASE("event body: a CloudEvent is its data, then what its envelope says") {
  const std::string envelope =
      R"({"specversion":"1.0","type":"payment","id":"e-1","source":"/pos/7","time":"2026-03-02T12:01:00Z",)"
      R"("subject":"a\"b","datacontenttype":"application/json","x":[{"data":1}],"data":{"amount":12.50}})";
  const std::string event =
      R"({"amount":12.50,"type":"payment","id":"e-1","ts":"2026-03-02T12:01:00Z","source":"/pos/7","subject":"a\"b"})"
      "\n";
  CHECK(typed("application/cloudevents+json", envelope) == event);
  CHECK(typed("application/cloudevents-batch+json", "[" + envelope + ",\n" + envelope + "]") ==
        event + event);
  CHECK(typed("application/cloudevents+json", R"({"specversion":"1.0","type":"t","data":{ }})") ==
        R"({ "type":"t"})"
        "\n");
  CHECK(lines_of({{"content-type", "application/json"},
                  {"ce-specversion", "1.0"},
                  {"ce-type", "login"},
                  {"ce-id", "7"}},
                 "{\"user\":\"u\"}") == R"({"user":"u","type":"login","id":"7"})"
                                        "\n");
}

TEST_CASE("event body: what is no CloudEvent is refused with its place") {
  const auto batch = [](const std::string& one) {
    return typed("application/cloudevents-batch+json",
                 R"([{"specversion":"1.0","type":"t","data":{}},)" + one + "]");
  };
  CHECK(batch(R"({"specversion":"0.3","type":"t","data":{}})") ==
        "! event 2: its specversion is not 1.0");
  CHECK(batch(R"({"specversion":"1.0","type":"t"})") == "! event 2 has no data, a JSON object");
  CHECK(batch(R"({"specversion":"1.0","type":"t","data":"text"})") ==
        "! event 2: its data is no JSON object");
  CHECK(batch(R"({"specversion":"1.0","type":7,"data":{}})") == "! event 2: type is no text");
  CHECK(lines_of({{"ce-specversion", "2.0"}}, "{}") == "! the event's ce-specversion is not 1.0");
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, text.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}
std::string zstd(const std::string& text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}
int status_of(const tl::expected<std::string, HttpFault>& unpacked) {
  return unpacked ? 200 : unpacked.error().status;
}

TEST_CASE("event body: packed bodies are unpacked, within the limit") {
  const std::string text(100'000, 'a');
  CHECK(*unpack_body(text, "", 10) == text);
  CHECK(*unpack_body(gzip(text), "gzip", text.size()) == text);
  CHECK(*unpack_body(zstd(text), "zstd", text.size()) == text);
  CHECK(status_of(unpack_body(gzip(text), "gzip", text.size() - 1)) == 413);
  CHECK(status_of(unpack_body(zstd(text), "zstd", text.size() - 1)) == 413);
  const std::string packed = gzip(text);
  CHECK(status_of(unpack_body(packed.substr(0, packed.size() / 2), "gzip", text.size())) == 400);
  CHECK(status_of(unpack_body("not packed", "zstd", 100)) == 400);
  CHECK(status_of(unpack_body(text, "br", 100)) == 415);
}
}  // namespace
}  // namespace tocsin::api
