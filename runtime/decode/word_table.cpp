#include "runtime/decode/word_table.h"

namespace tocsin::runtime {
WordTable::WordTable(std::vector<std::string> keys) : keys_(std::move(keys)) {
  const std::size_t size = std::bit_ceil(std::max<std::size_t>(2, keys_.size() * 4));
  slots_.resize(size);
  mask_ = size - 1;
  shift_ = 64 - std::countr_zero(size);
  for (std::size_t index = 0; index < keys_.size(); ++index) {
    const std::string& key = keys_[index];
    // A key that JSON must escape never stands raw in a line: find_escaped() finds it.
    if (key.find_first_of("\"\\") != std::string::npos ||
        find_text(key) != static_cast<int>(index)) {
      continue;
    }
    const std::string padded = '"' + key + '"' + std::string(kReadAhead, '\0');
    const char* const raw = padded.data() + 1;
    const std::uint64_t first = first_word(raw, key.size());
    const std::uint64_t last = key.size() > 8 ? load_word(raw + key.size() - 8) : 0;
    std::size_t i = place(first, last, key.size());
    while (slots_[i].length != kEmpty) i = (i + 1) & mask_;
    may_have_[mixed(raw, key.size())] = true;
    slots_[i] = {first, last, static_cast<std::uint32_t>(key.size()),
                 static_cast<std::uint32_t>(index)};
  }
}

int WordTable::find_text(std::string_view key) const {
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (keys_[i] == key) return static_cast<int>(i);
  }
  return kAbsent;
}

int WordTable::find_escaped(const char* raw, std::size_t length) const {
  if (std::memchr(raw, '\\', length) == nullptr) return kAbsent;
  const std::string_view inside = string_inside(raw);
  std::string text(inside.size(), '\0');
  const std::optional<std::size_t> size = unescape(inside, text.data());
  if (!size) return kAbsent;
  text.resize(*size);
  return find_text(text);
}

int KeySequence::learn(const WordTable& table, const char* raw, Position& position) {
  const int index = table.find(raw);
  if (index == WordTable::kAbsent) return index;
  // With its closing quote a key is told from all others by as many characters; longer ones are not
  // remembered.
  const std::size_t size = string_inside(raw).size() + 1;
  if (size <= 16 && entries_.size() < kEntriesMax) {
    Entry entry;
    entry.first_mask = low_bytes(size);
    entry.second_mask = size > 8 ? low_bytes(size - 8) : 0;
    entry.first = load_word(raw) & entry.first_mask;
    entry.second = load_word(raw + 8) & entry.second_mask;
    entry.index = index;
    entries_.insert(entries_.begin() + position, entry);
    ++count_;
    ++position;
  }
  return index;
}

std::string_view string_inside(const char* raw) {
  std::size_t length = 0;
  while (raw[length] != '"') length += raw[length] == '\\' ? 2 : 1;
  return {raw, length};
}
}  // namespace tocsin::runtime
