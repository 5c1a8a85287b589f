#include "runtime/effects/effect_store.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "runtime/effects/effect_codec.h"
#include "tests/support/model_store.h"
#include "tests/support/random_effects.h"
#include "tests/support/simulated_files.h"

namespace tocsin::tests {
namespace {
using namespace runtime;
using Timeline16 = std::array<std::uint8_t, 16>;

constexpr Timeline16 kFirst{1};
constexpr Timeline16 kSecond{2};
const EndpointId kHook = EndpointId::of("https://example.com/hook");
const EndpointId kOther = EndpointId::of("https://example.com/other");

/// A process that has a store of effects on a model disk.
class Process {
 public:
  explicit Process(ModelDisk& disk) : store_(*disk.open(effect_families())) {
    auto effects = EffectStore::open(*store_, clock, {});
    if (!effects) FAIL(effects.error().message);
    effects_ = std::move(*effects);
  }
  EffectStore* operator->() const { return effects_.get(); }
  EffectStore& operator*() const { return *effects_; }

  SimulatedClock clock;

 private:
  std::unique_ptr<Store> store_;
  std::unique_ptr<EffectStore> effects_;
};

SliceEffects with_alerts(std::uint64_t cause, std::vector<StoredAlert> alerts) {
  SliceEffects slice;
  slice.cause = cause;
  slice.alerts = std::move(alerts);
  return slice;
}
Result<CommitReport> commit(const Process& process, SliceEffects slice) {
  return process->commit({&slice, 1});
}
std::vector<StoredAlert> alerts_of(const EffectReader& reader, std::uint64_t from = 1) {
  std::vector<StoredAlert> alerts;
  REQUIRE(reader.alerts(from, [&](const StoredAlert& alert) {
    alerts.push_back(alert);
    return true;
  }));
  return alerts;
}
std::vector<std::uint64_t> numbers_of(const EffectReader& reader) {
  std::vector<std::uint64_t> numbers;
  for (const StoredAlert& alert : alerts_of(reader)) numbers.push_back(alert.number);
  return numbers;
}
std::vector<SideOutputRow> side_output_of(const EffectReader& reader, SideOutputKind kind) {
  std::vector<SideOutputRow> rows;
  REQUIRE(reader.side_output(kind, [&](const SideOutputRow& row) {
    rows.push_back(row);
    return true;
  }));
  return rows;
}
std::vector<std::uint64_t> owed_to(const EffectReader& reader, EndpointId endpoint) {
  std::vector<std::uint64_t> numbers;
  REQUIRE(reader.outbox(endpoint, 0, [&](const OutboxRow& row) {
    numbers.push_back(row.number);
    return true;
  }));
  return numbers;
}
using Numbers = std::vector<std::uint64_t>;

TEST_CASE("effect store: alerts get numbers in order, and come back as they were") {
  ModelDisk disk;
  {
    Process process(disk);
    REQUIRE(process->begin_timeline(kFirst, {}, {}));
    REQUIRE(process->set_endpoints({kHook, kOther}));
    REQUIRE(commit(process, with_alerts(1, {effect_alert(10, 1), effect_alert(10, 2, false)})));
    const Result<CommitReport> report = commit(process, with_alerts(2, {effect_alert(11, 3)}));
    REQUIRE(report);
    CHECK(report->alerts == 1);
    CHECK(report->owed == 2);
  }
  Process process(disk);
  const EffectReader reader = process->reader();
  const std::vector<StoredAlert> alerts = alerts_of(reader);
  REQUIRE(alerts.size() == 3);
  for (std::size_t i = 0; i < alerts.size(); ++i) {
    const StoredAlert given =
        effect_alert(i == 2 ? 11 : 10, static_cast<std::uint32_t>(i + 1), i != 1);
    CHECK(alerts[i].number == i + 1);
    CHECK(alerts[i].timeline == 1);
    CHECK(alerts[i].stored_at == process.clock.time);
    CHECK(alerts[i].order == given.order);
    CHECK(alerts[i].id == given.id);
    CHECK(alerts[i].rule == given.rule);
    CHECK(alerts[i].severity == given.severity);
    CHECK(alerts[i].is_live == given.is_live);
    CHECK(alerts[i].ts == given.ts);
    CHECK(alerts[i].line == given.line);
    CHECK(alerts[i].repeat_of == 0);
    CHECK(*reader.numbers_of(given.id) == Numbers{i + 1});
  }
  CHECK(reader.numbers_of("no id")->empty());
  CHECK(reader.numbers_of(std::string(32, '0'))->empty());
  CHECK(alerts_of(reader, 3).size() == 1);
  CHECK(reader.alert(2)->value().id == effect_alert(10, 2).id);
  CHECK_FALSE(reader.alert(4)->has_value());
  std::vector<std::uint64_t> down;
  REQUIRE(reader.alerts_before(2, [&](const StoredAlert& alert) {
    down.push_back(alert.number);
    return true;
  }));
  CHECK(down == Numbers{2, 1});
  // Not the shadow rule's.
  CHECK(owed_to(reader, kHook) == Numbers{1, 3});
  CHECK(process->owed(kOther) == 2);
  CHECK(process->mark() == EmittedMark{kFirst, effect_alert(11, 3).order, 3});
  CHECK(reader.totals()->alerts == 3);
  CHECK(reader.timelines()->size() == 1);
}

TEST_CASE("effect store: who is owed alerts stays, over restarts, until others are set") {
  ModelDisk disk;
  {
    Process process(disk);
    REQUIRE(process->begin_timeline(kFirst, {}, {}));
    REQUIRE(process->set_endpoints({kHook, kOther}));
  }
  disk.restart();
  {
    // One that only replays.
    Process process(disk);
    REQUIRE(process->resume({}));
    REQUIRE(commit(process, with_alerts(1, {effect_alert(1, 1)})));
    CHECK(process->owed(kHook) == 1);
    CHECK(process->owed(kOther) == 1);
    REQUIRE(process->set_endpoints({}));
  }
  disk.restart();
  Process process(disk);
  REQUIRE(process->resume(process->mark()));
  REQUIRE(commit(process, with_alerts(2, {effect_alert(2, 1)})));
  CHECK(process->owed(kHook) == 1);
}

TEST_CASE("effect store: what is owed stays until it has arrived, over restarts") {
  ModelDisk disk;
  {
    Process process(disk);
    REQUIRE(process->begin_timeline(kFirst, {}, {}));
    REQUIRE(process->set_endpoints({kHook}));
    REQUIRE(process->name_endpoint(kHook, "https://example.com/hook"));
    REQUIRE(commit(process,
                   with_alerts(1, {effect_alert(1, 1), effect_alert(2, 1), effect_alert(3, 1)})));
    REQUIRE(process->settle_delivery(kHook, 2));
    REQUIRE(process->settle_delivery(kHook, 2));
    REQUIRE(process->note_delivery(kHook, {3, 2, {99}, 503, "answered 503", true}));
    CHECK(process->owed(kHook) == 2);
  }
  disk.restart();
  Process process(disk);
  CHECK(process->owed(kHook) == 2);
  std::vector<OutboxRow> rows;
  REQUIRE(process->reader().outbox(kHook, 0, [&](const OutboxRow& row) {
    rows.push_back(row);
    return true;
  }));
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].number == 1);
  CHECK(rows[0].attempts == 0);
  CHECK(rows[1].number == 3);
  CHECK(rows[1].attempts == 2);
  CHECK(rows[1].due.us == 99);
  CHECK(rows[1].last_status == 503);
  CHECK(rows[1].last_error == "answered 503");
  CHECK(rows[1].is_dead);
  const auto endpoints = process->reader().endpoints();
  REQUIRE(endpoints->size() == 1);
  CHECK(endpoints->front().id == kHook);
  CHECK(endpoints->front().shown == "https://example.com/hook");
  CHECK(endpoints->front().owed == 2);
}

