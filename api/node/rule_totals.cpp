#include "api/node/rule_totals.h"

#include <algorithm>

#include "cep/plan/rule.h"

namespace tocsin::api {
namespace {
using std::chrono::steady_clock;
constexpr std::chrono::seconds kLeastAge{1};
constexpr int kShare = 20;
}  // namespace

Served<std::map<std::string, cep::RuleTotals>> RuleTotalsReader::read(
    std::chrono::milliseconds patience) {
  const std::lock_guard lock(mutex_);
  if (steady_clock::now() < count_again_) return totals_;
  steady_clock::duration took{};
  const Served<void> asked = node_.ask(
      [&](runtime::Node& node) {
        const auto began = steady_clock::now();
        const std::vector<cep::RuleTotals> totals = node.engine().rule_totals();
        const std::vector<cep::Rule>& rules = node.program().plan().rules;
        totals_.clear();
        for (std::size_t i = 0; i < rules.size(); ++i) totals_[rules[i].id] = totals[i];
        took = steady_clock::now() - began;
      },
      patience);
  if (!asked) return tl::unexpected(asked.error());
  count_again_ = steady_clock::now() + std::max<steady_clock::duration>(kLeastAge, took * kShare);
  return totals_;
}
}  // namespace tocsin::api
