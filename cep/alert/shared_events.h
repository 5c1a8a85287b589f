/// Events that several alerts list, made once; their JSON too, from the second alert on.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "cep/data/alert_format.h"
#include "cep/data/bound_events.h"
#include "cep/plan/plan_fwd.h"
#include "cep/value/order.h"
#include "cep/value/time.h"

namespace tocsin::cep {
/// An event as alerts of a rule list it.
struct ListedEvent {
  RuleIndex rule;
  std::uint32_t step = 0;
  std::uint32_t subset = 0;
  EventTime engine_time;
  ArrivalNumber arrival;
  friend bool operator==(const ListedEvent&, const ListedEvent&) = default;
};
/// The events that were listed last, in two generations, each bounded in number and bytes; alerts
/// keep theirs for themselves. Threading: one caller at a time.
class SharedEvents {
 public:
  /// Of a generation. More events than that are made anew, as if nothing was shared.
  static constexpr std::size_t kEventsMax = 4'096;
  static constexpr std::size_t kBytesMax = std::size_t{4} << 20;

  /// Borrows the plan.
  explicit SharedEvents(const Plan& plan) : plan_(plan) {}
  /// The event; where it is not among them, the one that `make()` gives, packed alone.
  template <typename Make>
  const std::shared_ptr<const SharedEvent>& get(const ListedEvent& event, const Make& make) {
    std::shared_ptr<const SharedEvent>& place = place_of(event);
    if (place == nullptr) {
      place = std::make_shared<const SharedEvent>(SharedEvent{make(), {}});
      young_bytes_ += bytes_of(*place);
    } else if (place->json.empty()) {
      place = with_json(event.rule, place->packed);
      young_bytes_ += place->json.size();
    }
    return place;
  }

 private:
  struct Hash {
    std::size_t operator()(const ListedEvent& event) const;
  };
  using Events = std::unordered_map<ListedEvent, std::shared_ptr<const SharedEvent>, Hash>;

  static std::size_t bytes_of(const SharedEvent& shared);
  std::shared_ptr<const SharedEvent>& place_of(const ListedEvent& event);
  std::shared_ptr<const SharedEvent> with_json(RuleIndex rule, const PackedEvents& one);

  const Plan& plan_;
  std::optional<AlertFormat> format_;  // once needed: it takes room by rules
  Events young_;                       // asked for since the last ones became old
  std::size_t young_bytes_ = 0;
  Events old_;
};
}  // namespace tocsin::cep
