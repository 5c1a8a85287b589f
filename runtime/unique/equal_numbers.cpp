#include "runtime/unique/equal_numbers.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <utility>

#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"
#include "runtime/decode/declared_columns.h"
#include "runtime/decode/declared_fields.h"

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
  if (slice.has_identities) return mix(hash, row.raw);
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
  row.raw = raw_of(entry);
  return declared_fields(plan_, row, scratch);
}

std::uint64_t EqualNumbers::fields_hash(const Entry& entry) const {
  if (has_identities_) return entry.columns_hash;
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
  if (a.row.type != b.row.type) return false;
  if (has_identities_) return raw_of(a) == raw_of(b);
  cep::TextArena scratch;
  const std::vector<cep::Value> left = fields(a, scratch);
  const std::vector<cep::Value> right = fields(b, scratch);
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), cep::same_value);
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

std::optional<cep::EventTime> EqualNumbers::newest_time() const {
  if (only_) return only_->row.engine_time;
  if (!entries_.empty()) return entries_.begin()->second.front().row.engine_time;
  return std::nullopt;
}

void EqualNumbers::assign(cep::Batch& slice) {
  if (!needed_) return;
  has_identities_ = slice.has_identities;
  std::optional<cep::EventTime> time = newest_time();
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
  const auto own = [this](Entry& entry) {
    if (entry.line.empty()) entry.line = RowReference::packed(plan_, entry.row);
  };
  if (only_) own(*only_);
  for (auto& [hash, entries] : entries_) std::for_each(entries.begin(), entries.end(), own);
}

void EqualNumbers::take_up(const cep::Row& row, std::string identity, std::uint32_t count) {
  has_identities_ = true;
  Entry entry;
  entry.columns_hash = mix(row.type.value, identity);
  entry.count = count;
  entry.row = row;
  entry.row.raw = {};
  entry.line = std::move(identity);
  entries_[entry.columns_hash].push_back(std::move(entry));
}

// count of events that differ: varint; where there are some, their time: i64, and each, ascending
// by line: how many are equal to it, itself included: varint, and its line.
void EqualNumbers::save(ByteWriter& writer) const {
  std::vector<const Entry*> all;
  if (only_) all.push_back(&*only_);
  for (const auto& [hash, entries] : entries_) {
    for (const Entry& entry : entries) all.push_back(&entry);
  }
  std::ranges::sort(all, {}, [](const Entry* entry) -> const std::string& { return entry->line; });
  writer.varint(all.size());
  if (all.empty()) return;
  writer.i64(newest_time()->us);
  for (const Entry* entry : all) {
    writer.varint(entry->count);
    writer.text(entry->line);
  }
}

bool EqualNumbers::restore(ByteReader& reader, const DecodeLine& decode) {
  const std::uint64_t count = reader.varint_up_to(reader.left() / 2);
  if (count == 0) return reader.ok();
  const cep::EventTime time{reader.i64()};
  if (time < cep::kEventTimeMin || time > cep::kEventTimeMax) return false;
  std::string_view before;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t equal = reader.varint_up_to(UINT32_MAX);
    const std::string_view line = reader.text();
    if (!reader.ok() || equal == 0 || line <= before) return false;  // no line is empty
    before = line;
    cep::Batch batch(plan_);
    if (!decode(line, time, batch)) continue;
    const cep::Row& row = batch.rows.front();
    if (plan_.event_types[row.type.value].id_field) continue;
    Entry entry;
    entry.columns_hash = columns_hash(batch, row);
    entry.count = static_cast<std::uint32_t>(equal);
    entry.row = row;
    entry.line = line;
    entry.row.raw = {};
    entries_[entry.columns_hash].push_back(std::move(entry));
  }
  return true;
}
}  // namespace tocsin::runtime
