#include "cep/data/bound_events.h"

#include <new>

#include "cep/base/short_copy.h"

namespace tocsin::cep {
namespace {
// What a list of events needs room for.
struct Sizes {
  std::size_t values = 0;
  std::size_t texts = 0;
};
Sizes sizes_of(std::span<const BoundEvent> events) {
  Sizes sizes;
  for (const BoundEvent& event : events) {
    sizes.values += event.fields.size();
    sizes.texts += event.as.size() + event.identity.size() + event.id.size();
    for (const Value& value : event.fields) sizes.texts += value.text.size();
  }
  return sizes;
}
std::size_t bytes_for(const Sizes& sizes, std::size_t events) {
  return sizes.values * sizeof(Value) + events * sizeof(BoundEvent) + sizes.texts;
}
}  // namespace

PackedEvents::PackedEvents(std::span<const BoundEvent> events) {
  if (events.empty()) return;
  static_assert(alignof(Value) >= alignof(BoundEvent) && sizeof(Value) % alignof(BoundEvent) == 0);
  static_assert(alignof(Value) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
  const Sizes sizes = sizes_of(events);
  memory_ = std::make_unique_for_overwrite<std::byte[]>(bytes_for(sizes, events.size()));
  auto* value = reinterpret_cast<Value*>(memory_.get());
  auto* const packed = reinterpret_cast<BoundEvent*>(value + sizes.values);
  auto* text = reinterpret_cast<char*>(packed + events.size());
  const auto copy_of = [&text](std::string_view from) {
    if (from.empty()) return std::string_view();
    char* const begin = text;
    copy_short(begin, from.data(), from.size());
    text += from.size();
    return std::string_view(begin, from.size());
  };
  for (std::size_t i = 0; i < events.size(); ++i) {
    BoundEvent* const event = ::new (packed + i) BoundEvent(events[i]);
    event->as = copy_of(event->as);
    event->identity = copy_of(event->identity);
    event->id = copy_of(event->id);
    const Value* const first = value;
    for (const Value& field : event->fields) {
      ::new (value) Value(field);
      value->text = copy_of(field.text);
      ++value;
    }
    event->fields = {first, event->fields.size()};
  }
  events_ = {packed, events.size()};
}

std::size_t PackedEvents::bytes_of(std::span<const BoundEvent> events) {
  return bytes_for(sizes_of(events), events.size());
}
}  // namespace tocsin::cep
