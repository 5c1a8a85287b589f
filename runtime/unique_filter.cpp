#include "runtime/unique_filter.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "cep/key.h"

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

bool UniqueFilter::is_repeat(Type& type, const cep::Row& row, const cep::Value& value) {
  while (type.within && !type.in_order.empty() &&
         type.in_order.front().first + *type.within <= row.engine_time) {
    forget_oldest(type);
  }
  if (value.is_missing()) return false;
  bytes_.clear();
  cep::append_key_part(bytes_, value);
  const XXH128_hash_t hash = XXH3_128bits(bytes_.data(), bytes_.size());
  const Id id = {hash.low64, hash.high64};
  if (!type.taken.try_emplace(id, row.engine_time).second) return true;
  type.in_order.emplace_back(row.engine_time, id);
  if (type.in_order.size() > ids_max_) {
    forget_oldest(type);
    ++forgotten_;
  }
  return false;
}

void UniqueFilter::forget_oldest(Type& type) {
  type.taken.erase(type.in_order.front().second);
  type.in_order.pop_front();
}

// types: varint, and each: its name, the id field's name, count, and each id: us since the one
// before it (the first: its time), its two words.
void UniqueFilter::save(ByteWriter& writer) const {
  writer.varint(forgotten_);
  writer.varint(static_cast<std::uint64_t>(
      std::ranges::count_if(types_, [](const Type& type) { return type.is_unique; })));
  for (std::size_t t = 0; t < types_.size(); ++t) {
    const Type& type = types_[t];
    if (!type.is_unique) continue;
    writer.text(plan_.event_types[t].name);
    writer.text(plan_.event_types[t].fields[type.id_field.value].name);
    writer.varint(type.in_order.size());
    std::optional<cep::EventTime> before;
    for (const auto& [time, id] : type.in_order) {
      if (before) {
        writer.varint(static_cast<std::uint64_t>(time.us - before->us));
      } else {
        writer.i64(time.us);
      }
      before = time;
      writer.u64(id[0]);
      writer.u64(id[1]);
    }
  }
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
