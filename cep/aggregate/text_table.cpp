#include "cep/aggregate/text_table.h"

#include <xxhash.h>

#include <cstring>
#include <utility>

#include "cep/base/assert.h"

namespace tocsin::cep {
std::size_t TextTable::Hash::operator()(std::string_view text) const {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

TextTable::TextTable(std::pmr::memory_resource* memory, std::uint64_t seed)
    : seed_(seed), memory_(memory), numbers_(std::in_place, 0, Hash{seed}, memory) {}

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
  numbers_.emplace(0, Hash{seed_}, memory);
  memory_ = memory;
}

void TextTable::move_to(std::pmr::memory_resource* memory) {
  std::vector<Entry> entries = std::move(entries_);
  std::vector<std::uint32_t> free = std::move(free_);
  clear(memory);
  free_ = std::move(free);
  numbers_->reserve(entries.size() - free_.size());
  for (Entry& entry : entries) {
    if (entry.holders == 0) continue;
    entry.data = copy({entry.data, entry.size});
    numbers_->emplace(std::string_view{entry.data, entry.size},
                      static_cast<std::uint32_t>(&entry - entries.data()));
  }
  entries_ = std::move(entries);
}

std::uint32_t TextTable::hold(std::string_view text) {
  const auto found = numbers_->find(text);
  if (found != numbers_->end()) {
    ++entries_[found->second].holders;
    return found->second;
  }
  std::uint32_t number = 0;
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
  numbers_->emplace(std::string_view{entry.data, entry.size}, number);
  return number;
}

void TextTable::drop(std::uint32_t number) {
  Entry& entry = entries_[number];
  TOCSIN_ASSERT(entry.holders > 0, "only what is held is dropped");
  if (--entry.holders > 0) return;
  numbers_->erase(std::string_view{entry.data, entry.size});
  if (entry.size > 0) memory_->deallocate(entry.data, entry.size, 1);
  entry = {};
  free_.push_back(number);
}
}  // namespace tocsin::cep
