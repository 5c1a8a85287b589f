// Alerts, late events and dead letters are in their topics once, whatever ends the process, the
// broker or the connection.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_store.h"
#include "runtime/outputs/topic_sink.h"
#include "tests/runtime/effect_process.h"
#include "tests/support/model_sink_topic.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
constexpr SinkStream kAlerts = SinkStream::kAlerts;

// A data directory, the topics of its streams, and a process that writes to them.
class SinkWorld {
 public:
  ModelDisk disk;
  std::map<SinkStream, ModelSinkTopic> topics;
  std::map<SinkStream, TopicSinkOptions> options;

  explicit SinkWorld(std::vector<SinkStream> streams, std::uint64_t seed = 1) : disk(seed) {
    for (const SinkStream stream : streams) {
      topics.emplace(stream, 3);
      options[stream] = {.stream = stream,
                         .topic = std::string(name_of(stream)),
                         .writer = fmt::format("w.{}", name_of(stream))};
    }
    start();
  }
  /// The process ends as it may; another one comes.
  void start_again(bool cuts_power = false) {
    sinks_.clear();
    effects_.reset();
    store_.reset();
    if (cuts_power) {
      disk.cut_power();
    } else {
      disk.restart();
    }
    for (auto& [stream, topic] : topics) topic.crashed = false;
    start();
  }
  TopicSink& sink(SinkStream stream = kAlerts) { return *sinks_.at(stream); }
  EffectStore& effects() { return *effects_; }
  ModelSinkTopic& topic(SinkStream stream = kAlerts) { return topics.at(stream); }

  /// Stores the next alerts; gives their ids.
  std::vector<std::string> raise(std::size_t count, bool is_live = true) {
    SliceEffects slice;
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < count; ++i) {
      StoredAlert alert = effect_alert(++time_, 1, is_live);
      alert.order.key = fmt::format("k{}", time_ % 7);
      ids.push_back(alert.id);
      slice.alerts.push_back(std::move(alert));
    }
    commit(std::move(slice));
    return ids;
  }
  /// Stores a late event or dead letter; with keeps_aside not in the order of arrival, as a held
  /// event may be dead after what came later.
  void put_aside(SideOutputKind kind, Random& random) {
    SliceEffects slice;
    std::uint64_t record = 0;
    do {
      record = keeps_aside ? static_cast<std::uint64_t>(random.between(1, 1'000'000))
                           : records_.size() + 1;
    } while (!records_.insert(record).second);
    SideOutputRow row = effect_side_output(kind, record, 1);
    row.line = record;
    row.text = fmt::format("line {}", record);
    slice.side_output.push_back(std::move(row));
    ++aside[kind];
    commit(std::move(slice));
  }
  /// Until nothing is owed; everything must go well.
  void write_all() {
    for (auto& [stream, sink] : sinks_) {
      for (Result<bool> done = true; *done;) {
        done = sink->step();
        REQUIRE_MESSAGE(done, done.error().message);
      }
    }
  }
  /// A start without a sink for the stream: gives what was owed.
  std::optional<std::uint64_t> end(SinkStream stream) {
    topics.erase(stream);
    options.erase(stream);
    start_again();
    const auto owed = end_sink(*store_, stream);
    REQUIRE(owed);
    return *owed;
  }
  void retain() {
    RetentionPolicy policy;
    policy.alerts.bytes_max = 1;
    if (!keeps_aside) policy.side_output.bytes_max = 1;
    for (const auto& [stream, sink] : sinks_)
      policy.alerts_needed_from = std::min(policy.alerts_needed_from, sink->needed_from());
    effects_->end_pause();
    REQUIRE(effects_->retain(policy, 1000));
  }
  std::map<SideOutputKind, int> aside;
  bool keeps_aside = true;  // retention leaves them

 private:
  void start() {
    store_ = *disk.open(effect_families());
    for (const auto& [stream, one] : options) REQUIRE(begin_sink(*store_, one));
    auto effects = EffectStore::open(*store_, clock_, {});
    REQUIRE_MESSAGE(effects, effects.error().message);
    effects_ = *std::move(effects);
    if (!effects_->has_timeline(kFirst)) {
      REQUIRE(effects_->begin_timeline(kFirst, {}, {}));
    } else {
      REQUIRE(effects_->resume(effects_->mark()));
    }
    for (const auto& [stream, one] : options) {
      ModelSinkTopic& topic = topics.at(stream);
      auto sink =
          TopicSink::open(*store_, one, [&topic, writer = one.writer](const TailRequest& tail) {
            return topic.open(writer, tail);
          });
      REQUIRE_MESSAGE(sink, sink.error().message);
      sinks_[stream] = *std::move(sink);
    }
  }
  void commit(SliceEffects slice) {
    slice.cause = ++cause_;
    const auto done = effects_->commit({&slice, 1});
    REQUIRE_MESSAGE(done, done.error().message);
  }

  SimulatedClock clock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<EffectStore> effects_;
  std::map<SinkStream, std::unique_ptr<TopicSink>> sinks_;
  std::int64_t time_ = 0;
  std::uint64_t cause_ = 0;
  std::set<std::uint64_t> records_;
};

