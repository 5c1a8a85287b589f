// Parts of stages: what cannot be spread is said, damage is refused, and a part that goes on with
// other rules says what becomes of the state.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cep/compile/compile.h"
#include "cep/data/batch.h"
#include "cep/plan/plan.h"
#include "cep/stage/alert_merge.h"
#include "cep/stage/spread.h"
#include "cep/stage/stage_engine.h"
#include "cep/stage/stage_source.h"
#include "cep/value/group_range.h"
#include "tests/support/rule_text.h"
#include "tests/support/stage_entry_map.h"

namespace tocsin::tests {
namespace {
constexpr const char* kEvents =
    "event payment { ts: time, id: string id, card: string, merchant: string, amount: int }\n";

cep::Program program_of(const std::string& rules) {
  auto program = cep::compile_by_pass(plan_of(kEvents + rules));
  REQUIRE(program.has_value());
  return std::move(*program);
}

constexpr const char* kTwoPasses = R"(
feature at_merchant = count(payment) by merchant over last 10m
rule pair "Two payments at a busy merchant" {
  by card
  when payment as a
  then payment as b where at_merchant > 1
  within 10m
  alert "{at_merchant}"
}
)";

// A payment of card c1 at merchant m1, at so many seconds.
void append_payment(const cep::Plan& plan, cep::Batch& batch, std::uint32_t second) {
  const cep::EventTime time{std::int64_t{second} * 1'000'000};
  const std::string id = "p" + std::to_string(second);
  batch.append(plan, cep::EventTypeIndex(0), time, time, {0, second},
               {cep::Value::time(time), cep::Value::string(id), cep::Value::string("c1"),
                cep::Value::string("m1"), cep::Value::integer(5)});
}

// Two passes of one part each, up to a watermark.
class SmallJob {
 public:
  explicit SmallJob(cep::Program program)
      : program_(std::move(program)),
        source_(program_, 1),
        first_(program_, 0, {}, 2),
        second_(program_, 1, {}, 3),
        merge_(program_) {
    first_.track_changes();
    second_.track_changes();
  }
  void send(std::uint32_t begin, std::uint32_t end) {
    cep::Batch batch(program_.plan());
    for (std::uint32_t second = begin; second < end; ++second) {
      append_payment(program_.plan(), batch, second);
    }
    source_.put(batch);
    deliver(source_.outbox());
  }
  std::size_t advance(std::uint32_t second) {
    const cep::EventTime watermark{std::int64_t{second} * 1'000'000};
    std::vector<cep::Alert> alerts;
    CHECK(first_.advance(watermark, SIZE_MAX).value());
    deliver(first_.outbox());
    CHECK(second_.advance(watermark, SIZE_MAX).value());
    deliver(second_.outbox());
    merge_.advance(watermark, alerts);
    return alerts.size();
  }
  cep::StageEngine& first() { return first_; }
  cep::StageEngine& second() { return second_; }
  std::vector<std::string> blocks;  // for passes, all that were sent

 private:
  void deliver(cep::StageOutbox& outbox) {
    cep::StageBlock block;
    while (outbox.take(block)) {
      if (block.edge.to == cep::StageEdge::To::kAlerts) {
        CHECK(merge_.put(block.bytes).has_value());
        continue;
      }
      blocks.push_back(block.bytes);
      CHECK((block.edge.pass == 0 ? first_ : second_).put(block.bytes).has_value());
    }
  }
  cep::Program program_;
  cep::StageSource source_;
  cep::StageEngine first_;
  cep::StageEngine second_;
  cep::AlertMerge merge_;
};

StageEntryMap cut_of(cep::StageEngine& stage) {
  StageEntryMap entries;
  StageEntryMapWriter sink(entries);
  stage.begin_cut();
  CHECK(stage.write_cut(sink, SIZE_MAX));
  return entries;
}

// What a fresh part of the pass makes of the entries: a report, or why it refuses.
struct Outcome {
  std::string error;
  std::string lines;  // "kept rule pair"
};
Outcome restore(const cep::Program& program, std::uint32_t pass, const StageEntryMap& entries) {
  cep::StageEngine stage(program, pass, {}, 7);
  std::map<std::uint32_t, std::string> heads;
  std::string layout;
  const std::string head_key = cep::stage_entry_key(cep::StageEntry::kHead);
  const std::string layout_key = cep::stage_entry_key(cep::StageEntry::kLayout);
  for (const auto& [place, value] : entries) {
    if (place.second == head_key) heads[place.first] = value;
    if (place.second == layout_key) layout = value;
  }
  Outcome outcome;
  const auto report = stage.begin_restore(heads, layout);
  if (!report) return {report.error().message, {}};
  for (const cep::RestoreReport::Line& line : report->lines) {
    constexpr const char* kFates[] = {"kept", "started", "replayed", "lost"};
    outcome.lines += std::string(outcome.lines.empty() ? "" : ", ") +
                     kFates[static_cast<int>(line.fate)] + (line.is_rule ? " rule " : " feature ") +
                     line.name;
  }
  for (const auto& [place, value] : entries) {
    if (place.second == head_key || place.second == layout_key) continue;
    const auto restored = stage.restore({place.first}, place.second, value);
    if (!restored) return {restored.error().message, outcome.lines};
  }
  stage.finish_restore();
  return outcome;
}
}  // namespace

TEST_CASE("stages: what waits for each other across keys is named, with both keys") {
  const cep::Program program = program_of(R"(
feature level = avg(amount of payment unless alerted by outlier) by merchant over previous 30d
rule outlier "Far above what is usual" {
  by card
  when payment where amount > 4 * level
  alert "far"
}
)");
  const std::vector<cep::SpreadObstacle> obstacles = cep::spread_obstacles(program);
  REQUIRE(obstacles.size() == 1);
  CHECK(obstacles[0].rule == cep::RuleIndex(0));
  CHECK(obstacles[0].feature == cep::FeatureIndex(0));
  CHECK(obstacles[0].text.starts_with(
      "rule `outlier` (by card) reads feature `level` (by merchant), which takes its next event "
      "when it is known what the rule made of the one before"));
}

