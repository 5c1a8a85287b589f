#include "runtime/event_time/unique_filter.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/value/key.h"

namespace tocsin::runtime {
UniqueFilter::UniqueFilter(const cep::Plan& plan, std::size_t ids_max)
    : plan_(plan), ids_max_(ids_max), types_(plan.event_types.size()) {
  for (std::size_t t = 0; t < types_.size(); ++t) {
    const cep::EventType& type = plan.event_types[t];
    if (!type.unique || !type.id_field) continue;
    any_ = true;
    types_[t].is_unique = true;
    types_[t].within = type.unique->within;
    types_[t].id_field = *type.id_field;
  }
}

std::uint64_t UniqueFilter::drop_repeats(cep::Batch& slice,
                                         const std::function<void(cep::ArrivalNumber)>& repeated) {
  if (!any_) return 0;
  return std::erase_if(slice.rows, [&](const cep::Row& row) {
    Type& type = types_[row.type.value];
    const bool is_dropped =
        type.is_unique && is_repeat(type, row, slice.value(plan_, row, type.id_field));
    if (is_dropped && repeated) repeated(row.arrival);
    return is_dropped;
  });
}

UniqueFilter::Id UniqueFilter::id_of(const cep::Value& value) {
  bytes_.clear();
  cep::append_key_part(bytes_, value);
  const XXH128_hash_t hash = XXH3_128bits(bytes_.data(), bytes_.size());
  return {hash.low64, hash.high64};
}

UniqueFilter::Id UniqueFilter::waiting_key(const Type& type, Id id, cep::EventTime time) {
  if (type.within) id[0] ^= XXH3_64bits(&time.us, sizeof time.us);
  return id;
}

bool UniqueFilter::foresee(const cep::Batch& batch, const cep::Row& row) {
  Type& type = types_[row.type.value];
  if (!type.is_unique) return false;
  const cep::Value value = batch.value(plan_, row, type.id_field);
  if (value.is_missing()) return false;
  const Id id = id_of(value);
  const auto taken = type.taken.find(id);
  // Not forgotten before the event's turn, as time has not moved so far by then.
  if (taken != type.taken.end() &&
      (!type.within || row.engine_time < taken->second + *type.within)) {
    return true;
  }
  // Of those that wait with this id the first is taken, or is a repeat itself; with `within` that
  // says something of the same time alone: another may be far enough from what the first repeats.
  const auto [waits, is_first] =
      type.waiting.try_emplace(waiting_key(type, id, row.engine_time), row.engine_time);
  if (is_first) return false;
  if (waits->second <= row.engine_time) return true;
  waits->second = row.engine_time;
  return false;
}

bool UniqueFilter::is_repeat(Type& type, const cep::Row& row, const cep::Value& value) {
  forget_until(type, row.engine_time);
  if (value.is_missing()) return false;
  const Id id = id_of(value);
  if (!type.waiting.empty()) {
    const auto waits = type.waiting.find(waiting_key(type, id, row.engine_time));
    if (waits != type.waiting.end() && waits->second == row.engine_time) type.waiting.erase(waits);
  }
  if (!type.taken.try_emplace(id, row.engine_time).second) return true;
  type.in_order.emplace_back(row.engine_time, id);
  if (type.in_order.size() > ids_max_) {
    forget_oldest(type);
    ++forgotten_;
  }
  return false;
}

void UniqueFilter::forget_oldest(Type& type) {
  if (is_saving_ && type.gone < type.of_cut) {
    if (type.written == type.gone) write_next(type, type.early);
    ++type.gone;
  }
  type.taken.erase(type.in_order.front().second);
  type.in_order.pop_front();
}

void UniqueFilter::forget_until(Type& type, cep::EventTime now) {
  if (!type.within) return;
  while (!type.in_order.empty() && type.in_order.front().first + *type.within <= now) {
    forget_oldest(type);
  }
}

void UniqueFilter::forget_until(cep::EventTime now) {
  if (!any_) return;
  for (Type& type : types_) {
    forget_until(type, now);
    // What many ids took goes back when few are left.
    constexpr std::size_t kSparse = 8;
    constexpr std::size_t kFew = 1024;
    const std::size_t buckets = type.taken.bucket_count();
    if (buckets > kFew && type.taken.size() < buckets / kSparse) {
      type.taken.rehash(2 * type.taken.size());
      type.in_order.shrink_to_fit();
    }
  }
}

std::size_t UniqueFilter::bytes() const {
  // A node has a link before the id and its time, and the allocator's word; a bucket is a pointer.
  constexpr std::size_t kNodeBytes =
      sizeof(std::pair<const Id, cep::EventTime>) + 2 * sizeof(void*);
  std::size_t sum = 0;
  for (const Type& type : types_) {
    sum += type.taken.size() * kNodeBytes + type.taken.bucket_count() * sizeof(void*) +
           type.waiting.size() * kNodeBytes + type.waiting.bucket_count() * sizeof(void*) +
           type.in_order.size() * sizeof(type.in_order.front()) + type.early.capacity();
  }
  return sum;
}

std::size_t UniqueFilter::known() const {
  std::size_t known = 0;
  for (const Type& type : types_) known += type.in_order.size();
  return known;
}

void UniqueFilter::begin_save() {
  TOCSIN_ASSERT(!is_saving_, "one cut at a time");
  is_saving_ = true;
  cut_forgotten_ = forgotten_;
  saved_types_ = 0;
  has_head_ = false;
  for (Type& type : types_) {
    type.of_cut = type.in_order.size();
    type.written = 0;
    type.gone = 0;
    type.written_time.reset();
    type.early.clear();
  }
}

// The oldest id of the cut that is not yet written.
void UniqueFilter::write_next(Type& type, std::string& to) {
  const auto& [time, id] = type.in_order[type.written - type.gone];
  ByteWriter writer(to);
  if (type.written_time) {
    writer.varint(static_cast<std::uint64_t>(time.us - type.written_time->us));
  } else {
    writer.i64(time.us);
  }
  type.written_time = time;
  writer.u64(id[0]);
  writer.u64(id[1]);
  ++type.written;
}

// types: varint, and each: its name, the id field's name, count, and each id: us since the one
// before it (the first: its time), its two words.
bool UniqueFilter::write_save(std::string& to, std::size_t bytes_end) {
  TOCSIN_ASSERT(is_saving_, "a cut is written");
  ByteWriter writer(to);
  if (saved_types_ == 0 && !has_head_) {
    writer.varint(cut_forgotten_);
    writer.varint(static_cast<std::uint64_t>(
        std::ranges::count_if(types_, [](const Type& type) { return type.is_unique; })));
  }
  for (; saved_types_ < types_.size(); ++saved_types_) {
    Type& type = types_[saved_types_];
    if (!type.is_unique) continue;
    if (!has_head_) {
      const cep::EventType& event_type = plan_.event_types[saved_types_];
      writer.text(event_type.name);
      writer.text(event_type.fields[type.id_field.value].name);
      writer.varint(type.of_cut);
      has_head_ = true;
    }
    to += type.early;
    type.early.clear();
    while (type.written < type.of_cut) {
      if (to.size() >= bytes_end) return false;
      write_next(type, to);
    }
    has_head_ = false;
  }
  end_save();
  return true;
}

void UniqueFilter::end_save() {
  is_saving_ = false;
  for (Type& type : types_) type.early = {};
}

UniqueFilter::Type* UniqueFilter::find(std::string_view type, std::string_view id_field) {
  for (std::size_t t = 0; t < types_.size(); ++t) {
    const cep::EventType& event_type = plan_.event_types[t];
    if (types_[t].is_unique && event_type.name == type &&
        event_type.fields[types_[t].id_field.value].name == id_field) {
      return &types_[t];
    }
  }
  return nullptr;
}

bool UniqueFilter::restore(ByteReader& reader) {
  forgotten_ = reader.varint();
  for (std::uint64_t left = reader.varint(); left > 0 && reader.ok(); --left) {
    const std::string_view name = reader.text();
    const std::string_view id_field = reader.text();
    Type* const type = find(name, id_field);
    constexpr std::size_t kLeastBytes = 17;  // of one id
    const std::uint64_t count = reader.varint_up_to(reader.left() / kLeastBytes);
    cep::EventTime time;
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
      if (i == 0) {
        time.us = reader.i64();
        if (time < cep::kEventTimeMin || time > cep::kEventTimeMax) return false;
      } else {
        const std::uint64_t most =
            static_cast<std::uint64_t>(cep::kEventTimeMax.us) - static_cast<std::uint64_t>(time.us);
        time.us = static_cast<std::int64_t>(static_cast<std::uint64_t>(time.us) +
                                            reader.varint_up_to(most));
      }
      const Id id = {reader.u64(), reader.u64()};
      if (!reader.ok()) return false;
      if (type == nullptr) continue;
      if (!type->taken.try_emplace(id, time).second) return false;
      type->in_order.emplace_back(time, id);
    }
    while (type != nullptr && type->in_order.size() > ids_max_) {
      forget_oldest(*type);
      ++forgotten_;
    }
  }
  return reader.ok();
}
}  // namespace tocsin::runtime
