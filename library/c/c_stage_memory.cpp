// How much memory a stage may take, and what it counts.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "library/c/c_stage_call.h"

namespace tocsin::library {
namespace {
std::string shown_bytes(std::uint64_t bytes) {
  constexpr double kKiB = 1024;
  const auto amount = static_cast<double>(bytes);
  if (amount < kKiB) return fmt::format("{} bytes", bytes);
  if (amount < kKiB * kKiB) return fmt::format("{:.1f} KiB", amount / kKiB);
  return fmt::format("{:.1f} MiB", amount / (kKiB * kKiB));
}

CallResult fail_waiting(const tocsin_stage& stage, const StageUse& use) {
  return fail_call(
      TOCSIN_LIMIT,
      fmt::format("the stage may take {} of memory, and {} of what waits ({} rows) come to {} of "
                  "what it remembers. Let inputs be read at the same pace of event time, use more "
                  "parts, or allow more memory",
                  shown_bytes(stage.memory_max), shown_bytes(use.waiting_bytes), use.waiting,
                  shown_bytes(use.state_bytes)));
}

CallResult fail_state(const tocsin_stage& stage, const StageUse& use) {
  constexpr std::size_t kShown = 5;
  std::string holders;
  for (const StageHolder& holder : stage.part->holders(kShown)) {
    holders += fmt::format("{}{} {}", holders.empty() ? ". Most is of " : ", ", holder.what,
                           shown_bytes(holder.bytes));
  }
  return fail_call(
      TOCSIN_LIMIT,
      fmt::format("the stage may take {} of memory, and what it remembers takes {}, beside {} of "
                  "what waits{}. Use more parts, allow more memory, or let rules and features look "
                  "back less far (`within`, `over`)",
                  shown_bytes(stage.memory_max), shown_bytes(use.state_bytes),
                  shown_bytes(use.waiting_bytes), holders));
}

CallResult check(const tocsin_stage& stage, const StageUse& use) {
  if (use.state_bytes + use.waiting_bytes <= stage.memory_max) return {};
  return use.waiting_bytes > use.state_bytes ? fail_waiting(stage, use) : fail_state(stage, use);
}
}  // namespace

CallResult check_memory(tocsin_stage& stage) {
  if (stage.memory_max == 0) return {};
  const StageUse use = stage.part->use();
  stage.state_bytes = use.state_bytes;
  return check(stage, use);
}

CallResult check_memory_for_block(const tocsin_stage& stage) {
  if (stage.memory_max == 0) return {};
  StageUse use = stage.part->waiting();
  use.state_bytes = stage.state_bytes;
  return check(stage, use);
}
}  // namespace tocsin::library

using namespace tocsin::library;  // NOLINT: what follows is outside of every namespace

tocsin_status tocsin_stage_memory(tocsin_stage* stage, uint64_t max_bytes, tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    of.memory_max = max_bytes;
    return {};
  });
}

tocsin_status tocsin_stage_count(tocsin_stage* stage, tocsin_counters* counters, size_t size,
                                 tocsin_error** error) {
  return call_stage(stage, error, [&](tocsin_stage& of) -> CallResult {
    if (counters == nullptr) return fail_null("counters");
    if (size == 0 || size % sizeof(uint64_t) != 0) {
      return fail_call(TOCSIN_INVALID_ARGUMENT, "size is sizeof(tocsin_counters)");
    }
    tocsin_counters all{};
    of.part->count(all);
    const StageUse use = of.part->use();
    all.waiting = use.waiting;
    all.waiting_bytes = use.waiting_bytes;
    all.state_bytes = use.state_bytes;
    all.memory_max = of.memory_max;
    all.cuts = of.cuts;
    all.cut_entries = of.cut_entries;
    all.cut_bytes = of.cut_bytes;
    all.native_ns = of.native_ns;
    all.watermark_us = shown_watermark(of.part->watermark());
    std::memset(counters, 0, size);
    std::memcpy(counters, &all, std::min(size, sizeof(all)));
    return {};
  });
}
