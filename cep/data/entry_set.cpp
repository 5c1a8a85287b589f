#include "cep/data/entry_set.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>

#include "cep/base/assert.h"
#include "cep/plan/reference.h"

namespace tocsin::cep {
namespace {
std::uint64_t hash_of(std::string_view key) { return XXH3_64bits(key.data(), key.size()); }

void note_last(LastBytes& bytes, std::string_view key) {
  if (key.empty()) return;
  const auto last = static_cast<unsigned char>(key.back());
  bytes[last / 64] |= std::uint64_t{1} << (last % 64);
}
}  // namespace

EntryBase::EntryBase(std::vector<Entry> entries) {
  TOCSIN_ASSERT(entries.size() < std::size_t{1} << 31, "places have 32 bits");
  std::ranges::stable_sort(entries, {}, &Entry::key);
  std::size_t bytes = 0;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i + 1 < entries.size() && entries[i + 1].key == entries[i].key) continue;
    if (kept != i) entries[kept] = std::move(entries[i]);
    bytes += entries[kept++].key.size();
  }
  entries.resize(kept);
  bytes_.reserve(bytes);
  keys_.reserve(kept);
  const bool has_ends =
      std::ranges::any_of(entries, [](const Entry& entry) { return entry.until != kEventTimeMax; });
  const bool has_rows =
      std::ranges::any_of(entries, [](const Entry& entry) { return entry.row != nullptr; });
  slots_.resize(std::bit_ceil(std::max<std::size_t>(2 * kept, 2)));
  const std::size_t mask = slots_.size() - 1;
  for (Entry& entry : entries) {
    const std::size_t begin = bytes_.size();
    bytes_ += entry.key;
    keys_.emplace_back(bytes_.data() + begin, entry.key.size());
    note_last(last_bytes_, entry.key);
    if (has_ends) untils_.push_back(entry.until);
    if (has_rows) rows_.push_back(std::move(entry.row));
    std::size_t slot = hash_of(entry.key) & mask;
    while (slots_[slot] != 0) slot = (slot + 1) & mask;
    slots_[slot] = static_cast<std::uint32_t>(keys_.size());
  }
}

std::uint32_t EntryBase::find(std::string_view key) const {
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = hash_of(key) & mask; slots_[slot] != 0; slot = (slot + 1) & mask) {
    if (keys_[slots_[slot] - 1] == key) return slots_[slot] - 1;
  }
  return kNowhere;
}

std::uint32_t EntryBase::behind(std::string_view key) const {
  return static_cast<std::uint32_t>(std::ranges::upper_bound(keys_, key) - keys_.begin());
}

const std::shared_ptr<const TableRow>& EntryBase::row(std::uint32_t place) const {
  static const std::shared_ptr<const TableRow> kNone;
  return rows_.empty() ? kNone : rows_[place];
}

// ---- entries that change

EntrySet::EntrySet(std::vector<Entry> declared)
    : declared_(std::make_shared<const EntryBase>(std::move(declared))),
      base_(declared_),
      size_(base_->size()) {}

EntrySet& EntrySet::operator=(const EntrySet& other) = default;

const EntrySet::Change* EntrySet::changed(std::string_view key) const {
  if (delta_.empty()) return nullptr;
  const auto found = delta_.find(key);
  return found == delta_.end() ? nullptr : &found->second;
}

bool EntrySet::contains(std::string_view key, EventTime at) const {
  if (const Change* const change = changed(key)) return !change->is_gone && at < change->until;
  const std::uint32_t place = base_->find(key);
  return place != EntryBase::kNowhere && at < base_->until(place);
}

const TableRow* EntrySet::row(std::string_view key, EventTime at) const {
  if (const Change* const change = changed(key)) {
    return !change->is_gone && at < change->until ? change->row.get() : nullptr;
  }
  const std::uint32_t place = base_->find(key);
  return place != EntryBase::kNowhere && at < base_->until(place) ? base_->row(place).get()
                                                                  : nullptr;
}

std::optional<EntrySet::Seen> EntrySet::find(std::string_view key) const {
  if (const Change* const change = changed(key)) {
    if (change->is_gone) return std::nullopt;
    return Seen{key, change->until, change->row.get(), false};
  }
  const std::uint32_t place = base_->find(key);
  if (place == EntryBase::kNowhere) return std::nullopt;
  return Seen{key, base_->until(place), base_->row(place).get(), !is_replaced_};
}

