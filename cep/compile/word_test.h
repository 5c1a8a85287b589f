/// A fast form for the commonest correlated conjuncts: a comparison between fields of the event on
/// offer and of an event that the run has bound, each perhaps times a constant, all exact numbers,
/// times, booleans or texts.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "cep/plan/expr.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/int128.h"

namespace tocsin::cep {
/// Whether a value of the kind is one exact number, and equal to another exactly where that is the
/// same: numbers of one scale, times and booleans.
bool is_word(TypeKind kind);

struct WordTerm {
  enum class Source : std::uint8_t { kConstant, kCurrent, kFirst, kLast };
  static constexpr std::uint32_t kNoField = ~std::uint32_t{0};
  Source source = Source::kConstant;
  bool checks_product = false;  // the plan multiplies: a product beyond 64 bits is missing
  std::uint32_t step = 0;       // kFirst, kLast: of the step's events
  std::vector<std::uint32_t> field_of_type;  // kNoField where the type has none
  std::vector<std::uint16_t> place_of_type;  // strict rules: among the words that a captured event
                                             // keeps; CaptureLayout::kNotKept
  std::int64_t factor =
      1;  // the constant, or what the field is multiplied by, common scale included
  std::int64_t plan_factor = 1;  // the factor of the plan's multiplication alone
};
struct WordTest {
  WordTerm left;
  WordTerm right;
  Op op = Op::kEqual;
  bool is_text = false;
};
/// The fast form of a conjunct, where it has one.
std::optional<WordTest> make_word_test(const Plan& plan, const Expr& expr,
                                       const std::vector<std::uint32_t>& step_of_var);

/// A fast form for sums of such fields: `the terms and the constant, added up, op 0`, where the
/// terms are their fields times their factors. It does not say what the conjunct does where the
/// magnitudes add up to more than kMagnitudeMax.
struct SumTest {
  static constexpr Int128 kMagnitudeMax = Int128{1} << 62;
  std::vector<WordTerm> terms;
  Int128 constant = 0;
  Op op = Op::kLess;
};
/// That of a conjunct which has no other, where it has one.
std::optional<SumTest> make_sum_test(const Plan& plan, const Expr& expr,
                                     const std::vector<std::uint32_t>& step_of_var);

/// A conjunct that compares a feature with a literal.
struct FeatureTest {
  FeatureIndex feature;
  Op op = Op::kEqual;
  Value literal;
};
std::optional<FeatureTest> make_feature_test(const Expr& expr);
}  // namespace tocsin::cep