TEST_CASE("effect store: alerts that come again are compared, and neither stored nor owed again") {
  ModelDisk disk;
  std::optional<EmittedMark> checkpoint;
  {
    Process process(disk);
    REQUIRE(process->begin_timeline(kFirst, {}, {}));
    REQUIRE(process->set_endpoints({kHook}));
    REQUIRE(commit(process, with_alerts(1, {effect_alert(10, 1)})));
    checkpoint = process->mark();
    REQUIRE(commit(process, with_alerts(2, {effect_alert(10, 2), effect_alert(11, 1)})));
    for (const std::uint64_t number : {1, 2, 3}) REQUIRE(process->settle_delivery(kHook, number));
  }
  const auto outcome = [&](const std::optional<EmittedMark>& start,
                           std::vector<StoredAlert> alerts) -> std::string {
    Process process(disk);
    REQUIRE(process->set_endpoints({kHook}));
    const Result<void> resumed = process->resume(start);
    if (!resumed) return resumed.error().message;
    const Result<CommitReport> report = commit(process, with_alerts(2, std::move(alerts)));
    if (!report) {
      CHECK(report.error().code == Errc::kCorrupt);
      return report.error().message;
    }
    CHECK(process->owed(kHook) == report->alerts);
    return fmt::format("{} the same, {} new", report->compared, report->alerts);
  };
  SUBCASE("the same ones from a checkpoint") {
    CHECK(outcome(checkpoint, {effect_alert(10, 2), effect_alert(11, 1), effect_alert(12, 1)}) ==
          "2 the same, 1 new");
  }
  SUBCASE("the same ones from the timeline's begin") {
    CHECK(outcome({}, {effect_alert(10, 1), effect_alert(10, 2)}) == "2 the same, 0 new");
  }
  SUBCASE("another one: both are named") {
    CHECK(outcome(checkpoint, {effect_alert(10, 4)}) ==
          fmt::format("replay gives another alert than the stored one: number 2 is {} of rule "
                      "rule_0 (1970-01-01T00:00:00.000010Z, at arrival 10:7), replay gives {} of "
                      "rule rule_0 (1970-01-01T00:00:00.000010Z, at arrival 10:7): this journal "
                      "and this program are not those that stored it",
                      effect_alert(10, 2).id, effect_alert(10, 4).id));
  }
  SUBCASE("too few before the mark") {
    CHECK(outcome(checkpoint, {effect_alert(12, 1)}).find("number 2 is") != std::string::npos);
  }
  SUBCASE("too many before the mark") {
    CHECK(outcome(EmittedMark{kFirst, effect_alert(10, 2).order, 3}, {effect_alert(11, 0)})
              .find("replay gives an alert that was not stored") != std::string::npos);
  }
  SUBCASE("a checkpoint that is ahead of the store") {
    CHECK(outcome(EmittedMark{kFirst, effect_alert(20, 1).order, 9}, {})
              .find("its last alert is number 3, the checkpoint's is 9") != std::string::npos);
    CHECK(outcome(EmittedMark{kFirst, effect_alert(20, 1).order, 3}, {}).find("not the one") !=
          std::string::npos);
  }
  SUBCASE("a checkpoint of another timeline") {
    CHECK(outcome(EmittedMark{kSecond, {}, 0}, {}).find("of timeline 02") != std::string::npos);
  }
}

