#include "runtime/effects/effect_store.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/effects/effect_codec.h"
#include "tests/runtime/effect_process.h"

namespace tocsin::tests {
namespace {
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
  batch.put(kMetaFamily, kFormatKey, encode_format({3, 1}));
  REQUIRE(store->write(batch, true));
  const auto newer = EffectStore::open(*store, clock, {});
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code == Errc::kOtherVersion);
  CHECK(newer.error().message ==
        "the alert store has format 3, and this program knows formats up to 2: use the version of "
        "tocsin that wrote it, or a later one");
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
}  // namespace
}  // namespace tocsin::tests
