#include "api/node/event_batch.h"

#include <doctest/doctest.h>

#include <string>

namespace tocsin::api {
namespace {
TEST_CASE("event batch: clean lines stay as they are") {
  const EventLines lines = split_event_lines("{\"a\":1}\n{}\nx\n", 100);
  CHECK(lines.text == "{\"a\":1}\n{}\nx\n");
  CHECK(lines.count == 3);
  CHECK(lines.number_of(2) == 3);
}

TEST_CASE("event batch: blank lines and a byte order mark are left out, and numbers stay") {
  const EventLines lines = split_event_lines("\xef\xbb\xbf{}\r\n\n \t\r\n{\"a\":\n}", 100);
  CHECK(lines.text == "{}\r\n{\"a\":\n}\n");
  CHECK(lines.count == 3);
  CHECK(lines.number_of(0) == 1);
  CHECK(lines.number_of(1) == 4);
  CHECK(lines.number_of(2) == 5);
  CHECK(split_event_lines("", 100).count == 0);
  CHECK(split_event_lines("\n\n", 100).text.empty());
  CHECK(split_event_lines("\xef\xbb\xbf", 100).count == 0);
}

TEST_CASE("event batch: what is too long is cut, and still too long") {
  const std::string most(14, 'x');  // with the bytes that are not counted
  CHECK(split_event_lines(most + "\n", 10).text == most + "\n");
  CHECK(split_event_lines(most + "yz\n{}\n", 10).text == most + "\n{}\n");
  CHECK(split_event_lines(most + "yz", 10).text.size() > 10 + 1);
}
}  // namespace
}  // namespace tocsin::api