TEST_CASE("effect store: alerts out of the total order are refused, whole") {
  ModelDisk disk;
  Process process(disk);
  REQUIRE(process->begin_timeline(kFirst, {}, {}));
  const Result<CommitReport> report = commit(
      process, with_alerts(1, {effect_alert(10, 1), effect_alert(11, 1), effect_alert(11, 1)}));
  REQUIRE_FALSE(report);
  CHECK(report.error().code == Errc::kInternal);
  CHECK(alerts_of(process->reader()).empty());
  CHECK(commit(process, with_alerts(1, {effect_alert(10, 1)})));
}

TEST_CASE("effect store: rows set aside are put once, and marked once they were put in again") {
  ModelDisk disk;
  SliceEffects first;
  first.cause = 1;
  first.side_output = {effect_side_output(SideOutputKind::kLate, 1, 300),
                       effect_side_output(SideOutputKind::kDead, 1, 301),
                       effect_side_output(SideOutputKind::kLate, 2, 0)};
  SliceEffects again;
  again.cause = 3;
  again.reinjected = {{SideOutputKind::kLate, 1, {1, 300, 0}, 3},
                      {SideOutputKind::kDead, 1, {77, 0, 0}, 3}};
  {
    Process process(disk);
    REQUIRE(process->begin_timeline(kFirst, {}, {}));
    CHECK(commit(process, first)->side_output == 3);
    CHECK(commit(process, first)->side_output == 0);
    REQUIRE(commit(process, again));
  }
  Process process(disk);
  REQUIRE(process->resume({}));
  std::vector<SliceEffects> both = {first, again};
  CHECK(process->commit(both)->side_output == 0);
  const std::vector<SideOutputRow> late = side_output_of(process->reader(), SideOutputKind::kLate);
  REQUIRE(late.size() == 2);
  CHECK(late[0].arrival == cep::ArrivalNumber{1, 300, 0});
  CHECK(late[0].timeline == 1);
  CHECK(late[0].text == "line 300 of record 1");
  CHECK(late[0].source == "payments.ndjson");
  CHECK(late[0].line == 310);
  CHECK(late[0].late_by.us == 1'500'000);
  CHECK(late[0].taken_at.us == 1'000'000);
  CHECK(late[0].reinjected_as == 3);
  CHECK(late[1].reinjected_as == 0);
  const std::vector<SideOutputRow> dead = side_output_of(process->reader(), SideOutputKind::kDead);
  REQUIRE(dead.size() == 1);
  CHECK(dead[0].reason == "not JSON");
  CHECK(process->reader().totals()->late == 2);
  // In one commit, as a replay may have it.
  ModelDisk other;
  Process replay(other);
  REQUIRE(replay->begin_timeline(kFirst, {}, {}));
  REQUIRE(replay->commit(both));
  CHECK(side_output_of(replay->reader(), SideOutputKind::kLate)[0].reinjected_as == 3);
}

