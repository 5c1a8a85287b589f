#include "tests/support/random_effects.h"

#include <fmt/format.h>

namespace tocsin::tests {
using namespace runtime;

StoredAlert effect_alert(std::int64_t time_us, std::uint32_t ordinal, bool is_live,
                         std::size_t line_bytes) {
  StoredAlert alert;
  alert.order.time = {time_us};
  alert.order.phase = ordinal % 3 == 0 ? cep::Phase::kTimer : cep::Phase::kEvent;
  alert.order.arrival = {static_cast<std::uint64_t>(time_us), 7, 0};
  alert.order.rule = ordinal;
  alert.order.key = fmt::format("key {}", ordinal);
  if (ordinal % 3 != 0) alert.order.ordinal = ordinal;
  alert.id = fmt::format("{:024x}{:08x}", time_us, ordinal);
  alert.rule = fmt::format("rule_{}", ordinal % 2);
  alert.severity = static_cast<cep::Severity>(ordinal % 5);
  alert.is_live = is_live;
  alert.ts = {time_us - 1};
  alert.line = fmt::format(R"({{"format":1,"id":"{}"}})", alert.id);
  if (alert.line.size() < line_bytes) alert.line.insert(alert.line.size() - 1, line_bytes, ' ');
  return alert;
}

SideOutputRow effect_side_output(SideOutputKind kind, std::uint64_t record, std::uint32_t index) {
  SideOutputRow row;
  row.kind = kind;
  row.arrival = {record, index, 0};
  row.source = "payments.ndjson";
  row.line = record * 10 + index;
  row.taken_at = {static_cast<std::int64_t>(record) * 1'000'000};
  if (kind == SideOutputKind::kLate) {
    row.late_by = {1'500'000};
  } else {
    row.reason = "not JSON";
  }
  row.text = fmt::format("line {} of record {}", index, record);
  return row;
}

std::vector<SliceEffects> random_effects(Random& random, std::size_t count) {
  std::vector<SliceEffects> slices;
  std::int64_t time_us = 1'000;
  for (std::uint64_t record = 1; record <= count; ++record) {
    SliceEffects slice;
    slice.cause = record;
    const std::size_t alerts = random.chance(40) ? 0 : random.below(4);
    for (std::size_t i = 0; i < alerts; ++i) {
      if (slice.alerts.empty() || random.chance(50)) time_us += random.between(1, 5);
      const std::uint32_t ordinal =
          slice.alerts.empty() || slice.alerts.back().order.time.us != time_us
              ? 3  // a timer's, first at its time
              : slice.alerts.back().order.rule + 1 + (slice.alerts.back().order.rule % 3 == 2);
      slice.alerts.push_back(effect_alert(time_us, ordinal, random.chance(80)));
    }
    const std::size_t side_output = random.below(3);
    for (std::uint32_t i = 0; i < side_output; ++i) {
      slice.side_output.push_back(effect_side_output(
          random.chance(50) ? SideOutputKind::kLate : SideOutputKind::kDead, record, i));
    }
    if (!slices.empty() && random.chance(20)) {
      const SliceEffects& earlier = random.pick(slices);
      for (const SideOutputRow& row : earlier.side_output)
        slice.reinjected.push_back({row.kind, 1, row.arrival, record});
    }
    slices.push_back(std::move(slice));
  }
  return slices;
}
}  // namespace tocsin::tests
