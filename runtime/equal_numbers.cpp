#include "runtime/equal_numbers.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <utility>

#include "runtime/declared_fields.h"

namespace tocsin::runtime {
namespace {
std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  return std::rotl((hash ^ word) * 0x9e3779b97f4a7c15, 29);
}
std::uint64_t mix(std::uint64_t hash, std::string_view text) {
  return mix(mix(hash, text.size()), std::hash<std::string_view>{}(text));
}
}  // namespace

EqualNumbers::EqualNumbers(const cep::Plan& plan) : plan_(plan) {
  for (const cep::EventType& type : plan.event_types) {
    needed_ = needed_ || (!type.id_field && !type.is_alert());
  }
}

std::uint64_t EqualNumbers::columns_hash(const cep::Batch& slice, const cep::Row& row) const {
  std::uint64_t hash = row.type.value;
  for (const cep::Column& column : slice.types[row.type.value].fields) {
    if (column.known.empty()) continue;  // not used
    if (column.known[row.index] == 0) {
      hash = mix(hash, 1);
    } else if (column.texts.empty()) {
      hash = mix(hash, static_cast<std::uint64_t>(column.words[row.index]));
    } else {
      hash = mix(hash, column.texts[row.index]);
    }
  }
  return hash;
}

std::vector<cep::Value> EqualNumbers::fields(const Entry& entry, cep::TextArena& scratch) const {
  cep::Row row = entry.row;
  if (!entry.line.empty()) row.raw = entry.line;
  return declared_fields(plan_, row, scratch);
}

std::uint64_t EqualNumbers::fields_hash(const Entry& entry) const {
  cep::TextArena scratch;
  std::uint64_t hash = 0;
  for (const cep::Value& value : fields(entry, scratch)) {
    hash = mix(hash, static_cast<std::uint64_t>(value.kind));
    hash = mix(hash, static_cast<std::uint64_t>(value.number));
    hash = mix(hash, std::bit_cast<std::uint64_t>(value.real + 0.0));  // -0 as +0
    hash = mix(hash, value.text);
  }
  return hash;
}

bool EqualNumbers::are_equal(const Entry& a, const Entry& b) const {
  cep::TextArena scratch;
  const std::vector<cep::Value> left = fields(a, scratch);
  const std::vector<cep::Value> right = fields(b, scratch);
  return a.row.type == b.row.type &&
         std::equal(left.begin(), left.end(), right.begin(), right.end(), cep::same_value);
}

std::uint32_t EqualNumbers::number(const cep::Row& row, std::uint64_t columns_hash) {
  Entry entry;
  entry.columns_hash = columns_hash;
  entry.row = row;
  if (!only_ && entries_.empty()) {
    only_ = std::move(entry);
    return 0;
  }
  if (only_) {
    entries_[only_->columns_hash].push_back(std::move(*only_));
    only_.reset();
  }
  std::vector<Entry>& alike = entries_[columns_hash];
  if (!alike.empty()) entry.fields_hash = fields_hash(entry);
  for (Entry& other : alike) {
    if (!other.fields_hash) other.fields_hash = fields_hash(other);
    if (*other.fields_hash == *entry.fields_hash && are_equal(other, entry)) return other.count++;
  }
  alike.push_back(std::move(entry));
  return 0;
}

void EqualNumbers::assign(cep::Batch& slice) {
  if (!needed_) return;
  std::optional<cep::EventTime> time;
  if (only_) time = only_->row.engine_time;
  if (!entries_.empty()) time = entries_.begin()->second.front().row.engine_time;
  for (cep::Row& row : slice.rows) {
    if (plan_.event_types[row.type.value].id_field) continue;
    if (time != row.engine_time) {
      time = row.engine_time;
      only_.reset();
      entries_.clear();
    }
    row.equal_number = number(row, columns_hash(slice, row));
  }
  // The lines of the newest time outlive the slice.
  const auto own = [](Entry& entry) {
    if (entry.line.empty()) entry.line = entry.row.raw;
  };
  if (only_) own(*only_);
  for (auto& [hash, entries] : entries_) std::for_each(entries.begin(), entries.end(), own);
}
}  // namespace tocsin::runtime
