// What retention takes from a store of effects, and what it leaves.
#include <doctest/doctest.h>

#include <cstdint>

#include "runtime/effects/effect_store.h"
#include "tests/runtime/effect_process.h"

namespace tocsin::tests {
namespace {
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
}  // namespace
}  // namespace tocsin::tests
