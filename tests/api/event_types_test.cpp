// The type of a line as tokens with limits are held to it: never another one than the decoder
// takes.
#include "api/rest/event_types.h"

#include <doctest/doctest.h>

#include <string>

namespace tocsin::api {
TEST_CASE("event types: the first member `type` of the outermost object, and nothing else") {
  CHECK(type_of_line(R"({"type":"payment","a":1})") == "payment");
  CHECK(type_of_line(R"({"a":{"type":"x"},"b":[{"type":"y"}],"type":"payment"})") == "payment");
  CHECK(type_of_line(R"({"type":"login","type":"payment"})") == "login");
  CHECK(type_of_line(R"({"ty\u0070e":"login","type":"payment"})") == "login");
  CHECK(type_of_line(R"({"type":"pay\u006dent"})") == "payment");
  for (const char* const line :
       {"", "{}", "[]", R"("type")", R"({"type":1})", R"({"type":{"type":"payment"}})",
        R"({"type":["payment"]})", R"({"type":null,"type":"payment"})",
        R"({"type":{},"type":"payment"})", R"([{"type":"payment"}])", R"({"type":"payment")",
        R"({"type":"payment"} x)", R"({"type":"payment",})", "{\"type\":\"payment\xff\"}"}) {
    CAPTURE(line);
    CHECK_FALSE(type_of_line(line));
  }
}

TEST_CASE("event types: the first line of another type is found, with its place") {
  const std::set<std::string, std::less<>> types = {"payment", "login"};
  const std::string good = R"({"type":"payment"})"
                           "\n"
                           R"({"type":"login"})"
                           "\n";
  CHECK_FALSE(find_other_type(good, types));
  CHECK_FALSE(find_other_type("", types));
  const auto other = find_other_type(good +
                                         R"({"type":"card"})"
                                         "\n" +
                                         good,
                                     types);
  REQUIRE(other);
  CHECK(other->place == 2);
  CHECK(other->type == "card");
  const auto none = find_other_type("{\n" + good, types);
  REQUIRE(none);
  CHECK(none->place == 0);
  CHECK_FALSE(none->type);
}
}  // namespace tocsin::api
