// The time of topics: each partition has one of its own.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "tests/runtime/topic_world.h"

namespace tocsin::tests {
namespace {
using namespace topics;

TEST_CASE("topic inputs: a fast partition waits for a slow one, at the drift") {
  World world;
  world.drift_max = cep::Duration{60 * topics::kSecond};
  world.block_messages = 10;
  world.broker.create("t", 2);
  world.broker.produce("t", 0, payment("slow", 100));
  for (int i = 1; i <= 500; ++i)
    world.broker.produce("t", 1, payment(fmt::format("f{}", i), 100 + i));
  world.must_open();
  world.must_read();
  // The message that took it beyond the drift is the last.
  CHECK(world.place_of("kafka:t/1") == 61);
  std::vector<PartitionFigures> figures = world.inputs().figures();
  REQUIRE(figures.size() == 2);
  CHECK_FALSE(figures[0].is_paused);
  CHECK(figures[1].is_paused);
  CHECK(figures[0].lag == 0);
  CHECK(figures[1].lag == 439);

  world.broker.produce("t", 0, payment("slow", 300));
  world.must_read();
  CHECK(world.place_of("kafka:t/1") == 261);
  world.broker.produce("t", 0, payment("slow", 1000));
  world.must_read();
  CHECK(world.place_of("kafka:t/1") == 500);
  figures = world.inputs().figures();
  CHECK_FALSE(figures[1].is_paused);
}

TEST_CASE("topic inputs: a partition without messages holds time until it is idle") {
  World world;
  world.silence.idle_after = cep::Duration{30 * topics::kSecond};
  world.broker.create("t", 2);
  world.must_open();
  for (int i = 0; i < 6; ++i) {
    world.broker.produce("t", 1, payment(fmt::format("a{}", i), 5 * i));
    world.pass(5);
  }
  CHECK(world.order.empty());
  world.pass(5);
  CHECK(world.order.size() == 6);
  // As soon as it has one, it holds time again.
  world.broker.produce("t", 0, payment("b", 30));
  world.broker.produce("t", 1, payment("c", 40));
  world.pass(1);
  CHECK(world.order.back() == "b");
}

TEST_CASE("topic inputs: silence of a broker that does not answer is none") {
  World world;
  world.silence.idle_after = cep::Duration{30 * topics::kSecond};
  world.broker.create("t", 2);
  world.broker.produce("t", 0, payment("a", 10));
  world.broker.produce("t", 1, payment("b", 11));
  world.must_open();
  world.must_read();
  world.broker.is_up = false;
  for (int i = 0; i < 20; ++i) world.pass(5);
  world.broker.is_up = true;
  world.client().withheld = {{"t", 0}};
  for (int i = 0; i < 20; ++i) world.pass(5);
  CHECK(world.order == std::vector<std::string>{"a"});
  world.client().withheld.clear();
  for (int i = 0; i < 20; ++i) world.pass(5);
  world.broker.produce("t", 1, payment("c", 12));
  world.pass(1);
  CHECK(world.order == std::vector<std::string>{"a", "b", "c"});
}
}  // namespace
}  // namespace tocsin::tests
