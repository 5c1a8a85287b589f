/// Conditions that hold only for some events that are known, by their times and ids.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "cep/base/index.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// An event as an alert lists it.
struct MatchEvent {
  std::string as;
  EventTypeIndex type;
  EventTime ts;
  std::string id;
};
/// The types and roles of kinds, each once, without their conditions.
std::vector<Subset> any_of_types(const std::vector<Subset>& kinds);
/// That an event of these types is one of `events`, given by their places: it has the time of one
/// of them and, where the types know events by a text of their own, the id of one of them.
ExprPtr pinned(const Plan& plan, const std::vector<Subset>& types,
               const std::vector<MatchEvent>& events, const std::vector<std::size_t>& places);
}  // namespace tocsin::cep
