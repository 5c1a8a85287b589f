#include "api/server/server_context.h"

#include <nlohmann/json.hpp>

namespace tocsin::api {
HttpResponse refusal_response(const Refusal& refusal) {
  switch (refusal.why) {
    case Refusal::Why::kGap:
      return problem_response(ProblemKind::kConflict, refusal.detail,
                              {{"expected_sequence", refusal.expected}});
    case Refusal::Why::kOwned:
      return problem_response(ProblemKind::kProducerOwned, refusal.detail);
    case Refusal::Why::kDiffers:
      return problem_response(
          ProblemKind::kRepeatDiffers, refusal.detail,
          {{"expected_sequence", refusal.expected}, {"differing_sequence", refusal.differing}});
    case Refusal::Why::kTooOld:
      return problem_response(ProblemKind::kRepeatTooOld, refusal.detail,
                              {{"expected_sequence", refusal.expected}});
    case Refusal::Why::kProducers:
      return problem_response(ProblemKind::kConflict, refusal.detail);
    case Refusal::Why::kMemory:
      return unavailable_response(refusal.detail, ProblemKind::kMemoryFull);
    case Refusal::Why::kDisk:
      return unavailable_response(refusal.detail, ProblemKind::kDiskFull);
    case Refusal::Why::kFull:
    case Refusal::Why::kEnding:
    case Refusal::Why::kFailed:
    case Refusal::Why::kNotYet:
      break;
  }
  return unavailable_response(refusal.detail);
}
}  // namespace tocsin::api
