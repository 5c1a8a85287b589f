// Topics of alerts, read into a node's alert store.
#include "runtime/inputs/alert_inputs.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/inputs/alert_message.h"
#include "tests/runtime/topic_world.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
using namespace topics;

std::string alert_text(int number, const std::string& message) {
  return fmt::format(
      R"({{"format":1,"id":"{:032x}","revision":0,"phase":"final","rule":"far_away","title":"Elsewhere",)"
      R"("version":1,"key":{{"card":"c{}"}},"ts":{},"time":"2026-03-02T12:00:00Z","severity":"high",)"
      R"("score":0,"tags":["far"],"message":"{}","fields":{{"amount":12.50}},"events":[],"held_back":0}})",
      number, number, kBegin + number, message);
}
std::string alert_text(int number) { return alert_text(number, fmt::format("a{}", number)); }

// A node that reads the topic `t` for events and `alerts` for alerts.
class AlertWorld {
 public:
  World world;
  TopicInputOptions options;
  std::size_t line_bytes_max = 10'000;

  AlertWorld() { world.broker.create("t", 1); }
  Result<void> open() {
    world.must_open();
    client_.emplace(world.broker, std::vector<std::string>{"alerts"}, std::size_t{3});
    auto inputs =
        AlertInputs::open(AlertInbox(world.node()), world.clock, *client_, options, line_bytes_max);
    if (!inputs) return tl::unexpected(inputs.error());
    inputs_ = *std::move(inputs);
    return {};
  }
  void must_open() {
    const Result<void> opened = open();
    REQUIRE_MESSAGE(opened, opened.error().message);
  }
  Result<void> read() {
    for (;;) {
      const Result<bool> taken = inputs_->step();
      if (!taken) return tl::unexpected(taken.error());
      if (!*taken) return world.node().poll();
      if (random != nullptr && random->chance(30)) {
        if (auto polled = world.node().poll(); !polled) return polled;
      }
    }
  }
  void must_read() {
    const Result<void> done = read();
    REQUIRE_MESSAGE(done, done.error().message);
  }
  void kill() {
    end();
    world.kill();
  }
  void stop() {
    REQUIRE(world.node().close());
    inputs_->finish();
    end();
    world.stop();
  }
  std::vector<std::string> notes() { return inputs_->take_notes(); }
  AlertInputs& inputs() { return *inputs_; }
  std::map<std::string, int> stored() { return world.stored(); }
  std::vector<SideOutputRow> dead() {
    std::vector<SideOutputRow> rows;
    REQUIRE(world.node().close());
    REQUIRE(world.node().effect_store().reader().side_output(SideOutputKind::kDead,
                                                             [&](const SideOutputRow& row) {
                                                               rows.push_back(row);
                                                               return true;
                                                             }));
    return rows;
  }
  Random* random = nullptr;

 private:
  void end() {
    inputs_.reset();
    client_.reset();
  }
  std::optional<ModelTopicClient> client_;
  std::unique_ptr<AlertInputs> inputs_;
};

TEST_CASE("alert inputs: partitions are read on where they were, and repeats are passed over") {
  AlertWorld reads;
  ModelBroker& broker = reads.world.broker;
  broker.create("alerts", 2);
  for (int i = 0; i < 8; ++i)
    broker.produce("alerts", static_cast<std::uint32_t>(i % 2), alert_text(i));
  broker.produce("alerts", 0, std::nullopt);
  broker.skip("alerts", 1, 2);
  reads.must_open();
  reads.must_read();
  reads.stop();
  CHECK(broker.committed.at("alerts/0") == 5);
  CHECK(broker.committed.at("alerts/1") == 4);
  // Again, by an engine that began anew, and in another partition.
  for (int i = 0; i < 9; ++i) broker.produce("alerts", 1, alert_text(i));
  reads.must_open();
  reads.must_read();
  CHECK(reads.inputs().figures()[1].source == "kafka:alerts/1");
  CHECK(reads.inputs().figures()[1].next_offset == 15);
  CHECK(reads.world.node().effects().stored.inbox_repeated == 8);
  CHECK(reads.stored() == each_once({"a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8"}));
}

