#include "cep/value/key.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/golden.h"
#include "tests/support/printing.h"

namespace tocsin::cep {
namespace {
std::string part(const Value& value) {
  std::string out;
  append_key_part(out, value);
  return out;
}
}  // namespace

TEST_CASE("key: numbers of equal meaning have equal bytes") {
  CHECK(part(Value::integer(5)) == part(Value::decimal(500, 2)));
  CHECK(part(Value::decimal(50, 1)) == part(Value::decimal(5'000'000'000, 9)));
  CHECK(part(Value::integer(0)) == part(Value::decimal(0, 9)));
  CHECK(part(Value::integer(500)) == part(Value::decimal(50'000, 2)));
  CHECK(part(Value::decimal(5, 1)) != part(Value::integer(5)));
  CHECK(part(Value::floating(0.0)) == part(Value::floating(-0.0)));
}

TEST_CASE("key: kinds do not meet") {
  CHECK(part(Value::string("pos")) != part(Value::enumerated(0, "pos")));
  CHECK(part(Value::integer(1)) != part(Value::boolean(true)));
  CHECK(part(Value::time({1})) != part(Value::duration({1})));
}

TEST_CASE("key: several parts cannot be cut in another way") {
  const Value ab[] = {Value::string("ab"), Value::string("")};
  const Value a_b[] = {Value::string("a"), Value::string("b")};
  CHECK(key_bytes(ab) != key_bytes(a_b));
  CHECK(key_bytes({}).empty());
}

TEST_CASE("key: bytes and groups of format 1") {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  const std::vector<std::vector<Value>> keys = {
      {},
      {Value::boolean(false)},
      {Value::boolean(true)},
      {Value::integer(0)},
      {Value::integer(5)},
      {Value::integer(-1)},
      {Value::integer(500)},
      {Value::integer(kMax)},
      {Value::integer(kMin)},
      {Value::decimal(500, 2)},
      {Value::decimal(1250, 2)},
      {Value::decimal(-5, 2)},
      {Value::decimal(kMin, 9)},
      {Value::floating(0)},
      {Value::floating(0.1)},
      {Value::floating(-1.5)},
      {Value::string("")},
      {Value::string("c1")},
      {Value::string("caf\xc3\xa9")},
      {Value::enumerated(1, "ecom")},
      {Value::time({1'772'452'860'000'000})},
      {Value::time({-1})},
      {Value::date(20'819)},
      {Value::duration({600'000'000})},
      {Value::string("a"), Value::string("b")},
      {Value::string("ab"), Value::string("")},
      {Value::integer(1), Value::enumerated(0, "pos"), Value::boolean(true)},
  };
  std::string text = "# key | key bytes in hex | key group\n";
  for (const std::vector<Value>& key : keys) {
    std::string shown;
    for (const Value& value : key) {
      std::ostringstream out;
      out << value;
      shown += (shown.empty() ? "" : ", ") + out.str();
    }
    const std::string bytes = key_bytes(key);
    text += fmt::format("{} | {} | {}\n", shown, tests::hex_of(bytes), key_group(bytes).value);
  }
  tests::check_golden("keys.txt", text);
}
}  // namespace tocsin::cep