TEST_CASE("stages: the same under one key can be spread") {
  const cep::Program program = program_of(R"(
feature level = avg(amount of payment unless alerted by outlier) by card over previous 30d
rule outlier "Far above what is usual" {
  by card
  when payment where amount > 4 * level
  alert "far"
}
rule all "Without a key" {
  when payment as a
  then payment as b where b.amount > 1000
  within 10m
  alert "large"
  at most 1 per 1h for each b.merchant
}
)");
  CHECK(cep::spread_obstacles(program).empty());
  const cep::SpreadPlan plan = cep::spread_plan(program);
  REQUIRE(plan.passes.size() == 1);
  CHECK(plan.passes[0].keys == std::vector<std::string>{"card", "no key"});
  CHECK(plan.passes[0].has_hold);
  CHECK(plan.rules_without_key == std::vector<cep::RuleIndex>{cep::RuleIndex(1)});
  CHECK(plan.features_without_key.empty());
}

TEST_CASE("stages: once per event over all keys, with alerts as events, cannot be spread") {
  const cep::Program program = program_of(R"(
rule large "A large payment" {
  by card
  when payment where amount > 1000
  alert "large"
}
rule again "Twice" {
  by card
  when alert large as first
  then alert large as second
  within 10m
  alert "twice"
  once per first for each second.card
}
)");
  const std::vector<cep::SpreadObstacle> obstacles = cep::spread_obstacles(program);
  REQUIRE(obstacles.size() == 1);
  CHECK(obstacles[0].rule == cep::RuleIndex(1));
  CHECK(!obstacles[0].feature.has_value());
}

TEST_CASE("stages: a block that was damaged is refused, and so is a row that comes too late") {
  const cep::Program program = program_of(kTwoPasses);
  SmallJob job(program);
  job.send(1, 4);
  CHECK(job.advance(10) == 2);
  REQUIRE(job.blocks.size() == 3);  // the source's two, and the values of pass 0
  for (const std::string& block : job.blocks) {
    for (std::size_t i = 0; i < block.size(); ++i) {
      cep::StageEngine stage(program, 0, {}, 1);
      std::string damaged = block;
      damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
      CHECK(!stage.put(damaged).has_value());
    }
  }
  CHECK(!job.first().put(job.blocks[0]).has_value());
}

TEST_CASE("stages: a part that goes on under other rules says what becomes of the state") {
  const cep::Program program = program_of(kTwoPasses);
  SmallJob job(program);
  job.send(1, 4);
  CHECK(job.advance(10) == 2);
  const StageEntryMap first = cut_of(job.first());
  const StageEntryMap second = cut_of(job.second());
  CHECK(restore(program, 0, first).lines == "kept feature at_merchant");
  CHECK(restore(program, 1, second).lines == "kept rule pair");
  const std::string changed = std::string(kTwoPasses) + R"(
feature sum_there = sum(amount of payment) by merchant over last 10m
)";
  std::string other = changed;
  other.replace(other.find("> 1"), 3, "> 2");
  const cep::Program next = program_of(other + R"(
rule most "Much at a merchant" {
  by merchant
  when payment where sum_there > 100
  alert "much"
}
)");
  const Outcome of_first = restore(next, 0, first);
  CHECK(of_first.error == "");
  CHECK(of_first.lines == "started rule most, kept feature at_merchant, started feature sum_there");
  CHECK(restore(next, 1, second).lines == "started rule pair, lost rule pair");
  // The entries of another stage.
  CHECK(restore(program, 1, first).error.find("would have to move to another pass") !=
        std::string::npos);
}

TEST_CASE("stages: rows that wait are of one plan") {
  const cep::Program program = program_of(kTwoPasses);
  SmallJob job(program);
  job.send(1, 4);
  CHECK(job.advance(2) == 1);
  const StageEntryMap second = cut_of(job.second());
  CHECK(restore(program, 1, second).error == "");
  const cep::Program next = program_of(std::string(kTwoPasses) + R"(
rule large "A large payment" {
  by card
  when payment where amount > 1000
  alert "large"
}
)");
  CHECK(restore(next, 1, second).error ==
        "rows that wait were written under other rules: stop the job at one time first");
}

TEST_CASE("stages: entries that no stage wrote are refused") {
  const cep::Program program = program_of(kTwoPasses);
  SmallJob job(program);
  job.send(1, 4);
  job.advance(2);
  const StageEntryMap whole = cut_of(job.second());
  CHECK(restore(program, 1, whole).error == "");
  std::size_t refused = 0;
  std::size_t tried = 0;
  for (const auto& [place, value] : whole) {
    const bool is_of_all = place.second == cep::stage_entry_key(cep::StageEntry::kHead) ||
                           place.second == cep::stage_entry_key(cep::StageEntry::kLayout);
    if (is_of_all && place.first != 0) continue;
    // The engine's own entries have tests of their own: one may end behind any block.
    if (place.second[0] == static_cast<char>(cep::StageEntry::kKey)) continue;
    for (std::size_t bytes = 0; bytes < value.size(); ++bytes) {
      StageEntryMap damaged = whole;
      for (auto& [other, bad] : damaged) {
        if (other.second == place.second) bad.resize(bytes);
      }
      ++tried;
      if (restore(program, 1, damaged).error != "") ++refused;
    }
  }
  CHECK(tried > 100);
  CHECK(refused == tried);
}
}  // namespace tocsin::tests
