// Arrival numbers at the border of what one word of a captured event holds: 40 bits of the record,
// 24 of the index in it. Beyond it they take another word; nothing is cut off.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "cep/plan/rule.h"
#include "cep/record/key_record.h"
#include "tests/cep/plan_builder.h"
#include "tests/support/engine_run.h"
#include "tests/support/engine_snapshot.h"

namespace tocsin::tests {
namespace {
constexpr std::uint64_t kRecord = std::uint64_t{1} << 40;
constexpr std::uint32_t kIndex = std::uint32_t{1} << 24;

// Payments of one card, all at 5 ms: only their arrival tells them apart.
void take(const cep::Program& program, cep::Engine& engine,
          const std::vector<cep::ArrivalNumber>& arrivals, std::size_t begin, std::size_t end,
          cep::EventTime watermark, std::vector<cep::Alert>& alerts) {
  const PlanBuilder b;
  const cep::Plan& plan = program.plan();
  const std::vector<oracle::Event> events =
      b.events(std::vector<std::string>(arrivals.size(), "pay 5 card=c1 amount=1"));
  cep::Batch batch(plan);
  for (std::size_t i = begin; i < end; ++i) {
    const oracle::Event& event = events[i];
    std::vector<cep::Value> fields;
    for (const cep::OwnedValue& value : event.fields) fields.push_back(value.view());
    batch.append(plan, event.type, event.ts, event.ts, arrivals[i], fields);
  }
  engine.advance(batch, watermark, alerts);
}
std::vector<std::string> lines_of(const cep::Program& program,
                                  const std::vector<cep::ArrivalNumber>& arrivals,
                                  std::size_t stop) {
  cep::Engine engine(program, 1);
  engine.track_changes();
  std::vector<cep::Alert> alerts;
  take(program, engine, arrivals, 0, stop, {5'000}, alerts);
  auto restored = restored_engine(program, 2, whole_snapshot(engine));
  REQUIRE(restored.has_value());
  take(program, *restored, arrivals, stop, arrivals.size(), {10'000}, alerts);
  return alert_lines(program.plan(), alerts);
}
}  // namespace

TEST_CASE("arrival numbers: a word holds records below 2^40 and indexes below 2^24") {
  struct Row {
    cep::ArrivalNumber arrival;
    bool fits;
  };
  const Row rows[] = {{{0, 0}, true},        {{kRecord - 1, kIndex - 1}, true},
                      {{kRecord, 0}, false}, {{0, kIndex}, false},
                      {{0, 0, 1}, false},    {{UINT64_MAX, UINT32_MAX}, false}};
  for (const Row& row : rows) {
    CAPTURE(row.arrival.record);
    CAPTURE(row.arrival.index);
    CHECK(cep::KeptEvent::fits_word(row.arrival) == row.fits);
  }
}

TEST_CASE("arrival numbers: beyond a word events keep their order, their alerts and their state") {
  PlanBuilder b;
  const cep::KeySpec card = b.key("card", {{"pay", "card", ""}});
  b.rule("runs", card, {{b.kind("pay")}, {b.kind("pay")}, {b.kind("pay")}}).selection.kind =
      cep::SelectionKind::kNoSkip;
  b.rule("strict", card, {{b.kind("pay")}, {b.kind("pay")}}).pattern[1].contiguity =
      cep::Contiguity::kNext;
  for (cep::Rule& rule : b.plan.rules) rule.within = cep::Duration{1'000'000};
  auto program = cep::compile(std::make_shared<const cep::Plan>(b.plan), {});
  REQUIRE(program.has_value());
  const std::vector<cep::ArrivalNumber> large = {{kRecord - 1, kIndex - 1}, {kRecord - 1, kIndex},
                                                 {kRecord - 1, UINT32_MAX}, {kRecord, 0},
                                                 {kRecord, kIndex},         {UINT64_MAX, 7}};
  std::vector<cep::ArrivalNumber> small;
  for (std::uint32_t i = 0; i < large.size(); ++i) small.push_back({1, i});
  const std::vector<std::string> wanted = lines_of(*program, small, 0);
  CHECK(wanted.size() > 10);
  for (std::size_t stop = 0; stop <= large.size(); ++stop) {
    CAPTURE(stop);
    CHECK(lines_of(*program, small, stop) == wanted);
    CHECK(lines_of(*program, large, stop) == wanted);
  }
}
}  // namespace tocsin::tests
