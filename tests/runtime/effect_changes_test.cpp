// Alerts that are stored otherwise than they came: in slices, with totals that stay right.
#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <optional>

#include "runtime/effects/effect_store.h"
#include "tests/runtime/effect_process.h"

namespace tocsin::tests {
namespace {
// Changes all, so many at a time; how many slices that took.
int change_all(EffectStore& store, std::size_t rows_max,
               const std::function<bool(StoredAlert&)>& change) {
  int slices = 0;
  for (std::optional<std::uint64_t> from = 0; from; ++slices) {
    const auto next = store.change_alerts(*from, rows_max, change);
    REQUIRE(next.has_value());
    from = *next;
  }
  return slices;
}
}  // namespace

TEST_CASE(
    "effect store: changed alerts keep their numbers and ids, and totals are of what is there") {
  ModelDisk disk;
  std::uint64_t bytes = 0;
  {
    Process process(disk);
    REQUIRE(process->begin_timeline(kFirst, {}, {}));
    for (std::int64_t i = 0; i < 20; ++i)
      REQUIRE(commit(process, with_alerts(1, {effect_alert(i, 1, true, 1000)})));
    bytes = process->reader().totals()->alert_bytes;
    const auto is_even = [](StoredAlert& alert) {
      if (alert.number % 2 != 0) return false;
      alert.line = "{}";
      return true;
    };
    CHECK(change_all(*process, 7, is_even) == 3);
    CHECK(change_all(*process, 20, [](StoredAlert&) { return false; }) == 1);
    CHECK(process->reader().totals()->alert_bytes < bytes);
    bytes = process->reader().totals()->alert_bytes;
  }
  Process process(disk);
  CHECK(process->reader().totals()->alert_bytes == bytes);
  CHECK(numbers_of(process->reader()).size() == 20);
  for (const std::uint64_t number : {4U, 5U}) {
    const auto alert = process->reader().alert(number);
    REQUIRE((alert && *alert));
    CHECK((*alert)->id == effect_alert(number - 1, 1, true, 1000).id);
    CHECK(((*alert)->line == "{}") == (number == 4));
  }
  // Retention takes just what is there.
  RetentionPolicy policy;
  policy.alerts.bytes_max = 0;
  while (!*process->retain(policy, 7)) {
  }
  CHECK(process->reader().totals()->alert_bytes == 0);
}
}  // namespace tocsin::tests
