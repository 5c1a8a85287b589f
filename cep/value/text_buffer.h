/// Text that is written front to back, into memory that is kept for the next text.
#pragma once
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "cep/base/digits.h"
#include "cep/base/short_copy.h"
#include "cep/value/value.h"

namespace tocsin::cep {
class TextBuffer {
 public:
  void clear() { size_ = 0; }
  /// What was written, until the next change.
  std::string_view text() const { return {bytes_.get(), size_}; }
  /// So many bytes may be written behind those that room() was asked for: whole words where a text
  /// needs a part of one.
  static constexpr std::size_t kSpare = 8;
  /// At least `size` bytes behind the text; took() says how many of them became text.
  [[gnu::always_inline]] char* room(std::size_t size) {
    if (capacity_ - size_ < size) [[unlikely]] {
      grow(size);
    }
    return bytes_.get() + size_;
  }
  void took(std::size_t size) { size_ += size; }
  /// To its first `size` bytes.
  void shorten(std::size_t size) { size_ = size; }
  void push_back(char c) {
    *room(1) = c;
    ++size_;
  }
  TextBuffer& append(std::string_view text) {
    copy_short(room(text.size()), text.data(), text.size());
    size_ += text.size();
    return *this;
  }
  /// A literal, whose size the compiler knows.
  template <std::size_t kSize>
  void literal(const char (&text)[kSize]) {
    std::memcpy(room(kSize - 1), text, kSize - 1);
    size_ += kSize - 1;
  }
  void number(std::uint64_t number) {
    std::array<char, 20> digits;
    char* const end = digits.data() + digits.size();
    const char* const begin = put_digits_before(end, number);
    append({begin, static_cast<std::size_t>(end - begin)});
  }
  void number(std::int64_t number) {
    if (number < 0) push_back('-');
    const auto bits = static_cast<std::uint64_t>(number);
    this->number(number < 0 ? 0 - bits : bits);
  }

 private:
  [[gnu::noinline]] void grow(std::size_t size) {
    const std::size_t capacity = std::max(size_ + size, std::max<std::size_t>(2 * capacity_, 1024));
    auto bytes = std::make_unique_for_overwrite<char[]>(capacity + kSpare);
    if (size_ > 0) std::memcpy(bytes.get(), bytes_.get(), size_);
    bytes_ = std::move(bytes);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};
/// As those of cep/value/value.h.
void append_json(TextBuffer& out, const Value& value);
void append_json_string(TextBuffer& out, std::string_view text);
}  // namespace tocsin::cep