void check_each_once(const ModelSinkTopic& topic, std::vector<std::string> ids) {
  std::map<std::string, int> expected;
  for (const std::string& id : ids) ++expected[id];
  CHECK(topic.keys() == expected);
}

TEST_CASE("topic sink: an alert is a message with its id as key, its line as value") {
  SinkWorld world({kAlerts});
  const auto ids = world.raise(3);
  world.raise(2, /*is_live=*/false);
  world.write_all();
  check_each_once(world.topic(), ids);
  std::size_t count = 0;
  for (std::uint32_t number = 0; number < world.topic().partitions(); ++number) {
    for (const auto& [offset, one] : world.topic().partition(number)) {
      const TopicMessage& message = one.message;
      const auto stored = world.effects().reader().numbers_of(message.key);
      REQUIRE(stored);
      const auto alert = world.effects().reader().alert(stored->front());
      CHECK(message.value == (*alert)->line);
      CHECK(message.headers[0] ==
            std::pair<std::string, std::string>("tocsin-rule", (*alert)->rule));
      CHECK(message.headers[2] == std::pair<std::string, std::string>("tocsin-stage", "live"));
      ++count;
    }
  }
  CHECK(count == 3);
  const SinkFigures figures = world.sink().figures();
  CHECK(figures.written == 3);
  CHECK(figures.debt.owed == 0);
  CHECK(!figures.debt.oldest_at);
  CHECK(world.sink().needed_from() == 6);
}

TEST_CASE("topic sink: alerts of shadow rules are written where that is wanted") {
  SinkWorld world({kAlerts});
  world.options[kAlerts].with_shadow = true;
  world.start_again();
  const auto ids = world.raise(2, /*is_live=*/false);
  world.write_all();
  check_each_once(world.topic(), ids);
}

TEST_CASE("topic sink: what was stored before a stream is owed is not written") {
  SinkWorld world({});
  world.raise(3);
  world.topics.emplace(kAlerts, 1);
  world.options[kAlerts] = {.stream = kAlerts, .topic = "t", .writer = "w"};
  world.start_again();
  const auto ids = world.raise(2);
  world.write_all();
  check_each_once(world.topic(), ids);
}

TEST_CASE("topic sink: after every outcome of a batch each message is there once") {
  for (const SinkFault fault : {SinkFault::kNotWritten, SinkFault::kWritten,
                                SinkFault::kCrashBefore, SinkFault::kCrashAfter}) {
    CAPTURE(static_cast<int>(fault));
    SinkWorld world({kAlerts});
    auto ids = world.raise(10);
    world.write_all();
    std::ranges::copy(world.raise(10), std::back_inserter(ids));
    world.topic().fault = [&] { return fault; };
    CHECK(!world.sink().step());
    world.topic().fault = {};
    const bool is_crash = fault == SinkFault::kCrashBefore || fault == SinkFault::kCrashAfter;
    if (is_crash) world.start_again(/*cuts_power=*/true);
    std::ranges::copy(world.raise(10), std::back_inserter(ids));
    world.write_all();
    check_each_once(world.topic(), ids);
    const bool is_there = fault == SinkFault::kWritten || fault == SinkFault::kCrashAfter;
    CHECK(world.sink().figures().found == (is_there ? 10 : 0));
  }
}

