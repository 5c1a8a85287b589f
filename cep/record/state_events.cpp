#include "cep/record/state_events.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "cep/plan/event_type.h"
#include "cep/value/unicode.h"

namespace tocsin::cep {
namespace {
enum Flag : std::uint8_t { kHasTs = 1, kHasMissing = 2 };
// Few events are looked through, more have an index.
constexpr std::size_t kFew = 16;

bool is_time(std::int64_t us) { return us >= kEventTimeMin.us && us <= kEventTimeMax.us; }
}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    if (point.value < 0) return false;
    at += point.bytes;
  }
  return true;
}

bool is_word_of(const Type& type, std::int64_t word) {
  switch (type.kind) {
    case TypeKind::kBool:
      return word == 0 || word == 1;
    case TypeKind::kFloat: {
      const double real = std::bit_cast<double>(word);
      return std::isfinite(real) && !(real == 0 && std::signbit(real));
    }
    case TypeKind::kTime:
    case TypeKind::kDuration:
      return is_time(word);
    case TypeKind::kDate:
      return word >= kEventTimeMin.us / kDayUs && word <= kEventTimeMax.us / kDayUs;
    case TypeKind::kEnum:
      return word >= 0 && static_cast<std::uint64_t>(word) < type.words->size();
    case TypeKind::kInt:
    case TypeKind::kDecimal:
      return true;
    case TypeKind::kString:
    case TypeKind::kFraction:
      return false;
  }
  return false;
}

// ---- writing

void EventWriter::clear() {
  bytes_.clear();
  ends_.clear();
  numbers_.clear();
}

std::uint32_t EventWriter::number_of(const KeptEvent& event) {
  const CaptureLayout& layout = table_.layouts[event.type];
  const std::vector<Field>& fields = program_.plan->event_types[event.type].fields;
  event_.clear();
  ByteWriter to(event_);
  const ArrivalNumber arrival = event.arrival();
  const std::int64_t ts = event.ts().us;
  const bool has_ts = ts != event.engine_time_us;
  const bool has_missing = (event.flags & KeptEvent::kHasMissing) != 0;
  to.varint(event.type);
  to.u8(static_cast<std::uint8_t>((has_ts ? kHasTs : 0) | (has_missing ? kHasMissing : 0)));
  to.signed_varint(event.engine_time_us);
  if (has_ts) to.signed_varint(ts);
  to.varint(arrival.record);
  to.varint(arrival.index);
  to.varint(arrival.after);
  to.varint(event.roles());
  for (std::size_t i = 0; i < layout.fields.size(); ++i) {
    const FieldIndex field = layout.fields[i];
    // A step value is a text.
    const TypeKind kind =
        field.value < fields.size() ? fields[field.value].type.kind : TypeKind::kString;
    std::int64_t word = 0;
    const bool is_known = event.word(layout, field, word);
    if (has_missing) to.u8(is_known ? 1 : 0);
    if (!is_known) continue;
    if (kind == TypeKind::kString) {
      std::string_view text;
      event.text(layout, field, text);
      to.text(text);
    } else if (kind == TypeKind::kFloat) {
      to.i64(word);
    } else {
      to.signed_varint(word);
    }
  }
  if (layout.keeps_identity) {
    const EventIdentity identity = event.identity(layout);
    to.text(identity.bytes);
    to.text(identity.text);
  }
  const auto is_same = [&](std::uint32_t number) {
    const std::uint32_t begin = number == 0 ? 0 : ends_[number - 1];
    return std::string_view(bytes_).substr(begin, ends_[number] - begin) == event_;
  };
  const auto fresh = static_cast<std::uint32_t>(ends_.size());
  const auto hash_of = [](std::string_view bytes) {
    return XXH3_64bits(bytes.data(), bytes.size());
  };
  if (fresh < kFew) {
    for (std::uint32_t i = fresh; i-- > 0;) {
      if (is_same(i)) return i;
    }
  } else {
    for (std::uint32_t i = 0; numbers_.empty() && i < fresh; ++i) {
      const std::uint32_t begin = i == 0 ? 0 : ends_[i - 1];
      numbers_[hash_of(std::string_view(bytes_).substr(begin, ends_[i] - begin))].push_back(i);
    }
    std::vector<std::uint32_t>& alike = numbers_[hash_of(event_)];
    const auto found = std::find_if(alike.begin(), alike.end(), is_same);
    if (found != alike.end()) return *found;
    alike.push_back(fresh);
  }
  bytes_ += event_;
  ends_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  return fresh;
}

void EventWriter::write(ByteWriter& to) const {
  to.varint(ends_.size());
  to.raw(bytes_);
}

// ---- reading

