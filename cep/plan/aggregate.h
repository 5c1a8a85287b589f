/// The aggregates of the rule language: functions of the values of a window's or a loop's events.
/// cep/plan/aggregates.def lists them; its columns there are the traits of each.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

namespace tocsin::cep {
enum class Aggregate : std::uint8_t {
#define TOCSIN_AGGREGATE(aggregate, ...) aggregate,
#include "cep/plan/aggregates.def"
#undef TOCSIN_AGGREGATE
};
/// What values an aggregate takes; only one of nothing has no argument.
enum class AggregateInput : std::uint8_t {
  kNothing,
  kAnything,
  kOrdered,
  kNumbers,
  kNumbersOrDurations,
};
enum class AggregateResult : std::uint8_t {
  kArgument,  // a value of its argument's type
  kNumberOf,  // how many events or values: a whole number
  kQuotient,  // of a sum: of a float or a duration the same, else a fraction
  kFloat,
};
enum class AggregateParameter : std::uint8_t {
  kNone,
  kDecay,  // a half life or a weight
  kPercentage,
};
struct AggregateTraits {
  const char* name = "";   // its word in the language and in canonical texts
  const char* words = "";  // before its argument, in plain words
  AggregateInput takes = AggregateInput::kAnything;
  AggregateResult gives = AggregateResult::kArgument;
  AggregateParameter parameter = AggregateParameter::kNone;
  bool zero_over_nothing = false;  // 0 over no values; otherwise missing
  bool never_negative = false;
  bool of_loops = true;         // over the events of a match too, not of windows alone
  bool can_remove = true;       // its oldest value; otherwise it has no panes, and a window that
                                // slides is gone through at a read
  bool estimates_many = false;  // exact up to kExactValuesMax values (cep/aggregate/quantile.h)
};
inline constexpr auto kAggregateTraits = [] {
  using enum AggregateInput;
  using enum AggregateResult;
  using enum AggregateParameter;
  return std::to_array<AggregateTraits>({
#define TOCSIN_AGGREGATE(aggregate, word, plain_words, ...) \
  {.name = word, .words = plain_words, __VA_ARGS__},
#include "cep/plan/aggregates.def"
#undef TOCSIN_AGGREGATE
  });
}();
/// All of them, in the order of the enum.
inline constexpr auto kAggregates = std::to_array<Aggregate>({
#define TOCSIN_AGGREGATE(aggregate, ...) Aggregate::aggregate,
#include "cep/plan/aggregates.def"
#undef TOCSIN_AGGREGATE
});

constexpr const AggregateTraits& traits_of(Aggregate aggregate) {
  return kAggregateTraits[static_cast<std::size_t>(aggregate)];
}
/// `count`, `stddev_pop`.
constexpr const char* aggregate_name(Aggregate aggregate) { return traits_of(aggregate).name; }
}  // namespace tocsin::cep
