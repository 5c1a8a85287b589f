/// All matches of a rule for one key, by trying every way through its pattern.
#pragma once
#include <vector>

#include "cep/plan.h"
#include "cep/time.h"
#include "tests/support/oracle_world.h"

namespace tocsin::oracle {
struct Match {
  std::vector<Taken> taken;  // in the order taken, at least one
  bool at_deadline = false;
  cep::EventTime time;  // of its completion: the last event's engine time, or the deadline
  Position cause = 0;   // the completing event, or the one that set the deadline
};
/// Every match over `events`, the positions of the rule's events of one key, as if none were ever
/// dropped; deadlines after `end` do not pass. In no order.
std::vector<Match> all_matches(const World& world, const cep::Rule& rule,
                               const std::vector<Position>& events, cep::EventTime end);
}  // namespace tocsin::oracle
