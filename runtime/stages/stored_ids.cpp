#include "runtime/stages/stored_ids.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "cep/base/byte_codec.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "runtime/stages/line_message.h"

namespace tocsin::runtime {
namespace {
// Type's name, id field's name, count, and each id: its time and its two words.
void write_head(ByteWriter& to, const cep::EventType& type, std::uint64_t count) {
  to.text(type.name);
  to.text(type.fields[type.id_field->value].name);
  to.varint(count);
}
}  // namespace

StoredIds::StoredIds(const cep::Plan& plan, UniqueFilter& filter)
    : plan_(plan),
      filter_(filter),
      types_(plan.event_types.size()),
      restored_(plan.event_types.size()) {}

void StoredIds::cut(FrontCut& cut) {
  for (Place& place : of_others_) cut.remove(place.first, std::move(place.second));
  of_others_.clear();
  for (std::size_t t = 0; t < types_.size(); ++t) cut_type(cep::EventTypeIndex(t), cut);
}

void StoredIds::cut_type(cep::EventTypeIndex index, FrontCut& cut) {
  Type& type = types_[index.value];
  const std::uint64_t first = filter_.first_number(index);
  const std::uint64_t end = filter_.next_number(index);
  while (!type.stored.empty() && type.stored.begin()->first < first) {
    Place& place = type.stored.begin()->second;
    cut.remove(place.first, std::move(place.second));
    type.stored.erase(type.stored.begin());
  }
  std::map<std::uint32_t, std::vector<std::uint64_t>> by_group;
  for (std::uint64_t number = std::max(type.next, first); number < end; ++number) {
    by_group[group_of_id(filter_.numbered(index, number).id).value].push_back(number);
  }
  type.next = end;
  for (const auto& [group, numbers] : by_group) {
    std::string value;
    ByteWriter to(value);
    write_head(to, plan_.event_types[index.value], numbers.size());
    for (const std::uint64_t number : numbers) {
      const RecentIds::Entry& entry = filter_.numbered(index, number);
      to.i64(entry.time.us);
      to.u64(entry.id[0]);
      to.u64(entry.id[1]);
    }
    std::string rest;
    ByteWriter(rest).u64(next_entry_++);
    std::string key = front_key(FrontEntry::kIds, rest);
    type.stored.emplace(numbers.back(), Place{{group}, key});
    cut.put({group}, std::move(key), std::move(value));
  }
}

// The type that is `unique` by this id field.
std::optional<cep::EventTypeIndex> StoredIds::find_type(std::string_view name,
                                                        std::string_view id_field) const {
  for (std::size_t t = 0; t < plan_.event_types.size(); ++t) {
    const cep::EventType& type = plan_.event_types[t];
    if (type.name == name && type.unique && type.id_field &&
        type.fields[type.id_field->value].name == id_field) {
      return cep::EventTypeIndex(t);
    }
  }
  return std::nullopt;
}

void StoredIds::mark_all_changed() {
  of_others_.clear();
  for (Type& type : types_) type = {};
}

bool StoredIds::restore(cep::KeyGroup group, std::string_view key, std::string_view value) {
  if (key.size() != 1 + sizeof(std::uint64_t)) return false;
  next_entry_ = std::max(next_entry_, ByteReader(key.substr(1)).u64() + 1);
  ByteReader from(value);
  const std::string_view name = from.text();
  const std::string_view id_field = from.text();
  constexpr std::size_t kIdBytes = 24;
  const std::uint64_t count = from.varint_up_to(from.left() / kIdBytes);
  if (!from.ok() || count == 0 || from.left() != count * kIdBytes) return false;
  const std::optional<cep::EventTypeIndex> type = find_type(name, id_field);
  if (!type) {
    of_others_.emplace_back(group, key);
    return true;
  }
  restored_entries_.emplace_back(group, key);
  std::vector<Restored>& ids = restored_[type->value];
  for (std::uint64_t i = 0; i < count; ++i) {
    Restored one;
    one.id.time.us = from.i64();
    one.id.id = {from.u64(), from.u64()};
    one.entry = restored_entries_.size() - 1;
    if (one.id.time < cep::kEventTimeMin || one.id.time > cep::kEventTimeMax) return false;
    ids.push_back(one);
  }
  return true;
}

void StoredIds::take_over(StoredIds& before) {
  next_entry_ = before.next_entry_;
  of_others_ = std::move(before.of_others_);
  for (std::size_t old = 0; old < before.types_.size(); ++old) {
    const cep::EventType& type = before.plan_.event_types[old];
    const auto index = type.unique && type.id_field
                           ? find_type(type.name, type.fields[type.id_field->value].name)
                           : std::nullopt;
    Type& known = before.types_[old];
    if (index) {
      types_[index->value] = std::move(known);
      continue;
    }
    for (auto& [number, place] : known.stored) of_others_.push_back(std::move(place));
  }
}

bool StoredIds::finish_restore() {
  for (std::size_t t = 0; t < types_.size(); ++t) {
    std::ranges::sort(restored_[t], {},
                      [](const Restored& one) { return std::tuple(one.id.time, one.id.id); });
    std::map<std::size_t, std::uint64_t> newest;  // by entry
    for (std::uint64_t number = 0; number < restored_[t].size(); ++number) {
      const Restored& one = restored_[t][number];
      if (!filter_.take_up(cep::EventTypeIndex(t), one.id)) return false;
      newest[one.entry] = number;
    }
    types_[t].next = restored_[t].size();
    for (const auto& [entry, number] : newest) {
      types_[t].stored.emplace(number, std::move(restored_entries_[entry]));
    }
    restored_[t] = {};
  }
  restored_entries_.clear();
  return true;
}
}  // namespace tocsin::runtime
