/// Short texts one behind the other, so that one scan searches them all.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "cep/base/assert.h"
#include "cep/base/short_copy.h"

namespace tocsin::cep {
/// Invariant: between two texts stands a byte that no UTF-8 text has, so that what is found lies in
/// one text. Threading: one caller at a time.
class JoinedTexts {
 public:
  /// The bytes that all texts together may have, each with one more.
  explicit JoinedTexts(std::size_t capacity)
      : bytes_(std::make_unique_for_overwrite<char[]>(capacity)), capacity_(capacity) {}
  struct Text {
    std::uint32_t number = 0;
    std::string_view text;  // of all()
    std::size_t begin = 0;  // where it stands there
  };
  bool has_room(std::string_view text) const { return text.size() < capacity_ - size_; }
  /// Adds a text, for which there is room, under a number.
  void add(std::uint32_t number, std::string_view text) {
    TOCSIN_ASSERT(has_room(text), "joined texts fit their buffer");
    if (!text.empty()) copy_short(bytes_.get() + size_, text.data(), text.size());
    size_ += text.size();
    ends_.push_back({static_cast<std::uint32_t>(size_), number});
    bytes_[size_++] = kBetween;
  }
  void clear() {
    size_ = 0;
    ends_.clear();
    last_ = 0;
  }
  bool empty() const { return ends_.empty(); }
  /// All texts with what stands between them.
  std::string_view all() const { return {bytes_.get(), size_}; }
  /// The text in which something ends at byte `end` of all(), and begins before it. Quick where it
  /// is asked from front to back.
  Text at(std::size_t end) {
    const bool is_after = last_ == 0 || ends_[last_ - 1].byte < end;
    if (!is_after || ends_[last_].byte < end) {
      const auto from = ends_.begin() + (is_after ? static_cast<std::ptrdiff_t>(last_) : 0);
      last_ = static_cast<std::size_t>(
          std::lower_bound(from, ends_.end(), end,
                           [](const End& a, std::size_t byte) { return a.byte < byte; }) -
          ends_.begin());
    }
    const std::size_t begin = last_ == 0 ? 0 : ends_[last_ - 1].byte + 1;
    return {ends_[last_].number, all().substr(begin, ends_[last_].byte - begin), begin};
  }

 private:
  static constexpr char kBetween = '\xFF';
  struct End {
    std::uint32_t byte = 0;
    std::uint32_t number = 0;
  };
  std::unique_ptr<char[]> bytes_;
  std::size_t capacity_;
  std::size_t size_ = 0;
  std::vector<End> ends_;
  std::size_t last_ = 0;  // the text that was asked for last
};
}  // namespace tocsin::cep
