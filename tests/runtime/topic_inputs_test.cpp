#include "runtime/inputs/topic_inputs.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/inputs/topic_run.h"
#include "tests/runtime/topic_world.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using namespace topics;

TEST_CASE("topic inputs: partitions are read to their ends, and go on at the next start") {
  World world;
  world.broker.create("t", 2);
  world.broker.produce("t", 0, payment("a0", 1));
  world.broker.produce("t", 1, payment("b0", 2));
  world.broker.produce("t", 0, payment("a1", 3));
  world.must_open();
  world.must_read();
  CHECK(world.place_of("kafka:t/0") == 2);
  CHECK(world.place_of("kafka:t/1") == 1);
  // The second holds time: what is later waits.
  CHECK(world.order == std::vector<std::string>{"a0", "b0"});
  world.stop();
  CHECK(world.broker.committed == std::map<std::string, std::uint64_t>{{"t/0", 2}, {"t/1", 1}});

  world.broker.produce("t", 1, payment("b1", 4));
  world.must_open();
  world.must_read();
  CHECK(world.order == std::vector<std::string>{"a1"});
  world.settle();
  CHECK(world.stored() == each_once({"a0", "b0", "a1", "b1"}));
}

TEST_CASE("topic inputs: what is no event is a dead letter; a tombstone is passed over") {
  World world;
  world.broker.create("t", 1);
  world.broker.produce("t", 0, payment("a", 1));
  world.broker.produce("t", 0, std::nullopt);
  world.broker.produce("t", 0, "");
  world.broker.skip("t", 0, 3);
  world.broker.produce("t", 0, "\xff\xfe");
  world.broker.produce("t", 0,
                       "{\n\"type\":\"payment\",\n\"ts\":" + std::to_string(kBegin + kSecond) +
                           ",\"id\":\"b\"\n}\n");
  world.broker.skip("t", 0, MessageBlock::kBlankLinesMax + 1);
  world.broker.produce("t", 0, "no json");
  world.must_open();
  world.must_read();
  CHECK(world.dead == std::map<std::string, int>{{"kafka:t/0 at offset 2", 1},
                                                 {"kafka:t/0 at offset 6", 1},
                                                 {"kafka:t/0 at offset 4105", 1}});
  CHECK(world.order == std::vector<std::string>{"a", "b"});
  CHECK(world.place_of("kafka:t/0") == 4106);
}

TEST_CASE("topic inputs: messages that were removed before they were read end the reading") {
  World world;
  world.broker.create("t", 2);
  for (int i = 0; i < 5; ++i) world.broker.produce("t", 1, payment(fmt::format("a{}", i), i));
  world.must_open();
  world.must_read();
  world.stop();
  for (int i = 5; i < 20; ++i) world.broker.produce("t", 1, payment(fmt::format("a{}", i), i));
  world.broker.retain_from("t", 1, 8);
  const Result<void> refused = world.open();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kMismatch);
  CHECK(refused.error().message ==
        "messages of t/1 were removed before they were read: offset 5 is next, and the first that "
        "the broker has is 8. Nothing was skipped; to go on without them, start with "
        "--kafka-accept-gap t/1=5..8");
  world.kill();

  // Another gap was accepted than there is by now.
  world.options.accepted_gaps = {{{"t", 1}, 5, 7}};
  CHECK_FALSE(world.open());
  world.kill();
  world.options.accepted_gaps = {*parse_accepted_gap("t/1=5..8")};
  world.must_open();
  CHECK(world.notes == std::vector<std::string>{"kafka:t/1 goes on at offset 8 instead of 5"});
  world.must_read();
  CHECK(world.place_of("kafka:t/1") == 20);
  // What is accepted may stay said: it does not apply again.
  world.stop();
  world.notes.clear();
  world.must_open();
  CHECK(world.notes.empty());
  world.must_read();
  CHECK(world.place_of("kafka:t/1") == 20);
}

TEST_CASE("topic inputs: so they do while it reads") {
  World world;
  world.broker.create("t", 1);
  world.broker.produce("t", 0, payment("a", 1));
  world.must_open();
  world.must_read();
  for (int i = 0; i < 9; ++i) world.broker.produce("t", 0, payment("b", 2));
  world.broker.retain_from("t", 0, 6);
  const Result<void> read = world.read();
  REQUIRE_FALSE(read);
  CHECK(read.error().message.find("--kafka-accept-gap t/0=1..6") != std::string::npos);
}