std::vector<EventTarget> targets_of_events(const std::vector<StateEvents>& written,
                                           const ProgramImpl& program, const TableProgram& table) {
  const std::vector<EventType>& types = program.plan->event_types;
  std::vector<EventTarget> targets;
  for (const StateEvents& events : written) {
    EventTarget& target = targets.emplace_back();
    target.places.resize(events.fields.size(), EventTarget::kNone);
    // Kinds of alerts may be called as an event type is: then the first is the first.
    const auto is_called_so = [&](const auto& other) { return other == events.type; };
    auto before = std::count_if(written.data(), &events,
                                [&](const StateEvents& other) { return is_called_so(other.type); });
    const auto type = std::find_if(types.begin(), types.end(), [&](const EventType& candidate) {
      return is_called_so(candidate.name) && before-- == 0;
    });
    if (type == types.end()) continue;
    const auto number = static_cast<std::size_t>(type - types.begin());
    const CaptureLayout& layout = table.layouts[number];
    // The identity by which they were distinguished must be present.
    if (layout.keeps_identity && !events.keeps_identity) continue;
    target.type = static_cast<std::uint32_t>(number);
    for (std::size_t i = 0; i < layout.fields.size(); ++i) {
      const StateField field = state_field(*type, layout, layout.fields[i]);
      for (std::size_t f = 0; f < events.fields.size(); ++f) {
        const StateField& from = events.fields[f];
        if (from.name == field.name && from.type == field.type && from.kind == field.kind) {
          target.places[f] = static_cast<std::uint32_t>(i);
        }
      }
    }
  }
  return targets;
}

bool EventReader::read(ByteReader& from, const std::vector<StateEvents>& written,
                       const std::vector<EventTarget>& targets, EventTime latest) {
  words_.clear();
  places_.clear();
  const std::uint64_t count = from.varint_up_to(from.left());
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!read_event(from, written, targets, latest)) return false;
  }
  return from.ok();
}

bool EventReader::read_event(ByteReader& from, const std::vector<StateEvents>& written,
                             const std::vector<EventTarget>& targets, EventTime latest) {
  const std::uint64_t type = from.varint();
  const std::uint8_t flags = from.u8();
  if (!from.ok() || type >= written.size() || flags > (kHasTs | kHasMissing)) return false;
  const bool has_missing = (flags & kHasMissing) != 0;
  parts_.engine_time.us = from.signed_varint();
  parts_.ts.us = (flags & kHasTs) != 0 ? from.signed_varint() : parts_.engine_time.us;
  parts_.arrival.record = from.varint();
  parts_.arrival.index = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
  parts_.arrival.after = static_cast<std::uint32_t>(from.varint_up_to(UINT32_MAX));
  parts_.roles = static_cast<std::uint32_t>(from.varint_up_to((1U << kRolesMax) - 1));
  if (!from.ok() || !is_time(parts_.engine_time.us) || parts_.engine_time > latest ||
      !is_time(parts_.ts.us) || ((flags & kHasTs) != 0) != (parts_.ts != parts_.engine_time)) {
    return false;
  }
  if (!read_fields(from, written[type], targets[type], has_missing)) return false;
  places_.push_back(kNotHere);
  if (targets[type].type == EventTarget::kNone) return true;
  parts_.type = EventTypeIndex(std::size_t{targets[type].type});
  places_.back() = words_.size();
  return append_kept_event(parts_, table_.layouts[targets[type].type], words_);
}

bool EventReader::read_fields(ByteReader& from, const StateEvents& written,
                              const EventTarget& target, bool has_missing) {
  const bool is_here = target.type != EventTarget::kNone;
  const std::size_t kept = is_here ? table_.layouts[target.type].fields.size() : 0;
  parts_.known.assign(kept, 0);
  parts_.words.assign(kept, 0);
  parts_.texts.assign(kept, {});
  bool any_missing = false;
  for (std::size_t f = 0; f < written.fields.size(); ++f) {
    if (has_missing && from.varint_up_to(1) == 0) {
      any_missing = true;
      continue;
    }
    const TypeKind kind = written.fields[f].kind;
    std::string_view text;
    std::int64_t word = 0;
    if (kind == TypeKind::kString) {
      text = from.text();
    } else if (kind == TypeKind::kFloat) {
      word = from.i64();
    } else {
      word = from.signed_varint();
    }
    if (!from.ok()) return false;
    const std::uint32_t place = target.places[f];
    if (!is_here || place == EventTarget::kNone) continue;
    const FieldIndex field = table_.layouts[target.type].fields[place];
    const std::vector<Field>& fields = program_.plan->event_types[target.type].fields;
    const bool is_good = kind == TypeKind::kString ? is_utf8(text)
                                                   : field.value < fields.size() &&
                                                         is_word_of(fields[field.value].type, word);
    if (!is_good) return false;
    parts_.known[place] = 1;
    parts_.words[place] = word;
    parts_.texts[place] = text;
  }
  if (written.keeps_identity) {
    parts_.identity_bytes = from.text();
    parts_.identity_text = from.text();
    if (!is_utf8(parts_.identity_text)) return false;
  }
  return from.ok() && any_missing == has_missing;
}
}  // namespace tocsin::cep
