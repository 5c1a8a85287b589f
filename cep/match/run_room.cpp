#include "cep/match/run_room.h"

#include <algorithm>
#include <cstddef>
#include <span>

namespace tocsin::cep {
namespace {
// So many rules behind the current one are looked at.
constexpr std::size_t kRulesAhead = 16;

// Words that one more run of the rule takes, where all its runs are at the first step.
std::uint32_t words_of_start(const RuleProgram& rule, const RuleHeader& state) {
  const std::uint32_t taken = 1 + (rule.steps[0].max > 1 ? state.run_count : 0);
  const std::uint32_t runs = state.run_count + 1;
  const std::uint32_t block =
      runs <= state.run_capacity ? 0 : rule_header_words(rule) + (runs + runs / 4) * kRunWords;
  return taken * kNodeWords + block;
}
}  // namespace

RunRoom::RunRoom(CurrentRuns& current) : current_(current) {
  for (const OperatorProgram& op : current.scope.table->operators) {
    if (op.kind != OperatorKind::kRule) continue;
    const RuleProgram& rule = current.program.rules[op.index];
    if (rule.method == Method::kRuns) rules_.push_back(&rule);
  }
}

void RunRoom::expect_later(const RuleProgram& rule, const CurrentRow& row) const {
  const auto behind = std::ranges::upper_bound(rules_, rule.op, {}, &RuleProgram::op);
  const auto left = static_cast<std::size_t>(rules_.end() - behind);
  std::uint32_t words = 0;
  std::uint32_t operators = 0;
  std::span<const OperatorEntry> listed;
  if (row.record != nullptr) listed = RecordStore::operators_of(row.record);
  auto entry = listed.begin();
  for (std::size_t i = 0; i < std::min(left, kRulesAhead); ++i) {
    const RuleProgram& later = *behind[static_cast<std::ptrdiff_t>(i)];
    if (!row.satisfies(later.steps[0].take.predicate)) continue;
    while (entry != listed.end() && entry->op < later.op) ++entry;
    RuleHeader state;
    if (entry != listed.end() && entry->op == later.op) {
      state = *RecordStore::at<RuleHeader>(row.record, entry->state);
    } else {
      ++operators;
    }
    if (!state.is_busy()) words += words_of_start(later, state);
  }
  current_.store.expect(words, operators);
}
}  // namespace tocsin::cep
