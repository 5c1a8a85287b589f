#include "cep/stage/stage_change.h"

#include <fmt/format.h>

#include "cep/engine/state_targets.h"
#include "cep/plan/plan.h"
#include "cep/record/state_layout.h"
#include "cep/stage/row_groups.h"
#include "cep/stage/spread.h"

namespace tocsin::cep {
namespace {
tl::unexpected<Error> fail_moving(const std::string& name, std::uint32_t from, std::uint32_t to) {
  return fail(
      Errc::kInvalidArgument,
      fmt::format("what `{}` remembers would have to move from pass {} to pass {}: stop the "
                  "job, and submit the rules again without its state",
                  name, from, to));
}

// State stays in its pass.
Result<void> check_passes(const ProgramImpl& now, const ProgramImpl& next) {
  const StateLayout before = StateLayout::of(now);
  const StateLayout after = StateLayout::of(next);
  const StateTargets targets = make_targets(before, after, next);
  for (std::uint32_t from = 0; from < targets.tables.size(); ++from) {
    for (const auto& [to, target] : targets.tables[from]) {
      const std::uint32_t pass = pass_of(now.tables[from]);
      const std::uint32_t next_pass = pass_of(next.tables[to]);
      for (std::size_t i = 0; pass != next_pass && i < target.parts.size(); ++i) {
        if (target.parts[i].op == 0) continue;
        return fail_moving(before.tables[from].parts[i].name, pass, next_pass);
      }
    }
  }
  for (std::uint32_t from = 0; from < targets.values.size(); ++from) {
    if (targets.values[from] == StateTargets::kNone) continue;
    const std::uint32_t pass = now.rules[before.values[from].rule].pass;
    const std::uint32_t next_pass = next.rules[after.values[targets.values[from]].rule].pass;
    if (pass != next_pass) return fail_moving(before.values[from].name, pass, next_pass);
  }
  return {};
}
}  // namespace

Result<void> check_change(const Program& now, const Program& next) {
  if (now.impl().plan_digest == next.impl().plan_digest) {
    return fail(Errc::kInvalidArgument, "these are the rules that the stage runs already");
  }
  std::string obstacles;
  for (const SpreadObstacle& obstacle : spread_obstacles(next)) {
    obstacles += (obstacles.empty() ? "" : "; ") + obstacle.text;
  }
  if (!obstacles.empty()) {
    return fail(Errc::kUnsupported, "the rules cannot be spread: " + obstacles);
  }
  return check_passes(now.impl(), next.impl());
}

Result<void> check_change_time(EventTime from, EventTime reached, bool waits) {
  if (waits) {
    return fail(Errc::kConflict, "a change of rules waits already: only one can wait at a time");
  }
  if (from > reached && from < kEventTimeMax) return {};
  return fail(Errc::kInvalidArgument,
              "rules change at a time that the stage has not come to: after its watermark, and "
              "after every event that a source was given");
}

Result<void> check_same_change(const std::optional<StageChange>& awaited,
                               const StageChange& prepared) {
  if (!awaited || *awaited == prepared) return {};
  return fail(
      Errc::kInvalidArgument,
      fmt::format("the state waits for another change of rules, at {} µs", awaited->from.us));
}

Error unknown_plan() {
  return {Errc::kMismatch,
          "the block is of rules that the stage does not have: a change of rules is to be prepared "
          "before their first block comes"};
}

Error change_not_prepared(EventTime from) {
  return {Errc::kConflict,
          fmt::format("the state waits for a change of rules at {} µs: prepare it before the rest "
                      "of the state is restored",
                      from.us)};
}

Error change_passed() {
  return {Errc::kInvalidArgument,
          "the state is past the change of rules, and of other rules than those after it"};
}

bool KeptEntries::give(StageSink& sink, std::size_t bytes_max) {
  std::size_t bytes = 0;
  for (; next_ < entries_.size(); ++next_) {
    if (bytes > 0 && bytes >= bytes_max) return false;
    const Entry& entry = entries_[next_];
    bytes += entry.key.size() + entry.value.size() + 1;
    if (entry.is_put) {
      sink.put(entry.group, entry.key, entry.value);
    } else if (entry.key.empty()) {
      sink.clear(entry.group);
    } else {
      sink.remove(entry.group, entry.key);
    }
  }
  entries_.clear();
  next_ = 0;
  return true;
}
}  // namespace tocsin::cep
