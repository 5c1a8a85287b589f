/// What the rows and deadlines of one slice have in common in one shard and pass.
#pragma once
#include <vector>

#include "cep/alert/event_lists.h"
#include "cep/data/alert.h"
#include "cep/eval/slice.h"
#include "cep/record/pattern_state.h"
#include "cep/record/timers.h"

namespace tocsin::cep {
struct MatchContext {
  Slice& slice;
  std::vector<Alert>& alerts;  // what is raised is appended
  PatternPool& patterns;       // of the shard: states of general patterns
  ShardTimers& timers;         // of the shard and pass: takes the deadlines that are set
  EventLists& lists;           // of the lane: for the events of alerts
};
}  // namespace tocsin::cep
