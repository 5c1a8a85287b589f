// Alerts that topics bring, among those of the engine in one store.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/effects/effect_codec.h"
#include "runtime/effects/effect_queue.h"
#include "runtime/effects/effect_store.h"
#include "runtime/outputs/sink_feed.h"
#include "tests/runtime/effect_process.h"
#include "tests/support/random.h"

namespace tocsin::tests {
namespace {
constexpr const char* kSource = "kafka:alerts/0";

// The alert of a topic's message `offset`; its id is that of effect_alert(900'000 + id, 1).
StoredAlert topic_alert(std::uint64_t offset, std::int64_t id) {
  StoredAlert alert = effect_alert(900'000 + id, 1);
  alert.order = {};
  alert.order.time = alert.ts;
  alert.source = kSource;
  alert.offset = offset;
  return alert;
}
SliceEffects from_topic(std::vector<StoredAlert> alerts, std::uint64_t next_offset) {
  SliceEffects slice;
  slice.inbox.alerts = std::move(alerts);
  slice.inbox.places = {{kSource, next_offset, "the last"}};
  return slice;
}
SliceEffects dead_of_topic(std::uint64_t offset) {
  SliceEffects slice;
  SideOutputRow row;
  row.kind = SideOutputKind::kDead;
  row.source = kSource;
  row.line = offset + 1;
  row.taken_at = {1};
  row.reason = "it is no alert";
  row.text = "no alert";
  slice.inbox.dead = {row};
  slice.inbox.places = {{kSource, offset + 1, "the last"}};
  return slice;
}
std::uint32_t format_of(ModelDisk& disk) {
  auto store = *disk.open(effect_families());
  return decode_format(**store->get(kMetaFamily, kFormatKey))->format;
}

TEST_CASE("effect inbox: alerts of topics are numbered and owed once by id, with their place") {
  ModelDisk disk;
  {
    Process process(disk);
    REQUIRE(process->begin_timeline(kFirst, {}, {}));
    REQUIRE(process->set_endpoints({kHook}));
    REQUIRE(commit(process, with_alerts(1, {effect_alert(10, 1)})));
  }
  CHECK(format_of(disk) == kEffectFormat);
  {
    Process process(disk);
    REQUIRE(process->resume(process->mark()));
    const Result<CommitReport> report =
        commit(process, from_topic({topic_alert(0, 1), topic_alert(1, 2), topic_alert(2, 1)}, 3));
    REQUIRE(report);
    CHECK(report->inbox_alerts == 2);
    CHECK(report->inbox_repeated == 1);
    CHECK(report->alerts == 2);
    REQUIRE(commit(process, with_alerts(2, {effect_alert(11, 1)})));
    // It comes again later, too.
    CHECK(commit(process, from_topic({topic_alert(3, 2)}, 4))->inbox_repeated == 1);
  }
  CHECK(format_of(disk) == kInboxFormat);
  disk.restart();
  Process process(disk);
  const std::vector<StoredAlert> alerts = alerts_of(process->reader());
  REQUIRE(alerts.size() == 4);
  CHECK(owed_to(process->reader(), kHook) == Numbers{1, 2, 3, 4});
  CHECK(alerts[1].id == topic_alert(0, 1).id);
  CHECK(alerts[1].source == kSource);
  CHECK(alerts[1].offset == 0);
  CHECK(alerts[1].timeline == 0);
  CHECK(alerts[2].offset == 1);
  CHECK_FALSE(is_from_topic(alerts[3]));
  const auto places = process->reader().inbox_places();
  REQUIRE(places->size() == 1);
  CHECK(places->front().source == kSource);
  CHECK(places->front().next_offset == 4);
  CHECK(places->front().identity == "the last");
  // What a topic brought is not for another topic.
  const auto reader = disk.open_reader(effect_families());
  CHECK(read_sink_batch(*reader, SinkStream::kAlerts, 0, true, {})->messages.size() == 2);
  const auto shown = [](const StoredAlert& alert) { return "shown " + alert.id; };
  const auto batch = read_sink_batch(*reader, SinkStream::kAlerts, 0, true, {}, shown);
  for (const TopicMessage& message : batch->messages)
    CHECK(message.value == "shown " + message.key);
}

TEST_CASE("effect inbox: what the engine raises and a topic brought before is a repeat") {
  ModelDisk disk;
  Process process(disk);
  REQUIRE(process->begin_timeline(kFirst, {}, {}));
  REQUIRE(process->set_endpoints({kHook}));
  StoredAlert same = topic_alert(0, 1);
  same.id = effect_alert(10, 1).id;
  SliceEffects both = with_alerts(1, {effect_alert(9, 1)});
  both.inbox = from_topic({same}, 1).inbox;
  REQUIRE(commit(process, both));
  REQUIRE(commit(process, with_alerts(2, {effect_alert(10, 1)})));
  CHECK(alerts_of(process->reader())[2].repeat_of == 2);
  CHECK(owed_to(process->reader(), kHook) == Numbers{1, 2});
  // The other way round.
  same.id = effect_alert(9, 1).id;
  CHECK(commit(process, from_topic({same}, 2))->inbox_repeated == 1);
}

TEST_CASE("effect inbox: a replay passes over alerts of topics, and still sees a difference") {
  ModelDisk disk;
  EmittedMark checkpoint;
  {
    Process process(disk);
    REQUIRE(process->begin_timeline(kFirst, {}, {}));
    REQUIRE(commit(process, from_topic({topic_alert(0, 1)}, 1)));
    REQUIRE(commit(process, with_alerts(1, {effect_alert(10, 1)})));
    checkpoint = process->mark();
    // As a checkpoint has it that was cut while alerts of topics waited.
    checkpoint.number = 1;
    REQUIRE(commit(process, from_topic({topic_alert(1, 2), topic_alert(2, 3)}, 3)));
    REQUIRE(commit(process, with_alerts(2, {effect_alert(11, 1), effect_alert(12, 1)})));
    REQUIRE(commit(process, from_topic({topic_alert(3, 4)}, 4)));
  }
  SUBCASE("the same alerts") {
    disk.restart();
    Process process(disk);
    REQUIRE(process->resume(checkpoint));
    CHECK(commit(process, with_alerts(2, {effect_alert(11, 1)}))->compared == 1);
    CHECK(commit(process, with_alerts(2, {effect_alert(12, 1)}))->compared == 1);
    CHECK(commit(process, with_alerts(3, {effect_alert(13, 1)}))->alerts == 1);
    CHECK(process->mark().number == 8);
    CHECK(alerts_of(process->reader()).back().id == effect_alert(13, 1).id);
  }
  SUBCASE("one that is missing") {
    disk.restart();
    Process process(disk);
    REQUIRE(process->resume(checkpoint));
    const auto other = commit(process, with_alerts(2, {effect_alert(12, 1)}));
    REQUIRE_FALSE(other);
    CHECK(other.error().message.starts_with("replay gives another alert than the stored one"));
  }
  SUBCASE("one that was not there") {
    disk.restart();
    Process process(disk);
    REQUIRE(process->resume(checkpoint));
    REQUIRE(commit(process, with_alerts(2, {effect_alert(11, 1), effect_alert(12, 1)})));
    const auto other = commit(process, with_alerts(2, {effect_alert(12, 2)}));
    REQUIRE(other);  // behind the last
    CHECK(other->alerts == 1);
    const auto before = commit(process, with_alerts(2, {effect_alert(11, 2)}));
    REQUIRE_FALSE(before);
  }
  SUBCASE("one before the last that is stored") {
    disk.restart();
    Process process(disk);
    REQUIRE(process->resume(checkpoint));
    REQUIRE(commit(process, with_alerts(2, {effect_alert(11, 1)})));
    const auto other = commit(process, with_alerts(2, {effect_alert(11, 2)}));
    REQUIRE_FALSE(other);
    CHECK(other.error().message.starts_with("replay gives another alert than the stored one"));
  }
}

TEST_CASE("effect inbox: dead letters of topics do not hide the engine's from retention") {
  ModelDisk disk;
  Process process(disk);
  REQUIRE(process->begin_timeline(kFirst, {}, {}));
  SliceEffects own;
  own.cause = 5;
  own.side_output = {effect_side_output(SideOutputKind::kDead, 5, 0)};
  REQUIRE(commit(process, own));
  REQUIRE(commit(process, dead_of_topic(0)));
  REQUIRE(commit(process, dead_of_topic(1)));
  std::vector<SideOutputRow> rows = side_output_of(process->reader(), SideOutputKind::kDead);
  REQUIRE(rows.size() == 3);
  CHECK_FALSE(is_from_inbox(rows[0]));
  CHECK(is_from_inbox(rows[1]));
  CHECK(rows[1].line == 1);
  CHECK(rows[2].line == 2);
  CHECK(rows[1].source == kSource);
  // All are too old; what the same record brings later is still stored.
  RetentionPolicy policy;
  policy.side_output.bytes_max = 0;
  while (!*process->retain(policy, 2)) {
  }
  CHECK(side_output_of(process->reader(), SideOutputKind::kDead).empty());
  CHECK(process->reader().totals()->dead == 0);
  own.side_output = {effect_side_output(SideOutputKind::kDead, 5, 1)};
  REQUIRE(commit(process, own));
  REQUIRE(commit(process, dead_of_topic(2)));
  rows = side_output_of(process->reader(), SideOutputKind::kDead);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].arrival.index == 1);
  CHECK(rows[1].line == 3);
  // Numbers of messages are not given twice, after a restart either.
  CHECK(rows[1].arrival.index == kInboxIndex + 2);
}

// Lives of a store: an engine that gives alerts of records, a topic that is read, and retention;
// each life ends at some write, and the next replays from an earlier mark.
class Lives {
 public:
  explicit Lives(Random& random) : random_(random), removes_(random.chance(40)) {}

