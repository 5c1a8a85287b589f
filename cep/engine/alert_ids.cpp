#include "cep/engine/alert_ids.h"

#include "cep/plan/rule.h"

namespace tocsin::cep {
void AlertIds::give(Alert& alert) {
  const RuleProgram& program = program_.rules[alert.rule.value];
  const Rule& rule = *program.rule;
  OfPass& ids = ids_[program.pass];
  const std::size_t events = alert.window_begin ? 1 : alert.events.size();
  digester_.begin(rule.id, alert.order.key, alert.ts, events + (alert.events_omitted > 0 ? 1 : 0));
  if (alert.window_begin) {
    digester_.add(identity_of_window(*alert.window_begin, alert.ts));
  } else {
    for (const BoundEvent& event : alert.events) digester_.add(event.identity);
  }
  if (alert.events_omitted > 0) digester_.add(identity_of_omitted(alert.events_omitted));
  if (alert.ts != ids.time) {
    ids.given.clear();
    ids.time = alert.ts;
  }
  AlertDigest digest = digester_.digest(0);
  const std::uint32_t number = ids.given.count(digest)++;
  if (number > 0) digest = digester_.digest(number);
  alert.id = alert_id(digest);
}

void AlertIds::begin_at(EventTime time) {
  for (OfPass& ids : ids_) {
    ids.time = time;
    ids.given.clear();
  }
}

void AlertIds::note(const AlertDigest& digest, std::uint32_t count) {
  for (OfPass& ids : ids_) ids.given.count(digest) = count;
}
}  // namespace tocsin::cep