TEST_CASE(
    "effect store: a new timeline goes on with the numbers; what the old one had is a repeat") {
  ModelDisk disk;
  Process process(disk);
  REQUIRE(process->set_endpoints({kHook}));
  REQUIRE(process->begin_timeline(kFirst, {}, {}));
  REQUIRE(commit(process, with_alerts(1, {effect_alert(10, 1)})));
  const EmittedMark fork = process->mark();
  REQUIRE(commit(process, with_alerts(2, {effect_alert(11, 1), effect_alert(12, 1)})));
  CHECK(process->begin_timeline(kFirst, {}, {}).error().code == Errc::kConflict);
  REQUIRE(process->begin_timeline(kSecond, kFirst, fork.order));
  CHECK(process->has_timeline(kSecond));
  REQUIRE(commit(process, with_alerts(2, {effect_alert(11, 1), effect_alert(11, 2)})));
  const std::vector<StoredAlert> alerts = alerts_of(process->reader());
  REQUIRE(alerts.size() == 5);
  CHECK(alerts[3].timeline == 2);
  CHECK(alerts[3].repeat_of == 2);
  CHECK(alerts[4].repeat_of == 0);
  CHECK(owed_to(process->reader(), kHook) == Numbers{1, 2, 3, 5});
  CHECK(*process->reader().numbers_of(effect_alert(11, 1).id) == Numbers{2, 4});
  // Played again from where it began.
  REQUIRE(process->resume({}));
  CHECK(commit(process, with_alerts(2, {effect_alert(11, 1), effect_alert(11, 2)}))->compared == 2);
}

TEST_CASE("effect store: another format or other semantics is refused with the remedy") {
  ModelDisk disk;
  { Process process(disk); }
  SimulatedClock clock;
  const auto store = *disk.open(effect_families());
  const auto other = EffectStore::open(*store, clock, {.semantics = 2});
  REQUIRE_FALSE(other);
  CHECK(other.error().code == Errc::kOtherVersion);
  CHECK(other.error().message ==
        "the alert store was written with semantics 1, this tocsin has 2: go on with the one that "
        "wrote it, or with --replay-as-new");
  CHECK(EffectStore::open(*store, clock, {.semantics = 2, .accept_other_semantics = true}));
  CHECK(EffectStore::open(*store, clock, {.semantics = 2}));
  StoreBatch batch;
  batch.put(kMetaFamily, kFormatKey, encode_format({2, 1}));
  REQUIRE(store->write(batch, true));
  const auto newer = EffectStore::open(*store, clock, {});
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code == Errc::kOtherVersion);
  CHECK(newer.error().message ==
        "the alert store has format 2, this tocsin reads 1: use the one that wrote it");
  CHECK(EffectReader::open(*store).error().code == Errc::kOtherVersion);
}

