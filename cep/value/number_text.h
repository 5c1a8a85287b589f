/// Texts of decimals and times in place, for those who append them.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tocsin::cep {
struct EventTime;
/// What format_decimal() gives; `scale` is at most 60.
class DecimalText {
 public:
  DecimalText(__int128 mantissa, int scale);
  DecimalText(const DecimalText&) = delete;
  DecimalText& operator=(const DecimalText&) = delete;
  std::string_view view() const { return {begin_, static_cast<std::size_t>(end() - begin_)}; }

 private:
  const char* end() const { return bytes_.data() + bytes_.size(); }

  std::array<char, 64> bytes_;
  char* begin_;
};
/// What format_time() gives. One that is set again writes its date only where that is another one.
class TimeText {
 public:
  TimeText() = default;
  explicit TimeText(EventTime time);
  void set(EventTime time);
  /// Empty before a time is set.
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, 48> bytes_;
  std::size_t size_ = 0;
  std::size_t date_size_ = 0;  // with the `T`; 0: there is none
  std::int64_t days_ = 0;      // that the date is of
};
}  // namespace tocsin::cep