void EntrySet::erase_end(const std::string& key, const Change& change) {
  if (!change.is_gone && change.until != kEventTimeMax) ends_.erase({change.until, key});
}

void EntrySet::report_change_to(std::vector<std::uint32_t>& changed, std::uint32_t number) {
  report_.changed = &changed;
  report_.number = number;
  if (is_changed()) report_change();
}
void EntrySet::report_change() {
  if (report_.changed == nullptr) return;
  report_.changed->push_back(report_.number);
  report_.changed = nullptr;
}

// The change in the place of what the delta has of the key.
void EntrySet::put(std::string_view key, Change change) {
  report_change();
  note_last(delta_last_bytes_, key);
  const auto [place, is_new] = delta_.try_emplace(std::string(key));
  if (!is_new) {
    erase_end(place->first, place->second);
    added_ -= place->second.is_gone ? 0 : 1;
  }
  added_ += change.is_gone ? 0 : 1;
  if (!change.is_gone && change.until != kEventTimeMax) ends_.emplace(change.until, place->first);
  place->second = std::move(change);
}

void EntrySet::add(Entry entry) {
  if (!find(entry.key)) ++size_;
  // Also where the rules declare it: they may cease to, and it stays.
  put(entry.key, Change{false, entry.until, std::move(entry.row)});
}

bool EntrySet::remove(std::string_view key) {
  if (!find(key)) return false;
  --size_;
  if (base_->find(key) != EntryBase::kNowhere) {
    put(key, Change{true, kEventTimeMax, nullptr});
    return true;
  }
  const auto known = delta_.find(key);
  erase_end(known->first, known->second);
  --added_;
  delta_.erase(known);
  return true;
}

std::shared_ptr<const EntryBase> EntrySet::replace(std::shared_ptr<const EntryBase> entries) {
  std::shared_ptr<const EntryBase> before = std::exchange(base_, nullptr);
  reset();
  base_ = std::move(entries);
  is_replaced_ = true;
  size_ = base_->size();
  report_change();
  return before;
}

void EntrySet::reset() {
  delta_.clear();
  delta_last_bytes_ = {};
  ends_.clear();
  added_ = 0;
  base_ = declared_;
  is_replaced_ = false;
  size_ = base_->size();
}

void EntrySet::take_changes(EntrySet&& other) {
  reset();
  if (other.is_replaced_) {
    base_ = std::move(other.base_);
    is_replaced_ = true;
    delta_ = std::move(other.delta_);
    delta_last_bytes_ = other.delta_last_bytes_;
    ends_ = std::move(other.ends_);
    added_ = other.added_;
    size_ = other.size_;
    report_change();
    return;
  }
  size_ = base_->size();
  for (auto& [key, change] : other.delta_) {
    if (change.is_gone) {
      remove(key);
    } else {
      add({key, change.until, std::move(change.row)});
    }
  }
}

bool EntrySet::forget(EventTime time) {
  const std::size_t before = ends_.size();
  while (!ends_.empty() && ends_.begin()->first <= time) {
    const std::string key = ends_.begin()->second;
    remove(key);  // also where the base has the key: it had come to an end
  }
  return ends_.size() != before;
}

LastBytes EntrySet::last_bytes() const {
  LastBytes bytes = base_->last_bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] |= delta_last_bytes_[i];
  return bytes;
}

void EntrySet::walk(const std::optional<std::string>& after,
                    const std::function<bool(const Seen&)>& visit) const {
  std::uint32_t place = after ? base_->behind(*after) : 0;
  auto change = after ? delta_.upper_bound(*after) : delta_.begin();
  while (place < base_->size() || change != delta_.end()) {
    const bool is_changed =
        change != delta_.end() && (place == base_->size() || change->first <= base_->key(place));
    if (!is_changed) {
      const Seen seen{base_->key(place), base_->until(place), base_->row(place).get(),
                      !is_replaced_};
      if (!visit(seen)) return;
      ++place;
      continue;
    }
    if (place < base_->size() && change->first == base_->key(place)) ++place;
    const Seen seen{change->first, change->second.until, change->second.row.get(), false};
    if (!change->second.is_gone && !visit(seen)) return;
    ++change;
  }
}

void EntrySet::walk_changes(
    const std::function<void(std::string_view, const std::optional<Entry>&)>& visit) const {
  for (const auto& [key, change] : delta_) {
    if (change.is_gone) {
      visit(key, std::nullopt);
    } else {
      visit(key, Entry{key, change.until, change.row});
    }
  }
}
}  // namespace tocsin::cep
