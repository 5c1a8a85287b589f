/// What a source of events may do in time.
#pragma once
#include <cstdint>
#include <optional>

#include "cep/value/time.h"

namespace tocsin::runtime {
/// What becomes of an event that comes behind its source's watermark.
enum class LatePolicy : std::uint8_t {
  kSide,   // set aside: it goes to the late output
  kClamp,  // taken now, at the watermark
};
/// Given at a source's opening, and part of what a journal means.
struct SourcePolicy {
  cep::Duration bound;  // how far behind its newest event another is still on time, >= 0
  LatePolicy late = LatePolicy::kSide;
  /// An event later than this is set aside under both policies. Nothing: none is too late.
  std::optional<cep::Duration> late_max;
  friend bool operator==(const SourcePolicy&, const SourcePolicy&) = default;
};
/// Whether an event that is so late is set aside, or taken.
inline bool goes_to_side_output(const SourcePolicy& policy, cep::Duration late_by) {
  return policy.late == LatePolicy::kSide || (policy.late_max && late_by > *policy.late_max);
}
}  // namespace tocsin::runtime
