/// What conditions on partial matches say of the event alone, kept while it is offered to them.
#pragma once
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "cep/plan/expr.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// Calls, look-ups and searches cost up to a walk through a long text: they are made once for an
/// event and a rule, however many partial matches ask. Those that read earlier events too take
/// steps (cep/eval/steps.h) by the bytes that they look at.
class RowMemo {
 public:
  /// The expressions that are kept, by their places (RuleProgram::row_parts).
  using Places = std::unordered_map<const Expr*, std::uint32_t>;

  /// A new event, or another rule at it.
  void begin(const Places& places) {
    places_ = &places;
    if (places.empty()) return;
    values_.clear();
    values_.resize(places.size());
  }
  bool keeps(const Expr& expr) const { return !places_->empty() && places_->contains(&expr); }
  /// The value of an expression that is kept: what it was, or what `evaluate()` gives.
  template <typename Evaluate>
  Value value(const Expr& expr, Evaluate&& evaluate) {
    std::optional<OwnedValue>& kept = values_[places_->at(&expr)];
    if (!kept) kept.emplace(evaluate());
    return kept->view();
  }

 private:
  const Places* places_ = nullptr;
  std::vector<std::optional<OwnedValue>> values_;
};
}  // namespace tocsin::cep
