#include "runtime/store.h"

#include "cep/base/assert.h"

namespace tocsin::runtime {
namespace {
template <typename Number>
void append_big_endian(std::string& key, Number number) {
  for (std::size_t i = sizeof(Number); i-- > 0;) {
    key.push_back(static_cast<char>(static_cast<unsigned char>(number >> (8 * i))));
  }
}
template <typename Number>
Number read_big_endian(std::string_view key) {
  TOCSIN_ASSERT(key.size() >= sizeof(Number), "the caller checks that the number is there");
  Number number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    number = static_cast<Number>(number << 8 | static_cast<unsigned char>(key[i]));
  }
  return number;
}
}  // namespace

void StoreBatch::put(StoreFamily family, std::string_view key, std::string_view value) {
  give(family, std::string(key), std::string(value));
}
void StoreBatch::give(StoreFamily family, std::string key, std::string value) {
  add({Kind::kPut, family, std::move(key), std::move(value)});
}
void StoreBatch::remove(StoreFamily family, std::string_view key) {
  add({Kind::kRemove, family, std::string(key), {}});
}
void StoreBatch::remove_range(StoreFamily family, std::string_view begin, std::string_view end) {
  TOCSIN_ASSERT(begin <= end, "a range does not end before it begins");
  add({Kind::kRemoveRange, family, std::string(begin), std::string(end)});
}
void StoreBatch::add(Change change) {
  bytes_ += change.key.size() + change.value.size();
  changes_.push_back(std::move(change));
}
void StoreBatch::clear() {
  changes_.clear();
  bytes_ = 0;
}

StoreRange StoreRange::of_prefix(std::string_view prefix) {
  StoreRange range;
  range.begin = prefix;
  // The least text that is greater than all that begin so.
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) {
    end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
    range.end = std::move(end);
  }
  return range;
}

void append_key_u32(std::string& key, std::uint32_t number) { append_big_endian(key, number); }
void append_key_u64(std::string& key, std::uint64_t number) { append_big_endian(key, number); }
std::uint32_t read_key_u32(std::string_view key) { return read_big_endian<std::uint32_t>(key); }
std::uint64_t read_key_u64(std::string_view key) { return read_big_endian<std::uint64_t>(key); }
}  // namespace tocsin::runtime
