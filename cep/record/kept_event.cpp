// The words of a captured event: how they are laid out, read and written.
#include <algorithm>
#include <cstring>

#include "cep/base/assert.h"
#include "cep/compile/step_value.h"
#include "cep/data/row_identity.h"
#include "cep/plan/event_type.h"
#include "cep/record/event_capture.h"
#include "cep/record/feature_reader.h"
#include "cep/record/key_record.h"
#include "cep/value/short_text.h"
#include "cep/value/word_value.h"

namespace tocsin::cep {
namespace {
std::uint32_t known_words(std::size_t fields) {
  return static_cast<std::uint32_t>((fields + 63) / 64);
}
void put_128(std::uint64_t (&words)[2], Int128 number) {
  words[0] = static_cast<std::uint64_t>(number);
  words[1] = static_cast<std::uint64_t>(number >> 64);
}
Int128 get_128(const std::uint64_t (&words)[2]) {
  return static_cast<Int128>(static_cast<unsigned __int128>(words[1]) << 64 | words[0]);
}
const std::uint64_t* words_after(const KeptEvent& event) {
  return reinterpret_cast<const std::uint64_t*>(&event + 1);
}
// A text's word: that of cep/value/short_text.h; for a longer one 255 in the last byte, the words
// from the event's start to it in three bytes, and its size in four.
constexpr unsigned kTextOutside = 255;
std::string_view text_at(const KeptEvent& event, const std::uint64_t& word) {
  if (const std::uint64_t size = word >> 56; size != kTextOutside) {
    return {reinterpret_cast<const char*>(&word), size};
  }
  return {reinterpret_cast<const char*>(&event) + (word >> 32 & 0xffffff) * 8,
          static_cast<std::size_t>(word & 0xffffffff)};
}
std::uint32_t text_words(std::size_t size) {
  return size <= kShortTextMax ? 0 : static_cast<std::uint32_t>((size + 7) / 8);
}
// Where the words of the fields begin.
const std::uint64_t* field_words(const KeptEvent& event, const CaptureLayout& layout) {
  const std::uint64_t* words = words_after(event);
  if ((event.flags & KeptEvent::kHasTs) != 0) ++words;
  if ((event.flags & KeptEvent::kHasArrival) != 0) ++words;
  if ((event.flags & KeptEvent::kHasMissing) != 0) words += known_words(layout.fields.size());
  return words;
}

// The words behind an event's fields, for the texts that a word does not hold.
class TextRoom {
 public:
  TextRoom(const std::uint64_t* event, std::uint64_t* begin) : event_(event), next_(begin) {}
  // The word of the text, which is written where it has to be.
  std::uint64_t put(std::string_view text) {
    if (text.size() <= kShortTextMax) return short_text_word(text);
    const auto offset = static_cast<std::uint64_t>(next_ - event_);
    TOCSIN_ASSERT(offset < 1U << 24 && text.size() <= UINT32_MAX, "a captured event is < 128 MiB");
    const std::uint32_t count = text_words(text.size());
    next_[count - 1] = 0;  // pads it
    std::memcpy(next_, text.data(), text.size());
    next_ += count;
    return std::uint64_t{kTextOutside} << 56 | offset << 32 | std::uint64_t{text.size()};
  }

