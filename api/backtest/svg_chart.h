/// Charts as inline SVG: readable without script, style sheet or font of its own.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tocsin::api {
/// `text` with what HTML gives a meaning written as entities; for text and for attributes in double
/// quotes.
std::string escape_html(std::string_view text);

struct ChartBar {
  std::string label;  // below the bar, if there is room, and when the pointer is over it
  std::uint64_t count = 0;
};
/// Bars of equal width, from 0 on; `title` is what a screen reader says. Empty where there is no
/// bar.
std::string bar_chart(std::string_view title, const std::vector<ChartBar>& bars);
}  // namespace tocsin::api
