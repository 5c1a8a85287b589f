#include "cep/engine/table_shards.h"

#include <algorithm>

namespace tocsin::cep {
namespace {
constexpr std::int64_t kTickLeastUs = 250;
constexpr std::int64_t kTickWithoutWindowsUs = 150'000'000;
}  // namespace

TableShards::TableShards(const ProgramImpl& program, const TableProgram& table,
                         std::uint64_t hash_seed)
    : next_due(program.pass_count),
      queue_of_op_(table.operators.size()),
      tick_us_(table.longest_us == 0 ? kTickWithoutWindowsUs
                                     : std::max(table.longest_us / kTicksOfLongest, kTickLeastUs)) {
  for (auto& of_pass : next_due) of_pass.fill(ShardTimers::kNone);
  std::vector<std::vector<bool>> queues(program.pass_count);
  for (std::size_t i = 0; i < table.operators.size(); ++i) {
    const OperatorProgram& op = table.operators[i];
    if (op.kind != OperatorKind::kRule || !program.rules[op.index].sets_deadlines) continue;
    const RuleProgram& rule = program.rules[op.index];
    queue_of_op_[i] = static_cast<std::uint32_t>(queues[op.pass].size());
    queues[op.pass].push_back(rule.method != Method::kGeneral &&
                              (!rule.waits_from_first || rule.is_of_one_event()));
  }
  for (std::uint32_t i = 0; i < kShardCount; ++i) {
    shards_.push_back(std::make_unique<TableShard>(hash_seed));
    for (const std::vector<bool>& of_pass : queues) shards_.back()->timers.emplace_back(of_pass);
  }
  for (const std::vector<bool>& of_pass : queues) has_timers_.push_back(!of_pass.empty());
}

// Rounds down, also before 1970.
std::int64_t TableShards::tick_of(std::int64_t us) const {
  return us / tick_us_ - (us % tick_us_ < 0 ? 1 : 0);
}
}  // namespace tocsin::cep