// Writes messages to the topic `t`: NAME and a number, from `from` to before `to`; those of `b`
// come later than those of `a`.
void produce(World& world, char name, int from, int to) {
  for (int i = from; i < to; ++i) {
    world.broker.produce("t", 0, payment(fmt::format("{}{}", name, i), name == 'a' ? i : 10 + i));
  }
}
void read_three(World& world) {
  world.broker.create("t", 1);
  produce(world, 'a', 0, 3);
  world.must_open();
  world.must_read();
}

TEST_CASE("topic inputs: a topic that was created again is not taken for the one that was read") {
  for (const int written : {0, 2, 3, 9}) {
    CAPTURE(written);
    World world;
    read_three(world);
    world.checkpoint();
    world.stop();
    world.broker.remove("t");
    world.broker.create("t", 1);
    produce(world, 'b', 0, written);
    Result<void> done = world.open();
    if (done) done = world.read();
    REQUIRE_FALSE(done);
    CHECK(done.error().code == Errc::kMismatch);
    CHECK(done.error().message.find("deleted and created again") != std::string::npos);
    CHECK(done.error().message.find("--kafka-accept-gap t/0=3..0") != std::string::npos);
    CHECK(world.order.empty());
    world.kill();

    world.options.accepted_gaps = {{{"t", 0}, 3, 0}};
    world.must_open();
    world.must_read();
    CHECK(world.place_of("kafka:t/0") == static_cast<std::uint64_t>(written));
    CHECK(world.order.size() == static_cast<std::size_t>(written));
  }
}

TEST_CASE("topic inputs: a gap that stays accepted is gone back once") {
  for (const int written : {1, 3}) {
    CAPTURE(written);
    World world;
    read_three(world);
    world.stop();
    world.broker.remove("t");
    world.broker.create("t", 1);
    produce(world, 'b', 0, written);
    world.options.accepted_gaps = {{{"t", 0}, 3, 0}};
    world.must_open();
    world.must_read();
    produce(world, 'b', written, 3);
    world.must_read();
    CHECK(world.order == std::vector<std::string>{"b0", "b1", "b2"});
    // It stands where it stood when the gap was accepted.
    CHECK(world.place_of("kafka:t/0") == 3);
    world.stop();
    produce(world, 'b', 3, 4);
    world.must_open();
    world.must_read();
    CHECK(world.order == std::vector<std::string>{"b3"});
  }
}

TEST_CASE("topic inputs: a topic with fewer partitions than were read is refused") {
  World world;
  world.broker.create("t", 2);
  world.broker.produce("t", 1, payment("a", 1));
  world.must_open();
  world.must_read();
  world.stop();
  world.broker.remove("t");
  world.broker.create("t", 1);
  const Result<void> refused = world.open();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("--kafka-accept-gap t/1=1..0") != std::string::npos);
  world.kill();
  world.options.accepted_gaps = {{{"t", 1}, 1, 0}};
  world.must_open();
  CHECK(world.notes == std::vector<std::string>{"kafka:t/1 is not read now"});
}

TEST_CASE("topic inputs: a last message that compaction removed is not missed") {
  World world;
  world.broker.create("t", 1);
  world.broker.produce("t", 0, payment("a", 1));
  world.broker.produce("t", 0, payment("b", 2));
  world.must_open();
  world.must_read();
  world.stop();
  world.broker.retain_from("t", 0, 2);
  world.broker.produce("t", 0, payment("c", 3));
  world.must_open();
  world.must_read();
  CHECK(world.order == std::vector<std::string>{"c"});
}

TEST_CASE("topic inputs: partitions that are added are read from their first message") {
  World world;
  world.options.begins_at_end = true;
  world.broker.create("t", 1);
  world.broker.produce("t", 0, payment("before", 1));
  world.must_open();
  world.must_read();
  CHECK(world.order.empty());
  // Where it began is known, although nothing came.
  world.kill();
  world.broker.produce("t", 0, payment("a", 2));
  world.must_open();
  world.must_read();
  CHECK(world.order == std::vector<std::string>{"a"});
  world.broker.create("t", 2);
  world.broker.produce("t", 1, payment("b", 3));
  world.pass(2);
  CHECK(world.notes == std::vector<std::string>{"kafka:t/1 is new, and is read"});
  CHECK(world.place_of("kafka:t/1") == 1);
  // Also where it was added while nobody read.
  world.stop();
  world.broker.create("t", 3);
  world.broker.produce("t", 2, payment("c", 4));
  world.must_open();
  world.must_read();
  CHECK(world.place_of("kafka:t/2") == 1);
}

