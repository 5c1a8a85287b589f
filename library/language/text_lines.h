/// Lines and characters of a text, as editors count them.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

namespace tocsin::library {
/// What a line's characters are counted in.
enum class CharacterUnit : std::uint8_t { kUtf8, kUtf16, kUtf32 };

/// Both from 0. A character behind the line's last one means the line's end.
struct LinePlace {
  std::uint32_t line = 0;
  std::uint32_t character = 0;

  friend bool operator==(const LinePlace&, const LinePlace&) = default;
};

/// The lines of a text, which outlives it. A line ends before its LF or CRLF. Places that are asked
/// in their order cost the bytes between them, however long a line is. Not for several threads.
class TextLines {
 public:
  explicit TextLines(std::string_view text);
  std::uint32_t count() const { return static_cast<std::uint32_t>(starts_.size()); }
  /// A byte's place; that of the text's end for a byte behind it.
  LinePlace place(std::uint32_t byte, CharacterUnit unit) const;
  /// The byte at a place: the line's or the text's end where it lies behind that, the begin of the
  /// character where it lies inside one.
  std::uint32_t byte(LinePlace place, CharacterUnit unit) const;
  /// A line's text without its end.
  std::string_view line(std::uint32_t number) const;
  /// Its first byte.
  std::uint32_t start(std::uint32_t number) const { return starts_[number]; }
  /// The line of a byte.
  std::uint32_t line_of(std::uint32_t byte) const;

 private:
  std::string_view text_;
  std::vector<std::uint32_t> starts_;
  // The last place that was asked for, `at` in its line: the next one mostly lies behind it.
  struct Known {
    std::uint32_t line = 0;
    std::size_t at = 0;
    std::uint32_t character = 0;
    CharacterUnit unit = CharacterUnit::kUtf8;
  };
  mutable Known known_;
};
}  // namespace tocsin::library
