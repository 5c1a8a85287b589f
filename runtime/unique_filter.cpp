#include "runtime/unique_filter.h"

#include <xxhash.h>

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

std::uint64_t UniqueFilter::drop_repeats(cep::Batch& slice) {
  if (!any_) return 0;
  return std::erase_if(slice.rows, [&](const cep::Row& row) {
    Type& type = types_[row.type.value];
    return type.is_unique && is_repeat(type, row, slice.value(plan_, row, type.id_field));
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
}  // namespace tocsin::runtime
