#include "cep/aggregate/text_table.h"

#include <xxhash.h>

#include <cstring>

#include "cep/base/assert.h"

namespace tocsin::cep {
std::size_t TextTable::Hash::operator()(std::string_view text) const {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

TextTable::TextTable(std::pmr::memory_resource* memory, std::uint64_t seed)
    : memory_(memory), entries_(memory), free_(memory), numbers_(0, Hash{seed}, memory) {}

TextTable::~TextTable() {
  for (const Entry& entry : entries_) {
    if (entry.holders > 0 && entry.size > 0) memory_->deallocate(entry.data, entry.size, 1);
  }
}

std::uint32_t TextTable::hold(std::string_view text) {
  const auto found = numbers_.find(text);
  if (found != numbers_.end()) {
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
  if (!text.empty()) {
    entry.data = static_cast<char*>(memory_->allocate(text.size(), 1));
    std::memcpy(entry.data, text.data(), text.size());
  }
  entries_[number] = entry;
  numbers_.emplace(std::string_view{entry.data, entry.size}, number);
  return number;
}

void TextTable::drop(std::uint32_t number) {
  Entry& entry = entries_[number];
  TOCSIN_ASSERT(entry.holders > 0, "only what is held is dropped");
  if (--entry.holders > 0) return;
  numbers_.erase(std::string_view{entry.data, entry.size});
  if (entry.size > 0) memory_->deallocate(entry.data, entry.size, 1);
  entry = {};
  free_.push_back(number);
}
}  // namespace tocsin::cep
