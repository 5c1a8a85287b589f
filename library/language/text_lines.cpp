#include "library/language/text_lines.h"

#include <algorithm>

#include "rules/text/utf8.h"

namespace tocsin::library {
namespace {
std::uint32_t units_of(const rules::CodePoint& point, CharacterUnit unit) {
  switch (unit) {
    case CharacterUnit::kUtf8:
      return static_cast<std::uint32_t>(point.bytes);
    case CharacterUnit::kUtf16:
      return point.value >= 0x10000 ? 2 : 1;
    case CharacterUnit::kUtf32:
      return 1;
  }
  return 1;
}
}  // namespace

TextLines::TextLines(std::string_view text) : text_(text), starts_{0} {
  for (std::size_t i = text.find('\n'); i != std::string_view::npos; i = text.find('\n', i + 1)) {
    starts_.push_back(static_cast<std::uint32_t>(i + 1));
  }
}

std::string_view TextLines::line(std::uint32_t number) const {
  const std::uint32_t begin = starts_[number];
  if (number + 1 == starts_.size()) return text_.substr(begin);
  std::string_view line = text_.substr(begin, starts_[number + 1] - 1 - begin);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::uint32_t TextLines::line_of(std::uint32_t byte) const {
  const auto next = std::ranges::upper_bound(starts_, byte);
  return static_cast<std::uint32_t>(next - starts_.begin()) - 1;
}

LinePlace TextLines::place(std::uint32_t byte, CharacterUnit unit) const {
  byte = std::min(byte, static_cast<std::uint32_t>(text_.size()));
  LinePlace place{line_of(byte), 0};
  const std::string_view text = line(place.line);
  const std::size_t end = std::min<std::size_t>(byte - starts_[place.line], text.size());
  const bool goes_on = known_.line == place.line && known_.unit == unit && known_.at <= end;
  std::size_t at = goes_on ? known_.at : 0;
  if (goes_on) place.character = known_.character;
  while (at < end) {
    const rules::CodePoint point = rules::code_point_at(text, at);
    if (at + point.bytes > end) break;
    place.character += units_of(point, unit);
    at += point.bytes;
  }
  known_ = {place.line, at, place.character, unit};
  return place;
}

std::uint32_t TextLines::byte(LinePlace place, CharacterUnit unit) const {
  if (place.line >= starts_.size()) return static_cast<std::uint32_t>(text_.size());
  const std::string_view text = line(place.line);
  std::uint32_t units = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const rules::CodePoint point = rules::code_point_at(text, at);
    units += units_of(point, unit);
    if (units > place.character) break;
    at += point.bytes;
  }
  return starts_[place.line] + static_cast<std::uint32_t>(at);
}
}  // namespace tocsin::library
