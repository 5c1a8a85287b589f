/// The countries of generated payments.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace tocsin::api {
struct Country {
  std::string_view code;
  std::string_view currency;
  std::uint8_t home_weight;      // of accounts at home there
  std::uint8_t merchant_weight;  // of merchants there, and of shopping there from abroad
};
/// The first ones are near each other, from kFarCountries on they are a long flight away.
inline constexpr std::array<Country, 16> kCountries = {{
    {"DE", "EUR", 22, 20},
    {"GB", "GBP", 16, 18},
    {"FR", "EUR", 15, 14},
    {"ES", "EUR", 11, 10},
    {"IT", "EUR", 11, 10},
    {"PL", "PLN", 8, 6},
    {"NL", "EUR", 7, 9},
    {"SE", "SEK", 5, 5},
    {"CH", "CHF", 3, 4},
    {"PT", "EUR", 2, 3},
    {"US", "USD", 4, 16},
    {"BR", "BRL", 1, 3},
    {"TH", "THB", 1, 3},
    {"ZA", "ZAR", 1, 2},
    {"AU", "AUD", 1, 3},
    {"SG", "SGD", 1, 4},
}};
inline constexpr std::uint8_t kFarCountries = 10;
}  // namespace tocsin::api
