/// Aggregates over lists of values.
#pragma once
#include <optional>
#include <vector>

#include "cep/plan/expr.h"
#include "cep/value/time.h"
#include "cep/value/value.h"

namespace tocsin::oracle {
/// What else an aggregate is told.
struct AggregateOptions {
  std::optional<cep::Duration> half_life;
  std::optional<double> weight;
  double percentile = 0;
};
/// An aggregate over known values in the order of their events, whose times stand beside them
/// (needed for a half life alone). `type` is the result's. For count the values do not matter.
cep::Value aggregate(cep::Aggregate kind, const cep::Type& type,
                     const std::vector<cep::Value>& values,
                     const std::vector<cep::EventTime>& times,
                     const AggregateOptions& options = {});
}  // namespace tocsin::oracle
