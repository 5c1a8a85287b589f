#include "runtime/io/message_block.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "runtime/io/line_splitter.h"
#include "runtime/io/topic_partition.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using namespace runtime;

std::string lines_of(MessageBlock& block) {
  block.close();
  return std::string(block.lines());
}

TEST_CASE("message block: a message is a line, and an offset without one a blank line") {
  MessageBlock block;
  CHECK(block.empty());
  CHECK(block.add(7, "{\"a\":1}", 100));
  CHECK(block.add(8, "{\"a\":2}", 100));
  CHECK(block.add(11, "{\"a\":3}", 100));
  CHECK(block.first_offset() == 7);
  CHECK(block.next_offset() == 12);
  CHECK(lines_of(block) == "{\"a\":1}\n{\"a\":2}\n\n\n{\"a\":3}\n");
  block.clear();
  CHECK(block.empty());
  CHECK(block.add(3, "x", 100));
  CHECK(lines_of(block) == "x\n");
}

TEST_CASE("message block: what is no line by itself is still one line") {
  struct Row {
    const char* name;
    std::optional<std::string> value;
    std::string line;
  };
  const Row rows[] = {
      {"tombstone, which is none", std::nullopt, ""},
      {"empty", "", "\"\""},
      {"white space", " \t\r\n", "\"\""},
      {"a byte order mark", "\xef\xbb\xbf ", "\"\""},
      {"on several lines", "{\n \"a\": 1\n}\n", "{\r \"a\": 1\r}\r"},
      {"a line feed in a text", "{\"a\":\"x\ny\"}", "{\"a\":\"x\ry\"}"},
      {"other bytes", std::string("\xff\x00\x01", 3), std::string("\xff\x00\x01", 3)},
      {"too long", std::string(200, 'x'), std::string(105, 'x')},
      {"too long and blank", std::string(200, ' ') + "{}", "\"\""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    MessageBlock block;
    REQUIRE(block.add(0, row.value, 100));
    CHECK(lines_of(block) == row.line + "\n");
  }
}

TEST_CASE("message block: a wide gap begins another block") {
  MessageBlock block;
  REQUIRE(block.add(0, "x", 10));
  CHECK(block.add(1 + MessageBlock::kBlankLinesMax, "y", 10));
  const std::uint64_t next = block.next_offset();
  CHECK_FALSE(block.add(next + MessageBlock::kBlankLinesMax + 1, "z", 10));
  CHECK(block.next_offset() == next);
  CHECK(lines_of(block).size() == 4 + MessageBlock::kBlankLinesMax);
}

TEST_CASE("message block: each message is the line of its offset, whatever its bytes") {
  for_all_seeds("message block", 300, [](Random& random) {
    MessageBlock block;
    std::vector<std::uint64_t> offsets;
    std::uint64_t offset = random.below(1000);
    const std::uint64_t first = offset;
    const std::size_t count = 1 + random.below(30);
    for (std::size_t i = 0; i < count; ++i) {
      std::optional<std::string> value;
      if (!random.chance(10)) {
        value.emplace();
        const std::size_t size = random.below(20);
        for (std::size_t j = 0; j < size; ++j)
          *value += random.pick({'a', ' ', '\n', '\r', '\t', '\0', '{', '"', '\xff'});
      }
      REQUIRE(block.add(offset, value, 10));
      if (value) offsets.push_back(offset);  // a tombstone is no line
      offset += 1 + (random.chance(20) ? random.below(5) : 0);
    }
    block.close();
    LineSplitter splitter(10);
    splitter.resume({first, false});
    splitter.begin(block.lines());
    Line line;
    for (const std::uint64_t expected : offsets) {
      REQUIRE(splitter.next(line));
      CHECK(message_offset(line.number) == expected);
    }
    CHECK_FALSE(splitter.next(line));
    CHECK(splitter.place() == LinePlace{block.next_offset(), false});
  });
}

TEST_CASE("topic partition: names of sources and places of messages") {
  CHECK(partition_source({"payments.v1", 12}) == "kafka:payments.v1/12");
  CHECK(parse_partition_source("kafka:payments.v1/12") == TopicPartition{"payments.v1", 12});
  for (const char* other : {"payments/1", "kafka:payments", "kafka:/1", "kafka:p/", "kafka:p/1x",
                            "kafka:p/-1", "http/till", "-"}) {
    CAPTURE(other);
    CHECK_FALSE(parse_partition_source(other));
  }
  CHECK(line_place("in.ndjson", 3) == "in.ndjson:3");
  CHECK(line_place("kafka:payments/0", 3) == "kafka:payments/0 at offset 2");
}
}  // namespace
}  // namespace tocsin::tests
