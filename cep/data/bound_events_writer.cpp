#include "cep/data/bound_events_writer.h"

#include <algorithm>
#include <span>

#include "cep/value/buffer_values.h"

namespace tocsin::cep {
void BoundEventsWriter::begin(std::string_view as, EventTypeIndex type, EventTime ts) {
  begun_.push_back({as, type, ts});
  begun_.back().fields.begin = values_.size();
}

void BoundEventsWriter::identify_by_id(std::string_view event_type, const Value& id) {
  Begun& event = begun_.back();
  event.identity.begin = texts_size();
  append_identity_of_id(texts_, event_type, id);
  event.identity.size = texts_size() - event.identity.begin;
  if (id.is_missing()) return;
  if (id.kind == ValueKind::kString) {  // its bytes end with the text itself
    event.id = {texts_size() - id.text.size(), id.text.size()};
    return;
  }
  event.id.begin = texts_size();
  append_text(texts_, id);
  event.id.size = texts_size() - event.id.begin;
}

void BoundEventsWriter::identify(const EventIdentity& identity) {
  Begun& event = begun_.back();
  event.identity = {texts_size(), identity.bytes.size()};
  texts_.append(identity.bytes);
  event.id = {texts_size(), identity.text.size()};
  texts_.append(identity.text);
}

void BoundEventsWriter::field(const Value& value) {
  values_.push_back(value);
  ++begun_.back().fields.size;
}

void BoundEventsWriter::reverse() { std::ranges::reverse(begun_); }

PackedEvents BoundEventsWriter::pack() {
  const std::string_view texts = texts_.text();
  events_.clear();
  events_.reserve(begun_.size());
  for (const Begun& event : begun_) {
    events_.push_back({event.as, event.type, event.identity.of(texts), event.id.of(texts), event.ts,
                       std::span(values_).subspan(event.fields.begin, event.fields.size)});
  }
  PackedEvents packed{events_};
  begun_.clear();
  values_.clear();
  texts_.clear();
  return packed;
}
}  // namespace tocsin::cep
