#include "runtime/effects/effects.h"

namespace tocsin::runtime {
std::size_t SliceEffects::bytes() const {
  std::size_t bytes = sizeof *this;
  for (const StoredAlert& alert : alerts) {
    bytes += sizeof alert + alert.order.key.size() + alert.id.size() + alert.rule.size() +
             alert.line.size();
  }
  for (const SideOutputRow& row : side_output)
    bytes += sizeof row + row.source.size() + row.reason.size() + row.text.size();
  for (const TraceRow& row : traces) bytes += sizeof row + row.trace_parent.size();
  return bytes + reinjected.size() * sizeof(Reinjected);
}
}  // namespace tocsin::runtime