 private:
  const std::uint64_t* event_;
  std::uint64_t* next_;
};
}  // namespace

StoredValue StoredValue::of(const Value& value) {
  StoredValue stored;
  put_128(stored.number, value.number);
  put_128(stored.denominator, value.denominator);
  stored.real = value.real;
  stored.kind_and_scale = static_cast<std::uint64_t>(value.kind) << 8 | value.scale;
  return stored;
}
Value StoredValue::value() const {
  Value value;
  value.kind = static_cast<ValueKind>(kind_and_scale >> 8);
  value.scale = static_cast<std::uint8_t>(kind_and_scale & 0xff);
  value.number = get_128(number);
  value.denominator = get_128(denominator);
  value.real = real;
  return value;
}

EventTime KeptEvent::ts() const {
  if ((flags & kHasTs) == 0) return engine_time();
  return EventTime{static_cast<std::int64_t>(*words_after(*this))};
}

ArrivalNumber KeptEvent::arrival() const {
  if ((flags & kHasArrival) == 0) {
    return {arrival_word & ((std::uint64_t{1} << kRecordBits) - 1),
            static_cast<std::uint32_t>(arrival_word >> kRecordBits), 0};
  }
  const std::uint64_t rest = words_after(*this)[(flags & kHasTs) != 0 ? 1 : 0];
  return {arrival_word, static_cast<std::uint32_t>(rest >> 32), static_cast<std::uint32_t>(rest)};
}

const std::uint64_t* KeptEvent::word_of(const CaptureLayout& layout, FieldIndex field) const {
  if (field.value >= layout.place.size()) return nullptr;
  const std::uint16_t place = layout.place[field.value];
  if (place == CaptureLayout::kNotKept) return nullptr;
  if ((flags & kHasMissing) != 0) {
    const std::uint64_t* known =
        words_after(*this) + ((flags & kHasTs) != 0 ? 1 : 0) + ((flags & kHasArrival) != 0 ? 1 : 0);
    if ((known[place / 64] >> (place % 64) & 1) == 0) return nullptr;
  }
  return field_words(*this, layout) + place;
}

bool KeptEvent::word(const CaptureLayout& layout, FieldIndex field, std::int64_t& out) const {
  const std::uint64_t* const place = word_of(layout, field);
  if (place == nullptr) return false;
  out = static_cast<std::int64_t>(*place);
  return true;
}

bool KeptEvent::text(const CaptureLayout& layout, FieldIndex field, std::string_view& out) const {
  const std::uint64_t* const place = word_of(layout, field);
  if (place == nullptr) return false;
  out = text_at(*this, *place);
  return true;
}

Value KeptEvent::value(const Plan& plan, const CaptureLayout& layout, FieldIndex field) const {
  const std::uint64_t* const word = word_of(layout, field);
  if (word == nullptr) return Value::missing();
  const Type& field_type = plan.event_types[type].fields[field.value].type;
  if (field_type.kind == TypeKind::kString) return Value::string(text_at(*this, *word));
  return word_value(field_type, static_cast<std::int64_t>(*word));
}

EventIdentity KeptEvent::identity(const CaptureLayout& layout) const {
  TOCSIN_ASSERT(layout.keeps_identity, "others have an id field");
  const std::uint64_t* places = field_words(*this, layout) + layout.fields.size();
  return {std::string(text_at(*this, places[0])), std::string(text_at(*this, places[1]))};
}

void EventCapture::begin_slice(const Batch& batch) {
  batch_ = &batch;
  captured_row_ = nullptr;
  ++slice_;
}

void EventCapture::find_columns(std::uint32_t type, CaptureColumns& columns) const {
  const CaptureLayout& layout = table_.layouts[type];
  columns.slice = slice_;
  columns.fields.clear();
  columns.may_be_plain = layout.step_values.empty() && !layout.keeps_identity;
  const std::size_t own = program_.plan->event_types[type].fields.size();
  for (const FieldIndex field : layout.fields) {
    if (field.value >= own) break;  // step values
    const Column& column = batch_->types[type].fields[field.value];
    const auto start = [](const auto& values) { return values.empty() ? nullptr : values.data(); };
    const bool all_known = !column.known.empty() &&
                           std::memchr(column.known.data(), 0, column.known.size()) == nullptr;
    columns.fields.push_back(
        {start(column.known), start(column.words), start(column.texts), all_known});
    columns.may_be_plain = columns.may_be_plain && !column.known.empty();
  }
  columns.words.clear();
  columns.texts.clear();
  columns.known.clear();
  for (std::size_t place = 0; columns.may_be_plain && place < columns.fields.size(); ++place) {
    const CaptureColumn& column = columns.fields[place];
    if (!column.all_known) columns.known.push_back(column.known);
    if (column.texts != nullptr) {
      columns.texts.push_back({column.texts, place});
    } else {
      columns.words.push_back({column.words, place});
      columns.may_be_plain = column.words != nullptr;
    }
  }
}

// What was captured there before is gone.
std::uint64_t* EventCapture::room_to_capture(std::uint32_t words) {
  captured_row_ = nullptr;
  if (captured_capacity_ < words) [[unlikely]] {
    captured_capacity_ = words + words / 2 + 64;
    captured_ = std::make_unique_for_overwrite<std::uint64_t[]>(captured_capacity_);
  }
  return captured_.get();
}

namespace {
// Whether rules of this table and pass may read the feature: in place, or from a column that a
// probe wrote in an earlier pass. Another rule's feature need not be either.
bool can_read(const ProgramImpl& program, const TableProgram& table, std::uint32_t pass,
              FeatureIndex read) {
  const FeatureProgram& feature = program.features[read.value];
  if (&program.tables[feature.table] == &table && feature.pass == pass) return true;
  return feature.pass < pass && std::ranges::any_of(program.probes, [&](const ProbeProgram& probe) {
           return probe.value == read;
         });
}
}  // namespace

void EventCapture::take_step_values(const CaptureLayout& layout, FeatureReader* features,
                                    std::uint32_t pass) {
  step_values_.assign(layout.step_values.size(), std::nullopt);
  if (features == nullptr) return;
  for (std::size_t i = 0; i < layout.step_values.size(); ++i) {
    const FeatureIndex read = layout.step_values[i].value;
    if (layout.step_values[i].pass > pass || !can_read(program_, table_, pass, read)) continue;
    const Value& value = features->read(read);
    if (!value.is_missing()) step_values_[i] = step_value_text(value);
  }
}

// Captures a row that is as most are: all its fields are known, its texts short, and nothing stands
// before its fields or behind them. Its words; 0 for any other row.
std::uint32_t EventCapture::capture_plain(const Row& row, const CaptureColumns& columns) {
  if (row.ts != row.engine_time || !KeptEvent::fits_word(row.arrival)) return 0;
  for (const std::uint8_t* const known : columns.known) {
    if (known[row.index] == 0) return 0;
  }
  const auto words = static_cast<std::uint32_t>(sizeof(KeptEvent) / 8 + columns.fields.size());
  std::uint64_t* const begin = room_to_capture(words);
  std::uint64_t* const fields = begin + sizeof(KeptEvent) / 8;
  for (const CaptureColumns::WordsAt& column : columns.words) {
    fields[column.place] = static_cast<std::uint64_t>(column.words[row.index]);
  }
  for (const CaptureColumns::TextsAt& column : columns.texts) {
    const std::string_view text = column.texts[row.index];
    if (text.size() > kShortTextMax) return 0;
    fields[column.place] = short_text_word(text);
  }
  auto* const event = reinterpret_cast<KeptEvent*>(begin);
  event->words = words;
  event->type = static_cast<std::uint16_t>(row.type.value);
  event->flags = static_cast<std::uint16_t>(roles_ << KeptEvent::kRoles);
  event->arrival_word = KeptEvent::arrival_word_of(row.arrival);
  event->engine_time_us = row.engine_time.us;
  captured_row_ = &row;
  captured_roles_ = roles_;
  return words;
}

std::uint32_t EventCapture::capture(const Row& row, FeatureReader* features, std::uint32_t pass) {
  if (captured_row_ == &row && captured_roles_ == roles_) return captured().words;
  const CaptureColumns& found = columns_of(row.type.value);
  if (found.may_be_plain) {
    if (const std::uint32_t words = capture_plain(row, found); words != 0) return words;
  }
  const CaptureLayout& layout = table_.layouts[row.type.value];
  const CaptureColumn* const columns = found.fields.data();
  const std::size_t fields = layout.fields.size();
  const std::size_t own = fields - layout.step_values.size();
  if (own != fields) take_step_values(layout, features, pass);
  const auto is_known = [&](std::size_t i) {
    if (i >= own) return step_values_[i - own].has_value();
    return columns[i].known != nullptr && columns[i].known[row.index] != 0;
  };
  std::uint32_t words = sizeof(KeptEvent) / 8 + static_cast<std::uint32_t>(fields);
  const bool has_ts = row.ts != row.engine_time;
  const bool has_arrival = !KeptEvent::fits_word(row.arrival);
  words += (has_ts ? 1U : 0U) + (has_arrival ? 1U : 0U);
  bool all_known = true;
  for (std::size_t i = 0; i < fields; ++i) all_known &= is_known(i);
  const auto text_of = [&](std::size_t i) -> std::string_view {
    if (i >= own) return step_values_[i - own] ? *step_values_[i - own] : std::string_view();
    return columns[i].texts != nullptr ? columns[i].texts[row.index] : std::string_view();
  };
  for (const std::uint16_t i : layout.texts) words += text_words(text_of(i).size());
  if (!all_known) words += known_words(fields);
  EventIdentity identity;
  if (layout.keeps_identity) {
    identity = row_identity(*program_.plan, *batch_, row);
    words += 2 + text_words(identity.bytes.size()) + text_words(identity.text.size());
  }

  std::uint64_t* const begin = room_to_capture(words);
  auto* const event = reinterpret_cast<KeptEvent*>(begin);
  std::uint32_t flags = roles_ << KeptEvent::kRoles;
  std::uint64_t* out = begin + sizeof(KeptEvent) / 8;
  if (has_ts) {
    flags |= KeptEvent::kHasTs;
    *out++ = static_cast<std::uint64_t>(row.ts.us);
  }
  if (has_arrival) {
    flags |= KeptEvent::kHasArrival;
    *out++ = std::uint64_t{row.arrival.index} << 32 | row.arrival.after;
  }
  if (!all_known) {
    flags |= KeptEvent::kHasMissing;
    std::fill_n(out, known_words(fields), 0);
    for (std::size_t i = 0; i < fields; ++i) {
      if (is_known(i)) {
        out[i / 64] |= std::uint64_t{1} << (i % 64);
      }
    }
    out += known_words(fields);
  }
  event->words = words;
  event->type = static_cast<std::uint16_t>(row.type.value);
  event->flags = static_cast<std::uint16_t>(flags);
  event->arrival_word = KeptEvent::arrival_word_of(row.arrival);
  event->engine_time_us = row.engine_time.us;
  // A missing value's word is 0, its text empty, in the columns too.
  for (std::size_t i = 0; i < fields; ++i) {
    out[i] = i < own && columns[i].words != nullptr
                 ? static_cast<std::uint64_t>(columns[i].words[row.index])
                 : 0;
  }
  if (layout.texts.empty() && !layout.keeps_identity) return words;
  TextRoom texts(begin, out + fields + (layout.keeps_identity ? 2 : 0));
  for (const std::uint16_t i : layout.texts) {
    const bool has_text = i < own ? columns[i].texts != nullptr : is_known(i);
    if (has_text) out[i] = texts.put(text_of(i));
  }
  if (layout.keeps_identity) {
    out[fields] = texts.put(identity.bytes);
    out[fields + 1] = texts.put(identity.text);
  }
  return words;
}

bool append_kept_event(const EventParts& parts, const CaptureLayout& layout,
                       std::vector<std::uint64_t>& out) {
  const std::size_t begin = out.size();
  const std::size_t fields = layout.fields.size();
  out.resize(begin + sizeof(KeptEvent) / 8);
  KeptEvent event;
  std::uint32_t flags = parts.roles << KeptEvent::kRoles;
  if (parts.ts != parts.engine_time) {
    flags |= KeptEvent::kHasTs;
    out.push_back(static_cast<std::uint64_t>(parts.ts.us));
  }
  if (!KeptEvent::fits_word(parts.arrival)) {
    flags |= KeptEvent::kHasArrival;
    out.push_back(std::uint64_t{parts.arrival.index} << 32 | parts.arrival.after);
  }
  const auto is_missing = [](std::uint8_t known) { return known == 0; };
  if (std::any_of(parts.known.begin(), parts.known.end(), is_missing)) {
    flags |= KeptEvent::kHasMissing;
    const std::size_t bits = out.size();
    out.resize(bits + known_words(fields));
    for (std::size_t i = 0; i < fields; ++i) {
      if (parts.known[i] != 0) out[bits + i / 64] |= std::uint64_t{1} << (i % 64);
    }
  }
  const std::size_t words = out.size();
  for (const std::int64_t word : parts.words) out.push_back(static_cast<std::uint64_t>(word));
  if (layout.keeps_identity) out.resize(out.size() + 2);
  bool fits = true;
  const auto text_word = [&](std::string_view text) {
    if (text.size() <= kShortTextMax) return short_text_word(text);
    const std::uint64_t offset = out.size() - begin;
    fits = fits && offset < 1U << 24 && text.size() <= UINT32_MAX;
    out.resize(out.size() + text_words(text.size()));
    std::memcpy(out.data() + begin + offset, text.data(), text.size());
    return std::uint64_t{kTextOutside} << 56 | offset << 32 | std::uint64_t{text.size()};
  };
  for (const std::uint16_t i : layout.texts) {
    if (parts.known[i] == 0) continue;
    const std::uint64_t word = text_word(parts.texts[i]);
    out[words + i] = word;
  }
  if (layout.keeps_identity) {
    const std::uint64_t bytes = text_word(parts.identity_bytes);
    out[words + fields] = bytes;
    const std::uint64_t text = text_word(parts.identity_text);
    out[words + fields + 1] = text;
  }
  event.words = static_cast<std::uint32_t>(out.size() - begin);
  event.type = static_cast<std::uint16_t>(parts.type.value);
  event.flags = static_cast<std::uint16_t>(flags);
  event.arrival_word = KeptEvent::arrival_word_of(parts.arrival);
  event.engine_time_us = parts.engine_time.us;
  std::memcpy(out.data() + begin, &event, sizeof(event));
  return fits;
}
}  // namespace tocsin::cep
