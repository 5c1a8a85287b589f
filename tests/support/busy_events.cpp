#include "tests/support/busy_events.h"

#include "cep/plan/event_type.h"
#include "tests/support/random_events.h"

namespace tocsin::tests {
std::vector<oracle::PlacedEvent> busy_events(Random& random, const cep::Plan& plan,
                                             std::size_t count, std::int64_t closer) {
  EventsOptions options;
  options.count_min = options.count_max = count;
  options.crowds = 0;
  std::vector<oracle::Event> events = random_events(random, plan, options);
  const std::int64_t first_us = events.front().ts.us;
  for (oracle::Event& event : events) {
    event.ts.us = first_us + (event.ts.us - first_us) / closer;
    const cep::EventType& type = plan.event_types[event.type.value];
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      if (type.time_field == cep::FieldIndex(i)) {
        event.fields[i] = cep::OwnedValue(cep::Value::time(event.ts));
      } else if (type.fields[i].name == "card" || type.fields[i].name == "device") {
        event.fields[i] = cep::OwnedValue(cep::Value::string("k"));
      }
    }
  }
  return oracle::place_events(plan, events, {});
}
}  // namespace tocsin::tests
