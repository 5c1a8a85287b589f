/// Exponentially weighted moving averages, one value after the other.
#pragma once
#include "cep/aggregate/window_spec.h"
#include "cep/plan/feature.h"
#include "cep/value/real_math.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// The weight of a new value `gap` after the one before it: 1 - 2^-(gap / half_life).
inline double ewma_weight(Duration gap, Duration half_life) {
  return 1.0 - real_exp2(-(static_cast<double>(gap.us) / static_cast<double>(half_life.us)));
}
/// The average after a new value of this weight.
inline double ewma_next(double average, double value, double weight) {
  const double kept = (1.0 - weight) * average;
  return weight * value + kept;
}
/// The average of a feature's values after another word of them, where the one before came at
/// `newest`.
inline double ewma_after(double average, EventTime newest, EventTime time, Word word,
                         const WindowSpec& spec) {
  const Feature& feature = *spec.feature;
  const double weight =
      feature.weight ? *feature.weight : ewma_weight(time - newest, *feature.half_life);
  return ewma_next(average, real_of_word(word, spec), weight);
}
}  // namespace tocsin::cep
