/// A stable share of all keys: which keys are in it depends on their bytes alone, so that a key is
/// in the share of every rule or of none, on every machine, and a larger share has all keys of a
/// smaller one.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tocsin::cep {
class KeyShare {
 public:
  /// All keys, and what has no key too.
  KeyShare() = default;
  /// Reads "10%", "0.5%", "2.25%": more than 0 and at most 100, with at most two decimals. Nothing
  /// for any other text.
  static std::optional<KeyShare> parse(std::string_view text);
  /// As parse() reads it, without zeros at the end.
  std::string text() const;

  /// Whether every key of `other` is in it too.
  bool has_all_of(KeyShare other) const { return hundredths_ >= other.hundredths_; }
  bool is_whole() const { return hundredths_ == kWhole; }
  /// Whether a key of these bytes (cep/value/key.h) is in it; no key, which is no bytes, is in the
  /// whole alone.
  bool has(std::string_view key_bytes) const { return is_whole() || has_in_part(key_bytes); }
  friend bool operator==(KeyShare, KeyShare) = default;

 private:
  bool has_in_part(std::string_view key_bytes) const;

  static constexpr std::uint32_t kWhole = 10'000;
  std::uint32_t hundredths_ = kWhole;  // of a percent
};
}  // namespace tocsin::cep