TEST_CASE("topic inputs: a topic that is not there, or no longer, ends the reading") {
  World world;
  const Result<void> refused = world.open();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kIo);
  world.kill();
  world.broker.create("t", 1);
  world.must_open();
  world.broker.remove("t");
  world.clock.time = world.clock.time + cep::Duration{2 * kSecond};
  const Result<void> read = world.read();
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Errc::kMismatch);
}

TEST_CASE("topic inputs: a run ends where its partitions ended when it began") {
  World world;
  world.options.until_end = true;
  world.broker.create("t", 3);
  world.broker.produce("t", 0, payment("a", 1));
  world.broker.produce("t", 1, payment("b", 2));
  world.broker.skip("t", 1, 4);  // the marks of a transaction
  world.must_open();
  const Result<void> done =
      run_topics(world.node(), world.keeper(), world.client(), world.inputs(), {});
  REQUIRE_MESSAGE(done, done.error().message);
  CHECK(world.inputs().is_over());
  world.settle();
  CHECK(world.order == std::vector<std::string>{"a", "b"});
  world.stop();
  world.broker.produce("t", 1, payment("c", 3));
  world.must_open();
  REQUIRE(run_topics(world.node(), world.keeper(), world.client(), world.inputs(), {}));
  world.settle();
  CHECK(world.order == std::vector<std::string>{"c"});
}

TEST_CASE("topic inputs: the broker hears only of places that are on disk") {
  World world;
  world.broker.create("t", 1);
  world.must_open();
  std::uint64_t committed = 0;
  for (int i = 0; i < 40; ++i) {
    world.broker.produce("t", 0, payment("a", i));
    world.pass(1);
    const auto known = world.broker.committed.find("t/0");
    if (known == world.broker.committed.end()) continue;
    CHECK(known->second >= committed);
    committed = known->second;
  }
  CHECK(committed >= 25);
  CHECK(committed < 40);
}

TEST_CASE("topic inputs: a run leaves what came after it began, also in the middle of a block") {
  World world;
  world.options.until_end = true;
  world.broker.create("t", 2);
  world.broker.produce("t", 0, payment("a", 1));
  world.broker.produce("t", 0, payment("b", 2));
  world.broker.skip("t", 1, 3);  // what an aborted transaction leaves
  world.must_open();
  world.broker.produce("t", 0, payment("c", 3));
  world.broker.produce("t", 1, payment("d", 4));
  REQUIRE(run_topics(world.node(), world.keeper(), world.client(), world.inputs(), {}));
  world.settle();
  CHECK(world.order == std::vector<std::string>{"a", "b"});
  CHECK(world.place_of("kafka:t/0") == 2);
  world.stop();
  world.must_open();
  REQUIRE(run_topics(world.node(), world.keeper(), world.client(), world.inputs(), {}));
  world.settle();
  CHECK(world.order == std::vector<std::string>{"c", "d"});
}

TEST_CASE("topic inputs: a new partition that no broker leads yet is waited for") {
  World world;
  world.broker.create("t", 1);
  world.must_open();
  world.must_read();
  world.broker.create("t", 3);
  world.client().leaderless = {{"t", 2}};
  world.broker.produce("t", 1, payment("a", 1));
  world.broker.produce("t", 2, payment("b", 2));
  world.pass(2);
  world.pass(20);
  CHECK(world.notes ==
        std::vector<std::string>{"kafka:t/1 is new, and is read",
                                 "kafka:t/2 is new, and is waited for: no broker leads t/2"});
  world.client().leaderless.clear();
  world.pass(2);
  CHECK(world.notes.size() == 2);  // it is not looked at all the time
  world.pass(10);
  CHECK(world.notes.back() == "kafka:t/2 is new, and is read");
  CHECK(world.place_of("kafka:t/1") == 1);
  CHECK(world.place_of("kafka:t/2") == 1);
}

