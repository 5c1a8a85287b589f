/// Rules with other bounds, all of them in one program.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "api/backtest/backtest_report.h"
#include "api/rules/rule_loader.h"
#include "cep/base/result.h"
#include "cep/engine/engine.h"
#include "rules/context/rules.h"
#include "rules/variation/variants.h"

namespace tocsin::api {
/// Variants that are right rules, and what is to be said of all others.
struct VariedRules {
  /// The rules as they were, and the variants behind them; absent where there is no variant.
  std::optional<cep::Program> program;
  VariationFigures figures;  // without counts of alerts
  /// Parallel to `figures.variants`: the rule in the program's plan.
  std::vector<std::uint32_t> rules;
};
/// Makes at most `variants_max` variants of rules that were loaded from `files` without an error;
/// `read_file` reads these and what they name again. Fails with kLimit where all variants together
/// are more than one program can be.
Result<VariedRules> vary_rules(const LoadedRules& loaded, const std::vector<std::string>& files,
                               const rules::ReadFile& read_file, std::size_t variants_max);
/// The figures with what the variants' alerts came to; `result` is of the varied program.
VariationFigures variation_figures(const VariedRules& varied, const SetResult& result,
                                   const Labels* labels);
}  // namespace tocsin::api
