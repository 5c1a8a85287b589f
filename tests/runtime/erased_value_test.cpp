// Lines that have a value, and what stands in their place.
#include <doctest/doctest.h>

#include <string>

#include "runtime/archive/erased_value.h"

namespace tocsin::runtime {
namespace {
bool is_in(const std::string& value, const std::string& line) {
  return ValueFinder({"card", value}, {"card", "from"}).is_in(line);
}
}  // namespace

TEST_CASE("erased values: a line has one in a member of that name, however it is written") {
  CHECK(is_in("c1", R"({"type":"payment","card":"c1"})"));
  CHECK(is_in("c1", R"({"type":"payment","from":"c1"})"));
  CHECK(is_in("c1", R"({"a":[{"b":{"card":["x","c1"]}}]})"));
  CHECK(is_in("c1", R"({"card":"\u0063\u0031"})"));
  CHECK(is_in("a\"b", R"({"card":"a\"b"})"));
  CHECK(is_in("5", R"({"card":5})"));
  CHECK(is_in("5.50", R"({"card":5.5})"));
  CHECK(is_in("5", R"({"card":5.0})"));
  CHECK(is_in("true", R"({"card":true})"));
  CHECK(is_in("18446744073709551615", R"({"card":18446744073709551615})"));
  CHECK_FALSE(is_in("c1", R"({"card":"c11"})"));
  CHECK_FALSE(is_in("c1", R"({"to":"c1"})"));
  CHECK_FALSE(is_in("5", R"({"card":"c5","amount":5})"));
  CHECK_FALSE(is_in("9007199254740993", R"({"card":9007199254740992})"));
}

TEST_CASE("erased values: a line that is no JSON has one anywhere") {
  CHECK(is_in("c1", R"({"type":"payment","card":"c1)"));
  CHECK(is_in("c1", "2026-03-02,c1,5"));
  CHECK_FALSE(is_in("c1", "2026-03-02,c2,5"));
}

TEST_CASE("erased values: lines keep their places") {
  ValueFinder finder({"card", "c1"}, {"card"});
  std::uint64_t erased = 0;
  const std::string lines = "{\"card\":\"c1\"}\n\n{\"card\":\"c2\"}\n{\"card\":\"c1\"}";
  CHECK(finder.without(lines, erased) ==
        "{\"type\":\"erased\"}\n\n{\"card\":\"c2\"}\n{\"type\":\"erased\"}");
  CHECK(erased == 2);
  CHECK(finder.without("{\"card\":\"c2\"}\n", erased) == "{\"card\":\"c2\"}\n");
  CHECK(erased == 2);
}

TEST_CASE("erased values: as a command's blob, and as people write them") {
  const ErasedValue what{"card", "a=b"};
  CHECK(parse_erased_value("card=a=b") == what);
  CHECK(read_erased_value(write_erased_value(what, "00ff")) == what);
  for (const char* const none : {"", "card", "=c1", "card="}) CHECK_FALSE(parse_erased_value(none));
  CHECK_FALSE(read_erased_value("card=c1"));
}
}  // namespace tocsin::runtime