TEST_CASE("topic inputs: the last message may be removed while a start compares it") {
  World world;
  world.broker.create("t", 1);
  for (int i = 0; i < 3; ++i) world.broker.produce("t", 0, payment(fmt::format("a{}", i), i));
  world.must_open();
  world.must_read();
  world.stop();
  world.broker.produce("t", 0, payment("b", 3));
  world.must_open();
  world.broker.retain_from("t", 0, 3);
  const Result<void> read = world.read();
  REQUIRE_FALSE(read);
  CHECK(read.error().code == Errc::kIo);
  CHECK(read.error().message.find("start again") != std::string::npos);
  world.kill();
  world.must_open();
  world.must_read();
  CHECK(world.place_of("kafka:t/0") == 4);
}

TEST_CASE("topic inputs: what they forget to say of a gap is refused") {
  CHECK(parse_accepted_gap("a.b/2=10..20"));
  for (const char* wrong :
       {"", "t/1", "t/1=5", "t/1=5..", "t/1=..5", "t/1=a..5", "t=1..5", "t/1=5..8x", "1..5=t/1"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_accepted_gap(wrong));
  }
}

// Messages are produced, partitions added, the broker and the node fail, in any order. In the end
// each payment has its alert once, and each other message that has a value is one dead letter.
TEST_CASE("topic inputs: each message is taken once, whatever happens on the way") {
  for_all_seeds("topic inputs", 100, [](Random& random) {
    World world;
    world.topics = {"t", "u"};
    world.silence.idle_after = cep::Duration{20 * kSecond};
    if (random.chance(50)) world.drift_max = cep::Duration{10 * kSecond};
    world.broker.create("t", 1 + static_cast<std::uint32_t>(random.below(3)));
    world.broker.create("u", 1);
    std::map<std::string, int> expected;
    std::set<std::string> dead;
    int next = 0;
    world.block_messages = 1 + random.below(20);
    world.must_open();
    std::set<std::string> seen_dead;
    const std::size_t steps = 30 + random.below(60);
    for (std::size_t i = 0; i < steps; ++i) {
      switch (random.weighted({40, 10, 20, 5, 5, 5, 3})) {
        case 0: {
          const std::string topic = random.pick({std::string("t"), std::string("u")});
          const auto partition =
              static_cast<std::uint32_t>(random.below(world.broker.partitions(topic).size()));
          const std::size_t count = 1 + random.below(30);
          for (std::size_t j = 0; j < count; ++j) {
            if (random.chance(5)) world.broker.skip(topic, partition, 1 + random.below(3));
            if (random.chance(10)) {
              const std::optional<std::string> value =
                  random.pick({std::optional<std::string>(), std::optional<std::string>("x"),
                               std::optional<std::string>("\n"),
                               std::optional<std::string>("{\"type\":\n\"payment\"}")});
              const std::uint64_t at = world.broker.produce(topic, partition, value);
              if (value) dead.insert(line_place(partition_source({topic, partition}), at + 1));
              continue;
            }
            const std::string id = fmt::format("p{}", next++);
            // The time of all partitions, so that none is late.
            world.broker.produce(topic, partition,
                                 payment(id, (world.clock.time.us - kBegin) / kSecond));
            expected[id] = 1;
          }
          break;
        }
        case 1:
          world.clock.time = world.clock.time + cep::Duration{1 * kSecond};
          break;
        case 2:
          world.must_read();
          break;
        case 3:
          world.pass(random.between(1, 40));
          break;
        case 4:
          world.broker.is_up = true;
          for (const auto& [place, count] : world.dead) seen_dead.insert(place);
          random.chance(50) ? world.stop() : world.kill();
          world.block_messages = 1 + random.below(20);
          world.must_open();
          break;
        case 5:
          world.broker.is_up = random.chance(60);
          break;
        case 6:
          // Noticed before it has messages, which might be late else.
          world.broker.is_up = true;
          world.broker.create("t",
                              static_cast<std::uint32_t>(world.broker.partitions("t").size()) + 1);
          world.pass(1);
          break;
      }
    }
    // Partitions that never had a message hold back the others until they are idle.
    world.broker.is_up = true;
    for (int i = 0; i < 20; ++i) world.pass(5);
    for (const auto& [place, count] : world.dead) seen_dead.insert(place);
    for (const std::string& place : seen_dead) CHECK_MESSAGE(dead.contains(place), place);
    for (const std::string& place : dead) CHECK_MESSAGE(seen_dead.contains(place), place);
    CHECK(world.late == std::set<std::string>());
    world.settle();
    CHECK(world.stored() == expected);
  });
}
}  // namespace
}  // namespace tocsin::tests
