#include "runtime/store/store.h"

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
  begin(Kind::kPut, family, key);
  bytes_ += value;
  end();
}
void StoreBatch::remove(StoreFamily family, std::string_view key) {
  begin(Kind::kRemove, family, key);
  end();
}
void StoreBatch::remove_range(StoreFamily family, std::string_view first, std::string_view last) {
  TOCSIN_ASSERT(first <= last, "a range does not end before it begins");
  begin(Kind::kRemoveRange, family, first);
  bytes_ += last;
  end();
}
StoreBatch::Change StoreBatch::change(std::size_t index) const {
  const Place& place = changes_[index];
  const std::string_view bytes = bytes_;
  return {place.kind, place.family, bytes.substr(place.key, place.value - place.key),
          bytes.substr(place.value, place.end - place.value)};
}
void StoreBatch::clear(std::size_t bytes_kept) {
  if (bytes_.capacity() > bytes_kept) {
    *this = {};
    return;
  }
  bytes_.clear();
  changes_.clear();
}
void StoreBatch::begin(Kind kind, StoreFamily family, std::string_view key) {
  const std::size_t at = bytes_.size();
  bytes_ += key;
  changes_.push_back({kind, family, at, bytes_.size(), 0});
}
// The bytes of the value.
std::size_t StoreBatch::end() {
  Place& place = changes_.back();
  place.end = bytes_.size();
  return place.end - place.value;
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
