// Numbers of times in the units that their fields declare.
#include <doctest/doctest.h>

#include <string>

#include "tests/runtime/decoding.h"

namespace tocsin::runtime {
namespace {
using cep::Value;
using tests::Decoding;
using tests::payment;

// The plan of the tests with units; payments' own times are of a plausible year.
cep::Plan plan_of_unit(cep::TimeUnit unit) {
  cep::Plan plan = tests::event_plan();
  for (const char* name : {"ts", "seen", "wait"}) {
    cep::Field& field = plan.event_types[0].fields[tests::field_index(plan, "payment", name).value];
    field.unit = unit;
    field.any_year = field.type.kind != cep::TypeKind::kTime;
  }
  return plan;
}
}  // namespace

TEST_CASE("decoder: a number of time counts the unit of its field") {
  struct Row {
    cep::TimeUnit unit;
    const char* ts;
    const char* wait;
    std::int64_t ts_us;
    std::int64_t wait_us;
  };
  using enum cep::TimeUnit;
  const Row rows[] = {
      {kSeconds, "1772452800", "90", 1'772'452'800'000'000, 90'000'000},
      {kSeconds, "1772452800.25", "0.5", 1'772'452'800'250'000, 500'000},
      {kSeconds, "1772452800.1234567", "-0.0000001", 1'772'452'800'123'456, -1},
      {kSeconds, "1.7724528e9", "1e-7", 1'772'452'800'000'000, 0},
      {kMilliseconds, "1772452800123", "1500", 1'772'452'800'123'000, 1'500'000},
      {kMilliseconds, "1772452800123.4567", "0.25", 1'772'452'800'123'456, 250},
      {kMicroseconds, "1772452800123456", "7", 1'772'452'800'123'456, 7},
      {kNanoseconds, "1772452800123456789", "1999", 1'772'452'800'123'456, 1},
      {kNanoseconds, "631152000000000000", "-1", 631'152'000'000'000, -1},
      {kSeconds, "4133980799.999999", "1", 4'133'980'799'999'999, 1'000'000},
      {kMilliseconds, R"("2026-03-02T12:00:00.5Z")", "1", 1'772'452'800'500'000, 1'000},
      {kSeconds, R"("1985-03-01T00:00:00Z")", "1", 478'483'200'000'000, 1'000'000},
  };
  for (const Row& row : rows) {
    CAPTURE(row.ts);
    CAPTURE(row.wait);
    Decoding decoding(plan_of_unit(row.unit));
    const cep::Row kept =
        decoding.keep(std::string(R"({"type":"payment","id":"p1","card":"c","amount":1,"ts":)") +
                      row.ts + R"(,"seen":)" + row.ts + R"(,"wait":)" + row.wait + "}");
    CHECK(decoding.problems().empty());
    CHECK(kept.ts.us == row.ts_us);
    CHECK(decoding.value(kept, "ts").number == row.ts_us);
    CHECK(decoding.value(kept, "seen").number == row.ts_us);
    CHECK(decoding.value(kept, "wait").number == row.wait_us);
  }
}

TEST_CASE("decoder: a number that is no plausible time in its unit is a dead letter that asks") {
  struct Row {
    cep::TimeUnit unit;
    const char* ts;
    const char* wrong;
  };
  using enum cep::TimeUnit;
  const Row rows[] = {
      {kMicroseconds, "1772452800123",
       "before 1990 in microseconds: 1772452800123; are these milliseconds? Write `ts: time in "
       "ms`"},
      {kMicroseconds, "1772452800",
       "before 1990 in microseconds: 1772452800; are these seconds? Write `ts: time in s`"},
      {kMicroseconds, "1772452800.5",
       "before 1990 in microseconds: 1772452800.5; are these seconds? Write `ts: time in s`"},
      {kMicroseconds, "1772452800123456789",
       "after 2100 in microseconds: 1772452800123456789; are these nanoseconds? Write `ts: time "
       "in ns`"},
      {kMilliseconds, "1772452800123456",
       "after 2100 in milliseconds: 1772452800123456; are these microseconds? Write `ts: time in "
       "us`"},
      {kMilliseconds, "1772452800123456789",
       "after 2100 in milliseconds: 1772452800123456789; are these nanoseconds? Write `ts: time "
       "in ns`"},
      {kSeconds, "1772452800123",
       "after 2100 in seconds: 1772452800123; are these milliseconds? Write `ts: time in ms`"},
      {kNanoseconds, "1772452800",
       "before 1990 in nanoseconds: 1772452800; are these seconds? Write `ts: time in s`"},
      {kSeconds, "5",
       "before 1990 in seconds: 5; if that is right, write `ts: time in s from 1970`"},
      {kMicroseconds, "-5",
       "before 1990 in microseconds: -5; if that is right, write `ts: time from 1970`"},
      {kMicroseconds, "99999999999999999999999",
       "after 2100 in microseconds: 99999999999999999999999; if that is right, write `ts: time "
       "from 1970`"},
      {kMicroseconds, "631151999999999",
       "before 1990 in microseconds: 631151999999999; if that is right, write `ts: time from "
       "1970`"},
      {kMicroseconds, "4133980800000000",
       "after 2100 in microseconds: 4133980800000000; if that is right, write `ts: time from "
       "1970`"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.ts);
    Decoding decoding(plan_of_unit(row.unit));
    CHECK(decoding.reason(std::string(R"({"type":"payment","id":"p1","ts":)") + row.ts + "}") ==
          std::string("event time `ts` of `payment` lies ") + row.wrong);
    // Another field of the same kind is missing, and counted.
    const cep::Row kept = decoding.keep(
        std::string(R"({"type":"payment","id":"p1","ts":"2026-03-02T12:00:00Z","card":"c",)") +
        R"("amount":1,"seen":)" + row.ts + "}");
    CHECK(decoding.value(kept, "seen").is_missing());
    std::string wanted = std::string("payment.seen at f:1: lies ") + row.wrong;
    wanted.replace(wanted.find("`ts:"), 4, "`seen:");
    CHECK(decoding.problem() == wanted);
  }
  // From 1970 on, every number is a time.
  cep::Plan plan = plan_of_unit(kMilliseconds);
  plan.event_types[0].fields[1].any_year = true;
  Decoding decoding(plan);
  CHECK(decoding.keep(payment("")).ts.us == 5'000);
  CHECK(decoding.reason(R"({"type":"payment","ts":4611686018427388})") ==
        "event time `ts` of `payment` is not a valid time: 4611686018427388");
}
}  // namespace tocsin::runtime
