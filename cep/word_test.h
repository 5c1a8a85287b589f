/// A fast form for the commonest correlated conjuncts: a comparison between fields of the event on offer and of an
/// event that the run has bound, each perhaps times a constant, all exact numbers, times, booleans or texts.
#pragma once
#include <cstdint>
#include <optional>

#include "cep/expr.h"
#include "cep/plan.h"

namespace tocsin::cep {
struct WordTerm {
  enum class Source : std::uint8_t { kConstant, kCurrent, kFirst, kLast };
  Source source = Source::kConstant;
  std::uint32_t step = 0;        // kFirst, kLast: of the step's events
  const FieldRef* field = nullptr;
  std::int64_t factor = 1;       // the constant, or what the field is multiplied by, common scale included
  bool checks_product = false;   // the plan multiplies: a product beyond 64 bits is missing
  std::int64_t plan_factor = 1;  // the factor of that multiplication alone
};
struct WordTest {
  WordTerm left;
  WordTerm right;
  Op op = Op::kEqual;
  bool is_text = false;
};
/// The fast form of a conjunct, where it has one.
std::optional<WordTest> make_word_test(const Expr& expr, const std::vector<std::uint32_t>& step_of_var);
}  // namespace tocsin::cep