TEST_CASE("alert inputs: what is no alert is a dead letter with its place, and cannot be put in") {
  AlertWorld reads;
  ModelBroker& broker = reads.world.broker;
  broker.create("alerts", 1);
  broker.produce("alerts", 0, "no json");
  broker.produce("alerts", 0, alert_text(1));
  broker.produce("alerts", 0, payment("p", 1));
  broker.produce("alerts", 0, alert_text(2, std::string(20'000, 'x')));
  reads.must_open();
  reads.must_read();
  const std::vector<SideOutputRow> rows = reads.dead();
  REQUIRE(rows.size() == 3);
  CHECK(line_place(rows[0].source, rows[0].line) == "kafka:alerts/0 at offset 0");
  CHECK(rows[0].text == "no json");
  CHECK(rows[0].reason.starts_with("it is no alert of format 1: it is not JSON"));
  CHECK(line_place(rows[1].source, rows[1].line) == "kafka:alerts/0 at offset 2");
  CHECK(rows[1].reason == "it is no alert of format 1: it has no number `format`");
  CHECK(rows[2].reason == "the line is longer than 10000 bytes");
  CHECK(rows[2].text.size() == 10'000);
}

TEST_CASE("alert inputs: dead letters of topics of alerts are not put in again as events") {
  AlertWorld reads;
  reads.world.broker.create("alerts", 1);
  reads.world.broker.produce("alerts", 0, "no json");
  reads.must_open();
  reads.must_read();
  const auto all = reads.world.node().reinject(SideOutputKind::kDead, {});
  REQUIRE(all);
  CHECK(all->rows == 0);
  std::vector<WantedRow> wanted;
  REQUIRE(reads.world.node().effect_store().reader().side_output(
      SideOutputKind::kDead, [&](const SideOutputRow& row) {
        wanted.push_back({row.arrival, {}});
        return true;
      }));
  const auto named = reads.world.node().reinject(SideOutputKind::kDead, wanted);
  REQUIRE_FALSE(named);
  CHECK(named.error().message.starts_with("a message of a topic of alerts is no event"));
}

TEST_CASE("alert inputs: missing messages, and a topic that was created again, end the reading") {
  AlertWorld reads;
  ModelBroker& broker = reads.world.broker;
  broker.create("alerts", 1);
  for (int i = 0; i < 4; ++i) broker.produce("alerts", 0, alert_text(i));
  reads.must_open();
  reads.must_read();
  reads.stop();
  std::string message;
  std::string accepted;
  SUBCASE("retention removed some") {
    for (int i = 4; i < 9; ++i) broker.produce("alerts", 0, alert_text(i));
    broker.retain_from("alerts", 0, 6);
    message = "messages of alerts/0 were removed before they were read: offset 4 is next";
    accepted = "alerts/0=4..6";
  }
  SUBCASE("it was created again") {
    broker.remove("alerts");
    broker.create("alerts", 1);
    for (int i = 10; i < 15; ++i) broker.produce("alerts", 0, alert_text(i));
    message = "the message at offset 3 of alerts/0 is not the one that was read there";
    accepted = "alerts/0=4..0";
  }
  SUBCASE("it is shorter") {
    broker.truncate("alerts", 0, 2);
    message = "alerts/0 ends at offset 2, and everything before 4 was read";
    accepted = "alerts/0=4..0";
  }
  Result<void> done = reads.open();
  if (done) done = reads.read();
  REQUIRE_FALSE(done);
  CHECK(done.error().code == Errc::kMismatch);
  CHECK_MESSAGE(done.error().message.starts_with(message), done.error().message);
  CHECK(done.error().message.find("--kafka-accept-gap " + accepted) != std::string::npos);
  reads.kill();
  reads.options.accepted_gaps = {*parse_accepted_gap(accepted)};
  reads.must_open();
  reads.must_read();
}

TEST_CASE(
    "alert inputs: new partitions are read from their beginning; a topic may begin at its end") {
  AlertWorld reads;
  reads.options.begins_at_end = true;
  ModelBroker& broker = reads.world.broker;
  broker.create("alerts", 1);
  broker.produce("alerts", 0, alert_text(0));
  reads.must_open();
  reads.must_read();
  broker.produce("alerts", 0, alert_text(1));
  broker.create("alerts", 2);
  broker.produce("alerts", 1, alert_text(2));
  reads.world.clock.time = reads.world.clock.time + cep::Duration{2 * kSecond};
  reads.must_read();
  CHECK(reads.notes() == std::vector<std::string>{"kafka:alerts/1 is new, and is read"});
  CHECK(reads.stored() == each_once({"a1", "a2"}));
}

TEST_CASE("alert inputs: killed at any moment, beside rules of its own, each alert is there once") {
  for_all_seeds("runtime", 60, [](Random& random) {
    AlertWorld reads;
    reads.random = &random;
    ModelBroker& broker = reads.world.broker;
    broker.create("alerts", 2);
    std::vector<std::string> all;
    int alerts = 0;
    for (int life = 0; life < 5; ++life) {
      reads.must_open();
      for (std::size_t n = random.below(6); n > 0; --n) {
        if (random.chance(40)) {
          all.push_back(fmt::format("p{}", all.size()));
          broker.produce("t", 0, payment(all.back(), static_cast<std::int64_t>(all.size())));
        } else {
          broker.produce("alerts", static_cast<std::uint32_t>(random.below(2)), alert_text(alerts));
          // And sometimes again.
          if (random.chance(30)) broker.produce("alerts", 1, alert_text(alerts));
          all.push_back(fmt::format("a{}", alerts++));
        }
        if (random.chance(50)) reads.must_read();
        if (random.chance(50)) reads.world.must_read();
        if (random.chance(20)) reads.world.checkpoint();
      }
      reads.kill();
    }
    reads.must_open();
    reads.must_read();
    reads.world.must_read();
    reads.world.settle();
    CHECK(reads.stored() == each_once(all));
  });
}

TEST_CASE("alert message: what format 1 needs is looked at") {
  const auto read = [](std::string text) {
    const std::size_t size = text.size();
    text.append(64, '\n');
    return read_alert_message(std::string_view(text).substr(0, size), 1 << 20);
  };
  const std::string good = alert_text(7);
  const Result<StoredAlert> alert = read(good);
  REQUIRE(alert);
  CHECK(alert->line == good);
  CHECK(alert->id == "00000000000000000000000000000007");
  CHECK(alert->rule == "far_away");
  CHECK(alert->severity == cep::Severity::kHigh);
  CHECK(alert->ts.us == kBegin + 7);
  CHECK(alert->is_live);
  // White space between members is none of it.
  std::string spaced = good;
  spaced.insert(1, " \r\t");
  spaced.insert(spaced.find("\"rule\":") + 7, " ");
  REQUIRE(read(spaced));
  CHECK(read(spaced)->line == good);

  struct Row {
    const char* from;
    const char* to;
    const char* reason;
  };
  constexpr Row kRows[] = {
      {"\"format\":1", "\"format\":2",
       "it is an alert of format 2, and this program reads format 1"},
      {"\"format\":1,", "", "it has no number `format`"},
      {"\"id\":\"00", "\"id\":\"0", "its `id` must be 32 lower-case hex digits"},
      {"\"id\":\"00", "\"id\":\"0A", "its `id` must be 32 lower-case hex digits"},
      {"\"rule\":\"far_away\"", "\"rule\":\"\"", "its `rule` must be the id of a rule"},
      {"\"severity\":\"high\"", "\"severity\":\"red\"",
       "its `severity` must be info, low, medium, high or critical"},
      {"\"ts\":", "\"ts\":\"x\",\"other\":", "its `ts` must be a time in microseconds"},
      {"\"ts\":", "\"ts\":4611686018427387905,\"o\":", "its `ts` must be a time in microseconds"},
      {"\"revision\":0", "\"revision\":-1", "its `revision` must be a number"},
      {"\"key\":{", "\"key\":[],\"other\":{", "its `key` must be an object"},
      {"\"tags\":[\"far\"]", "\"tags\":[1]", "its `tags` must be an array of texts"},
      {"\"message\":\"a7\"", "\"message\":7", "its `message` must be a text"},
      {"\"fields\":{", "\"fields\":1,\"other\":{", "its `fields` must be an object"},
      {"\"held_back\":0}", "\"held_back\":0", "it is not JSON"},
      {"\"a7\"", "\"\xff\"", "it is not JSON"}};
  for (const Row& row : kRows) {
    CAPTURE(row.to);
    std::string text = good;
    text.replace(text.find(row.from), std::string(row.from).size(), row.to);
    const Result<StoredAlert> bad = read(text);
    REQUIRE_FALSE(bad);
    CHECK_MESSAGE(bad.error().message.find(row.reason) != std::string::npos, bad.error().message);
  }
  CHECK_FALSE(read("[]"));
}
}  // namespace
}  // namespace tocsin::tests