TEST_CASE("topic sink: a crash while what was found is passed over loses nothing of it") {
  SinkWorld world({kAlerts});
  world.options[kAlerts].limits.messages_max = 10;
  world.start_again();
  const auto ids = world.raise(10);
  world.topic().fault = [&] { return SinkFault::kCrashAfter; };
  CHECK(!world.sink().step());
  world.topic().fault = {};
  // One at a time, with a crash after each.
  world.options[kAlerts].limits.messages_max = 1;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    world.start_again();
    CHECK(world.sink().step());
  }
  world.start_again();
  world.write_all();
  check_each_once(world.topic(), ids);
}

TEST_CASE("topic sink: of two processes with one writer id the newer one writes") {
  SinkWorld world({kAlerts});
  world.raise(1);
  world.write_all();
  REQUIRE(world.topic().open("w.alerts", {}));
  world.raise(1);
  const auto done = world.sink().step();
  REQUIRE(!done);
  CHECK(done.error().code == Errc::kConflict);
  CHECK(world.sink().figures().state == SinkState::kFenced);
}

TEST_CASE("topic sink: without a broker alerts wait, and retention leaves them") {
  SinkWorld world({kAlerts});
  auto ids = world.raise(5);
  world.write_all();
  world.topic().is_up = false;
  std::ranges::copy(world.raise(20), std::back_inserter(ids));
  CHECK(!world.sink().step());
  CHECK(!world.sink().step());
  world.retain();
  SinkFigures figures = world.sink().figures();
  CHECK(figures.errors == 2);
  CHECK(figures.debt.owed == 20);
  CHECK(figures.debt.oldest_at);
  CHECK(figures.last_error == "no broker answers");
  world.start_again();
  CHECK(!world.sink().step());
  world.topic().is_up = true;
  world.write_all();
  check_each_once(world.topic(), ids);
}

TEST_CASE("topic sink: a batch that the broker takes for too large is written in parts") {
  SinkWorld world({kAlerts});
  world.topic().batch_max = 3;
  const auto ids = world.raise(40);
  world.write_all();
  check_each_once(world.topic(), ids);
  world.topic().batch_max = 0;
  world.raise(1);
  const auto done = world.sink().step();
  REQUIRE(!done);
  CHECK(done.error().code == Errc::kLimit);
}

TEST_CASE("topic sink: a topic whose end is gone is said, and nothing is written again") {
  SinkWorld world({kAlerts});
  world.raise(12);
  world.write_all();
  world.topic().create_again();
  world.start_again();
  const auto ids = world.raise(2);
  world.write_all();
  check_each_once(world.topic(), ids);
  CHECK(!world.sink().take_notes().empty());
}

TEST_CASE("topic sink: another topic gets what is owed from then on") {
  SinkWorld world({kAlerts});
  world.raise(3);
  world.write_all();
  ModelSinkTopic other(2);
  std::swap(world.topics.at(kAlerts), other);
  world.options[kAlerts].topic = "other";
  world.start_again();
  const auto ids = world.raise(3);
  world.write_all();
  check_each_once(world.topic(), ids);
}

TEST_CASE("topic sink: a stream that is no longer owed is forgotten, with what was owed") {
  SinkWorld world({SinkStream::kLate});
  Random random(1);
  world.put_aside(SideOutputKind::kLate, random);
  world.put_aside(SideOutputKind::kDead, random);
  CHECK(world.sink(SinkStream::kLate).figures().debt.owed == 1);
  CHECK(*world.end(SinkStream::kLate) == 1);
  CHECK(!world.end(SinkStream::kDead));
  world.topics.emplace(SinkStream::kLate, 1);
  world.options[SinkStream::kLate] = {.stream = SinkStream::kLate, .topic = "t", .writer = "w"};
  world.start_again();
  world.put_aside(SideOutputKind::kLate, random);
  world.write_all();
  CHECK(world.topic(SinkStream::kLate).keys().size() == 1);
}

