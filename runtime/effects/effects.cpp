#include "runtime/effects/effects.h"

namespace tocsin::runtime {
namespace {
std::size_t bytes_of(const std::vector<StoredAlert>& alerts) {
  std::size_t bytes = 0;
  for (const StoredAlert& alert : alerts) {
    bytes += sizeof alert + alert.order.key.size() + alert.id.size() + alert.rule.size() +
             alert.line.size() + alert.source.size();
  }
  return bytes;
}
std::size_t bytes_of(const std::vector<SideOutputRow>& rows) {
  std::size_t bytes = 0;
  for (const SideOutputRow& row : rows)
    bytes += sizeof row + row.source.size() + row.reason.size() + row.text.size();
  return bytes;
}
}  // namespace

std::size_t SliceEffects::bytes() const {
  std::size_t bytes = sizeof *this + bytes_of(alerts) + bytes_of(side_output) +
                      bytes_of(inbox.alerts) + bytes_of(inbox.dead);
  for (const TraceRow& row : traces) bytes += sizeof row + row.trace_parent.size();
  return bytes + reinjected.size() * sizeof(Reinjected) + inbox.places.size() * sizeof(InboxPlace);
}
}  // namespace tocsin::runtime
