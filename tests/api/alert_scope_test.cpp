// Which alerts a token with limits is shown.
#include "api/alerts/alert_scope.h"

#include <doctest/doctest.h>

#include <string>

#include "api/alerts/alert_query.h"
#include "tests/api/stored_alerts.h"

namespace tocsin::api {
namespace {
std::string line_of(const std::string& tags, const std::string& types) {
  return R"({"format":1,"rule":"r","tags":)" + tags +
         R"(,"message":"\"tags\":[\"card\"]","events":[)" + types + R"(],"held_back":0})";
}
const std::string kPayment = R"({"as":"a","type":"payment","ts":1,"fields":{"type":"login"}})";
const std::string kLogin = R"({"as":"b","type":"login","ts":1,"fields":{}})";
}  // namespace

TEST_CASE("alert scope: one tag of the scope is enough, and every event must be of its types") {
  const TokenScope tags{{"card", "ecom"}, {}};
  CHECK(is_alert_in({}, line_of("[]", "")));
  CHECK(is_alert_in(tags, line_of(R"(["x","card"])", kLogin)));
  CHECK_FALSE(is_alert_in(tags, line_of(R"(["x","cards"])", kPayment)));
  CHECK_FALSE(is_alert_in(tags, line_of("[]", kPayment)));
  const TokenScope types{{}, {"payment"}};
  CHECK(is_alert_in(types, line_of("[]", kPayment + "," + kPayment)));
  CHECK_FALSE(is_alert_in(types, line_of("[]", kPayment + "," + kLogin)));
  // What it is of is not known.
  CHECK_FALSE(is_alert_in(types, line_of("[]", "")));
  const TokenScope both{{"card"}, {"payment"}};
  CHECK(is_alert_in(both, line_of(R"(["card"])", kPayment)));
  CHECK_FALSE(is_alert_in(both, line_of(R"(["card"])", kLogin)));
  CHECK_FALSE(is_alert_in(both, line_of(R"(["x"])", kPayment)));
}

TEST_CASE("alert scope: a filter keeps to it, and its cursor is of that scope") {
  AlertFilter filter;
  const std::string whole = filter.digest();
  CHECK(filter.admits(tests::alert_at(1)));
  filter.scope = {{"card"}, {}};
  CHECK(filter.admits(tests::alert_at(1)));
  const std::string cards = filter.digest();
  filter.scope = {{"atm"}, {}};
  CHECK_FALSE(filter.admits(tests::alert_at(1)));
  CHECK(whole != cards);
  CHECK(cards != filter.digest());
  filter.scope = {{}, {"card"}};
  CHECK(cards != filter.digest());
}
}  // namespace tocsin::api
