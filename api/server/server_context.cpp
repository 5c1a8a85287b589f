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

std::string unreadiness_of(const NodeService& service) {
  if (std::string failure = service.failure(); !failure.empty()) return failure;
  const NodeFigures figures = service.figures();
  if (figures.journal.state == runtime::JournalState::kNoSpace) {
    return "the disk is full: " + figures.journal.reason;
  }
  if (!figures.effects.no_space.empty()) return "the disk is full: " + figures.effects.no_space;
  if (!figures.no_room.empty()) return "memory is at its limit: " + figures.no_room;
  return {};
}

HttpResponse CheckSlots::full() {
  return refusal_response({Refusal::Why::kFull, "other rules are being checked; try again"});
}
}  // namespace tocsin::api
