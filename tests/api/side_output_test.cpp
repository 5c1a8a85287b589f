#include "api/node/side_output.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace tocsin::api {
namespace {
std::string dead_letter_of(std::string_view text) {
  return format_dead_letter({"in.ndjson", 3, "not an object", text});
}

TEST_CASE("side output: a dead letter names its place and reason and keeps the line") {
  CHECK(dead_letter_of("[1, \"two\"]") ==
        R"({"input":"in.ndjson","line":3,"reason":"not an object","text":"[1, \"two\"]"})");
}

TEST_CASE("side output: a late event says how late it was") {
  const runtime::LateEvent late{"-", 9, cep::EventTime{5}, cep::Duration{1'500'000}, "{\"ts\":5}"};
  CHECK(format_late_event(late) ==
        R"({"input":"-","line":9,"late_us":1500000,"text":"{\"ts\":5}"})");
}

TEST_CASE("side output: bytes that are no UTF-8 are replaced, and kept exactly beside the text") {
  struct Row {
    const char* name;
    std::string_view line;
    std::string_view text;
    std::string_view base64;
  };
  using namespace std::string_view_literals;
  const Row rows[] = {
      {"lone trail byte", "a\x80z"sv, "a\xef\xbf\xbdz"sv, "YYB6"},
      {"cut sequence", "ab\xe2\x82"sv, "ab\xef\xbf\xbd\xef\xbf\xbd"sv, "YWLigg=="},
      {"overlong slash", "\xc0\xaf"sv, "\xef\xbf\xbd\xef\xbf\xbd"sv, "wK8="},
      {"overlong of three", "\xe0\x80\xaf"sv, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"sv, "4ICv"},
      {"surrogate", "\xed\xa0\x80"sv, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"sv, "7aCA"},
      {"beyond Unicode", "\xf4\x90\x80\x80"sv, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"sv,
       "9JCAgA=="},
      {"nothing wrong", "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"sv,
       "h\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"sv, ""},
      {"zero byte", "a\0b"sv, "a\0b"sv, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const nlohmann::json parsed = nlohmann::json::parse(dead_letter_of(row.line));
    CHECK(parsed.at("text").get<std::string>() == row.text);
    CHECK(parsed.value("base64", "") == row.base64);
  }
}
}  // namespace
}  // namespace tocsin::api
