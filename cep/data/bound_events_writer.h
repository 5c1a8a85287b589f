/// Collects the events of an alert.
#pragma once
#include <cstddef>
#include <string_view>
#include <vector>

#include "cep/base/index.h"
#include "cep/data/bound_events.h"
#include "cep/value/identity.h"
#include "cep/value/text_buffer.h"
#include "cep/value/time.h"
#include "cep/value/value.h"

namespace tocsin::cep {
/// Memory is kept for the next list. Threading: one caller at a time.
class BoundEventsWriter {
 public:
  /// Begins the next event. `as`, and later the texts of fields, are borrowed until pack().
  void begin(std::string_view as, EventTypeIndex type, EventTime ts);
  /// What the event is known by: the field that its schema marks, or anything else. Both are
  /// copied. At most one of them is called.
  void identify_by_id(std::string_view event_type, const Value& id);
  void identify(const EventIdentity& identity);
  /// The event's next field.
  void field(const Value& value);
  /// The last event becomes the first.
  void reverse();
  /// The events that were collected, and forgets them.
  PackedEvents pack();

 private:
  // In texts_.
  struct Part {
    std::size_t begin = 0;
    std::size_t size = 0;
    std::string_view of(std::string_view texts) const { return {texts.data() + begin, size}; }
  };
  struct Begun {
    std::string_view as;
    EventTypeIndex type;
    EventTime ts;
    Part identity = {};
    Part id = {};
    Part fields = {};  // in values_
  };
  std::size_t texts_size() const { return texts_.text().size(); }

  std::vector<Begun> begun_;
  std::vector<Value> values_;
  TextBuffer texts_;
  std::vector<BoundEvent> events_;  // to pack
};
}  // namespace tocsin::cep
