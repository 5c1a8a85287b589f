/// What conditions on partial matches, and `having`, say of the event alone, kept while they are
/// asked of each.
#pragma once
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "cep/plan/expr.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// Calls, look-ups and searches cost up to a walk through a long text: they are made once for an
/// event and a rule, however many partial matches ask. Those that are not kept take steps
/// (cep/eval/steps.h) by the bytes that they look at.
class RowMemo {
 public:
  /// The expressions that are kept, by their places (RuleProgram::row_parts).
  using Places = std::unordered_map<const Expr*, std::uint32_t>;

  /// Nothing is kept before begin().
  RowMemo() = default;
  /// A new event, or another rule at it.
  void begin(const Places& places) {
    places_ = &places;
    if (places.empty()) return;
    values_.clear();
    values_.resize(places.size());
  }
  bool keeps(const Expr& expr) const {
    return places_ != nullptr && !places_->empty() && places_->contains(&expr);
  }
  /// The value of an expression that is kept: what it was, or what `evaluate()` gives.
  template <typename Evaluate>
  Value value(const Expr& expr, Evaluate&& evaluate) {
    std::optional<OwnedValue>& kept = values_[places_->at(&expr)];
    if (!kept) kept.emplace(evaluate());
    return kept->view();
  }
  /// What `ask()` says with the memo in the scope (EvalScope::memo).
  template <typename Scope, typename Ask>
  bool ask(Scope& scope, Ask&& ask) {
    scope.memo = this;
    const bool is_so = ask();
    scope.memo = nullptr;
    return is_so;
  }

 private:
  const Places* places_ = nullptr;
  std::vector<std::optional<OwnedValue>> values_;
};
}  // namespace tocsin::cep