TEST_CASE("effect store: a store whose newest rows are gone is damaged, not shorter") {
  ModelDisk disk;
  {
    Process process(disk);
    REQUIRE(process->begin_timeline(kFirst, {}, {}));
    REQUIRE(commit(process, with_alerts(1, {effect_alert(10, 1), effect_alert(11, 1)})));
  }
  SimulatedClock clock;
  const auto store = *disk.open(effect_families());
  StoreBatch batch;
  batch.remove(kAlertFamily, alert_key(2));
  REQUIRE(store->write(batch, true));
  const auto effects = EffectStore::open(*store, clock, {});
  REQUIRE_FALSE(effects);
  CHECK(effects.error().message == "the alert store's mark says 2 alerts, its last is 1");
}

TEST_CASE("effect store: any other bytes of a row are refused") {
  const StoredAlert alert = effect_alert(10, 1);
  std::string value;
  ByteWriter to(value);
  write_alert(to, alert, *read_alert_id(alert.id));
  for (std::size_t cut = 0; cut < value.size(); ++cut)
    CHECK(decode_alert(alert_key(1), std::string_view(value).substr(0, cut)).error().code ==
          Errc::kCorrupt);
  CHECK_FALSE(decode_alert(alert_key(1), value + "x"));
  CHECK_FALSE(decode_alert("short", value));
  const SideOutputRow row = effect_side_output(SideOutputKind::kDead, 1, 2);
  const std::string key = side_output_key(1, row.arrival);
  const std::string side_output = encode_side_output(row);
  for (std::size_t cut = 0; cut < side_output.size(); ++cut)
    CHECK_FALSE(decode_side_output(SideOutputKind::kDead, key,
                                   std::string_view(side_output).substr(0, cut)));
  const std::string outbox = encode_outbox({1, 2, {3}, 503, "x", false});
  for (std::size_t cut = 0; cut < outbox.size(); ++cut)
    CHECK_FALSE(decode_outbox(outbox_key(kHook, 1), std::string_view(outbox).substr(0, cut)));
}

// --- retention ---

