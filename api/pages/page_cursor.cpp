#include "api/pages/page_cursor.h"

#include <fmt/format.h>

#include <charconv>

#include "api/base/arrival_text.h"

namespace tocsin::api {
namespace {
// Of a lower-case hex digit; -1 for another byte.
int digit_of(char letter) {
  if (letter >= '0' && letter <= '9') return letter - '0';
  return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}
}  // namespace

std::string number_cursor(std::uint64_t number) { return std::to_string(number); }

std::optional<std::uint64_t> read_number_cursor(std::string_view cursor) {
  std::uint64_t number = 0;
  const char* const end = cursor.data() + cursor.size();
  const auto parsed = std::from_chars(cursor.data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end || number == 0) return std::nullopt;
  return number;
}

std::string key_cursor(std::string_view key) {
  std::string cursor;
  cursor.reserve(2 * key.size());
  for (const char byte : key) cursor += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return cursor;
}

std::optional<std::string> read_key_cursor(std::string_view cursor) {
  if (cursor.size() % 2 != 0) return std::nullopt;
  std::string key;
  for (std::size_t i = 0; i < cursor.size(); i += 2) {
    const int high = digit_of(cursor[i]);
    const int low = digit_of(cursor[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    key += static_cast<char>(high * 16 + low);
  }
  return key;
}

std::string side_output_cursor(const runtime::EffectReader::SideOutputPlace& place) {
  return fmt::format("{}:{}:{}", place.timeline, place.arrival.record, place.arrival.index);
}

std::optional<runtime::EffectReader::SideOutputPlace> read_side_output_cursor(
    std::string_view cursor) {
  runtime::EffectReader::SideOutputPlace place;
  const char* const end = cursor.data() + cursor.size();
  const auto timeline = std::from_chars(cursor.data(), end, place.timeline);
  if (timeline.ec != std::errc{} || timeline.ptr == end || *timeline.ptr != ':') {
    return std::nullopt;
  }
  const auto arrival =
      read_arrival({timeline.ptr + 1, static_cast<std::size_t>(end - timeline.ptr - 1)});
  if (!arrival) return std::nullopt;
  place.arrival = *arrival;
  return place;
}

std::string arrival_cursor(cep::ArrivalNumber arrival) {
  return fmt::format("{}:{}", arrival.record, arrival.index);
}

std::optional<cep::ArrivalNumber> read_arrival_cursor(std::string_view cursor) {
  return read_arrival(cursor);
}
}  // namespace tocsin::api
