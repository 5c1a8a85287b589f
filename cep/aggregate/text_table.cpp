#include "cep/aggregate/text_table.h"

#include <xxhash.h>

#include <cstring>

#include "cep/base/assert.h"
#include "cep/base/prefetch.h"

namespace tocsin::cep {
std::uint64_t TextTable::hash(std::string_view text) const {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed_);
}

void TextTable::Numbered::prefetch(std::uint32_t number) const {
  tocsin::prefetch(table.entries_[number].data);
}

TextTable::TextTable(std::pmr::memory_resource* memory, std::uint64_t seed)
    : seed_(seed), memory_(memory) {}

TextTable::~TextTable() {
  for (const Entry& entry : entries_) {
    if (entry.holders > 0 && entry.size > 0) memory_->deallocate(entry.data, entry.size, 1);
  }
}

char* TextTable::copy(std::string_view text) const {
  if (text.empty()) return nullptr;
  auto* const data = static_cast<char*>(memory_->allocate(text.size(), 1));
  std::memcpy(data, text.data(), text.size());
  return data;
}

// Memory that is about to go as a whole is not given back text by text.
void TextTable::clear(std::pmr::memory_resource* memory) {
  std::vector<Entry>().swap(entries_);
  std::vector<std::uint32_t>().swap(free_);
  index_.clear();
  memory_ = memory;
}

// The index knows numbers alone.
void TextTable::move_to(std::pmr::memory_resource* memory) {
  memory_ = memory;
  entries_.shrink_to_fit();
  free_.shrink_to_fit();
  for (Entry& entry : entries_) {
    if (entry.holders > 0) entry.data = copy({entry.data, entry.size});
  }
}

std::uint32_t TextTable::hold(std::string_view text) {
  const std::uint64_t hash = this->hash(text);
  std::uint32_t number = 0;
  const bool is_held = index_.find(hash, [&](std::uint32_t other) {
    number = other;
    return this->text(other) == text;
  });
  if (is_held) {
    ++entries_[number].holders;
    return number;
  }
  if (free_.empty()) {
    number = static_cast<std::uint32_t>(entries_.size());
    entries_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  Entry entry;
  entry.size = static_cast<std::uint32_t>(text.size());
  entry.holders = 1;
  entry.data = copy(text);
  entries_[number] = entry;
  index_.insert(hash, number, Numbered{*this});
  return number;
}

void TextTable::drop(std::uint32_t number) {
  Entry& entry = entries_[number];
  TOCSIN_ASSERT(entry.holders > 0, "only what is held is dropped");
  if (--entry.holders > 0) return;
  index_.erase(hash(text(number)), number, Numbered{*this});
  if (entry.size > 0) memory_->deallocate(entry.data, entry.size, 1);
  entry = {};
  free_.push_back(number);
}
}  // namespace tocsin::cep
