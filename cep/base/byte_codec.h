/// Numbers and texts as bytes, for everything that is kept on disk: little endian, whatever the
/// machine is; varints are LEB128 in their shortest form, so that equal values have equal bytes.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

namespace tocsin {
/// Writes a number at `to`, of which sizeof(Number) bytes are there.
template <typename Number>
void store_number(char* to, Number number) {
  static_assert(std::is_unsigned_v<Number>);
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(to, &number, sizeof number);
  } else {
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
      to[i] = static_cast<char>(static_cast<unsigned char>(number >> (8 * i)));
    }
  }
}
/// Reads what store_number() wrote.
template <typename Number>
Number load_number(const char* from) {
  static_assert(std::is_unsigned_v<Number>);
  if constexpr (std::endian::native == std::endian::little) {
    Number number = 0;
    std::memcpy(&number, from, sizeof number);
    return number;
  } else {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) {
      number |= std::uint64_t{static_cast<unsigned char>(from[i])} << (8 * i);
    }
    return static_cast<Number>(number);
  }
}

/// Appends to a string that the caller owns.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& to) : to_(to) {}
  void u8(std::uint8_t value) { to_.push_back(static_cast<char>(value)); }
  void u32(std::uint32_t value) { number(value); }
  void u64(std::uint64_t value) { number(value); }
  void i64(std::int64_t value) { number(static_cast<std::uint64_t>(value)); }
  /// 1 to 10 bytes.
  void varint(std::uint64_t value) {
    if (value < 0x80) {
      u8(static_cast<std::uint8_t>(value));
    } else if (value >> kBitsOfWord == 0) {
      varint_of_word(value);
    } else {
      long_varint(value);
    }
  }
  /// The same, where small numbers may be negative.
  void signed_varint(std::int64_t value) {
    varint(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
  }
  /// Its length as a varint, then its bytes.
  void text(std::string_view value);
  /// The bytes alone.
  void raw(std::string_view value) { to_.append(value); }
  void zeros(std::size_t count) { to_.append(count, '\0'); }

 private:
  template <typename Number>
  void number(Number value) {
    char bytes[sizeof(Number)];
    store_number(bytes, value);
    to_.append(bytes, sizeof bytes);
  }
  static constexpr unsigned kBitsOfWord = 56;
  // 2 to 8 bytes.
  void varint_of_word(std::uint64_t value);
  void long_varint(std::uint64_t value);
  std::string& to_;
};

/// Reads what ByteWriter wrote, from any bytes: a read past the end, or a varint that is too large
/// or not in its shortest form, gives zero or nothing and leaves ok() false for good.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : left_(bytes) {}
  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  std::int64_t i64() { return static_cast<std::int64_t>(number<std::uint64_t>()); }
  std::uint64_t varint() {
    if (left_.empty() || static_cast<unsigned char>(left_.front()) >= 0x80) return long_varint();
    return u8();
  }
  std::int64_t signed_varint() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>(value >> 1 ^ (std::uint64_t{0} - (value & 1)));
  }
  /// A varint that must be at most `most`.
  std::uint64_t varint_up_to(std::uint64_t most);
  /// Into the bytes that the reader was given.
  std::string_view text();
  std::string_view raw(std::size_t count);

  bool ok() const { return ok_; }
  /// All was well and nothing is left.
  bool is_done() const { return ok_ && left_.empty(); }
  std::size_t left() const { return left_.size(); }

 private:
  template <typename Number>
  Number number() {
    const std::string_view bytes = raw(sizeof(Number));
    return bytes.empty() ? Number{0} : load_number<Number>(bytes.data());
  }
  std::uint64_t long_varint();
  void fail() {
    ok_ = false;
    left_ = {};
  }
  std::string_view left_;
  bool ok_ = true;
};
}  // namespace tocsin