constexpr cep::Duration kDay{86'400'000'000};

TEST_CASE("effect store: retention by age takes the oldest, but none that is owed") {
  ModelDisk disk;
  Process process(disk);
  REQUIRE(process->begin_timeline(kFirst, {}, {}));
  REQUIRE(process->set_endpoints({kHook}));
  for (std::uint32_t day = 0; day < 10; ++day) {
    REQUIRE(commit(
        process, with_alerts(day, {effect_alert(day * 10 + 1, 1), effect_alert(day * 10 + 2, 1)})));
    process.clock.time = process.clock.time + kDay;
  }
  for (std::uint64_t number = 1; number <= 20; ++number) {
    if (number != 5) REQUIRE(process->settle_delivery(kHook, number));
  }
  RetentionPolicy policy;
  policy.alerts.age_max = cep::Duration{4 * kDay.us + kDay.us / 2};
  int steps = 1;
  while (!*process->retain(policy, 3)) ++steps;
  CHECK(steps == 4);
  CHECK(numbers_of(process->reader()) == Numbers{5, 13, 14, 15, 16, 17, 18, 19, 20});
  CHECK(process->reader().totals()->alerts == 9);
  CHECK(process->reader().totals()->first_number == 5);
  CHECK(process->reader().numbers_of(effect_alert(1, 1).id)->empty());
  // Nothing more for a while, then the next pass.
  REQUIRE(process->settle_delivery(kHook, 5));
  CHECK(*process->retain(policy, 3));
  CHECK(numbers_of(process->reader()).size() == 9);
  process.clock.time = process.clock.time + cep::Duration{11'000'000};
  CHECK(*process->retain(policy, 3));
  CHECK(numbers_of(process->reader()) == Numbers{13, 14, 15, 16, 17, 18, 19, 20});
}

TEST_CASE("effect store: retention by bytes") {
  ModelDisk disk;
  Process process(disk);
  REQUIRE(process->begin_timeline(kFirst, {}, {}));
  for (std::int64_t i = 0; i < 20; ++i)
    REQUIRE(commit(process, with_alerts(1, {effect_alert(i, 1, true, 1000)})));
  const std::uint64_t bytes = process->reader().totals()->alert_bytes;
  RetentionPolicy policy;
  policy.alerts.bytes_max = bytes / 2;
  while (!*process->retain(policy, 7)) {
  }
  CHECK(numbers_of(process->reader()).front() == 11);
  CHECK(process->reader().totals()->alert_bytes == bytes / 2);
  // All of them: numbers go on where they were.
  policy.alerts.bytes_max = 0;
  process.clock.time = process.clock.time + kDay;
  while (!*process->retain(policy, 7)) {
  }
  CHECK(numbers_of(process->reader()).empty());
  CHECK(process->reader().totals()->alert_bytes == 0);
  REQUIRE(commit(process, with_alerts(2, {effect_alert(100, 1)})));
  CHECK(numbers_of(process->reader()) == Numbers{21});
}

TEST_CASE("effect store: what is still needed stays, whatever its age and size") {
  ModelDisk disk;
  Process process(disk);
  REQUIRE(process->begin_timeline(kFirst, {}, {}));
  for (std::int64_t i = 0; i < 20; ++i)
    REQUIRE(commit(process, with_alerts(1, {effect_alert(i, 1, true, 1000)})));
  process.clock.time = process.clock.time + kDay;
  RetentionPolicy policy;
  policy.alerts.bytes_max = 0;
  policy.alerts.age_max = cep::Duration{0};
  policy.alerts_needed_from = 17;
  while (!*process->retain(policy, 7)) {
  }
  CHECK(numbers_of(process->reader()) == Numbers{17, 18, 19, 20});
  // Nothing for a while, unless it is asked for.
  policy.alerts_needed_from = 20;
  CHECK(*process->retain(policy, 7));
  CHECK(numbers_of(process->reader()).size() == 4);
  process->end_pause();
  CHECK(*process->retain(policy, 7));
  CHECK(numbers_of(process->reader()) == Numbers{20});
}

TEST_CASE("effect store: it knows the last record of which it holds something") {
  ModelDisk disk;
  {
    Process process(disk);
    REQUIRE(process->begin_timeline(kFirst, {}, {}));
    CHECK(process->cause() == 0);
    REQUIRE(commit(process, with_alerts(7, {effect_alert(1, 1)})));
    REQUIRE(commit(process, with_alerts(9, {})));  // nothing is stored of it
    CHECK(process->cause() == 7);
  }
  Process process(disk);
  CHECK(process->cause() == 7);
}

TEST_CASE("effect store: alerts that retention took are no difference in replay") {
  ModelDisk disk;
  {
    Process process(disk);
    REQUIRE(process->begin_timeline(kFirst, {}, {}));
    REQUIRE(commit(
        process, with_alerts(1, {effect_alert(10, 1), effect_alert(11, 1), effect_alert(12, 1)})));
    RetentionPolicy policy;
    policy.alerts.age_max = kDay;
    process.clock.time = process.clock.time + kDay + kDay;
    REQUIRE(*process->retain(policy, 100));
  }
  Process process(disk);
  REQUIRE(process->resume({}));
  CHECK(commit(process, with_alerts(1, {effect_alert(10, 1), effect_alert(11, 1)}))->compared == 2);
  const auto behind = commit(process, with_alerts(1, {effect_alert(13, 1)}));
  REQUIRE_FALSE(behind);
  CHECK(behind.error().message.find("replay gives too few alerts: number 3") == 0);
  CHECK(commit(process, with_alerts(1, {effect_alert(12, 1), effect_alert(13, 1)}))->alerts == 1);
}

TEST_CASE("effect store: rows set aside that retention took do not come back in replay") {
  ModelDisk disk;
  Process process(disk);
  REQUIRE(process->begin_timeline(kFirst, {}, {}));
  SliceEffects slice;
  for (std::uint32_t i = 0; i < 10; ++i)
    slice.side_output.push_back(
        effect_side_output(i % 2 == 0 ? SideOutputKind::kLate : SideOutputKind::kDead, 1, i));
  REQUIRE(commit(process, slice));
  const std::uint64_t bytes = process->reader().totals()->late_bytes;
  RetentionPolicy policy;
  policy.side_output.bytes_max = bytes * 2 / 5;
  while (!*process->retain(policy, 2)) {
  }
  CHECK(side_output_of(process->reader(), SideOutputKind::kLate).size() == 2);
  CHECK(process->reader().totals()->dead_bytes <= bytes * 2 / 5);
  CHECK(side_output_of(process->reader(), SideOutputKind::kDead).back().arrival.index == 9);
  CHECK(commit(process, slice)->side_output == 0);
  slice.side_output = {effect_side_output(SideOutputKind::kLate, 2, 0)};
  CHECK(commit(process, slice)->side_output == 1);
  policy.side_output = {.age_max = kDay, .bytes_max = {}};
  process.clock.time = process.clock.time + kDay;
  while (!*process->retain(policy, 2)) {
  }
  CHECK(side_output_of(process->reader(), SideOutputKind::kLate).empty());
  CHECK(process->reader().totals()->dead == 0);
  CHECK(process->reader().totals()->dead_bytes == 0);
}

TEST_CASE("effect store: an endpoint is known by its name's digest, not its name") {
  ModelDisk disk;
  {
    Process process(disk);
    REQUIRE(process->begin_timeline(kFirst, {}, {}));
    const EndpointId secret = EndpointId::of("https://example.com/?token=SECRET");
    CHECK(secret == EndpointId::of("https://example.com/?token=SECRET"));
    CHECK(secret != kHook);
    REQUIRE(process->set_endpoints({secret}));
    REQUIRE(process->name_endpoint(secret, "https://example.com/"));
    REQUIRE(commit(process, with_alerts(1, {effect_alert(10, 1)})));
  }
  const auto reader = disk.open_reader(effect_families());
  for (std::uint32_t i = 0; i < effect_families().size(); ++i) {
    REQUIRE(reader->scan({i}, {}, [](std::string_view key, std::string_view value) {
      CHECK((std::string(key) + std::string(value)).find("SECRET") == std::string::npos);
      return true;
    }));
  }
}
// Alerts of even numbers go to one endpoint, every third of them is withheld there.
class EvenOnes final : public Addressees {
 public:
  class Decisions final : public Addressing {
   public:
    explicit Decisions(EvenOnes& all) : all_(all) {}
    void add(const StoredAlert& alert, std::vector<Addressee>& to) override {
      if (alert.number % 2 != 0) return;
      to.push_back({kOther, {}});
      WithheldRow row{.endpoint = kOther, .message = kMessageBit | 1};
      if (alert.number == 6) row.kind = WithheldKind::kGrouped;
      if (alert.number % 3 == 0) to.back().withheld = row;
    }
    void write(StoreBatch& batch) override { batch.put(kMessageFamily, "beside", "1"); }
    void written() override { ++all_.written; }

   private:
    EvenOnes& all_;
  };
  Result<std::unique_ptr<Addressing>> begin(cep::EventTime) override {
    return std::make_unique<Decisions>(*this);
  }
  int written = 0;
};

TEST_CASE("effect store: what withholds an alert is stored with it, and owed only as a part") {
  ModelDisk disk;
  Process process(disk);
  REQUIRE(process->begin_timeline(kFirst, {}, {}));
  const auto even = std::make_shared<EvenOnes>();
  process->set_addressees(even);
  std::vector<StoredAlert> alerts;
  for (int i = 0; i < 12; ++i) alerts.push_back(effect_alert(10 + i, 1));
  REQUIRE(commit(process, with_alerts(1, alerts)));
  CHECK(even->written == 1);
  CHECK(owed_to(process->reader(), kOther) == Numbers{2, 4, 6, 8, 10});
  CHECK(process->reader().withheld(2)->empty());
  REQUIRE(process->reader().withheld(12)->size() == 1);
  CHECK(process->reader().withheld(12)->front().kind == WithheldKind::kSilenced);
  REQUIRE(process->owe_message(kOther, kMessageBit | 1, {}));
  CHECK(process->owed(kOther) == 6);
  std::vector<std::uint64_t> part_of;
  REQUIRE(process->reader().outbox(kOther, 6, [&](const OutboxRow& row) {
    part_of.push_back(row.part_of);
    return true;
  }));
  CHECK(part_of == std::vector<std::uint64_t>{kMessageBit | 1, 0, 0, 0});
  // 8 is no part of it.
  const std::uint64_t parts[] = {6, 8, 99};
  REQUIRE(process->settle_message(kOther, kMessageBit | 1, parts, {}));
  CHECK(owed_to(process->reader(), kOther) == Numbers{2, 4, 8, 10});
  CHECK(process->owed(kOther) == 4);
  const std::uint64_t again[] = {12, kMessageBit | 1};
  CHECK(process->owe(kOther, again) == 1);  // the message has arrived
  CHECK(process->reader().withheld(12)->empty());
  CHECK(owed_to(process->reader(), kOther) == Numbers{2, 4, 8, 10, 12});
}

TEST_CASE("effect store: who is owed an alert may depend on it") {
  ModelDisk disk;
  Process process(disk);
  REQUIRE(process->begin_timeline(kFirst, {}, {}));
  process->set_endpoints({kHook});
  process->set_addressees(std::make_shared<EvenOnes>());
  const Result<CommitReport> report =
      commit(process, with_alerts(1, {effect_alert(10, 1), effect_alert(11, 1), effect_alert(12, 1),
                                      effect_alert(13, 1)}));
  REQUIRE(report);
  CHECK(report->owed == 6);
  CHECK(owed_to(process->reader(), kHook) == Numbers{1, 2, 3, 4});
  CHECK(owed_to(process->reader(), kOther) == Numbers{2, 4});
  CHECK(process->owed(kOther) == 2);
  CHECK(process->times_owed(kOther) == 1);
  process->set_addressees(nullptr);
  REQUIRE(commit(process, with_alerts(2, {effect_alert(14, 1), effect_alert(15, 1)})));
  CHECK(owed_to(process->reader(), kOther) == Numbers{2, 4});
}

TEST_CASE("effect store: alerts are owed once more, or no longer, and counted right") {
  ModelDisk disk;
  {
    Process process(disk);
    REQUIRE(process->begin_timeline(kFirst, {}, {}));
    process->set_endpoints({kHook});
    REQUIRE(commit(process, with_alerts(1, {effect_alert(10, 1), effect_alert(11, 1)})));
    REQUIRE(process->settle_delivery(kHook, 1));
    REQUIRE(process->note_delivery(kHook, {2, 9, {5}, 500, "", true}));
    // One that arrived, a dead one, and one that is not kept.
    const std::uint64_t numbers[] = {1, 2, 77};
    CHECK(process->owe(kHook, numbers) == 2);
    CHECK(process->owed(kHook) == 2);
    REQUIRE(process->reader().outbox(kHook, 2, [](const OutboxRow& row) {
      CHECK_FALSE(row.is_dead);
      CHECK(row.attempts == 0);
      return true;
    }));
    CHECK(process->owe(kOther, std::span<const std::uint64_t>(numbers).first(1)) == 1);
  }
  disk.cut_power();
  Process process(disk);
  REQUIRE(process->resume(process->mark()));
  CHECK(owed_to(process->reader(), kHook) == Numbers{1, 2});
  CHECK(owed_to(process->reader(), kOther) == Numbers{1});
  REQUIRE(process->name_endpoint(kHook, "hook"));
  StoreBatch also;
  also.put(kSubscriptionFamily, "with it", "1");
  REQUIRE(process->forget_endpoint(kHook, std::move(also)));
  CHECK(process->owed(kHook) == 0);
  CHECK(owed_to(process->reader(), kHook).empty());
  CHECK(owed_to(process->reader(), kOther) == Numbers{1});
  CHECK(process->reader().endpoints()->empty());
  // A note of an attempt that was under way finds nothing, and counts nothing.
  REQUIRE(process->settle_delivery(kHook, 2));
  CHECK(process->owed(kHook) == 0);
}
}  // namespace
}  // namespace tocsin::tests
