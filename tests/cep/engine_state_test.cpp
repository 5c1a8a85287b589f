// The engine's state as entries: what is written when, and what becomes of it under other rules.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cep/engine/engine.h"
#include "cep/plan/rule.h"
#include "tests/cep/plan_builder.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"
#include "tests/support/plan_parts.h"

namespace tocsin::tests {
namespace {
using Fate = cep::RestoreReport::Fate;

cep::KeySpec by_card(const PlanBuilder& b) { return b.key("card", {{"pay", "card", ""}}); }

// Two payments of a card within 100 ms, without a third: given when the time is over.
cep::Rule& pair_rule(PlanBuilder& b, const std::string& name) {
  cep::Rule& rule = b.rule(name, by_card(b), {{b.kind("pay")}, {b.kind("pay")}});
  rule.within = cep::Duration{100'000};
  return rule;
}

// An engine that takes lines of PlanBuilder::events; their ids go on.
class Live {
 public:
  explicit Live(const PlanBuilder& b) : program_(compiled(b)), engine_(program_, 1) {
    engine_.track_changes();
  }
  Live(const PlanBuilder& b, const Snapshot& snapshot, cep::RestoreReport* report = nullptr)
      : program_(compiled(b)), engine_(restored_engine(program_, 2, snapshot, report).value()) {}

  // "rule@ms" of the alerts that the lines raise.
  std::vector<std::string> take(const PlanBuilder& b, const std::vector<std::string>& lines) {
    std::vector<oracle::PlacedEvent> placed;
    for (const oracle::Event& event : b.events(lines)) {
      oracle::PlacedEvent at;
      at.type = event.type;
      at.engine_time = at.ts = event.ts;
      at.fields = event.fields;
      at.arrival = next_arrival_++;
      placed.push_back(at);
    }
    return move(placed, placed.back().engine_time);
  }
  std::vector<std::string> move_to(std::int64_t ms) { return move({}, {ms * 1'000}); }
  cep::Engine& engine() { return engine_; }

 private:
  static cep::Program compiled(const PlanBuilder& b) {
    auto program = cep::compile(std::make_shared<const cep::Plan>(b.plan));
    REQUIRE_MESSAGE(program.has_value(), program.error().message);
    return *program;
  }
  std::vector<std::string> move(const std::vector<oracle::PlacedEvent>& placed,
                                cep::EventTime watermark) {
    std::vector<cep::Alert> alerts;
    take_step(program_, engine_, placed, {0, placed.size(), watermark}, alerts);
    std::vector<std::string> shown;
    for (const cep::Alert& alert : alerts) {
      shown.push_back(fmt::format("{}@{} held {}", program_.plan().rules[alert.rule.value].name,
                                  alert.ts.us / 1'000, alert.held_back));
    }
    return shown;
  }
  std::uint64_t next_arrival_ = 0;
  cep::Program program_;
  cep::Engine engine_;
};

std::string fate_of(const cep::RestoreReport& report, const std::string& name) {
  for (const cep::RestoreReport::Line& line : report.lines) {
    if (line.name != name) continue;
    const std::string fate = line.fate == Fate::kKept      ? "kept"
                             : line.fate == Fate::kStarted ? "started"
                                                           : "lost";
    return fate + (line.suppression_lost ? ", suppression lost" : "");
  }
  return "absent";
}
std::vector<std::string> strings(std::vector<std::string> all) { return all; }
}  // namespace

TEST_CASE("engine state: a cut has the keys that changed since the one before") {
  PlanBuilder b;
  pair_rule(b, "pair");
  Live live(b);
  Snapshot kept;
  const auto cut = [&] {
    kept.globals = live.engine().begin_snapshot();
    EntryMapSink sink(kept.entries);
    REQUIRE(live.engine().write_snapshot(sink, SIZE_MAX));
    return std::pair{sink.puts(), sink.removes()};
  };
  live.take(b, {"pay 0 card=x", "pay 1 card=y", "pay 2 card=z"});
  CHECK(cut() == std::pair<std::size_t, std::size_t>{3, 0});
  CHECK(cut() == std::pair<std::size_t, std::size_t>{0, 0});
  live.take(b, {"pay 3 card=y"});
  CHECK(cut() == std::pair<std::size_t, std::size_t>{1, 0});
  CHECK(kept.entries.size() == 3);
  live.engine().mark_all_changed();
  CHECK(cut() == std::pair<std::size_t, std::size_t>{3, 0});
}

TEST_CASE("engine state: what is dead goes from the store, and the keys with it") {
  PlanBuilder b;
  pair_rule(b, "pair");
  b.count("payments", {b.kind("pay")}, by_card(b), 50);
  PlanBuilder::show(b.plan.rules[0], "", b.read("payments"));
  Live live(b);
  Snapshot kept;
  for (int i = 0; i < 300; ++i) live.take(b, {fmt::format("pay {} card=c{}", i, i)});
  take_snapshot(live.engine(), kept);
  CHECK(kept.entries.size() > 50);
  CHECK(live.engine().stats().keys > 50);
  // Time goes on without events: rounds of sweeping, each followed by a cut.
  for (int i = 1; i <= 10; ++i) {
    live.move_to(300 + 50 * i);
    take_snapshot(live.engine(), kept);
  }
  CHECK(kept.entries.empty());
  CHECK(live.engine().stats().keys == 0);
  CHECK(live.engine().stats().runs == 0);
}

TEST_CASE("engine state: a key that dies and comes again while a cut is open") {
  PlanBuilder b;
  pair_rule(b, "pair");
  Live live(b);
  Snapshot kept;
  live.take(b, {"pay 0 card=x", "pay 0 card=y"});
  take_snapshot(live.engine(), kept);
  const EntryMap first = kept.entries;
  live.take(b, {"pay 1 card=x"});
  const Snapshot at_cut = [&] {
    Snapshot snapshot = kept;
    snapshot.globals = live.engine().begin_snapshot();
    return snapshot;
  }();
  // It changes, dies and comes again before anything was written.
  live.take(b, {"pay 2 card=x"});
  for (int i = 1; i <= 20; ++i) live.move_to(100 * i);
  live.take(b, {"pay 3000 card=x"});
  kept = at_cut;
  EntryMapSink sink(kept.entries);
  while (!live.engine().write_snapshot(sink, 1)) {
  }
  CHECK(kept.entries.size() == 2);
  CHECK(kept.entries != first);
  CHECK(Live(b, kept).take(b, {"pay 3 card=x"}).size() == 1);
  take_snapshot(live.engine(), kept);
  CHECK(kept.entries.size() == 1);
  CHECK(kept == whole_snapshot(live.engine()));
}

TEST_CASE("engine state: a cut that is given up is made good by the next") {
  PlanBuilder b;
  pair_rule(b, "pair");
  Live live(b);
  live.take(b, {"pay 0 card=x", "pay 0 card=y"});
  Snapshot lost;
  lost.globals = live.engine().begin_snapshot();
  EntryMapSink sink(lost.entries);
  CHECK_FALSE(live.engine().write_snapshot(sink, 1));
  live.take(b, {"pay 1 card=y"});
  live.engine().mark_all_changed();
  Snapshot kept;
  take_snapshot(live.engine(), kept);
  CHECK(kept.entries.size() == 2);
  CHECK(Live(b, kept).take(b, {"pay 2 card=x", "pay 2 card=y"}) ==
        strings({"pair@2 held 0", "pair@2 held 0"}));
}

TEST_CASE("engine state: what each rule keeps, starts and loses under other rules") {
  PlanBuilder b;
  pair_rule(b, "stays");
  pair_rule(b, "changes");
  pair_rule(b, "goes");
  cep::Rule& quiet = pair_rule(b, "quiet");
  quiet.suppression.once = cep::OncePerDuration{cep::Duration{1'000'000}};
  b.count("payments", {b.kind("pay")}, by_card(b), 50);
  Live live(b);
  live.take(b, {"pay 0 card=x", "pay 1 card=x", "pay 2 card=x"});
  const Snapshot kept = whole_snapshot(live.engine());

  PlanBuilder other;
  other.count("more", {other.kind("pay")}, by_card(other), 70);
  pair_rule(other, "new").within = cep::Duration{200'000};
  pair_rule(other, "changes").within = cep::Duration{150'000};
  pair_rule(other, "stays").message.push_back({"another title", nullptr});
  cep::Rule& same = pair_rule(other, "quiet");
  same.suppression.once = cep::OncePerDuration{cep::Duration{1'000'000}};
  cep::RestoreReport report;
  Live after(other, kept, &report);
  CHECK_FALSE(report.is_same_program);
  CHECK(fate_of(report, "stays") == "kept");
  CHECK(fate_of(report, "changes") == "started");
  CHECK(fate_of(report, "goes") == "lost");
  CHECK(fate_of(report, "quiet") == "kept");
  CHECK(fate_of(report, "new") == "started");
  CHECK(fate_of(report, "payments") == "lost");
  CHECK(fate_of(report, "more") == "started");
  // `stays` goes on with what it had, `quiet` holds back.
  CHECK(after.take(other, {"pay 3 card=x"}) == strings({"stays@3 held 0"}));
  CHECK(after.take(other, {"pay 4 card=x"}) ==
        strings({"new@4 held 0", "changes@4 held 0", "stays@4 held 0"}));
}

TEST_CASE("engine state: what is held back goes on under another pattern, or begins anew") {
  const auto rule_of = [](PlanBuilder& b, std::int64_t within_ms, std::int64_t quiet_ms) {
    cep::Rule& rule = pair_rule(b, "quiet");
    rule.within = cep::Duration{within_ms * 1'000};
    rule.suppression.once = cep::OncePerDuration{cep::Duration{quiet_ms * 1'000}};
  };
  PlanBuilder b;
  rule_of(b, 100, 50);
  Live live(b);
  CHECK(live.take(b, {"pay 0 card=x", "pay 1 card=x", "pay 2 card=x"}) ==
        strings({"quiet@1 held 0"}));
  const Snapshot kept = whole_snapshot(live.engine());
  cep::RestoreReport report;

  PlanBuilder other_pattern;
  rule_of(other_pattern, 90, 50);
  Live pattern(other_pattern, kept, &report);
  CHECK(fate_of(report, "quiet") == "started");
  CHECK(pattern.take(other_pattern, {"pay 3 card=x", "pay 4 card=x"}).empty());
  CHECK(pattern.take(other_pattern, {"pay 60 card=x"}) == strings({"quiet@60 held 2"}));

  PlanBuilder other_clause;
  rule_of(other_clause, 100, 60);
  Live clause(other_clause, kept, &report);
  CHECK(fate_of(report, "quiet") == "kept, suppression lost");
  CHECK(clause.take(other_clause, {"pay 3 card=x"}) == strings({"quiet@3 held 0"}));
}

TEST_CASE("engine state: bytes that are none, an entry that comes twice, a key of another group") {
  PlanBuilder b;
  pair_rule(b, "pair");
  Live live(b);
  live.take(b, {"pay 0 card=x"});
  const Snapshot kept = whole_snapshot(live.engine());
  const auto program = cep::compile(std::make_shared<const cep::Plan>(b.plan));
  const auto begun = [&] {
    cep::Engine engine(*program, 1);
    REQUIRE(engine.begin_restore(kept.globals).has_value());
    return engine;
  };
  cep::Engine empty(*program, 1);
  CHECK(empty.begin_restore("").error().code == Errc::kCorrupt);
  cep::Engine longer(*program, 1);
  CHECK(longer.begin_restore(kept.globals + "x").error().code == Errc::kCorrupt);
  const auto& [place, value] = *kept.entries.begin();
  const auto& [table, group, key] = place;
  cep::Engine twice = begun();
  CHECK(twice.restore({table, cep::KeyGroup{group}, key}, value).has_value());
  CHECK(twice.restore({table, cep::KeyGroup{group}, key}, value).error().code == Errc::kCorrupt);
  cep::Engine moved = begun();
  CHECK(moved.restore({table, cep::KeyGroup{group ^ 1}, key}, value).error().code ==
        Errc::kCorrupt);
  cep::Engine unknown = begun();
  CHECK(unknown.restore({9, cep::KeyGroup{group}, key}, value).error().code == Errc::kCorrupt);
  cep::Engine cut = begun();
  CHECK(cut.restore({table, cep::KeyGroup{group}, key}, value.substr(0, value.size() - 1))
            .error()
            .code == Errc::kCorrupt);
}

TEST_CASE("engine state: format 0 has the same bytes, and a newer one is refused with the remedy") {
  PlanBuilder b;
  pair_rule(b, "pair");
  Live live(b);
  live.take(b, {"pay 0 card=x", "pay 1 card=y"});
  const Snapshot kept = whole_snapshot(live.engine());
  const auto with_format = [&](char format) {
    Snapshot other = kept;
    other.globals[0] = format;
    for (auto& [place, value] : other.entries) value[0] = format;
    return other;
  };
  CHECK(with_format(1) == kept);
  cep::RestoreReport report;
  Live older(b, with_format(0), &report);
  CHECK(report.is_same_program);
  CHECK(whole_snapshot(older.engine()) == kept);
  const auto newer = cep::compile(std::make_shared<const cep::Plan>(b.plan));
  const Result<cep::Engine> refused = restored_engine(*newer, 1, with_format(2));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::kOtherVersion);
  CHECK(refused.error().message.ends_with(
      "has format 2, and this program knows formats up to 1: use the version of tocsin that wrote "
      "it, or a later one"));
}
}  // namespace tocsin::tests
