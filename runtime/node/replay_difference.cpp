#include "runtime/node/replay_difference.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace tocsin::runtime {
namespace {
constexpr std::size_t kExamplesMax = 20;
}  // namespace

ReplayDifference::ReplayDifference(const EffectReader& reader, EmittedMark from, EmittedMark mark)
    : reader_(reader), from_(std::move(from)), mark_(std::move(mark)) {}

void ReplayDifference::take(const StoredAlert& alert) {
  if (!failure_) return;
  const Result<std::vector<std::uint64_t>> numbers = reader_.numbers_of(alert.id);
  if (!numbers) {
    failure_ = tl::unexpected(numbers.error());
    return;
  }
  const auto known = std::ranges::find_if(*numbers, [&](std::uint64_t number) {
    return number > from_.number && number <= mark_.number;
  });
  if (known != numbers->end() && seen_.insert(*known).second) {
    ++report_.same;
    return;
  }
  ++report_.added;
  add_example('+', alert);
}

Result<ReplayReport> ReplayDifference::report() {
  if (!failure_) return tl::unexpected(failure_.error());
  const Result<void> read = reader_.alerts(from_.number + 1, [&](const StoredAlert& alert) {
    if (alert.number > mark_.number) return false;
    if (seen_.contains(alert.number) || is_from_topic(alert)) return true;
    ++report_.gone;
    add_example('-', alert);
    return true;
  });
  if (!read) return tl::unexpected(read.error());
  return std::move(report_);
}

void ReplayDifference::add_example(char sign, const StoredAlert& alert) {
  if (report_.examples.size() == kExamplesMax) return;
  report_.examples.push_back(fmt::format("{} {} of rule {} ({})", sign, alert.id, alert.rule,
                                         describe_order(alert.order)));
}
}  // namespace tocsin::runtime
