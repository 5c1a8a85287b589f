#include "cep/alert/shared_events.h"

#include <string>
#include <utility>

namespace tocsin::cep {
std::size_t SharedEvents::Hash::operator()(const ListedEvent& event) const {
  std::uint64_t hash = event.arrival.record;
  for (const std::uint64_t part :
       {std::uint64_t{event.arrival.index}, std::uint64_t{event.arrival.after},
        static_cast<std::uint64_t>(event.engine_time.us), std::uint64_t{event.rule.value},
        std::uint64_t{event.step}, std::uint64_t{event.subset}}) {
    hash = (hash ^ part) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  }
  return hash;
}

std::size_t SharedEvents::bytes_of(const SharedEvent& shared) {
  return sizeof(SharedEvent) + shared.packed.bytes() + shared.json.size();
}

// Null where the event is not known.
std::shared_ptr<const SharedEvent>& SharedEvents::place_of(const ListedEvent& event) {
  if (const auto known = young_.find(event); known != young_.end()) return known->second;
  if (young_.size() == kEventsMax || young_bytes_ >= kBytesMax) {
    old_ = std::exchange(young_, {});
    young_bytes_ = 0;
  }
  std::shared_ptr<const SharedEvent>& place = young_[event];
  if (const auto known = old_.find(event); known != old_.end()) {
    place = known->second;
    young_bytes_ += bytes_of(*place);
  }
  return place;
}

// A copy: alerts that others read already may have the event.
std::shared_ptr<const SharedEvent> SharedEvents::with_json(RuleIndex rule,
                                                           const PackedEvents& one) {
  if (!format_) format_.emplace(plan_);
  return std::make_shared<const SharedEvent>(
      SharedEvent{one, std::string(format_->event(rule, one.events().front()))});
}
}  // namespace tocsin::cep
