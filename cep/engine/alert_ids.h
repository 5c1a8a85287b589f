/// The ids of alerts.
#pragma once
#include <cstdint>
#include <vector>

#include "cep/compile/program.h"
#include "cep/data/alert.h"
#include "cep/engine/given_ids.h"
#include "cep/value/identity.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// Alerts that are equal in rule, key, time and events are told apart by their number; equal ones
/// have one time.
class AlertIds {
 public:
  explicit AlertIds(const ProgramImpl& program) : program_(program), ids_(program.pass_count) {}
  /// Gives the alert its id. Alerts of a rule come in their order.
  void give(Alert& alert);
  /// Calls `visit(digest, count)` for each id that was given at `time`, which is the last.
  template <typename Visit>
  void for_each_at(EventTime time, Visit&& visit) const {
    for (const OfPass& ids : ids_) {
      if (ids.time == time) ids.given.for_each(visit);
    }
  }
  /// Forgets all; from now on these are the ids at `time` that note() says. An id is of one rule,
  /// and that of one pass: the others never ask for it.
  void begin_at(EventTime time);
  void note(const AlertDigest& digest, std::uint32_t count);

 private:
  struct OfPass {
    EventTime time = kEventTimeMin;
    GivenIds given;
  };
  const ProgramImpl& program_;
  std::vector<OfPass> ids_;  // by pass
  AlertDigester digester_;
};
}  // namespace tocsin::cep
