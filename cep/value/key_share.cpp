#include "cep/value/key_share.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>

namespace tocsin::cep {
namespace {
bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}
}  // namespace

std::optional<KeyShare> KeyShare::parse(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  std::string decimals(point == std::string_view::npos ? "0" : text.substr(point + 1));
  constexpr std::size_t kDigits = 3;  // of 100
  constexpr std::size_t kDecimals = 2;
  if (!is_digits(whole) || whole.size() > kDigits) return std::nullopt;
  if (!is_digits(decimals) || decimals.size() > kDecimals) return std::nullopt;
  decimals.resize(kDecimals, '0');
  KeyShare share;
  share.hundredths_ = 0;
  for (const char digit : std::string(whole) + decimals) {
    share.hundredths_ = share.hundredths_ * 10 + static_cast<std::uint32_t>(digit - '0');
  }
  if (share.hundredths_ == 0 || share.hundredths_ > kWhole) return std::nullopt;
  return share;
}

std::string KeyShare::text() const {
  std::string text = fmt::format("{}.{:02}", hundredths_ / 100, hundredths_ % 100);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + '%';
}

// The upper half of the hash, since its remainder is the key's group (cep/value/key.h): each group
// then has its part of every share.
bool KeyShare::has_in_part(std::string_view key_bytes) const {
  if (key_bytes.empty()) return false;
  const std::uint64_t upper = XXH3_64bits(key_bytes.data(), key_bytes.size()) >> 32;
  return (upper * kWhole) >> 32 < hundredths_;
}
}  // namespace tocsin::cep