TEST_CASE("sink mark: equal marks have equal bytes, and cut ones are refused") {
  ModelDisk disk;
  const auto store = *disk.open(effect_families());
  const SinkMark mark{"alerts", "tocsin.alerts.alerts", 812, {{0, 5}, {3, 9}}, {{"abc", 2}}};
  const std::string bytes = encode_sink_mark(mark);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    StoreBatch batch;
    batch.put(kMetaFamily, sink_key(kAlerts), bytes.substr(0, size));
    REQUIRE(store->write(batch, true));
    const auto read = read_sink_mark(*store, kAlerts);
    CHECK(read.has_value() == (size == bytes.size()));
  }
  CHECK(**read_sink_mark(*store, kAlerts) == mark);
  StoreBatch batch;
  batch.put(kMetaFamily, sink_key(kAlerts), "\x02" + bytes.substr(1));
  REQUIRE(store->write(batch, true));
  CHECK(read_sink_mark(*store, kAlerts).error().code == Errc::kOtherVersion);
}

// What one life may do, at random.
void live_on(SinkWorld& world, Random& random, std::vector<std::string>& ids) {
  const SinkStream stream = random.pick({kAlerts, SinkStream::kLate, SinkStream::kDead});
  switch (random.weighted({30, 10, 10, 40, 6, 4, 5, 5})) {
    case 0: {
      const bool is_live = random.chance(80);
      const auto raised = world.raise(static_cast<std::size_t>(random.between(1, 6)), is_live);
      if (is_live) std::ranges::copy(raised, std::back_inserter(ids));
      break;
    }
    case 1:
      return world.put_aside(SideOutputKind::kLate, random);
    case 2:
      return world.put_aside(SideOutputKind::kDead, random);
    case 3:
      if (!world.sink(stream).step() && world.topic(stream).crashed)
        world.start_again(random.chance(50));
      break;
    case 4:
      return world.start_again(false);
    case 5:
      return world.start_again(true);
    case 6:
      world.topic(stream).is_up = !world.topic(stream).is_up;
      break;
    default:
      world.retain();
  }
}

TEST_CASE("topic sink: random histories have each message once, and alerts of a key in order") {
  for_all_seeds("topic sink", 300, [](Random& random) {
    SinkWorld world({kAlerts, SinkStream::kLate, SinkStream::kDead}, random.next());
    for (auto& [stream, topic] : world.topics) {
      topic.fault = [&] {
        return random.pick({SinkFault::kNone, SinkFault::kNone, SinkFault::kNone,
                            SinkFault::kNotWritten, SinkFault::kWritten, SinkFault::kCrashBefore,
                            SinkFault::kCrashAfter});
      };
      world.options[stream].limits.messages_max = static_cast<std::size_t>(random.between(1, 5));
    }
    world.keeps_aside = random.chance(50);
    std::vector<std::string> ids;
    for (int i = 0; i < 150; ++i) live_on(world, random, ids);
    for (auto& [stream, topic] : world.topics) {
      topic.fault = {};
      topic.is_up = true;
    }
    world.start_again();
    world.write_all();
    check_each_once(world.topic(), ids);
    for (const SideOutputKind kind : {SideOutputKind::kLate, SideOutputKind::kDead}) {
      const auto keys = world.topic(stream_of(kind)).keys();
      CHECK(static_cast<int>(keys.size()) == world.aside[kind]);
      CHECK(std::ranges::all_of(keys, [](const auto& key) { return key.second == 1; }));
    }
    std::map<std::string, std::size_t> place;
    for (std::size_t i = 0; i < ids.size(); ++i) place[ids[i]] = i;
    for (std::uint32_t number = 0; number < world.topic().partitions(); ++number) {
      std::map<std::uint32_t, std::size_t> last;  // by key
      for (const auto& [offset, one] : world.topic().partition(number)) {
        std::size_t& before = last[one.message.spread];
        CHECK(before <= place[one.message.key]);
        before = place[one.message.key];
      }
    }
  });
}
}  // namespace
}  // namespace tocsin::tests
