// A program of any kind in one part behind blocks gives the alerts of the engine, byte for byte,
// also when it goes on from its cuts.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/engine/engine.h"
#include "cep/eval/computed.h"
#include "cep/plan/plan.h"
#include "cep/stage/alert_merge.h"
#include "cep/stage/spread.h"
#include "cep/stage/stage_source.h"
#include "cep/stage/whole_engine.h"
#include "tests/support/engine_run.h"
#include "tests/support/oracle.h"
#include "tests/support/random.h"
#include "tests/support/random_pack.h"
#include "tests/support/shrink.h"
#include "tests/support/stage_cases.h"
#include "tests/support/stage_entry_map.h"

namespace tocsin::tests {
namespace {
class WholeJob {
 public:
  WholeJob(Random& random, const cep::Program& program)
      : random_(random), program_(program), source_(program, random.next(), true), merge_(program) {
    open();
  }

  std::vector<cep::Alert> run(const std::vector<oracle::PlacedEvent>& events) {
    for (std::size_t next = 0; next < events.size();) {
      // Whole times, so that a watermark can stand behind them; some rows wait on.
      std::size_t end = std::min(events.size(), next + 1 + random_.below(12));
      while (end < events.size() && events[end].engine_time == events[end - 1].engine_time) ++end;
      send(events, next, end);
      const std::size_t last = next + random_.below(end - next);
      next = end;
      if (random_.chance(30)) continue;
      if (events[last].engine_time <= engine_->watermark()) continue;
      advance(events[last].engine_time);
      if (random_.chance(40)) cut();
      if (random_.chance(15)) fail();
    }
    advance(cep::kEventTimeMax);
    return std::move(alerts_);
  }
  std::size_t restored = 0;

 private:
  void open() {
    engine_ = std::make_unique<cep::WholeEngine>(program_, random_.next());
    engine_->track_changes();
  }
  void send(const std::vector<oracle::PlacedEvent>& events, std::size_t begin, std::size_t end) {
    const cep::Plan& plan = program_.plan();
    cep::Batch batch(plan);
    for (std::size_t i = begin; i < end; ++i) {
      const oracle::PlacedEvent& event = events[i];
      std::vector<cep::Value> fields;
      for (const cep::OwnedValue& value : event.fields) fields.push_back(value.view());
      batch.append(plan, event.type, event.engine_time, event.ts,
                   {0, static_cast<std::uint32_t>(event.arrival)}, fields);
      batch.rows.back().equal_number = event.equal_number;
    }
    cep::fill_computed(program_, batch);
    source_.put(batch);
    cep::StageBlock block;
    while (source_.outbox().take(block)) {
      CHECK(block.edge == cep::StageEdge{cep::StageEdge::To::kPass, 0});
      REQUIRE(engine_->put(block.bytes).has_value());
    }
  }
  void advance(cep::EventTime watermark) {
    for (;;) {
      const auto done = engine_->advance(watermark, 1 + random_.below(20));
      REQUIRE(done.has_value());
      if (*done) break;
    }
    pass_alerts(watermark);
  }
  void pass_alerts(cep::EventTime watermark) {
    cep::StageBlock block;
    while (engine_->outbox().take(block)) REQUIRE(merge_.put(block.bytes).has_value());
    merge_.advance(watermark, alerts_);
  }
  void cut() {
    engine_->begin_cut();
    StageEntryMapWriter to(entries_);
    while (!engine_->write_cut(to, static_cast<std::size_t>(random_.pick({1, 100, 10'000})))) {
    }
  }
  // Goes on from a cut that has all.
  void fail() {
    cut();
    open();
    std::map<std::uint32_t, std::string> heads;
    heads[0] = entries_.at({0, std::string(1, '\0')});
    const auto report = engine_->begin_restore(heads, entries_.at({0, std::string(1, '\1')}));
    REQUIRE(report.has_value());
    CHECK(report->is_same_program);
    for (const auto& [place, value] : entries_) {
      if (place.second.size() == 1) continue;
      REQUIRE(engine_->restore({place.first}, place.second, value).has_value());
    }
    REQUIRE(engine_->finish_restore().has_value());
    ++restored;
  }

  Random& random_;
  const cep::Program& program_;
  cep::StageSource source_;
  std::unique_ptr<cep::WholeEngine> engine_;
  cep::AlertMerge merge_;
  std::vector<cep::Alert> alerts_;
  StageEntryMap entries_;
};
}  // namespace

TEST_CASE("whole stages: any program in one part gives the alerts of the engine") {
  std::size_t alerting = 0;
  std::size_t restored = 0;
  std::size_t needed = 0;
  const std::size_t cases = for_all_seeds("WHOLE_STAGES", 300, [&](Random& random) {
    const Case c = random_job(random);
    const cep::Limits limits = random.chance(30) ? often_exceeded(random) : kRarelyExceeded;
    const auto plan = std::make_shared<const cep::Plan>(c.plan);
    const auto program = cep::compile_by_pass(plan, limits);
    REQUIRE(program.has_value());
    const std::vector<std::string> expected = engine_lines(*program, c.events, {});
    WholeJob job(random, *program);
    const std::vector<std::string> got = alert_lines(c.plan, job.run(c.events));
    if (!expected.empty()) ++alerting;
    if (!expected.empty() && !cep::spread_obstacles(*program).empty()) ++needed;
    restored += job.restored;
    if (got == expected) return;
    FAIL(fmt::format("{}\n{}\n{}", difference(expected, got), cep::describe(c.plan),
                     events_text(c.plan, c.events)));
  });
  MESSAGE(alerting, " alerting, ", needed, " of them not to be spread, ", restored, " restored");
  if (cases < 300) return;
  CHECK(needed > 10);
  CHECK(restored > 100);
}
}  // namespace tocsin::tests
