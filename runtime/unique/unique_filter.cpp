#include "runtime/unique/unique_filter.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "cep/base/assert.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "cep/value/key.h"

namespace tocsin::runtime {
std::size_t UniqueFilter::Type::WaitingHash::operator()(const IdBits& id) const {
  return XXH3_64bits_withSeed(id.data(), sizeof(id), seed);
}

IdBits bits_of_id(const cep::Value& id, std::string& scratch) {
  scratch.clear();
  cep::append_key_part(scratch, id);
  const XXH128_hash_t hash = XXH3_128bits(scratch.data(), scratch.size());
  return {hash.low64, hash.high64};
}

UniqueFilter::UniqueFilter(const cep::Plan& plan, std::size_t ids_max, std::uint64_t hash_seed)
    : plan_(plan), ids_max_(ids_max) {
  types_.reserve(plan.event_types.size());
  for (const cep::EventType& type : plan.event_types) {
    std::unique_ptr<Type>& made = types_.emplace_back();
    if (!type.unique || !type.id_field) continue;
    any_ = true;
    made = std::make_unique<Type>(hash_seed);
    made->within = type.unique->within;
    made->id_field = *type.id_field;
  }
}

// Rows by blocks: the index's lines of a block are fetched together.
std::uint64_t UniqueFilter::drop_repeats(cep::Batch& slice,
                                         const std::function<void(cep::ArrivalNumber)>& repeated) {
  if (!any_) return 0;
  constexpr std::size_t kBlock = 16;
  std::array<RowId, kBlock> ids;
  std::vector<cep::Row>& rows = slice.rows;
  std::size_t kept = 0;
  for (std::size_t begin = 0; begin < rows.size(); begin += kBlock) {
    const std::size_t end = std::min(rows.size(), begin + kBlock);
    for (std::size_t i = begin; i < end; ++i) ids[i - begin] = fetch(slice, rows[i]);
    for (std::size_t i = begin; i < end; ++i) {
      if (!is_repeat(rows[i], ids[i - begin])) {
        rows[kept++] = rows[i];
      } else if (repeated) {
        repeated(rows[i].arrival);
      }
    }
  }
  const std::uint64_t dropped = rows.size() - kept;
  rows.resize(kept);
  return dropped;
}

UniqueFilter::RowId UniqueFilter::fetch(const cep::Batch& slice, const cep::Row& row) {
  RowId found;
  const Type* const type = types_[row.type.value].get();
  if (type == nullptr) return found;
  const cep::Value value = slice.value(plan_, row, type->id_field);
  if (value.is_missing()) return found;
  found.is_known = true;
  found.id = bits_of_id(value, bytes_);
  found.hash = type->taken.hash_of(found.id);
  type->taken.prefetch(found.hash);
  return found;
}

IdBits UniqueFilter::waiting_key(const Type& type, IdBits id, cep::EventTime time) {
  if (type.within) id[0] ^= XXH3_64bits(&time.us, sizeof time.us);
  return id;
}

bool UniqueFilter::foresee(const cep::Batch& batch, const cep::Row& row) {
  const RowId of_row = fetch(batch, row);
  if (!of_row.is_known) return false;
  Type& type = *types_[row.type.value];
  const RecentIds::Entry* const taken = type.taken.find(of_row.id, of_row.hash);
  // Not forgotten before the event's turn, as time has not moved so far by then.
  if (taken != nullptr && (!type.within || row.engine_time < taken->time + *type.within)) {
    return true;
  }
  // Of those that wait with this id the first is taken, or is a repeat itself; with `within` that
  // says something of the same time alone: another may be far enough from what the first repeats.
  const auto [waits, is_first] =
      type.waiting.try_emplace(waiting_key(type, of_row.id, row.engine_time), row.engine_time);
  if (is_first) return false;
  if (waits->second <= row.engine_time) return true;
  waits->second = row.engine_time;
  return false;
}

bool UniqueFilter::is_repeat(const cep::Row& row, const RowId& of_row) {
  if (types_[row.type.value] == nullptr) return false;
  Type& type = *types_[row.type.value];
  forget_until(type, row.engine_time);
  if (!of_row.is_known) return false;
  if (!type.waiting.empty()) {
    const auto waits = type.waiting.find(waiting_key(type, of_row.id, row.engine_time));
    if (waits != type.waiting.end() && waits->second == row.engine_time) type.waiting.erase(waits);
  }
  if (!type.taken.take(row.engine_time, of_row.id, of_row.hash)) return true;
  if (type.taken.size() > ids_max_) {
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
  type.taken.forget_oldest();
  ++type.forgotten;
}

void UniqueFilter::forget_until(Type& type, cep::EventTime now) {
  if (!type.within || type.taken.size() == 0) return;
  const auto is_old = [&](const RecentIds::Entry& entry) {
    return entry.time + *type.within <= now;
  };
  if (!is_old(type.taken.oldest())) return;
  if (!is_saving_ && is_old(type.taken.at(type.taken.size() - 1))) {  // all at once
    type.forgotten += type.taken.size();
    type.taken.clear();
    return;
  }
  while (type.taken.size() > 0 && is_old(type.taken.oldest())) forget_oldest(type);
}

void UniqueFilter::forget_until(cep::EventTime now) {
  if (!any_) return;
  for (const auto& type : types_) {
    if (type != nullptr) forget_until(*type, now);
  }
}

std::size_t UniqueFilter::bytes() const {
  // A node has a link before the id and its time, and the allocator's word; a bucket is a pointer.
  constexpr std::size_t kNodeBytes =
      sizeof(std::pair<const IdBits, cep::EventTime>) + 2 * sizeof(void*);
  std::size_t sum = 0;
  for (const auto& type : types_) {
    if (type == nullptr) continue;
    sum += type->taken.bytes() + type->waiting.size() * kNodeBytes +
           type->waiting.bucket_count() * sizeof(void*) + type->early.capacity();
  }
  return sum;
}

std::size_t UniqueFilter::known() const {
  std::size_t known = 0;
  for (const auto& type : types_) {
    if (type != nullptr) known += type->taken.size();
  }
  return known;
}

std::uint64_t UniqueFilter::first_number(cep::EventTypeIndex type) const {
  return types_[type.value] == nullptr ? 0 : types_[type.value]->forgotten;
}

std::uint64_t UniqueFilter::next_number(cep::EventTypeIndex type) const {
  return types_[type.value] == nullptr ? 0 : first_number(type) + types_[type.value]->taken.size();
}

const RecentIds::Entry& UniqueFilter::numbered(cep::EventTypeIndex type,
                                               std::uint64_t number) const {
  return types_[type.value]->taken.at(static_cast<std::size_t>(number - first_number(type)));
}

bool UniqueFilter::take_up(cep::EventTypeIndex index, const RecentIds::Entry& entry) {
  if (types_[index.value] == nullptr) return false;
  Type& type = *types_[index.value];
  if (!type.taken.take(entry.time, entry.id, type.taken.hash_of(entry.id))) return false;
  if (type.taken.size() > ids_max_) {
    forget_oldest(type);
    ++forgotten_;
  }
  return true;
}

void UniqueFilter::take_over(UniqueFilter& before) {
  TOCSIN_ASSERT(!before.is_saving_, "no cut is written");
  forgotten_ += before.forgotten_;
  for (std::size_t t = 0; t < types_.size(); ++t) {
    if (types_[t] == nullptr) continue;
    const cep::EventType& type = plan_.event_types[t];
    Type* const known = before.find(type.name, type.fields[type.id_field->value].name);
    if (known == nullptr) continue;
    TOCSIN_ASSERT(known->waiting.empty(), "nothing waits");
    known->within = types_[t]->within;
    known->id_field = types_[t]->id_field;
    const auto owner = std::ranges::find(before.types_, known, &std::unique_ptr<Type>::get);
    std::swap(types_[t], *owner);
  }
}

void UniqueFilter::begin_save() {
  TOCSIN_ASSERT(!is_saving_, "one cut at a time");
  is_saving_ = true;
  cut_forgotten_ = forgotten_;
  saved_types_ = 0;
  has_head_ = false;
  for (const auto& type : types_) {
    if (type == nullptr) continue;
    type->of_cut = type->taken.size();
    type->written = 0;
    type->gone = 0;
    type->written_time.reset();
    type->early.clear();
  }
}

// The oldest id of the cut that is not yet written.
void UniqueFilter::write_next(Type& type, std::string& to) {
  const auto& [time, id] = type.taken.at(type.written - type.gone);
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
        std::ranges::count_if(types_, [](const auto& type) { return type != nullptr; })));
  }
  for (; saved_types_ < types_.size(); ++saved_types_) {
    if (types_[saved_types_] == nullptr) continue;
    Type& type = *types_[saved_types_];
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
  for (const auto& type : types_) {
    if (type != nullptr) type->early = {};
  }
}

UniqueFilter::Type* UniqueFilter::find(std::string_view type, std::string_view id_field) {
  for (std::size_t t = 0; t < types_.size(); ++t) {
    const cep::EventType& event_type = plan_.event_types[t];
    if (types_[t] != nullptr && event_type.name == type &&
        event_type.fields[types_[t]->id_field.value].name == id_field) {
      return types_[t].get();
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
      const IdBits id = {reader.u64(), reader.u64()};
      if (!reader.ok()) return false;
      if (type == nullptr) continue;
      if (!type->taken.take(time, id, type->taken.hash_of(id))) return false;
    }
    while (type != nullptr && type->taken.size() > ids_max_) {
      forget_oldest(*type);
      ++forgotten_;
    }
  }
  return reader.ok();
}
}  // namespace tocsin::runtime
