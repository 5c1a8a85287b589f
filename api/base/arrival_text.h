/// Arrival numbers as they are shown: "812:4", the journal's record and the place in it.
#pragma once
#include <charconv>
#include <optional>
#include <string_view>

#include "cep/value/order.h"

namespace tocsin::api {
/// Nothing for what is none.
inline std::optional<cep::ArrivalNumber> read_arrival(std::string_view text) {
  cep::ArrivalNumber arrival;
  const char* const end = text.data() + text.size();
  const auto record = std::from_chars(text.data(), end, arrival.record);
  if (record.ec != std::errc() || record.ptr == end || *record.ptr != ':') return std::nullopt;
  const auto index = std::from_chars(record.ptr + 1, end, arrival.index);
  if (index.ec != std::errc() || index.ptr != end) return std::nullopt;
  return arrival;
}
}  // namespace tocsin::api