  void live(int records) {
    disk_.fault = {};
    disk_.restart();
    Process process(disk_);
    // Retention looks again.
    process.clock.time = process.clock.time + cep::Duration{20'000'000 * ++lives_};
    if (!process->has_timeline(kFirst)) {
      REQUIRE(process->begin_timeline(kFirst, {}, {}));
    } else {
      const Result<void> resumed = process->resume(checkpoint_);
      REQUIRE_MESSAGE(resumed, resumed.error().message);
    }
    const auto places = process->reader().inbox_places();
    REQUIRE(places);
    std::uint64_t offset = places->empty() ? 0 : places->front().next_offset;
    EffectQueueOptions options;
    if (removes_) options.retention.alerts.bytes_max = 1'500;
    options.retention_rows = 3;
    EffectQueue queue(*process, checkpoint_.value_or(EmittedMark{kFirst, {}, 0}), options);
    queue.durable(1'000'000);
    const std::uint64_t last =
        disk_.writes() + random_.below(2 * static_cast<std::size_t>(records));
    const StoreFault fault = random_.pick({StoreFault::kFail, StoreFault::kFailAfter,
                                           StoreFault::kCrashBefore, StoreFault::kCrashAfter});
    disk_.fault = [=](std::uint64_t write) { return write >= last ? fault : StoreFault::kNone; };
    const std::int64_t replayed = journaled_;
    for (std::int64_t record = checkpoint_record_ + 1; record <= replayed + records; ++record) {
      SliceEffects slice = with_alerts(static_cast<std::uint64_t>(record), {});
      for (std::uint32_t n = 1; n <= static_cast<std::uint32_t>(record % 3); ++n)
        slice.alerts.push_back(effect_alert(record * 10, n));
      journaled_ = std::max(journaled_, record);
      if (!queue.push(std::move(slice))) return;
      if (record >= replayed && random_.chance(70)) {
        std::vector<StoredAlert> alerts;
        for (std::size_t n = random_.below(4); n > 0; --n, ++offset)
          alerts.push_back(message(offset));
        if (!queue.push(from_topic(std::move(alerts), offset))) return;
      }
      if (random_.chance(50) && !step(queue)) return;
      if (!random_.chance(30)) continue;
      // A checkpoint counts once what was pushed before is stored.
      const EmittedMark mark = queue.pushed_mark();
      while (queue.status().committed < queue.status().pushed) {
        if (!step(queue)) return;
      }
      checkpoint_ = mark;
      checkpoint_record_ = record;
    }
  }
  void check() {
    disk_.fault = {};
    disk_.restart();
    Process process(disk_);
    std::map<std::string, int> ids;
    std::optional<cep::OrderKey> order;
    std::uint64_t number = 0;
    for (const StoredAlert& alert : alerts_of(process->reader())) {
      ++ids[alert.id];
      CHECK(alert.number > number);
      number = alert.number;
      if (is_from_topic(alert)) continue;
      if (order) CHECK(*order < alert.order);
      order = alert.order;
    }
    for (const auto& [id, times] : ids) CHECK(times == 1);
    if (removes_) return;
    CHECK(number == ids.size());
    const auto places = process->reader().inbox_places();
    const std::uint64_t next = places->empty() ? 0 : places->front().next_offset;
    for (std::uint64_t offset = 0; offset < next; ++offset) CHECK(ids.contains(message(offset).id));
    for (std::int64_t record = 1; record <= checkpoint_record_; ++record) {
      for (std::uint32_t n = 1; n <= static_cast<std::uint32_t>(record % 3); ++n)
        CHECK(ids.contains(effect_alert(record * 10, n).id));
    }
  }

 private:
  // Each third message repeats an earlier one.
  static StoredAlert message(std::uint64_t offset) {
    return topic_alert(offset, static_cast<std::int64_t>(offset % 3 == 2 ? offset / 2 : offset));
  }
  static bool step(EffectQueue& queue) {
    const Result<bool> stepped = queue.step();
    if (!stepped) {
      // Only the disk fails.
      INFO(stepped.error().message);
      CHECK(stepped.error().code == Errc::kIo);
    }
    return stepped.has_value();
  }
  Random& random_;
  const bool removes_;
  ModelDisk disk_;
  std::optional<EmittedMark> checkpoint_;
  std::int64_t checkpoint_record_ = 0;
  std::int64_t journaled_ = 0;  // records, of all lives
  std::int64_t lives_ = 0;
};

TEST_CASE("effect inbox: whatever write fails, each alert is there once, and none is lost") {
  for_all_seeds("runtime", 400, [](Random& random) {
    Lives lives(random);
    for (int life = 0; life < 6; ++life) {
      lives.live(10);
      lives.check();
    }
  });
}
}  // namespace
}  // namespace tocsin::tests
