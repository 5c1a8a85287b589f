#include "api/backtest/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>

#include "rules/text/human_text.h"

namespace tocsin::api {
namespace {
constexpr double kWidth = 720;
constexpr double kHeight = 120;
constexpr double kAxis = 18;   // for labels below the bars
constexpr double kTop = 14;    // for the largest count
constexpr double kLabel = 80;  // that a label takes at most
constexpr double kGapShare = 0.15;
}  // namespace

std::string escape_html(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string bar_chart(std::string_view title, const std::vector<ChartBar>& bars) {
  if (bars.empty()) return "";
  const std::uint64_t most = std::ranges::max_element(bars, {}, &ChartBar::count)->count;
  const double step = kWidth / static_cast<double>(bars.size());
  std::string svg = fmt::format(
      R"(<svg viewBox="0 0 {:.0f} {:.0f}" role="img" aria-label="{}"><text x="0" y="{:.0f}">{}</text>)",
      kWidth, kTop + kHeight + kAxis, escape_html(title), kTop - 4, rules::format_count(most));
  double labelled_to = 0;
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const double share =
        most == 0 ? 0 : static_cast<double>(bars[i].count) / static_cast<double>(most);
    const double x = static_cast<double>(i) * step;
    const std::string label = escape_html(bars[i].label);
    svg += fmt::format(
        R"(<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"><title>{}: {}</title></rect>)",
        x + step * kGapShare / 2, kTop + kHeight * (1 - share), step * (1 - kGapShare),
        kHeight * share, label, rules::format_count(bars[i].count));
    const double room = std::min(kLabel, 12 + 7 * static_cast<double>(bars[i].label.size()));
    if (x < labelled_to || x + room > kWidth) continue;
    svg += fmt::format(R"(<text x="{:.2f}" y="{:.0f}">{}</text>)", x, kTop + kHeight + kAxis - 4,
                       label);
    labelled_to = x + room;
  }
  return svg + "</svg>";
}
}  // namespace tocsin::api
